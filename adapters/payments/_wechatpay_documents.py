"""Payments, refunds and notifications of WeChat Pay API v3 as documents. Amounts are in fen, times RFC 3339."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from adapters.core.fields import FieldError, Scalar, ident, ident_or, text
from adapters.payments._reading import fen_amount, need, rfc_time, status_of, utf8, word
from adapters.payments.documents import (
    PAYMENT_STATUS,
    REFUND_STATUS,
    BackDocument,
    PaymentDocument,
)

#: trade_state → our status
PAYMENTS: Mapping[str, PAYMENT_STATUS] = {
    "SUCCESS": "paid",
    "REFUND": "refund",
    "NOTPAY": "unpaid",
    "USERPAYING": "unpaid",
    "ACCEPT": "unpaid",
    "CLOSED": "closed",
    "REVOKED": "closed",
    "PAYERROR": "failed",
}
#: status (refund_status in notifications) → our status
REFUNDS: Mapping[str, REFUND_STATUS] = {
    "SUCCESS": "success",
    "PROCESSING": "processing",
    "CLOSED": "closed",
    "ABNORMAL": "abnormal",
}
#: event_type → the state its resource must have
EVENTS: Mapping[str, tuple[str, ...]] = {
    "TRANSACTION.SUCCESS": ("SUCCESS", "REFUND"),
    "REFUND.SUCCESS": ("SUCCESS",),
    "REFUND.ABNORMAL": ("ABNORMAL",),
    "REFUND.CLOSED": ("CLOSED",),
}


class _Amount(msgspec.Struct):
    total: Scalar = None
    payer_total: Scalar = None
    refund: Scalar = None
    payer_refund: Scalar = None
    settlement_refund: Scalar = None
    discount_refund: Scalar = None
    currency: Scalar = None


class _Promotion(msgspec.Struct):
    type: Scalar = None
    amount: Scalar = None


class _Transaction(msgspec.Struct):
    amount: _Amount
    mchid: Scalar = None
    appid: Scalar = None
    out_trade_no: Scalar = None
    transaction_id: Scalar = None
    trade_state: Scalar = None
    success_time: Scalar = None
    promotion_detail: list[_Promotion] | None = None


class _Refund(msgspec.Struct):
    amount: _Amount
    mchid: Scalar = None
    refund_id: Scalar = None
    out_refund_no: Scalar = None
    out_trade_no: Scalar = None
    #: an answer has `status`, a notification `refund_status`
    status: Scalar = None
    refund_status: Scalar = None
    success_time: Scalar = None


class Resource(msgspec.Struct):
    """The sealed part of a notification."""

    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str | None = None
    original_type: str = ""


class Event(msgspec.Struct):
    """The envelope of a notification."""

    id: str
    create_time: str
    event_type: str
    resource: Resource


decode_event = msgspec.json.Decoder(Event).decode
_decode_transaction = msgspec.json.Decoder(_Transaction).decode
_decode_refund = msgspec.json.Decoder(_Refund).decode


def payment(raw: bytes) -> PaymentDocument:
    """A transaction, from an answer or from a notification.

    Raises:
        FieldError: a field that decides money or state cannot be read, or contradicts another.
    """
    got = _decode_transaction(utf8(raw))
    raw_status = word(got.trade_state, "trade_state")
    status = cast("PAYMENT_STATUS", status_of(PAYMENTS, raw_status, "trade_state"))
    was_paid = status in ("paid", "refund")
    _currency(got.amount)
    total = fen_amount(got.amount.total, "amount.total")
    need(total > 0, "amount.total", "bad_money", "an order of nothing")
    payer = fen_amount(got.amount.payer_total, "amount.payer_total") if was_paid else 0
    settled = total - _borne(got.promotion_detail) if was_paid else 0
    need(payer <= total, "amount.payer_total", "bad_money", "more than the order")
    need(settled >= 0, "promotion_detail", "bad_money", "coupons of more than the order")
    return PaymentDocument(
        payment_no=word(got.out_trade_no, "out_trade_no"),
        trade_no=ident(got.transaction_id, "transaction_id") if was_paid else ident_or(got.transaction_id, "transaction_id"),
        status=status, status_raw=raw_status, currency="CNY", amount_minor=total, payer_minor=payer, settled_minor=settled,
        paid_at=rfc_time(got.success_time, "success_time") if was_paid else None,
        merchant_id=word(got.mchid, "mchid"), app_id=text(got.appid), raw=raw,
    )  # fmt: skip


def _borne(promotions: list[_Promotion] | None) -> int:
    """What the merchant bears: coupons that were not prepaid."""
    return sum(
        fen_amount(p.amount, "promotion_detail.amount")
        for p in promotions or ()
        if word(p.type, "promotion_detail.type") == "NOCASH"
    )


def refund(raw: bytes, *, notified: bool = False) -> tuple[BackDocument, str]:
    """A refund, from an answer or from a notification, and the merchant it names (empty in answers).

    Raises:
        FieldError: a field that decides money or state cannot be read, or contradicts another.
    """
    got = _decode_refund(utf8(raw))
    name = "refund_status" if notified else "status"
    raw_status = word(got.refund_status if notified else got.status, name)
    _currency(got.amount)
    asked = fen_amount(got.amount.refund, "amount.refund")
    total = fen_amount(got.amount.total, "amount.total")
    need(0 < asked <= total, "amount.refund", "bad_money", "nothing, or more than the order")
    status = cast("REFUND_STATUS", status_of(REFUNDS, raw_status, name))
    document = BackDocument(
        back_no=word(got.out_refund_no, "out_refund_no"), payment_no=word(got.out_trade_no, "out_trade_no"),
        channel_refund_no=ident(got.refund_id, "refund_id"), status=status, status_raw=raw_status,
        amount_minor=asked, currency="CNY", settled_minor=_leaving(got.amount, asked),
        done_at=rfc_time(got.success_time, "success_time") if got.success_time else None, raw=raw,
    )  # fmt: skip
    need(status != "success" or document.done_at is not None, "success_time", "missing_field", "no time")
    return document, text(got.mchid)


def _leaving(amount: _Amount, asked: int) -> int:
    """What leaves our account. Notifications do not say it; there the buyer's part is the nearest."""
    if amount.settlement_refund is not None:
        left = fen_amount(amount.settlement_refund, "amount.settlement_refund")
    elif amount.discount_refund is not None:
        left = asked - fen_amount(amount.discount_refund, "amount.discount_refund")
    elif amount.payer_refund is not None:
        left = fen_amount(amount.payer_refund, "amount.payer_refund")
    else:
        left = asked
    need(0 <= left <= asked, "amount.settlement_refund", "bad_money", "more than was asked")
    return left


def _currency(amount: _Amount) -> None:
    if amount.currency not in (None, "CNY"):
        raise FieldError("amount.currency", "unknown_currency", "not CNY")
