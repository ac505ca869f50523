"""What every order engine must do. An engine's test gives the fixtures `orders` and `clock` and inherits the class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from stores.contracts import Change, NewOrder, OrderQuery, Orders
from stores.errors import BadItem
from stores.records import (
    Adjustment,
    Edit,
    Hold,
    Line,
    Mark,
    Membership,
    Order,
    Parcel,
    ParcelState,
    Progress,
    Receiver,
    Refund,
    RefundKind,
    RefundLine,
    RefundState,
    RefundStatus,
    Region,
    ShipLine,
)
from tests.stores.clocks import FixedClock

T0 = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RECEIVER = Receiver(name="王小明", phone="13800001111", address="解放路一号", zip="310000", cipher="oaid-1")


def number(n: int) -> str:
    return f"ORDER{n:032d}"


def an_order(n: int, **values: Any) -> Order:
    base = Order(
        order_no=number(n), platform="taobao", seller_id="s1", shop="flag", platform_order_no=f"T{n}",
        progress=Progress.CREATED, payable_minor=1000, merge_confirm=True, region=Region(province="浙江省", city="杭州市"),
        flags=("gift", "presale"), marks=(Mark(field="lines[0].qty", why="not_sent"),),
        adjustments=(Adjustment(kind="coupon", minor=-50, borne_by="platform"),), intent=(("w1", "sku-1", 2),),
        ordered_at=T0 + n * HOUR, paid_at=T0, doc_modified_at=T0, created_at=T0, changed_at=T0,
    )  # fmt: skip
    return replace(base, **values)


def a_new(n: int, *, holds: tuple[Hold, ...] = (), search: tuple[tuple[str, str], ...] = (), **values: Any) -> NewOrder:
    order = an_order(n, **values)
    no = order.order_no
    line = Line(
        order_no=no, line_no=1, platform_line_no="1", listing_id="L1", qty=2, unit_minor=500, paid_minor=1000, gift=True
    )
    ship = ShipLine(order_no=no, ship_no=1, line_no=1, sku="sku-1", qty=2, value_minor=1000)
    return NewOrder(
        order=order, lines=(line,), ship_lines=(ship,), receiver=RECEIVER, buyer_remark="请快点", seller_remark="vip",
        holds=holds, search=search, facts={"from": "inbox"},
    )  # fmt: skip


def a_hold(n: int, code: str = "audit.remark", **values: Any) -> Hold:
    return replace(Hold(order_no=number(n), code=code, since=T0, facts={"word": "改地址"}), **values)


def a_parcel(n: int, *members: int, **values: Any) -> Parcel:
    base = Parcel(
        parcel_no=f"P{n:03d}", shop="flag", platform="taobao", warehouse="w1", state=ParcelState.PLANNING,
        members=tuple(number(m) for m in members), created_at=T0, changed_at=T0,
    )  # fmt: skip
    return replace(base, **values)


def a_refund(n: int, order: int, **values: Any) -> tuple[Refund, tuple[RefundLine, ...]]:
    base = Refund(
        refund_no=f"R{n:03d}", order_no=number(order), platform="taobao", seller_id="s1", shop="flag",
        platform_refund_no=f"F{n}", kind=RefundKind.RETURN, status=RefundStatus.ASKED, amount_minor=500, asked_at=T0,
        doc_modified_at=T0, marks=(Mark(field="reason", why="not_sent"),), created_at=T0, changed_at=T0,
    )  # fmt: skip
    refund = replace(base, **values)
    return refund, (RefundLine(refund_no=refund.refund_no, order_no=number(order), line_no=1, qty=1, amount_minor=500),)


def a_change(n: int, expect: int = 1, **values: Any) -> Change:
    return replace(Change(order_no=number(n), expect=expect, reason="audit.ok"), **values)


def results(outcomes: list[Any]) -> list[tuple[str, str]]:
    return [(o.result, o.reason) for o in outcomes]


class OrdersContract:
    """Inherited per engine."""

    # --- adding

    def test_an_added_order_comes_back_as_it_was(self, orders: Orders) -> None:
        new = a_new(1, ship_by=T0 + 5 * HOUR)
        assert results(orders.add([new], run_id="r1")) == [("done", "")]
        full = orders.load([number(1), number(9)])
        assert list(full) == [number(1)]
        assert full[number(1)].order == new.order
        assert full[number(1)].lines == new.lines
        assert full[number(1)].ship_lines == new.ship_lines
        assert (full[number(1)].buyer_remark, full[number(1)].seller_remark) == ("请快点", "vip")
        assert orders.heads([number(1)]) == {number(1): new.order}
        assert orders.receivers([number(1), number(9)]) == {number(1): RECEIVER}

    def test_adding_writes_the_first_step(self, orders: Orders, clock: FixedClock) -> None:
        orders.add([a_new(1)], run_id="r1")
        (step,) = orders.history(number(1))
        assert (step.version, step.from_state, step.to_state, step.reason, step.run_id) == (
            1,
            "",
            "created",
            "pushed",
            "r1",
        )
        assert (step.facts, step.at) == ({"from": "inbox"}, clock.now())

    def test_adding_again_is_already_and_another_identity_is_refused(self, orders: Orders) -> None:
        orders.add([a_new(1)], run_id="r1")
        again = orders.add(
            [a_new(1, payable_minor=7), a_new(1, platform_order_no="X"), a_new(2), a_new(2)], run_id="r2"
        )
        assert results(again) == [("already", ""), ("refused", "number_clash"), ("done", ""), ("already", "")]
        assert orders.heads([number(1)])[number(1)].payable_minor == 1000
        assert len(orders.history(number(1))) == 1

    def test_a_bad_row_leaves_nothing_of_the_batch(self, orders: Orders) -> None:
        bad = a_new(2)
        with pytest.raises(BadItem):
            orders.add([a_new(1), replace(bad, lines=bad.lines * 2)], run_id="r1")
        assert orders.heads([number(1), number(2)]) == {}
        assert orders.history(number(1)) == []

    # --- changing

    def test_a_change_writes_columns_parts_and_history_in_one_step(self, orders: Orders, clock: FixedClock) -> None:
        orders.add([a_new(1)], run_id="r1")
        clock.advance(60)
        ship = ShipLine(order_no=number(1), ship_no=1, line_no=1, sku="sku-2", qty=2, warehouse="w1", parcel_no="P001")
        values = {
            "ship_by": T0, "region": Region(city="宁波市"), "flags": ("cod",), "intent": (), "merge_confirm": False,
            "refund_state": RefundState.ASKED, "paid_at": None, "due_at": T0, "payable_minor": 3,
        }  # fmt: skip
        change = a_change(
            1, to=Progress.AUDITED, set=values, ship_lines=(ship,), memberships=(Membership(order_no=number(1), parcel_no="P001"),),
            receiver=Receiver(name="李四"), buyer_remark="新", facts={"rule": 3},
        )  # fmt: skip
        (outcome,) = orders.apply([change], run_id="r2")
        assert (outcome.result, outcome.version) == ("done", 2)
        full = orders.load([number(1)])[number(1)]
        expected = replace(an_order(1), progress=Progress.AUDITED, version=2, changed_at=clock.now(), **values)
        assert full.order == expected
        assert full.ship_lines == (ship,)
        assert full.memberships == (Membership(order_no=number(1), parcel_no="P001"),)
        assert (full.buyer_remark, full.seller_remark) == ("新", "vip")
        assert orders.receivers([number(1)])[number(1)].name == "李四"
        last = orders.history(number(1))[-1]
        assert (last.version, last.from_state, last.to_state, last.run_id) == (2, "created", "audited", "r2")
        assert (last.at, last.facts) == (clock.now(), {"rule": 3})

    def test_a_change_of_what_moved_meanwhile_writes_nothing(self, orders: Orders) -> None:
        orders.add([a_new(1), a_new(2)], run_id="r1")
        assert orders.apply([a_change(1, to=Progress.AUDITED)], run_id="r2")[0].ok
        stale = a_change(1, to=Progress.CANCELLED, hold=(a_hold(1),), buyer_remark="x", waiting=(), receiver=Receiver())
        got = orders.apply([stale, a_change(2, to=Progress.AUDITED), a_change(3)], run_id="r3")
        assert results(got) == [("changed", ""), ("done", ""), ("refused", "unknown_order")]
        assert got[0].version == 2
        full = orders.load([number(1)])[number(1)]
        assert (full.order.progress, full.order.version, full.holds, full.buyer_remark) == (
            Progress.AUDITED,
            2,
            (),
            "请快点",
        )
        assert orders.receivers([number(1)])[number(1)] == RECEIVER
        assert [s.version for s in orders.history(number(1))] == [1, 2]
        assert [s.version for s in orders.history(number(2))] == [1, 2]

    def test_two_changes_of_one_order_in_a_batch_do_not_both_pass(self, orders: Orders) -> None:
        orders.add([a_new(1)], run_id="r1")
        got = orders.apply([a_change(1, set={"attempt": 1}), a_change(1, set={"reroutes": 1})], run_id="r2")
        assert [(o.result, o.version) for o in got] == [("done", 2), ("changed", 2)]
        order = orders.heads([number(1)])[number(1)]
        assert (order.attempt, order.reroutes, order.version) == (1, 0, 2)

    @pytest.mark.parametrize("name", ["order_no", "progress", "version", "held", "platform_order_no", "nonsense"])
    def test_what_a_change_may_not_set_is_a_bad_item(self, orders: Orders, name: str) -> None:
        orders.add([a_new(1)], run_id="r1")
        with pytest.raises(BadItem, match=name):
            orders.apply([a_change(1, set={name: 5})], run_id="r2")
        assert orders.heads([number(1)])[number(1)] == an_order(1)

    def test_a_bad_part_undoes_the_whole_batch(self, orders: Orders) -> None:
        orders.add([a_new(1), a_new(2)], run_id="r1")
        ship = ShipLine(order_no=number(2), ship_no=1, line_no=1, sku="sku-1", qty=1, shipped_qty=2)
        with pytest.raises(BadItem):
            orders.apply([a_change(1, to=Progress.AUDITED), a_change(2, ship_lines=(ship,))], run_id="r2")
        assert [o.version for o in orders.heads([number(1), number(2)]).values()] == [1, 1]
        assert len(orders.history(number(1))) == 1

    # --- claims

    def test_claims_are_disjoint_in_order_of_the_latest_time_to_ship(self, orders: Orders) -> None:
        orders.add(
            [a_new(1), a_new(2, ship_by=T0 + HOUR), a_new(3, ship_by=T0), a_new(4, progress=Progress.UNPAID)],
            run_id="r1",
        )
        first = orders.claim(Progress.CREATED, limit=2, lease_s=60, worker="a")
        second = orders.claim(Progress.CREATED, limit=2, lease_s=60, worker="b")
        assert [f.order.order_no for f in first.orders] == [number(3), number(2)]
        assert [f.order.order_no for f in second.orders] == [number(1)]
        assert first.orders[0].lines
        assert first.token != second.token
        assert orders.claim(Progress.CREATED, limit=2, lease_s=60, worker="c").orders == ()

    def test_a_claim_leaves_out_held_orders_those_not_due_and_other_shops(
        self, orders: Orders, clock: FixedClock
    ) -> None:
        later = clock.now() + HOUR
        orders.add(
            [a_new(1, holds=(a_hold(1),)), a_new(2, due_at=later), a_new(3, shop="other"), a_new(4)], run_id="r1"
        )
        assert [
            f.order.order_no
            for f in orders.claim(Progress.CREATED, limit=9, lease_s=1, worker="a", shops=["flag"]).orders
        ] == [number(4)]
        clock.advance(3600)
        due = orders.claim(Progress.CREATED, limit=9, lease_s=1, worker="a", shops=["flag"])
        assert [f.order.order_no for f in due.orders] == [number(2), number(4)]

    def test_the_cursor_of_a_claim_passes_what_was_seen(self, orders: Orders) -> None:
        orders.add([a_new(n, ship_by=T0 if n == 4 else None) for n in range(1, 5)], run_id="r1")
        seen, after = [], None
        while True:
            claimed = orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="a", after=after)
            if not claimed.orders:
                break
            orders.unclaim(claimed.token)
            seen.append(claimed.orders[0].order.order_no)
            after = claimed.after
        assert seen == [number(4), number(1), number(2), number(3)]

    def test_an_expired_claim_goes_to_another_and_its_token_is_lost(self, orders: Orders, clock: FixedClock) -> None:
        orders.add([a_new(1)], run_id="r1")
        slow = orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="slow")
        clock.advance(59)
        assert orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="quick").orders == ()
        clock.advance(1)
        quick = orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="quick")
        assert len(quick.orders) == 1
        assert results(orders.apply([a_change(1, to=Progress.AUDITED, token=slow.token)], run_id="r2")) == [
            ("lost", "")
        ]
        assert results(orders.apply([a_change(1, to=Progress.AUDITED, token=quick.token)], run_id="r3")) == [
            ("done", "")
        ]
        assert results(orders.apply([a_change(1, 2, token=quick.token)], run_id="r3")) == [("lost", "")]

    def test_a_change_ends_its_claim_unless_it_keeps_it(self, orders: Orders) -> None:
        orders.add([a_new(1)], run_id="r1")
        token = orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="a").token
        assert orders.apply([a_change(1, set={"attempt": 1}, token=token, keep_claim=True)], run_id="r2")[0].ok
        assert orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="b").orders == ()
        assert orders.apply([a_change(1, 2, set={"attempt": 2}, token=token)], run_id="r2")[0].ok
        assert len(orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="b").orders) == 1

    def test_unclaiming_gives_back_only_that_claim(self, orders: Orders) -> None:
        orders.add([a_new(1), a_new(2)], run_id="r1")
        one = orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="a")
        orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="b")
        orders.unclaim(one.token)
        orders.unclaim("")
        again = orders.claim(Progress.CREATED, limit=9, lease_s=60, worker="c")
        assert [f.order.order_no for f in again.orders] == [number(1)]

    # --- holds

    def test_held_counts_the_open_holds(self, orders: Orders, clock: FixedClock) -> None:
        orders.add([a_new(1, holds=(a_hold(1),)), a_new(2)], run_id="r1")
        assert orders.heads([number(1)])[number(1)].held == 1
        orders.apply([a_change(1, hold=(a_hold(1, "refund"),)), a_change(2, hold=(a_hold(2),))], run_id="r2")
        assert [o.held for o in orders.heads([number(1), number(2)]).values()] == [2, 1]
        clock.advance(5)
        orders.apply([a_change(1, 2, release=("audit.remark", "never_there"))], run_id="r3")
        assert [o.held for o in orders.heads([number(1), number(2)]).values()] == [1, 1]
        holds = orders.holds(number(1))
        assert {h.code: h.released_at for h in holds} == {"audit.remark": clock.now(), "refund": None}
        assert list(orders.load([number(1)])[number(1)].holds) == holds

    def test_holding_again_replaces_the_facts_and_a_released_code_opens_anew(
        self, orders: Orders, clock: FixedClock
    ) -> None:
        orders.add([a_new(1, holds=(a_hold(1),))], run_id="r1")
        later = a_hold(1, since=T0 + HOUR, facts={"word": "b"}, owner="ann", until=T0 + 9 * HOUR)
        orders.apply([a_change(1, hold=(later,))], run_id="r2")
        assert orders.holds(number(1)) == [replace(later, since=T0)]
        clock.advance(60)
        orders.apply([a_change(1, 2, release=("audit.remark",), hold=(later,))], run_id="r3")
        assert orders.holds(number(1)) == [replace(later, since=T0, released_at=clock.now()), later]
        assert orders.heads([number(1)])[number(1)].held == 1

    def test_expired_holds_are_the_open_ones_whose_time_passed(self, orders: Orders, clock: FixedClock) -> None:
        soon = clock.now() + timedelta(seconds=10)
        orders.add(
            [
                a_new(1, holds=(a_hold(1, until=soon), a_hold(1, "forever"))),
                a_new(2, holds=(a_hold(2, until=soon + HOUR),)),
            ],
            run_id="r",
        )
        assert orders.expired_holds(limit=9) == []
        clock.advance(10)
        assert [(h.order_no, h.code) for h in orders.expired_holds(limit=9)] == [(number(1), "audit.remark")]
        orders.apply([a_change(1, release=("audit.remark",))], run_id="r2")
        assert orders.expired_holds(limit=9) == []

    # --- finding

    def test_finding_pages_by_the_time_of_order(self, orders: Orders) -> None:
        orders.add([a_new(n, ordered_at=T0 + (n // 2) * HOUR) for n in (5, 4, 3, 2, 1)], run_id="r1")
        first, after = orders.find(OrderQuery(), limit=2)
        second, after2 = orders.find(OrderQuery(), limit=2, after=after)
        third, end = orders.find(OrderQuery(), limit=2, after=after2)
        assert [o.platform_order_no for o in [*first, *second, *third]] == ["T1", "T2", "T3", "T4", "T5"]
        assert end is None
        assert orders.find(OrderQuery(), limit=5)[1] is None

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            (OrderQuery(shops=("other",)), [2]),
            (OrderQuery(platforms=("jd", "pdd")), [3]),
            (OrderQuery(progress=(Progress.AUDITED, Progress.SHIPPED)), [4]),
            (OrderQuery(held=True), [1]),
            (OrderQuery(held=False), [2, 3, 4]),
            (OrderQuery(hold_code="audit.remark"), [1]),
            (OrderQuery(flag="gift"), [1, 2, 3]),
            (OrderQuery(flag="gif"), []),
            (OrderQuery(since=T0 + 2 * HOUR, until=T0 + 4 * HOUR), [2, 3]),
            (OrderQuery(search=("phone", "h2")), [2]),
            (OrderQuery(search=("name", "h2")), []),
            (OrderQuery(platform_order_no="T3"), [3]),
            (OrderQuery(buyer_key="b4"), [4]),
            (OrderQuery(buyer_key="b4", shops=("other",)), []),
        ],
    )
    def test_all_given_conditions_must_hold(self, orders: Orders, query: OrderQuery, found: list[int]) -> None:
        orders.add(
            [
                a_new(1, holds=(a_hold(1), a_hold(1, "refund"))),
                a_new(2, shop="other", search=(("phone", "h2"), ("name", "h1"))),
                a_new(3, platform="jd"),
                a_new(4, progress=Progress.AUDITED, flags=("gifts",), buyer_key="b4"),
            ],
            run_id="r1",
        )
        assert [o.order_no for o in orders.find(query, limit=9)[0]] == [number(n) for n in found]

    def test_changed_search_hashes_replace_the_old_ones(self, orders: Orders) -> None:
        orders.add([a_new(1, search=(("phone", "old"),))], run_id="r1")
        orders.apply([a_change(1, search=(("phone", "new"),))], run_id="r2")
        assert orders.find(OrderQuery(search=("phone", "old")), limit=9)[0] == []
        assert len(orders.find(OrderQuery(search=("phone", "new")), limit=9)[0]) == 1

    def test_a_scan_meets_every_order_once(self, orders: Orders) -> None:
        orders.add(
            [a_new(n, progress=Progress.SHIPPED if n % 2 else Progress.CREATED) for n in range(1, 8)], run_id="r1"
        )
        batches = list(orders.scan(batch=3))
        assert [len(b) for b in batches] == [3, 3, 1]
        assert [f.order.order_no for b in batches for f in b] == [number(n) for n in range(1, 8)]
        shipped = [f.order.order_no for b in orders.scan(batch=2, progress=[Progress.SHIPPED]) for f in b]
        assert shipped == [number(n) for n in (1, 3, 5, 7)]

    def test_counts_and_the_oldest_of_each_progress(self, orders: Orders, clock: FixedClock) -> None:
        orders.add(
            [
                a_new(1, changed_at=T0 - HOUR),
                a_new(2),
                a_new(3, shop="b"),
                a_new(4, holds=(a_hold(4),), changed_at=T0 - 2 * HOUR),
            ],
            run_id="r",
        )
        orders.apply([a_change(3, to=Progress.AUDITED)], run_id="r2")
        assert orders.counts() == {("flag", "created"): 3, ("flag", "held"): 1, ("b", "audited"): 1}
        assert orders.oldest() == {"created": T0 - HOUR, "audited": clock.now()}

    def test_edits_are_kept_by_field(self, orders: Orders) -> None:
        edit = Edit(order_no=number(1), field="address", value="新地址", base="旧地址", at=T0, by="ann")
        other = replace(edit, field="remark", value="", base="")
        assert [o.result for o in orders.add_edits([edit, other])] == ["done", "done"]
        orders.add_edits([replace(edit, value="再改")])
        assert orders.edits([number(1), number(2)]) == {number(1): [replace(edit, value="再改"), other]}

    # --- whole store

    def test_the_dump_tells_everything_but_claims(self, orders: Orders) -> None:
        orders.add([a_new(2, search=(("name", "h"),)), a_new(1, holds=(a_hold(1),))], run_id="r1")
        orders.add_edits([Edit(order_no=number(1), field="address", value="新", base="旧", at=T0, by="ann")])
        orders.add_parcels([a_parcel(1, 1)], run_id="r1", reason="merge")
        orders.add_refunds([a_refund(1, 1)], run_id="r1", reason="pushed")
        before = list(orders.dump())
        orders.claim(Progress.CREATED, limit=9, lease_s=60, worker="a")
        assert list(orders.dump()) == before
        tables: dict[str, list[dict[str, Any]]] = {}
        for table, row in before:
            tables.setdefault(table, []).append(row)
        assert {t: len(r) for t, r in tables.items()} == {
            "orders": 2, "order_details": 2, "order_lines": 2, "ship_lines": 2, "history": 3, "order_holds": 1,
            "order_search": 1, "parcels": 1, "refunds": 1, "refund_lines": 1, "order_edits": 1,
            "order_feed": 2,
        }  # fmt: skip
        assert [r["order_no"] for r in tables["orders"]] == [number(1), number(2)]
        assert tables["orders"][0]["ship_by"] is None
        assert tables["order_details"][0]["receiver"]["name"] == "王小明"
        assert (tables["order_edits"][0]["value"], tables["order_edits"][0]["base"]) == ("新", "旧")

    def test_a_batch_of_five_hundred_goes_through_every_call(self, orders: Orders) -> None:
        numbers = [number(n) for n in range(500)]
        assert all(o.result == "done" for o in orders.add([a_new(n) for n in range(500)], run_id="r1"))
        claimed = orders.claim(Progress.CREATED, limit=500, lease_s=60, worker="a")
        assert [f.order.order_no for f in claimed.orders] == numbers
        got = orders.apply([a_change(n, to=Progress.AUDITED, token=claimed.token) for n in range(500)], run_id="r2")
        assert {o.version for o in got} == {2}
        assert len(orders.receivers(numbers)) == 500
