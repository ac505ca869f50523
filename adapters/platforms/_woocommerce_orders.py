"""WooCommerce orders as documents. Field by field from the sources named in woocommerce.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from adapters.core.fields import FieldError, Scalar, as_list, count, ident, ident_or, masked, text
from adapters.core.iso import currency_of, iso_time, iso_time_or, minor, minor_or, place_key
from adapters.documents import (
    AdjustmentDocument,
    Doubt,
    LineDocument,
    OrderDocument,
    ParcelDocument,
    ReceiverDocument,
)

#: status → ours. A draft was not placed yet; what was refunded in whole is cancelled unless it had left before
STATUSES: Mapping[str, str] = {
    "pending": "unpaid", "on-hold": "unpaid", "failed": "unpaid", "checkout-draft": "unpaid", "auto-draft": "unpaid",
    "processing": "paid", "completed": "completed", "cancelled": "cancelled", "trash": "cancelled", "refunded": "cancelled",
}  # fmt: skip
#: where a ship notice leaves waybills and carriers, several with a comma between
NUMBER_KEY, CARRIER_KEY = "_tracking_number", "_tracking_provider"


class Meta(msgspec.Struct):
    key: Scalar = None
    #: plugins keep anything here
    value: object = None
    display_key: Scalar = None
    display_value: object = None


class Place(msgspec.Struct):
    first_name: Scalar = None
    last_name: Scalar = None
    company: Scalar = None
    address_1: Scalar = None
    address_2: Scalar = None
    city: Scalar = None
    state: Scalar = None
    postcode: Scalar = None
    country: Scalar = None
    phone: Scalar = None


class Line(msgspec.Struct):
    id: Scalar = None
    name: Scalar = None
    product_id: Scalar = None
    variation_id: Scalar = None
    quantity: Scalar = None
    subtotal: Scalar = None
    total: Scalar = None
    sku: Scalar = None
    meta_data: list[Meta] | Meta | None = None


class Fee(msgspec.Struct):
    name: Scalar = None
    total: Scalar = None


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    id: Scalar = None
    status: Scalar = None
    currency: Scalar = None
    date_created_gmt: Scalar = None
    date_modified_gmt: Scalar = None
    date_paid_gmt: Scalar = None
    date_completed_gmt: Scalar = None
    discount_total: Scalar = None
    shipping_total: Scalar = None
    total: Scalar = None
    total_tax: Scalar = None
    customer_id: Scalar = None
    customer_note: Scalar = None
    payment_method: Scalar = None
    billing: Place | None = None
    shipping: Place | None = None
    line_items: list[Line] | Line | None = None
    fee_lines: list[Fee] | Fee | None = None
    refunds: list[msgspec.Raw] | None = None
    meta_data: list[Meta] | Meta | None = None


class Head(msgspec.Struct):
    """What is needed to name an order that cannot be read."""

    id: Scalar = None
    date_modified_gmt: Scalar = None


class RefundedLine(msgspec.Struct):
    quantity: Scalar = None
    meta_data: list[Meta] | Meta | None = None


class Refunded(msgspec.Struct):
    line_items: list[RefundedLine] | RefundedLine | None = None


class WithRefunds(msgspec.Struct):
    """An order beside its refunds, which alone say which lines were paid back."""

    order: msgspec.Raw = msgspec.Raw()
    refunds: list[Refunded] = []


_order = msgspec.json.Decoder(Order).decode
_with_refunds = msgspec.json.Decoder(WithRefunds).decode
_head = msgspec.json.Decoder(Head).decode
_DERIVED = Doubt(field="ship_by", why="derived")
#: mark of an order that was refunded in part: its answer does not say which lines
REFUNDS_APART = Doubt(field="lines", why="refunds_apart")


def with_refunds(order: bytes, refunds: bytes) -> bytes:
    """An order and its refunds as one item."""
    return b'{"order":%b,"refunds":%b}' % (order, refunds)


def _taken_apart(raw: bytes) -> tuple[bytes, dict[str, int] | None]:
    """The order's bytes, and pieces paid back per line where its refunds are known."""
    both = _with_refunds(raw) if raw.startswith(b'{"order":{') else WithRefunds()
    if not bytes(both.order):
        return raw, None
    back: dict[str, int] = {}
    for refund in both.refunds:
        for line in as_list(refund.line_items):
            number = line_of(as_list(line.meta_data))
            back[number] = back.get(number, 0) - count(line.quantity, "refunds.line_items.quantity", 0)
    return bytes(both.order), back


