"""Shopify orders as documents. Field by field from the sources named in shopify.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.core.fields import FieldError, Scalar, as_list, count, ident, ident_or, text, truth
from adapters.core.iso import currency_of, iso_time, iso_time_or, minor, place_key
from adapters.documents import (
    AdjustmentDocument,
    Doubt,
    LineDocument,
    OrderDocument,
    ParcelDocument,
    ReceiverDocument,
)

#: financial status → ours; "" leaves it to the fulfilment. AUTHORIZED is money held, not received
FINANCIAL: Mapping[str, str] = {
    "PENDING": "unpaid", "AUTHORIZED": "unpaid", "PARTIALLY_PAID": "unpaid", "PAID": "", "PARTIALLY_REFUNDED": "",
    "REFUNDED": "", "VOIDED": "cancelled", "EXPIRED": "cancelled",
}  # fmt: skip
FULFILMENT: Mapping[str, str] = {
    "UNFULFILLED": "paid", "OPEN": "paid", "IN_PROGRESS": "paid", "ON_HOLD": "paid", "SCHEDULED": "paid",
    "PENDING_FULFILLMENT": "paid", "REQUEST_DECLINED": "paid", "RESTOCKED": "paid", "FULFILLMENT_NOT_REQUIRED": "paid",
    "PARTIALLY_FULFILLED": "partly_shipped", "FULFILLED": "shipped",
}  # fmt: skip
#: paid, but Shopify does not take a fulfilment yet
HOLDS: Mapping[str, str] = {"ON_HOLD": "paused", "SCHEDULED": "scheduled"}
_RECEIVED = frozenset({"PAID", "PARTIALLY_REFUNDED", "REFUNDED"})
#: fulfilments that brought nothing on its way
_VOID = frozenset({"CANCELLED", "ERROR", "FAILURE"})


class Money(msgspec.Struct):
    amount: Scalar = None
    currencyCode: Scalar = None


class Bag(msgspec.Struct):
    shopMoney: Money | None = None


class Allocation(msgspec.Struct):
    allocatedAmountSet: Bag | None = None


class Product(msgspec.Struct):
    legacyResourceId: Scalar = None


class Variant(msgspec.Struct):
    legacyResourceId: Scalar = None
    product: Product | None = None


class Line(msgspec.Struct):
    id: Scalar = None
    sku: Scalar = None
    title: Scalar = None
    variantTitle: Scalar = None
    quantity: Scalar = None
    currentQuantity: Scalar = None
    unfulfilledQuantity: Scalar = None
    originalUnitPriceSet: Bag | None = None
    discountAllocations: list[Allocation] | Allocation | None = None
    variant: Variant | None = None


class PageInfo(msgspec.Struct):
    hasNextPage: Scalar = None
    endCursor: Scalar = None


class Lines(msgspec.Struct):
    nodes: list[Line] | Line | None = None
    pageInfo: PageInfo | None = None


class Place(msgspec.Struct):
    name: Scalar = None
    company: Scalar = None
    address1: Scalar = None
    address2: Scalar = None
    city: Scalar = None
    province: Scalar = None
    zip: Scalar = None
    countryCodeV2: Scalar = None
    phone: Scalar = None


class Transaction(msgspec.Struct):
    kind: Scalar = None
    status: Scalar = None
    processedAt: Scalar = None


class Ref(msgspec.Struct):
    id: Scalar = None


class Moved(msgspec.Struct):
    """Pieces of a line in a refund or in a fulfilment."""

    quantity: Scalar = None
    lineItem: Ref | None = None


class MovedLines(msgspec.Struct):
    nodes: list[Moved] | Moved | None = None


class Refund(msgspec.Struct):
    refundLineItems: MovedLines | None = None


class Tracking(msgspec.Struct):
    company: Scalar = None
    number: Scalar = None


class Fulfilment(msgspec.Struct):
    status: Scalar = None
    trackingInfo: list[Tracking] | Tracking | None = None
    fulfillmentLineItems: MovedLines | None = None


class Customer(msgspec.Struct):
    legacyResourceId: Scalar = None


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    legacyResourceId: Scalar = None
    createdAt: Scalar = None
    updatedAt: Scalar = None
    cancelledAt: Scalar = None
    closedAt: Scalar = None
    test: Scalar = None
    displayFinancialStatus: Scalar = None
    displayFulfillmentStatus: Scalar = None
    requiresShipping: Scalar = None
    currencyCode: Scalar = None
    taxesIncluded: Scalar = None
    note: Scalar = None
    customer: Customer | None = None
    shippingAddress: Place | None = None
    totalDiscountsSet: Bag | None = None
    totalShippingPriceSet: Bag | None = None
    totalTaxSet: Bag | None = None
    totalPriceSet: Bag | None = None
    totalReceivedSet: Bag | None = None
    totalTipReceivedSet: Bag | None = None
    originalTotalDutiesSet: Bag | None = None
    originalTotalAdditionalFeesSet: Bag | None = None
    lineItems: Lines | None = None
    transactions: list[Transaction] | Transaction | None = None
    refunds: list[Refund] | Refund | None = None
    fulfillments: list[Fulfilment] | Fulfilment | None = None


class Head(msgspec.Struct):
    """What is needed to name an order that cannot be read."""

    legacyResourceId: Scalar = None
    updatedAt: Scalar = None


_order = msgspec.json.Decoder(Order).decode
_head = msgspec.json.Decoder(Head).decode

#: mark of an order with more lines than its answer held
MORE_LINES = Doubt(field="lines", why="more_lines")
_DERIVED = Doubt(field="ship_by", why="derived")


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order."""
    head = _head(raw)
    number = ident(head.legacyResourceId, "legacyResourceId")
    try:
        return number, iso_time_or(head.updatedAt, "updatedAt")
    except FieldError:
        return number, None


