"""What every settlement engine must do about suppliers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stores.contracts import Settlement
from stores.records.suppliers import (
    FOREVER,
    SupplierAdjustment,
    SupplierBill,
    SupplierFile,
    SupplierLine,
    SupplierMove,
    SupplierPrice,
)
from tests.stores.clocks import FixedClock


def price(
    clock: FixedClock, sku: str = "A", first: str = "2026-01-01", last: str = FOREVER, **other: Any
) -> SupplierPrice:
    held = {"supplier": "ACME", "currency": "CNY", "price_minor": 500} | other
    return SupplierPrice(sku=sku, valid_from=first, valid_to=last, changed_at=clock.at, **held)


def file(clock: FixedClock, hash: str = "h1") -> SupplierFile:
    return SupplierFile(hash=hash, name="prices.csv", row_count=1, at=clock.at, who="ann")


def bill(clock: FixedClock, number: int = 1, *, plan: str = "p1", period: str = "2026-10") -> SupplierBill:
    return SupplierBill(
        bill_no=f"ACME/{period}/{number}", supplier="ACME", period=period, round=number, start_at=clock.at,
        end_at=clock.at + timedelta(days=31), totals={"CNY": 1000}, move_count=1, plan_hash=plan, booked_at=clock.at,
        booked_by="ann", changed_at=clock.at, changed_by="ann",
    )  # fmt: skip


def lines(bill_no: str, *adjustments: str) -> list[SupplierLine]:
    goods = SupplierLine(
        bill_no=bill_no, line_no=1, kind="goods", sku="A", currency="CNY", price_minor=500, shipped=2, amount_minor=1000
    )
    return [goods] + [
        SupplierLine(bill_no=bill_no, line_no=n, kind="adjustment", currency="CNY", amount_minor=-5, adjustment_id=a)
        for n, a in enumerate(adjustments, 2)
    ]


def move(bill_no: str, seq: int = 7) -> SupplierMove:
    return SupplierMove(seq, bill_no, "A", "ORDER", "ship", 2, "CNY", 500, 1)


def adjustment(clock: FixedClock, name: str = "a1") -> SupplierAdjustment:
    return SupplierAdjustment(
        adjustment_id=name, supplier="ACME", period="2026-10", currency="CNY", amount_minor=-5, reason="late", who="ann", at=clock.at
    )  # fmt: skip


class SuppliersContract:
    """Inherit, and give `store` and `clock` fixtures."""

    def test_prices_are_found_by_day(self, store: Settlement, clock: FixedClock) -> None:
        both = [price(clock, last="2026-06-30"), price(clock, first="2026-07-01", price_minor=600)]
        assert store.put_prices(both, file=file(clock), token=1).result == "done"
        assert [p.price_minor for p in store.prices(on="2026-06-30")] == [500]
        assert [p.price_minor for p in store.prices(on="2026-07-01")] == [600]
        assert store.prices() == both
        assert store.prices(skus=["B"]) == store.prices(supplier="OTHER") == []

    def test_the_same_file_again_changes_nothing(self, store: Settlement, clock: FixedClock) -> None:
        store.put_prices([price(clock)], file=file(clock), token=1)
        before = list(store.dump())
        clock.advance(5)
        assert store.put_prices([price(clock)], file=file(clock), token=1).result == "already"
        assert list(store.dump()) == before

    def test_a_price_of_the_same_first_day_is_written_over(self, store: Settlement, clock: FixedClock) -> None:
        store.put_prices([price(clock)], file=file(clock), token=1)
        new = price(clock, last="2026-06-30", price_minor=450)
        assert (
            store.put_prices([new, price(clock, first="2026-07-01")], file=file(clock, "h2"), token=1).result == "done"
        )
        assert [p.price_minor for p in store.prices()] == [450, 500]

    @pytest.mark.parametrize("other", [{"supplier": "OTHER"}, {"currency": "USD"}, {"last": "2026-06-30"}])
    def test_two_prices_on_one_day_are_refused_with_both(
        self, store: Settlement, clock: FixedClock, other: dict[str, str]
    ) -> None:
        store.put_prices([price(clock)], file=file(clock), token=1)
        before = list(store.dump())
        outcome = store.put_prices([price(clock, first="2026-03-01", **other)], file=file(clock, "h2"), token=1)
        assert outcome.result == "refused"
        assert "A of ACME 2026-01-01…" in outcome.reason
        assert f"A of {other.get('supplier', 'ACME')} 2026-03-01…" in outcome.reason
        assert list(store.dump()) == before

    def test_an_outdated_lease_writes_nothing(self, store: Settlement, clock: FixedClock) -> None:
        store.put_prices([price(clock)], file=file(clock), token=5)
        before = list(store.dump())
        assert store.put_prices([price(clock, "B")], file=file(clock, "h2"), token=4).result == "lost"
        assert store.add_adjustment(adjustment(clock), token=4).result == "lost"
        assert store.add_bill(bill(clock), [], [], token=4).result == "lost"
        assert list(store.dump()) == before

    def test_a_bill_is_booked_once_with_its_lines_and_movements(self, store: Settlement, clock: FixedClock) -> None:
        head = bill(clock)
        assert store.add_bill(head, lines(head.bill_no), [move(head.bill_no)], token=1).result == "done"
        assert store.add_bill(head, lines(head.bill_no), [move(head.bill_no)], token=1).result == "already"
        assert store.bills() == [head]
        assert store.bill_lines(head.bill_no) == lines(head.bill_no)
        assert list(store.bill_moves(head.bill_no)) == [[move(head.bill_no)]]
        assert store.charged([6, 7]) == {7}
        assert store.shipped_prices([("ORDER", "A"), ("ORDER", "B")]) == {("ORDER", "A"): ("ACME", "CNY", 500)}
        assert store.first_billed() == {"ACME": head.start_at}

    def test_a_period_has_one_bill_and_a_movement_too(self, store: Settlement, clock: FixedClock) -> None:
        head = bill(clock)
        store.add_bill(head, lines(head.bill_no), [move(head.bill_no)], token=1)
        again = bill(clock, 2, plan="p2")
        assert store.add_bill(again, [], [], token=1).reason == f"has_bill:{head.bill_no}"
        other = bill(clock, plan="p3", period="2026-11")
        before = list(store.dump())
        assert store.add_bill(other, lines(other.bill_no), [move(other.bill_no)], token=1).reason == "charged"
        assert list(store.dump()) == before

    def test_undo_restores_the_books_and_its_plan_stays_used(self, store: Settlement, clock: FixedClock) -> None:
        store.add_adjustment(adjustment(clock), token=1)
        before = [row for row in store.dump() if row[0] != "supplier_bills"]
        head = bill(clock)
        store.add_bill(head, lines(head.bill_no, "a1"), [move(head.bill_no)], token=1)
        assert [a.bill_no for a in store.adjustments()] == [head.bill_no]
        assert store.undo_bill(head.bill_no, who="bob", token=1).result == "done"
        assert store.undo_bill(head.bill_no, who="bob", token=1).result == "already"
        assert [row for row in store.dump() if row[0] != "supplier_bills"] == before
        assert [(b.state, b.changed_by) for b in store.bills()] == [("undone", "bob")]
        assert store.first_billed() == {}
        assert store.add_bill(head, [], [], token=1).reason == "plan_used"
        assert store.add_bill(bill(clock, 2, plan="p2"), [], [], token=1).result == "done"

    def test_a_confirmed_bill_is_not_undone(self, store: Settlement, clock: FixedClock) -> None:
        head = bill(clock)
        store.add_bill(head, [], [], token=1)
        assert store.confirm_bill(head.bill_no, who="bob", token=1).result == "done"
        assert store.confirm_bill(head.bill_no, who="bob", token=1).result == "already"
        assert store.undo_bill(head.bill_no, who="bob", token=1).reason == "confirmed"
        assert store.bills(states=["confirmed"])[0].changed_by == "bob"
        assert store.undo_bill("none", who="bob", token=1).reason == "unknown"

    def test_an_adjustment_is_added_once_and_stands_on_one_bill(self, store: Settlement, clock: FixedClock) -> None:
        assert store.add_adjustment(adjustment(clock), token=1).result == "done"
        assert store.add_adjustment(adjustment(clock), token=1).result == "already"
        head = bill(clock)
        store.add_bill(head, lines(head.bill_no, "a1"), [], token=1)
        assert store.adjustments(supplier="ACME", period="2026-10", bill_no="") == []
        other = bill(clock, plan="p2", period="2026-11")
        assert store.add_bill(other, lines(other.bill_no, "a1"), [], token=1).reason == "adjustment_taken"
        assert store.add_adjustment(adjustment(clock, "a2"), token=1).reason == f"has_bill:{head.bill_no}"
