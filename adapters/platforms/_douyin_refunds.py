"""Douyin after-sale cases as documents. Field by field from the notes named in douyin.py."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import (
    FieldError,
    Scalar,
    as_list,
    count,
    epoch_time,
    epoch_time_or,
    fen_or,
    ident,
    ident_or,
    text,
)
from adapters.documents import Doubt, RefundDocument
from adapters.platforms._douyin_orders import REFUNDED

CASE_STATUSES = {
    "6": "asked", "7": "approved", "11": "goods_back", "12": "closed", "13": "approved", "14": "approved",
    "27": "refused", "29": "refused", "28": "closed", "51": "closed", "53": "closed",
}  # fmt: skip
CASE_KINDS = {
    "0": "return", "1": "refund_only", "2": "before_shipping", "3": "exchange", "6": "price_protection", "7": "reship",
}  # fmt: skip


class Case(msgspec.Struct):
    aftersale_id: Scalar = None
    aftersale_type: Scalar = None
    aftersale_status: Scalar = None
    related_id: Scalar = None
    apply_time: Scalar = None
    update_time: Scalar = None
    refund_amount: Scalar = None
    refund_status: Scalar = None
    got_pkg: Scalar = None
    return_logistics_code: Scalar = None
    return_logistics_company_name: Scalar = None
    reason: Scalar = None


class Related(msgspec.Struct):
    sku_order_id: Scalar = None
    after_sale_item_num: Scalar = None


class CaseOrder(msgspec.Struct):
    shop_order_id: Scalar = None
    related_order_info: list[Related] | Related | None = None


class CaseItem(msgspec.Struct):
    aftersale_info: Case | None = None
    order_info: CaseOrder | None = None


_case = msgspec.json.Decoder(CaseItem).decode


class HeadCase(msgspec.Struct):
    aftersale_id: Scalar = None
    update_time: Scalar = None


class Head(msgspec.Struct):
    """What is needed to name a case that cannot be read."""

    aftersale_info: HeadCase


_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a case."""
    head = _head(raw).aftersale_info
    number = ident(head.aftersale_id, "aftersale_id")
    try:
        return number, epoch_time_or(head.update_time, "update_time")
    except FieldError:
        return number, None


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one after-sale case."""
    item = _case(raw)
    case, order_ = item.aftersale_info, item.order_info
    if case is None or order_ is None:
        raise FieldError("aftersale_info", "missing_field", "no case or no order")
    doubts: list[Doubt] = []
    status_raw = text(case.aftersale_status)
    status = "done" if text(case.refund_status) in REFUNDED else CASE_STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    related = as_list(order_.related_order_info)
    line = ident_or(related[0].sku_order_id, "sku_order_id") if len(related) == 1 else ""
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(case.aftersale_id, "aftersale_id"),
        platform_order_no=ident(order_.shop_order_id, "shop_order_id"),
        platform_line_no=line,
        kind=CASE_KINDS.get(text(case.aftersale_type), "unknown"),
        status=status,
        status_raw=status_raw,
        amount_minor=fen_or(case.refund_amount, "refund_amount", doubts, 0),
        qty=sum(count(r.after_sale_item_num, "after_sale_item_num", 0) for r in related),
        reason=text(case.reason),
        goods=_goods(case),
        carrier=text(case.return_logistics_company_name),
        waybill=text(case.return_logistics_code),
        asked_at=epoch_time(case.apply_time, "apply_time"),
        modified_at=epoch_time(case.update_time, "update_time"),
        done_at=epoch_time(case.update_time, "update_time") if status == "done" else None,
        doubts=tuple(doubts),
    )


def _goods(case: Case) -> str:
    if case.return_logistics_code:
        return "returned"
    return {"1": "received", "0": "not_received"}.get(text(case.got_pkg), "unknown")
