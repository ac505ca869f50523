"""WeChat shop orders as documents. Field by field from the notes named in wechat_shop.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from adapters.core.fields import (
    FieldError,
    Scalar,
    as_list,
    count,
    epoch_time,
    epoch_time_or,
    fen,
    fen_or,
    ident,
    ident_or,
    masked,
    text,
    truth,
)
from adapters.documents import (
    AdjustmentDocument,
    Doubt,
    LineDocument,
    OrderDocument,
    ParcelDocument,
    ReceiverDocument,
)

STATUSES = {
    "10": "unpaid", "12": "paid", "13": "paid", "15": "paid", "16": "paid", "17": "paid", "20": "paid",
    "21": "partly_shipped", "30": "shipped", "100": "completed", "190": "cancelled", "200": "cancelled",
    "250": "cancelled",
}  # fmt: skip
#: paid, but the platform does not let it be shipped yet
HOLDS = {"12": "gift_unclaimed", "13": "group_unfinished", "15": "group_unfinished", "16": "not_accepted"}
FLAGS = {"12": ("gift",), "13": ("group_unfinished",), "15": ("group_unfinished",), "17": ("virtual",)}


class Attribute(msgspec.Struct):
    attr_key: Scalar = None
    attr_value: Scalar = None


class Product(msgspec.Struct):
    product_unique_id: Scalar = None
    product_id: Scalar = None
    sku_id: Scalar = None
    sku_cnt: Scalar = None
    on_aftersale_sku_cnt: Scalar = None
    finish_aftersale_sku_cnt: Scalar = None
    title: Scalar = None
    sale_price: Scalar = None
    real_price: Scalar = None
    sku_code: Scalar = None
    out_sku_id: Scalar = None
    sku_attrs: list[Attribute] | Attribute | None = None
    is_free_gift: Scalar = None


class Pay(msgspec.Struct):
    pay_time: Scalar = None


class Price(msgspec.Struct):
    product_price: Scalar = None
    order_price: Scalar = None
    freight: Scalar = None
    discounted_price: Scalar = None
    deduction_price: Scalar = None
    change_down_price: Scalar = None
    finder_discounted_price: Scalar = None
    cash_coupon_discounted_price: Scalar = None
    national_subsidy_discounted_price: Scalar = None


class Address(msgspec.Struct):
    user_name: Scalar = None
    postal_code: Scalar = None
    province_name: Scalar = None
    city_name: Scalar = None
    county_name: Scalar = None
    detail_info: Scalar = None
    house_number: Scalar = None
    tel_number: Scalar = None
    virtual_order_tel_number: Scalar = None
    hash_code: Scalar = None


class Sent(msgspec.Struct):
    product_id: Scalar = None
    sku_id: Scalar = None
    product_cnt: Scalar = None


class Delivery(msgspec.Struct):
    waybill_id: Scalar = None
    delivery_id: Scalar = None
    product_infos: list[Sent] | Sent | None = None


class Deliveries(msgspec.Struct):
    address_info: Address | None = None
    delivery_product_info: list[Delivery] | Delivery | None = None


class Extra(msgspec.Struct):
    customer_notes: Scalar = None
    merchant_notes: Scalar = None


class Detail(msgspec.Struct):
    product_infos: list[Product] | Product | None = None
    pay_info: Pay | None = None
    price_info: Price | None = None
    delivery_info: Deliveries | None = None
    ext_info: Extra | None = None


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    order_id: Scalar = None
    status: Scalar = None
    create_time: Scalar = None
    update_time: Scalar = None
    openid: Scalar = None
    unionid: Scalar = None
    order_detail: Detail | None = None


_order = msgspec.json.Decoder(Order).decode


def order(raw: bytes, *, platform: str, seller_id: str, ship_within_s: float, merge_by_hash: bool) -> OrderDocument:
    """Read one order."""
    o = _order(raw)
    detail = o.order_detail
    if detail is None or detail.price_info is None:
        raise FieldError("order_detail", "missing_field", "no detail or no price_info")
    doubts: list[Doubt] = []
    status_raw = text(o.status)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    products = as_list(detail.product_infos)
    if not products:
        raise FieldError("order_detail.product_infos", "missing_field", "an order without lines")
    numbers = _numbers(products)
    delivery = detail.delivery_info or Deliveries()
    parcels = _parcels(as_list(delivery.delivery_product_info), products, numbers)
    lines = _lines(products, numbers, status, parcels, doubts)
    paid_at = epoch_time_or(detail.pay_info.pay_time, "pay_info.pay_time") if detail.pay_info else None
    price = _Money(detail.price_info, sum(line.unit_minor * line.qty for line in lines), doubts)
    ship_by = paid_at + timedelta(seconds=ship_within_s) if paid_at is not None and ship_within_s else None
    if ship_by is not None:
        doubts.append(_DERIVED)
    where = delivery.address_info or Address()
    words = detail.ext_info or Extra()
    buyer = text(o.openid) or text(o.unionid)
    code = text(where.hash_code)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=ident(o.order_id, "order_id"),
        status=status,
        status_raw=status_raw,
        platform_hold=HOLDS.get(status_raw, ""),
        ordered_at=epoch_time(o.create_time, "create_time"),
        paid_at=paid_at,
        modified_at=epoch_time(o.update_time, "update_time"),
        ship_by=ship_by,
        goods_minor=price.goods,
        freight_minor=price.freight,
        adjustments=price.adjustments,
        payable_minor=price.payable,
        paid_minor=price.payable if paid_at is not None else 0,
        buyer_id=buyer,
        receiver=_receiver(where),
        merge_key=f"{buyer}|{code}" if merge_by_hash and buyer and code else "",
        flags=FLAGS.get(status_raw, ()),
        buyer_remark=text(words.customer_notes),
        seller_remark=text(words.merchant_notes),
        lines=lines,
        parcels=parcels,
        doubts=tuple(doubts),
    )


_DERIVED = Doubt(field="ship_by", why="derived")


class _Money:
    """The price block: order_price = product_price + freight - discounts - points - the seller's cut."""

    def __init__(self, p: Price, goods: int, doubts: list[Doubt]) -> None:
        self.goods = goods
        self.freight = fen_or(p.freight, "price_info.freight", doubts, 0)
        self.payable = fen(p.order_price, "price_info.order_price", doubts)
        discount = fen_or(p.discounted_price, "price_info.discounted_price", doubts, 0)
        host = fen_or(p.finder_discounted_price, "price_info.finder_discounted_price", doubts, 0)
        points = fen_or(p.deduction_price, "price_info.deduction_price", doubts, 0)
        cut = fen_or(p.change_down_price, "price_info.change_down_price", doubts, 0)
        told = fen_or(p.product_price, "price_info.product_price", doubts, goods)
        if told != goods:
            doubts.append(Doubt(field="goods_minor", why="sum_differs", raw=str(told)))
        self.adjustments = tuple(
            AdjustmentDocument(kind=kind, minor=-minor, borne_by=who)
            for kind, minor, who in (
                ("discount", discount - host, "merchant"),
                ("host_discount", host, "unknown"),
                ("points", points, "unknown"),
                ("manual", cut, "merchant"),
            )
            if minor
        )
        rest = self.payable - goods - self.freight + discount + points + cut
        if rest:
            doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
        for field in ("cash_coupon_discounted_price", "national_subsidy_discounted_price"):
            # Whether these are inside order_price, and who pays them, is not told: named, not counted.
            minor = fen_or(getattr(p, field), field, doubts, 0)
            if minor:
                doubts.append(Doubt(field="subsidy_minor", why="meaning_unproven", raw=f"{field}={minor}"))


