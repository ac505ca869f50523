"""What every engine of orders must do with merging, parcels and refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from stores.contracts import Orders, ParcelChange, RefundChange
from stores.records import (
    Membership,
    ParcelState,
    RefundKind,
    RefundStatus,
    Waiting,
)
from tests.stores.clocks import FixedClock
from tests.stores.contract_orders import HOUR, T0, a_change, a_new, a_parcel, a_refund, number, results


class ParcelsContract:
    """Inherit beside OrdersContract, with the same fixtures."""

    # --- merging

    def test_merge_keys_are_those_ready_or_pressing(self, orders: Orders) -> None:
        def wait(n: int, key: str, ends: int, ship_by: datetime | None = None) -> Waiting:
            since = T0 - n * HOUR
            end = T0 + ends * HOUR
            return Waiting(
                key=key,
                order_no=number(n),
                warehouse="w1",
                shop="flag",
                since=since,
                window_ends_at=end,
                ship_by=ship_by,
            )

        rows = [wait(1, "k1", 0), wait(2, "k1", 5), wait(3, "k2", 5, T0 + HOUR), wait(4, "k3", 5)]
        orders.add([a_new(n) for n in range(1, 5)], run_id="r1")
        orders.apply([a_change(n, waiting=(row,)) for n, row in enumerate(rows, 1)], run_id="r2")
        assert orders.merge_keys(ready_before=T0, press_before=T0 + HOUR, limit=9) == ["k1"]
        assert orders.merge_keys(ready_before=T0, press_before=T0 + 2 * HOUR, limit=9) == ["k1", "k2"]
        assert orders.merge_keys(ready_before=T0, press_before=T0 + 2 * HOUR, limit=1, after="k1") == ["k2"]
        assert orders.waiting(["k1", "none"]) == {"k1": [rows[1], rows[0]]}
        orders.apply([a_change(1, 2, set={"attempt": 1}), a_change(2, 2, waiting=())], run_id="r3")
        assert orders.waiting(["k1"]) == {"k1": [rows[0]]}

    # --- parcels

    def test_a_parcel_is_added_once_and_changed_by_its_version(self, orders: Orders, clock: FixedClock) -> None:
        parcel = a_parcel(1, 1, 2, ship_by=T0)
        added = orders.add_parcels(
            [parcel, a_parcel(2, 3)], run_id="r1", reason="merge.window", facts={"P001": {"n": 2}}
        )
        assert [o.result for o in added] == ["done", "done"]
        assert [o.result for o in orders.add_parcels([replace(parcel, carrier="x")], run_id="r1", reason="again")] == [
            "already"
        ]
        clock.advance(7)
        values = {"carrier": "SF", "waybill": "SF1", "members": (number(1),), "ship_by": None, "handover_no": "H1"}
        planned = ParcelChange(parcel_no="P001", expect=1, to=ParcelState.PLANNED, reason="merge.ok", set=values)
        unknown = replace(planned, parcel_no="P999")
        got = orders.apply_parcels(
            [planned, replace(planned, expect=2), unknown, replace(planned, parcel_no="P002", set={})], run_id="r2"
        )
        assert results(got) == [("done", ""), ("changed", ""), ("refused", "unknown_parcel"), ("done", "")]
        expected = replace(parcel, state=ParcelState.PLANNED, version=2, changed_at=clock.now(), **values)
        assert orders.parcels(["P001", "P999"]) == {"P001": expected}
        steps = [(s.version, s.from_state, s.to_state, s.reason, s.facts) for s in orders.history("P001")]
        # the intent is no step; a parcel that is planned at once begins with one
        assert steps == [(2, "planning", "planned", "merge.ok", {})]
        facts = {"P009": {"n": 2}}
        orders.add_parcels([a_parcel(9, 1, state=ParcelState.PLANNED)], run_id="r1", reason="merge.window", facts=facts)
        [step] = orders.history("P009")
        assert (step.version, step.from_state, step.to_state, step.facts) == (1, "", "planned", {"n": 2})
        stale = orders.apply_parcels([replace(planned, reason="late")], run_id="r3")
        assert [(o.result, o.version) for o in stale] == [("changed", 2)]

    def test_parcels_are_found_by_what_is_known_of_them(self, orders: Orders) -> None:
        void = a_parcel(3, 3, state=ParcelState.VOID, warehouse="w2", waybill="SF3", handover_no="H3", shop="b")
        orders.add_parcels([a_parcel(2, 2), void, a_parcel(1, 1, 2)], run_id="r1", reason="merge")
        orders.add([a_new(3)], run_id="r1")
        orders.apply(
            [a_change(3, memberships=(Membership(order_no=number(3), parcel_no="P003", active=False),))], run_id="r1"
        )

        def found(**how: Any) -> list[str]:
            return [p.parcel_no for p in orders.find_parcels(**how)]

        assert found() == ["P001", "P002", "P003"]
        assert found(limit=1, after="P001") == ["P002"]
        assert found(states=[ParcelState.VOID, ParcelState.SHIPPED]) == ["P003"]
        assert found(shops=["flag"], warehouse="w2") == []
        assert found(warehouse="w2") == found(waybill="SF3") == found(handover_no="H3") == ["P003"]
        assert found(order_no=number(2)) == ["P001", "P002"]
        assert found(order_no=number(3)) == ["P003"]

    # --- refunds

    def test_a_refund_is_added_once_and_changed_by_its_version(self, orders: Orders, clock: FixedClock) -> None:
        refund, lines = a_refund(1, 1)
        orders.add([a_new(1)], run_id="r1")
        added = orders.add_refunds(
            [(refund, lines), a_refund(1, 1, platform_refund_no="F9"), (refund, lines)], run_id="r1", reason="pushed"
        )
        assert results(added) == [("done", ""), ("refused", "number_clash"), ("already", "")]
        clock.advance(7)
        line = replace(lines[0], good_qty=1)
        more = replace(lines[0], line_no=2)
        change = RefundChange(
            refund_no="R001", order_no=number(1), expect=1, reason="refund.back", facts={"by": "w1"}, lines=(line, more),
            set={"status": RefundStatus.GOODS_BACK, "kind": RefundKind.EXCHANGE, "marks": (), "decision": "approved"},
        )  # fmt: skip
        got = orders.apply_refunds([change, change, replace(change, refund_no="R9")], run_id="r2")
        assert results(got) == [("done", ""), ("changed", ""), ("refused", "unknown_refund")]
        expected = replace(refund, version=2, changed_at=clock.now(), **change.set)
        assert orders.refunds(["R001", "R9"]) == {"R001": (expected, (line, more))}
        assert orders.load([number(1)])[number(1)].refunds == (expected,)
        assert [(s.version, s.from_state, s.to_state) for s in orders.history("R001")] == [
            (1, "", "asked"),
            (2, "asked", "goods_back"),
        ]

    def test_refunds_are_found_by_what_is_known_of_them(self, orders: Orders) -> None:
        done = a_refund(3, 2, status=RefundStatus.DONE, decision="approved", shop="b")
        orders.add_refunds([a_refund(2, 1), a_refund(1, 1), done], run_id="r1", reason="pushed")

        def found(**how: Any) -> list[str]:
            return [r.refund_no for r in orders.find_refunds(**how)]

        assert found() == ["R001", "R002", "R003"]
        assert found(limit=1, after="R001") == ["R002"]
        assert found(statuses=["done"]) == found(shops=["b"]) == found(order_nos=[number(2), number(7)]) == ["R003"]
        assert found(undecided=True) == ["R001", "R002"]
