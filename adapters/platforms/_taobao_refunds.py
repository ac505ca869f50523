"""Taobao refunds as documents. Field by field from the notes named in taobao.py."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import (
    CHINA,
    FieldError,
    Scalar,
    count,
    ident,
    ident_or,
    text,
    text_time,
    text_time_or,
    truth,
    yuan,
)
from adapters.documents import Doubt, RefundDocument

REFUND_STATUSES = {
    "WAIT_SELLER_AGREE": "asked",
    "WAIT_BUYER_RETURN_GOODS": "approved",
    "WAIT_SELLER_CONFIRM_GOODS": "goods_back",
    "SELLER_REFUSE_BUYER": "refused",
    "CLOSED": "closed",
    "SUCCESS": "done",
}
REFUND_KINDS = {
    "REFUND": "refund_only",
    "REFUND_AND_RETURN": "return",
    "TMALL_EXCHANGE": "exchange",
    "TAOBAO_EXCHANGE": "exchange",
    "RESHIPPING": "reship",
}
GOODS = {
    "BUYER_NOT_RECEIVED": "not_received",
    "BUYER_RECEIVED": "received",
    "BUYER_RETURNED_GOODS": "returned",
}


class Refund(msgspec.Struct):
    refund_id: Scalar = None
    tid: Scalar = None
    oid: Scalar = None
    num_iid: Scalar = None
    sku: Scalar = None
    refund_fee: Scalar = None
    status: Scalar = None
    good_status: Scalar = None
    has_good_return: Scalar = None
    created: Scalar = None
    modified: Scalar = None
    end_time: Scalar = None
    reason: Scalar = None
    num: Scalar = None
    company_name: Scalar = None
    sid: Scalar = None
    refund_phase: Scalar = None
    dispute_type: Scalar = None


_refund = msgspec.json.Decoder(Refund).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a refund."""
    r = _refund(raw)
    number = ident(r.refund_id, "refund_id")
    try:
        return number, text_time_or(r.modified, "modified", CHINA)
    except FieldError:
        return number, None


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one refund. `num_iid` names the listing only in the detail."""
    r = _refund(raw)
    doubts: list[Doubt] = []
    status_raw = text(r.status)
    status = REFUND_STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    tid, oid = ident(r.tid, "tid"), ident_or(r.oid, "oid")
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(r.refund_id, "refund_id"),
        platform_order_no=tid,
        platform_line_no=oid,
        listing_id=ident_or(r.num_iid, "num_iid") if not oid else "",
        kind=_refund_kind(r),
        status=status,
        status_raw=status_raw,
        amount_minor=yuan(r.refund_fee, "refund_fee", doubts),
        qty=count(r.num, "num", 0),
        reason=text(r.reason),
        goods=GOODS.get(text(r.good_status), "unknown"),
        carrier=text(r.company_name),
        waybill=text(r.sid),
        asked_at=text_time(r.created, "created", CHINA),
        modified_at=text_time(r.modified, "modified", CHINA),
        done_at=text_time_or(r.end_time, "end_time", CHINA) if status == "done" else None,
        doubts=tuple(doubts),
    )


def _refund_kind(r: Refund) -> str:
    kind = REFUND_KINDS.get(text(r.dispute_type))
    if kind is None:
        kind = "return" if truth(r.has_good_return, "has_good_return") else "refund_only"
    if kind == "refund_only" and r.refund_phase == "onsale" and r.good_status == "BUYER_NOT_RECEIVED":
        return "before_shipping"
    return kind
