"""Youzan orders as documents. Field by field from the notes named in youzan.py.

Amounts are yuan in text, times Beijing's in text with an empty one for what did not happen; nothing may also be null or
the word "null".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from adapters.core.fields import (
    CHINA,
    FieldError,
    Scalar,
    as_list,
    count,
    ident,
    ident_or,
    masked,
    text,
    text_time,
    text_time_or,
    truth,
    yuan,
    yuan_or,
)
from adapters.core.push import Push
from adapters.documents import AdjustmentDocument, Doubt, LineDocument, OrderDocument, ParcelDocument, ReceiverDocument

STATUSES = {
    "WAIT_BUYER_PAY": "unpaid",
    "TRADE_PAID": "paid",
    "WAIT_CONFIRM": "paid",
    "WAIT_SELLER_SEND_GOODS": "paid",
    "WAIT_BUYER_CONFIRM_GOODS": "shipped",
    "TRADE_SUCCESS": "completed",
    "TRADE_CLOSED": "cancelled",
}
#: a group is not full, or the order is not taken yet
HOLDS = {"WAIT_CONFIRM": "group_unfinished"}
#: refund_order[].refund_state → what it says of its lines
LINE_REFUNDS = {"1": "asked", "10": "asked", "20": "asked", "30": "asked", "40": "asked", "50": "none", "60": "full"}
#: order_info.refund_state, where it says the same of all lines
WHOLE = {"11": "asked", "12": "full"}
#: the state of a parcel that has left
SENT = "1"


class Line(msgspec.Struct):
    """One element of orders, as sent."""

    oid: Scalar = None
    item_id: Scalar = None
    sku_id: Scalar = None
    outer_sku_id: Scalar = None
    outer_item_id: Scalar = None
    title: Scalar = None
    sku_properties_name: Scalar = None
    num: Scalar = None
    price: Scalar = None
    payment: Scalar = None
    is_present: Scalar = None


class OrderInfo(msgspec.Struct):
    tid: Scalar = None
    status: Scalar = None
    refund_state: Scalar = None
    created: Scalar = None
    pay_time: Scalar = None
    update_time: Scalar = None
    success_time: Scalar = None
    order_tags: dict[str, Any] | None = None


class Pay(msgspec.Struct):
    total_fee: Scalar = None
    post_fee: Scalar = None
    payment: Scalar = None


class Address(msgspec.Struct):
    receiver_name: Scalar = None
    receiver_tel: Scalar = None
    delivery_address: Scalar = None
    delivery_province: Scalar = None
    delivery_city: Scalar = None
    delivery_district: Scalar = None
    delivery_postal_code: Scalar = None


class Buyer(msgspec.Struct):
    yz_open_id: Scalar = None
    buyer_id: Scalar = None


class Remarks(msgspec.Struct):
    buyer_message: Scalar = None
    trade_memo: Scalar = None
    star: Scalar = None


class Full(msgspec.Struct):
    order_info: OrderInfo | None = None
    pay_info: Pay | None = None
    address_info: Address | None = None
    buyer_info: Buyer | None = None
    remark_info: Remarks | None = None
    orders: list[Line] | Line | None = None


class Oid(msgspec.Struct):
    oid: Scalar = None


class RefundOrder(msgspec.Struct):
    refund_id: Scalar = None
    refund_state: Scalar = None
    oids: list[Oid] | None = None


class Express(msgspec.Struct):
    express_id: Scalar = None
    express_no: Scalar = None


class Dist(msgspec.Struct):
    express_info: Express | None = None


class Delivery(msgspec.Struct):
    express_state: Scalar = None
    oids: list[Oid] | None = None
    dists: list[Dist] | None = None


class Promotion(msgspec.Struct):
    item_discount_fee: Scalar = None
    order_discount_fee: Scalar = None
    adjust_fee: Scalar = None


class Order(msgspec.Struct):
    """One trade, as sent. Only the fields that are read; the raw bytes keep the rest."""

    full_order_info: Full | None = None
    order_promotion: Promotion | None = None
    refund_order: list[RefundOrder] | RefundOrder | None = None
    delivery_order: list[Delivery] | Delivery | None = None


_order = msgspec.json.Decoder(Order).decode


class HeadInfo(msgspec.Struct):
    tid: Scalar = None
    update_time: Scalar = None


class HeadFull(msgspec.Struct):
    order_info: HeadInfo


class Head(msgspec.Struct):
    """What is needed to name a trade that cannot be read."""

    full_order_info: HeadFull


_head = msgspec.json.Decoder(Head).decode


def word(value: Scalar) -> str:
    """Free text; "null" is nothing here."""
    return "" if value == "null" else text(value)


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a trade."""
    head = _head(raw).full_order_info.order_info
    number = ident(head.tid, "tid")
    try:
        return number, text_time_or(head.update_time, "update_time", CHINA)
    except FieldError:
        return number, None


