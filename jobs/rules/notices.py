"""Which pieces of an order are told with which parcel, and how parcels go into ship notices.

A platform thinks in its own lines. A bundle is one line of several SKUs: a piece of it has left when all its parts
have, and is told with the parcel that is shipped then. What was told before is never told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from stores.records import FullOrder, Line, ShipLine

#: order statuses at the platform in which nothing may be told any more → reason
DEAD = {"cancelled": "order_cancelled", "unpaid": "order_unpaid", "unknown": "order_status_unknown"}


class Told(NamedTuple):
    """Pieces of one order line that are told with one parcel."""

    order_no: str
    line_no: int
    parcel_no: str
    qty: int


def complete_pieces(line: Line, parts: Iterable[ShipLine]) -> int:
    """Whole pieces of an order line of which every part has left."""
    need: dict[str, int] = {}
    gone: dict[str, int] = {}
    for part in parts:
        need[part.sku] = need.get(part.sku, 0) + part.qty
        gone[part.sku] = gone.get(part.sku, 0) + part.shipped_qty
    return min((int(Fraction(gone[sku] * line.qty, qty)) for sku, qty in need.items() if qty), default=0)


def told_with(full: FullOrder, parcel_no: str, told: Mapping[int, int]) -> list[Told]:
    """What of an order is to be told with a parcel that has left.

    Args:
        full: with the parcel's ship lines already counted as shipped.
        told: line_no → pieces told with other parcels.

    Returns:
        One per order line with a part in the parcel, also with 0 pieces (the rest of a bundle is still to come).
    """
    by_line: dict[int, list[ShipLine]] = {}
    for part in full.ship_lines:
        by_line.setdefault(part.line_no, []).append(part)
    out = []
    for line in full.lines:
        parts = [p for p in by_line.get(line.line_no, ()) if p.sku and (p.status == "open" or p.shipped_qty)]
        inside = [p for p in parts if p.parcel_no == parcel_no]
        if not inside:
            continue
        left = complete_pieces(line, parts) - told.get(line.line_no, 0)
        out.append(Told(full.order.order_no, line.line_no, parcel_no, max(min(left, _most(line, parts, inside)), 0)))
    return out


def _most(line: Line, parts: Sequence[ShipLine], inside: Sequence[ShipLine]) -> int:
    """The most pieces of a line that a parcel with these parts can stand for."""
    need: dict[str, int] = {}
    for part in parts:
        need[part.sku] = need.get(part.sku, 0) + part.qty
    have: dict[str, int] = {}
    for part in inside:
        have[part.sku] = have.get(part.sku, 0) + part.shipped_qty
    return max(ceil(Fraction(qty * line.qty, need[sku])) for sku, qty in have.items())


def all_left(full: FullOrder) -> bool:
    """True when no open ship line of the order is still here."""
    return all(p.shipped_qty >= p.qty for p in full.ship_lines if p.status == "open")


def whole_only(*, partial: bool, parts_per_order: int, parcels: int) -> bool:
    """True when the order must be told in one notice, after its last parcel left.

    Args:
        partial: the platform can be told single lines.
        parts_per_order: parcels it takes per order, 0: any number.
    """
    return not partial or bool(parts_per_order and parcels > parts_per_order)


def group_of(order_no: str, parcel_no: str, *, whole: bool) -> str:
    """Rows of one group are one notice."""
    return f"ship:{order_no}" if whole else f"ship:{order_no}:{parcel_no}"


def effect_key(order_no: str, line_no: int, parcel_no: str) -> str:
    """The key of the record of one line in one parcel."""
    return f"ship:{order_no}:{line_no}:{parcel_no}"


def fold(parcels: Sequence[str], limit: int) -> dict[str, str]:
    """parcel → the parcel under whose waybill its pieces are told, when a platform takes only `limit` per order."""
    if not limit or len(parcels) <= limit:
        return {p: p for p in parcels}
    return {p: parcels[min(i, limit - 1)] for i, p in enumerate(parcels)}
