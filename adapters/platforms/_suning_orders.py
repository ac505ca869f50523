"""Suning orders as documents. Field by field from the notes named in suning.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

import msgspec

from adapters.core.fields import (
    CHINA,
    FieldError,
    Scalar,
    as_list,
    count,
    ident,
    masked,
    shape_of,
    text,
    text_time_or,
    yuan,
    yuan_or,
)
from adapters.documents import AdjustmentDocument, Doubt, LineDocument, OrderDocument, ParcelDocument, ReceiverDocument

#: 21 is told of orders only
STATUSES = {"10": "paid", "20": "shipped", "21": "partly_shipped", "30": "completed", "40": "cancelled"}
LINE_STATUSES = {"10": "open", "20": "shipped", "30": "shipped", "40": "closed"}
#: paymentList.banktypecode of coupons that the shop pays for; all others are the platform's
SHOP_COUPONS = frozenset({"5998", "10006"})
#: how far a clock may be off before the gateway refuses to answer
SKEW = timedelta(minutes=10)


class Payment(msgspec.Struct):
    banktypecode: Scalar = None
    payamount: Scalar = None


class Line(msgspec.Struct):
    """One element of orderDetail, as sent."""

    productCode: Scalar = None
    productName: Scalar = None
    unitPrice: Scalar = None
    payAmount: Scalar = None
    saleNum: Scalar = None
    orderLineStatus: Scalar = None
    transportFee: Scalar = None
    returnOrderFlag: Scalar = None
    coupontotalMoney: Scalar = None
    vouchertotalMoney: Scalar = None
    orderLineNumber: Scalar = None
    itemCode: Scalar = None
    expresscompanycode: Scalar = None
    expressno: Scalar = None
    deliveryTime: Scalar = None
    orderLineStatusChangeTime: Scalar = None
    paymentList: list[Payment] | Payment | None = None


class Order(msgspec.Struct):
    """One order, as sent. Only the fields that are read; the raw bytes keep the rest."""

    orderCode: Scalar = None
    userName: Scalar = None
    customerName: Scalar = None
    mobNum: Scalar = None
    phoneNum: Scalar = None
    zipCode: Scalar = None
    provinceName: Scalar = None
    cityName: Scalar = None
    districtName: Scalar = None
    detailAddress: Scalar = None
    customerAddress: Scalar = None
    orderTime: Scalar = None
    orderSaleTime: Scalar = None
    orderTotalStatus: Scalar = None
    sellerOrdRemark: Scalar = None
    buyerOrdRemark: Scalar = None
    colorMarkFlags: Scalar = None
    countMoney: Scalar = None
    orderDetail: list[Line] | Line | None = None


class HeadLine(msgspec.Struct):
    orderLineStatusChangeTime: Scalar = None


class Head(msgspec.Struct):
    orderCode: Scalar = None
    orderDetail: list[HeadLine] | HeadLine | None = None


class Read(msgspec.Struct, frozen=True):
    """A line with what only the order as a whole tells."""

    line: LineDocument
    freight: int
    merchant: int
    platform: int
    #: what unit × pieces is more than the line's goods
    rounding: int


_order = msgspec.json.Decoder(Order).decode
_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order; the time stands in the lists by modification only."""
    head = _head(raw)
    number = ident(head.orderCode, "orderCode")
    try:
        return number, _changed(as_list(head.orderDetail))
    except FieldError:
        return number, None


def _changed(lines: Sequence[HeadLine] | Sequence[Line]) -> datetime | None:
    times = [text_time_or(x.orderLineStatusChangeTime, "orderDetail.orderLineStatusChangeTime", CHINA) for x in lines]
    return max((t for t in times if t is not None), default=None)


def order(raw: bytes, *, platform: str, seller_id: str, ship_within_s: float, now: datetime) -> OrderDocument:
    """Read one order; `now` is when it was asked for."""
    o = _order(raw)
    doubts: list[Doubt] = []
    number = ident(o.orderCode, "orderCode")
    status_raw = text(o.orderTotalStatus)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    sent = as_list(o.orderDetail)
    if not sent:
        raise FieldError("orderDetail", "missing_field", "an order without lines")
    read = [_line(x, status, doubts) for x in sent]
    lines = tuple(r.line for r in read)
    goods = sum(line.unit_minor * line.qty for line in lines)
    freight = sum(r.freight for r in read)
    adjustments, subsidy = _adjustments(read, doubts)
    payable = yuan_or(o.countMoney, "countMoney", doubts, None)
    if payable is None:
        payable = sum(line.paid_minor or 0 for line in lines) + freight
    rest = payable - goods - freight - sum(a.minor for a in adjustments)
    if rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    ordered_at, sold_at = _times(o)
    paid_at = sold_at if status != "unknown" else None
    ship_by = paid_at + timedelta(seconds=ship_within_s) if paid_at is not None and ship_within_s else None
    if ship_by is not None:
        doubts.append(Doubt(field="ship_by", why="derived"))
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=number,
        status=status,
        status_raw=status_raw,
        ordered_at=ordered_at,
        paid_at=paid_at,
        modified_at=_modified(sent, sold_at or ordered_at, now, doubts),
        ship_by=ship_by,
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=payable if paid_at is not None else 0,
        subsidy_minor=subsidy,
        buyer_id=text(o.userName),
        receiver=_receiver(o),
        buyer_remark=text(o.buyerOrdRemark),
        seller_remark=text(o.sellerOrdRemark),
        seller_flag=count(o.colorMarkFlags, "colorMarkFlags", 0),
        lines=lines,
        parcels=_parcels(sent),
        doubts=tuple(doubts),
    )


