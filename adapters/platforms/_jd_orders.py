"""JD orders as documents. Field by field from the notes named in jd.py."""

from __future__ import annotations

from collections.abc import Sequence
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
    yuan,
    yuan_or,
)
from adapters.documents import AdjustmentDocument, Doubt, LineDocument, OrderDocument, ParcelDocument, ReceiverDocument

STATUSES = {
    "WAIT_SELLER_STOCK_OUT": "paid",
    "WAIT_SEND_CODE": "paid",
    "WAIT_SELLER_DELIVERY": "paid",
    "PAUSE": "paid",
    "POP_ORDER_PAUSE": "paid",
    "LOCKED": "paid",
    "WAIT_GOODS_RECEIVE_CONFIRM": "shipped",
    "DELIVERY_RETURN": "shipped",
    "FINISHED_L": "completed",
    "TRADE_CANCELED": "cancelled",
}
#: paid, but the platform does not let it be shipped now
HOLDS = {"PAUSE": "paused", "POP_ORDER_PAUSE": "paused", "LOCKED": "locked"}
LINE_STATUSES = {"shipped": "shipped", "completed": "shipped", "cancelled": "closed"}

#: leading number of couponType → (our word, who bears it), for what is not inside sellerDiscount
COUPONS = {
    "34": ("red_packet", "platform"),
    "39": ("beans", "platform"),
    "41": ("platform_coupon", "platform"),
    "52": ("gift_card", "unknown"),
}


class Item(msgspec.Struct):
    """One element of itemInfoList, as sent. itemExt is JSON inside text."""

    skuId: Scalar = None
    outerSkuId: Scalar = None
    skuName: Scalar = None
    jdPrice: Scalar = None
    itemTotal: Scalar = None
    wareId: Scalar = None
    productNo: Scalar = None
    itemExt: Scalar = None


class Coupon(msgspec.Struct):
    couponType: Scalar = None
    couponPrice: Scalar = None


class Consignee(msgspec.Struct):
    fullname: Scalar = None
    fullAddress: Scalar = None
    mobile: Scalar = None
    telephone: Scalar = None
    desen_mobile: Scalar = None
    province: Scalar = None
    city: Scalar = None
    county: Scalar = None
    town: Scalar = None


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    orderId: Scalar = None
    orderType: Scalar = None
    payType: Scalar = None
    orderTotalPrice: Scalar = None
    sellerDiscount: Scalar = None
    freightPrice: Scalar = None
    balanceUsed: Scalar = None
    orderPayment: Scalar = None
    shouldPay: Scalar = None
    actualPay: Scalar = None
    orderState: Scalar = None
    orderRemark: Scalar = None
    venderRemark: Scalar = None
    orderStartTime: Scalar = None
    paymentConfirmTime: Scalar = None
    modified: Scalar = None
    orderEndTime: Scalar = None
    open_id_buyer: Scalar = None
    xid_buyer: Scalar = None
    pin: Scalar = None
    waybill: Scalar = None
    logisticsId: Scalar = None
    storeOrder: Scalar = None
    consigneeInfo: Consignee | None = None
    itemInfoList: list[Item] | Item | None = None
    couponDetailList: list[Coupon] | Coupon | None = None


class Extra(msgspec.Struct):
    skuUuid: Scalar = None


class Head(msgspec.Struct):
    orderId: Scalar = None
    modified: Scalar = None


