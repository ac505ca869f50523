"""oms settle supplier"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import Shell

PRICES = "supplier,sku,currency,price_minor,valid_from,valid_to\nACME,SKU-1,CNY,1000,2026-01-01,\n"


@pytest.fixture
def office(shell: Shell) -> Shell:
    (shell.folder / "prices.csv").write_text(PRICES, encoding="utf-8")
    assert shell("settle", "supplier", "prices", "prices.csv", "--by", "ann").code == 0
    return shell


def test_prices_are_imported_and_listed(office: Shell) -> None:
    said = office("settle", "supplier", "prices", "--on", "2026-10-05", "--json")
    assert [(p["sku"], p["price_minor"]) for p in said.lines] == [("SKU-1", 1000)]
    assert office("settle", "supplier", "prices", "--sku", "SKU-2", "--json").lines == []


def test_a_file_and_a_filter_do_not_go_together(office: Shell) -> None:
    assert office("settle", "supplier", "prices", "prices.csv", "--sku", "SKU-1").code == 2


def test_a_bad_row_ends_with_3_and_goes_to_the_error_file(office: Shell) -> None:
    (office.folder / "more.csv").write_text(PRICES.replace("1000", "x"), encoding="utf-8")
    said = office("settle", "supplier", "prices", "more.csv", "--json")
    assert said.code == 3
    assert said.document["items"][0]["reason"] == "bad_price"
    assert Path("more.errors.csv").exists()


def test_an_adjustment_alone_makes_a_bill_that_goes_its_whole_way(office: Shell) -> None:
    words = ("settle", "supplier")
    said = office(*words, "adjust", "ACME", "2025-10", "--amount", "-1250", "--reason", "late", "--by", "ann", "--json")
    assert said.document["items"] == [] and said.document["counts"] == {"adjusted": 1}
    said = office(*words, "bill", "--period", "2025-10", "--plan", "bills.json", "--json")
    assert [i["ref"] for i in said.document["items"]] == ["ACME/2025-10/1"]
    assert office(*words, "bill", "--apply", "bills.json", "--by", "ann").code == 0
    assert office(*words, "list", "--state", "booked", "--json").lines[0]["totals"] == {"CNY": -1250}
    shown = office(*words, "show", "ACME/2025-10/1", "--json").document
    assert shown["lines"][0]["reason"] == "late"
    assert office(*words, "export", "ACME/2025-10/1", "--out", "bill.csv").code == 0
    assert "late" in Path("bill.csv").read_text(encoding="utf-8")
    assert office(*words, "undo", "ACME/2025-10/1", "--reason", "wrong", "--by", "ann").code == 0
    assert office(*words, "bill", "--period", "2025-10", "--plan", "bills.json").code == 0
    assert office(*words, "bill", "--apply", "bills.json").code == 0
    assert office(*words, "confirm", "ACME/2025-10/2").code == 0
    assert office(*words, "undo", "ACME/2025-10/2").code == 3


def test_an_unknown_bill_ends_with_its_code(office: Shell) -> None:
    said = office("settle", "supplier", "show", "ACME/2025-10/9", "--json")
    assert said.code == 32
    assert said.told["hint"] == "oms settle supplier list"
