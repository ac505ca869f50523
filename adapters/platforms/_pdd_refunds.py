"""Pinduoduo after-sale cases as documents. Field by field from the notes named in pdd.py."""

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
    yuan_number_or,
)
from adapters.documents import Doubt, RefundDocument
from adapters.platforms._pdd_orders import line_no

#: after_sales_status
STATUSES = {
    # asked of the merchant, or with the platform
    **dict.fromkeys(("2", "3", "8", "14", "15", "21", "22", "27", "33"), "asked"),
    **dict.fromkeys(("4", "5", "7", "18", "32"), "approved"),
    **dict.fromkeys(("6", "9", "31"), "refused"),
    **dict.fromkeys(("10", "16"), "done"),
    **dict.fromkeys(("0", "11", "12", "13", "17", "24", "25"), "closed"),
}
#: a return that stands so and has a waybill is on its way back
SENT_BACK = frozenset({"3", "7"})
KINDS = {"2": "refund_only", "3": "return", "4": "exchange", "5": "reship"}
#: user_shipping_status
GOODS = {"1": "not_received", "2": "received"}


class Case(msgspec.Struct):
    """One element of refund_list, as sent."""

    id: Scalar = None
    order_sn: Scalar = None
    after_sales_type: Scalar = None
    after_sales_status: Scalar = None
    refund_amount: msgspec.Raw = msgspec.Raw()
    goods_number: Scalar = None
    sku_id: Scalar = None
    created_time: Scalar = None
    updated_time: Scalar = None
    tracking_number: Scalar = None
    shipping_name: Scalar = None
    user_shipping_status: Scalar = None
    after_sale_reason: Scalar = None


_case = msgspec.json.Decoder(Case).decode


class Head(msgspec.Struct):
    """What is needed to name a case that cannot be read."""

    id: Scalar = None
    updated_time: Scalar = None


_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a case."""
    head = _head(raw)
    number = ident(head.id, "id")
    try:
        return number, text_time_or(head.updated_time, "updated_time", CHINA)
    except FieldError:
        return number, None


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one case. An order sells one sku, so the case is about its one line."""
    c = _case(raw)
    doubts: list[Doubt] = []
    status_raw, waybill = text(c.after_sales_status), text(c.tracking_number)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    kind = KINDS.get(text(c.after_sales_type), "unknown")
    if kind == "return" and waybill and status_raw in SENT_BACK:
        status = "goods_back"
    order_sn = ident(c.order_sn, "order_sn")
    modified_at = text_time(c.updated_time, "updated_time", CHINA)
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(c.id, "id"),
        platform_order_no=order_sn,
        platform_line_no=line_no(order_sn),
        listing_id=ident_or(c.sku_id, "sku_id"),
        kind=kind,
        status=status,
        status_raw=status_raw,
        amount_minor=yuan_number_or(c.refund_amount, "refund_amount", 0),
        qty=count(c.goods_number, "goods_number", 0),
        reason=text(c.after_sale_reason),
        goods="returned" if waybill else GOODS.get(text(c.user_shipping_status), "unknown"),
        carrier=text(c.shipping_name),
        waybill=waybill,
        asked_at=text_time(c.created_time, "created_time", CHINA),
        modified_at=modified_at,
        done_at=modified_at if status == "done" else None,
        doubts=tuple(doubts),
    )
