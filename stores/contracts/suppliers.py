"""The part of the settlement contract that is about suppliers: prices with validity, bills, adjustments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from stores.records.base import Outcome
from stores.records.suppliers import (
    SupplierAdjustment,
    SupplierBill,
    SupplierFile,
    SupplierLine,
    SupplierMove,
    SupplierPrice,
)

#: fence of all writes about suppliers
SUPPLIERS = "suppliers"


class Suppliers(Protocol):
    """Purchase prices, and what suppliers are owed. Writes name the lease of `SUPPLIERS`; an outdated one is ``lost``."""

    # --- prices
    def put_prices(self, prices: Sequence[SupplierPrice], *, file: SupplierFile, token: int) -> Outcome:
        """Upsert prices by (sku, valid_from) with the state of their file, in one transaction.

        ``already``: this file was imported before and nothing of it is anew. ``refused``: two prices of one SKU would
        hold on one day; the reason names both, nothing is written.
        """
        ...

    def prices(
        self, *, skus: Sequence[str] = (), supplier: str = "", on: str = "", limit: int = 0
    ) -> list[SupplierPrice]:
        """By (sku, valid_from); `on`: those that hold on that day. At most 1,000 SKUs a call; limit 0: all."""
        ...

    # --- adjustments
    def add_adjustment(self, adjustment: SupplierAdjustment, *, token: int) -> Outcome:
        """``already``: one of that id is there. ``refused``: the period's bill is booked or confirmed."""
        ...

    def adjustments(
        self, *, supplier: str = "", period: str = "", bill_no: str | None = None
    ) -> list[SupplierAdjustment]:
        """By (at, adjustment_id); ``bill_no=""``: those that wait for a bill."""
        ...

    # --- bills
    def add_bill(
        self, bill: SupplierBill, lines: Sequence[SupplierLine], moves: Sequence[SupplierMove], *, token: int
    ) -> Outcome:
        """Book one bill wholly or not at all; its adjustment lines take their adjustments.

        ``already``: booked by this plan. ``refused``: the period has a bill (``has_bill``), this plan's was undone
        (``plan_used``), a movement is charged already (``charged``), an adjustment is on another bill
        (``adjustment_taken``).
        """
        ...

    def confirm_bill(self, bill_no: str, *, who: str, token: int) -> Outcome:
        """Close a booked bill for good; ``already``; ``refused``: unknown or undone."""
        ...

    def undo_bill(self, bill_no: str, *, who: str, token: int) -> Outcome:
        """Take a booked bill back: its lines and movements go, its adjustments wait again; the head stays as undone.

        ``already``: undone before. ``refused``: unknown, or ``confirmed``.
        """
        ...

    def bills(
        self,
        *,
        supplier: str = "",
        period: str = "",
        bill_nos: Sequence[str] = (),
        states: Sequence[str] = (),
        limit: int = 0,
    ) -> list[SupplierBill]:
        """By (supplier, period, round)."""
        ...

    def bill_lines(self, bill_no: str) -> list[SupplierLine]: ...

    def bill_moves(self, bill_no: str, *, batch: int = 1000) -> Iterator[list[SupplierMove]]: ...

    def charged(self, seqs: Sequence[int]) -> set[int]:
        """Which of these places in the stock journal a bill charges; at most 1,000."""
        ...

    def shipped_prices(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str, int]]:
        """(order_no, sku) → (supplier, currency, price) at which its last shipment was charged; at most 1,000."""
        ...

    def first_billed(self) -> dict[str, datetime]:
        """Supplier → start of the earliest period it has a bill of, booked or confirmed."""
        ...
