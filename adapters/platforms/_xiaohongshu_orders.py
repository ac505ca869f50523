"""Xiaohongshu orders as documents. Field by field from the notes named in xiaohongshu.py.

Times are epoch milliseconds with 0 for what did not happen, amounts are fen and sums over a line's pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    ident_or,
    text,
)
from adapters.documents import AdjustmentDocument, Doubt, LineDocument, OrderDocument, ParcelDocument, ReceiverDocument

STATUSES = {
    "1": "unpaid", "2": "paid", "3": "paid", "4": "paid", "5": "partly_shipped", "6": "shipped", "7": "completed",
    "8": "cancelled", "9": "cancelled", "10": "shipped",
}  # fmt: skip
#: paid, and not to be shipped yet: the platform is still busy with it, customs clear it
HOLDS = {"2": "processing", "3": "customs"}
#: an exchange is asked for
EXCHANGING = "10"
#: orderAfterSalesStatus and skuAfterSaleStatus
AFTER_SALES = {"1": "none", "2": "asked", "3": "full", "4": "none", "5": "none", "6": "asked", "7": "none"}
#: orderType
PRESALES = ("2", "4")
#: state of a parcel from which on its goods have left
GONE = ("6", "7")
_MS = 0.001


class Part(msgspec.Struct):
    """One sku inside a sold one: itself, or a bundle's part."""

    erpCode: Scalar = None
    quantity: Scalar = None
    rawPricePerSku: Scalar = None


class Line(msgspec.Struct):
    """One element of skuList, as sent."""

    skuId: Scalar = None
    itemId: Scalar = None
    skuName: Scalar = None
    skuSpec: Scalar = None
    erpcode: Scalar = None
    skuQuantity: Scalar = None
    skuDetailList: list[Part] | Part | None = None
    totalPaidAmount: Scalar = None
    totalMerchantDiscount: Scalar = None
    totalRedDiscount: Scalar = None
    skuTag: Scalar = None
    skuAfterSaleStatus: Scalar = None


class Delivery(msgspec.Struct):
    """One parcel of an order that leaves in several."""

    status: Scalar = None
    expressTrackingNo: Scalar = None
    expressCompanyCode: Scalar = None
    skuIdList: list[Scalar] | None = None


class Order(msgspec.Struct):
    """One order of order.getOrderDetail, as sent. Only the fields that are read; the raw bytes keep the rest."""

    orderId: Scalar = None
    orderType: Scalar = None
    orderStatus: Scalar = None
    cancelStatus: Scalar = None
    createdTime: Scalar = None
    paidTime: Scalar = None
    updateTime: Scalar = None
    finishTime: Scalar = None
    cancelTime: Scalar = None
    promiseLastDeliveryTime: Scalar = None
    receiverProvinceName: Scalar = None
    receiverCityName: Scalar = None
    receiverDistrictName: Scalar = None
    customerRemark: Scalar = None
    sellerRemark: Scalar = None
    sellerRemarkFlag: Scalar = None
    skuList: list[Line] | Line | None = None
    totalPayAmount: Scalar = None
    totalShippingFree: Scalar = None
    totalMerchantDiscount: Scalar = None
    totalRedDiscount: Scalar = None
    expressTrackingNo: Scalar = None
    expressCompanyCode: Scalar = None
    openAddressId: Scalar = None
    simpleDeliveryOrderList: list[Delivery] | Delivery | None = None
    userId: Scalar = None


_order = msgspec.json.Decoder(Order).decode


class Head(msgspec.Struct):
    """What is needed to name an order that cannot be read."""

    orderId: Scalar = None
    updateTime: Scalar = None


