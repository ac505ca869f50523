"""Shopee orders as documents. Field by field from the notes named in shopee.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from adapters.core.fields import (
    FieldError,
    Scalar,
    as_list,
    count,
    epoch_time,
    epoch_time_or,
    ident,
    ident_or,
    masked,
    text,
    truth,
)
from adapters.core.iso import currency_of, number_minor, number_minor_or, place_key
from adapters.documents import AdjustmentDocument, Doubt, LineDocument, OrderDocument, ReceiverDocument

STATUSES = {
    "UNPAID": "unpaid", "PENDING": "paid", "INVOICE_PENDING": "paid", "READY_TO_SHIP": "paid", "RETRY_SHIP": "paid",
    "PROCESSED": "paid", "SHIPPED": "shipped", "TO_CONFIRM_RECEIVE": "shipped", "IN_CANCEL": "paid", "TO_RETURN": "shipped",
    "CANCELLED": "cancelled", "COMPLETED": "completed",
}  # fmt: skip
#: paid, but not to be shipped yet
HOLDS = {"PENDING": "pending", "INVOICE_PENDING": "invoice_pending"}
#: the money of the whole order is asked back
ASKED = frozenset({"IN_CANCEL", "TO_RETURN"})
#: states of an order whose packages tell how far it is
SPLIT = frozenset({"READY_TO_SHIP", "PROCESSED", "RETRY_SHIP"})
#: states of a package that has left
LEFT = frozenset({"LOGISTICS_PICKUP_DONE", "LOGISTICS_DELIVERY_DONE", "LOGISTICS_DELIVERY_FAILED", "LOGISTICS_LOST"})
GIFT = "add_on_free_gift_sub"
BUNDLE = "bundle_deal"

_NONE = msgspec.Raw()


class Item(msgspec.Struct):
    """One element of item_list. Amounts are JSON numbers, kept by their digits."""

    item_id: Scalar = None
    item_name: Scalar = None
    item_sku: Scalar = None
    model_id: Scalar = None
    model_name: Scalar = None
    model_sku: Scalar = None
    model_quantity_purchased: Scalar = None
    model_original_price: msgspec.Raw = _NONE
    model_discounted_price: msgspec.Raw = _NONE
    promotion_type: Scalar = None
    promotion_group_id: Scalar = None
    order_item_id: Scalar = None
    line_item_id: Scalar = None
    cancel_requested_qty: Scalar = None
    cancelled_qty: Scalar = None
    return_requested_qty: Scalar = None
    returned_qty: Scalar = None


class Packed(msgspec.Struct):
    item_id: Scalar = None
    model_id: Scalar = None


class Package(msgspec.Struct):
    logistics_status: Scalar = None
    item_list: list[Packed] | None = None


class Address(msgspec.Struct):
    name: Scalar = None
    phone: Scalar = None
    town: Scalar = None
    district: Scalar = None
    city: Scalar = None
    state: Scalar = None
    region: Scalar = None
    zipcode: Scalar = None
    full_address: Scalar = None


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    order_sn: Scalar = None
    order_status: Scalar = None
    currency: Scalar = None
    cod: Scalar = None
    create_time: Scalar = None
    update_time: Scalar = None
    pay_time: Scalar = None
    ship_by_date: Scalar = None
    total_amount: msgspec.Raw = _NONE
    estimated_shipping_fee: msgspec.Raw = _NONE
    buyer_user_id: Scalar = None
    buyer_username: Scalar = None
    message_to_seller: Scalar = None
    note: Scalar = None
    buyer_cancel_reason: Scalar = None
    cancel_reason: Scalar = None
    recipient_address: Address | None = None
    item_list: list[Item] | Item | None = None
    package_list: list[Package] | None = None


read = msgspec.json.Decoder(Order).decode


class _Head(msgspec.Struct):
    order_sn: Scalar = None
    update_time: Scalar = None


_head = msgspec.json.Decoder(_Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order, whatever else is wrong with it."""
    head = _head(raw)
    number = ident(head.order_sn, "order_sn")
    try:
        return number, epoch_time_or(head.update_time, "update_time")
    except FieldError:
        return number, None


