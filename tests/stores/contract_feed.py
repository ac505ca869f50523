"""What the order feed of every order engine must do. An engine's test inherits the class beside the orders' contract."""

from __future__ import annotations

import pytest

from stores.contracts import Orders, RefundChange
from stores.errors import FeedGone
from stores.records import Progress
from tests.stores.clocks import FixedClock
from tests.stores.contract_orders import HOUR, T0, a_change, a_new, a_refund, number


class FeedContract:
    """The feed names what was touched, in the order of the commits, and nothing else."""

    def test_the_feed_names_every_batch_that_touched_orders_and_goes_on_from_its_cursor(self, orders: Orders) -> None:
        assert orders.feed() == ([], "")
        start = orders.feed_end()
        orders.add([a_new(1), a_new(2)], run_id="r1")
        [(first, numbers)], cursor = orders.feed(start)
        assert (numbers, first) == ((number(1), number(2)), cursor)
        assert cursor == orders.feed_end()
        orders.apply([a_change(2, to=Progress.AUDITED), a_change(9)], run_id="r2")
        orders.add_refunds([a_refund(1, 1)], run_id="r3", reason="pushed")
        orders.apply_refunds([RefundChange(refund_no="R001", order_no=number(1), expect=1, reason="x")], run_id="r4")
        batches, end = orders.feed(cursor)
        assert [numbers for _, numbers in batches] == [(number(2),), (number(1),), (number(1),)]
        assert [c for c, _ in orders.feed(cursor, limit=2)[0]] == [c for c, _ in batches[:2]]
        assert orders.feed(end) == ([], end)

    def test_what_changed_nothing_is_not_in_the_feed(self, orders: Orders) -> None:
        orders.add([a_new(1)], run_id="r1")
        end = orders.feed_end()
        orders.add([a_new(1)], run_id="r2")
        orders.apply([a_change(1, expect=7), a_change(3)], run_id="r2")
        orders.apply([a_change(1, recorded=False)], run_id="r2")
        assert orders.feed_end() == end

    def test_a_trimmed_feed_tells_a_reader_that_slept_to_begin_anew(self, orders: Orders, clock: FixedClock) -> None:
        orders.add([a_new(1)], run_id="r1")
        orders.add([a_new(2)], run_id="r1")
        asleep = orders.feed()[0][0][0]
        orders.add([a_new(3)], run_id="r1")
        assert orders.trim_feed(T0 - HOUR) == 0
        assert orders.trim_feed(clock.now() + HOUR) == 2
        assert orders.feed(orders.feed_end()) == ([], orders.feed_end())
        for cursor in ("", asleep):
            with pytest.raises(FeedGone):
                orders.feed(cursor)

    def test_the_first_time_an_order_came_into_a_state_is_told_and_steps_within_a_state_are_not(
        self, orders: Orders, clock: FixedClock
    ) -> None:
        orders.add([a_new(1), a_new(2, progress=Progress.SHIPPED)], run_id="r1")
        clock.advance(60)
        orders.apply([a_change(1, to=Progress.AUDITED)], run_id="r2")
        first = clock.now()
        for expect, to in ((2, None), (3, Progress.CREATED), (4, Progress.AUDITED)):
            clock.advance(60)
            orders.apply([a_change(1, expect, to=to)], run_id="r3")
        found = orders.arrivals([number(1), number(2), number(9)], ["audited", "shipped"])
        assert {no: sorted(states) for no, states in found.items()} == {number(1): ["audited"], number(2): ["shipped"]}
        step = found[number(1)]["audited"]
        assert (step.at, step.from_state, step.version, step.facts) == (first, "created", 2, {})
        assert found[number(2)]["shipped"].from_state == ""
        assert orders.arrivals([], ["audited"]) == {}

    def test_a_scan_goes_on_after_a_number_and_reads_only_the_parts_wanted(self, orders: Orders) -> None:
        orders.add([a_new(1), a_new(2), a_new(3)], run_id="r1")
        pages = list(orders.scan(batch=2, parts=("lines",), after=number(1)))
        assert [f.order.order_no for page in pages for f in page] == [number(2), number(3)]
        assert all(f.lines and not f.ship_lines and not f.buyer_remark for page in pages for f in page)