_order = msgspec.json.Decoder(Order).decode
_extra = msgspec.json.Decoder(Extra).decode
_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order."""
    head = _head(raw)
    number = ident(head.orderId, "orderId")
    try:
        return number, text_time_or(head.modified, "modified", CHINA)
    except FieldError:
        return number, None


def order(raw: bytes, *, platform: str, seller_id: str, ship_within_s: float) -> OrderDocument:
    """Read one order."""
    o = _order(raw)
    doubts: list[Doubt] = []
    number = ident(o.orderId, "orderId")
    status_raw = text(o.orderState)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    items = as_list(o.itemInfoList)
    if not items:
        raise FieldError("itemInfoList", "missing_field", "an order without lines")
    freight = yuan_or(o.freightPrice, "freightPrice", doubts, 0)
    payable = _payable(o, doubts)
    lines = _lines(items, number, status, payable - freight, doubts)
    goods = sum(line.unit_minor * line.qty for line in lines)
    total = yuan_or(o.orderTotalPrice, "orderTotalPrice", doubts, goods)
    if total != goods:
        doubts.append(Doubt(field="goods_minor", why="sum_differs", raw=str(total - goods)))
    adjustments, subsidy = _adjustments(o, doubts)
    rest = payable - goods - freight - sum(a.minor for a in adjustments)
    if rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    paid_at = text_time_or(o.paymentConfirmTime, "paymentConfirmTime", CHINA)
    ship_by = paid_at + timedelta(seconds=ship_within_s) if paid_at is not None and ship_within_s else None
    if ship_by is not None:
        doubts.append(_DERIVED)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=number,
        status=status,
        status_raw=status_raw,
        platform_hold=HOLDS.get(status_raw, ""),
        ordered_at=text_time(o.orderStartTime, "orderStartTime", CHINA),
        paid_at=paid_at,
        modified_at=text_time(o.modified, "modified", CHINA),
        ship_by=ship_by,
        ended_at=text_time_or(o.orderEndTime, "orderEndTime", CHINA),
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=_paid(o, paid_at, payable, doubts),
        subsidy_minor=subsidy,
        buyer_id=text(o.open_id_buyer) or text(o.xid_buyer) or text(o.pin),
        receiver=_receiver(o.consigneeInfo or Consignee()),
        flags=_flags(o),
        buyer_remark=text(o.orderRemark),
        seller_remark=text(o.venderRemark),
        lines=lines,
        parcels=_parcels(text(o.logisticsId), text(o.waybill)),
        doubts=tuple(doubts),
    )


_DERIVED = Doubt(field="ship_by", why="derived")


def _payable(o: Order, doubts: list[Doubt]) -> int:
    """What the buyer owes; `orderPayment` is not kept up any more and comes last."""
    for value, field in ((o.shouldPay, "shouldPay"), (o.actualPay, "actualPay"), (o.orderPayment, "orderPayment")):
        if value is not None and value != "":
            return yuan(value, field, doubts)
    raise FieldError("shouldPay", "missing_field", "no amount to pay")


def _paid(o: Order, paid_at: datetime | None, payable: int, doubts: list[Doubt]) -> int:
    """What was really paid arrives late; until then the amount due stands for it, marked."""
    if paid_at is None:
        return 0
    paid = yuan_or(o.actualPay, "actualPay", doubts, None)
    if paid is None:
        doubts.append(Doubt(field="paid_minor", why="derived"))
        return payable
    return paid


def _adjustments(o: Order, doubts: list[Doubt]) -> tuple[tuple[AdjustmentDocument, ...], int]:
    """Named parts, and what the platform is taken to pay for its own."""
    out = []
    seller = yuan_or(o.sellerDiscount, "sellerDiscount", doubts, 0)
    if seller:
        out.append(AdjustmentDocument(kind="seller_discount", minor=-seller, borne_by="merchant"))
    subsidy = 0
    for coupon in as_list(o.couponDetailList):
        kind, _, title = text(coupon.couponType).partition("-")
        if kind not in COUPONS:
            continue  # inside sellerDiscount
        minor = yuan(coupon.couponPrice, "couponDetailList.couponPrice", doubts)
        word, bearer = COUPONS[kind]
        out.append(AdjustmentDocument(kind=word, minor=-minor, borne_by=bearer, title=title))
        subsidy += minor if bearer == "platform" else 0
    if subsidy:
        doubts.append(Doubt(field="subsidy_minor", why="meaning_unproven", raw=str(subsidy)))
    balance = yuan_or(o.balanceUsed, "balanceUsed", doubts, 0)
    if balance:
        doubts.append(Doubt(field="paid_minor", why="meaning_unproven", raw=f"balanceUsed={balance}"))
    return tuple(out), subsidy


def _lines(
    items: Sequence[Item], number: str, status: str, without_freight: int, doubts: list[Doubt]
) -> tuple[LineDocument, ...]:
    out = []
    for place, item in enumerate(items, 1):
        unit = yuan(item.jdPrice, "itemInfoList.jdPrice", doubts)
        out.append(
            LineDocument(
                platform_line_no=_line_no(item, number, place),
                listing_id=ident(item.skuId, "itemInfoList.skuId"),
                product_id=ident_or(item.wareId, "itemInfoList.wareId"),
                code=text(item.outerSkuId),
                title=text(item.skuName),
                qty=count(item.itemTotal, "itemInfoList.itemTotal"),
                unit_minor=unit,
                # What a line was paid is not told; in a one-line order it follows.
                paid_minor=without_freight if len(items) == 1 else None,
                gift=unit == 0,
                status=LINE_STATUSES.get(status, "open"),
            )
        )
    return tuple(out)


def _line_no(item: Item, number: str, place: int) -> str:
    """There is no line number: the item's uuid where sent, else the order's number and the place."""
    if item.itemExt:
        try:
            uuid = text(_extra(text(item.itemExt).encode()).skuUuid)
        except msgspec.MsgspecError:
            uuid = ""
        if uuid:
            return uuid
    return f"{number}-{place}"


def _receiver(c: Consignee) -> ReceiverDocument:
    """Name and address are cipher text here; they count as masked like the starred phone."""
    return ReceiverDocument(
        name=text(c.fullname),
        phone=text(c.mobile) or text(c.telephone),
        address=text(c.fullAddress),
        province=text(c.province),
        city=text(c.city),
        district=text(c.county),
        town=text(c.town),
        cipher=text(c.desen_mobile),
        masked=True,
    )


def _flags(o: Order) -> tuple[str, ...]:
    flags = []
    if text(o.payType).partition("-")[0] == "1":
        flags.append("cod")
    if text(o.orderType) == "75":
        flags.append("virtual")
    if "京仓" in text(o.storeOrder) or "云仓" in text(o.storeOrder):
        flags.append("platform_warehouse")
    return tuple(flags)


def _parcels(carriers: str, waybills: str) -> tuple[ParcelDocument, ...]:
    """Carriers are separated by ``|``, waybills by ``|`` between carriers and by comma within one."""
    if not waybills:
        return ()
    names = carriers.split("|")
    return tuple(
        ParcelDocument(carrier=names[i] if i < len(names) else "", waybill=waybill)
        for i, group in enumerate(waybills.split("|"))
        for waybill in group.split(",")
        if waybill
    )
