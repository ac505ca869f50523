"""Entries: the movements of a day, of which each channel writes rows in its own form. Fen, all positive."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.wire import iso


def columns(text: str) -> list[str]:
    """Column names as a channel's page lists them, with commas."""
    return text.split(",")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement as a bill tells it: a payment, a refund, or the return of a refund that failed."""

    kind: str
    at: int
    trade_no: str
    payment_no: str
    #: order amount, or refund asked for; and of it what moves on the merchant's account
    amount: int
    settled: int
    payer: int
    #: taken with a payment, given back with a refund
    fee: int
    title: str
    method: str
    created: int
    buyer: str = ""
    coupon: str = ""
    coupon_amount: int = 0
    bank: str = "OTHERS"
    back_no: str = ""
    refund_id: str = ""
    status: str = "success"
    reason: str = ""

    def to_book(self) -> dict[str, Any]:
        return {
            "row_kind": self.kind,
            "row_at": iso(self.at),
            "trade_no": self.trade_no,
            "payment": self.payment_no,
            "refund": self.back_no,
            "amount": self.amount,
            "settled": self.settled,
            "fee": self.fee,
        }


def of_payment(payment: Payment) -> Entry:
    return Entry(
        kind="payment",
        at=payment.paid_at,
        trade_no=payment.trade_no,
        payment_no=payment.no,
        amount=payment.total,
        settled=payment.settled,
        payer=payment.payer_total,
        fee=payment.fee,
        title=payment.title,
        method=payment.method,
        created=payment.created,
        buyer=payment.payer,
        coupon=payment.coupon,
        coupon_amount=payment.coupon_amount,
        bank=payment.bank,
    )


def of_back(payment: Payment, back: Back, kind: str = "refund") -> Entry:
    return msgspec.structs.replace(
        of_payment(payment),
        kind=kind,
        at=back.created if kind == "refund" else back.done_at,
        amount=back.amount,
        settled=back.settled,
        payer=back.payer,
        fee=back.fee_back,
        back_no=back.no,
        refund_id=back.refund_id,
        status=back.state,
        reason=back.reason,
    )


def moved(entry: Entry) -> int:
    """By how much the merchant's account changes."""
    net = entry.settled - entry.fee
    return -net if entry.kind == "refund" else net
