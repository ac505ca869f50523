"""Shopee returns and cancellations of paid orders as documents. Field by field from the notes named in shopee.py.

A return has a record of its own. A cancellation has none: while the buyer asks for it, the order's lines say so; once the
paid order is cancelled its money is back, and the refund made of the order is named after it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import FieldError, Scalar, as_list, count, epoch_time, epoch_time_or, ident, text
from adapters.core.iso import currency_of, number_minor
from adapters.documents import Doubt, RefundDocument
from adapters.platforms import _shopee_orders as orders

#: before the number of an order: the refund of its cancellation
CANCEL = "cancel-"
STATUSES = {
    "REQUESTED": "asked", "PROCESSING": "asked", "ACCEPTED": "approved", "JUDGING": "asked", "SELLER_DISPUTE": "asked",
    "REFUND_PAID": "done", "CLOSED": "closed", "CANCELLED": "closed",
}  # fmt: skip
#: return_solution
KINDS = {"0": "return", "1": "refund_only"}


class Item(msgspec.Struct):
    item_id: Scalar = None
    model_id: Scalar = None
    amount: Scalar = None


class Return(msgspec.Struct):
    """One element of the return list."""

    return_sn: Scalar = None
    order_sn: Scalar = None
    refund_amount: msgspec.Raw = msgspec.Raw()
    currency: Scalar = None
    reason: Scalar = None
    status: Scalar = None
    return_solution: Scalar = None
    item: list[Item] | Item | None = None
    create_time: Scalar = None
    update_time: Scalar = None
    tracking_number: Scalar = None


_return = msgspec.json.Decoder(Return).decode


class _Head(msgspec.Struct):
    return_sn: Scalar = None
    update_time: Scalar = None


_head = msgspec.json.Decoder(_Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a return, or of an order that was cancelled."""
    head = _head(raw)
    if head.return_sn is None:
        number, moment = orders.identify(raw)
        return f"{CANCEL}{number}", moment
    number = ident(head.return_sn, "return_sn")
    try:
        return number, epoch_time_or(head.update_time, "update_time")
    except FieldError:
        return number, None


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one return, or the cancellation of an order."""
    sent = _return(raw)
    if sent.return_sn is None:
        return _cancellation(raw, platform, seller_id)
    doubts: list[Doubt] = []
    status_raw = text(sent.status)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    currency = currency_of(sent.currency, "currency")
    items = as_list(sent.item)
    kind, waybill = KINDS.get(text(sent.return_solution), "unknown"), text(sent.tracking_number)
    if status == "approved" and waybill and kind == "return":
        status = "goods_back"
    modified = epoch_time(sent.update_time, "update_time")
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(sent.return_sn, "return_sn"),
        platform_order_no=ident(sent.order_sn, "order_sn"),
        listing_id=orders.listing_of(items[0].item_id, items[0].model_id, "item") if len(items) == 1 else "",
        kind=kind,
        status=status,
        status_raw=status_raw,
        currency=currency,
        amount_minor=number_minor(sent.refund_amount, currency, "refund_amount"),
        qty=sum(count(x.amount, "item.amount", 0) for x in items),
        reason=text(sent.reason),
        goods="returned" if waybill else "unknown",
        waybill=waybill,
        asked_at=epoch_time(sent.create_time, "create_time"),
        modified_at=modified,
        done_at=modified if status == "done" else None,
        doubts=tuple(doubts),
    )


def _cancellation(raw: bytes, platform: str, seller_id: str) -> RefundDocument:
    """What was paid for an order that is cancelled went back; of one that was not paid, nothing."""
    o = orders.read(raw)
    number, currency = ident(o.order_sn, "order_sn"), currency_of(o.currency, "currency")
    status_raw, modified = text(o.order_status), epoch_time(o.update_time, "update_time")
    lines = as_list(o.item_list)
    qty = sum(count(x.model_quantity_purchased, "item_list.model_quantity_purchased") for x in lines)
    back = sum(count(x.returned_qty, "item_list.returned_qty", 0) for x in lines)
    # of what was returned before, the returns tell
    paid = epoch_time_or(o.pay_time, "pay_time") is not None and back < qty
    # the order may have gone on since the list was made
    status = "asked" if status_raw == "IN_CANCEL" else "done" if status_raw == "CANCELLED" and paid else "closed"
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=f"{CANCEL}{number}",
        platform_order_no=number,
        kind="before_shipping",
        status=status,
        status_raw=status_raw,
        currency=currency,
        amount_minor=number_minor(o.total_amount, currency, "total_amount") if paid else 0,
        qty=qty,
        reason=text(o.buyer_cancel_reason) or text(o.cancel_reason),
        goods="not_received",
        asked_at=modified,
        modified_at=modified,
        done_at=modified if status == "done" else None,
        doubts=(Doubt(field="amount_minor", why="unit_unproven", raw=f"{back} of {qty} returned"),)
        if paid and back
        else (),
    )
