"""Suppliers: what we pay for a SKU, and the bills of what was shipped less what came back."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from stores.records.base import Record

#: a price without an end
FOREVER = "9999-12-31"


class SupplierPrice(Record, frozen=True, kw_only=True):
    """What a supplier is paid for one piece of a SKU, from the first day to the last, both inside.

    Days are of the business zone, as ``2026-09-01``. A SKU has one supplier and one price on any day.
    """

    sku: str
    valid_from: str
    valid_to: str = FOREVER
    supplier: str
    currency: str
    price_minor: int
    changed_at: datetime

    def __str__(self) -> str:
        """As a message names it: ``SKU-1 of ACME 2026-01-01…2026-06-30``."""
        end = "" if self.valid_to == FOREVER else self.valid_to
        return f"{self.sku} of {self.supplier} {self.valid_from}…{end}"


class SupplierFile(Record, frozen=True, kw_only=True):
    """An imported file of prices."""

    hash: str
    name: str
    row_count: int
    at: datetime
    who: str
    run_id: str = ""


class SupplierAdjustment(Record, frozen=True, kw_only=True):
    """Something a person adds to a bill (positive: we pay more) or takes off it, with a reason."""

    adjustment_id: str
    supplier: str
    period: str
    currency: str
    amount_minor: int
    reason: str
    who: str
    at: datetime
    #: the bill it stands on; empty: it waits for one
    bill_no: str = ""


class SupplierBill(Record, frozen=True, kw_only=True):
    """What we owe a supplier for a period. state: booked, confirmed, undone."""

    #: ``supplier/period/round``
    bill_no: str
    supplier: str
    period: str
    #: rises when a bill of the period was undone
    round: int
    start_at: datetime
    end_at: datetime
    state: str = "booked"
    #: currency → what we owe, minor units
    totals: dict[str, int]
    move_count: int
    #: pieces for which no price is known, left to a later bill
    parked_qty: int = 0
    plan_hash: str
    booked_at: datetime
    booked_by: str
    #: of the last change of state: confirmed or undone
    changed_at: datetime
    changed_by: str
    run_id: str = ""


class SupplierLine(Record, frozen=True, kw_only=True):
    """One line of a bill. kind: goods, adjustment, or parked (pieces without a price: amount 0)."""

    bill_no: str
    line_no: int
    kind: str
    sku: str = ""
    currency: str
    price_minor: int = 0
    shipped: int = 0
    #: pieces that came back good, and unfit for sale
    returned: int = 0
    defective: int = 0
    amount_minor: int
    #: pieces of earlier periods among them
    late_qty: int = 0
    reason: str = ""
    adjustment_id: str = ""


class SupplierMove(NamedTuple):
    """A movement of stock that a bill charges, by its place in the stock journal. Each is charged once."""

    seq: int
    bill_no: str
    sku: str
    order_no: str
    #: ship, return or defective
    kind: str
    #: shipped positive, returned negative
    qty: int
    currency: str
    price_minor: int
    #: epoch milliseconds
    at: int
