"""Vipshop orders as documents: marketplace (SOV) and JITX. Field by field from the notes named in vipshop.py."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from adapters.core.fields import (
    CHINA,
    FieldError,
    Scalar,
    as_list,
    count,
    ident,
    ident_or,
    text,
    text_time,
    text_time_or,
    truth,
    yuan,
    yuan_or,
)
from adapters.documents import AdjustmentDocument, Doubt, LineDocument, OrderDocument, ParcelDocument, ReceiverDocument

#: code → status
STATUSES = {
    "0": "unpaid",
    **dict.fromkeys(("1", "11", "24", "30", "31", "10", "12", "13", "14", "20", "21", "96", "118", "119"), "paid"),
    **dict.fromkeys(("22", "23", "25", "28", "44", "41", "42", "48", "100"), "shipped"),
    **dict.fromkeys(("40", "45", "46", "47", "51", "52", "53", "54", "56", "57", "58", "117"), "shipped"),
    **dict.fromkeys(("55", "70", "71", "72"), "shipped"),
    **dict.fromkeys(("60", "61"), "completed"),
    **dict.fromkeys(("49", "59", "97", "98", "99"), "cancelled"),
}
#: code → what it says of the money of all lines; other codes leave that to the refunds
REFUNDS = {
    **dict.fromkeys(("23", "40", "45", "46", "47", "51", "52", "53", "54", "56", "57", "58", "117"), "asked"),
    **dict.fromkeys(("55", "70", "71", "72", "118", "119"), "asked"),
    **dict.fromkeys(("49", "59"), "full"),
}
#: the six that JITX has; the last two: cancelled when it had left, the parcel must be called back
JITX_STATUSES = {
    "10": "paid", "22": "shipped", "23": "shipped", "97_10": "cancelled", "97_22": "cancelled", "97_23": "cancelled",
}  # fmt: skip
JITX_FLAGS = {"2": ("exchange",), "3": ("presale",), "4": ("exchange",)}
LINE_STATUSES = {"shipped": "shipped", "completed": "shipped", "cancelled": "closed"}


class Product(msgspec.Struct):
    """One element of order_products of getOrderDetail, as sent."""

    sku_id: Scalar = None
    spu_id: Scalar = None
    outer_sku_id: Scalar = None
    num: Scalar = None
    title: Scalar = None
    size: Scalar = None
    color: Scalar = None
    price: Scalar = None
    customization: Scalar = None
    goods_line_money: Scalar = None


class Order(msgspec.Struct):
    """One order of getOrders; `order_products` is put in from getOrderDetail and unset until then."""

    order_id: Scalar = None
    status: Scalar = None
    receiver_name: Scalar = None
    receiver_address: Scalar = None
    receiver_mobile: Scalar = None
    receiver_phone: Scalar = None
    receiver_zip: Scalar = None
    receiver_district: Scalar = None
    receiver_city: Scalar = None
    receiver_state: Scalar = None
    remark: Scalar = None
    total_fee: Scalar = None
    post_fee: Scalar = None
    discount_fee: Scalar = None
    ex_discount_fee: Scalar = None
    payable_fee: Scalar = None
    vipmoney: Scalar = None
    invoice_deduct_money: Scalar = None
    created: Scalar = None
    store_add_time: Scalar = None
    last_update_time: Scalar = None
    open_user_id: Scalar = None
    vendor_memo: Scalar = None
    order_products: list[Product] | Product | msgspec.UnsetType | None = msgspec.UNSET


class Goods(msgspec.Struct):
    """One element of order_goods of JITX, as sent."""

    barcode: Scalar = None
    quantity: Scalar = None
    price: Scalar = None
    product_name: Scalar = None
    size: Scalar = None
    sn: Scalar = None


class Jitx(msgspec.Struct):
    order_sn: Scalar = None
    order_status: Scalar = None
    add_time: Scalar = None
    last_update_time: Scalar = None
    buyer: Scalar = None
    buyer_address: Scalar = None
    buyer_mobile: Scalar = None
    buyer_tel: Scalar = None
    buyer_postcode: Scalar = None
    buyer_city: Scalar = None
    buyer_province: Scalar = None
    buyer_county: Scalar = None
    remark: Scalar = None
    transport_no: Scalar = None
    carrier_code: Scalar = None
    order_type: Scalar = None
    is_forbidden_delivery: Scalar = None
    order_goods: list[Goods] | Goods | None = None


class Head(msgspec.Struct):
    order_id: Scalar = None
    order_sn: Scalar = None
    last_update_time: Scalar = None


decode = msgspec.json.Decoder(Order).decode
_jitx = msgspec.json.Decoder(Jitx).decode
_head = msgspec.json.Decoder(Head).decode


def code_of(value: Scalar) -> str:
    """A status; where its type is an enumeration it comes by its name, ``STATUS_22``."""
    return text(value).removeprefix("STATUS_")


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order of either kind."""
    head = _head(raw)
    number = ident(head.order_sn if head.order_id is None else head.order_id, "order_id")
    try:
        return number, text_time_or(head.last_update_time, "last_update_time", CHINA)
    except FieldError:
        return number, None


