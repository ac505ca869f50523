"""Payments, refunds and notifications of Alipay as documents. Amounts are yuan as text, times Beijing's without zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from adapters.core.fields import CHINA, Scalar, text_time, text_time_or
from adapters.payments._reading import need, status_of, utf8, word, yuan_amount
from adapters.payments.documents import (
    ASK_AGAIN,
    PAYMENT_STATUS,
    REFUND_STATUS,
    BackAsk,
    BackDocument,
    Notification,
    PaymentDocument,
)

#: trade_status → our status; a closed one that was paid was given back, see `_status`
PAYMENTS: Mapping[str, PAYMENT_STATUS] = {
    "WAIT_BUYER_PAY": "unpaid",
    "TRADE_SUCCESS": "paid",
    "TRADE_FINISHED": "paid",
    "TRADE_CLOSED": "closed",
}
#: refund_status → our status; older answers have none
REFUNDS: Mapping[str, REFUND_STATUS] = {"REFUND_SUCCESS": "success", "REFUND_PROCESSING": "processing"}


class _Trade(msgspec.Struct):
    out_trade_no: Scalar = None
    trade_no: Scalar = None
    trade_status: Scalar = None
    total_amount: Scalar = None
    buyer_pay_amount: Scalar = None
    receipt_amount: Scalar = None
    send_pay_date: Scalar = None


class _Refund(msgspec.Struct):
    out_trade_no: Scalar = None
    fund_change: Scalar = None
    refund_fee: Scalar = None
    send_back_fee: Scalar = None
    gmt_refund_pay: Scalar = None


class _Bounce(msgspec.Struct):
    dback_status: Scalar = None


class _RefundQuery(msgspec.Struct):
    out_trade_no: Scalar = None
    out_request_no: Scalar = None
    trade_no: Scalar = None
    refund_status: Scalar = None
    refund_amount: Scalar = None
    send_back_fee: Scalar = None
    gmt_refund_pay: Scalar = None
    deposit_back_info: _Bounce | None = None


_decode_trade = msgspec.json.Decoder(_Trade).decode
_decode_refund = msgspec.json.Decoder(_Refund).decode
_decode_refund_query = msgspec.json.Decoder(_RefundQuery).decode


def _status(raw: str, *, was_paid: bool, refunded: int) -> PAYMENT_STATUS:
    status = cast("PAYMENT_STATUS", status_of(PAYMENTS, raw, "trade_status"))
    if status == "closed":
        return "refund" if was_paid or refunded else "closed"
    return "refund" if status == "paid" and refunded else status


def _document(
    got: _Trade, paid_at: Scalar, paid_field: str, refunded: int | None, merchant_id: str, app_id: str, raw: bytes
) -> PaymentDocument:
    raw_status = word(got.trade_status, "trade_status")
    status = _status(raw_status, was_paid=bool(paid_at), refunded=refunded or 0)
    was_paid = status in ("paid", "refund")
    total = yuan_amount(got.total_amount, "total_amount")
    need(total > 0, "total_amount", "bad_money", "an order of nothing")
    need((refunded or 0) <= total, "refund_fee", "bad_money", "more than the order")
    payer = _part(got.buyer_pay_amount, "buyer_pay_amount", total) if was_paid else 0
    settled = _part(got.receipt_amount, "receipt_amount", total) if was_paid else 0
    return PaymentDocument(
        payment_no=word(got.out_trade_no, "out_trade_no"),
        trade_no=word(got.trade_no, "trade_no") if was_paid else str(got.trade_no or ""),
        status=status, status_raw=raw_status, currency="CNY", amount_minor=total, payer_minor=payer, settled_minor=settled,
        paid_at=text_time(paid_at, paid_field, CHINA) if status == "paid" else text_time_or(paid_at, paid_field, CHINA),
        merchant_id=merchant_id, app_id=app_id, refunded_minor=refunded, raw=raw,
    )  # fmt: skip


def _part(value: Scalar, field: str, total: int) -> int:
    """A part of the order's amount; one that is not sent is the whole."""
    if value is None or value == "":
        return total
    part = yuan_amount(value, field)
    need(part <= total, field, "bad_money", "more than the order")
    return part


