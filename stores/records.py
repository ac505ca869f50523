"""Records: what we keep, as frozen values. The only vocabulary that jobs and rules share with the stores.

Money is an int of the smallest unit beside an ISO 4217 currency; times are aware and UTC; quantities are pieces.
A change is a copy (`replace`). Nothing here knows an engine or a platform.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec


class Record(msgspec.Struct, frozen=True):
    """Base of all records: immutable, compared by value."""


R = TypeVar("R", bound=Record)


def replace(record: R, **changes: Any) -> R:
    """A copy of a record with some fields changed."""
    return msgspec.structs.replace(record, **changes)


class Progress(StrEnum):
    """How far an order has come. The table of moves is `jobs/rules/states.py`."""

    UNPAID = "unpaid"
    CREATED = "created"
    AUDITED = "audited"
    SOURCED = "sourced"
    MERGED = "merged"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class RefundState(StrEnum):
    """Refund standing of an order or line, derived from refund lines."""

    NONE = "none"
    ASKED = "asked"
    PARTLY = "partly"
    FULL = "full"


class ParcelState(StrEnum):
    """A parcel's life. `planning` is the written intent of a merge that is not confirmed yet; `voiding` the written
    decision to undo one whose members are still on their way back; `void` an undone one."""

    PLANNING = "planning"
    PLANNED = "planned"
    HANDED_OVER = "handed_over"
    LABELLED = "labelled"
    SHIPPED = "shipped"
    STOP_ASKED = "stop_asked"
    STOPPED = "stopped"
    VOIDING = "voiding"
    VOID = "void"


class RefundKind(StrEnum):
    BEFORE_SHIPPING = "before_shipping"
    RETURN = "return"
    REFUND_ONLY = "refund_only"
    EXCHANGE = "exchange"
    RESHIP = "reship"
    PRICE_PROTECTION = "price_protection"
    UNKNOWN = "unknown"


class RefundStatus(StrEnum):
    """A refund's own life: asked → approved → (goods_back) → done, or refused, or closed by the buyer."""

    ASKED = "asked"
    APPROVED = "approved"
    GOODS_BACK = "goods_back"
    DONE = "done"
    REFUSED = "refused"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Mark(Record, kw_only=True):
    """A doubt about one field of a platform's document: it never decides anything silently, `explain` shows it."""

    #: path of the field in the document, e.g. ``lines[0].paid_minor``
    field: str
    #: reason code, e.g. ``float_money``, ``not_sent``, ``unknown_status``
    why: str
    #: what the platform sent, shortened; never personal data
    raw: str = ""


class Receiver(Record, kw_only=True):
    """Personal data of one order, the one record type that holds any. `repr` and `str` are masked.

    Stored encrypted (`stores/privacy.py`). `cipher` is the platform's own handle (oaid and the like); with
    `masked` the texts hold stars and must never make a merge key.
    """

    name: str = ""
    phone: str = ""
    address: str = ""
    zip: str = ""
    cipher: str = ""
    masked: bool = False

    def __repr__(self) -> str:
        return "Receiver(***)"

    __str__ = __repr__


class Region(Record, kw_only=True):
    """Where an order goes, in clear, as coarse as a warehouse choice needs."""

    country: str = "CN"
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""


class Adjustment(Record, kw_only=True):
    """A named part between goods total and payable, signed: a discount is negative."""

    kind: str
    minor: int
    #: merchant, platform, buyer or unknown
    borne_by: str = "unknown"
    title: str = ""


class Order(Record, kw_only=True):
    """An order's head: the changing state and the frozen money. One row, no payload.

    `payable_minor` = goods + freight + tax + charges + Σ adjustments + `unexplained_minor`.
    """

    order_no: str
    platform: str
    #: the seller's id at the platform; with platform and platform_order_no it makes order_no
    seller_id: str
    #: alias in the settings, only a name
    shop: str
    platform_order_no: str
    progress: Progress
    refund_state: RefundState = RefundState.NONE
    currency: str = "CNY"
    goods_minor: int = 0
    freight_minor: int = 0
    tax_minor: int = 0
    charges_minor: int = 0
    #: Σ adjustments, signed
    adjust_minor: int = 0
    payable_minor: int = 0
    paid_minor: int = 0
    refunded_minor: int = 0
    subsidy_minor: int = 0
    receivable_minor: int = 0
    unexplained_minor: int = 0
    #: keyed hash of (platform, buyer id); empty where the platform gives none
    buyer_key: str = ""
    #: orders with the same non-empty key may share a parcel (from the adapter; never made of masked text)
    merge_key: str = ""
    #: True: the platform must confirm the group before it is merged (`Platform.merge_groups`)
    merge_confirm: bool = False
    region: Region = Region()
    #: sorted: gift, presale, cod, group_unfinished, virtual, platform_warehouse, ...
    flags: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    ordered_at: datetime
    paid_at: datetime | None = None
    #: the platform's latest time to ship
    ship_by: datetime | None = None
    #: the platform's own status word
    platform_status: str = ""
    #: version of the document this row reflects
    doc_modified_at: datetime
    doc_hash: str = ""
    #: reservation attempt: 0 = none yet; the id is ``{order_no}:{attempt}``
    attempt: int = 0
    #: intent written before stock is asked: ((warehouse, sku, qty), ...); empty once resolved
    intent: tuple[tuple[str, str, int], ...] = ()
    #: counts merges of this order that were voided or undone; part of the next parcel's number
    merge_round: int = 0
    #: how many holds are open; a held order does not move
    held: int = 0
    #: not looked at by its stage before this time (shortage waiting)
    due_at: datetime | None = None
    #: how often sourcing put it back for lack of stock or another place
    reroutes: int = 0
    #: rises by one with each change; changes are compare-and-set on it
    version: int = 1
    created_at: datetime
    changed_at: datetime