def order(raw: bytes, *, platform: str, seller_id: str, ship_within_s: float) -> OrderDocument:
    """Read one order; without its products it has no lines."""
    if _head(raw).order_sn is not None:
        return _jitx_order(raw, platform, seller_id, ship_within_s)
    o = decode(raw)
    doubts: list[Doubt] = []
    number, code = ident(o.order_id, "order_id"), code_of(o.status)
    status = _status(STATUSES, code, doubts)
    products = () if o.order_products is msgspec.UNSET else as_list(o.order_products)
    if not products and o.order_products is not msgspec.UNSET:
        raise FieldError("order_products", "missing_field", "an order without lines")
    lines = tuple(_line(p, status, REFUNDS.get(code, ""), doubts) for p in products)
    goods = sum(line.unit_minor * line.qty for line in lines)
    total = yuan(o.total_fee, "total_fee", doubts)
    if lines and total != goods:
        doubts.append(Doubt(field="goods_minor", why="sum_differs", raw=str(total - goods)))
    freight = yuan_or(o.post_fee, "post_fee", doubts, 0)
    payable = yuan(o.payable_fee, "payable_fee", doubts)
    adjustments = _adjustments(o, doubts)
    rest = payable - goods - freight - sum(a.minor for a in adjustments)
    if rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    ordered_at = text_time(o.created, "created", CHINA)
    paid_at = _paid_at(status, text_time_or(o.store_add_time, "store_add_time", CHINA) or ordered_at, doubts)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=number,
        status=status,
        status_raw=code,
        ordered_at=ordered_at,
        paid_at=paid_at,
        modified_at=text_time(o.last_update_time, "last_update_time", CHINA),
        ship_by=_ship_by(paid_at, ship_within_s, doubts),
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=payable if paid_at is not None else 0,
        buyer_id=text(o.open_user_id),
        receiver=_receiver(o),
        buyer_remark="; ".join(filter(None, (text(o.remark), *(text(p.customization) for p in products)))),
        seller_remark=text(o.vendor_memo),
        lines=lines,
        doubts=tuple(doubts),
    )


def _status(table: dict[str, str], code: str, doubts: list[Doubt]) -> str:
    if code not in table:
        doubts.append(Doubt(field="status", why="unknown_status", raw=code))
    return table.get(code, "unknown")


def _paid_at(status: str, arrived: datetime, doubts: list[Doubt]) -> datetime | None:
    """Orders arrive paid; when is not told, so when they reached the shop stands for it."""
    if status in ("unpaid", "unknown"):
        return None
    doubts.append(Doubt(field="paid_at", why="derived"))
    return arrived


def _ship_by(paid_at: datetime | None, within_s: float, doubts: list[Doubt]) -> datetime | None:
    if paid_at is None or not within_s:
        return None
    doubts.append(Doubt(field="ship_by", why="derived"))
    return paid_at + timedelta(seconds=within_s)


def _adjustments(o: Order, doubts: list[Doubt]) -> tuple[AdjustmentDocument, ...]:
    """Discounts and promotion, of which nobody says who bears them; what else may be in the sum is only marked."""
    parts = (
        ("discount", yuan_or(o.discount_fee, "discount_fee", doubts, 0)),
        ("promotion", yuan_or(o.ex_discount_fee, "ex_discount_fee", doubts, 0)),
    )
    for value, field in ((o.vipmoney, "vipmoney"), (o.invoice_deduct_money, "invoice_deduct_money")):
        minor = yuan_or(value, field, doubts, 0)
        if minor:
            doubts.append(Doubt(field="paid_minor", why="meaning_unproven", raw=f"{field}={minor}"))
    return tuple(AdjustmentDocument(kind=kind, minor=-minor) for kind, minor in parts if minor)


