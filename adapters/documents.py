"""Documents: what the outside world said, in neutral fields beside the untouched raw bytes.

Money is an int of the smallest unit (CNY: fen); times are aware, UTC; quantities are pieces. A field that the
platform did not send keeps its default; a field we doubt carries a `Doubt`. These are the canonical words:
order `status` is one of unpaid, paid, partly_shipped, shipped, completed, cancelled, unknown; refunds stand
beside it, per line.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

#: a time that knows its zone; a document with another kind of time is not read back
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

ORDER_STATUSES = ("unpaid", "paid", "partly_shipped", "shipped", "completed", "cancelled", "unknown")
LINE_REFUNDS = ("none", "asked", "full")
REFUND_KINDS = (
    "before_shipping",
    "return",
    "refund_only",
    "exchange",
    "reship",
    "price_protection",
    "unknown",
)
REFUND_STATUSES = ("asked", "approved", "goods_back", "done", "refused", "closed", "unknown")
#: order flags a platform may set, and those of our own orders that make another one good
FLAGS = ("gift", "presale", "cod", "group_unfinished", "virtual", "platform_warehouse", "exchange", "reship")


class Doubt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One doubtful field: its path in the document, a reason code, and the raw value (never personal data).

    Reason codes in use: float_money, float_id, not_sent, unknown_status, derived, unit_unproven, sum_differs.
    """

    field: str
    why: str
    raw: str = ""


class ReceiverDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who receives, as sent. `masked`: name, phone or address hold stars. `cipher`: the platform's own handle."""

    name: str = ""
    phone: str = ""
    address: str = ""
    zip: str = ""
    country: str = "CN"
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    cipher: str = ""
    masked: bool = False

    def __repr__(self) -> str:
        return f"ReceiverDocument({self.province}{self.city}, ***)"


class AdjustmentDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named part between goods total and payable, signed: a discount is negative. borne_by: merchant, platform, unknown."""

    kind: str
    minor: int
    borne_by: str = "unknown"
    title: str = ""


class LineDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One order line. `paid_minor`: for the whole line without freight; None when the platform does not say."""

    platform_line_no: str
    #: the platform's sku id, else its item id
    listing_id: str
    product_id: str = ""
    #: merchant's code
    code: str = ""
    title: str = ""
    variant: str = ""
    qty: int
    unit_minor: int
    paid_minor: int | None = None
    gift: bool = False
    #: open, shipped or closed (closed lines are never shipped)
    status: str = "open"
    #: none, asked or full; empty: orders of this platform do not say, only its refunds do
    refund: str = ""
    refund_no: str = ""


class ParcelDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parcel the platform knows of: carrier code, waybill, ((platform_line_no, qty), ...) where told."""

    carrier: str
    waybill: str
    lines: tuple[tuple[str, int], ...] = ()


class OrderDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One order as the platform says it is now."""

    platform: str
    seller_id: str
    platform_order_no: str
    status: str
    #: the platform's own word
    status_raw: str = ""
    #: reason code when the platform forbids shipping though paid: risk_control, group_unfinished, locked, paused,
    #: gift_unclaimed, ...; empty otherwise
    platform_hold: str = ""
    ordered_at: Moment
    paid_at: Moment | None = None
    modified_at: Moment
    ship_by: Moment | None = None
    ended_at: Moment | None = None
    currency: str = "CNY"
    #: Σ unit × qty
    goods_minor: int
    freight_minor: int = 0
    tax_minor: int = 0
    charges_minor: int = 0
    #: named, signed; goods + freight + tax + charges + Σ adjustments = payable, else the rest is unexplained
    adjustments: tuple[AdjustmentDocument, ...] = ()
    #: what the buyer owes in all, freight inside
    payable_minor: int
    #: what the buyer has paid so far
    paid_minor: int = 0
    #: what the platform pays on top for its own promotions
    subsidy_minor: int = 0
    buyer_id: str = ""
    receiver: ReceiverDocument = ReceiverDocument()
    #: same value: same buyer and address, says the platform; empty: unknown, then masked orders do not merge
    merge_key: str = ""
    #: True: only a candidate, `merge_groups` must confirm
    merge_confirm: bool = False
    flags: tuple[str, ...] = ()
    buyer_remark: str = ""
    seller_remark: str = ""
    seller_flag: int = 0
    lines: tuple[LineDocument, ...] = ()
    parcels: tuple[ParcelDocument, ...] = ()
    #: our number of the order that this one makes good; only orders of our own making have one
    linked_to: str = ""
    doubts: tuple[Doubt, ...] = ()


class RefundDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One refund or after-sale case as the platform says it is now."""

    platform: str
    seller_id: str
    platform_refund_no: str
    platform_order_no: str
    #: empty: the whole order
    platform_line_no: str = ""
    #: where the platform names the listing instead of the line
    listing_id: str = ""
    kind: str
    status: str
    status_raw: str = ""
    currency: str = "CNY"
    amount_minor: int = 0
    qty: int = 0
    reason: str = ""
    #: not_received, received, returned, unknown
    goods: str = "unknown"
    carrier: str = ""
    waybill: str = ""
    asked_at: Moment
    modified_at: Moment
    done_at: Moment | None = None
    #: platform or us
    authority: str = "platform"
    doubts: tuple[Doubt, ...] = ()


Document = OrderDocument | RefundDocument
#: fields of a document that are times
_TIMES = {
    kind: tuple(f.name for f in msgspec.structs.fields(kind) if f.name.endswith("_at") or f.name.endswith("_by"))
    for kind in (OrderDocument, RefundDocument)
}


def without_zone(document: Document) -> str:
    """The first time of a document that does not know its zone; empty when all do."""
    for name in _TIMES[type(document)]:
        moment = getattr(document, name)
        if moment is not None and moment.tzinfo is None:
            return name
    return ""


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """One item of an answer: its document, or why there is none, beside the untouched bytes.

    `number` and `modified_at` are given whenever they could be read at all, also without a document.
    """

    kind: str
    number: str = ""
    modified_at: datetime | None = None
    document: Document | None = None
    raw: bytes
    #: reason code when document is None: unreadable, missing_field, bad_money, bad_time, detail_failed, ...
    error: str = ""
    #: what is wrong, without personal data
    detail: str = ""
    #: our number of the request whose answer held it (header X-Request-Id), where one was made for it alone or its set
    request_no: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a pull as the base hands it over."""

    items: tuple[Pulled, ...]
    #: what the platform said there is in all in this window, None if it does not say
    total: int | None = None
    #: position for reading on, where the platform has a cursor
    cursor: str = ""


class NoticeParcel(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel of a ShipNotice; carrier is our carrier code (`carriers` table of the adapter translates)."""

    carrier: str
    waybill: str
    lines: tuple[tuple[str, str, str, int], ...]


class ShipNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the platform that parcels of one order left: the target state, whatever was told before.

    `lines` of a parcel: ((platform_line_no, listing_id, product_id, qty), ...).
    """

    key: str
    platform_order_no: str
    parcels: tuple[NoticeParcel, ...]
    #: True: with this notice every open line of the order has been shipped
    complete: bool = True


class LevelUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Publish a stock level of one listing: `qty` absolute target; `delta` = target − what it was read to be."""

    key: str
    listing_id: str
    product_id: str = ""
    code: str = ""
    qty: int
    delta: int | None = None


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the platform our decision on a refund: agree, refuse, goods_received."""

    key: str
    platform_refund_no: str
    platform_order_no: str
    act: str
    reason: str = ""


class WriteResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item of a write-back.

    outcome: ``done``; ``already`` (the target state was there); ``refused`` (final, see code); ``retry`` (after
    `retry_after_s`; surely not applied); ``accepted`` (ask again with `poll`); ``unknown`` (the answer was lost:
    read back before any repeat).
    """

    key: str
    outcome: str
    code: str = ""
    message: str = ""
    retry_after_s: float = 0.0
    poll: str = ""
    facts: dict[str, Any] = {}
