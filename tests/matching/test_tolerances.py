"""Tolerance rules as data: what a file may say, and how a wrong one is refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadFile
from jobs.matching.tolerances import NONE, Rule, parse, read

GOOD = """\
version = "2026-11"
day_cut_minutes = 15

[[rule]]
id = "late"
priority = 5
platform = ["taobao", "jd"]
amount_from = 0
amount_to = 0
days_before = 0
days_after = 30

[[rule]]
id = "fee-rounding"
priority = 1
kind = ["fee", "commission"]
currency = "CNY"
amount_from = -1
amount_to = 1
days_before = 1
days_after = 3
percent_bp = 50
class = "amount_differs"
"""


def test_a_file_gives_its_rules_by_priority() -> None:
    rules = parse(GOOD)
    assert rules.version == "2026-11"
    assert rules.day_cut_ms == 15 * 60_000
    assert rules.ids == ("fee-rounding", "late")
    assert rules.find("fee-rounding") == Rule(
        "fee-rounding", 1, (), ("fee", "commission"), ("CNY",), -1, 1, 1, 3, 50, "amount_differs"
    )
    assert rules.find("none") is None


def test_the_same_in_json_is_the_same_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text(json.dumps(tomllib.loads(GOOD)), encoding="utf-8")
    (tmp_path / "rules.toml").write_text(GOOD, encoding="utf-8")
    one, other = read(tmp_path / "rules.json"), read(tmp_path / "rules.toml")
    assert one == other
    assert one.hash == other.hash != NONE.hash


def test_rules_are_asked_for_by_platform() -> None:
    rules = parse(GOOD)
    assert rules.of("jd").ids == ("fee-rounding", "late")
    assert rules.of("pdd").ids == ("fee-rounding",)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('version = "2026-11"', "version = 3", 1, 'write version = "2026-11"'),
        ("day_cut_minutes = 15", "day_cut_minutes = 1000", 2, "from 0 to 720"),
        ("day_cut_minutes = 15", "colour = 1", 2, "'colour' is not known"),
        ('id = "fee-rounding"', 'id = "late"', 14, "used twice"),
        ('id = "fee-rounding"', "", 13, "write id ="),
        ("amount_from = -1", "amount_from = 2", 19, "amount_to is below amount_from"),
        ("amount_from = -1", "", 13, "amount_from is missing"),
        ("amount_to = 1", "amount_to = 0.5", 19, "amount_to must be a whole number of minor units"),
        ("days_after = 3\n", "days_after = -3\n", 21, "days_after must be from 0 to 3650"),
        ("percent_bp = 50", "percent_bp = 0.5", 22, "basis points"),
        ('class = "amount_differs"', 'class = "fine"', 23, "matched, amount_differs"),
        ('kind = ["fee", "commission"]', "kind = []", 16, 'write kind = "*"'),
        ("percent_bp = 50", 'when = "delta < 5"', 22, "'when' is not known in a rule"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_what_to_write(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    head, _, tail = GOOD.rpartition(old)
    with pytest.raises(BadFile) as refused:
        parse(head + new + tail, name="rules.toml")
    assert f"rules.toml: line {line}: " in str(refused.value)
    assert words in str(refused.value)


def test_a_wrong_rule_in_json_is_refused_with_its_line() -> None:
    held: dict[str, Any] = tomllib.loads(GOOD)
    held["rule"][1]["days_before"] = "one"
    text = json.dumps(held, indent=1)
    number = 1 + next(n for n, row in enumerate(text.splitlines()) if '"one"' in row)
    with pytest.raises(BadFile, match=f"line {number}: days_before"):
        parse(text, json_text=True)


@pytest.mark.parametrize(
    "text", ["version = ", "[[rule]\n", 'version = "a"\nrule = 3\n', 'version = "a"\n[rule]\nid = "x"\n']
)
def test_what_is_no_table_of_rules_is_refused(text: str) -> None:
    with pytest.raises(BadFile):
        parse(text)


def test_a_list_in_json_is_refused() -> None:
    with pytest.raises(BadFile, match="line 1"):
        parse("[]", json_text=True)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        read(tmp_path / "none.toml")
