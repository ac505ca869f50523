"""WeChat shop after-sale cases as documents. Field by field from the notes named in wechat_shop.py."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import (
    FieldError,
    Scalar,
    count,
    epoch_time,
    epoch_time_or,
    fen_or,
    ident,
    ident_or,
    text,
    truth,
)
from adapters.documents import Doubt, RefundDocument

REFUND_STATUSES = {
    "MERCHANT_PROCESSING": "asked",
    "USER_WAIT_CONFIRM": "asked",
    "USER_WAIT_CONFIRM_UPDATE": "asked",
    "USER_WAIT_RETURN": "approved",
    "MERCHANT_OVERDUE_REFUND": "approved",
    "PLATFORM_REFUNDING": "approved",
    "PLATFORM_REFUND_FAIL": "approved",
    "MERCHANT_WAIT_RECEIPT": "goods_back",
    "MERCHANT_REJECT_REFUND": "refused",
    "MERCHANT_REJECT_RETURN": "refused",
    "MERCHANT_REFUND_SUCCESS": "done",
    "MERCHANT_RETURN_SUCCESS": "done",
    "USER_CANCELD": "closed",
    "RETURN_CLOSED": "closed",
    "MERCHANT_FAIL": "closed",
    "MERCHANT_REFUND_RETRY_FAIL": "closed",
}
REFUND_KINDS = {"REFUND": "refund_only", "RETURN": "return", "EXCHANGE": "exchange"}


class RefundProduct(msgspec.Struct):
    product_id: Scalar = None
    sku_id: Scalar = None
    count: Scalar = None


class RefundMoney(msgspec.Struct):
    amount: Scalar = None


class ReturnParcel(msgspec.Struct):
    waybill_id: Scalar = None
    delivery_id: Scalar = None


class RefundWords(msgspec.Struct):
    receive_product: Scalar = None


class Refund(msgspec.Struct):
    after_sale_order_id: Scalar = None
    order_id: Scalar = None
    status: Scalar = None
    type: Scalar = None
    reason: Scalar = None
    create_time: Scalar = None
    update_time: Scalar = None
    complete_time: Scalar = None
    product_info: RefundProduct | None = None
    refund_info: RefundMoney | None = None
    return_info: ReturnParcel | None = None
    details: RefundWords | None = None


_refund = msgspec.json.Decoder(Refund).decode


class Head(msgspec.Struct):
    """What is needed to name a case that cannot be read."""

    after_sale_order_id: Scalar = None
    update_time: Scalar = None


_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a case."""
    head = _head(raw)
    number = ident(head.after_sale_order_id, "after_sale_order_id")
    try:
        return number, epoch_time_or(head.update_time, "update_time")
    except FieldError:
        return number, None


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one after-sale case."""
    r = _refund(raw)
    doubts: list[Doubt] = []
    status_raw = text(r.status)
    status = REFUND_STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    product = r.product_info or RefundProduct()
    back = r.return_info or ReturnParcel()
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(r.after_sale_order_id, "after_sale_order_id"),
        platform_order_no=ident(r.order_id, "order_id"),
        listing_id=ident_or(product.sku_id, "product_info.sku_id"),
        kind=REFUND_KINDS.get(text(r.type), "unknown"),
        status=status,
        status_raw=status_raw,
        amount_minor=fen_or(r.refund_info.amount, "refund_info.amount", doubts, 0) if r.refund_info else 0,
        qty=count(product.count, "product_info.count", 0),
        reason=text(r.reason),
        goods=_goods(r, status, text(back.waybill_id)),
        carrier=text(back.delivery_id),
        waybill=text(back.waybill_id),
        asked_at=epoch_time(r.create_time, "create_time"),
        modified_at=epoch_time(r.update_time, "update_time"),
        done_at=epoch_time_or(r.complete_time, "complete_time") if status == "done" else None,
        doubts=tuple(doubts),
    )


def _goods(r: Refund, status: str, waybill: str) -> str:
    if status == "goods_back" or waybill:
        return "returned"
    if r.details is None or r.details.receive_product is None:
        return "unknown"
    return "received" if truth(r.details.receive_product, "details.receive_product") else "not_received"
