"""oms settle"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.commands.conftest import Shell

SAMPLES = Path(__file__).parent.parent / "settlement" / "samples"
ALL = ("--account", "tmall-one", "--period", "2026-03-01")


@pytest.fixture
def settled(oms: Shell) -> Shell:
    """An office without orders into which a day's ledger was imported."""
    shutil.copy(SAMPLES / "taobao.csv", oms.folder / "ledger.csv")
    assert oms("settle", "platform", "ledger.csv", *ALL, "--json").document["counts"]["only_theirs"] == 4
    return oms


def test_a_ledger_is_imported_and_what_nobody_expects_stands_open(settled: Shell) -> None:
    shown = settled("settle", "show", "--period", "2026-03-01", "--json").document
    assert {(r["class"], r["currency"], r["lines"]) for r in shown["classes"]} == {
        ("only_theirs", "CNY", 4), ("not_an_order", "CNY", 7),
    }  # fmt: skip
    assert [p["state"] for p in shown["periods"]] == ["matched"]
    assert settled("settle", "show").code == 0
    rows = settled("settle", "show", "--class", "only_theirs", "--json").lines
    assert {r["kind"] for r in rows} == {"goods", "refund", "subsidy"}


def test_the_same_file_again_says_that_it_is_known(settled: Shell) -> None:
    again = settled("settle", "platform", "ledger.csv", *ALL, "--json")
    assert (again.code, again.document["counts"]) == (0, {"known": 1, "files_known": 1})


def test_rows_that_cannot_be_read_are_written_out_and_make_the_run_partial(oms: Shell) -> None:
    text = (SAMPLES / "taobao.csv").read_bytes().replace(b"209.00,", b"2o9.00,")
    (oms.folder / "ledger.csv").write_bytes(text)
    said = oms("settle", "platform", "ledger.csv", *ALL, "--no-match", "--errors", "bad.csv", "--json")
    assert (said.code, said.document["items"][0]["reason"]) == (3, "amount")
    assert "2o9.00" in (oms.folder / "bad.csv").read_text(encoding="utf-8-sig")


def test_open_items_get_owner_and_reason_and_then_the_period_closes_by_plan(settled: Shell) -> None:
    said = settled("settle", "confirm", *ALL, "--plan", "close.json", "--json")
    assert said.document["facts"]["hash"]
    assert settled("settle", "confirm", *ALL, "--apply", "close.json", "--by", "li", "--json").code == 31
    assigned = settled(
        "settle", "assign", *ALL, "--class", "only_theirs", "--owner", "wang", "--reason", "orders of another system", "--by", "li", "--json",
    )  # fmt: skip
    assert assigned.document["counts"] == {"assigned": 4}
    done = settled("settle", "confirm", *ALL, "--apply", "close.json", "--by", "li", "--json")
    assert done.document["counts"] == {"confirmed": 1}
    assert settled("settle", "undo", "--account", "tmall-one", "--act", "2", "--by", "li").code == 31


def test_acts_are_listed_and_taken_back(settled: Shell) -> None:
    assert [a["kind"] for a in settled("settle", "acts", "--json").lines] == ["match", "import"]
    undone = settled("settle", "undo", *ALL, "--all", "--by", "li", "--json")
    assert undone.document["counts"] == {"undone": 2}
    assert settled("settle", "show", "--json").document["classes"] == []
    assert [a["state"] for a in settled("settle", "acts", "--json").lines] == ["undone", "undone"]


def test_a_recheck_without_anything_due_is_quiet(settled: Shell) -> None:
    said = settled("settle", "recheck", "--json")
    assert (said.code, said.document.get("counts", {})) == (0, {})


def test_suggestions_that_are_not_there_are_refused(settled: Shell) -> None:
    assert settled("settle", "decide", "--accept", "x", "--plan", "p.json", "--json").code == 32
    assert settled("settle", "decide", "--json").code == 2


def test_a_period_is_exported_as_csv_and_xlsx(settled: Shell) -> None:
    for name in ("out.csv", "out.xlsx"):
        said = settled("settle", "export", *ALL, "--out", name, "--json")
        assert said.document["counts"]["rows"] == 11 and (settled.folder / name).exists()


def test_layouts_are_listed_with_those_of_ones_own(oms: Shell) -> None:
    names = [x["name"] for x in oms("settle", "layouts", "--json").lines]
    assert {"taobao", "jd", "douyin", "wechat_shop", "pdd", "amazon"} <= set(names)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("platform", "nothing.csv", *ALL), 33),
        (("platform", "ledger.csv", "--account", "nobody", "--period", "2026-03-01"), 32),
        (("platform", "ledger.csv", "--account", "tmall-one", "--period", "march"), 2),
        (("confirm", *ALL), 2),
        (("assign", "--owner", "x"), 2),
        (("undo", "--account", "jd-one", "--by", "li"), 32),
    ],
)
def test_words_that_do_not_fit_are_told_with_their_code(settled: Shell, words: tuple[str, ...], code: int) -> None:
    assert settled("settle", *words, "--json").code == code
