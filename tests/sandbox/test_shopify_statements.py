"""Shopify's statements: what its balance tells is what the world did."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.sandbox import traits
from adapters.sandbox.statements.rules import books
from tests.sandbox.callers import make
from tests.sandbox.test_shopify import lived

BALANCE = """query B($first: Int!, $after: String, $q: String) { shopifyPaymentsAccount { balanceTransactions(first: $first, after: $after, query: $q) {
  pageInfo { hasNextPage endCursor } nodes { id type amount { amount } fee { amount } net { amount } associatedOrder { id } }
} } }"""


def test_balance_transactions_are_the_charges_and_refunds_of_days_that_are_over() -> None:
    caller = lived(orders=40)
    assert caller.ask(BALANCE, first=250)["shopifyPaymentsAccount"]["balanceTransactions"]["nodes"] == []
    caller.world.advance(caller.world.end + 12 * 3600)
    caller.token()
    rows: list[Any] = []
    after = None
    while True:
        page = caller.ask(BALANCE, first=7, after=after)["shopifyPaymentsAccount"]["balanceTransactions"]
        rows += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    def cents(row: Any, name: str) -> int:
        return round(float(row[name]["amount"]) * 100)

    assert all(cents(r, "amount") - cents(r, "fee") == cents(r, "net") for r in rows)
    paid = [o for o in caller.world.orders.values() if o.paid_at and o.paid_at < caller.world.end]
    assert {r["associatedOrder"]["id"]: cents(r, "amount") for r in rows if r["type"] == "CHARGE"} == {
        f"gid://shopify/Order/{o.no}": o.payable for o in paid
    }
    done = [r for r in caller.world.refunds.values() if r.status == "done" and r.done_at < caller.world.end]
    assert sorted(cents(r, "net") for r in rows if r["type"] == "REFUND") == sorted(-r.amount for r in done)


def test_a_statement_can_be_told_wrongly_with_orders_that_never_were() -> None:
    world = make(platforms=("shopify",), orders=60, differences=1.0).world
    world.advance(world.end + 12 * 3600)
    assert world.statements.days
    assert "fee" not in {p.name for p in world.statements.planted}, "there is no rate to hold it against"
    extra = {p.order for p in world.statements.planted if p.name == "extra"}
    assert extra and not extra & {no for _, no in world.orders}


@pytest.mark.parametrize("platform", [p for p in traits.names() if books(p)])
def test_numbers_of_orders_that_never_were_lie_beyond_all_others(platform: str) -> None:
    known = traits.find(platform)
    assert known.first_never > max(known.first_order, known.first_script) + 10**9


def test_a_platform_without_statements_has_nothing_planted() -> None:
    other = next(p for p in traits.names() if not books(p))
    world = make(platforms=(other,), orders=60, differences=1.0).world
    world.advance(world.end + 12 * 3600)
    assert world.statements.days and world.statements.planted == []
