"""What leaving parcels do to an order: its lines show what left, and it is shipped when nothing open is left."""

import msgspec

from jobs.rules.shipping import shipped_lines, shipped_progress
from stores.records import FullOrder, Progress
from tests.factories import make_full_order


def packed(*parcels: str, status: str = "open") -> FullOrder:
    """An order with a ship line of two pieces in each of these parcels; empty: in none."""
    full = make_full_order([(f"SKU-{n}", 2, 100) for n, _ in enumerate(parcels)])
    lines = tuple(
        msgspec.structs.replace(s, parcel_no=p, status=status if not p else "open")
        for s, p in zip(full.ship_lines, parcels, strict=True)
    )
    return msgspec.structs.replace(full, ship_lines=lines)


def left(full: FullOrder, *parcels: str) -> FullOrder:
    gone = {s.ship_no: s for s in shipped_lines(full, parcels)}
    return msgspec.structs.replace(full, ship_lines=tuple(gone.get(s.ship_no, s) for s in full.ship_lines))


def test_only_lines_of_the_parcels_that_left_are_shipped_and_only_once() -> None:
    full = packed("P1", "P2", "P1")
    assert [(s.ship_no, s.shipped_qty) for s in shipped_lines(full, ["P1"])] == [(1, 2), (3, 2)]
    assert shipped_lines(left(full, "P1"), ["P1"]) == ()


def test_an_order_is_shipped_only_when_its_last_parcel_has_left() -> None:
    full = packed("P1", "P2")
    first = left(full, "P1")
    assert shipped_progress(first, first.ship_lines) == Progress.PARTLY_SHIPPED
    both = left(first, "P2")
    assert shipped_progress(both, both.ship_lines) == Progress.SHIPPED


def test_a_line_without_a_parcel_is_still_here_unless_it_is_closed() -> None:
    waiting, closed = left(packed("P1", ""), "P1"), left(packed("P1", "", status="closed"), "P1")
    assert shipped_progress(waiting, waiting.ship_lines) == Progress.PARTLY_SHIPPED
    assert shipped_progress(closed, closed.ship_lines) == Progress.SHIPPED