class Line(Record, kw_only=True):
    """What the buyer bought: one row of the platform's order. Never shipped itself, see ShipLine."""

    order_no: str
    #: 1.. in the document's order at first sight; later lines are appended
    line_no: int
    platform_line_no: str
    #: the platform's sku id, else its item id
    listing_id: str
    product_id: str = ""
    #: merchant's code as the platform sent it
    code: str = ""
    title: str = ""
    variant: str = ""
    qty: int
    unit_minor: int
    #: what the buyer paid for the whole line, freight outside
    paid_minor: int
    gift: bool = False
    #: open, shipped or closed
    status: str = "open"
    refund_state: RefundState = RefundState.NONE


class ShipLine(Record, kw_only=True):
    """What a warehouse ships: one SKU of one order line. Reserved, shipped and returned; traces to its line."""

    order_no: str
    #: 1.. within the order
    ship_no: int
    line_no: int
    #: empty while the listing is not mapped
    sku: str
    qty: int
    #: this ship line's share of the line's paid_minor (largest remainder)
    value_minor: int = 0
    warehouse: str = ""
    parcel_no: str = ""
    shipped_qty: int = 0
    returned_qty: int = 0
    #: open or closed (closed: refunded or cancelled before shipping)
    status: str = "open"


class Hold(Record, kw_only=True):
    """A reason why an order does not move. An order may have several; each is released by itself."""

    order_no: str
    #: reason code, e.g. ``audit.remark``; unique per order while open
    code: str
    #: who may release it: ``rule``, ``platform``, or a user's name
    owner: str = "rule"
    facts: dict[str, Any] = {}
    since: datetime
    #: releases itself at this time; None: until released
    until: datetime | None = None
    released_at: datetime | None = None


class Step(Record, kw_only=True):
    """One entry of an order's or parcel's history: what changed, when, in which run, and why."""

    #: order_no or parcel_no
    ref: str
    #: version of the row after this step; (ref, version) is unique
    version: int
    at: datetime
    run_id: str
    from_state: str
    to_state: str
    reason: str
    facts: dict[str, Any] = {}


class Waiting(Record, kw_only=True):
    """An order part in the merge-key table: it waits until `window_ends_at` for others with the same key."""

    #: ``{merge_key}|{warehouse}|{shop}``; orders that never merge wait under their own order number
    key: str
    order_no: str
    warehouse: str
    shop: str
    since: datetime
    window_ends_at: datetime
    ship_by: datetime | None = None


class Membership(Record, kw_only=True):
    """An order's share in a parcel. `active` False once the parcel was voided or stopped."""

    order_no: str
    parcel_no: str
    active: bool = True


class Parcel(Record, kw_only=True):
    """What a warehouse ships: one or more orders of one receiver."""

    parcel_no: str
    shop: str
    platform: str
    warehouse: str
    state: ParcelState
    #: order numbers, sorted
    members: tuple[str, ...]
    carrier: str = ""
    waybill: str = ""
    ship_by: datetime | None = None
    #: number of the hand-over file it was in, empty before
    handover_no: str = ""
    version: int = 1
    created_at: datetime
    changed_at: datetime


class Refund(Record, kw_only=True):
    """A refund or after-sale case."""

    refund_no: str
    order_no: str
    platform: str
    seller_id: str
    shop: str
    platform_refund_no: str
    kind: RefundKind
    #: who decides and settles: ``platform`` or ``us``
    authority: str = "platform"
    status: RefundStatus
    platform_status: str = ""
    currency: str = "CNY"
    amount_minor: int = 0
    reason: str = ""
    #: our decision: "", approved, refused (reason in history); automatic or by whom in `decided_by`
    decision: str = ""
    decided_by: str = ""
    asked_at: datetime
    doc_modified_at: datetime
    doc_hash: str = ""
    marks: tuple[Mark, ...] = ()
    version: int = 1
    created_at: datetime
    changed_at: datetime


