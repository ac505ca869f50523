"""WooCommerce refunds as documents, one per line. Field by field from the sources named in woocommerce.py.

A refund is the merchant's own act, done when it is there, and never changes. Its number here is its order's and its own,
``1723-1726``; a second line of the same refund is told as a document of its own, ``1723-1726-1``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from adapters.core.fields import FieldError, Scalar, as_list, count, ident, ident_or, text
from adapters.core.iso import iso_time, iso_time_or, minor, minor_or
from adapters.core.parts import numbered, unwrap, wrap
from adapters.documents import Doubt, RefundDocument
from adapters.platforms._woocommerce_orders import Meta, line_of


class Line(msgspec.Struct):
    quantity: Scalar = None
    product_id: Scalar = None
    variation_id: Scalar = None
    total: Scalar = None
    total_tax: Scalar = None
    meta_data: list[Meta] | Meta | None = None


class Link(msgspec.Struct):
    href: Scalar = None


class Links(msgspec.Struct):
    up: list[Link] | Link | None = None


class Refund(msgspec.Struct):
    id: Scalar = None
    parent_id: Scalar = None
    date_created_gmt: Scalar = None
    amount: Scalar = None
    reason: Scalar = None
    line_items: list[Line] | Line | None = None
    links: Links | None = msgspec.field(default=None, name="_links")


class Head(msgspec.Struct):
    id: Scalar = None
    parent_id: Scalar = None
    date_created_gmt: Scalar = None
    links: Links | None = msgspec.field(default=None, name="_links")


class Shape(msgspec.Struct):
    line_items: list[msgspec.Raw] | None = None


_refund = msgspec.json.Decoder(Refund).decode
_head = msgspec.json.Decoder(Head).decode
_shape = msgspec.json.Decoder(Shape).decode


def items(raw: bytes) -> list[bytes]:
    """One item for each line of a refund; of one that cannot be taken apart, itself."""
    try:
        return wrap(raw, len(_shape(raw).line_items or ()))
    except msgspec.MsgspecError:
        return [raw]


def _order_of(refund: Refund | Head) -> str:
    """The number of its order: named by itself, or the end of the address above it."""
    if ident_or(refund.parent_id, "parent_id"):
        return ident(refund.parent_id, "parent_id")
    for link in as_list(refund.links.up if refund.links else None):
        tail = text(link.href).rstrip("/").rpartition("/")[2].partition("?")[0]
        if tail.isascii() and tail.isdigit():
            return tail
    raise FieldError("_links.up", "missing_field", "a refund without its order")


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an item."""
    inner, place = unwrap(raw)
    head = _head(inner)
    number = numbered(f"{_order_of(head)}-{ident(head.id, 'id')}", place)
    try:
        return number, iso_time_or(head.date_created_gmt, "date_created_gmt", UTC)
    except FieldError:
        return number, None


def refund(
    raw: bytes, *, platform: str, seller_id: str, currency_of: Callable[[str], str], usual: str
) -> RefundDocument:
    """Read one item. What is not for a line (freight, goodwill) goes with the first.

    currency_of: order number → its currency, empty when it is not known: then the `usual` one is taken and doubted.
    """
    inner, place = unwrap(raw)
    r = _refund(inner)
    doubts: list[Doubt] = []
    order, at = _order_of(r), iso_time(r.date_created_gmt, "date_created_gmt", UTC)
    currency = currency_of(order)
    if not currency:
        currency = usual
        doubts.append(Doubt(field="currency", why="not_sent"))
    lines = as_list(r.line_items)
    line = lines[place] if place < len(lines) else None
    amount = minor(r.amount, currency, "amount", doubts) - sum(_amount(x, currency, doubts) for x in lines[1:])
    if line is not None and place:
        amount = _amount(line, currency, doubts)
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=numbered(f"{order}-{ident(r.id, 'id')}", place),
        platform_order_no=order,
        platform_line_no=line_of(as_list(line.meta_data)) if line else "",
        listing_id=_listing(line) if line else "",
        kind="refund_only",
        status="done",
        status_raw="refunded",
        currency=currency,
        amount_minor=amount,
        qty=-count(line.quantity, "line_items.quantity", 0) if line else 0,
        reason=text(r.reason),
        asked_at=at,
        modified_at=at,
        done_at=at,
        doubts=tuple(doubts),
    )


def _amount(line: Line, currency: str, doubts: list[Doubt]) -> int:
    """What went back for a line, tax on top; told as negative amounts."""
    told = minor_or(line.total, currency, "line_items.total", doubts, 0)
    return -told - minor_or(line.total_tax, currency, "line_items.total_tax", doubts, 0)


def _listing(line: Line) -> str:
    return ident_or(line.variation_id, "variation_id") or ident_or(line.product_id, "product_id")
