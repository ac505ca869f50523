"""The settlement page: its commands run, its layout and its rules are read, its words are those of the program."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from adapters.statements.layout import KINDS, load
from adapters.statements.reading import statements
from jobs.matching import tolerances
from jobs.settling_show import TITLES
from stores.records.settlement import CLASSES
from tests.commands.conftest import SETTINGS, Shell
from tests.docs.pages import blocks, typed
from tests.house.source import ROOT

PAGE = "docs/settlement.md"
[LAYOUT] = [b for b in blocks(PAGE, "toml") if "[fields]" in b.text]
[RULES] = [b for b in blocks(PAGE, "toml") if "[[rule]]" in b.text]
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def test_its_commands_lead_from_a_file_to_a_closed_period(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMALL_SECRET", "s")
    shell.settings(SETTINGS)
    shutil.copy(ROOT / "tests" / "settlement" / "samples" / "taobao.zip", shell.folder / "ledger.zip")
    for line in typed(PAGE):
        said = shell(*shlex.split(line)[1:])
        assert said.code == 0, f"{line}: {said.err}"
    shown = shell("settle", "show", "--json").document
    assert [p["state"] for p in shown["periods"]] == ["confirmed"]


def test_its_layout_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(LAYOUT.text, encoding="utf-8")
    rows = "Reference;Booked;Type;Gross;Fee;Net;Card holder\nWC-77;2026-09-05;Charge;10,00;0,35;9,65;Li\n"
    (tmp_path / "a.csv").write_text(rows, encoding="utf-8")
    lines, parked = [], []
    for found in statements(tmp_path / "a.csv", [load(tmp_path / "mine.toml")]):
        lines += [row for batch in found.batches() for row in batch]
        parked += found.parked
    assert [(row[1], row[2], row[5]) for row in lines] == [("goods", "77", 1_000), ("service_fee", "77", -35)]
    assert parked == [] and "Li" not in str(lines)


def test_its_rules_are_read() -> None:
    rules = tolerances.parse(RULES.text)
    assert rules.ids == ("cents",) and rules.day_cut_ms == 720 * 60_000


def test_it_explains_every_class_and_kind() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", TEXT, re.M))
    assert told == {name: TITLES[name] for name in CLASSES}
    assert all(kind in TEXT for kind in KINDS)
