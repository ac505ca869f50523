"""Xiaohongshu after-sale cases as documents. Field by field from the notes named in xiaohongshu.py.

Amounts are JSON numbers in yuan, read by their digits.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from adapters.core.fields import (
    FieldError,
    Scalar,
    as_list,
    count,
    epoch_time,
    epoch_time_or,
    ident,
    text,
    yuan_number_or,
)
from adapters.documents import Doubt, RefundDocument

STATUSES = {
    "1": "asked", "2": "approved", "3": "goods_back", "4": "done", "5": "closed", "6": "closed", "9": "refused",
    "9001": "refused", "12": "approved", "13": "approved", "14": "asked",
}  # fmt: skip
KINDS = {"1": "return", "2": "exchange", "4": "refund_only", "5": "before_shipping", "6": "price_protection"}
#: refundStatus: nothing is told, or the money has gone back
PAID_BACK = ("", "0", "2")
#: cargoStatus, what the buyer says of goods that he does not send back
GOODS = {"1": "not_received", "2": "received"}
_MS = 0.001


class Sku(msgspec.Struct):
    skuId: Scalar = None
    appliedCount: Scalar = None


class Case(msgspec.Struct):
    """afterSaleInfo, as sent."""

    returnsId: Scalar = None
    returnType: Scalar = None
    reasonNameZh: Scalar = None
    status: Scalar = None
    orderId: Scalar = None
    applyTime: Scalar = None
    updatedAt: Scalar = None
    skus: list[Sku] | Sku | None = None
    expectedRefundAmountYuan: msgspec.Raw = msgspec.Raw()
    refundAmountYuan: msgspec.Raw = msgspec.Raw()
    refundStatus: Scalar = None
    refundTime: Scalar = None
    cargoStatus: Scalar = None


class Parcel(msgspec.Struct):
    expressNo: Scalar = None
    expressCompanyCode: Scalar = None


class Logistics(msgspec.Struct):
    afterSale: Parcel | None = None


class Item(msgspec.Struct):
    afterSaleInfo: Case | None = None
    logisticsInfo: Logistics | None = None


_item = msgspec.json.Decoder(Item).decode


class HeadCase(msgspec.Struct):
    returnsId: Scalar = None
    updatedAt: Scalar = None


class Head(msgspec.Struct):
    """What is needed to name a case that cannot be read."""

    afterSaleInfo: HeadCase


_head = msgspec.json.Decoder(Head).decode


class Shape(msgspec.Struct, frozen=True):
    """What the answer to a case depends on: whether goods come back, and whether they are there now."""

    sends_back: bool
    goods_due: bool


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a case."""
    head = _head(raw).afterSaleInfo
    number = ident(head.returnsId, "returnsId")
    try:
        return number, epoch_time_or(head.updatedAt, "updatedAt", _MS)
    except FieldError:
        return number, None


def shape(raw: bytes) -> Shape:
    """What is asked, and how far it is."""
    case = _item(raw).afterSaleInfo or Case()
    return Shape(sends_back=text(case.returnType) in ("1", "2"), goods_due=text(case.status) == "3")


def refund(raw: bytes, *, platform: str, seller_id: str) -> RefundDocument:
    """Read one after-sale case."""
    item = _item(raw)
    case = item.afterSaleInfo
    if case is None:
        raise FieldError("afterSaleInfo", "missing_field", "no case")
    doubts: list[Doubt] = []
    status_raw, kind = text(case.status), KINDS.get(text(case.returnType), "unknown")
    status = STATUSES.get(status_raw, "unknown")
    if status == "unknown":
        doubts.append(Doubt(field="status", why="unknown_status", raw=status_raw))
    if status == "done" and kind != "exchange" and text(case.refundStatus) not in PAID_BACK:
        status = "approved"
    skus = as_list(case.skus)
    line = ident(skus[0].skuId, "skus.skuId") if len(skus) == 1 else ""
    back = (item.logisticsInfo or Logistics()).afterSale or Parcel()
    expected = yuan_number_or(case.expectedRefundAmountYuan, "expectedRefundAmountYuan", 0)
    # Before the money has gone back its amount is sent as 0.
    amount = (
        (yuan_number_or(case.refundAmountYuan, "refundAmountYuan", 0) or expected) if status == "done" else expected
    )
    return RefundDocument(
        platform=platform,
        seller_id=seller_id,
        platform_refund_no=ident(case.returnsId, "returnsId"),
        platform_order_no=ident(case.orderId, "orderId"),
        platform_line_no=line,
        listing_id=line,
        kind=kind,
        status=status,
        status_raw=status_raw,
        amount_minor=amount,
        qty=sum(count(sku.appliedCount, "skus.appliedCount", 0) for sku in skus),
        reason=text(case.reasonNameZh),
        goods="returned" if back.expressNo else GOODS.get(text(case.cargoStatus), "unknown"),
        carrier=text(back.expressCompanyCode),
        waybill=text(back.expressNo),
        asked_at=epoch_time(case.applyTime, "applyTime", _MS),
        modified_at=epoch_time(case.updatedAt, "updatedAt", _MS),
        done_at=(
            epoch_time_or(case.refundTime, "refundTime", _MS) or epoch_time(case.updatedAt, "updatedAt", _MS)
            if status == "done"
            else None
        ),
        doubts=tuple(doubts),
    )  # fmt: skip