class RefundLine(Record, kw_only=True):
    """Part of a refund that concerns one order line."""

    refund_no: str
    order_no: str
    line_no: int
    qty: int
    amount_minor: int
    #: pieces received back, by grade
    good_qty: int = 0
    defective_qty: int = 0


class Edit(Record, kw_only=True):
    """A field changed by hand here; it survives a re-pull, and a platform change to the same field holds the order."""

    order_no: str
    field: str
    #: canonical text of our value; personal data is stored encrypted by the engine
    value: str
    #: the platform's value when the edit was made
    base: str
    at: datetime
    by: str


class FullOrder(Record, kw_only=True):
    """An order with everything a stage needs to decide; read in sets, never one by one."""

    order: Order
    lines: tuple[Line, ...] = ()
    ship_lines: tuple[ShipLine, ...] = ()
    holds: tuple[Hold, ...] = ()
    memberships: tuple[Membership, ...] = ()
    refunds: tuple[Refund, ...] = ()
    buyer_remark: str = ""
    seller_remark: str = ""


# ---------------------------------------------------------------- inbox


class InboxItem(Record, kw_only=True):
    """A document as it was pulled: neutral JSON beside the untouched raw bytes."""

    #: ``{kind}:{platform}:{seller_id}:{number}``, the one unique key
    key: str
    kind: str
    platform: str
    seller_id: str
    shop: str
    #: the platform's order or refund number
    number: str
    modified_at: datetime
    #: of the neutral document
    hash: str
    #: neutral document as JSON; empty for what could not be read
    document: bytes
    raw: bytes
    #: set when it could not be read: reason code; the item is born parked
    parked: str = ""


class InboxEntry(Record, kw_only=True):
    """An inbox item's changing state, with its document when it was claimed."""

    key: str
    kind: str
    platform: str
    seller_id: str
    shop: str
    number: str
    modified_at: datetime
    hash: str
    #: waiting, pushed or parked
    status: str
    reason: str = ""
    facts: dict[str, Any] = {}
    first_seen_at: datetime
    seen_at: datetime
    attempts: int = 0
    document: bytes = b""


# ---------------------------------------------------------------- stock


class Level(Record, kw_only=True):
    """Counters of one SKU in one warehouse. available = on_hand - held, never below zero."""

    warehouse: str
    sku: str
    on_hand: int
    held: int
    #: pieces that came back unfit for sale; outside on_hand
    defective: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.held


class Ask(Record, kw_only=True):
    """A wish to hold stock: all of it in one warehouse, or nothing."""

    #: ``{order_no}:{attempt}``, made and stored on the order before the call
    reservation_id: str
    order_no: str
    attempt: int
    warehouse: str
    #: ((sku, qty), ...), lines of one SKU already summed, qty > 0
    items: tuple[tuple[str, int], ...]


class Answer(Record, kw_only=True):
    """Answer to an Ask: granted, or short with the missing pieces per SKU."""

    reservation_id: str
    warehouse: str
    granted: bool
    missing: dict[str, int] = {}


class StockMove(Record, kw_only=True):
    """A change of counters by an outside cause; `key` makes it happen once."""

    #: e.g. ``ship:{parcel_no}:{order_no}:{sku}``, ``return:{refund_no}:{sku}``, ``adjust:{run}:{n}``
    key: str
    #: ship, return, defective, adjust, transfer_out, transfer_in, count
    kind: str
    warehouse: str
    sku: str
    on_hand: int = 0
    held: int = 0
    defective: int = 0
    ref: str = ""
    at: datetime
    reason: str = ""


class JournalEntry(Record, kw_only=True):
    """One line of the stock journal, in the same atomic step as its counter."""

    seq: int
    key: str
    kind: str
    warehouse: str
    sku: str
    on_hand: int
    held: int
    defective: int
    ref: str
    at: datetime
    reason: str = ""


class Snapshot(Record, kw_only=True):
    """Counters with the journal position they are true at."""

    position: int
    levels: tuple[Level, ...]


class Reservation(Record, kw_only=True):
    """A granted hold, per warehouse. state: open, shipped, released or superseded."""

    reservation_id: str
    order_no: str
    attempt: int
    warehouse: str
    items: tuple[tuple[str, int], ...]
    #: pieces that left so far, per SKU; what is still held is items less these
    shipped: dict[str, int] = {}
    state: str
    at: datetime


