"""A payment channel in memory, at the seam that the product has: what was asked of it, and the faults of the real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from adapters.errors import NotVerified, Refused, Retryable, Uncertain, Unreadable
from adapters.payments.documents import (
    NOT_FOUND,
    BackAsk,
    BackDocument,
    Notification,
    PayAsk,
    PaymentDocument,
    PayStart,
)
from jobs.env import Env
from jobs.errors import UnknownThing
from jobs.rules.numbers import order_no
from stores.contracts import RefundChange
from stores.records import FullOrder, Payment, Progress, Refund, RefundKind, RefundLine, RefundStatus, replace
from tests.factories import T0, FixedClock, make_full_order, open_env, put_orders

MERCHANT, APP = "1900000109", "wxd678efh567hg6787"
OWN = {"platform": "own", "seller_id": "S1", "shop": "own-shop"}


class Bank:
    """What the channel believes: payments, refunds, and every effect once. The same for all its instances."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.paid: dict[str, PaymentDocument] = {}
        self.started: dict[str, PayAsk] = {}
        self.closed: set[str] = set()
        self.backs: dict[str, BackDocument] = {}
        self.asked_backs: list[BackAsk] = []
        self.queries: list[str] = []

    def pay(self, payment_no: str, amount: int | None = None, *, coupon: int = 0, **more: Any) -> PaymentDocument:
        """The buyer pays."""
        total = amount if amount is not None else self.started[payment_no].amount_minor
        document = PaymentDocument(
            payment_no=payment_no, trade_no=f"T{payment_no}", status="paid", status_raw="SUCCESS", amount_minor=total,
            payer_minor=total - coupon, settled_minor=total - coupon, paid_at=self.clock.now(), merchant_id=MERCHANT,
            app_id=APP,
        )  # fmt: skip
        self.paid[payment_no] = msgspec.structs.replace(document, **more)
        return self.paid[payment_no]

    def backed(self, payment_no: str) -> int:
        return sum(b.amount_minor for b in self.backs.values() if b.payment_no == payment_no and b.status == "success")


class FakeChannel:
    """One merchant account. Faults are lists of errors, taken one per call; `lost` ones take effect all the same."""

    title, currency, methods, reads = "Fake", "CNY", ("native", "jsapi"), {}
    name = "wechatpay"

    def __init__(self, bank: Bank, alias: str = "wx") -> None:
        self.bank, self.alias = bank, alias
        self.connection = SimpleNamespace(alias=alias, merchant_id=MERCHANT, app_id=APP)
        self.errors: dict[str, list[Exception]] = {}
        self.lost: dict[str, list[Exception]] = {}
        #: what a refund becomes at once
        self.refunds_become = "success"

    def _fails(self, act: str) -> None:
        if self.errors.get(act):
            raise self.errors[act].pop(0)

    def _is_lost(self, act: str) -> None:
        if self.lost.get(act):
            raise self.lost[act].pop(0)

    def start(self, ask: PayAsk) -> PayStart:
        self._fails("start")
        if ask.payment_no in self.bank.paid:
            raise Refused("paid already", code="ORDERPAID")
        self.bank.started[ask.payment_no] = ask
        self._is_lost("start")
        return PayStart(
            payment_no=ask.payment_no,
            method=ask.method,
            code_url=f"weixin://{ask.payment_no}",
            expires_at=ask.expires_at,
        )

    def query(self, payment_no: str) -> PaymentDocument:
        self._fails("query")
        self.bank.queries.append(payment_no)
        if payment_no in self.bank.paid:
            return self.bank.paid[payment_no]
        known = payment_no in self.bank.started
        status = "closed" if payment_no in self.bank.closed else "unpaid"
        raw = "CLOSED" if status == "closed" else "NOTPAY" if known else NOT_FOUND
        amount = self.bank.started[payment_no].amount_minor if known else 0
        return PaymentDocument(
            payment_no=payment_no, status=status, status_raw=raw, amount_minor=amount, merchant_id=MERCHANT, app_id=APP
        )

    def close(self, payment_no: str) -> str:
        self._fails("close")
        if payment_no in self.bank.paid:
            return "paid"
        if payment_no not in self.bank.started:
            return "refused ORDER_NOT_EXIST"
        self.bank.closed.add(payment_no)
        return "closed"

    def refund(self, ask: BackAsk) -> BackDocument:
        self._fails("refund")
        self.bank.asked_backs.append(ask)
        known = self.bank.backs.get(ask.back_no)
        if known is None:
            paid = self.bank.paid[ask.payment_no]
            assert ask.total_minor == paid.amount_minor
            standing = sum(
                b.amount_minor
                for b in self.bank.backs.values()
                if b.payment_no == ask.payment_no and b.status != "closed"
            )
            if standing + ask.amount_minor > paid.amount_minor:
                raise Refused("more than is left", code="NOT_ENOUGH")
            known = self.bank.backs[ask.back_no] = BackDocument(
                back_no=ask.back_no, payment_no=ask.payment_no, channel_refund_no=f"C{ask.back_no}",
                status=self.refunds_become, status_raw=self.refunds_become.upper(), amount_minor=ask.amount_minor,
                settled_minor=ask.amount_minor * paid.settled_minor // paid.amount_minor, done_at=self.bank.clock.now(),
            )  # fmt: skip
        self._is_lost("refund")
        return known

    def refund_query(self, back_no: str, payment_no: str) -> BackDocument | None:
        self._fails("refund_query")
        return self.bank.backs.get(back_no)

    def becomes(self, back_no: str, status: str) -> BackDocument:
        self.bank.backs[back_no] = msgspec.structs.replace(
            self.bank.backs[back_no], status=status, status_raw=status.upper()
        )
        return self.bank.backs[back_no]

    # ---- notifications
    def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        if headers.get("signature") != "good":
            raise NotVerified("signature")
        try:
            return msgspec.json.decode(body, type=Notification)
        except msgspec.MsgspecError as error:
            raise Unreadable("not_json") from error

    def acknowledge(self, ok: bool) -> tuple[int, dict[str, str], bytes]:
        return (200, {}, b"") if ok else (401, {}, json.dumps({"code": "FAIL"}).encode())

    def shut(self) -> None:
        pass