def order(
    raw: bytes, *, platform: str, seller_id: str, latest: Callable[[datetime | None], datetime | None], merge_by_cipher: bool
) -> OrderDocument:  # fmt: skip
    """Read one trade. `latest`: the latest shipping time, which the platform does not send."""
    o = _order(raw)
    full = o.full_order_info or Full()
    info, pay = full.order_info or OrderInfo(), full.pay_info or Pay()
    doubts: list[Doubt] = []
    number = ident(info.tid, "order_info.tid")
    sent = as_list(full.orders)
    if not sent:
        raise FieldError("orders", "missing_field", "a trade without lines")
    parcels, gone = _parcels(as_list(o.delivery_order))
    status_raw = text(info.status)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    if status_raw == "WAIT_SELLER_SEND_GOODS" and gone:
        status = "partly_shipped"
    states = _refunds(as_list(o.refund_order), doubts)
    whole = "" if states else WHOLE.get(text(info.refund_state), "")
    lines = tuple(_line(n, status, gone, states, whole, doubts) for n in sent)
    goods = sum(line.unit_minor * line.qty for line in lines)
    freight = yuan_or(pay.post_fee, "pay_info.post_fee", doubts, 0)
    payable = yuan(pay.payment, "pay_info.payment", doubts)
    adjustments = _adjustments(o.order_promotion or Promotion(), doubts)
    rest = payable - goods - freight - sum(a.minor for a in adjustments)
    if rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    paid_at = text_time_or(info.pay_time, "order_info.pay_time", CHINA)
    ship_by = latest(paid_at)
    if ship_by is not None:
        doubts.append(Doubt(field="ship_by", why="derived"))
    buyer, remarks = full.buyer_info or Buyer(), full.remark_info or Remarks()
    buyer_id = word(buyer.yz_open_id) or ident_or(buyer.buyer_id, "buyer_info.buyer_id")
    receiver = _receiver(full.address_info or Address())
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=number,
        status=status,
        status_raw=status_raw,
        platform_hold=HOLDS.get(status_raw, ""),
        ordered_at=text_time(info.created, "order_info.created", CHINA),
        paid_at=paid_at,
        modified_at=text_time(info.update_time, "order_info.update_time", CHINA),
        ship_by=ship_by,
        ended_at=text_time_or(info.success_time, "order_info.success_time", CHINA),
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=payable if paid_at is not None and status != "unpaid" else 0,
        buyer_id=buyer_id,
        receiver=receiver,
        merge_key=f"{buyer_id}|{receiver.cipher}" if merge_by_cipher and buyer_id and receiver.cipher else "",
        flags=("virtual",) if truth((info.order_tags or {}).get("is_virtual"), "order_tags.is_virtual") else (),
        buyer_remark=word(remarks.buyer_message),
        seller_remark=word(remarks.trade_memo),
        seller_flag=count(remarks.star, "remark_info.star", 0),
        lines=lines,
        parcels=parcels,
        doubts=tuple(doubts),
    )


def _adjustments(p: Promotion, doubts: list[Doubt]) -> tuple[AdjustmentDocument, ...]:
    """All discounts are the merchant's; a price changed by hand is signed."""
    parts = (
        ("item_discount", -yuan_or(p.item_discount_fee, "item_discount_fee", doubts, 0)),
        ("order_discount", -yuan_or(p.order_discount_fee, "order_discount_fee", doubts, 0)),
        ("price_change", yuan_or(p.adjust_fee, "adjust_fee", doubts, 0)),
    )
    return tuple(AdjustmentDocument(kind=kind, minor=minor, borne_by="merchant") for kind, minor in parts if minor)


