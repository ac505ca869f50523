"""Douyin shop orders as documents. Field by field from the notes named in douyin.py."""

from __future__ import annotations

from collections.abc import Sequence

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
    text,
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
    "1": "unpaid", "105": "paid", "2": "paid", "101": "partly_shipped", "3": "shipped", "5": "completed",
    "4": "cancelled",
}  # fmt: skip
#: main_status says more than order_status here
MAIN_STATUSES = {"103": "unpaid", "21": "cancelled", "22": "cancelled", "39": "cancelled"}
LINE_STATUSES = {"3": "shipped", "5": "shipped", "4": "closed"}

#: refund_status decides first
REFUNDED = frozenset({"3", "5"})
REFUNDING = frozenset({"1", "2", "4"})
#: then after_sale_status, where refund_status is 0 or missing
CASE_OPEN = frozenset({"6", "7", "11", "13", "14"})


class AfterSale(msgspec.Struct):
    after_sale_status: Scalar = None
    refund_status: Scalar = None


class Spec(msgspec.Struct):
    name: Scalar = None
    value: Scalar = None


class Line(msgspec.Struct):
    """One element of sku_order_list, as sent."""

    order_id: Scalar = None
    order_status: Scalar = None
    product_id: Scalar = None
    product_id_str: Scalar = None
    sku_id: Scalar = None
    code: Scalar = None
    out_sku_id: Scalar = None
    product_name: Scalar = None
    spec: list[Spec] | Spec | None = None
    item_num: Scalar = None
    origin_amount: Scalar = None
    pay_amount: Scalar = None
    post_amount: Scalar = None
    given_product_type: Scalar = None
    after_sale_info: AfterSale | None = None


class Place(msgspec.Struct):
    name: Scalar = None


class Address(msgspec.Struct):
    province: Place | None = None
    city: Place | None = None
    town: Place | None = None
    street: Place | None = None
    detail: Scalar = None
    encrypt_detail: Scalar = None


class Packed(msgspec.Struct):
    sku_order_id: Scalar = None
    product_count: Scalar = None


class Logistics(msgspec.Struct):
    tracking_no: Scalar = None
    company: Scalar = None
    product_info: list[Packed] | Packed | None = None