def _numbers(products: Sequence[Product]) -> list[str]:
    """Line numbers: product_unique_id, else the sku's id, with its place where a sku comes twice."""
    out: list[str] = []
    for place, p in enumerate(products):
        number = text(p.product_unique_id) or ident(p.sku_id, "product_infos.sku_id")
        out.append(f"{number}#{place}" if number in out else number)
    return out


def _lines(
    products: Sequence[Product],
    numbers: Sequence[str],
    status: str,
    parcels: Sequence[ParcelDocument],
    doubts: list[Doubt],
) -> tuple[LineDocument, ...]:
    sent: dict[str, int] = {}
    for parcel in parcels:
        for number, qty in parcel.lines:
            sent[number] = sent.get(number, 0) + qty
    return tuple(
        _line(p, number, status, sent.get(number, 0), doubts) for p, number in zip(products, numbers, strict=True)
    )


def _line(p: Product, number: str, status: str, sent: int, doubts: list[Doubt]) -> LineDocument:
    qty = count(p.sku_cnt, "product_infos.sku_cnt")
    state = "open"
    if status in ("shipped", "completed") or (status == "partly_shipped" and sent >= qty):
        state = "shipped"
    elif status == "cancelled":
        state = "closed"
    refund = "none"
    if count(p.on_aftersale_sku_cnt, "product_infos.on_aftersale_sku_cnt", 0) > 0:
        refund = "asked"
    elif count(p.finish_aftersale_sku_cnt, "product_infos.finish_aftersale_sku_cnt", 0) >= qty:
        refund = "full"
    return LineDocument(
        platform_line_no=number,
        listing_id=ident(p.sku_id, "product_infos.sku_id"),
        product_id=ident_or(p.product_id, "product_infos.product_id"),
        code=text(p.sku_code) or text(p.out_sku_id),
        title=text(p.title),
        variant=";".join(f"{text(a.attr_key)}:{text(a.attr_value)}" for a in as_list(p.sku_attrs)),
        qty=qty,
        unit_minor=fen(p.sale_price, "product_infos.sale_price", doubts),
        paid_minor=fen_or(p.real_price, "product_infos.real_price", doubts, None),
        gift=truth(p.is_free_gift, "product_infos.is_free_gift"),
        status=state,
        refund=refund,
    )


def _parcels(
    sent: Sequence[Delivery], products: Sequence[Product], numbers: Sequence[str]
) -> tuple[ParcelDocument, ...]:
    by_sku = {ident_or(p.sku_id, "sku_id"): number for p, number in zip(products, numbers, strict=True)}
    return tuple(
        ParcelDocument(
            carrier=text(d.delivery_id),
            waybill=text(d.waybill_id),
            lines=tuple(
                (by_sku[sku], count(s.product_cnt, "product_cnt", 0))
                for s in as_list(d.product_infos)
                if (sku := ident_or(s.sku_id, "sku_id")) in by_sku
            ),
        )
        for d in sent
        if d.waybill_id
    )


def _receiver(a: Address) -> ReceiverDocument:
    name, phone = text(a.user_name), text(a.virtual_order_tel_number) or text(a.tel_number)
    address = text(a.detail_info) + text(a.house_number)
    return ReceiverDocument(
        name=name,
        phone=phone,
        address=address,
        zip=text(a.postal_code),
        province=text(a.province_name),
        city=text(a.city_name),
        district=text(a.county_name),
        masked=masked(name, phone, address),
    )
