"""Payments of a mini program, with what the mall knows of them, as documents. Field by field from the notes named in
wechat_miniprogram.py; the mall's part is ours, see docs/platforms/wechat_miniprogram.md.

An item is a payment as WeChat tells it, or `{"payment": …, "mall": …}` where the mall was asked. A payment alone has one
line, its description, and no receiver: such an order is marked and goes nowhere by itself.
"""

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
    fen,
    fen_or,
    ident,
    masked,
    text,
    truth,
)
from adapters.core.iso import place_key
from adapters.documents import (
    AdjustmentDocument,
    Doubt,
    LineDocument,
    OrderDocument,
    ParcelDocument,
    ReceiverDocument,
    RefundDocument,
)

STATUSES = {"1": "paid", "2": "shipped", "3": "completed", "4": "completed", "5": "cancelled", "6": "completed"}
REFUNDED = "5"
#: before the number of an order: the refund of all of it
REFUND = "refund-"
#: a shipment in parts
SPLIT = "2"


class Contact(msgspec.Struct):
    receiver_contact: Scalar = None


class Shipped(msgspec.Struct):
    tracking_no: Scalar = None
    express_company: Scalar = None
    upload_time: Scalar = None


class Shipping(msgspec.Struct):
    delivery_mode: Scalar = None
    finish_shipping: Scalar = None
    shipping_list: list[Shipped] | Shipped | None = None


class Payment(msgspec.Struct):
    """One payment, as sent. Only the fields that are read; the raw bytes keep the rest."""

    transaction_id: Scalar = None
    merchant_trade_no: Scalar = None
    merchant_id: Scalar = None
    description: Scalar = None
    paid_amount: Scalar = None
    openid: Scalar = None
    trade_create_time: Scalar = None
    pay_time: Scalar = None
    order_state: Scalar = None
    shipping: Shipping | None = None


class MallLine(msgspec.Struct):
    line: Scalar = None
    listing: Scalar = None
    product: Scalar = None
    code: Scalar = None
    title: Scalar = None
    variant: Scalar = None
    qty: Scalar = None
    unit: Scalar = None
    paid: Scalar = None
    gift: Scalar = None


class MallDiscount(msgspec.Struct):
    kind: Scalar = None
    amount: Scalar = None


class MallReceiver(msgspec.Struct):
    name: Scalar = None
    phone: Scalar = None
    province: Scalar = None
    city: Scalar = None
    district: Scalar = None
    town: Scalar = None
    address: Scalar = None
    zip: Scalar = None


class MallOrder(msgspec.Struct):
    """One order as the mall's own answer tells it. Amounts in fen, times in seconds."""

    number: Scalar = None
    modified: Scalar = None
    ship_by: Scalar = None
    payable: Scalar = None
    freight: Scalar = None
    discounts: list[MallDiscount] = []
    remark: Scalar = None
    note: Scalar = None
    receiver: MallReceiver | None = None
    lines: list[MallLine] | MallLine | None = None


class Both(msgspec.Struct):
    payment: msgspec.Raw = msgspec.Raw()
    mall: MallOrder | None = None


class _Head(msgspec.Struct):
    merchant_trade_no: Scalar = None


_both = msgspec.json.Decoder(Both).decode
_payment = msgspec.json.Decoder(Payment).decode
_head = msgspec.json.Decoder(_Head).decode


def read(raw: bytes) -> tuple[Payment, MallOrder | None]:
    """A payment, and what the mall knows of it where that was asked for."""
    both = _both(raw)
    return (_payment(both.payment), both.mall) if bytes(both.payment) else (_payment(raw), None)


def number_of(raw: bytes) -> str:
    """The number of a payment as WeChat sent it; empty when it cannot be read."""
    try:
        return ident(_head(raw).merchant_trade_no, "merchant_trade_no")
    except (FieldError, msgspec.MsgspecError):
        return ""


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a payment, whatever else is wrong with it."""
    both = msgspec.json.decode(raw, type=Both) if b'"payment"' in raw else Both()
    payment = _payment(both.payment if bytes(both.payment) else raw)
    number = ident(payment.merchant_trade_no, "merchant_trade_no")
    try:
        return number, modified_at(payment, both.mall)
    except FieldError:
        return number, None


def modified_at(payment: Payment, mall: MallOrder | None) -> datetime:
    """WeChat tells no time of a change: the mall's, or the last of what was paid and uploaded."""
    known = [epoch_time(payment.pay_time, "pay_time")]
    known += [t for s in _shipped(payment) if (t := epoch_time_or(s.upload_time, "shipping_list.upload_time"))]
    if mall is not None and (told := epoch_time_or(mall.modified, "mall.modified")) is not None:
        known.append(told)
    return max(known)


def _shipped(payment: Payment) -> Sequence[Shipped]:
    return as_list(payment.shipping.shipping_list) if payment.shipping is not None else ()


def status_of(payment: Payment) -> str:
    """The canonical word; a shipment in parts that is not whole yet is a part."""
    raw, shipping = text(payment.order_state), payment.shipping
    in_parts = shipping is not None and text(shipping.delivery_mode) == SPLIT
    if raw == "2" and in_parts and not truth(shipping.finish_shipping if shipping else None, "finish_shipping"):
        return "partly_shipped"
    return STATUSES.get(raw, "unknown")


