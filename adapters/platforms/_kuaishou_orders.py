"""Kuaishou orders as documents. Field by field from the notes named in kuaishou.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

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

MS = 0.001
STATUSES = {"10": "unpaid", "30": "paid", "40": "shipped", "50": "shipped", "70": "completed", "80": "cancelled"}
LINE_STATUSES = {"40": "shipped", "50": "shipped", "70": "shipped", "80": "closed"}
#: disableDeliveryReasonCode
HOLDS = {"1": "group_unfinished", "2": "risk_control"}
RISK = "10001"
#: refundStatus
REFUNDS = {
    **dict.fromkeys(("10", "11", "20", "21", "22", "30", "40", "45", "50"), "asked"), "60": "full", "70": "none",
}  # fmt: skip
#: first word of flagTagCode
FLAGS = {"red": 1, "yellow": 2, "green": 3, "blue": 4, "purple": 5}
FEES = "feeDetail"


class Base(msgspec.Struct):
    oid: Scalar = None
    status: Scalar = None
    createTime: Scalar = None
    payTime: Scalar = None
    updateTime: Scalar = None
    recvTime: Scalar = None
    buyerOpenId: Scalar = None
    expressFee: Scalar = None
    discountFee: Scalar = None
    remark: Scalar = None
    preSale: Scalar = None
    riskCode: Scalar = None
    disableDeliveryReasonCode: list[Scalar] | Scalar = None
    promiseTimeStampOfDelivery: Scalar = None
    validPromiseShipmentTimeStamp: Scalar = None


class Item(msgspec.Struct):
    skuId: Scalar = None
    relSkuId: Scalar = None
    skuDesc: Scalar = None
    skuNick: Scalar = None
    itemId: Scalar = None
    itemTitle: Scalar = None
    num: Scalar = None
    price: Scalar = None
    goodsCode: Scalar = None


class Refund(msgspec.Struct):
    refundId: Scalar = None
    refundStatus: Scalar = None


class Express(msgspec.Struct):
    expressNo: Scalar = None
    expressCode: Scalar = None


class Note(msgspec.Struct):
    createTime: Scalar = None
    note: Scalar = None
    flagTagCode: Scalar = None


class Notes(msgspec.Struct):
    orderNoteInfo: list[Note] | Note | None = None


class Address(msgspec.Struct):
    encryptedConsignee: Scalar = None
    desensitiseConsignee: Scalar = None
    desensitiseMobile: Scalar = None
    desensitiseAddress: Scalar = None
    province: Scalar = None
    city: Scalar = None
    district: Scalar = None
    town: Scalar = None
    openAddressId: Scalar = None


class SubBase(msgspec.Struct):
    oid: Scalar = None
    status: Scalar = None


class Sub(msgspec.Struct):
    """A gift: an order of its own number inside the order."""

    subOrderBaseInfo: SubBase = msgspec.field(default_factory=SubBase)
    subOrderItemInfo: Item = msgspec.field(default_factory=Item)
    subOrderLogisticsInfo: list[Express] | Express | None = None


class Fees(msgspec.Struct):
    """What the fee detail says of the order."""

    oid: Scalar = None
    buyerPay: Scalar = None
    platformBearAmount: Scalar = None
    merchantBearAmount: Scalar = None


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    orderBaseInfo: Base
    orderItemInfo: list[Item] | Item | None = None
    orderRefundList: list[Refund] | Refund | None = None
    orderLogisticsInfo: list[Express] | Express | None = None
    orderNote: Notes | None = None
    orderAddress: Address | None = None
    subOrderInfo: list[Sub] | Sub | None = None
    feeDetail: Fees | None = None


class HeadBase(msgspec.Struct):
    oid: Scalar = None
    updateTime: Scalar = None


class Head(msgspec.Struct):
    """What is needed to name an order that cannot be read."""

    orderBaseInfo: HeadBase


_order = msgspec.json.Decoder(Order).decode
_head = msgspec.json.Decoder(Head).decode
_fees = msgspec.json.Decoder(Fees).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order."""
    head = _head(raw).orderBaseInfo
    number = ident(head.oid, "oid")
    try:
        return number, epoch_time_or(head.updateTime, "updateTime", MS)
    except FieldError:
        return number, None


