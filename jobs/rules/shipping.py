"""What leaving parcels do to an order's lines and progress."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stores.records import FullOrder, Progress, ShipLine, replace


def shipped_lines(full: FullOrder, parcels: Collection[str]) -> tuple[ShipLine, ...]:
    """Ship lines of these parcels that are not marked shipped yet, as they are once the parcels left."""
    return tuple(
        replace(s, shipped_qty=s.qty)
        for s in full.ship_lines
        if s.parcel_no in parcels and s.status == "open" and s.shipped_qty < s.qty
    )


def shipped_progress(full: FullOrder, ship_lines: Sequence[ShipLine]) -> Progress:
    """`shipped` when nothing open is left, else `partly_shipped`."""
    left = [s for s in ship_lines if s.status == "open" and s.shipped_qty < s.qty]
    return Progress.PARTLY_SHIPPED if left else Progress.SHIPPED
