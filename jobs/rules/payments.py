"""What a channel says about a payment or a refund, judged against what we keep: applied once, whatever comes how often.

A notification is proof of who sent it, not of how things stand: it may be late, out of order, or of another order. The
answer to our own question is the channel's word, and wins. What does not fit is never applied; it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from jobs.rules.splitting import split
from stores.records import Back, Order, Payment, Progress

#: (up to this age, asked so often) in seconds: minutes old every five minutes, then hourly, then daily, then never
CHECKS: tuple[tuple[float, float], ...] = ((3600.0, 300.0), (86400.0, 3600.0), (30 * 86400.0, 86400.0))


def next_check(asked_at: datetime, now: datetime, *, until: datetime | None = None) -> datetime | None:
    """When a channel is asked next about something that began at `asked_at`; None: it is too old, a person looks.

    Args:
        until: a moment at which it is asked in any case, such as its end.
    """
    age = (now - asked_at).total_seconds()
    every = next((every for reach, every in CHECKS if age < reach), None)
    if every is None:
        return None
    at = now + timedelta(seconds=every)
    return until if until is not None and now < until < at else at


class Told(NamedTuple):
    """A payment as a channel says it is, in the words of `adapters.payments.documents`."""

    status: str
    status_raw: str
    currency: str
    amount_minor: int
    payer_minor: int
    settled_minor: int
    paid_at: datetime | None
    trade_no: str
    merchant_id: str
    app_id: str


class Verdict(NamedTuple):
    """What comes of it.

    act: ``pay`` (the order too) · ``keep`` (the money is here, the order is not to have it: `late` says why) · ``close``
    · ``fail`` · ``refuse`` (it does not fit: nothing changes, somebody is told) · ``ask`` (the channel is asked what is
    true) · ``none`` (nothing new).
    """

    act: str
    reason: str
    late: str = ""


def judge(payment: Payment, order: Order | None, told: Told, *, app_id: str, asked: bool) -> Verdict:
    """Judge what a channel says of a payment.

    Args:
        order: the payment's order as it stands.
        app_id: ours, as the channel's settings have it.
        asked: it is the answer to our question, the channel's word; else a notification.
    """
    foreign = _foreign(payment, told, app_id)
    if foreign:
        return Verdict("refuse", foreign)
    if told.status in ("paid", "refund"):
        return _paid(payment, order, told, asked=asked)
    if payment.status != "open":
        return Verdict("none", f"is_{payment.status}")
    if told.status in ("closed", "failed"):
        if not asked:
            # It may be out of order: what ends our asking must be an answer.
            return Verdict("ask", f"told_{told.status}")
        return Verdict("close" if told.status == "closed" else "fail", f"channel_{told.status}")
    return Verdict("none", "still_open" if told.status == "unpaid" else "unknown_status")


def _foreign(payment: Payment, told: Told, app_id: str) -> str:
    """Why it is not about this payment of ours; what is not told is not compared."""
    if told.merchant_id and told.merchant_id != payment.merchant_id:
        return "other_merchant"
    if told.app_id and app_id and told.app_id != app_id:
        return "other_app"
    return "other_currency" if told.currency != payment.currency else ""


def _paid(payment: Payment, order: Order | None, told: Told, *, asked: bool) -> Verdict:
    if payment.status == "paid":
        other = told.trade_no and payment.trade_no and told.trade_no != payment.trade_no
        return Verdict("refuse", "other_trade_no") if other else Verdict("none", "is_paid")
    if told.amount_minor <= 0:
        return Verdict("refuse", "no_amount")
    if told.amount_minor != payment.amount_minor:
        # Signed, and yet not what we asked for: only the answer to a question of ours is believed.
        return Verdict("keep", "wrong_amount", "wrong_amount") if asked else Verdict("refuse", "wrong_amount")
    if order is None or order.progress == Progress.CANCELLED:
        return Verdict("keep", "after_cancel", "after_cancel")
    if order.progress != Progress.UNPAID or order.paid_minor:
        return Verdict("keep", "twice", "twice")
    if (order.payable_minor, order.currency) != (payment.amount_minor, payment.currency):
        # The order was changed after its buyer had been asked for the old sum.
        return Verdict("keep", "wrong_amount", "wrong_amount")
    return Verdict("pay", "paid")


class BackTold(NamedTuple):
    """A refund as a channel says it is. `amount_minor`: what was asked back."""

    status: str
    status_raw: str
    currency: str
    amount_minor: int
    settled_minor: int
    done_at: datetime | None
    channel_refund_no: str
    payment_no: str


def judge_back(back: Back, told: BackTold, *, asked: bool, coupon: bool = False) -> Verdict:
    """Judge what a channel says of money that goes back: ``move``, ``refuse``, ``ask`` or ``none``.

    Args:
        asked: it is the answer to our question. coupon: a part of the payment was one; a notification does not say whose
            share of it came back.
    """
    if told.payment_no and told.payment_no != back.payment_no:
        return Verdict("refuse", "other_payment")
    if told.currency != back.currency:
        return Verdict("refuse", "other_currency")
    if told.amount_minor != back.amount_minor:
        return Verdict("refuse", "wrong_amount")
    if back.status in ("closed", "refused") and told.status == "success":
        return Verdict("refuse", f"success_after_{back.status}")
    if back.status in ("success", "closed", "refused") or told.status == back.status:
        return Verdict("none", f"is_{back.status}")
    if back.status == "abnormal" and told.status == "processing":
        return Verdict("none", "is_abnormal")
    if not asked and (told.status == "closed" or (coupon and told.status == "success")):
        # What sets its money free for another attempt must be an answer.
        return Verdict("ask", f"told_{told.status}")
    return Verdict("move", f"channel_{told.status}")


# ------------------------------------------------------------------ money back


class Part(NamedTuple):
    """Money of one payment that goes back for one refund."""

    payment_no: str
    amount_minor: int


def room(payment: Payment) -> int:
    """What a payment still holds."""
    return payment.paid_minor - payment.backed_minor - payment.promised_minor


def still_due(amount_minor: int, backs: Sequence[Back]) -> int:
    """What of a refund is neither back nor promised."""
    return amount_minor - sum(
        b.amount_minor for b in backs if b.status in ("asked", "processing", "abnormal", "success")
    )


def parts(amount_minor: int, payments: Sequence[Payment]) -> list[Part]:
    """Spread an amount over what these payments still hold, by largest remainder; nothing of one that holds nothing.

    Raises:
        ValueError: together they hold less.
    """
    holding = sorted((p for p in payments if p.status == "paid" and room(p) > 0), key=lambda p: p.payment_no)
    if amount_minor > sum(map(room, holding)):
        raise ValueError("exceeds_paid")
    shares = split(amount_minor, [room(p) for p in holding])
    return [Part(p.payment_no, share) for p, share in zip(holding, shares, strict=True) if share]


def attempt_of(of: str, payment_no: str, backs: Sequence[Back]) -> int:
    """Which attempt to give this back a new one would be: one more than those that came to nothing.

    Args:
        of: refund number; empty: late money.
    """
    return 1 + sum(
        b.payment_no == payment_no and b.refund_no == of and b.status in ("closed", "refused") for b in backs
    )