class Order(msgspec.Struct):
    """One shop order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    order_id: Scalar = None
    order_status: Scalar = None
    main_status: Scalar = None
    create_time: Scalar = None
    pay_time: Scalar = None
    update_time: Scalar = None
    finish_time: Scalar = None
    exp_ship_time: Scalar = None
    pay_type: Scalar = None
    pay_amount: Scalar = None
    post_amount: Scalar = None
    promotion_shop_amount: Scalar = None
    promotion_platform_amount: Scalar = None
    promotion_talent_amount: Scalar = None
    buyer_words: Scalar = None
    seller_words: Scalar = None
    seller_remark_stars: Scalar = None
    doudian_open_id: Scalar = None
    open_address_id: Scalar = None
    encrypt_post_receiver: Scalar = None
    mask_post_receiver: Scalar = None
    mask_post_tel: Scalar = None
    mask_post_addr: Address | None = None
    post_addr: Address | None = None
    logistics_info: list[Logistics] | Logistics | None = None
    sku_order_list: list[Line] | Line | None = None


_order = msgspec.json.Decoder(Order).decode


def order(raw: bytes, *, platform: str, seller_id: str) -> OrderDocument:
    """Read one shop order."""
    o = _order(raw)
    doubts: list[Doubt] = []
    status_raw = text(o.order_status)
    status = MAIN_STATUSES.get(text(o.main_status)) or STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=f"{status_raw}/{text(o.main_status)}"))
    sent = as_list(o.sku_order_list)
    if not sent:
        raise FieldError("sku_order_list", "missing_field", "an order without lines")
    lines = tuple(_line(n, status, doubts) for n in sent)
    goods = sum(line.unit_minor * line.qty for line in lines)
    freight = fen_or(o.post_amount, "post_amount", doubts, 0)
    payable = fen(o.pay_amount, "pay_amount", doubts)
    adjustments, subsidy = _adjustments(o, doubts)
    rest = payable - goods - freight - sum(a.minor for a in adjustments)
    if rest:
        # modify_amount, tax_amount, packing_amount and others: their place in the sum is not documented.
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    paid_at = epoch_time_or(o.pay_time, "pay_time")
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=ident(o.order_id, "order_id"),
        status=status,
        status_raw=status_raw,
        platform_hold="risk_control" if status_raw == "105" else "",
        ordered_at=epoch_time(o.create_time, "create_time"),
        paid_at=paid_at,
        modified_at=epoch_time(o.update_time, "update_time"),
        ship_by=epoch_time_or(o.exp_ship_time, "exp_ship_time"),
        ended_at=epoch_time_or(o.finish_time, "finish_time"),
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=payable if paid_at is not None and status != "unpaid" else 0,
        subsidy_minor=subsidy,
        buyer_id=text(o.doudian_open_id),
        receiver=_receiver(o),
        # The platform's own word: same value, same buyer and address.
        merge_key=text(o.open_address_id),
        flags=("cod",) if text(o.pay_type) == "0" else (),
        buyer_remark=text(o.buyer_words),
        seller_remark=text(o.seller_words),
        seller_flag=count(o.seller_remark_stars, "seller_remark_stars", 0),
        lines=lines,
        parcels=_parcels(as_list(o.logistics_info)),
        doubts=tuple(doubts),
    )


def _adjustments(o: Order, doubts: list[Doubt]) -> tuple[tuple[AdjustmentDocument, ...], int]:
    """Promotions by who gives them; what platform and host give is paid on top to the seller."""
    shop = fen_or(o.promotion_shop_amount, "promotion_shop_amount", doubts, 0)
    platform = fen_or(o.promotion_platform_amount, "promotion_platform_amount", doubts, 0)
    host = fen_or(o.promotion_talent_amount, "promotion_talent_amount", doubts, 0)
    parts = (
        ("shop_promotion", shop, "merchant"),
        ("platform_promotion", platform, "platform"),
        ("host_promotion", host, "platform"),
    )
    out = tuple(AdjustmentDocument(kind=kind, minor=-minor, borne_by=who) for kind, minor, who in parts if minor)
    return out, platform + host


def _line(n: Line, status: str, doubts: list[Doubt]) -> LineDocument:
    qty = count(n.item_num, "sku_order_list.item_num")
    unit = fen(n.origin_amount, "sku_order_list.origin_amount", doubts)
    paid = fen_or(n.pay_amount, "sku_order_list.pay_amount", doubts, None)
    if paid is not None:
        paid -= fen_or(n.post_amount, "sku_order_list.post_amount", doubts, 0)
    raw = text(n.order_status)
    return LineDocument(
        platform_line_no=ident(n.order_id, "sku_order_list.order_id"),
        listing_id=ident(n.sku_id, "sku_order_list.sku_id"),
        product_id=text(n.product_id_str) or ident_or(n.product_id, "sku_order_list.product_id"),
        code=text(n.code) or text(n.out_sku_id),
        title=text(n.product_name),
        variant=";".join(f"{text(s.name)}:{text(s.value)}" for s in as_list(n.spec)),
        qty=qty,
        unit_minor=unit,
        paid_minor=paid,
        gift=n.given_product_type == "FREE",
        status="closed" if status == "cancelled" else LINE_STATUSES.get(raw, "open"),
        refund=_refund_state(n.after_sale_info),
    )


def _refund_state(info: AfterSale | None) -> str:
    """refund_status decides; only where it is 0 or missing the state of the case does."""
    if info is None:
        return "none"
    money = text(info.refund_status)
    if money in REFUNDED:
        return "full"
    if money in REFUNDING:
        return "asked"
    return "asked" if text(info.after_sale_status) in CASE_OPEN else "none"


def _receiver(o: Order) -> ReceiverDocument:
    """Masked forms where sent; the cipher text is the platform's own handle."""
    where = o.post_addr or Address()
    shown = o.mask_post_addr or Address()
    return ReceiverDocument(
        name=text(o.mask_post_receiver),
        phone=text(o.mask_post_tel),
        address=text(shown.detail),
        province=_name(where.province),
        city=_name(where.city),
        # `town` is the district here, `street` the town.
        district=_name(where.town),
        town=_name(where.street),
        cipher=text(o.encrypt_post_receiver),
        masked=True,
    )


def _name(place: Place | None) -> str:
    return text(place.name) if place is not None else ""


def _parcels(sent: Sequence[Logistics]) -> tuple[ParcelDocument, ...]:
    return tuple(
        ParcelDocument(
            carrier=text(p.company),
            waybill=text(p.tracking_no),
            lines=tuple(
                (ident(x.sku_order_id, "product_info.sku_order_id"), count(x.product_count, "product_count", 0))
                for x in as_list(p.product_info)
                if x.sku_order_id
            ),
        )
        for p in sent
        if p.tracking_no
    )