def order(
    raw: bytes, *, platform: str, seller_id: str, latest: Callable[[datetime | None], datetime | None]
) -> OrderDocument:
    """Read one order; `latest`: the latest shipping time where the platform sends none."""
    o = read(raw)
    doubts: list[Doubt] = []
    currency = currency_of(o.currency, "currency")
    status_raw = text(o.order_status)
    sent = as_list(o.item_list)
    if not sent:
        raise FieldError("item_list", "missing_field", "an order without lines")
    status = _status(o, doubts)
    freight = number_minor_or(o.estimated_shipping_fee, currency, "estimated_shipping_fee", 0)
    if freight:
        # what was charged stands in the escrow detail only
        doubts.append(Doubt(field="freight_minor", why="derived"))
    payable = number_minor(o.total_amount, currency, "total_amount")
    prices = [_prices(n, currency) for n in sent]
    adjustments = _adjustments(prices, freight, payable, doubts)
    # a discount of the whole order is not told by line
    shared = payable - freight != sum(discounted * qty for _, discounted, qty in prices) or _bundled(sent)
    left = _left(o)
    lines = tuple(_line(n, price, o, status, shared, left, doubts) for n, price in zip(sent, prices, strict=True))
    paid_at, ship_by = epoch_time_or(o.pay_time, "pay_time"), epoch_time_or(o.ship_by_date, "ship_by_date")
    if ship_by is None and (ship_by := latest(paid_at)) is not None:
        doubts.append(Doubt(field="ship_by", why="derived"))
    buyer, where = ident_or(o.buyer_user_id, "buyer_user_id"), _receiver(o.recipient_address or Address())
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=ident(o.order_sn, "order_sn"),
        status=status,
        status_raw=status_raw,
        platform_hold=HOLDS.get(status_raw, ""),
        ordered_at=epoch_time(o.create_time, "create_time"),
        paid_at=paid_at,
        modified_at=epoch_time(o.update_time, "update_time"),
        ship_by=ship_by,
        currency=currency,
        goods_minor=sum(unit * qty for unit, _, qty in prices),
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=payable if paid_at is not None and status != "unpaid" else 0,
        buyer_id=buyer,
        receiver=where,
        merge_key=_merge_key(seller_id, buyer, where),
        flags=("cod",) if truth(o.cod, "cod") else (),
        buyer_remark=text(o.message_to_seller),
        seller_remark=text(o.note),
        lines=lines,
        doubts=tuple(doubts),
    )


def _status(o: Order, doubts: list[Doubt]) -> str:
    raw = text(o.order_status)
    status = STATUSES.get(raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=raw))
    gone = [text(p.logistics_status) in LEFT for p in o.package_list or ()]
    return "partly_shipped" if raw in SPLIT and any(gone) and not all(gone) else status


def _prices(n: Item, currency: str) -> tuple[int, int, int]:
    """Original price, discounted price, pieces. A bundle's discounted price is 0 by design and says nothing."""
    unit = number_minor(n.model_original_price, currency, "item_list.model_original_price")
    price = number_minor_or(n.model_discounted_price, currency, "item_list.model_discounted_price", unit)
    qty = count(n.model_quantity_purchased, "item_list.model_quantity_purchased")
    return unit, unit if text(n.promotion_type) == BUNDLE else price, qty


def _bundled(sent: Sequence[Item]) -> bool:
    return any(text(n.promotion_type) == BUNDLE for n in sent)


def _adjustments(
    prices: Sequence[tuple[int, int, int]], freight: int, payable: int, doubts: list[Doubt]
) -> tuple[AdjustmentDocument, ...]:
    """The lines' own discounts, and what vouchers and coins took off the whole: its parts are in the escrow detail."""
    items = sum((unit - price) * qty for unit, price, qty in prices)
    rest = payable - freight - sum(price * qty for _, price, qty in prices)
    out = [AdjustmentDocument(kind="item_discount", minor=-items, borne_by="merchant")] if items else []
    if rest < 0:
        out.append(AdjustmentDocument(kind="order_discount", minor=rest))
        doubts.append(Doubt(field="adjustments.order_discount", why="derived", raw=str(rest)))
    elif rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    return tuple(out)


