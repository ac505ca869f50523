"""settle supplier: jobs/supplier_bills.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs import supplier_acts, supplier_bills
from jobs.env import Env
from jobs.errors import BadRequest, PlanOutdated
from jobs.results import Result
from tests.suppliers import NOVEMBER, at, give_back, open_house, prices, ship

DECEMBER = datetime(2026, 12, 2, tzinfo=UTC)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_house(tmp_path)
    yield made
    made.close()


def plan(env: Env, period: str = "2026-10", name: str = "plan.json") -> Path:
    supplier_bills.bill(env, period=period, plan_out=env.root / name)
    return env.root / name


def book(env: Env, period: str = "2026-10") -> Result:
    return supplier_bills.bill(env, apply=plan(env, period), by="ann")


def lines(env: Env, bill_no: str) -> list[tuple[Any, ...]]:
    found = supplier_acts.show(env, bill_no)["lines"]
    return [(x.kind, x.sku, x.price_minor, x.shipped, x.returned, x.defective, x.amount_minor) for x in found]


def test_a_bill_is_what_left_less_what_came_back(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,", "BOLT,SKU-2,CNY,70,2026-01-01,")
    order = ship(env, qty=5)
    ship(env, "SKU-2", 3)
    give_back(env, order, good=1, defective=1)
    at(env, NOVEMBER)
    assert {i.ref: i.did for i in book(env).items} == {"ACME/2026-10/1": "booked", "BOLT/2026-10/1": "booked"}
    assert lines(env, "ACME/2026-10/1") == [("goods", "SKU-1", 1000, 5, 1, 1, 3000)]
    assert lines(env, "BOLT/2026-10/1") == [("goods", "SKU-2", 70, 3, 0, 0, 210)]
    assert [b.totals for b in supplier_acts.listing(env)] == [{"CNY": 3000}, {"CNY": 210}]


def test_the_day_in_the_business_zone_decides_price_and_period(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,2026-10-31", "ACME,SKU-1,CNY,1100,2026-11-01,")
    at(env, datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC))
    ship(env)
    at(env, datetime(2026, 10, 31, 16, 0, tzinfo=UTC))
    ship(env, qty=2)
    at(env, DECEMBER)
    book(env)
    book(env, "2026-11")
    assert lines(env, "ACME/2026-10/1") == [("goods", "SKU-1", 1000, 1, 0, 0, 1000)]
    assert lines(env, "ACME/2026-11/1") == [("goods", "SKU-1", 1100, 2, 0, 0, 2200)]


def test_what_comes_back_is_credited_at_the_price_it_was_charged(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,2026-10-31", "BOLT,SKU-1,CNY,1100,2026-11-01,")
    order, other = ship(env, qty=2), ship(env)
    give_back(env, other, good=1)
    at(env, NOVEMBER)
    book(env)
    give_back(env, order, good=1)
    at(env, DECEMBER)
    book(env, "2026-11")
    assert lines(env, "ACME/2026-10/1") == [("goods", "SKU-1", 1000, 3, 1, 0, 2000)]
    assert lines(env, "ACME/2026-11/1") == [("goods", "SKU-1", 1000, 0, 1, 0, -1000)]


def test_pieces_without_a_price_are_parked_and_charged_once_the_price_is_there(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-10-20,")
    ship(env, qty=2)
    ship(env, "SKU-3")
    at(env, NOVEMBER)
    result = supplier_bills.bill(env, period="2026-10", plan_out=env.root / "plan.json")
    assert [(i.ref, i.did, i.reason) for i in result.items if i.did == "parked"] == [
        ("SKU-1", "parked", "no_price"), ("SKU-3", "parked", "unknown_supplier"),
    ]  # fmt: skip
    assert result.exit_code == 3
    supplier_bills.bill(env, apply=env.root / "plan.json", by="ann")
    assert lines(env, "ACME/2026-10/1") == [("parked", "SKU-1", 0, 2, 0, 0, 0)]
    prices(env, "ACME,SKU-1,CNY,900,2026-10-01,2026-10-19", name="more.csv")
    at(env, DECEMBER)
    book(env, "2026-11")
    (line,) = supplier_acts.show(env, "ACME/2026-11/1")["lines"]
    assert (line.shipped, line.late_qty, line.amount_minor) == (2, 2, 1800)


def test_what_left_before_the_first_bill_of_a_supplier_is_not_charged(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,")
    ship(env, qty=7)
    at(env, NOVEMBER)
    ship(env)
    at(env, DECEMBER)
    book(env, "2026-11")
    assert lines(env, "ACME/2026-11/1") == [("goods", "SKU-1", 1000, 1, 0, 0, 1000)]


def test_a_plan_is_applied_once(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,")
    ship(env)
    at(env, NOVEMBER)
    path = plan(env)
    supplier_bills.bill(env, apply=path, by="ann")
    before = [row for row in env.settlement.dump() if row[0] != "fences"]
    again = supplier_bills.bill(env, apply=path, by="ann")
    assert [(i.did, i.reason) for i in again.items] == [("skipped", "plan_applied")]
    assert [row for row in env.settlement.dump() if row[0] != "fences"] == before
    supplier_acts.undo(env, ["ACME/2026-10/1"], by="ann")
    once_more = supplier_bills.bill(env, apply=path, by="ann")
    assert [(i.did, i.reason) for i in once_more.items] == [("skipped", "plan_used")]
    assert [i.ref for i in book(env).items] == ["ACME/2026-10/2"]


def test_a_plan_whose_books_have_changed_is_skipped(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,")
    ship(env)
    at(env, NOVEMBER)
    path = plan(env)
    prices(env, "ACME,SKU-1,CNY,1001,2026-01-01,")
    result = supplier_bills.bill(env, apply=path, by="ann")
    assert [(i.did, i.reason) for i in result.items] == [("skipped", "changed_since")]
    assert supplier_acts.listing(env) == []


def test_a_plan_that_was_changed_is_refused(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,")
    ship(env)
    at(env, NOVEMBER)
    path = plan(env)
    held = json.loads(path.read_text(encoding="utf-8"))
    held["items"][0]["totals"]["CNY"] = 1
    path.write_text(json.dumps(held), encoding="utf-8")
    with pytest.raises(PlanOutdated):
        supplier_bills.bill(env, apply=path, by="ann")


def test_a_second_bill_of_a_period_is_not_planned_and_charges_nothing_twice(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,")
    ship(env)
    at(env, NOVEMBER)
    book(env)
    assert supplier_bills.bill(env, period="2026-10").items == []
    at(env, DECEMBER)
    assert supplier_bills.bill(env, period="2026-11").items == []


def test_only_the_chosen_suppliers_are_billed(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,", "BOLT,SKU-2,CNY,70,2026-01-01,")
    ship(env)
    ship(env, "SKU-2")
    at(env, NOVEMBER)
    assert [i.ref for i in supplier_bills.bill(env, period="2026-10", suppliers=["BO*"]).items] == ["BOLT/2026-10/1"]


def test_totals_are_kept_per_currency(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,", "ACME,SKU-2,USD,70,2026-01-01,")
    ship(env)
    ship(env, "SKU-2")
    at(env, NOVEMBER)
    book(env)
    assert supplier_acts.listing(env)[0].totals == {"CNY": 1000, "USD": 70}


@pytest.mark.parametrize("period", ["2026-13", "2026", "October", "2026-10-32", "2026-12"])
def test_a_period_that_is_none_or_not_over_is_refused(env: Env, period: str) -> None:
    at(env, NOVEMBER)
    with pytest.raises(BadRequest):
        supplier_bills.bill(env, period=period)


def test_words_that_do_not_fit_together_are_refused(env: Env) -> None:
    for words in (
        {},
        {"period": "2026-10", "apply": Path("x")},
        {"apply": Path("x"), "suppliers": ["A"]},
        {"apply": Path("x")},
    ):
        with pytest.raises(BadRequest):
            supplier_bills.bill(env, **words)  # type: ignore[arg-type]


def test_a_killed_booking_is_finished_by_the_next(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    prices(env, "ACME,SKU-1,CNY,1000,2026-01-01,", "BOLT,SKU-2,CNY,70,2026-01-01,")
    ship(env)
    ship(env, "SKU-2")
    at(env, NOVEMBER)
    path = plan(env)
    real = env.settlement.add_bill

    def cut(bill: Any, *rest: Any, **more: Any) -> Any:
        if bill.supplier == "BOLT":
            raise KeyboardInterrupt
        return real(bill, *rest, **more)

    monkeypatch.setattr(env.settlement, "add_bill", cut)
    with pytest.raises(KeyboardInterrupt):
        supplier_bills.bill(env, apply=path, by="ann")
    monkeypatch.undo()
    again = supplier_bills.bill(env, apply=path, by="ann")
    assert [(i.ref, i.did) for i in again.items] == [("ACME/2026-10/1", "skipped"), ("BOLT/2026-10/1", "booked")]
