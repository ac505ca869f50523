"""Counters, reservations, demand and their journal."""

from __future__ import annotations

from datetime import datetime

from stores.records.base import Record


class Level(Record, frozen=True, kw_only=True):
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


class Ask(Record, frozen=True, kw_only=True):
    """A wish to hold stock: all of it in one warehouse, or nothing."""

    #: ``{order_no}:{attempt}``, made and stored on the order before the call
    reservation_id: str
    order_no: str
    attempt: int
    warehouse: str
    #: ((sku, qty), ...), lines of one SKU already summed, qty > 0
    items: tuple[tuple[str, int], ...]


class Answer(Record, frozen=True, kw_only=True):
    """Answer to an Ask: granted, or short with the missing pieces per SKU."""

    reservation_id: str
    warehouse: str
    granted: bool
    missing: dict[str, int] = {}


class StockMove(Record, frozen=True, kw_only=True):
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


class JournalEntry(Record, frozen=True, kw_only=True):
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


class Snapshot(Record, frozen=True, kw_only=True):
    """Counters with the journal position they are true at."""

    position: int
    levels: tuple[Level, ...]


class Reservation(Record, frozen=True, kw_only=True):
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


class Demand(Record, frozen=True, kw_only=True):
    """Pieces of a SKU that an order will want and no warehouse holds yet (claims of `push`)."""

    order_no: str
    sku: str
    qty: int
