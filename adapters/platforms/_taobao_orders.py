"""Taobao trades as documents. Field by field from the notes named in taobao.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

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
from adapters.documents import (
    AdjustmentDocument,
    Doubt,
    LineDocument,
    OrderDocument,
    ParcelDocument,
    ReceiverDocument,
)

#: trade status → ours
STATUSES = {
    "TRADE_NO_CREATE_PAY": "unpaid",
    "WAIT_BUYER_PAY": "unpaid",
    "PAY_PENDING": "unpaid",
    "WAIT_PRE_AUTH_CONFIRM": "unpaid",
    "WAIT_SELLER_SEND_GOODS": "paid",
    "PAID_FORBID_CONSIGN": "paid",
    "SELLER_CONSIGNED_PART": "partly_shipped",
    "WAIT_BUYER_CONFIRM_GOODS": "shipped",
    "TRADE_BUYER_SIGNED": "shipped",
    "TRADE_FINISHED": "completed",
    "TRADE_CLOSED": "cancelled",
    "TRADE_CLOSED_BY_TAOBAO": "cancelled",
}
#: line status → ours, where it is not open
LINE_STATUSES = {
    "WAIT_BUYER_CONFIRM_GOODS": "shipped",
    "TRADE_BUYER_SIGNED": "shipped",
    "TRADE_FINISHED": "shipped",
    "TRADE_CLOSED": "closed",
    "TRADE_CLOSED_BY_TAOBAO": "closed",
}
#: line refund status → ours; every other value is a case in progress
LINE_REFUNDS = {"": "none", "NO_REFUND": "none", "CLOSED": "none", "SUCCESS": "full"}


class Line(msgspec.Struct):
    """One element of orders.order, as sent."""

    oid: Scalar = None
    num_iid: Scalar = None
    sku_id: Scalar = None
    outer_iid: Scalar = None
    outer_sku_id: Scalar = None
    title: Scalar = None
    sku_properties_name: Scalar = None
    price: Scalar = None
    num: Scalar = None
    discount_fee: Scalar = None
    adjust_fee: Scalar = None
    payment: Scalar = None
    part_mjz_discount: Scalar = None
    divide_order_fee: Scalar = None
    status: Scalar = None
    refund_status: Scalar = None
    refund_id: Scalar = None
    is_free_gift: Scalar = None
    logistics_company: Scalar = None
    invoice_no: Scalar = None


class Lines(msgspec.Struct):
    order: list[Line] | Line | None = None


class Trade(msgspec.Struct):
    """One trade, as sent. Only the fields that are read; the raw bytes keep the rest."""

    tid: Scalar = None
    status: Scalar = None
    type: Scalar = None
    created: Scalar = None
    pay_time: Scalar = None
    modified: Scalar = None
    end_time: Scalar = None
    post_fee: Scalar = None
    payment: Scalar = None
    platform_subsidy_fee: Scalar = None
    shipping_type: Scalar = None
    step_trade_status: Scalar = None
    step_paid_fee: Scalar = None
    buyer_nick: Scalar = None
    buyer_open_uid: Scalar = None
    has_buyer_message: Scalar = None
    buyer_message: Scalar = None
    seller_memo: Scalar = None
    seller_flag: Scalar = None
    receiver_name: Scalar = None
    receiver_mobile: Scalar = None
    receiver_phone: Scalar = None
    receiver_state: Scalar = None
    receiver_city: Scalar = None
    receiver_district: Scalar = None
    receiver_town: Scalar = None
    receiver_address: Scalar = None
    receiver_zip: Scalar = None
    oaid: Scalar = None
    orders: Lines | list[Line] | None = None


_trade = msgspec.json.Decoder(Trade).decode


class Head(msgspec.Struct):
    """What is needed to name a trade that cannot be read."""

    tid: Scalar = None
    modified: Scalar = None


_head = msgspec.json.Decoder(Head).decode


def identify(raw: bytes) -> tuple[str, datetime | None]:
    """Number and time of a trade."""
    head = _head(raw)
    number = ident(head.tid, "tid")
    try:
        return number, text_time_or(head.modified, "modified", CHINA)
    except FieldError:
        return number, None


def order(raw: bytes, *, platform: str, seller_id: str, ship_within_s: float) -> OrderDocument:
    """Read one trade."""
    t = _trade(raw)
    doubts: list[Doubt] = []
    tid = ident(t.tid, "tid")
    sent = as_list(t.orders.order) if isinstance(t.orders, Lines) else (t.orders or ())
    if not sent:
        raise FieldError("orders.order", "missing_field", "a trade without lines")
    post = yuan_or(t.post_fee, "post_fee", doubts, 0)
    payment = yuan(t.payment, "payment", doubts)
    lines, parts, goods = _lines(sent, payment - post, doubts)
    status_raw = text(t.status)
    status = _status(t, status_raw, doubts)
    paid_at = text_time_or(t.pay_time, "pay_time", CHINA)
    ship_by = _ship_by(paid_at, ship_within_s, doubts)
    adjustments = _adjustments(parts)
    rest = payment - goods - post - sum(parts)
    if rest:
        doubts.append(Doubt(field="payable_minor", why="sum_differs", raw=str(rest)))
    subsidy = yuan_or(t.platform_subsidy_fee, "platform_subsidy_fee", doubts, 0)
    if subsidy:
        doubts.append(Doubt(field="subsidy_minor", why="meaning_unproven", raw=text(t.platform_subsidy_fee)))
    if not t.buyer_message and truth(t.has_buyer_message, "has_buyer_message"):
        doubts.append(Doubt(field="buyer_remark", why="not_sent"))
    receiver = _receiver(t)
    return OrderDocument(
        platform=platform,
        seller_id=seller_id,
        platform_order_no=tid,
        status=status,
        status_raw=status_raw,
        platform_hold="risk_control" if status_raw == "PAID_FORBID_CONSIGN" else "",
        ordered_at=text_time(t.created, "created", CHINA),
        paid_at=paid_at,
        modified_at=text_time(t.modified, "modified", CHINA),
        ship_by=ship_by,
        ended_at=text_time_or(t.end_time, "end_time", CHINA),
        goods_minor=goods,
        freight_minor=post,
        adjustments=adjustments,
        payable_minor=payment,
        paid_minor=_paid(t, status, payment, paid_at, doubts),
        subsidy_minor=subsidy,
        buyer_id=text(t.buyer_open_uid) or text(t.buyer_nick),
        receiver=receiver,
        merge_key=_merge_key(t, receiver),
        merge_confirm=True,
        flags=_flags(t),
        buyer_remark=text(t.buyer_message),
        seller_remark=text(t.seller_memo),
        seller_flag=count(t.seller_flag, "seller_flag", 0),
        lines=lines,
        parcels=_parcels(sent),
        doubts=tuple(doubts),
    )


def _status(t: Trade, raw: str, doubts: list[Doubt]) -> str:
    # A deposit alone is not "paid", whatever the trade says.
    if t.step_trade_status is not None and text(t.step_trade_status).endswith("FINAL_NOPAID"):
        return "cancelled" if STATUSES.get(raw) == "cancelled" else "unpaid"
    status = STATUSES.get(raw)
    if status is None:
        doubts.append(Doubt(field="status", why="unknown_status", raw=raw))
        return "unknown"
    return status


def _paid(t: Trade, status: str, payment: int, paid_at: datetime | None, doubts: list[Doubt]) -> int:
    """Before the payment time `payment` is what is due; a paid deposit is in `step_paid_fee`."""
    if status == "unpaid":
        return yuan_or(t.step_paid_fee, "step_paid_fee", doubts, 0)
    return payment if paid_at is not None else 0


def _ship_by(paid_at: datetime | None, within_s: float, doubts: list[Doubt]) -> datetime | None:
    if paid_at is None or not within_s:
        return None
    doubts.append(_DERIVED)
    return datetime.fromtimestamp(paid_at.timestamp() + within_s, tz=paid_at.tzinfo)


_DERIVED = Doubt(field="ship_by", why="derived")
_PARTS = ("line_discount", "order_discount", "manual")


def _adjustments(parts: tuple[int, int, int]) -> tuple[AdjustmentDocument, ...]:
    """Who bears a promotion is not told reliably, so nobody is named, but for the seller's own change."""
    return tuple(
        AdjustmentDocument(kind=kind, minor=minor, borne_by="merchant" if kind == "manual" else "unknown")
        for kind, minor in zip(_PARTS, parts, strict=True)
        if minor
    )