def _left(o: Order) -> frozenset[tuple[str, str]]:
    """(item, model) of what is in packages that left."""
    return frozenset(
        (text(x.item_id), text(x.model_id))
        for p in o.package_list or ()
        if text(p.logistics_status) in LEFT
        for x in p.item_list or ()
    )


def listing_of(item_id: Scalar, model_id: Scalar, field: str) -> str:
    """The model's id, or the item's where it has no models."""
    return ident_or(model_id, f"{field}.model_id") or ident(item_id, f"{field}.item_id")


def line_no(n: Item) -> str:
    """The platform's number of the line where sent; else what tells it from the others: bundles name an item twice."""
    sent = ident_or(n.line_item_id, "item_list.line_item_id")
    number = ident_or(n.order_item_id, "item_list.order_item_id") or ident(n.item_id, "item_list.item_id")
    return sent or f"{number}-{text(n.model_id) or '0'}-{text(n.promotion_group_id) or '0'}"


def _line(
    n: Item, price: tuple[int, int, int], o: Order, status: str, shared: bool, left: frozenset[tuple[str, str]],
    doubts: list[Doubt],
) -> LineDocument:  # fmt: skip
    unit, discounted, qty = price
    item, model, gift = text(n.item_id), text(n.model_id), text(n.promotion_type) == GIFT
    cancelled = count(n.cancelled_qty, "item_list.cancelled_qty", 0)
    if status == "cancelled" or 0 < qty <= cancelled:
        line_status = "closed"
    elif status in ("shipped", "completed") or (item, model) in left:
        line_status = "shipped"
    else:
        line_status = "open"
    return LineDocument(
        platform_line_no=line_no(n),
        listing_id=listing_of(n.item_id, n.model_id, "item_list"),
        product_id=ident(n.item_id, "item_list.item_id"),
        code=text(n.model_sku) or text(n.item_sku),
        title=text(n.item_name),
        variant=text(n.model_name),
        qty=qty,
        unit_minor=unit,
        paid_minor=0 if gift and not discounted else None if shared else discounted * qty,
        gift=gift,
        status=line_status,
        refund=_refund_state(n, qty, cancelled, o, doubts),
    )


def _refund_state(n: Item, qty: int, cancelled: int, o: Order, doubts: list[Doubt]) -> str:
    """From the line's counts; where they say nothing, a cancellation that is asked for or done concerns every line."""
    back = cancelled + count(n.returned_qty, "item_list.returned_qty", 0)
    if 0 < qty <= back:
        return "full"
    raw = text(o.order_status)
    if raw == "CANCELLED" and o.pay_time:
        return "full"
    asked = count(n.cancel_requested_qty, "item_list.cancel_requested_qty", 0)
    asked += count(n.return_requested_qty, "item_list.return_requested_qty", 0)
    if back:
        doubts.append(Doubt(field="lines.refund", why="derived", raw=f"{back} of {qty}"))
    # part of a line that is off before it left must not be shipped unseen
    return "asked" if asked or cancelled or raw in ASKED else "none"


def _receiver(a: Address) -> ReceiverDocument:
    name, phone, full = text(a.name), text(a.phone), text(a.full_address)
    return ReceiverDocument(
        name=name,
        phone=phone,
        address=full,
        zip=text(a.zipcode),
        country=text(a.region),
        province=text(a.state),
        city=text(a.city),
        district=text(a.district),
        town=text(a.town),
        masked=masked(name, phone, full, text(a.zipcode)),
    )


def _merge_key(seller_id: str, buyer: str, r: ReceiverDocument) -> str:
    """Clear addresses only: the platform has no key of its own for masked ones."""
    if not (buyer and r.address):
        return ""
    return place_key(
        seller_id, buyer, r.name, r.phone, r.country, r.province, r.city, r.district, r.town, r.address, r.zip
    )
