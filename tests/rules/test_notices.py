"""Which pieces are told with which parcel: each once, a bundle when its last part has left."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.notices import all_left, complete_pieces, fold, group_of, told_with, whole_only
from stores.records import FullOrder, ShipLine
from tests.factories import make_full_order


def order(*parts: tuple[str, int, str, int], qty: int = 1) -> FullOrder:
    """One order line of `qty` pieces and its ship lines: (sku, pieces, parcel, shipped)."""
    full = make_full_order([("SET", qty, 5_000 * qty)])
    made = tuple(
        ShipLine(
            order_no=full.order.order_no, ship_no=n, line_no=1, sku=sku, qty=pieces, parcel_no=parcel, shipped_qty=gone
        )
        for n, (sku, pieces, parcel, gone) in enumerate(parts, 1)
    )
    return msgspec.structs.replace(full, ship_lines=made)


def test_a_plain_line_is_told_with_its_parcel() -> None:
    [told] = told_with(order(("A", 3, "P1", 3), qty=3), "P1", {})
    assert (told.line_no, told.parcel_no, told.qty) == (1, "P1", 3)


def test_a_bundle_is_told_with_the_parcel_that_leaves_last() -> None:
    first = order(("A", 2, "P1", 2), ("B", 4, "P2", 0), qty=2)
    assert [t.qty for t in told_with(first, "P1", {})] == [0]
    both = order(("A", 2, "P1", 2), ("B", 4, "P2", 4), qty=2)
    assert [t.qty for t in told_with(both, "P2", {1: 0})] == [2]


def test_parts_of_a_bundle_that_leave_together_are_told_once() -> None:
    both = order(("A", 2, "P1", 2), ("B", 4, "P2", 4), qty=2)
    [one] = told_with(both, "P1", {})
    [two] = told_with(both, "P2", {1: one.qty})
    assert (one.qty, two.qty) == (2, 0)


def test_a_line_in_two_parcels_is_told_by_what_each_holds() -> None:
    both = order(("A", 2, "P1", 2), ("A", 1, "P2", 1), qty=3)
    [one] = told_with(both, "P1", {})
    [two] = told_with(both, "P2", {1: one.qty})
    assert (one.qty, two.qty) == (2, 1)


def test_a_parcel_without_the_line_tells_nothing_of_it() -> None:
    assert told_with(order(("A", 1, "P1", 1)), "P2", {}) == []


def test_whole_pieces_count_when_every_part_has_left() -> None:
    full = order(("A", 2, "P1", 2), ("B", 4, "P2", 3), qty=2)
    assert complete_pieces(full.lines[0], full.ship_lines) == 1
    assert complete_pieces(full.lines[0], ()) == 0


def test_an_order_has_left_when_no_open_line_is_here() -> None:
    assert all_left(order(("A", 1, "P1", 1)))
    assert not all_left(order(("A", 1, "P1", 1), ("B", 1, "P2", 0)))


def test_a_platform_with_a_parcel_limit_is_told_in_one_notice() -> None:
    assert whole_only(partial=False, parts_per_order=0, parcels=1)
    assert whole_only(partial=True, parts_per_order=1, parcels=2)
    assert not whole_only(partial=True, parts_per_order=2, parcels=2)
    assert group_of("o", "p", whole=True) == "ship:o" and group_of("o", "p", whole=False) == "ship:o:p"


def test_parcels_beyond_the_limit_ride_under_the_last_waybill() -> None:
    assert fold(["a", "b", "c"], 2) == {"a": "a", "b": "b", "c": "b"}
    assert fold(["a", "b"], 0) == {"a": "a", "b": "b"}


@given(
    qty=st.integers(1, 5),
    parts=st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 3), st.sampled_from(("P1", "P2", "P3"))), min_size=1, max_size=6),
    leaving=st.permutations(("P1", "P2", "P3")),
)  # fmt: skip
def test_whatever_leaves_when_every_piece_is_told_exactly_once(
    qty: int, parts: list[tuple[str, int, str]], leaving: list[str]
) -> None:
    gone: set[str] = set()
    told: dict[str, int] = {}
    for parcel in leaving:
        gone.add(parcel)
        full = order(*((sku, n * qty, p, n * qty if p in gone else 0) for sku, n, p in parts), qty=qty)
        others = {1: sum(n for p, n in told.items() if p != parcel)}
        for row in told_with(full, parcel, others):
            told[parcel] = row.qty
        assert sum(told.values()) == complete_pieces(full.lines[0], full.ship_lines)
    assert sum(told.values()) == qty
