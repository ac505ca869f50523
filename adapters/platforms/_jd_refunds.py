"""JD refunds: applications before shipping, and service cases after it. Two number spaces: a case's number begins with S."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import (
    CHINA,
    FieldError,
    Scalar,
    count,
    fen,
    ident,
    ident_or,
    text,
    text_time,
    text_time_or,
    yuan_or,
)
from adapters.documents import Doubt, RefundDocument

APPLICATION_STATUSES = {"0": "asked", "1": "approved", "2": "refused", "3": "done", "4": "refused"}
SERVICE_STATUSES = {
    "10001": "asked",
    "10004": "closed",
    "10005": "approved",
    "10007": "goods_back",
    "10009": "approved",
    "10010": "done",
    "10011": "closed",
}
SERVICE_KINDS = {"10": "return", "11": "refund_only", "20": "exchange", "80": "reship"}


class Case(msgspec.Struct):
    """One application or one service case, as sent."""

    id: Scalar = None
    orderId: Scalar = None
    applyRefundSum: Scalar = None
    applyTime: Scalar = None
    checkTime: Scalar = None
    status: Scalar = None
    reason: Scalar = None
    serviceId: Scalar = None
    skuId: Scalar = None
    serviceStatus: Scalar = None
    customerExpect: Scalar = None
    approveTime: Scalar = None
    actualPayPrice: Scalar = None
    serviceCount: Scalar = None
    updateDate: Scalar = None


_case = msgspec.json.Decoder(Case).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an application or case."""
    case = _case(raw)
    number = f"S{ident(case.serviceId, 'serviceId')}" if case.serviceId is not None else ident(case.id, "id")
    try:
        return number, _modified(case)
    except FieldError:
        return number, None


def _modified(case: Case) -> datetime:
    for value, field in ((case.updateDate, "updateDate"), (case.checkTime, "checkTime")):
        moment = text_time_or(value, field, CHINA)
        if moment is not None:
            return moment
    return text_time(case.applyTime, "applyTime", CHINA)


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one application or case."""
    case = _case(raw)
    if case.serviceId is not None:
        return _service(case, platform, seller_id)
    return _application(case, platform, seller_id)


def _application(case: Case, platform: str, seller_id: str) -> RefundDocument:
    status_raw = text(case.status)
    status = APPLICATION_STATUSES.get(status_raw, "unknown")
    doubts: list[Doubt] = []
    amount = fen(case.applyRefundSum, "applyRefundSum", doubts)
    doubts.append(Doubt(field="amount_minor", why="unit_unproven", raw=text(case.applyRefundSum)))
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(case.id, "id"),
        platform_order_no=ident(case.orderId, "orderId"),
        kind="before_shipping",
        status=status,
        status_raw=status_raw,
        amount_minor=amount,
        reason=text(case.reason),
        goods="not_received",
        asked_at=text_time(case.applyTime, "applyTime", CHINA),
        modified_at=_modified(case),
        done_at=text_time_or(case.checkTime, "checkTime", CHINA) if status == "done" else None,
        doubts=tuple(doubts),
    )


def _service(case: Case, platform: str, seller_id: str) -> RefundDocument:
    status_raw = text(case.serviceStatus)
    status = SERVICE_STATUSES.get(status_raw, "unknown")
    kind = SERVICE_KINDS.get(text(case.customerExpect), "unknown")
    doubts: list[Doubt] = []
    amount = yuan_or(case.actualPayPrice, "actualPayPrice", doubts, 0) if kind in ("return", "refund_only") else 0
    if amount:
        # The price that was paid: what goes back is not told, nor that it went.
        doubts.append(Doubt(field="amount_minor", why="meaning_unproven", raw=text(case.actualPayPrice)))
    if status == "done":
        doubts.append(Doubt(field="status", why="meaning_unproven", raw=status_raw))
    elif status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=f"S{ident(case.serviceId, 'serviceId')}",
        platform_order_no=ident(case.orderId, "orderId"),
        listing_id=ident_or(case.skuId, "skuId"),
        kind=kind,
        status=status,
        status_raw=status_raw,
        amount_minor=amount,
        qty=count(case.serviceCount, "serviceCount", 0),
        goods="returned" if status == "goods_back" else "unknown",
        asked_at=text_time(case.applyTime, "applyTime", CHINA),
        modified_at=_modified(case),
        done_at=text_time_or(case.approveTime, "approveTime", CHINA) if status == "done" else None,
        doubts=tuple(doubts),
    )
