"""Parcels and what waits to become one."""

from __future__ import annotations

from datetime import datetime

from stores.records.base import Record
from stores.records.words import ParcelState


class Waiting(Record, frozen=True, kw_only=True):
    """An order part in the merge-key table: it waits until `window_ends_at` for others with the same key."""

    #: ``{merge_key}|{warehouse}|{shop}``; orders that never merge wait under their own order number
    key: str
    order_no: str
    warehouse: str
    shop: str
    since: datetime
    window_ends_at: datetime
    ship_by: datetime | None = None


class Membership(Record, frozen=True, kw_only=True):
    """An order's share in a parcel. `active` False once the parcel was voided or stopped."""

    order_no: str
    parcel_no: str
    active: bool = True


class Parcel(Record, frozen=True, kw_only=True):
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
