"""The tables of the order store as `Rows`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache

import msgspec

from sql import orders as t
from sql.columns import dumps, ms
from stores.database import insert_sql
from stores.records import (
    Back,
    Hold,
    Line,
    Mark,
    Membership,
    Order,
    Parcel,
    Payment,
    Refund,
    RefundLine,
    Region,
    ShipLine,
    Step,
    Waiting,
)
from stores.rows import Pair, Rows, when_cached


def _pack_ship_by(at: datetime | None) -> int:
    return t.NO_SHIP_BY if at is None else ms(at)


def _unpack_ship_by(at: int) -> datetime | None:
    return None if at == t.NO_SHIP_BY else when_cached(at)


#: few regions and few doubts stand in many orders, and a record is immutable
_region = lru_cache(maxsize=4096)(msgspec.json.Decoder(Region).decode)

_marks = lru_cache(maxsize=4096)(msgspec.json.Decoder(tuple[Mark, ...]).decode)

_OWN = {
    "ship_by": Pair(_pack_ship_by, _unpack_ship_by),
    "region": Pair(dumps, _region),
    "marks": Pair(dumps, _marks, ((), "[]")),
}
ORDERS = Rows(t.orders, Order, _OWN)
#: what only some jobs look at in a head, by the part's name in `stores.contracts.PARTS`
_HEAD_PARTS = {
    "amounts": (
        "goods_minor", "freight_minor", "tax_minor", "charges_minor", "adjust_minor", "paid_minor", "refunded_minor",
        "subsidy_minor", "receivable_minor", "adjustments",
    ),
    "document": ("platform_status", "doc_hash", "marks", "ended_at"),
}  # fmt: skip
_PARTLY = {
    frozenset(some): Rows(t.orders, Order, _OWN, without=[n for p in some for n in _HEAD_PARTS[p]])
    for some in (["amounts"], ["document"], list(_HEAD_PARTS))
}


def heads(parts: Collection[str]) -> Rows[Order]:
    """The orders' table with what these parts have of a head."""
    missing = frozenset(p for p in _HEAD_PARTS if p not in parts)
    return _PARTLY[missing] if missing else ORDERS


LINES = Rows(t.order_lines, Line)
SHIP_LINES = Rows(t.ship_lines, ShipLine)
HOLDS = Rows(t.order_holds, Hold)
STEPS = Rows(t.history, Step)
#: to read with only: the facts of a step are a text of any length
BARE_STEPS = Rows(t.history, Step, without=("facts",))
WAITING = Rows(t.waiting, Waiting)
MEMBERSHIPS = Rows(t.memberships, Membership)
PARCELS = Rows(t.parcels, Parcel)
REFUNDS = Rows(t.refunds, Refund)
REFUND_LINES = Rows(t.refund_lines, RefundLine)
PAYMENTS = Rows(t.payments, Payment)
BACKS = Rows(t.payment_backs, Back)

ADD_STEP = insert_sql(t.history, (*STEPS.columns, "order_no"))