_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of an order."""
    head = _head(raw)
    number = ident(head.orderId, "orderId")
    try:
        return number, epoch_time_or(head.updateTime, "updateTime", _MS)
    except FieldError:
        return number, None


def order(raw: bytes, *, platform: str, seller_id: str) -> OrderDocument:
    """Read one order."""
    o = _order(raw)
    doubts: list[Doubt] = []
    status_raw = text(o.orderStatus)
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    sent = as_list(o.skuList)
    if not sent:
        raise FieldError("skuList", "missing_field", "an order without lines")
    parcels = _parcels(o, [ident(n.skuId, "skuList.skuId") for n in sent], status)
    gone = {no for parcel in parcels for no, _ in parcel.lines}
    # The whole order is asked back: lines without a case of their own are in it.
    asked = status_raw == EXCHANGING or text(o.cancelStatus) == "1"
    lines = tuple(_line(n, status, asked, gone, doubts) for n in sent)
    goods = sum(line.unit_minor * line.qty for line in lines)
    freight = fen_or(o.totalShippingFree, "totalShippingFree", doubts, 0)
    payable = fen(o.totalPayAmount, "totalPayAmount", doubts)
    subsidy = fen_or(o.totalRedDiscount, "totalRedDiscount", doubts, 0)
    adjustments = _adjustments(
        sent, lines, fen_or(o.totalMerchantDiscount, "totalMerchantDiscount", doubts, 0), subsidy
    )
    rest = payable - goods - freight - sum(a.minor for a in adjustments)
    if rest:
        # Repricing, the payment channel's promotion, tax: their place in the sum is not documented.
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    paid_at = epoch_time_or(o.paidTime, "paidTime", _MS)
    address, buyer = text(o.openAddressId), text(o.userId)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=ident(o.orderId, "orderId"),
        status=status,
        status_raw=status_raw,
        platform_hold=HOLDS.get(status_raw, ""),
        ordered_at=epoch_time(o.createdTime, "createdTime", _MS),
        paid_at=paid_at,
        modified_at=epoch_time(o.updateTime, "updateTime", _MS),
        ship_by=epoch_time_or(o.promiseLastDeliveryTime, "promiseLastDeliveryTime", _MS),
        ended_at=epoch_time_or(o.finishTime, "finishTime", _MS) or epoch_time_or(o.cancelTime, "cancelTime", _MS),
        goods_minor=goods,
        freight_minor=freight,
        adjustments=adjustments,
        payable_minor=payable,
        paid_minor=payable if paid_at is not None and status != "unpaid" else 0,
        subsidy_minor=subsidy,
        buyer_id=buyer,
        receiver=ReceiverDocument(
            province=text(o.receiverProvinceName), city=text(o.receiverCityName), district=text(o.receiverDistrictName),
            cipher=address, masked=True,
        ),
        # Made from name, phone and address: the same for the same receiver.
        merge_key=f"{buyer}|{address}" if buyer and address else "",
        flags=("presale",) if text(o.orderType) in PRESALES else (),
        buyer_remark=text(o.customerRemark),
        seller_remark=text(o.sellerRemark),
        seller_flag=count(o.sellerRemarkFlag, "sellerRemarkFlag", 0),
        lines=lines,
        parcels=parcels,
        doubts=tuple(doubts),
    )  # fmt: skip


def _adjustments(
    sent: Sequence[Line], lines: Sequence[LineDocument], merchant: int, red: int
) -> tuple[AdjustmentDocument, ...]:
    """Discounts by who gives them, and what is left where a line's sum does not divide by its pieces."""
    rounding = sum(_goods(n, []) - line.unit_minor * line.qty for n, line in zip(sent, lines, strict=True))
    parts = (("merchant_discount", -merchant, "merchant"), ("platform_discount", -red, "platform"), ("rounding", rounding, "unknown"))  # fmt: skip
    return tuple(AdjustmentDocument(kind=kind, minor=minor, borne_by=who) for kind, minor, who in parts if minor)


def _goods(n: Line, doubts: list[Doubt]) -> int:
    """The price of a whole line before discounts: what was paid and what was let off."""
    return (
        fen(n.totalPaidAmount, "skuList.totalPaidAmount", doubts)
        + fen_or(n.totalMerchantDiscount, "skuList.totalMerchantDiscount", doubts, 0)
        + fen_or(n.totalRedDiscount, "skuList.totalRedDiscount", doubts, 0)
    )


def _line(n: Line, status: str, asked: bool, gone: set[str], doubts: list[Doubt]) -> LineDocument:
    qty = count(n.skuQuantity, "skuList.skuQuantity")
    if qty < 1:
        raise FieldError("skuList.skuQuantity", "bad_number", "fewer than one piece")
    number = ident(n.skuId, "skuList.skuId")
    raw = text(n.skuAfterSaleStatus)
    refund = AFTER_SALES.get(raw or "1")
    if refund is None:
        doubts.append(Doubt(field="lines.refund", why="unknown_status", raw=raw))
        refund = "asked"
    parts = as_list(n.skuDetailList)
    left = status in ("shipped", "completed") or number in gone
    return LineDocument(
        # Pieces of one sku are one line here.
        platform_line_no=number,
        listing_id=number,
        product_id=ident_or(n.itemId, "skuList.itemId"),
        code=text(n.erpcode) or (text(parts[0].erpCode) if len(parts) == 1 else ""),
        title=text(n.skuName),
        variant=text(n.skuSpec),
        qty=qty,
        # Rounded up; what that is too much is an adjustment.
        unit_minor=-(-_goods(n, doubts) // qty),
        paid_minor=fen(n.totalPaidAmount, "skuList.totalPaidAmount", []),
        gift=text(n.skuTag) == "1",
        status="closed" if status == "cancelled" else "shipped" if left else "closed" if refund == "full" else "open",
        refund="asked" if asked and refund == "none" else refund,
    )


def _parcels(o: Order, skus: Sequence[str], status: str) -> tuple[ParcelDocument, ...]:
    """The parcels of an order that leaves in several; else the one that all of it is in."""
    split = [p for p in as_list(o.simpleDeliveryOrderList) if p.expressTrackingNo and text(p.status) in GONE]
    if split:
        return tuple(
            ParcelDocument(
                carrier=text(p.expressCompanyCode),
                waybill=text(p.expressTrackingNo),
                lines=tuple((ident(sku, "skuIdList"), 0) for sku in p.skuIdList or ()),
            )
            for p in split
        )
    if not o.expressTrackingNo:
        return ()
    whole = tuple((sku, 0) for sku in skus) if status in ("shipped", "completed") else ()
    return (ParcelDocument(carrier=text(o.expressCompanyCode), waybill=text(o.expressTrackingNo), lines=whole),)