def tail(gid: Scalar, field: str) -> str:
    """The number at the end of a global id (``gid://shopify/LineItem/150``)."""
    return ident(ident(gid, field).rpartition("/")[2], field)


def amount(bag: Bag | None, currency: str, field: str, doubts: list[Doubt]) -> int:
    """An amount in the shop's currency.

    Raises:
        FieldError: there is none, or it says that it is in another currency.
    """
    money = bag.shopMoney if bag is not None else None
    if money is None:
        raise FieldError(field, "missing_field", "no amount")
    if money.currencyCode is not None and currency_of(money.currencyCode, field) != currency:
        raise FieldError(field, "bad_currency", "not in the order's currency")
    return minor(money.amount, currency, field, doubts)


def amount_or(bag: Bag | None, currency: str, field: str, doubts: list[Doubt]) -> int:
    """Like `amount`; nothing is 0."""
    return amount(bag, currency, field, doubts) if bag is not None and bag.shopMoney is not None else 0


def order(raw: bytes, *, platform: str, seller_id: str, ship_within_s: float) -> OrderDocument:
    """Read one order."""
    o = _order(raw)
    doubts: list[Doubt] = []
    financial, fulfilment = text(o.displayFinancialStatus), text(o.displayFulfillmentStatus)
    status = _status(o, financial, fulfilment)
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=f"{financial}/{fulfilment}"))
    currency = currency_of(o.currencyCode, "currencyCode")
    parcels = _parcels(_real(o.fulfillments))
    lines = _lines(o, status, currency, doubts)
    money = _Money(o, currency, lines, doubts)
    paid_at = _paid_at(as_list(o.transactions))
    ship_by = paid_at + timedelta(seconds=ship_within_s) if paid_at is not None and ship_within_s else None
    if ship_by is not None:
        doubts.append(_DERIVED)
    buyer = ident_or(o.customer.legacyResourceId, "customer.legacyResourceId") if o.customer else ""
    who = _receiver(o.shippingAddress)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=ident(o.legacyResourceId, "legacyResourceId"),
        status=status,
        status_raw=_words(o, financial, fulfilment),
        platform_hold=_hold(o, status, fulfilment),
        ordered_at=iso_time(o.createdAt, "createdAt"),
        paid_at=paid_at,
        modified_at=iso_time(o.updatedAt, "updatedAt"),
        ship_by=ship_by,
        ended_at=iso_time_or(o.cancelledAt, "cancelledAt") or iso_time_or(o.closedAt, "closedAt"),
        currency=currency,
        goods_minor=money.goods,
        freight_minor=money.freight,
        tax_minor=money.tax,
        charges_minor=money.charges,
        adjustments=money.adjustments,
        payable_minor=money.payable,
        paid_minor=money.payable if financial in _RECEIVED else money.received,
        buyer_id=buyer,
        receiver=who,
        merge_key=_key(seller_id, buyer, who),
        flags=("virtual",) if o.requiresShipping is False else (),
        buyer_remark=text(o.note),
        lines=lines,
        parcels=parcels,
        doubts=tuple(doubts),
    )


