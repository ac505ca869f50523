"""Kuaishou refunds as documents. Field by field from the notes named in kuaishou.py."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import (
    FieldError,
    Scalar,
    epoch_time,
    epoch_time_or,
    fen_or,
    ident,
    ident_or,
    text,
)
from adapters.documents import Doubt, RefundDocument

MS = 0.001
STATUSES = {
    # asked, or with the platform
    **dict.fromkeys(("10", "11", "20", "21"), "asked"),
    # the buyer sends, or waits for an exchange; the money is on its way
    **dict.fromkeys(("22", "30", "45", "50"), "approved"),
    "40": "goods_back",
    "60": "done",
    "70": "closed",
}
#: handlingWay
KINDS = {"1": "return", "10": "refund_only", "3": "exchange"}
#: negotiateStatus of a refund that ended without money because the merchant said no
REJECTED = "3"
#: receiptStatus
GOODS = {"1": "not_received", "2": "received"}
RETURNING = frozenset({"40"})


class Refund(msgspec.Struct):
    """One element of refundOrderInfoList, as sent."""

    refundId: Scalar = None
    oid: Scalar = None
    skuId: Scalar = None
    itemId: Scalar = None
    handlingWay: Scalar = None
    refundFee: Scalar = None
    refundReasonDesc: Scalar = None
    refundDesc: Scalar = None
    status: Scalar = None
    negotiateStatus: Scalar = None
    receiptStatus: Scalar = None
    createTime: Scalar = None
    submitTime: Scalar = None
    updateTime: Scalar = None
    endTime: Scalar = None


class Head(msgspec.Struct):
    """What is needed to name a refund that cannot be read."""

    refundId: Scalar = None
    updateTime: Scalar = None


_refund = msgspec.json.Decoder(Refund).decode
_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a refund."""
    head = _head(raw)
    number = ident(head.refundId, "refundId")
    try:
        return number, epoch_time_or(head.updateTime, "updateTime", MS)
    except FieldError:
        return number, None


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one refund. An order sells one sku, so it is about the line with the order's own number."""
    r = _refund(raw)
    doubts: list[Doubt] = []
    status_raw = text(r.status)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    if status == "closed" and text(r.negotiateStatus) == REJECTED:
        status = "refused"
    number = ident(r.oid, "oid")
    modified_at = epoch_time(r.updateTime, "updateTime", MS)
    asked_at = epoch_time_or(r.submitTime, "submitTime", MS) or epoch_time(r.createTime, "createTime", MS)
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(r.refundId, "refundId"),
        platform_order_no=number,
        platform_line_no=number,
        listing_id=ident_or(r.skuId, "skuId") or ident_or(r.itemId, "itemId"),
        kind=KINDS.get(text(r.handlingWay), "unknown"),
        status=status,
        status_raw=status_raw,
        amount_minor=fen_or(r.refundFee, "refundFee", doubts, 0),
        reason=text(r.refundReasonDesc) or text(r.refundDesc),
        goods="returned" if status_raw in RETURNING else GOODS.get(text(r.receiptStatus), "unknown"),
        asked_at=asked_at,
        modified_at=modified_at,
        done_at=(epoch_time_or(r.endTime, "endTime", MS) or modified_at) if status == "done" else None,
        doubts=tuple(doubts),
    )