def _times(o: Order) -> tuple[datetime, datetime | None]:
    """When it was placed, and when it was sold: there is no other time of payment."""
    sold_at = text_time_or(o.orderSaleTime, "orderSaleTime", CHINA)
    ordered_at = text_time_or(o.orderTime, "orderTime", CHINA) or sold_at
    if ordered_at is None:
        raise FieldError("orderTime", "missing_field", "no time")
    return ordered_at, sold_at


def _modified(lines: Sequence[Line], least: datetime, now: datetime, doubts: list[Doubt]) -> datetime:
    """The last change of a line. A detail does not tell it: then ten minutes before it was asked for.

    Whatever happened by then is in it; nothing that comes later is hidden by it, as a clock further off gets no answer.
    """
    changed = _changed(lines)
    if changed is not None:
        return changed
    doubts.append(Doubt(field="modified_at", why="derived"))
    sent = [text_time_or(x.deliveryTime, "orderDetail.deliveryTime", CHINA) for x in lines]
    return max(least, now.replace(microsecond=0) - SKEW, *(t for t in sent if t is not None))


def _line(x: Line, status: str, doubts: list[Doubt]) -> Read:
    """payAmount has the line's freight in it, and unitPrice is wrong in some promotions: the price comes of the amounts."""
    where = "orderDetail."
    qty = pieces(x.saleNum, where + "saleNum")
    paid = yuan(x.payAmount, where + "payAmount", doubts)
    freight = yuan_or(x.transportFee, where + "transportFee", doubts, 0)
    coupons = yuan_or(x.coupontotalMoney, where + "coupontotalMoney", doubts, 0)
    vouchers = yuan_or(x.vouchertotalMoney, where + "vouchertotalMoney", doubts, 0)
    goods = paid + coupons + vouchers - freight
    unit = -(-goods // qty)
    shop = sum(
        yuan_or(p.payamount, where + "paymentList.payamount", doubts, 0)
        for p in as_list(x.paymentList)
        if text(p.banktypecode) in SHOP_COUPONS
    )
    raw = text(x.orderLineStatus)
    line_status = "closed" if status == "cancelled" else LINE_STATUSES.get(raw, "open")
    line = LineDocument(
        platform_line_no=ident(x.orderLineNumber, where + "orderLineNumber"),
        listing_id=ident(x.productCode, where + "productCode"),
        code=text(x.itemCode),
        title=text(x.productName),
        qty=qty,
        unit_minor=unit,
        paid_minor=paid - freight,
        gift=goods == 0 and paid == 0,
        status=line_status,
        refund=_refund_state(text(x.returnOrderFlag), line_status),
    )
    return Read(line, freight, vouchers + shop, coupons - shop, unit * qty - goods)


def _refund_state(flag: str, line_status: str) -> str:
    """The flag says that there is a return; only a closed line says that it is over."""
    if flag != "1":
        return "none"
    return "full" if line_status == "closed" else "asked"


def _adjustments(read: Sequence[Read], doubts: list[Doubt]) -> tuple[tuple[AdjustmentDocument, ...], int]:
    """Discounts by who gives them, and what the platform is taken to pay for its own."""
    platform = sum(r.platform for r in read)
    parts = (
        ("shop_promotion", sum(r.merchant for r in read), "merchant"),
        ("platform_promotion", platform, "platform"),
        ("rounding", sum(r.rounding for r in read), "unknown"),
    )
    if platform:
        doubts.append(Doubt(field="subsidy_minor", why="meaning_unproven", raw=str(platform)))
    return tuple(AdjustmentDocument(kind=k, minor=-minor, borne_by=who) for k, minor, who in parts if minor), platform


def pieces(value: Scalar, field: str) -> int:
    """Pieces come as text with decimals: ``2.00000``."""
    if type(value) is not str:
        got = count(value, field)
    else:
        try:
            exact = Decimal(value)
        except InvalidOperation:
            raise FieldError(field, "bad_number", f"not a number: {shape_of(value)}") from None
        # looked at before it is made an int: that of a huge exponent would have all its digits
        if not exact.is_finite() or exact.adjusted() > 6:
            raise FieldError(field, "bad_number", "no number of pieces")
        got = int(exact)
        if got != exact:
            raise FieldError(field, "bad_number", "not a whole number of pieces")
    if not 0 < got < 1_000_000:
        raise FieldError(field, "bad_number", "no number of pieces")
    return got


def _receiver(o: Order) -> ReceiverDocument:
    name, phone = text(o.customerName), text(o.mobNum) or text(o.phoneNum)
    address = text(o.detailAddress) or text(o.customerAddress)
    return ReceiverDocument(
        name=name,
        phone=phone,
        address=address,
        zip=text(o.zipCode),
        province=text(o.provinceName),
        city=text(o.cityName),
        district=text(o.districtName),
        masked=masked(name, phone, address),
    )


def _parcels(sent: Sequence[Line]) -> tuple[ParcelDocument, ...]:
    """Each line names its parcel; lines with the same waybill are in one."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for x in sent:
        if text(x.expressno):
            inside = found.setdefault((text(x.expresscompanycode), text(x.expressno)), [])
            number = ident(x.orderLineNumber, "orderDetail.orderLineNumber")
            inside.append((number, pieces(x.saleNum, "orderDetail.saleNum")))
    return tuple(ParcelDocument(carrier=c, waybill=w, lines=tuple(inside)) for (c, w), inside in found.items())
