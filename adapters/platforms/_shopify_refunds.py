"""Shopify's returns and refunds as documents, one per line item.

A return is what a buyer asks and the goods' way back; its refunds are its end. A refund that belongs to no return is
money paid back by the merchant, first seen when it is done. An open return has no time of change of its own: its order's
moves whenever it changes, and stands for it. What is over changed last when it ended.

Numbers: ``R`` and the return's id, or the refund's id; a second line item of the same one is told as a document of its
own, numbered ``…-1`` and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from adapters.core.fields import FieldError, Scalar, as_list, count, ident, raw_list, text, truth
from adapters.core.iso import currency_of, iso_time, iso_time_or
from adapters.core.parts import numbered, unwrap, wrap
from adapters.documents import Doubt, RefundDocument
from adapters.platforms._shopify_orders import Allocation, Bag, Ref, amount, amount_or, tail

#: status of a return → ours; a closed one is done when money went back
RETURNS: Mapping[str, str] = {
    "REQUESTED": "asked", "OPEN": "approved", "DECLINED": "refused", "CANCELED": "closed", "CLOSED": "closed",
}  # fmt: skip

#: what a refund did with the goods → its kind
KINDS: Mapping[str, str] = {
    "CANCEL": "before_shipping", "RETURN": "return", "NO_RESTOCK": "refund_only", "LEGACY_RESTOCK": "refund_only",
}  # fmt: skip


class Owner(msgspec.Struct):
    legacyResourceId: Scalar = None
    updatedAt: Scalar = None
    currencyCode: Scalar = None
    taxesIncluded: Scalar = None


class Tax(msgspec.Struct):
    priceSet: Bag | None = None


class Sold(msgspec.Struct):
    """The order line of a returned line."""

    id: Scalar = None
    quantity: Scalar = None
    originalUnitPriceSet: Bag | None = None
    discountAllocations: list[Allocation] | Allocation | None = None
    taxLines: list[Tax] | Tax | None = None


class Fulfilled(msgspec.Struct):
    lineItem: Sold | None = None


class ReturnedLine(msgspec.Struct):
    quantity: Scalar = None
    returnReason: Scalar = None
    returnReasonNote: Scalar = None
    fulfillmentLineItem: Fulfilled | None = None


class ReturnedLines(msgspec.Struct):
    nodes: list[ReturnedLine] | ReturnedLine | None = None


class RefundedLine(msgspec.Struct):
    quantity: Scalar = None
    restockType: Scalar = None
    subtotalSet: Bag | None = None
    totalTaxSet: Bag | None = None
    lineItem: Ref | None = None


class RefundedLines(msgspec.Struct):
    nodes: list[RefundedLine] | RefundedLine | None = None


class Paid(msgspec.Struct):
    """A refund of a return."""

    processedAt: Scalar = None
    refundLineItems: RefundedLines | None = None


class PaidList(msgspec.Struct):
    nodes: list[Paid] | Paid | None = None


class Tracking(msgspec.Struct):
    number: Scalar = None
    carrierName: Scalar = None


class Deliverable(msgspec.Struct):
    tracking: Tracking | None = None


class Delivery(msgspec.Struct):
    deliverable: Deliverable | None = None


class Deliveries(msgspec.Struct):
    nodes: list[Delivery] | Delivery | None = None


class WayBack(msgspec.Struct):
    reverseDeliveries: Deliveries | None = None


class WaysBack(msgspec.Struct):
    nodes: list[WayBack] | WayBack | None = None


class Case(msgspec.Struct):
    """A return or a refund; `status` is only a return's."""

    id: Scalar = None
    status: Scalar = None
    createdAt: Scalar = None
    closedAt: Scalar = None
    processedAt: Scalar = None
    updatedAt: Scalar = None
    note: Scalar = None
    order: Owner | None = None
    returnLineItems: ReturnedLines | None = None
    reverseFulfillmentOrders: WaysBack | None = None
    refunds: PaidList | None = None
    refundLineItems: RefundedLines | None = None
    totalRefundedSet: Bag | None = None


class HeadOwner(msgspec.Struct):
    updatedAt: Scalar = None


class Head(msgspec.Struct):
    """What is needed to name a case that cannot be read."""

    id: Scalar = None
    closedAt: Scalar = None
    updatedAt: Scalar = None
    order: HeadOwner | None = None