def with_fees(raw: bytes, fees: bytes) -> bytes:
    """The order's bytes with its fee detail as one more field.

    Raises:
        FieldError: the fees are of another order.
    """
    if ident(_fees(fees).oid, "feeDetail.oid") != identify(raw)[0]:
        raise FieldError("feeDetail.oid", "bad_id", "of another order")
    return raw.rstrip()[:-1] + f',"{FEES}":'.encode() + fees + b"}"


def order(raw: bytes, *, platform: str, seller_id: str) -> OrderDocument:
    """Read one order: one sku under the order's own number, gifts under theirs."""
    o = _order(raw)
    base, doubts = o.orderBaseInfo, list[Doubt]()
    number, status_raw = ident(base.oid, "oid"), text(base.status)
    sold = as_list(o.orderItemInfo)
    if not sold:
        raise FieldError("orderItemInfo", "missing_field", "an order without goods")
    parcels = _parcels(o)
    status = _status(status_raw, parcels, doubts)
    freight = fen_or(base.expressFee, "expressFee", doubts, 0)
    goods = sum(fen(i.price, "price", doubts) * count(i.num, "num") for i in sold)
    gifts = _gifts(o, doubts)
    goods += sum(g.unit_minor * g.qty for g in gifts)
    payable, adjustments, subsidy = _money(o, goods, freight, doubts)
    paid_at = epoch_time_or(base.payTime, "payTime", MS)
    refund = _refund(as_list(o.orderRefundList), doubts)
    paid = payable - freight if len(sold) == 1 and not any(g.unit_minor for g in gifts) else None
    lines = tuple(
        _line(
            i, number if n == 0 else f"{number}-{n}", status_raw, doubts,
            paid_minor=paid, refund=refund, unit_minor=fen(i.price, "price", doubts),
        )
        for n, i in enumerate(sold)
    )  # fmt: skip
    note = _newest(o.orderNote)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=number,
        status=status,
        status_raw=status_raw,
        platform_hold=_hold(base) if status == "paid" else "",
        ordered_at=epoch_time(base.createTime, "createTime", MS),
        paid_at=paid_at,
        modified_at=epoch_time(base.updateTime, "updateTime", MS),
        ship_by=epoch_time_or(base.validPromiseShipmentTimeStamp, "validPromiseShipmentTimeStamp", MS)
        or epoch_time_or(base.promiseTimeStampOfDelivery, "promiseTimeStampOfDelivery", MS),
        ended_at=epoch_time_or(base.recvTime, "recvTime", MS) if status == "completed" else None,
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=payable if paid_at is not None and status != "unpaid" else 0,
        subsidy_minor=subsidy,
        buyer_id=text(base.buyerOpenId),
        receiver=_receiver(o.orderAddress or Address()),
        merge_key=text(o.orderAddress.openAddressId) if o.orderAddress else "",
        flags=("presale",) if text(base.preSale) == "1" else (),
        buyer_remark=text(base.remark),
        seller_remark=text(note.note),
        seller_flag=FLAGS.get(text(note.flagTagCode).partition("_")[0], 0),
        lines=(*lines, *gifts),
        parcels=parcels,
        doubts=tuple(doubts),
    )


def _status(raw: str, parcels: Sequence[ParcelDocument], doubts: list[Doubt]) -> str:
    status = STATUSES.get(raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=raw))
    return "partly_shipped" if status == "paid" and parcels else status


def _hold(base: Base) -> str:
    """Why it must not be shipped: what forbids it, or a risk that is still looked into."""
    sent = base.disableDeliveryReasonCode
    codes = [
        text(c) for c in (sent if isinstance(sent, list) else [sent]) if c is not None and text(c) not in ("", "0")
    ]
    if codes:
        return next((HOLDS[c] for c in codes if c in HOLDS), "locked")
    return "risk_control" if text(base.riskCode) == RISK else ""


