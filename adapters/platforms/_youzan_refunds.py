"""Youzan after-sale cases as documents. Field by field from the notes named in youzan.py."""

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
    yuan_number_or,
)
from adapters.documents import Doubt, RefundDocument

STATUSES = {
    "WAIT_SELLER_AGREE": "asked",
    "WAIT_BUYER_RETURN_GOODS": "approved",
    "WAIT_SELLER_CONFIRM_GOODS": "goods_back",
    # the buyer may still change it or call for the platform: it is not over
    "SELLER_REFUSE_BUYER": "asked",
    "SELLER_REFUSE_BUYER_RETURN_GOODS": "asked",
    "SUCCESS": "done",
    "CLOSED": "closed",
}
#: reasons of a refund without goods: 11 to 17 not received, 51 to 56 received
NOT_RECEIVED, RECEIVED = range(11, 18), range(51, 57)


class Logistics(msgspec.Struct):
    logistics_no: Scalar = None
    company_code: Scalar = None


class Case(msgspec.Struct):
    """youzan.trade.refund.get, as sent."""

    refund_id: Scalar = None
    tid: Scalar = None
    oid: Scalar = None
    status: Scalar = None
    return_goods: Scalar = None
    reason: Scalar = None
    desc: Scalar = None
    refund_fee: msgspec.Raw = msgspec.Raw()
    created: Scalar = None
    modified: Scalar = None
    version: Scalar = None
    logistics: Logistics | None = None


_case = msgspec.json.Decoder(Case).decode


class Head(msgspec.Struct):
    """What is needed to name a case that cannot be read."""

    refund_id: Scalar = None
    modified: Scalar = None


_head = msgspec.json.Decoder(Head).decode


class Shape(msgspec.Struct, frozen=True):
    """What the answer to a case depends on: whether goods come back, whether they are there, and its version."""

    sends_back: bool
    goods_due: bool
    version: int


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a case."""
    head = _head(raw)
    number = ident(head.refund_id, "refund_id")
    try:
        return number, text_time_or(head.modified, "modified", CHINA)
    except FieldError:
        return number, None


def shape(raw: bytes) -> Shape:
    """What is asked, and how far it is."""
    case = _case(raw)
    return Shape(
        sends_back=truth(case.return_goods, "return_goods"),
        goods_due=text(case.status) == "WAIT_SELLER_CONFIRM_GOODS",
        version=count(case.version, "version"),
    )


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one case."""
    case = _case(raw)
    doubts: list[Doubt] = []
    status_raw = text(case.status)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    back, sends_back = case.logistics or Logistics(), truth(case.return_goods, "return_goods")
    modified = text_time(case.modified, "modified", CHINA)
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(case.refund_id, "refund_id"),
        platform_order_no=ident(case.tid, "tid"),
        platform_line_no=ident_or(case.oid, "oid"),
        kind="return" if sends_back else "refund_only",
        status=status,
        status_raw=status_raw,
        amount_minor=yuan_number_or(case.refund_fee, "refund_fee", 0),
        reason=text(case.desc) or text(case.reason),
        goods=_goods(text(back.logistics_no), text(case.reason)),
        carrier=text(back.company_code),
        waybill=text(back.logistics_no),
        asked_at=text_time(case.created, "created", CHINA),
        modified_at=modified,
        done_at=modified if status == "done" else None,
        doubts=tuple(doubts),
    )


def _goods(waybill: str, reason: str) -> str:
    if waybill:
        return "returned"
    number = int(reason) if reason.isascii() and reason.isdigit() else 0
    return "not_received" if number in NOT_RECEIVED else "received" if number in RECEIVED else "unknown"
