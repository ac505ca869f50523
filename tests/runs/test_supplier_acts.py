"""Bills of suppliers once they are booked: jobs/supplier_acts.py."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from jobs import supplier_acts, supplier_bills
from jobs.env import Env
from jobs.errors import BadMove, BadRequest, UnknownThing
from tests.suppliers import NOVEMBER, at, give_back, open_house, prices, ship

BILL = "ACME/2026-10/1"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_house(tmp_path)
    prices(made, "ACME,SKU-1,CNY,1000,2026-01-01,")
    order = ship(made, qty=3)
    give_back(made, order, good=1)
    at(made, NOVEMBER)
    yield made
    made.close()


def book(env: Env) -> None:
    supplier_bills.bill(env, period="2026-10", plan_out=env.root / "plan.json")
    supplier_bills.bill(env, apply=env.root / "plan.json", by="ann")


def adjust(env: Env, amount: int, reason: str = "late delivery", **more: str) -> dict[str, int]:
    said = {"currency": "CNY", "by": "ann"} | more
    return supplier_acts.adjust(env, "ACME", "2026-10", amount, reason=reason, **said).counts


def test_adjustments_go_both_ways_and_stand_on_the_bill_with_their_reasons(env: Env) -> None:
    assert adjust(env, -300) == {"adjusted": 1}
    assert adjust(env, 50, "samples") == {"adjusted": 1}
    assert adjust(env, 5, currency="USD") == {"adjusted": 1}
    book(env)
    shown = supplier_acts.show(env, BILL)
    assert shown["bill"].totals == {"CNY": 1750, "USD": 5}
    told = {(x.amount_minor, x.reason) for x in shown["lines"] if x.kind == "adjustment"}
    assert told == {(-300, "late delivery"), (50, "samples"), (5, "late delivery")}


def test_the_same_adjustment_typed_again_adds_nothing_unless_it_has_a_key_of_its_own(env: Env) -> None:
    adjust(env, -300)
    assert adjust(env, -300) == {"same": 1}
    assert adjust(env, -300, key="second") == {"adjusted": 1}
    assert len(env.settlement.adjustments()) == 2


def test_a_booked_period_takes_no_adjustment(env: Env) -> None:
    book(env)
    with pytest.raises(BadMove) as refused:
        adjust(env, -300)
    assert refused.value.hint == f"oms settle supplier undo {BILL}"


@pytest.mark.parametrize(
    ("amount", "reason", "currency", "period"),
    [(0, "x", "CNY", "2026-10"), (1, " ", "CNY", "2026-10"), (1, "x", "yuan", "2026-10"), (1, "x", "CNY", "soon")],
)
def test_an_adjustment_that_says_nothing_is_refused(
    env: Env, amount: int, reason: str, currency: str, period: str
) -> None:
    with pytest.raises(BadRequest):
        supplier_acts.adjust(env, "ACME", period, amount, reason=reason, currency=currency, by="ann")


def test_a_supplier_nobody_knows_is_refused(env: Env) -> None:
    with pytest.raises(UnknownThing):
        supplier_acts.adjust(env, "NONE", "2026-10", 1, reason="x", currency="CNY", by="ann")


def test_undo_restores_the_books_until_the_bill_is_confirmed(env: Env) -> None:
    adjust(env, -300)
    before = [row for row in env.settlement.dump() if row[0] not in ("fences", "supplier_bills")]
    book(env)
    assert supplier_acts.undo(env, [BILL], by="bob", reason="wrong").counts == {"undone": 1}
    assert [row for row in env.settlement.dump() if row[0] not in ("fences", "supplier_bills")] == before
    book(env)
    second = "ACME/2026-10/2"
    assert supplier_acts.confirm(env, [second], by="bob").counts == {"confirmed": 1}
    assert supplier_acts.confirm(env, [second], by="bob").counts == {"same": 1}
    result = supplier_acts.undo(env, [second], by="bob")
    assert [(i.did, i.reason) for i in result.items] == [("refused", "confirmed")]
    assert [b.state for b in supplier_acts.listing(env, supplier="ACME")] == ["undone", "confirmed"]


def test_who_did_what_is_on_record(env: Env) -> None:
    adjust(env, -300)
    book(env)
    supplier_acts.undo(env, [BILL], by="bob", reason="wrong price")
    acts = [
        row["act"] for table, row in env.ledger.dump() if table == "audit_trail" and row["act"].startswith("supplier_")
    ]
    assert acts == ["supplier_prices", "supplier_adjust", "supplier_bill", "supplier_undo"]


def test_a_bill_is_exported_so_that_no_cell_becomes_a_formula(env: Env) -> None:
    adjust(env, -300, reason="=HYPERLINK(1)")
    book(env)
    for name in ("bill.csv", "bill.xlsx"):
        assert supplier_acts.export(env, BILL, out=env.root / name).counts == {"rows": 2}
    with (env.root / "bill.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(r["kind"], r["amount_minor"], r["reason"]) for r in rows] == [
        ("goods", "2000", ""), ("adjustment", "-300", "'=HYPERLINK(1)"),
    ]  # fmt: skip
    book_file = openpyxl.load_workbook(env.root / "bill.xlsx")
    assert book_file.active["L3"].data_type == "s"
    book_file.close()


def test_every_movement_of_a_bill_is_exported_as_its_evidence(env: Env) -> None:
    book(env)
    assert supplier_acts.export(env, BILL, out=env.root / "moves.csv", moves=True).counts == {"rows": 2}
    with (env.root / "moves.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(r["kind"], r["qty"], r["day"], r["price_minor"]) for r in rows] == [
        ("ship", "3", "2026-10-05", "1000"), ("return", "-1", "2026-10-05", "1000"),
    ]  # fmt: skip
    assert len({r["order_no"] for r in rows}) == 1


def test_an_unknown_bill_is_refused(env: Env) -> None:
    for act in (supplier_acts.confirm, supplier_acts.undo):
        with pytest.raises(UnknownThing):
            act(env, ["ACME/2026-10/9"], by="ann")
    with pytest.raises(UnknownThing):
        supplier_acts.export(env, "ACME/2026-10/9", out=env.root / "x.csv")