def payment(inner: bytes, *, merchant_id: str, app_id: str) -> PaymentDocument:
    """The payment in an answer; it names neither merchant nor app, they are ours that asked.

    Raises:
        FieldError: a field that decides money or state cannot be read, or contradicts another.
    """
    got = _decode_trade(utf8(inner))
    return _document(got, got.send_pay_date, "send_pay_date", None, merchant_id, app_id, inner)


def refund(ask: BackAsk, inner: bytes) -> BackDocument:
    """The refund in the answer to asking for it. Anything but ``fund_change`` Y says nothing: it must be read back."""
    got = _decode_refund(utf8(inner))
    need(got.out_trade_no == ask.payment_no, "out_trade_no", "other_thing", "of another payment")
    is_done = got.fund_change == "Y"
    if is_done and got.refund_fee is not None:
        # refund_fee is what was given back of this payment in all
        so_far = yuan_amount(got.refund_fee, "refund_fee")
        need(ask.amount_minor <= so_far <= ask.total_minor, "refund_fee", "bad_money", "does not hold this refund")
    return BackDocument(
        back_no=ask.back_no, payment_no=ask.payment_no, status="success" if is_done else "processing",
        status_raw=f"fund_change={'Y' if is_done else 'N'}", amount_minor=ask.amount_minor, currency="CNY",
        settled_minor=_part(got.send_back_fee, "send_back_fee", ask.amount_minor),
        done_at=text_time_or(got.gmt_refund_pay, "gmt_refund_pay", CHINA) if is_done else None, raw=inner,
    )  # fmt: skip


def refund_query(back_no: str, payment_no: str, inner: bytes) -> BackDocument:
    """The refund in the answer to asking about it; an answer that names none may mean that it comes yet (`ASK_AGAIN`)."""
    got = _decode_refund_query(utf8(inner))
    if got.refund_status in (None, "") and got.refund_amount in (None, ""):
        return BackDocument(
            back_no=back_no, payment_no=payment_no, status="processing", status_raw=ASK_AGAIN, amount_minor=0,
            settled_minor=0, raw=inner,
        )  # fmt: skip
    need(got.out_trade_no == payment_no, "out_trade_no", "other_thing", "of another payment")
    raw_status = str(got.refund_status or "")
    if not raw_status:
        word(got.trade_no, "trade_no")
    status = cast("REFUND_STATUS", status_of(REFUNDS, raw_status, "refund_status")) if raw_status else "success"
    if got.deposit_back_info is not None and got.deposit_back_info.dback_status == "F":
        status, raw_status = "abnormal", "dback_status=F"
    amount = yuan_amount(got.refund_amount, "refund_amount")
    need(amount > 0, "refund_amount", "bad_money", "nothing")
    return BackDocument(
        back_no=word(got.out_request_no, "out_request_no"), payment_no=payment_no, status=status, status_raw=raw_status,
        amount_minor=amount, currency="CNY", settled_minor=_part(got.send_back_fee, "send_back_fee", amount),
        done_at=text_time_or(got.gmt_refund_pay, "gmt_refund_pay", CHINA) if status == "success" else None, raw=inner,
    )  # fmt: skip


def notification(fields: Mapping[str, str], body: bytes) -> Notification:
    """A verified notification's fields. Refunds come as the payment with all refunds together, and their number."""
    refunded = yuan_amount(fields["refund_fee"], "refund_fee") if fields.get("refund_fee") else 0
    got = _Trade(
        out_trade_no=fields.get("out_trade_no"), trade_no=fields.get("trade_no"),
        trade_status=fields.get("trade_status"), total_amount=fields.get("total_amount"),
        buyer_pay_amount=fields.get("buyer_pay_amount"), receipt_amount=fields.get("receipt_amount"),
    )  # fmt: skip
    payment = _document(
        got, fields.get("gmt_payment"), "gmt_payment", refunded or None, word(fields.get("seller_id"), "seller_id"),
        word(fields.get("app_id"), "app_id"), body,
    )  # fmt: skip
    back_no = fields.get("out_biz_no", "") if refunded else ""
    return Notification(
        id=word(fields.get("notify_id"), "notify_id"), kind="refund" if back_no else "payment",
        sent_at=text_time(fields.get("notify_time"), "notify_time", CHINA), payment=payment, back_no=back_no, raw=body,
    )  # fmt: skip
