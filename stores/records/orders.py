"""Orders: what a buyer bought, with its history and holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stores.records.base import Mark, Record
from stores.records.words import Progress, RefundState


class Receiver(Record, frozen=True, kw_only=True):
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


class Region(Record, frozen=True, kw_only=True):
    """Where an order goes, in clear, as coarse as a warehouse choice needs."""

    country: str = "CN"
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""


class Adjustment(Record, frozen=True, kw_only=True):
    """A named part between goods total and payable, signed: a discount is negative."""

    kind: str
    minor: int
    #: merchant, platform, buyer or unknown
    borne_by: str = "unknown"
    title: str = ""


class Order(Record, frozen=True, kw_only=True):
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
    #: when it was completed or closed, as the platform says; None: it does not, or it goes on
    ended_at: datetime | None = None
    #: the platform's own status word
    platform_status: str = ""
    #: the order that this one makes good (of an exchange or reship); empty: it stands for itself
    linked_to: str = ""
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


class Line(Record, frozen=True, kw_only=True):
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


class ShipLine(Record, frozen=True, kw_only=True):
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


class Hold(Record, frozen=True, kw_only=True):
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


class Step(Record, frozen=True, kw_only=True):
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


class Edit(Record, frozen=True, kw_only=True):
    """A field changed by hand here; it survives a re-pull, and a platform change to the same field holds the order."""

    order_no: str
    field: str
    #: canonical text of our value; personal data is stored encrypted by the engine
    value: str
    #: the platform's value when the edit was made
    base: str
    at: datetime
    by: str
