"""Vipshop refunds: applications to cancel before shipping, and after-sale cases. A case's number here begins with S."""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import (
    CHINA,
    FieldError,
    Scalar,
    as_list,
    count,
    ident,
    text,
    text_time,
    text_time_or,
    yuan,
    yuan_number,
)
from adapters.documents import Doubt, RefundDocument
from adapters.platforms import _vipshop_orders as orders

APPLICATION_STATUSES = {"1": "asked", "2": "approved", "3": "refused", "4": "closed"}
CASE_STATUSES = {
    "0": "asked", "1": "approved", "2": "refused", "3": "approved", "4": "refused", "9": "done", "10": "closed",
}  # fmt: skip
#: 0 refused at the door, 1 return: goods come back either way
CASE_KINDS = {"0": "return", "1": "return"}


class Brief(msgspec.Struct):
    order_id: Scalar = None
    asc_sn: Scalar = None
    asc_type: Scalar = None
    asc_time: Scalar = None
    asc_status: Scalar = None
    user_remark: Scalar = None


class Transport(msgspec.Struct):
    transport_no: Scalar = None
    carriers_code: Scalar = None


class Money(msgspec.Struct):
    #: a JSON number: read by its digits
    refund_total: msgspec.Raw = msgspec.Raw()


class Product(msgspec.Struct):
    sku_id: Scalar = None
    quantity: Scalar = None
    return_reason: Scalar = None


class Info(msgspec.Struct):
    """The answer of getAscInfo."""

    transport_info: Transport | None = None
    refund_info: Money | None = None
    asc_products: list[Product] | Product | None = None


class Row(msgspec.Struct):
    """A case with its `info`, or an application; the `order` of either. What is unset comes from further calls."""

    asc_brief: Brief | None = None
    info: Info | msgspec.UnsetType | None = msgspec.UNSET
    apply_sn: Scalar = None
    order_id: Scalar = None
    reason_choice_remark: Scalar = None
    audit_status: Scalar = None
    order_status: Scalar = None
    order: orders.Order | None = None


decode = msgspec.json.Decoder(Row).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an application or case."""
    row = decode(raw)
    brief = row.asc_brief
    number = ident(row.apply_sn, "apply_sn") if brief is None else f"S{ident(brief.asc_sn, 'asc_sn')}"
    try:
        return number, _modified(row)
    except FieldError:
        return number, None


def _modified(row: Row) -> datetime | None:
    """The last change of the order: neither an application nor a case tells one of its own."""
    made = text_time_or(row.asc_brief.asc_time, "asc_time", CHINA) if row.asc_brief else None
    moved = text_time_or(row.order.last_update_time, "order.last_update_time", CHINA) if row.order else None
    return max((t for t in (made, moved) if t is not None), default=None)


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one application or case."""
    row = decode(raw)
    if row.asc_brief is not None:
        return _case(row, row.asc_brief, platform, seller_id)
    return _application(row, platform, seller_id)


def _case(row: Row, brief: Brief, platform: str, seller_id: str) -> RefundDocument:
    """Its only time is when it was made; that of its order's last change stands for its own."""
    info = row.info if isinstance(row.info, Info) else Info()
    doubts: list[Doubt] = [Doubt(field="modified_at", why="derived" if row.order is not None else "not_sent")]
    code = text(brief.asc_status)
    status = CASE_STATUSES.get(code, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=code))
    transport = info.transport_info or Transport()
    sent_back = text(transport.transport_no)
    if status == "approved" and sent_back:
        status = "goods_back"
    amount = 0
    if row.info is msgspec.UNSET:
        doubts.append(Doubt(field="amount_minor", why="not_sent"))
    else:
        amount = yuan_number((info.refund_info or Money()).refund_total, "refund_info.refund_total")
    products = as_list(info.asc_products)
    one = products[0] if len(products) == 1 else Product()
    asked_at = text_time(brief.asc_time, "asc_time", CHINA)
    modified = _modified(row) or asked_at
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=f"S{ident(brief.asc_sn, 'asc_sn')}",
        platform_order_no=ident(brief.order_id, "order_id"),
        platform_line_no=text(one.sku_id),
        listing_id=text(one.sku_id),
        kind=CASE_KINDS.get(text(brief.asc_type), "unknown"),
        status=status,
        status_raw=code,
        amount_minor=amount,
        qty=sum(count(p.quantity, "asc_products.quantity", 0) for p in products),
        reason=text(brief.user_remark) or text(one.return_reason),
        goods="returned" if sent_back else "unknown",
        carrier=text(transport.carriers_code),
        waybill=sent_back,
        asked_at=asked_at,
        modified_at=modified,
        done_at=modified if status == "done" else None,
        doubts=tuple(doubts),
    )


def _application(row: Row, platform: str, seller_id: str) -> RefundDocument:
    """It tells neither time nor amount: its order's stand for them, as the whole order is cancelled."""
    if row.order is None:
        raise FieldError("order", "missing_field", "an application without its order")
    doubts = [Doubt(field=field, why="derived") for field in ("amount_minor", "asked_at", "modified_at")]
    code, order_code = text(row.audit_status), orders.code_of(row.order.status)
    status = APPLICATION_STATUSES.get(code, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=code))
    elif status == "approved" and orders.STATUSES.get(order_code) == "cancelled":
        status = "done"
    modified = text_time(row.order.last_update_time, "order.last_update_time", CHINA)
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(row.apply_sn, "apply_sn"),
        platform_order_no=ident(row.order_id, "order_id"),
        kind="before_shipping",
        status=status,
        status_raw=code,
        amount_minor=yuan(row.order.payable_fee, "order.payable_fee", doubts),
        reason=text(row.reason_choice_remark),
        goods="not_received",
        asked_at=text_time(row.order.created, "order.created", CHINA),
        modified_at=modified,
        done_at=modified if status == "done" else None,
        doubts=tuple(doubts),
    )