class Shape(msgspec.Struct):
    """How many documents a case is, and whether another case tells it."""

    returnLineItems: ReturnedLines | None = None
    refundLineItems: RefundedLines | None = None
    of: Ref | None = msgspec.field(default=None, name="return")


class Nodes(msgspec.Struct):
    nodes: msgspec.Raw = msgspec.Raw()


class CasesOfOrder(msgspec.Struct):
    returns: Nodes | None = None
    refunds: msgspec.Raw = msgspec.Raw()


_case = msgspec.json.Decoder(Case).decode
_head = msgspec.json.Decoder(Head).decode
_shape = msgspec.json.Decoder(Shape).decode
_of_order = msgspec.json.Decoder(CasesOfOrder).decode


def cut(raw_order: bytes) -> list[bytes]:
    """The items inside one order of a page of cases; one that cannot be taken apart is itself the item."""
    try:
        got = _of_order(raw_order)
    except msgspec.MsgspecError:
        return [raw_order]
    cases = (raw_list(got.returns.nodes) if got.returns else []) + raw_list(got.refunds)
    return [item for case in cases for item in items(case)]


def items(case: bytes) -> list[bytes]:
    """One item for each line of a case; none of a refund that its return tells."""
    try:
        shape = _shape(case)
    except msgspec.MsgspecError:
        return [case]
    if shape.of is not None:
        return []
    lines = shape.returnLineItems.nodes if shape.returnLineItems else None
    refunded = shape.refundLineItems.nodes if shape.refundLineItems else None
    return wrap(case, max(len(as_list(lines)), len(as_list(refunded))))


def _number(case: Case | Head, place: int) -> str:
    gid = ident(case.id, "id")
    return numbered(("R" if "/Return/" in gid else "") + tail(gid, "id"), place)


def gid_of(number: str) -> str:
    """The global id of a case by our number of one of its lines."""
    plain = number.partition("-")[0]
    kind = "Return" if plain.startswith("R") else "Refund"
    return f"gid://shopify/{kind}/{plain.removeprefix('R')}"


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an item."""
    inner, place = unwrap(raw)
    head = _head(inner)
    number = _number(head, place)
    try:
        return number, _changed(head)
    except FieldError:
        return number, None


def _changed(case: Case | Head) -> datetime | None:
    """When a case changed last: a refund says so, a return when it is over; of an open one its order says it."""
    own = iso_time_or(case.updatedAt, "updatedAt") or iso_time_or(case.closedAt, "closedAt")
    return own or (iso_time_or(case.order.updatedAt, "order.updatedAt") if case.order else None)


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one item."""
    inner, place = unwrap(raw)
    case = _case(inner)
    if case.order is None:
        raise FieldError("order", "missing_field", "a case without its order")
    doubts: list[Doubt] = []
    made = partial(
        RefundDocument,
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=_number(case, place),
        platform_order_no=ident(case.order.legacyResourceId, "order.legacyResourceId"),
        currency=currency_of(case.order.currencyCode, "order.currencyCode"),
        asked_at=iso_time(case.createdAt if case.createdAt is not None else case.processedAt, "createdAt"),
        modified_at=_changed(case) or iso_time(case.order.updatedAt, "order.updatedAt"),
    )
    told = _return(case, case.order, place, doubts) if case.returnLineItems else _paid(case, case.order, place, doubts)
    return made(**told, doubts=tuple(doubts))


