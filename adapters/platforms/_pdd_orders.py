"""Pinduoduo orders as documents. Field by field from the notes named in pdd.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
    yuan_number,
    yuan_number_or,
)
from adapters.documents import (
    AdjustmentDocument,
    Doubt,
    LineDocument,
    OrderDocument,
    ParcelDocument,
    ReceiverDocument,
)

STATUSES = {"1": "paid", "2": "shipped", "3": "completed"}
LINE_STATUSES = {"shipped": "shipped", "completed": "shipped", "cancelled": "closed"}
#: refund_status decides
REFUNDS = {"1": "none", "2": "asked", "3": "asked", "4": "full"}
#: after_sales_status decides where refund_status was not sent; what is here in neither is no refund
CASE_OPEN = frozenset({"2", "3", "4", "5", "6", "7", "8", "14", "15", "18", "21", "22", "27", "31", "32", "33"})
CASE_PAID = "10"
#: step_trade_status of a deposit order whose rest is paid too
STEP_PAID = "2"


class Goods(msgspec.Struct):
    """One element of item_list or gift_list, as sent: ids as text in one, as numbers in the other."""

    goods_id: Scalar = None
    sku_id: Scalar = None
    outer_id: Scalar = None
    outer_goods_id: Scalar = None
    goods_name: Scalar = None
    goods_spec: Scalar = None
    goods_price: msgspec.Raw = msgspec.Raw()
    goods_count: Scalar = None


class Track(msgspec.Struct):
    logistics_id: Scalar = None
    tracking_number: Scalar = None


class Service(msgspec.Struct):
    service_fee: msgspec.Raw = msgspec.Raw()


class Step(msgspec.Struct):
    step_trade_status: Scalar = None
    advanced_paid_fee: msgspec.Raw = msgspec.Raw()


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest. Amounts keep their digits."""

    order_sn: Scalar = None
    order_status: Scalar = None
    confirm_status: Scalar = None
    refund_status: Scalar = None
    after_sales_status: Scalar = None
    trade_type: Scalar = None
    risk_control_status: Scalar = None
    created_time: Scalar = None
    pay_time: Scalar = None
    receive_time: Scalar = None
    updated_at: Scalar = None
    last_ship_time: Scalar = None
    goods_amount: msgspec.Raw = msgspec.Raw()
    platform_discount: msgspec.Raw = msgspec.Raw()
    seller_discount: msgspec.Raw = msgspec.Raw()
    capital_free_discount: msgspec.Raw = msgspec.Raw()
    postage: msgspec.Raw = msgspec.Raw()
    pay_amount: msgspec.Raw = msgspec.Raw()
    logistics_id: Scalar = None
    tracking_number: Scalar = None
    province: Scalar = None
    city: Scalar = None
    town: Scalar = None
    receiver_name: Scalar = None
    receiver_name_mask: Scalar = None
    receiver_phone_mask: Scalar = None
    receiver_address_mask: Scalar = None
    open_address_id: Scalar = None
    buyer_memo: Scalar = None
    remark: Scalar = None
    remark_tag: Scalar = None
    item_list: list[Goods] | Goods | None = None
    gift_list: list[Goods] | Goods | None = None
    extra_delivery_list: list[Track] | Track | None = None
    gift_delivery_list: list[Track] | Track | None = None
    resend_delivery_list: list[Track] | Track | None = None
    service_fee_detail: list[Service] | Service | None = None
    step_order_info: Step | None = None


_order = msgspec.json.Decoder(Order).decode


class Head(msgspec.Struct):
    """What is needed to name an order that cannot be read."""

    order_sn: Scalar = None
    updated_at: Scalar = None


_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order."""
    head = _head(raw)
    number = ident(head.order_sn, "order_sn")
    try:
        return number, text_time_or(head.updated_at, "updated_at", CHINA)
    except FieldError:
        return number, None


def line_no(order_sn: str, i: int = 0) -> str:
    """Our number of an order's line, as the platform has none."""
    return f"{order_sn}-{i}"


def gift_no(order_sn: str, i: int) -> str:
    return f"{order_sn}-g{i}"


def is_gift_no(no: str) -> bool:
    return no.rpartition("-")[2].startswith("g")


def order(raw: bytes, *, platform: str, seller_id: str) -> OrderDocument:
    """Read one order. It sells one sku; gifts stand beside it and cost nothing."""
    o = _order(raw)
    doubts: list[Doubt] = []
    number = ident(o.order_sn, "order_sn")
    sold = as_list(o.item_list)
    if not sold:
        raise FieldError("item_list", "missing_field", "an order without goods")
    paid_at = text_time_or(o.pay_time, "pay_time", CHINA)
    status, hold = _status(o, paid_at is not None, doubts)
    goods = sum(_unit(g) * _qty(g) for g in sold)
    freight = yuan_number_or(o.postage, "postage", 0)
    charges = sum(yuan_number_or(s.service_fee, "service_fee", 0) for s in as_list(o.service_fee_detail))
    payable = yuan_number(o.pay_amount, "pay_amount")
    adjustments, subsidy = _adjustments(o, goods)
    rest = payable - goods - freight - charges - sum(a.minor for a in adjustments)
    if rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=number,
        status=status,
        status_raw=f"{text(o.order_status)}/{text(o.refund_status)}/{text(o.confirm_status)}",
        platform_hold=hold,
        ordered_at=text_time(o.created_time, "created_time", CHINA),
        paid_at=paid_at if status != "unpaid" else None,
        modified_at=text_time(o.updated_at, "updated_at", CHINA),
        ship_by=text_time_or(o.last_ship_time, "last_ship_time", CHINA),
        ended_at=text_time_or(o.receive_time, "receive_time", CHINA),
        goods_minor=goods,
        freight_minor=freight,
        charges_minor=charges,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=_paid(o, status, payable, paid_at is not None),
        subsidy_minor=subsidy,
        # None is told; without one nobody's orders would share a parcel, which the same address id allows.
        buyer_id=text(o.open_address_id),
        receiver=_receiver(o),
        # The platform's own word: ordinary orders of the same id may go together.
        merge_key=text(o.open_address_id),
        flags=("presale",) if text(o.trade_type) == "1" else (),
        buyer_remark=text(o.buyer_memo),
        seller_remark=text(o.remark),
        seller_flag=count(o.remark_tag, "remark_tag", 0),
        lines=_lines(o, number, status, payable - freight - charges),
        parcels=_parcels(o),
        doubts=tuple(doubts),
    )