def _status(o: Order, financial: str, fulfilment: str) -> str:
    """The first rule that holds wins. Returns stand beside the order, and what went back after it left was shipped."""
    if text(o.cancelledAt):
        return "cancelled"
    money = FINANCIAL.get(financial, "unknown")
    goods = FULFILMENT.get(fulfilment, "unknown")
    if money or goods == "unknown":
        return money or goods
    if financial == "REFUNDED" and goods == "paid":
        return "cancelled"
    return "completed" if goods == "shipped" and text(o.closedAt) else goods


def _words(o: Order, financial: str, fulfilment: str) -> str:
    words = f"{financial}/{fulfilment}"
    return f"{words}/cancelled" if text(o.cancelledAt) else f"{words}/closed" if text(o.closedAt) else words


def _hold(o: Order, status: str, fulfilment: str) -> str:
    if status not in ("paid", "partly_shipped"):
        return ""
    return "test_order" if truth(o.test, "test") else HOLDS.get(fulfilment, "")


def _paid_at(transactions: Sequence[Transaction]) -> datetime | None:
    times = [
        iso_time_or(t.processedAt, "transactions.processedAt")
        for t in transactions
        if t.status == "SUCCESS" and t.kind in ("SALE", "CAPTURE")
    ]
    return min((at for at in times if at is not None), default=None)


class _Money:
    """totalPriceSet = goods − totalDiscountsSet + freight + tax (unless inside) + duties, fees and tips."""

    def __init__(self, o: Order, currency: str, lines: Sequence[LineDocument], doubts: list[Doubt]) -> None:
        self.goods = sum(line.unit_minor * line.qty for line in lines)
        self.freight = amount_or(o.totalShippingPriceSet, currency, "totalShippingPriceSet", doubts)
        inside = truth(o.taxesIncluded, "taxesIncluded")
        self.tax = 0 if inside else amount_or(o.totalTaxSet, currency, "totalTaxSet", doubts)
        self.charges = sum(
            amount_or(getattr(o, field), currency, field, doubts)
            for field in ("totalTipReceivedSet", "originalTotalDutiesSet", "originalTotalAdditionalFeesSet")
        )
        discount = amount_or(o.totalDiscountsSet, currency, "totalDiscountsSet", doubts)
        self.adjustments = (
            (AdjustmentDocument(kind="discount", minor=-discount, borne_by="merchant"),) if discount else ()
        )
        self.payable = amount(o.totalPriceSet, currency, "totalPriceSet", doubts)
        self.received = amount_or(o.totalReceivedSet, currency, "totalReceivedSet", doubts)
        rest = self.payable - self.goods + discount - self.freight - self.tax - self.charges
        if rest:
            doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))


