"""oms report"""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from jobs.reporting.documents import SECTIONS
from tests.commands.conftest import Shell
from tests.commands.day import SHOP

At = Callable[[str], Shell]
DAY = "2026-03-01"


@pytest.fixture
def oms(at: At) -> Shell:
    """The day's office with its orders shipped, and counted."""
    shell = at("shipped")
    assert shell("report", "refresh").code == 0
    return shell


def test_a_day_is_one_document_with_every_section(oms: Shell) -> None:
    told = oms("report", "daily", "--day", DAY, "--json").document
    assert set(SECTIONS) <= set(told)
    [total] = told["totals"]
    heads = oms("order", "list", "--limit", "500", "--json").lines
    mine = [h for h in heads if h["ordered_at"] >= "2026-02-28T16" and h["ordered_at"] < "2026-03-01T16"]
    assert (total["currency"], total["orders"]) == ("CNY", len(mine))
    assert total["payable_minor"] == sum(h["payable_minor"] for h in mine)
    assert total["shipped"] == told["waits"][0]["orders"] > 0
    assert {s["shop"] for s in told["shops"]} == {SHOP}


def test_a_day_is_read_as_tables(oms: Shell) -> None:
    said = oms("report", "daily", "--day", DAY)
    titles = [line[2:] for line in said.out.splitlines() if line.startswith("# ")]
    assert said.code == 0
    assert titles[:5] == ["totals", "shops", "skus", "funnel", "waits"]
    assert "orders as of 2026-03-" in said.out.splitlines()[0]
    assert "differences: no statements yet" in said.out
    assert "100.0 % proven" in said.out or "% proven" in said.out


def test_one_section_is_shown_alone_and_an_unknown_one_is_refused(oms: Shell) -> None:
    said = oms("report", "daily", "--day", DAY, "--section", "hours").out.splitlines()
    assert [line for line in said if line.startswith("# ")] == ["# hours"]
    assert said[2].split("\t")[:3] == ["hour", "platform", "currency"]
    wrong = oms("report", "daily", "--day", DAY, "--section", "nothing", "--csv", "x.csv")
    assert wrong.code == 2
    assert "totals" in wrong.err
    assert not (oms.folder / "x.csv").exists()


def test_an_empty_day_says_so_and_ends_well(oms: Shell) -> None:
    said = oms("report", "daily", "--day", "2020-01-01")
    assert (said.code, "nothing was ordered" in said.out) == (0, True)
    assert oms("report", "daily", "--day", "2020-01-01", "--json").document["empty"] is True


def test_before_the_first_count_it_says_what_to_type(at: At) -> None:
    said = at("pushed")("report", "daily")
    assert said.code == 0
    assert "no order was counted yet" in said.out
    assert "oms report refresh" in said.err


def test_a_week_is_monday_to_sunday(oms: Shell) -> None:
    told = oms("report", "weekly", "--week", "2026-W09", "--json").document
    assert (told["kind"], told["since"], told["until"]) == ("weekly", "2026-02-23", "2026-03-01")
    assert sum(t["orders"] for t in told["totals"]) == sum(d["orders"] for d in told["days"])


def test_globs_that_match_nothing_are_refused(oms: Shell) -> None:
    assert oms("report", "daily", "--day", DAY, "--shop", f"{SHOP[:2]}*", "--json").document["shop_names"] == [SHOP]
    assert oms("report", "daily", "--shop", "nope").code == 32
    assert oms("report", "weekly", "--platform", "nope*").code == 32
    assert oms("report", "daily", "--day", "someday").code == 2


def test_a_section_as_csv_is_the_section_as_json_with_amounts_in_decimals(oms: Shell) -> None:
    said = oms("report", "daily", "--day", DAY, "--section", "shops", "--csv", "shops.csv", "--json")
    with (oms.folder / "shops.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, told in zip(rows, said.document["shops"], strict=True):
        assert (row["shop"], int(row["orders"])) == (told["shop"], told["orders"])
        assert int(row["paid"].replace(".", "")) == told["paid_minor"]


def test_a_spreadsheet_has_a_sheet_for_each_section_and_no_formula(oms: Shell) -> None:
    assert oms("report", "weekly", "--week", "2026-W09", "--xlsx", "week.xlsx").code == 0
    told = oms("report", "weekly", "--week", "2026-W09", "--json").document
    book = openpyxl.load_workbook(oms.folder / "week.xlsx")
    assert book.sheetnames == list(SECTIONS)
    for sheet in book:
        assert sheet.max_row - 1 == len(told[sheet.title] or [])
        assert not [c for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    assert oms("report", "daily", "--xlsx", "day.ods").code == 2


def test_texts_that_begin_like_formulas_stay_texts(oms: Shell) -> None:
    from jobs.reporting import tables
    from tests.reports.market import SKUS

    assert "=SKU-3" in SKUS
    report = _with_sku(oms, '=HYPERLINK("http://x")')
    tables.write_csv(oms.folder / "s.csv", report, "skus")
    tables.write_book(oms.folder / "s.xlsx", report)
    assert "'=HYPERLINK" in (oms.folder / "s.csv").read_text(encoding="utf-8-sig")
    cell = openpyxl.load_workbook(oms.folder / "s.xlsx")["skus"]["A2"]
    assert (cell.data_type, cell.value) == ("s", '=HYPERLINK("http://x")')


def _with_sku(oms: Shell, sku: str) -> Any:
    import msgspec

    import jobs

    with jobs.open(oms.folder / "oms.toml") as office:
        report = office.report_daily(day=DAY)
    first = msgspec.structs.replace(report.skus[0], sku=sku)
    return msgspec.structs.replace(report, skus=(first, *report.skus[1:]))


def test_a_page_is_written_whole_and_its_path_is_told(oms: Shell) -> None:
    said = oms("report", "page", "--day", DAY, "--lang", "zh", "--out", "day.html")
    assert (said.code, said.out) == (0, "day.html\n")
    text = (oms.folder / "day.html").read_text(encoding="utf-8")
    assert "经营日报" in text
    assert "default-src 'none'" in text
    assert oms("report", "page", "--out", "x.html", "--json").document["page"] == "x.html"
    for wrong in (("--lang", "xx"), ("--day", DAY, "--week", "last"), ("--week", "nonsense")):
        assert oms("report", "page", "--out", "wrong.html", *wrong).code == 2
    assert not (oms.folder / "wrong.html").exists()


def test_refreshing_again_reads_nothing_and_a_rebuild_finds_nothing_wrong(oms: Shell) -> None:
    assert oms("report", "refresh", "--json").document["counts"].get("orders", 0) == 0
    said = oms("report", "refresh", "--rebuild", "--json")
    assert (said.code, said.document["outcome"]) == (0, "done")
    assert said.document["counts"]["compared"] > 20


def test_no_report_holds_anything_personal(oms: Shell) -> None:
    assert oms("report", "page", "--day", DAY, "--out", "day.html").code == 0
    told = oms("report", "daily", "--day", DAY, "--json").out + (oms.folder / "day.html").read_text(encoding="utf-8")
    number = oms("order", "list", "--limit", "1", "--json").lines[0]["order_no"]
    person = oms("order", "show", number, "--reveal", "--json").document["receiver"]
    assert person["cipher"] or person["name"]
    assert [v for k, v in person.items() if isinstance(v, str) and len(v) > 3 and k != "zip" and v in told] == []