class FakeChannels:
    """The channels of an office."""

    def __init__(self, *channels: FakeChannel) -> None:
        self.all = {c.alias: c for c in channels}

    def names(self) -> list[str]:
        return sorted(self.all)

    def get(self, alias: str) -> FakeChannel:
        if alias not in self.all:
            raise UnknownThing(f"payment channel {alias!r}")
        return self.all[alias]

    def close(self) -> None:
        pass


def told(document: PaymentDocument | None = None, *, back: BackDocument | None = None, ident: str = "", back_no: str = "", **more: Any) -> bytes:  # fmt: skip
    """The body of a notification, as the fake channel signs it."""
    number = document.payment_no if document else back.back_no if back else back_no
    found = Notification(
        id=ident or f"EV-{number}", kind="payment" if document else "refund", sent_at=T0, payment=document, refund=back,
        back_no=back_no or (back.back_no if back else ""),
    )  # fmt: skip
    return msgspec.json.encode(msgspec.structs.replace(found, **more))


GOOD = {"signature": "good"}


def open_office(folder: Path, *, bank: Bank | None = None, clock: FixedClock | None = None, **settings: Any) -> tuple[Env, FakeChannel]:  # fmt: skip
    """An office with one channel, `wx`."""
    at = clock or FixedClock()
    env = open_env(folder, clock=at, **settings)
    channel = FakeChannel(bank or Bank(at))
    env.__dict__["channels"] = FakeChannels(channel)
    return env, channel


def own_order(number: str = "1001", amount: int = 10_000, **changes: Any) -> FullOrder:
    """An unpaid order of our own."""
    base: dict[str, Any] = {
        **OWN, "number": number, "order_no": order_no("own", "S1", number), "progress": Progress.UNPAID, "paid_minor": 0,
        "paid_at": None, "receivable_minor": 0,
    }  # fmt: skip
    return make_full_order((("SKU-1", 2, amount),), **{**base, **changes})


def put_own(env: Env, *fulls: FullOrder) -> list[str]:
    """Store unpaid orders: they want no stock yet."""
    made = put_orders(env, *fulls)
    env.stock.unwant(made)
    return made


def payment_of(env: Env, order: str) -> Payment:
    """The newest payment of an order."""
    return max(env.orders.find_payments(order_nos=[order]), key=lambda p: p.attempt)


def refund_of(env: Env, order: str, amount: int, number: str = "R1", **changes: Any) -> str:
    """An approved refund that is ours to settle; returns its number."""
    from jobs.rules.numbers import refund_no

    no, now = refund_no("own", "S1", number, order), env.clock.now()
    refund = Refund(
        refund_no=no, order_no=order, **OWN, platform_refund_no=number, kind=RefundKind.REFUND_ONLY, authority="us",
        status=RefundStatus.APPROVED, decision="approved", decided_by="li", amount_minor=amount, asked_at=now,
        doc_modified_at=now, created_at=now, changed_at=now,
    )  # fmt: skip
    line = RefundLine(refund_no=no, order_no=order, line_no=1, qty=1, amount_minor=amount)
    wanted = replace(refund, **changes)
    # Round the store's own guard: what pays must not rely on it that nobody ever wrote too much.
    there = replace(wanted, authority="platform")
    assert env.orders.add_refunds([(there, (line,))], run_id="test", reason="asked")[0].ok
    if wanted.authority != there.authority:
        change = RefundChange(
            refund_no=no, order_no=order, expect=1, reason="asked", set={"authority": wanted.authority}
        )
        assert env.orders.apply_refunds([change], run_id="test")[0].ok
    return no


MINUTE = timedelta(minutes=1)
LOST = Uncertain("no answer", code="ReadTimeout")
DOWN = Retryable("no connection", code="ConnectError")