def _lines(o: Order, status: str, currency: str, doubts: list[Doubt]) -> tuple[LineDocument, ...]:
    page = o.lineItems or Lines()
    found = as_list(page.nodes)
    if not found:
        raise FieldError("lineItems", "missing_field", "an order without lines")
    if page.pageInfo is not None and page.pageInfo.hasNextPage is True:
        doubts.append(MORE_LINES)
    sent = {no for one in _real(o.fulfillments) for no, _ in _moved(one.fulfillmentLineItems)}
    refunded = {no for refund in as_list(o.refunds) for no, _ in _moved(refund.refundLineItems)}
    return tuple(_line(x, status, currency, sent, refunded, doubts) for x in found)


def _line(x: Line, status: str, currency: str, sent: set[str], refunded: set[str], doubts: list[Doubt]) -> LineDocument:
    number = tail(x.id, "lineItems.id")
    qty = count(x.quantity, "lineItems.quantity")
    left = count(x.currentQuantity, "lineItems.currentQuantity", qty)
    unsent = count(x.unfulfilledQuantity, "lineItems.unfulfilledQuantity", qty)
    unit = amount(x.originalUnitPriceSet, currency, "lineItems.originalUnitPriceSet", doubts)
    off = sum(
        amount(a.allocatedAmountSet, currency, "lineItems.discountAllocations", doubts)
        for a in as_list(x.discountAllocations)
    )
    state = "open"
    if (number in sent and not unsent) or (not unsent and left):
        state = "shipped"
    elif status == "cancelled" or not left:
        state = "closed"
    variant = x.variant or Variant()
    return LineDocument(
        platform_line_no=number,
        listing_id=ident_or(variant.legacyResourceId, "variant.legacyResourceId"),
        product_id=ident_or(variant.product.legacyResourceId, "variant.product") if variant.product else "",
        code=text(x.sku),
        title=text(x.title),
        variant=text(x.variantTitle),
        qty=qty,
        unit_minor=unit,
        paid_minor=unit * qty - off,
        gift=unit == 0,
        status=state,
        # A line taken out by an edit looks the same as one paid back: only a refund that names it says so.
        refund="full" if not left and number in refunded else "",
    )


def _real(fulfilments: list[Fulfilment] | Fulfilment | None) -> list[Fulfilment]:
    """Those that brought something on its way."""
    return [one for one in as_list(fulfilments) if text(one.status) not in _VOID]


def _moved(lines: MovedLines | None) -> tuple[tuple[str, int], ...]:
    """(line number, pieces) of a refund or a fulfilment."""
    return tuple(
        (tail(moved.lineItem.id, "lineItem.id"), count(moved.quantity, "quantity", 0))
        for moved in as_list((lines or MovedLines()).nodes)
        if moved.lineItem is not None
    )


def _parcels(fulfilments: Sequence[Fulfilment]) -> tuple[ParcelDocument, ...]:
    return tuple(
        ParcelDocument(carrier=text(t.company), waybill=text(t.number), lines=_moved(one.fulfillmentLineItems))
        for one in fulfilments
        for t in as_list(one.trackingInfo)
        if text(t.number)
    )


def _receiver(a: Place | None) -> ReceiverDocument:
    if a is None:
        return ReceiverDocument(country="")
    parts = (text(a.company), text(a.address1), text(a.address2))
    return ReceiverDocument(
        name=text(a.name),
        phone=text(a.phone),
        address=", ".join(part for part in parts if part),
        zip=text(a.zip),
        country=text(a.countryCodeV2),
        province=text(a.province),
        city=text(a.city),
    )


def _key(seller_id: str, buyer: str, who: ReceiverDocument) -> str:
    """Orders of one known customer to one address may merge; a guest's never do."""
    if not buyer or not who.address:
        return ""
    place = place_key(seller_id, who.name, who.phone, who.address, who.zip, who.city, who.province, who.country)
    return f"{buyer}|{place}" if place else ""