def _lines(
    sent: Sequence[Line], without_freight: int, doubts: list[Doubt]
) -> tuple[tuple[LineDocument, ...], tuple[int, int, int], int]:
    """Lines, the three named parts (line discounts, shares of order discounts, manual changes; signed), goods total."""
    out = []
    line_discount = order_discount = manual = goods = 0
    for n in sent:
        qty = count(n.num, "orders.num")
        unit = yuan(n.price, "orders.price", doubts)
        share = yuan_or(n.part_mjz_discount, "orders.part_mjz_discount", doubts, 0)
        paid = yuan_or(n.divide_order_fee, "orders.divide_order_fee", doubts, None)
        if paid is None:
            # A line's payment holds the freight in one-line trades only.
            paid = without_freight if len(sent) == 1 else yuan(n.payment, "orders.payment", doubts) - share
        line_discount -= yuan_or(n.discount_fee, "orders.discount_fee", doubts, 0)
        order_discount -= share
        manual += yuan_or(n.adjust_fee, "orders.adjust_fee", doubts, 0)
        goods += unit * qty
        item = ident_or(n.num_iid, "orders.num_iid")
        refund_raw = text(n.refund_status)
        out.append(
            LineDocument(
                platform_line_no=ident(n.oid, "orders.oid"),
                listing_id=ident_or(n.sku_id, "orders.sku_id") or item,
                product_id=item,
                code=text(n.outer_sku_id) or text(n.outer_iid),
                title=text(n.title),
                variant=text(n.sku_properties_name),
                qty=qty,
                unit_minor=unit,
                paid_minor=paid,
                gift=(unit == 0 and paid == 0)
                or (n.is_free_gift is not None and truth(n.is_free_gift, "is_free_gift")),
                status=LINE_STATUSES.get(n.status, "open"),  # type: ignore[arg-type]
                refund=LINE_REFUNDS.get(refund_raw, "asked"),
                refund_no=ident_or(n.refund_id, "orders.refund_id"),
            )
        )
    return tuple(out), (line_discount, order_discount, manual), goods