def line_of(meta: Sequence[Meta]) -> str:
    """The line that a refund's line pays back, empty when it does not say."""
    found = [m.value for m in meta if text(m.key) == "_refunded_item_id"]
    return str(found[0]) if found and isinstance(found[0], (str, int)) else ""


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order."""
    head = _head(_taken_apart(raw)[0])
    number = ident(head.id, "id")
    try:
        return number, iso_time_or(head.date_modified_gmt, "date_modified_gmt", UTC)
    except FieldError:
        return number, None


def status_of(word: str, completed: bool, own: Mapping[str, str]) -> str:
    """The status; `own`: words of the shop's plugins. `completed`: it was complete at some time."""
    if word == "refunded" and completed:
        return "completed"
    return STATUSES.get(word) or own.get(word, "unknown")


def order(
    raw: bytes, *, platform: str, seller_id: str, ship_within_s: float, statuses: Mapping[str, str]
) -> OrderDocument:
    """Read one order."""
    inner, back = _taken_apart(raw)
    o = _order(inner)
    doubts: list[Doubt] = []
    if o.refunds and back is None and text(o.status) != "refunded":
        doubts.append(REFUNDS_APART)
    word = text(o.status)
    status = status_of(word, bool(text(o.date_completed_gmt)), statuses)
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=word))
    found = as_list(o.line_items)
    if not found:
        raise FieldError("line_items", "missing_field", "an order without lines")
    currency = currency_of(o.currency, "currency")
    lines = tuple(_line(x, word, status, currency, back or {}, doubts) for x in found)
    money = _Money(o, currency, lines, doubts)
    paid_at = iso_time_or(o.date_paid_gmt, "date_paid_gmt", UTC)
    ship_by = paid_at + timedelta(seconds=ship_within_s) if paid_at is not None and ship_within_s else None
    if ship_by is not None:
        doubts.append(_DERIVED)
    buyer, who = ident_or(o.customer_id, "customer_id"), _receiver(o.shipping or Place(), o.billing or Place())
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=ident(o.id, "id"),
        status=status,
        status_raw=word,
        ordered_at=iso_time(o.date_created_gmt, "date_created_gmt", UTC),
        paid_at=paid_at,
        modified_at=iso_time(o.date_modified_gmt, "date_modified_gmt", UTC),
        ship_by=ship_by,
        ended_at=iso_time_or(o.date_completed_gmt, "date_completed_gmt", UTC),
        currency=currency,
        goods_minor=money.goods,
        freight_minor=money.freight,
        tax_minor=money.tax,
        charges_minor=money.charges,
        adjustments=money.adjustments,
        payable_minor=money.payable,
        paid_minor=money.payable if paid_at is not None else 0,
        buyer_id=buyer,
        receiver=who,
        merge_key=_key(seller_id, buyer, who),
        flags=("cod",) if text(o.payment_method) == "cod" else (),
        buyer_remark=text(o.customer_note),
        lines=lines,
        parcels=parcels(as_list(o.meta_data)),
        doubts=tuple(doubts),
    )