def _status(o: Order, paid: bool, doubts: list[Doubt]) -> tuple[str, str]:
    """(our word, why it must not be shipped though paid): whether it is confirmed comes before all else."""
    confirmed, state = text(o.confirm_status), text(o.order_status)
    if confirmed == "2" or (state == "1" and _refund(o) == "full"):
        return "cancelled", ""
    if text(o.trade_type) == "1" and o.step_order_info is not None:
        paid = text(o.step_order_info.step_trade_status) == STEP_PAID
        if not paid:
            return "unpaid", ""
    if confirmed == "0":
        return ("paid", "group_unfinished") if paid else ("unpaid", "")
    status = STATUSES.get(state, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=state))
    return status, "risk_control" if status == "paid" and text(o.risk_control_status) == "1" else ""


def _refund(o: Order) -> str:
    if o.refund_status is not None and text(o.refund_status) in REFUNDS:
        return REFUNDS[text(o.refund_status)]
    case = text(o.after_sales_status)
    return "full" if case == CASE_PAID else "asked" if case in CASE_OPEN else "none"


def _paid(o: Order, status: str, payable: int, paid: bool) -> int:
    """The whole, or the deposit of an order whose rest is due."""
    if status == "unpaid":
        step = o.step_order_info
        started = step is not None and text(step.step_trade_status) == "1"
        return yuan_number_or(step.advanced_paid_fee, "advanced_paid_fee", 0) if step is not None and started else 0
    return payable if paid else 0


def _adjustments(o: Order, goods: int) -> tuple[tuple[AdjustmentDocument, ...], int]:
    """Price change and discounts by who gives them; what the platform gives is paid on top to the seller."""
    platform = yuan_number_or(o.platform_discount, "platform_discount", 0)
    parts = (
        # goods_amount is price × count less what the seller took off by hand
        ("price_change", yuan_number_or(o.goods_amount, "goods_amount", goods) - goods, "merchant"),
        ("seller_discount", -yuan_number_or(o.seller_discount, "seller_discount", 0), "merchant"),
        ("platform_discount", -platform, "platform"),
        ("leader_discount", -yuan_number_or(o.capital_free_discount, "capital_free_discount", 0), "unknown"),
    )
    return tuple(AdjustmentDocument(kind=kind, minor=m, borne_by=who) for kind, m, who in parts if m), platform


def _unit(g: Goods) -> int:
    return yuan_number(g.goods_price, "goods_price")


def _qty(g: Goods) -> int:
    return count(g.goods_count, "goods_count")


def _lines(o: Order, number: str, status: str, paid: int) -> tuple[LineDocument, ...]:
    """The one line that was sold (were there more, what was paid for each is not told), and the gifts."""
    sold = as_list(o.item_list)
    share = paid if len(sold) == 1 else None
    lines = [
        _line(g, status, line_no(number, i), unit_minor=_unit(g), paid_minor=share, refund=_refund(o))
        for i, g in enumerate(sold)
    ]
    lines += [
        _line(g, status, gift_no(number, i), unit_minor=0, paid_minor=0, refund="none", gift=True)
        for i, g in enumerate(as_list(o.gift_list))
    ]
    return tuple(lines)


def _line(g: Goods, status: str, no: str, **more: Any) -> LineDocument:
    return LineDocument(
        platform_line_no=no,
        listing_id=ident_or(g.sku_id, "sku_id") or ident(g.goods_id, "goods_id"),
        product_id=ident_or(g.goods_id, "goods_id"),
        code=text(g.outer_id) or text(g.outer_goods_id),
        title=text(g.goods_name),
        variant=text(g.goods_spec),
        qty=_qty(g),
        status=LINE_STATUSES.get(status, "open"),
        **more,
    )


def _receiver(o: Order) -> ReceiverDocument:
    """Masked forms; the ciphers are there only while the order waits for shipping and is not under review."""
    return ReceiverDocument(
        name=text(o.receiver_name_mask),
        phone=text(o.receiver_phone_mask),
        address=text(o.receiver_address_mask),
        province=text(o.province),
        city=text(o.city),
        # `town` is the district here; nothing is finer.
        district=text(o.town),
        cipher=text(o.receiver_name),
        masked=True,
    )


def _parcels(o: Order) -> tuple[ParcelDocument, ...]:
    first = Track(logistics_id=o.logistics_id, tracking_number=o.tracking_number)
    lists = (o.extra_delivery_list, o.gift_delivery_list, o.resend_delivery_list)
    tracks = (first, *(t for sent in lists for t in as_list(sent)))
    return tuple(
        ParcelDocument(carrier=text(t.logistics_id), waybill=text(t.tracking_number))
        for t in tracks
        if t.tracking_number
    )