def _receiver(t: Trade) -> ReceiverDocument:
    name, phone, address = (
        text(t.receiver_name),
        text(t.receiver_mobile) or text(t.receiver_phone),
        text(t.receiver_address),
    )
    district = text(t.receiver_district)
    return ReceiverDocument(
        name=name,
        phone=phone,
        address=address,
        zip=text(t.receiver_zip),
        province=text(t.receiver_state),
        # Cities directly under a province come in the district alone.
        city=text(t.receiver_city) or district,
        district=district,
        town=text(t.receiver_town),
        cipher=text(t.oaid),
        masked=masked(name, phone, address),
    )


def _merge_key(t: Trade, where: ReceiverDocument) -> str:
    """A candidate only: the same buyer in the same district. Whether the address is the same, `merge_groups` asks."""
    uid = text(t.buyer_open_uid)
    return f"{uid}|{where.province}|{where.city}|{where.district}" if uid and where.cipher else ""


def _flags(t: Trade) -> tuple[str, ...]:
    flags = []
    if t.type == "cod":
        flags.append("cod")
    if t.step_trade_status:
        flags.append("presale")
    if t.shipping_type == "virtual":
        flags.append("virtual")
    return tuple(flags)


def _parcels(sent: Sequence[Line]) -> tuple[ParcelDocument, ...]:
    """Parcels where the lines name their waybill."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for n in sent:
        if n.invoice_no:
            key = (text(n.logistics_company), text(n.invoice_no))
            found.setdefault(key, []).append((text(n.oid), count(n.num, "orders.num")))
    return tuple(ParcelDocument(carrier=c, waybill=w, lines=tuple(lines)) for (c, w), lines in found.items())
