"""A day comes of its seed alone, adds up, and holds every kind of life the product has to cope with."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from adapters.sandbox.making import Made
from adapters.sandbox.state import Order
from adapters.sandbox.wire import from_iso
from tests.sandbox.callers import make


def lived(**wish: object) -> Made:
    """A day that has gone by in steps of an hour."""
    made = make(**{"orders": 1200, **wish})
    while made.world.now < made.world.end:
        made.world.advance(made.world.now + 3600)
    made.world.advance(made.world.end + 12 * 3600)
    return made


@pytest.fixture(scope="module")
def day() -> Made:
    return lived()


def events(made: Made, name: str) -> list[dict[str, Any]]:
    return [e for e in made.world.book.of("event", event=name) if e.get("happened", True)]


def orders(made: Made) -> list[Order]:
    return list(made.world.orders.values())


def test_the_same_seed_gives_the_same_day() -> None:
    one, other = lived(orders=200, faults="all", seed=7), lived(orders=200, faults="all", seed=7)
    assert one.world.book.entries == other.world.book.entries
    assert one.world.all_orders() == other.world.all_orders()
    assert one.goods == other.goods


def test_the_steps_of_the_clock_do_not_matter() -> None:
    steps, leap = lived(orders=120, seed=3), make(orders=120, seed=3)
    leap.world.advance(steps.world.now)
    assert steps.world.all_orders() == leap.world.all_orders()


def test_another_seed_gives_another_day() -> None:
    one, other = make(orders=50, seed=1), make(orders=50, seed=2)
    for made in (one, other):
        made.world.advance(made.world.end)
    assert one.world.all_orders() != other.world.all_orders()


def test_one_more_platform_changes_nothing_on_the_others() -> None:
    alone = make(orders=40, platforms=("taobao",))
    both = make(orders=80, platforms=("taobao", "jd"))
    for made in (alone, both):
        made.world.advance(made.world.end)
    tmall = [o for o in both.world.all_orders() if o["platform"] == "taobao"]
    assert [o["order"] for o in tmall] == [o["order"] for o in alone.world.all_orders()]


def test_the_clock_never_goes_back(day: Made) -> None:
    with pytest.raises(ValueError, match="does not go back"):
        day.world.advance(day.world.now - 1)


def test_every_order_adds_up_to_the_fen(day: Made) -> None:
    for order in orders(day):
        discounts = order.shop_off + order.platform_off + order.talent_off
        assert order.goods + order.freight - discounts + order.adjust == order.payable
        assert sum(x.freight for x in order.lines) == order.freight
        assert all(x.paid >= 0 for x in order.lines)
        assert sum(x.paid for x in order.lines) + order.freight == order.payable


def test_bundles_share_their_whole_value(day: Made) -> None:
    shares: Counter[tuple[str, str]] = Counter()
    for row in day.world.catalogue.rows():
        shares[str(row["platform"]), str(row["listing"])] += int(row["share"])
    assert set(shares.values()) == {100}
    rows = Counter((r["platform"], r["listing"]) for r in day.world.catalogue.rows())
    assert max(rows.values()) >= 2


def test_every_listing_without_a_row_has_its_sku_as_code(day: Made) -> None:
    rows = {(r["platform"], r["listing"]) for r in day.world.catalogue.rows()}
    skus = {s.sku for s in day.world.catalogue.skus}
    plain = [x for many in day.world.catalogue.listings.values() for x in many if (x.platform, x.listing) not in rows]
    assert len(plain) > 100
    assert all(x.code in skus and x.pieces(2) == {x.code: 2} for x in plain)


def test_every_kind_of_life_occurs(day: Made) -> None:
    for name in (
        "paid",
        "deposit",
        "released",
        "cancelled",
        "settled",
        "address",
        "remark",
        "memo",
        "line_closed",
        "refund_asked",
        "refund_step",
        "refund_withdrawn",
        "refunded",
    ):
        assert events(day, name), name
    assert {o.cancel for o in orders(day)} >= {"timeout", "buyer", "refunded"}
    late = [o for o in orders(day) if o.paid_at - o.created > 180 and not o.presale]
    assert len(late) > 20
    assert any(o.hold == "group_unfinished" or e for o in orders(day) for e in [o.hold]) or events(day, "released")


def test_unpaid_orders_close_when_their_time_is_up(day: Made) -> None:
    timeouts = [o for o in orders(day) if o.cancel == "timeout"]
    assert timeouts
    assert {o.ended_at - o.created for o in timeouts} == {1800}


def test_buyers_order_again_for_the_same_place_within_minutes(day: Made) -> None:
    places: dict[tuple[str, str], list[int]] = {}
    for order in orders(day):
        places.setdefault((order.platform, order.receiver.key), []).append(order.created)
    near = [
        1 for times in places.values() for a, b in zip(sorted(times), sorted(times)[1:], strict=False) if b - a < 600
    ]
    assert len(near) > 100


def test_some_orders_fall_on_the_very_edge_of_a_window(day: Made) -> None:
    assert len([o for o in orders(day) if o.created % 600 == 0]) > 10


def test_a_town_under_its_province_has_no_city(day: Made) -> None:
    assert any(o.receiver.city == "" and o.receiver.district == "济源市" for o in orders(day))


def test_opening_stock_covers_demand_but_for_two_skus(day: Made) -> None:
    demand: Counter[str] = Counter()
    for order in orders(day):
        for line in order.lines:
            demand.update(line.listing.pieces(line.qty))
    short = [g["sku"] for g in day.goods if sum(g["opening"].values()) < demand[g["sku"]]]
    assert len(short) == 2
    assert all(len(g["opening"]) == 3 for g in day.goods)


def test_the_book_tells_every_order_with_its_money(day: Made) -> None:
    told = {(e["platform"], e["order"]): e for e in day.world.book.of("order")}
    assert told.keys() == day.world.orders.keys()
    entry = next(iter(told.values()))
    assert from_iso(entry["created"]) >= day.world.start
    assert sum(x["paid"] for x in entry["lines"]) + entry["money"]["freight"] == entry["money"]["payable"]


def test_the_book_holds_no_name_and_no_phone(day: Made) -> None:
    text = str(day.world.book.entries)
    assert not any(o.receiver.phone in text or o.receiver.detail in text for o in orders(day))


def test_refunds_before_shipping_close_what_they_pay_back(day: Made) -> None:
    for (platform, _), refund in day.world.refunds.items():
        order = day.world.orders[platform, refund.order_no]
        lines = [x for x in order.lines if x.refund_no == refund.no]
        if refund.status == "done" and refund.kind == "before_shipping":
            assert lines
            assert all(x.closed and x.refund == "full" for x in lines)
            assert refund.amount in (sum(x.paid for x in lines), sum(x.paid for x in lines) + order.freight)
        if refund.status in ("closed", "refused"):
            assert lines == []
    whole = [o for o in orders(day) if o.cancel == "refunded"]
    assert whole
    for order in whole:
        paid_back = sum(
            day.world.refunds[order.platform, no].amount
            for no in order.refunds
            if day.world.refunds[order.platform, no].status == "done"
        )
        assert paid_back == order.payable
