"""The part of the public face that is about suppliers; see `jobs/api.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.env import Env
from jobs.results import Result

Names = Sequence[str]


class Suppliers:
    """What suppliers are owed."""

    env: Env

    def import_supplier_prices(self, path: Path, *, by: str, dry_run: bool = False) -> Result:
        """Purchase prices with validity from a file; overlapping ones are refused, both named."""
        from jobs import supplier_prices

        return supplier_prices.take(self.env, path, by=by, dry_run=dry_run)

    def supplier_prices(self, *, skus: Names = (), supplier: str = "", on: str = "", limit: int = 50) -> list[Any]:
        """Purchase prices (records.suppliers.SupplierPrice); `on`: those of a day such as 2026-10-05."""
        from jobs import supplier_prices

        return supplier_prices.listing(self.env, skus=skus, supplier=supplier, on=on, limit=limit)

    def settle_suppliers(
        self, *, period: str = "", suppliers: Names = (), plan_out: Path | None = None, apply: Path | None = None,
        by: str = "",
    ) -> Result:  # fmt: skip
        """Work out the suppliers' bills of a period (2026-10), write them as a plan, or book a plan."""
        from jobs import supplier_bills

        return supplier_bills.bill(self.env, period=period, suppliers=suppliers, plan_out=plan_out, apply=apply, by=by)

    def supplier_bills(self, *, supplier: str = "", period: str = "", states: Names = (), limit: int = 50) -> list[Any]:
        """Booked, confirmed and undone bills (records.suppliers.SupplierBill)."""
        from jobs import supplier_acts

        return supplier_acts.listing(self.env, supplier=supplier, period=period, states=states, limit=limit)

    def show_supplier_bill(self, bill_no: str) -> dict[str, Any]:
        """One bill with its lines."""
        from jobs import supplier_acts

        return supplier_acts.show(self.env, bill_no)

    def adjust_supplier(
        self, supplier: str, period: str, amount_minor: int, *, currency: str, reason: str, by: str, key: str = ""
    ) -> Result:
        """Add to what a supplier is owed for a period, or take off it (negative), with a reason."""
        from jobs import supplier_acts

        return supplier_acts.adjust(
            self.env, supplier, period, amount_minor, currency=currency, reason=reason, by=by, key=key
        )

    def confirm_supplier_bills(self, bill_nos: Names, *, by: str) -> Result:
        """Close bills for good."""
        from jobs import supplier_acts

        return supplier_acts.confirm(self.env, bill_nos, by=by)

    def undo_supplier_bills(self, bill_nos: Names, *, by: str, reason: str = "") -> Result:
        """Take bills back that are not confirmed."""
        from jobs import supplier_acts

        return supplier_acts.undo(self.env, bill_nos, by=by, reason=reason)

    def export_supplier_bill(self, bill_no: str, *, out: Path, moves: bool = False) -> Result:
        """Write a bill's lines, or every movement that it charges, as .csv or .xlsx."""
        from jobs import supplier_acts

        return supplier_acts.export(self.env, bill_no, out=out, moves=moves)