def _refunds(sent: Sequence[RefundOrder], doubts: list[Doubt]) -> dict[str, tuple[str, str]]:
    """Line → what its cases say, and the number of the case that says it: an open one before one that ended with money."""
    rank = {"none": 0, "full": 1, "asked": 2}
    found: dict[str, tuple[str, str]] = {}
    for case in sent:
        raw = text(case.refund_state)
        state = LINE_REFUNDS.get(raw)
        if state is None:
            doubts.append(Doubt(field="lines.refund", why="unknown_status", raw=raw))
            state = "asked"
        for oid in case.oids or ():
            line = ident(oid.oid, "refund_order.oids.oid")
            if line not in found or rank[state] >= rank[found[line][0]]:
                found[line] = (state, text(case.refund_id) if state != "none" else "")
    return found


def _line(
    n: Line, status: str, gone: set[str], states: dict[str, tuple[str, str]], whole: str, doubts: list[Doubt]
) -> LineDocument:
    number, item = ident(n.oid, "orders.oid"), ident_or(n.item_id, "orders.item_id")
    refund, refund_no = states.get(number, (whole or "none", ""))
    left = status in ("shipped", "completed") or number in gone
    return LineDocument(
        platform_line_no=number,
        # 0: the item has no specifications
        listing_id=ident_or(n.sku_id, "orders.sku_id") or ident(n.item_id, "orders.item_id"),
        product_id=item,
        code=word(n.outer_sku_id) or word(n.outer_item_id),
        title=text(n.title),
        variant=_variant(text(n.sku_properties_name)),
        qty=count(n.num, "orders.num"),
        unit_minor=yuan(n.price, "orders.price", doubts),
        paid_minor=yuan_or(n.payment, "orders.payment", doubts, None),
        gift=truth(n.is_present, "orders.is_present"),
        status="closed" if status == "cancelled" else "shipped" if left else "closed" if refund == "full" else "open",
        refund=refund,
        refund_no=refund_no,
    )


def _variant(properties: str) -> str:
    """JSON text of name and value pairs; what is none stays as it is."""
    try:
        pairs = msgspec.json.decode(properties, type=list[dict[str, Any]]) if properties else []
    except msgspec.MsgspecError:
        return properties
    return ";".join(f"{p.get('k', '')}:{p.get('v', '')}" for p in pairs)


def _parcels(sent: Sequence[Delivery]) -> tuple[tuple[ParcelDocument, ...], set[str]]:
    """The parcels that have left, and the lines in them."""
    parcels: list[ParcelDocument] = []
    gone: set[str] = set()
    for delivery in sent:
        if text(delivery.express_state) != SENT:
            continue
        lines = [ident(oid.oid, "delivery_order.oids.oid") for oid in delivery.oids or ()]
        gone.update(lines)
        for dist in delivery.dists or ():
            express = dist.express_info or Express()
            if express.express_no:
                told = tuple((line, 0) for line in lines)
                parcels.append(ParcelDocument(carrier=text(express.express_id), waybill=text(express.express_no), lines=told))  # fmt: skip
    return tuple(parcels), gone


def _receiver(a: Address) -> ReceiverDocument:
    """Clear in older answers; newer ones put a cipher between dollars."""
    parts = [word(a.receiver_name), word(a.receiver_tel), word(a.delivery_address)]
    hidden = any(p.startswith("$") for p in parts)
    name, phone, address = ("", "", "") if hidden else parts
    return ReceiverDocument(
        name=name, phone=phone, address=address, zip=word(a.delivery_postal_code), province=word(a.delivery_province),
        city=word(a.delivery_city), district=word(a.delivery_district), cipher="|".join(parts) if hidden else "",
        masked=hidden or masked(*parts),
    )  # fmt: skip


# ================================================================ pushed messages


def push(topic: str, number: str, msg: Any, delivery: str) -> Push:
    """What a proven message is about. `msg`: JSON text, perhaps URL-encoded, or the object itself."""
    if "refund" not in topic.lower():
        return Push(topic=topic, kind="orders" if topic.startswith("trade_") else "", number=number, delivery=delivery)
    try:
        about = msgspec.json.decode(unquote(msg)) if isinstance(msg, str) else msg
    except msgspec.MsgspecError:
        about = None
    case = about.get("refund_id") if isinstance(about, dict) else None
    return Push(topic=topic, kind="refunds", number=text(case), delivery=delivery)