def _return(case: Case, owner: Owner, place: int, doubts: list[Doubt]) -> dict[str, Any]:
    """A return: its state, and what was or will be paid for this line."""
    lines = as_list(case.returnLineItems.nodes) if case.returnLineItems else ()
    if place >= len(lines):
        raise FieldError("returnLineItems", "missing_field", "a return without lines")
    line = lines[place]
    sold = line.fulfillmentLineItem.lineItem if line.fulfillmentLineItem else None
    number = tail(sold.id, "lineItem.id") if sold else ""
    payments = as_list(case.refunds.nodes) if case.refunds else ()
    mine = [
        (payment, moved)
        for payment in payments
        for moved in as_list(payment.refundLineItems.nodes if payment.refundLineItems else None)
        if moved.lineItem is not None and tail(moved.lineItem.id, "lineItem.id") == number
    ]
    raw = text(case.status)
    status = RETURNS.get(raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=raw))
    way, done_at = _way_back(case), None
    if status == "approved" and way is not None:
        status = "goods_back"
    if mine:
        minor = sum(_line_amount(moved, owner, doubts) for _, moved in mine)
        status = "done" if raw in ("CLOSED", "OPEN") else status
        done_at = iso_time_or(mine[-1][0].processedAt, "refunds.processedAt") if status == "done" else None
    else:
        minor = _share(sold, count(line.quantity, "quantity", 0), owner, doubts) if sold else 0
        doubts.append(Doubt(field="amount_minor", why="derived"))
    return {
        "kind": "return", "status": status, "status_raw": raw, "platform_line_no": number, "amount_minor": minor,
        "qty": count(line.quantity, "quantity", 0), "reason": text(line.returnReasonNote) or text(line.returnReason),
        "goods": "returned" if way is not None or any(moved.restockType == "RETURN" for _, moved in mine) else "received",
        "carrier": text(way.carrierName) if way else "", "waybill": text(way.number) if way else "", "done_at": done_at,
    }  # fmt: skip


def _way_back(case: Case) -> Tracking | None:
    """The first parcel that is on its way back."""
    for way in as_list(case.reverseFulfillmentOrders.nodes if case.reverseFulfillmentOrders else None):
        for delivery in as_list(way.reverseDeliveries.nodes if way.reverseDeliveries else None):
            told = delivery.deliverable.tracking if delivery.deliverable else None
            if told is not None and text(told.number):
                return told
    return None


def _share(sold: Sold, qty: int, owner: Owner, doubts: list[Doubt]) -> int:
    """What was paid for so many pieces of a line: its part of the price after discounts, and of the tax on top."""
    currency, of = currency_of(owner.currencyCode, "order.currencyCode"), count(sold.quantity, "lineItem.quantity")
    whole = amount(sold.originalUnitPriceSet, currency, "originalUnitPriceSet", doubts) * of
    for allocation in as_list(sold.discountAllocations):
        whole -= amount_or(allocation.allocatedAmountSet, currency, "discountAllocations", doubts)
    if not truth(owner.taxesIncluded, "taxesIncluded"):
        whole += sum(amount_or(t.priceSet, currency, "taxLines.priceSet", doubts) for t in as_list(sold.taxLines))
    return whole * min(qty, of) // of if of > 0 else 0


def _paid(case: Case, owner: Owner, place: int, doubts: list[Doubt]) -> dict[str, Any]:
    """A refund of the merchant's own: what is not for a line (freight, goodwill) goes with the first."""
    lines: Sequence[RefundedLine] = as_list(case.refundLineItems.nodes) if case.refundLineItems else ()
    currency = currency_of(owner.currencyCode, "order.currencyCode")
    total = amount(case.totalRefundedSet, currency, "totalRefundedSet", doubts)
    line = lines[place] if place < len(lines) else None
    minor = total - sum(_line_amount(x, owner, doubts) for x in lines[1:])
    if line is not None and place:
        minor = _line_amount(line, owner, doubts)
    restock = text(line.restockType) if line else ""
    number = tail(line.lineItem.id, "lineItem.id") if line and line.lineItem else ""
    return {
        "kind": KINDS.get(restock, "refund_only"), "status": "done", "status_raw": restock or "REFUND",
        "platform_line_no": number, "amount_minor": minor, "qty": count(line.quantity, "quantity", 0) if line else 0,
        "reason": text(case.note), "goods": "returned" if restock == "RETURN" else "unknown",
        "done_at": iso_time_or(case.processedAt, "processedAt"),
    }  # fmt: skip


def _line_amount(line: RefundedLine, owner: Owner, doubts: list[Doubt]) -> int:
    currency = currency_of(owner.currencyCode, "order.currencyCode")
    minor = amount(line.subtotalSet, currency, "refundLineItems.subtotalSet", doubts)
    if not truth(owner.taxesIncluded, "taxesIncluded"):
        minor += amount_or(line.totalTaxSet, currency, "refundLineItems.totalTaxSet", doubts)
    return minor