class Demand(Record, kw_only=True):
    """Pieces of a SKU that an order will want and no warehouse holds yet (claims of `push`)."""

    order_no: str
    sku: str
    qty: int


# ---------------------------------------------------------------- ledger


class Window(Record, kw_only=True):
    """A span of a shop's history that was pulled, with its proof. Half-open: start ≤ modified < end."""

    window_id: str
    shop: str
    #: orders, refunds, ...
    kind: str
    scan: str
    start: datetime
    end: datetime
    #: open or closed
    state: str = "open"
    #: counted, exhausted, accepted; empty while open
    proof: str = ""
    #: why it is open, or the operator's words for accepted
    reason: str = ""
    expected: int | None = None
    seen: int = 0
    new: int = 0
    changed: int = 0
    parked: int = 0
    pages: int = 0
    attempts: int = 0
    run_id: str = ""
    opened_at: datetime
    closed_at: datetime | None = None


class Watermark(Record, kw_only=True):
    """How far a shop was pulled (`frontier`), and up to where every window is closed (`proven`)."""

    shop: str
    kind: str
    scan: str
    frontier: datetime | None = None
    proven: datetime | None = None
    #: the platform's own cursor where a scan has one
    cursor: str = ""


class Lateness(Record, kw_only=True):
    """An item that showed up after its time had been proven; sets the overlap."""

    shop: str
    kind: str
    number: str
    modified_at: datetime
    found_at: datetime
    late_s: float


class Lease(Record, kw_only=True):
    """A right to run, with a token that rises: writes of an older token are refused."""

    name: str
    holder: str
    token: int
    until: datetime
    host: str = ""
    pid: int = 0
    beat_at: datetime | None = None


class Run(Record, kw_only=True):
    """One execution of a job: always written, also when nothing happened."""

    run_id: str
    job: str
    args: dict[str, Any] = {}
    #: running, done, partial, failed, busy, interrupted
    outcome: str = "running"
    counts: dict[str, int] = {}
    facts: dict[str, Any] = {}
    error: str = ""
    host: str = ""
    pid: int = 0
    started_at: datetime
    beat_at: datetime | None = None
    ended_at: datetime | None = None


class Task(Record, kw_only=True):
    """Something to do at a time, surviving restarts (expiry of an unpaid own order and the like)."""

    key: str
    kind: str
    ref: str
    due_at: datetime
    payload: dict[str, Any] = {}
    state: str = "waiting"
    attempts: int = 0
    reason: str = ""


class Alert(Record, kw_only=True):
    """What an operator must know: counted per key while open, not repeated."""

    key: str
    kind: str
    severity: str = "warning"
    title: str
    facts: dict[str, Any] = {}
    #: the command to type next
    hint: str = ""
    count: int = 1
    first_at: datetime
    last_at: datetime
    acked_at: datetime | None = None
    acked_by: str = ""
    notified_at: datetime | None = None


class Effect(Record, kw_only=True):
    """Something to be done in the outside world exactly once: intent → sent → confirmed, refused or unknown."""

    #: e.g. ``ship:{order_no}:{line_no}:{parcel_no}``
    key: str
    #: ship_notice, level, agreement
    kind: str
    shop: str
    #: what it belongs to: order_no, listing, refund_no
    ref: str
    #: rows of one group are told in one notice
    group: str
    payload: dict[str, Any] = {}
    #: intent, sent, accepted (poll), unknown, confirmed, refused, parked, void
    state: str = "intent"
    answer: str = ""
    #: handle of an asynchronous write-back
    poll: str = ""
    attempts: int = 0
    next_at: datetime | None = None
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    created_at: datetime


class Token(Record, kw_only=True):
    """A platform access token of one seller. `repr` shows no secret."""

    shop: str
    access: str
    refresh: str = ""
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    seller_id: str = ""

    def __repr__(self) -> str:
        return f"Token(shop={self.shop!r}, expires_at={self.expires_at!s}, ***)"

    __str__ = __repr__


class AuditEntry(Record, kw_only=True):
    """Who looked at or decided something that is accounted for (revealed personal data, accepted window, edit)."""

    at: datetime
    who: str
    act: str
    ref: str
    facts: dict[str, Any] = {}


# ---------------------------------------------------------------- outcomes


class Outcome(Record, kw_only=True):
    """What became of one item of a batch.

    result: ``done``; ``already`` (the same was there before); ``changed`` (someone else was first: read again);
    ``refused`` (it breaks a rule of the store, see reason); ``lost`` (the claim's token is no longer valid).
    """

    key: str
    result: str
    reason: str = ""
    version: int = 0

    @property
    def ok(self) -> bool:
        return self.result in ("done", "already")