class _Money:
    """total = Σ subtotal − discount_total + shipping_total + total_tax + Σ fees; all but the tax without tax."""

    def __init__(self, o: Order, currency: str, lines: Sequence[LineDocument], doubts: list[Doubt]) -> None:
        self.goods = sum(line.unit_minor * line.qty for line in lines)
        subtotal = sum(minor(x.subtotal, currency, "line_items.subtotal", doubts) for x in as_list(o.line_items))
        self.freight = minor_or(o.shipping_total, currency, "shipping_total", doubts, 0)
        self.tax = minor_or(o.total_tax, currency, "total_tax", doubts, 0)
        fees = [(text(f.name), minor_or(f.total, currency, "fee_lines.total", doubts, 0)) for f in as_list(o.fee_lines)]
        self.charges = sum(fee for _, fee in fees if fee > 0)
        self.payable = minor(o.total, currency, "total", doubts)
        discount = minor_or(o.discount_total, currency, "discount_total", doubts, 0)
        self.adjustments = tuple(
            AdjustmentDocument(kind=kind, minor=amount, borne_by="merchant", title=title)
            for kind, amount, title in (
                ("discount", -discount, ""),
                # a line's price may not divide by its pieces
                ("rounding", subtotal - self.goods, ""),
                *(("fee", fee, title) for title, fee in fees if fee < 0),
            )
            if amount
        )
        rest = (
            self.payable - self.goods - self.freight - self.tax - self.charges - sum(a.minor for a in self.adjustments)
        )
        if rest:
            doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))


def _line(x: Line, word: str, status: str, currency: str, back: Mapping[str, int], doubts: list[Doubt]) -> LineDocument:
    qty = count(x.quantity, "line_items.quantity")
    if qty < 1:
        raise FieldError("line_items.quantity", "bad_number", "not a number of pieces")
    product, variation = ident_or(x.product_id, "product_id"), ident_or(x.variation_id, "variation_id")
    number = ident(x.id, "line_items.id")
    unit = minor(x.subtotal, currency, "line_items.subtotal", doubts) // qty
    shown = [m for m in as_list(x.meta_data) if not text(m.key).startswith("_") and isinstance(m.display_value, str)]
    return LineDocument(
        platform_line_no=number,
        listing_id=variation or product,
        product_id=product,
        code=text(x.sku),
        title=text(x.name),
        variant=";".join(f"{text(m.display_key)}:{m.display_value}" for m in shown),
        qty=qty,
        unit_minor=unit,
        paid_minor=minor_or(x.total, currency, "line_items.total", doubts, None),
        gift=unit == 0,
        status={"shipped": "shipped", "completed": "shipped", "cancelled": "closed"}.get(status, "open"),
        # an order tells the sums of its refunds, but not their lines; only one refunded in whole says so of all
        refund="full" if word == "refunded" or back.get(number, 0) >= qty else "",
    )


def parcels(meta: Sequence[Meta]) -> tuple[ParcelDocument, ...]:
    """The parcels that a ship notice left in the order's meta data."""
    kept = {text(m.key): m.value for m in meta if text(m.key) in (NUMBER_KEY, CARRIER_KEY)}
    numbers, names = kept.get(NUMBER_KEY), kept.get(CARRIER_KEY)
    if not isinstance(numbers, str) or not numbers:
        return ()
    carriers = names.split(",") if isinstance(names, str) else []
    waybills = [n.strip() for n in numbers.split(",") if n.strip()]
    return tuple(
        ParcelDocument(carrier=carriers[i].strip() if i < len(carriers) else "", waybill=waybill)
        for i, waybill in enumerate(waybills)
    )


def _receiver(shipping: Place, billing: Place) -> ReceiverDocument:
    """Where it goes; an order without an address of its own goes to who pays."""
    fields = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode")
    a = shipping if any(text(getattr(shipping, f)) for f in fields) else billing
    name = " ".join(part for part in (text(a.first_name), text(a.last_name)) if part)
    phone = text(shipping.phone) or text(billing.phone)
    address = ", ".join(part for part in (text(a.company), text(a.address_1), text(a.address_2)) if part)
    return ReceiverDocument(
        name=name,
        phone=phone,
        address=address,
        zip=text(a.postcode),
        country=text(a.country),
        province=text(a.state),
        city=text(a.city),
        masked=masked(name, phone, address),
    )


def _key(seller_id: str, buyer: str, who: ReceiverDocument) -> str:
    """Orders of one registered customer to one address may merge; a guest's never do."""
    if not buyer or not who.address:
        return ""
    place = place_key(seller_id, who.name, who.phone, who.address, who.zip, who.city, who.province, who.country)
    return f"{buyer}|{place}" if place else ""
