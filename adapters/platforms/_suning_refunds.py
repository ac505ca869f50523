"""Suning returns and refunds as documents. Field by field from the notes named in suning.py."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import CHINA, FieldError, Scalar, ident, ident_or, text, text_time, text_time_or, yuan
from adapters.documents import Doubt, RefundDocument

STATUSES = {
    "1": "asked",
    "2": "refused",
    "3": "approved",
    "4": "goods_back",
    "5": "approved",
    "6": "approved",
    "7": "closed",
    "8": "done",
}
#: the money failed to go back: somebody must look
FAILED = "5"
#: returnType 2: nothing was sent yet
UNSENT = "2"
GOODS = {"2": "not_received", "3": "not_received", "4": "received"}


class Case(msgspec.Struct):
    """The data of one return application, as sent."""

    returnApplyId: Scalar = None
    orderNo: Scalar = None
    orderLineNumber: Scalar = None
    commodityCode: Scalar = None
    returnType: Scalar = None
    onlyRefund: Scalar = None
    returnMoney: Scalar = None
    returnReason: Scalar = None
    applyTime: Scalar = None
    operateTime: Scalar = None
    statusPassTime: Scalar = None
    returnStatusValue: Scalar = None
    expressCompanyCode: Scalar = None
    expressNo: Scalar = None


_case = msgspec.json.Decoder(Case).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an application."""
    case = _case(raw)
    number = ident(case.returnApplyId, "returnApplyId")
    try:
        return number, _modified(case)
    except FieldError:
        return number, None


def _modified(case: Case) -> datetime:
    """The latest of its times: none of them is named as that of the last change."""
    later = [
        text_time_or(value, field, CHINA)
        for value, field in ((case.operateTime, "operateTime"), (case.statusPassTime, "statusPassTime"))
    ]
    return max(text_time(case.applyTime, "applyTime", CHINA), *(t for t in later if t is not None))


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one application."""
    case = _case(raw)
    doubts: list[Doubt] = []
    status_raw = text(case.returnStatusValue)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    elif status_raw == FAILED:
        doubts.append(Doubt(field="status", why="meaning_unproven", raw=status_raw))
    modified = _modified(case)
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(case.returnApplyId, "returnApplyId"),
        platform_order_no=ident(case.orderNo, "orderNo"),
        platform_line_no=ident_or(case.orderLineNumber, "orderLineNumber"),
        listing_id=ident_or(case.commodityCode, "commodityCode"),
        kind=_kind(case),
        status=status,
        status_raw=status_raw,
        amount_minor=yuan(case.returnMoney, "returnMoney", doubts),
        reason=text(case.returnReason),
        goods="returned" if text(case.expressNo) else GOODS.get(text(case.returnType), "unknown"),
        carrier=text(case.expressCompanyCode),
        waybill=text(case.expressNo),
        asked_at=text_time(case.applyTime, "applyTime", CHINA),
        modified_at=modified,
        done_at=modified if status == "done" else None,
        doubts=tuple(doubts),
    )


def _kind(case: Case) -> str:
    if text(case.returnType) == UNSENT:
        return "before_shipping"
    return {"1": "refund_only", "0": "return"}.get(text(case.onlyRefund), "unknown")
