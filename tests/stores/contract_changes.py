"""What a change of an order can say beside its values: what was read, that it is an intent, which parcels begin with it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from stores.contracts import REFUNDED_LINES, Orders
from stores.errors import BadItem
from stores.records import ParcelState, Progress, RefundState
from tests.stores.contract_orders import HOUR, T0, a_change, a_new, a_parcel, number, results


def told(n: int, expect: int = 1, was: Progress = Progress.CREATED, **values: Any) -> Any:
    return a_change(n, expect, was=was, **values)


class ChangesContract:
    """Inherited per engine."""

    def test_a_change_that_says_what_was_read_writes_the_same_as_one_that_does_not(self, orders: Orders) -> None:
        orders.add([a_new(1), a_new(2)], run_id="r1")
        values = {"to": Progress.AUDITED, "facts": {"n": 1}, "set": {"attempt": 3}, "open_lines": {"warehouse": "w1"}}
        [read] = orders.apply([a_change(1, **values)], run_id="r2")
        [said] = orders.apply([told(2, **values)], run_id="r2")
        assert (read.result, read.version) == (said.result, said.version) == ("done", 2)
        one, two = orders.load([number(1), number(2)]).values()
        assert (one.order.progress, one.order.attempt, one.ship_lines[0].warehouse) == ("audited", 3, "w1")
        assert (two.order.progress, two.order.attempt, two.ship_lines[0].warehouse) == ("audited", 3, "w1")
        steps = [[replace(s, ref="") for s in orders.history(number(n))] for n in (1, 2)]
        assert steps[0] == steps[1]

    def test_of_changes_that_say_what_was_read_a_stale_one_writes_nothing_and_stops_no_other(
        self, orders: Orders
    ) -> None:
        orders.add([a_new(n) for n in range(1, 8)], run_id="r1")
        orders.apply([a_change(3, set={"attempt": 9}), a_change(7, set={"attempt": 9})], run_id="r2")
        batch = [told(n, to=Progress.AUDITED) for n in range(1, 7)]
        got = orders.apply([*batch, told(7, 2, to=Progress.AUDITED), told(9)], run_id="r3")
        assert results(got) == [
            ("done", ""), ("done", ""), ("changed", ""), ("done", ""), ("done", ""), ("done", ""), ("done", ""),
            ("refused", "unknown_order"),
        ]  # fmt: skip
        heads = orders.heads([number(n) for n in range(1, 8)])
        assert [o.progress == Progress.AUDITED for o in heads.values()] == [n != 3 for n in range(1, 8)]
        assert [s.reason for s in orders.history(number(3))] == ["pushed", "audit.ok"]

    @pytest.mark.parametrize("many", [1, 6])
    def test_a_change_that_says_what_was_read_needs_its_claim(self, orders: Orders, many: int) -> None:
        orders.add([a_new(n) for n in range(1, many + 1)], run_id="r1")
        token = orders.claim(Progress.CREATED, limit=9, lease_s=60, worker="a").token
        foreign = [told(n, to=Progress.AUDITED, token="other") for n in range(1, many + 1)]
        assert {o.result for o in orders.apply(foreign, run_id="r2")} == {"lost"}
        mine = [replace(x, token=token) for x in foreign]
        assert {o.result for o in orders.apply(mine, run_id="r2")} == {"done"}

    def test_an_intent_raises_the_version_and_is_no_step(self, orders: Orders) -> None:
        orders.add([a_new(1)], run_id="r1")
        intent = told(1, set={"attempt": 1, "intent": (("w1", "sku-1", 2),)}, recorded=False)
        assert orders.apply([intent], run_id="r2")[0].version == 2
        assert orders.apply([replace(intent, expect=1)], run_id="r2")[0].result == "changed"
        assert orders.heads([number(1)])[number(1)].intent == (("w1", "sku-1", 2),)
        orders.apply([told(1, 2, to=Progress.AUDITED)], run_id="r3")
        assert [(s.version, s.to_state) for s in orders.history(number(1))] == [(1, "created"), (3, "audited")]

    @pytest.mark.parametrize("says", [True, False])
    def test_parcels_begin_with_the_change_of_their_one_order(self, orders: Orders, says: bool) -> None:
        orders.add([a_new(n) for n in range(1, 4)], run_id="r1")
        parcel = a_parcel(1, 1, state=ParcelState.PLANNED, ship_by=T0 + HOUR)
        values = {"to": Progress.MERGED, "reason": "merge.window", "facts": {"why": "w"}}
        change = a_change(1, parcels=(parcel,), was=Progress.CREATED if says else None, **values)
        assert results(orders.apply([change], run_id="r2")) == [("done", "")]
        assert orders.parcels(["P001"]) == {"P001": parcel}
        [step] = orders.history("P001")
        assert (step.to_state, step.reason, step.facts, step.version) == ("planned", "merge.window", {"why": "w"}, 1)
        taken = replace(change, order_no=number(2), parcels=(a_parcel(1, 2),))
        free = replace(change, order_no=number(3), parcels=(a_parcel(3, 3),))
        assert results(orders.apply([taken, free], run_id="r3")) == [("refused", "parcel_taken"), ("done", "")]
        assert orders.heads([number(2)])[number(2)].version == 1
        assert orders.parcels(["P001"]) == {"P001": parcel}

    def test_a_parcel_of_several_orders_comes_with_no_change(self, orders: Orders) -> None:
        orders.add([a_new(1), a_new(2)], run_id="r1")
        with pytest.raises(BadItem, match="one order only"):
            orders.apply([told(1, parcels=(a_parcel(1, 1, 2),))], run_id="r2")
        assert orders.heads([number(1)])[number(1)].version == 1
        assert orders.parcels(["P001"]) == {}

    def test_what_need_not_last_at_once_is_there_and_secured(self, orders: Orders) -> None:
        orders.add([a_new(1)], run_id="r1")
        orders.apply([told(1, to=Progress.AUDITED)], run_id="r2", lasting=False)
        orders.secure()
        assert orders.heads([number(1)])[number(1)].progress == Progress.AUDITED

    def test_parts_of_the_head_are_read_on_wish(self, orders: Orders) -> None:
        orders.add([a_new(1, goods_minor=900, payable_minor=1000, platform_status="PAID", doc_hash="h")], run_id="r1")
        whole = orders.load([number(1)])[number(1)].order
        assert (whole.goods_minor, whole.payable_minor, whole.platform_status) == (900, 1000, "PAID")
        bare = orders.load([number(1)], parts=())[number(1)].order
        assert bare == replace(
            whole, goods_minor=0, freight_minor=0, tax_minor=0, charges_minor=0, adjust_minor=0, paid_minor=0, refunded_minor=0,
            subsidy_minor=0, receivable_minor=0, adjustments=(), platform_status="", doc_hash="", marks=(),
        )  # fmt: skip
        [claimed] = orders.claim(Progress.CREATED, limit=1, lease_s=9, worker="a", parts={"amounts"}).orders
        assert (claimed.order.goods_minor, claimed.order.doc_hash) == (900, "")

    def test_lines_with_a_refund_are_read_alone_on_wish(self, orders: Orders) -> None:
        new = a_new(1)
        second = replace(new.lines[0], line_no=2, refund_state=RefundState.ASKED)
        orders.add([replace(new, lines=(*new.lines, second)), a_new(2)], run_id="r1")
        found = orders.load([number(1), number(2)], parts={REFUNDED_LINES})
        assert [f.lines for f in found.values()] == [(second,), ()]