def _money(o: Order, goods: int, freight: int, doubts: list[Doubt]) -> tuple[int, tuple[AdjustmentDocument, ...], int]:
    """(payable, discounts by who bears them, subsidy): from the fee detail, until it came from the list's own discount."""
    fees = o.feeDetail
    if fees is None:
        off = fen_or(o.orderBaseInfo.discountFee, "discountFee", doubts, 0)
        doubts.append(Doubt(field="payable_minor", why="not_sent"))
        found = (AdjustmentDocument(kind="discount", minor=-off),) if off else ()
        return goods + freight - off, found, 0
    merchant = fen_or(fees.merchantBearAmount, "merchantBearAmount", doubts, 0)
    platform = fen_or(fees.platformBearAmount, "platformBearAmount", doubts, 0)
    payable = fen(fees.buyerPay, "buyerPay", doubts)
    rest = payable - goods - freight + merchant + platform
    if rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    parts = (("merchant_discount", merchant, "merchant"), ("platform_discount", platform, "platform"))
    return payable, tuple(AdjustmentDocument(kind=k, minor=-m, borne_by=w) for k, m, w in parts if m), platform


def _refund(sent: Sequence[Refund], doubts: list[Doubt]) -> str:
    """The newest one stands first."""
    if not sent:
        return "none"
    raw = text(sent[0].refundStatus)
    if raw not in REFUNDS:
        doubts.append(Doubt(field="lines.refund", why="unknown_status", raw=raw))
    return REFUNDS.get(raw, "asked")


def _line(i: Item, number: str, status: str, doubts: list[Doubt], **more: Any) -> LineDocument:
    return LineDocument(
        platform_line_no=number,
        listing_id=ident_or(i.skuId, "skuId") or ident(i.itemId, "itemId"),
        product_id=ident_or(i.itemId, "itemId"),
        code=text(i.skuNick) or text(i.goodsCode) or ident_or(i.relSkuId, "relSkuId"),
        title=text(i.itemTitle),
        variant=text(i.skuDesc),
        qty=count(i.num, "num"),
        status=LINE_STATUSES.get(status, "open"),
        **more,
    )


def _gifts(o: Order, doubts: list[Doubt]) -> tuple[LineDocument, ...]:
    lines = []
    for s in as_list(o.subOrderInfo):
        unit = fen_or(s.subOrderItemInfo.price, "subOrderInfo.price", doubts, 0)
        number = ident(s.subOrderBaseInfo.oid, "subOrderInfo.oid")
        more = {"unit_minor": unit, "paid_minor": None if unit else 0, "gift": not unit, "refund": "none"}
        lines.append(_line(s.subOrderItemInfo, number, text(s.subOrderBaseInfo.status), doubts, **more))
    return tuple(lines)


def _receiver(where: Address) -> ReceiverDocument:
    """Masked forms; none at all while the platform keeps the order from being shipped."""
    return ReceiverDocument(
        name=text(where.desensitiseConsignee),
        phone=text(where.desensitiseMobile),
        address=text(where.desensitiseAddress),
        province=text(where.province),
        city=text(where.city),
        district=text(where.district),
        town=text(where.town),
        cipher=text(where.encryptedConsignee),
        masked=True,
    )


def _newest(notes: Notes | None) -> Note:
    sent = as_list(notes.orderNoteInfo) if notes is not None else ()
    return max(sent, key=lambda n: count(n.createTime, "orderNoteInfo.createTime", 0), default=Note())


def _parcels(o: Order) -> tuple[ParcelDocument, ...]:
    """Parcels of the order and of its gifts, each waybill once."""
    sent = [
        *as_list(o.orderLogisticsInfo),
        *(e for s in as_list(o.subOrderInfo) for e in as_list(s.subOrderLogisticsInfo)),
    ]
    found = {text(e.expressNo): text(e.expressCode) for e in sent if e.expressNo}
    return tuple(ParcelDocument(carrier=carrier, waybill=waybill) for waybill, carrier in found.items())