def order(
    raw: bytes, *, platform: str, seller_id: str, latest: Callable[[datetime | None], datetime | None]
) -> OrderDocument:
    """Read one payment; `latest`: the latest shipping time where the mall tells none."""
    payment, mall = read(raw)
    doubts: list[Doubt] = []
    status, status_raw = status_of(payment), text(payment.order_state)
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    paid = fen(payment.paid_amount, "paid_amount", doubts)
    paid_at = epoch_time(payment.pay_time, "pay_time")
    lines = _lines(payment, mall, paid, status, doubts)
    goods = sum(line.unit_minor * line.qty for line in lines)
    known, buyer = mall or MallOrder(), text(payment.openid)
    freight = fen_or(known.freight, "mall.freight", doubts, 0)
    payable = fen_or(known.payable, "mall.payable", doubts, paid)
    adjustments = tuple(
        AdjustmentDocument(kind=text(d.kind) or "discount", minor=-minor, borne_by="merchant")
        for d in known.discounts
        if (minor := fen(d.amount, "mall.discounts.amount", doubts))
    )
    if rest := payable - goods - freight - sum(a.minor for a in adjustments):
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    if payable != paid:
        # WeChat Pay's coupons may stand between the two: the trade bill tells
        doubts.append(Doubt(field="paid_minor", why="sum_differs", raw=str(paid - payable)))
    ship_by = epoch_time_or(known.ship_by, "mall.ship_by")
    if ship_by is None and (ship_by := latest(paid_at)) is not None:
        doubts.append(Doubt(field="ship_by", why="derived"))
    where = _receiver(mall, doubts)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=ident(payment.merchant_trade_no, "merchant_trade_no"),
        status=status,
        status_raw=status_raw,
        ordered_at=epoch_time(payment.trade_create_time, "trade_create_time"),
        paid_at=paid_at,
        modified_at=modified_at(payment, mall),
        ship_by=ship_by,
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=paid,
        buyer_id=buyer,
        receiver=where,
        merge_key=_merge_key(seller_id, buyer, where),
        buyer_remark=text(known.remark),
        seller_remark=text(known.note),
        lines=lines,
        parcels=tuple(
            ParcelDocument(carrier=text(s.express_company), waybill=text(s.tracking_no))
            for s in _shipped(payment)
            if s.tracking_no
        ),
        doubts=tuple(doubts),
    )


def _lines(
    payment: Payment, mall: MallOrder | None, paid: int, status: str, doubts: list[Doubt]
) -> tuple[LineDocument, ...]:
    line_status = {"shipped": "shipped", "completed": "shipped", "cancelled": "closed"}.get(status, "open")
    refund = "full" if text(payment.order_state) == REFUNDED else "none"
    if mall is None:
        title = text(payment.description)
        if not title:
            raise FieldError("description", "missing_field", "a payment that does not say what for")
        doubts.append(Doubt(field="lines[0].listing_id", why="derived"))
        only = LineDocument(
            platform_line_no=f"{ident(payment.merchant_trade_no, 'merchant_trade_no')}-0", listing_id=title, title=title,
            qty=1, unit_minor=paid, paid_minor=paid, status=line_status, refund=refund,
        )  # fmt: skip
        return (only,)
    sent = as_list(mall.lines)
    if not sent:
        raise FieldError("mall.lines", "missing_field", "an order without lines")
    return tuple(_line(n, line_status, refund, doubts) for n in sent)


def _line(n: MallLine, status: str, refund: str, doubts: list[Doubt]) -> LineDocument:
    return LineDocument(
        platform_line_no=ident(n.line, "mall.lines.line"),
        listing_id=ident(n.listing, "mall.lines.listing"),
        product_id=text(n.product),
        code=text(n.code),
        title=text(n.title),
        variant=text(n.variant),
        qty=count(n.qty, "mall.lines.qty"),
        unit_minor=fen(n.unit, "mall.lines.unit", doubts),
        paid_minor=fen_or(n.paid, "mall.lines.paid", doubts, None),
        gift=truth(n.gift, "mall.lines.gift"),
        status=status,
        refund=refund,
    )


def _receiver(mall: MallOrder | None, doubts: list[Doubt]) -> ReceiverDocument:
    r = mall.receiver if mall is not None else None
    if r is None:
        doubts.append(Doubt(field="receiver", why="not_sent"))
        return ReceiverDocument()
    name, phone, address = text(r.name), text(r.phone), text(r.address)
    return ReceiverDocument(
        name=name, phone=phone, address=address, zip=text(r.zip), province=text(r.province), city=text(r.city),
        district=text(r.district), town=text(r.town), masked=masked(name, phone, address),
    )  # fmt: skip


def _merge_key(seller_id: str, buyer: str, r: ReceiverDocument) -> str:
    """One buyer, one clear address."""
    if not (buyer and r.address):
        return ""
    return place_key(seller_id, buyer, r.name, r.phone, r.province, r.city, r.district, r.town, r.address)


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """A payment that went back whole: WeChat's order interface tells no other refund, and not when."""
    payment, mall = read(raw)
    doubts = [Doubt(field="asked_at", why="derived")]
    number, status_raw = ident(payment.merchant_trade_no, "merchant_trade_no"), text(payment.order_state)
    modified, done = modified_at(payment, mall), status_raw == REFUNDED
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=f"{REFUND}{number}",
        platform_order_no=number,
        kind="refund_only" if _shipped(payment) else "before_shipping",
        status="done" if done else "closed",
        status_raw=status_raw,
        amount_minor=fen(payment.paid_amount, "paid_amount", doubts) if done else 0,
        goods="unknown" if _shipped(payment) else "not_received",
        asked_at=modified,
        modified_at=modified,
        done_at=modified if done else None,
        doubts=tuple(doubts),
    )
