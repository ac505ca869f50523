"""What every order engine must do with payments: one step with the order, and never more back than came."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from stores.contracts import BackChange, Orders, PaymentChange, RefundChange
from stores.errors import BadItem
from stores.records import Back, Payment, Progress, RefundStatus
from tests.stores.clocks import FixedClock
from tests.stores.contract_orders import HOUR, T0, a_change, a_new, a_refund, number, results


def a_payment(n: int, order: int, **values: Any) -> Payment:
    base = Payment(
        payment_no=f"Y{n:03d}", order_no=number(order), shop="own-shop", channel="wx", merchant_id="1900000109",
        method="native", attempt=1, amount_minor=1000, asked_at=T0, expires_at=T0 + HOUR, next_check_at=T0,
        created_at=T0, changed_at=T0,
    )  # fmt: skip
    return replace(base, **values)


def a_back(n: int, payment: int, order: int, amount: int, **values: Any) -> Back:
    base = Back(
        back_no=f"B{n:03d}", payment_no=f"Y{payment:03d}", order_no=number(order), amount_minor=amount, reason="late",
        asked_at=T0, next_check_at=T0, created_at=T0, changed_at=T0,
    )  # fmt: skip
    return replace(base, **values)


def paid(n: int, of: int, expect: int = 1, **values: Any) -> PaymentChange:
    told = {"status": "paid", "paid_minor": 1000, "payer_minor": 950, "settled_minor": 950, "paid_at": T0}
    base = PaymentChange(payment_no=f"Y{n:03d}", order_no=number(of), expect=expect, reason="paid", set=told)
    return replace(base, **values)


def of_back(n: int, of: int, expect: int, status: str, **values: Any) -> BackChange:
    base = BackChange(
        back_no=f"B{n:03d}", order_no=number(of), expect=expect, reason=f"channel.{status}", set={"status": status}
    )
    return replace(base, **values)


def unpaid(orders: Orders, *numbers: int, paid_minor: int = 0) -> None:
    orders.add([a_new(n, progress=Progress.UNPAID, paid_at=None, paid_minor=paid_minor) for n in numbers], run_id="r1")
    orders.add_payments([a_payment(n, n) for n in numbers], run_id="r1", reason="pay.asked")


def all_paid(orders: Orders, *numbers: int) -> None:
    # what their orders say they were paid, since nothing is refunded beyond it
    unpaid(orders, *numbers, paid_minor=2000)
    assert all(o.ok for o in orders.apply_payments([paid(n, n) for n in numbers], run_id="r2"))


def sums(orders: Orders, n: int) -> tuple[int, int]:
    payment = orders.payments([f"Y{n:03d}"])[f"Y{n:03d}"]
    return payment.promised_minor, payment.backed_minor


class PaymentsContract:
    """Inherited per engine."""

    # --- payments

    def test_a_payment_is_added_once_and_only_one_of_an_order_is_open(self, orders: Orders) -> None:
        orders.add([a_new(n) for n in (1, 2)], run_id="r1")
        batch = [a_payment(1, 1), a_payment(2, 1), a_payment(3, 2), a_payment(4, 9)]
        got = orders.add_payments(batch, run_id="r1", reason="pay.asked")
        assert results(got) == [("done", ""), ("refused", "open_payment"), ("done", ""), ("refused", "unknown_order")]
        assert results(orders.add_payments([a_payment(1, 1)], run_id="r2", reason="x")) == [("already", "")]
        assert orders.payments(["Y001", "Y009"]) == {"Y001": a_payment(1, 1)}
        assert [(s.from_state, s.to_state, s.reason) for s in orders.history("Y001")] == [("", "open", "pay.asked")]

    def test_a_further_attempt_is_taken_once_the_one_before_is_closed_and_never_when_money_came(
        self, orders: Orders
    ) -> None:
        unpaid(orders, 1, 2)
        orders.apply_payments([paid(1, 1, set={"status": "closed"}), paid(2, 2)], run_id="r2")
        got = orders.add_payments([a_payment(3, 1, attempt=2), a_payment(4, 2, attempt=2)], run_id="r3", reason="again")
        assert results(got) == [("done", ""), ("refused", "is_paid")]

    def test_a_payment_and_its_order_change_in_one_step_or_not_at_all(self, orders: Orders, clock: FixedClock) -> None:
        unpaid(orders, 1, 2, 3)
        clock.advance(5)
        move = {"to": Progress.CREATED, "reason": "paid", "set": {"paid_minor": 1000, "paid_at": T0}}
        good = paid(1, 1, order=a_change(1, **move))
        stale = paid(2, 2, order=a_change(2, 7, **move))
        unknown = paid(3, 3, expect=4)
        got = orders.apply_payments([good, stale, unknown, replace(good, payment_no="Y009")], run_id="r2")
        assert results(got) == [("done", ""), ("changed", "order"), ("changed", ""), ("refused", "unknown_payment")]
        heads = orders.heads([number(1), number(2)])
        assert (heads[number(1)].progress, heads[number(1)].paid_minor) == (Progress.CREATED, 1000)
        assert (heads[number(2)].progress, orders.payments(["Y002"])["Y002"].status) == (Progress.UNPAID, "open")
        assert orders.payments(["Y001"])["Y001"] == replace(
            a_payment(1, 1), version=2, changed_at=clock.now(), **good.set
        )
        assert [s.reason for s in orders.history("Y001")] == ["pay.asked", "paid"]
        assert [(s.from_state, s.to_state) for s in orders.history(number(1))][-1] == ("unpaid", "created")

    def test_two_payments_of_one_order_in_a_batch_move_it_once(self, orders: Orders) -> None:
        unpaid(orders, 1)
        orders.apply_payments([paid(1, 1, set={"status": "closed"})], run_id="r2")
        orders.add_payments([a_payment(2, 1, attempt=2)], run_id="r3", reason="again")
        move = a_change(1, to=Progress.CREATED)
        got = orders.apply_payments([paid(1, 1, 2, order=move), paid(2, 1, order=move)], run_id="r4")
        assert results(got) == [("done", ""), ("changed", "order")]
        assert orders.heads([number(1)])[number(1)].version == 2

    def test_what_was_paid_stays_paid_and_what_identifies_it_stays(self, orders: Orders) -> None:
        all_paid(orders, 1)
        for bad in ({"status": "closed"}, {"amount_minor": 5}, {"backed_minor": 5}, {"order_no": "x"}):
            with pytest.raises(BadItem):
                orders.apply_payments([paid(1, 1, 2, set=bad)], run_id="r3")
        assert orders.payments(["Y001"])["Y001"].version == 2

    def test_a_booked_look_raises_the_version_and_is_no_step(self, orders: Orders) -> None:
        unpaid(orders, 1)
        end = orders.feed_end()
        look = paid(1, 1, set={"checks": 1, "next_check_at": T0 + HOUR}, recorded=False)
        assert orders.apply_payments([look], run_id="r2")[0].version == 2
        assert orders.apply_payments([look], run_id="r3")[0].result == "changed"
        assert len(orders.history("Y001")) == 1 and orders.feed_end() == end

    def test_payments_are_found_by_what_is_known_of_them(self, orders: Orders, clock: FixedClock) -> None:
        orders.add([a_new(n) for n in range(1, 5)], run_id="r1")
        later = clock.now() + HOUR
        orders.add_payments(
            [
                a_payment(1, 1, next_check_at=clock.now()), a_payment(2, 2, next_check_at=later, shop="b"),
                a_payment(3, 3, channel="ali", next_check_at=None), a_payment(4, 4, next_check_at=None),
            ],
            run_id="r1", reason="asked",
        )  # fmt: skip
        late = {"status": "paid", "paid_minor": 1000, "late": "twice"}
        orders.apply_payments([paid(3, 3, set=late), paid(4, 4, set=late | {"plan": "refund"})], run_id="r2")

        def found(**how: Any) -> list[str]:
            return [p.payment_no for p in orders.find_payments(**how)]

        assert found() == ["Y001", "Y002", "Y003", "Y004"]
        assert found(limit=2, after="Y001") == ["Y002", "Y003"]
        assert found(due=True) == ["Y001"]
        assert found(statuses=["paid"], late=True) == found(late=True) == ["Y003", "Y004"]
        assert found(undecided=True) == found(channels=["ali"]) == ["Y003"]
        assert found(shops=["b"]) == found(order_nos=[number(2)]) == ["Y002"]

    # --- backs

    def test_backs_never_pass_what_was_paid(self, orders: Orders) -> None:
        all_paid(orders, 1)
        unpaid(orders, 2)
        batch = [a_back(1, 1, 1, 700), a_back(2, 1, 1, 301), a_back(3, 1, 1, 300), a_back(4, 2, 2, 1)]
        got = orders.add_backs([*batch, a_back(5, 9, 1, 1), batch[0]], run_id="r3", reason="late")
        assert results(got) == [
            ("done", ""), ("refused", "exceeds_paid"), ("done", ""), ("refused", "exceeds_paid"),
            ("refused", "unknown_payment"), ("already", ""),
        ]  # fmt: skip
        assert sums(orders, 1) == (1000, 0)
        other = orders.add_backs([a_back(6, 1, 1, 1, currency="USD")], run_id="r3", reason="late")
        assert results(other) == [("refused", "other_currency")]

    def test_sums_of_a_payment_follow_its_backs(self, orders: Orders) -> None:
        all_paid(orders, 1)
        orders.add_backs([a_back(1, 1, 1, 600), a_back(2, 1, 1, 400)], run_id="r3", reason="late")
        told = [of_back(1, 1, 1, "processing"), of_back(2, 1, 1, "refused")]
        assert all(o.ok for o in orders.apply_backs(told, run_id="r4"))
        assert sums(orders, 1) == (600, 0)
        assert results(orders.add_backs([a_back(3, 1, 1, 400)], run_id="r5", reason="again")) == [("done", "")]
        orders.apply_backs([of_back(1, 1, 2, "abnormal"), of_back(3, 1, 1, "success")], run_id="r6")
        assert sums(orders, 1) == (600, 400)
        orders.apply_backs([of_back(1, 1, 3, "success")], run_id="r7")
        assert sums(orders, 1) == (0, 1000)
        assert [(s.from_state, s.to_state) for s in orders.history("B001")] == [
            ("", "asked"), ("asked", "processing"), ("processing", "abnormal"), ("abnormal", "success"),
        ]  # fmt: skip

    @pytest.mark.parametrize("end", ["success", "closed", "refused"])
    def test_a_back_that_ended_never_becomes_another_thing_again(self, orders: Orders, end: str) -> None:
        all_paid(orders, 1)
        orders.add_backs([a_back(1, 1, 1, 600)], run_id="r3", reason="late")
        orders.apply_backs([of_back(1, 1, 1, end)], run_id="r4")
        before = sums(orders, 1)
        again = [of_back(1, 1, 2, "processing"), of_back(1, 1, 1, "success"), of_back(9, 1, 1, "success")]
        assert results(orders.apply_backs(again, run_id="r5")) == [
            ("refused", "is_over"), ("changed", ""), ("refused", "unknown_back"),
        ]  # fmt: skip
        assert sums(orders, 1) == before

    def test_backs_of_a_refund_never_pass_it_and_want_it_agreed_to(self, orders: Orders) -> None:
        all_paid(orders, 1)
        due = {"authority": "us", "decision": "approved", "status": RefundStatus.APPROVED}
        orders.add_refunds(
            [a_refund(1, 1, **due), a_refund(2, 1), a_refund(3, 1, **due | {"authority": "platform"})],
            run_id="r1", reason="asked",
        )  # fmt: skip
        batch = [
            a_back(1, 1, 1, 400, refund_no="R001"), a_back(2, 1, 1, 101, refund_no="R001"),
            a_back(3, 1, 1, 100, refund_no="R001"), a_back(4, 1, 1, 1, refund_no="R002"),
            a_back(5, 1, 1, 1, refund_no="R003"), a_back(6, 1, 1, 1, refund_no="R009"),
        ]  # fmt: skip
        got = orders.add_backs(batch, run_id="r3", reason="refund")
        assert [o.reason for o in got] == [
            "",
            "exceeds_refund",
            "",
            "refund_not_due",
            "refund_not_due",
            "refund_not_due",
        ]
        orders.apply_backs([of_back(3, 1, 1, "closed")], run_id="r4")
        assert results(orders.add_backs([replace(batch[1], amount_minor=100)], run_id="r5", reason="again")) == [
            ("done", "")
        ]

    def test_a_back_its_refund_and_its_order_change_in_one_step_or_not_at_all(self, orders: Orders) -> None:
        all_paid(orders, 1)
        due = {"authority": "us", "decision": "approved", "status": RefundStatus.APPROVED}
        orders.add_refunds([a_refund(1, 1, **due)], run_id="r1", reason="asked")
        orders.add_backs([a_back(1, 1, 1, 500, refund_no="R001")], run_id="r3", reason="refund")
        done = RefundChange(
            refund_no="R001", order_no=number(1), expect=1, reason="paid_back", set={"status": RefundStatus.DONE}
        )
        whole = of_back(1, 1, 1, "success", refund=done, order=a_change(1, set={"refunded_minor": 500}))
        for stale in (replace(done, expect=5), replace(done, refund_no="R009")):
            [got] = orders.apply_backs([replace(whole, refund=stale)], run_id="r4")
            assert got.result in ("changed", "refused") and sums(orders, 1) == (500, 0)
        [got] = orders.apply_backs([replace(whole, order=a_change(1, 8))], run_id="r4")
        assert (got.result, got.reason) == ("changed", "order")
        assert orders.refunds(["R001"])["R001"][0].status == RefundStatus.APPROVED
        assert orders.apply_backs([whole], run_id="r5")[0].ok
        assert (sums(orders, 1), orders.refunds(["R001"])["R001"][0].status) == ((0, 500), RefundStatus.DONE)
        assert orders.heads([number(1)])[number(1)].refunded_minor == 500

    def test_backs_are_found_by_what_is_known_of_them(self, orders: Orders, clock: FixedClock) -> None:
        all_paid(orders, 1, 2)
        due = {"authority": "us", "decision": "approved", "status": RefundStatus.APPROVED}
        orders.add_refunds([a_refund(1, 2, **due)], run_id="r1", reason="asked")
        now = clock.now()
        batch = [
            a_back(1, 1, 1, 100, next_check_at=now), a_back(2, 1, 1, 100, next_check_at=now + HOUR),
            a_back(3, 2, 2, 100, next_check_at=None, refund_no="R001"),
        ]  # fmt: skip
        assert all(o.ok for o in orders.add_backs(batch, run_id="r3", reason="x"))
        orders.apply_backs([of_back(2, 1, 1, "processing")], run_id="r4")

        def found(**how: Any) -> list[str]:
            return [b.back_no for b in orders.find_backs(**how)]

        assert found() == ["B001", "B002", "B003"]
        assert found(due=True) == ["B001"]
        assert found(statuses=["processing"]) == found(after="B001", limit=1) == ["B002"]
        assert found(refund_nos=["R001"]) == found(order_nos=[number(2)]) == found(payment_nos=["Y002"]) == ["B003"]
        assert orders.backs(["B003", "B009"]) == {"B003": batch[2]}

    def test_payments_and_backs_are_in_the_feed_and_in_the_dump(self, orders: Orders) -> None:
        all_paid(orders, 1)
        end = orders.feed_end()
        orders.add_backs([a_back(1, 1, 1, 100)], run_id="r3", reason="x")
        orders.apply_backs([of_back(1, 1, 1, "success")], run_id="r4")
        batches, _ = orders.feed(end)
        assert [nos for _, nos in batches] == [(number(1),), (number(1),)]
        rows = [(table, row) for table, row in orders.dump() if table in ("payments", "payment_backs")]
        assert [table for table, _ in rows] == ["payment_backs", "payments"]
        assert (rows[0][1]["status"], rows[1][1]["backed_minor"]) == ("success", 100)
