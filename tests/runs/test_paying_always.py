"""Whatever sequence of notifications, questions, cancels, refunds, lost answers and kills: applied once, and never more back than came."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobs import (
    asking,
    cancel,
    gaps,
    late_money,
    notified,
    paying,
    paying_back,
    payments_told,
    reconcile_payments,
    sending_back,
)
from stores.records import Progress, RefundStatus
from tests.killing import Killed
from tests.paying import DOWN, GOOD, LOST, open_office, own_order, put_own, refund_of, told

GAPS = (
    asking.ASKED, asking.CLOSED, late_money.PLANNED, late_money.REVIVED, notified.APPLIED, notified.RECORDED, paying.INTENDED, paying.STARTED,
    payments_told.PAID, payments_told.SURE, sending_back.ANSWERED, sending_back.PROMISED, sending_back.SENDING,
)  # fmt: skip
AMOUNT = 10_000
KEY = base64.b64encode(b"k" * 32).decode()


class Money(RuleBasedStateMachine):
    """Two orders, one channel, and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        # no test here cuts the power: nothing need wait for the disk
        urls = {
            name: f"sqlite:{self._folder.name}/{name}.db?lasting=no" for name in ("orders", "inbox", "stock", "ledger")
        }
        self.env, self.channel = open_office(Path(self._folder.name), stores=urls, privacy={"keys": (KEY,)})
        self.bank = self.channel.bank
        self.plan = Path(self._folder.name) / "plan.json"
        self.refunds: list[str] = []
        self.die_at, self.bodies = "", list[bytes]()

    @initialize()
    def begin(self) -> None:
        self.orders = put_own(self.env, own_order("1"), own_order("2"))

    def do(self, act: Any) -> None:
        """Run a command, killed at the gap that was chosen when it passes it."""

        def hook(name: str) -> None:
            if name == self.die_at:
                self.die_at = ""
                raise Killed(name)

        gaps.hook = hook
        try:
            act()
        except Killed:
            pass
        finally:
            gaps.hook = None

    # ---- what happens
    @rule(gap=st.sampled_from(GAPS))
    def be_killed_next_at(self, gap: str) -> None:
        self.die_at = gap

    @rule(act=st.sampled_from(["start", "query", "close", "refund", "refund_query"]))
    def fail_next(self, act: str) -> None:
        self.channel.errors[act] = [DOWN]

    @rule(act=st.sampled_from(["start", "refund"]))
    def lose_the_next_answer(self, act: str) -> None:
        self.channel.lost[act] = [LOST]

    @rule(become=st.sampled_from(["success", "success", "processing", "closed", "abnormal"]))
    def let_refunds_become(self, become: str) -> None:
        self.channel.refunds_become = become

    @rule(n=st.integers(0, 1))
    def create(self, n: int) -> None:
        self.do(lambda: paying.create(self.env, [self.orders[n]], channel="wx"))

    @precondition(lambda self: self.bank.started)
    @rule(data=st.data(), coupon=st.sampled_from([0, 300]), amount=st.sampled_from([AMOUNT, AMOUNT, AMOUNT, 9_000]))
    def buyer_pays(self, data: st.DataObject, coupon: int, amount: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.bank.started)))
        if number not in self.bank.closed and number not in self.bank.paid:
            self.bodies.append(told(self.bank.pay(number, amount, coupon=coupon), ident=f"EV{len(self.bodies)}"))

    @precondition(lambda self: self.bodies)
    @rule(data=st.data(), forged=st.booleans(), wrong=st.sampled_from([{}, {"amount_minor": 5}, {"merchant_id": "x"}, {"status": "closed"}]))  # fmt: skip
    def notification_comes(self, data: st.DataObject, forged: bool, wrong: dict[str, Any]) -> None:
        body = data.draw(st.sampled_from(self.bodies))
        if wrong:
            found = msgspec.json.decode(body, type=notified.Notification)
            assert found.payment is not None
            body = told(msgspec.structs.replace(found.payment, **wrong), ident=f"{found.id}-{sorted(wrong)[0]}")
        headers = {"signature": "forged"} if forged else GOOD
        self.do(lambda: notified.listen(self.env, lambda x: x.handle("wx", headers, body)))

    @rule(minutes=st.sampled_from([1, 6, 20, 90]))
    def time_passes(self, minutes: int) -> None:
        self.env.clock.advance(60 * minutes)

    @rule()
    def reconcile(self) -> None:
        self.do(lambda: reconcile_payments.reconcile(self.env))

    @rule(n=st.integers(0, 1))
    def cancel(self, n: int) -> None:
        self.do(lambda: cancel.cancel(self.env, [self.orders[n]], reason="buyer", by="li"))

    @rule(n=st.integers(0, 1), amount=st.sampled_from([1, 3_333, AMOUNT]))
    def refund(self, n: int, amount: int) -> None:
        self.refunds.append(refund_of(self.env, self.orders[n], amount, f"R{len(self.refunds)}"))

    @rule()
    def refunds_are_paid(self) -> None:
        def act() -> None:
            paying_back.pay(self.env, plan_out=self.plan)
            paying_back.pay(self.env, apply=self.plan, by="li")

        self.do(act)

    @rule(how=st.sampled_from(["refund", "revive"]))
    def late_money_is_decided(self, how: str) -> None:
        def act() -> None:
            late_money.late(self.env, act=how, plan_out=self.plan)
            late_money.late(self.env, apply=self.plan, by="li")

        self.do(act)

    @precondition(lambda self: self.bank.backs)
    @rule(data=st.data(), to=st.sampled_from(["success", "closed", "abnormal"]), tell=st.booleans())
    def channel_decides_on_a_refund(self, data: st.DataObject, to: str, tell: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.bank.backs)))
        if self.bank.backs[number].status in ("processing", "abnormal"):
            document = self.channel.becomes(number, to)
            if tell:
                self.do(lambda: notified.listen(self.env, lambda x: x.handle("wx", GOOD, told(back=document, ident=f"{number}{to}"))))  # fmt: skip

    # ---- what is always true
    @invariant()
    def never_more_back_than_came(self) -> None:
        for payment in self.env.orders.find_payments():
            paid = self.bank.paid.get(payment.payment_no)
            assert payment.backed_minor + payment.promised_minor <= payment.paid_minor
            assert self.bank.backed(payment.payment_no) <= (paid.amount_minor if paid else 0)
            assert payment.backed_minor <= self.bank.backed(payment.payment_no), "done only on the channel's word"
            assert payment.status != "paid" or (paid is not None and payment.paid_minor == paid.amount_minor)

    @invariant()
    def each_order_is_paid_once(self) -> None:
        if not hasattr(self, "orders"):
            return
        for no, head in self.env.orders.heads(self.orders).items():
            taken = [
                p
                for p in self.env.orders.find_payments(order_nos=[no], statuses=["paid"])
                if not p.late or p.plan == "revive"
            ]
            assert len(taken) <= 1 and head.paid_minor == (AMOUNT if taken else 0)
            assert head.refunded_minor <= head.paid_minor and head.receivable_minor >= 0
            moves = [
                s.reason for s in self.env.orders.history(no) if s.to_state == "created" and s.from_state != "created"
            ]
            assert len(moves) == len(taken)
            done = [r for r, _ in self.env.orders.refunds(self.refunds).values() if r.order_no == no and r.status == RefundStatus.DONE]  # fmt: skip
            assert head.refunded_minor == sum(r.amount_minor for r in done)

    def teardown(self) -> None:
        """Left alone for long enough everything that was paid is known, and every promise is kept or free again."""
        try:
            if hasattr(self, "orders"):
                self._settle()
        finally:
            self.env.close()
            self._folder.cleanup()

    def _settle(self) -> None:
        self.channel.errors.clear()
        self.channel.lost.clear()
        self.die_at = ""
        for number, back in self.bank.backs.items():
            if back.status in ("processing", "abnormal"):
                self.channel.becomes(number, "success")
        self.channel.refunds_become = "success"
        for _ in range(6):
            self.env.clock.advance(2 * 3600)
            reconcile_payments.reconcile(self.env)
        self.never_more_back_than_came()
        self.each_order_is_paid_once()
        kept = {p.payment_no: p for p in self.env.orders.find_payments()}
        assert {no for no, p in kept.items() if p.status == "paid"} == set(self.bank.paid)
        assert all(p.promised_minor == 0 and p.backed_minor == self.bank.backed(no) for no, p in kept.items())
        assert all(p.status != "open" for p in kept.values())
        assert self.env.inbox.oldest_waiting() is None
        wanting = [no for no, o in self.env.orders.heads(self.orders).items() if o.progress == Progress.CREATED]
        assert self.env.stock.demand() == ({"SKU-1": 2 * len(wanting)} if wanting else {})


TestMoney = Money.TestCase
TestMoney.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