def _line(p: Product, status: str, refund: str, doubts: list[Doubt]) -> LineDocument:
    """A line has no number but its sku's."""
    where = "order_products."
    unit = yuan(p.price, where + "price", doubts)
    paid = yuan(p.goods_line_money, where + "goods_line_money", doubts)
    return LineDocument(
        platform_line_no=ident(p.sku_id, where + "sku_id"),
        listing_id=ident(p.sku_id, where + "sku_id"),
        product_id=ident_or(p.spu_id, where + "spu_id"),
        code=text(p.outer_sku_id),
        title=text(p.title),
        variant=" ".join(filter(None, (text(p.color), text(p.size)))),
        qty=count(p.num, where + "num"),
        unit_minor=unit,
        paid_minor=paid,
        gift=unit == 0,
        status=LINE_STATUSES.get(status, "open"),
        refund=refund,
    )


def _receiver(o: Order) -> ReceiverDocument:
    """Name, phone and address are codes that one call makes clear; they count as masked."""
    return ReceiverDocument(
        name=text(o.receiver_name),
        phone=text(o.receiver_mobile) or text(o.receiver_phone),
        address=text(o.receiver_address),
        zip=text(o.receiver_zip),
        province=text(o.receiver_state),
        city=text(o.receiver_city),
        district=text(o.receiver_district),
        cipher=text(o.receiver_mobile),
        masked=True,
    )


# ------------------------------------------------------------------ JITX


def _jitx_order(raw: bytes, platform: str, seller_id: str, ship_within_s: float) -> OrderDocument:
    """The brand ships for the platform: prices are what it is paid, freight and discounts are none of its business."""
    o = _jitx(raw)
    doubts: list[Doubt] = []
    number, code = ident(o.order_sn, "order_sn"), code_of(o.order_status)
    status = _status(JITX_STATUSES, code, doubts)
    sent = as_list(o.order_goods)
    if not sent:
        raise FieldError("order_goods", "missing_field", "an order without lines")
    lines = tuple(_jitx_line(i, g, status, doubts) for i, g in enumerate(sent, 1))
    goods = sum(line.unit_minor * line.qty for line in lines)
    doubts.append(Doubt(field="payable_minor", why="not_sent"))
    if any(line.qty > 1 for line in lines):
        doubts.append(Doubt(field="lines.unit_minor", why="unit_unproven"))
    ordered_at = text_time(o.add_time, "add_time", CHINA)
    paid_at = _paid_at(status, ordered_at, doubts)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=number,
        status=status,
        status_raw=code,
        platform_hold="forbidden" if truth(o.is_forbidden_delivery, "is_forbidden_delivery") else "",
        ordered_at=ordered_at,
        paid_at=paid_at,
        modified_at=text_time(o.last_update_time, "last_update_time", CHINA),
        ship_by=_ship_by(paid_at, ship_within_s, doubts),
        goods_minor=goods,
        payable_minor=goods,
        paid_minor=goods if paid_at is not None else 0,
        receiver=ReceiverDocument(
            name=text(o.buyer),
            phone=text(o.buyer_mobile) or text(o.buyer_tel),
            address=text(o.buyer_address),
            zip=text(o.buyer_postcode),
            province=text(o.buyer_province),
            city=text(o.buyer_city),
            district=text(o.buyer_county),
            cipher=text(o.buyer_mobile),
            masked=True,
        ),
        flags=JITX_FLAGS.get(text(o.order_type), ()),
        buyer_remark=text(o.remark),
        lines=lines,
        parcels=_jitx_parcels(o, status),
        doubts=tuple(doubts),
    )


def _jitx_line(place: int, g: Goods, status: str, doubts: list[Doubt]) -> LineDocument:
    qty, unit = count(g.quantity, "order_goods.quantity"), yuan(g.price, "order_goods.price", doubts)
    barcode = ident(g.barcode, "order_goods.barcode")
    return LineDocument(
        platform_line_no=f"{barcode}-{place}",
        listing_id=barcode,
        code=text(g.sn),
        title=text(g.product_name),
        variant=text(g.size),
        qty=qty,
        unit_minor=unit,
        paid_minor=unit * qty,
        status=LINE_STATUSES.get(status, "open"),
    )


def _jitx_parcels(o: Jitx, status: str) -> tuple[ParcelDocument, ...]:
    """The platform gives the waybill before the parcel leaves: it is one of the order's once it has left."""
    if status != "shipped" or not text(o.transport_no):
        return ()
    return (ParcelDocument(carrier=text(o.carrier_code), waybill=text(o.transport_no)),)
