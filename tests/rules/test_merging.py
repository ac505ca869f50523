"""Merging rules: who shares a parcel, why not, and that merging and leaving again change neither pieces nor money."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import merging
from jobs.rules.merging import Group, Limits
from stores.records import FullOrder, Membership, Progress, RefundState, Waiting
from tests.factories import T0, make_full_order, make_order

LIMITS = Limits(3, frozenset({"cod"}))


def sourced(number: int, warehouse: str = "EAST", **changes: Any) -> FullOrder:
    full = make_full_order(number=str(1000 + number), **{"progress": Progress.SOURCED, **changes})
    lines = tuple(msgspec.structs.replace(s, warehouse=warehouse) for s in full.ship_lines)
    return msgspec.structs.replace(full, ship_lines=lines)


def two_places(number: int = 1) -> FullOrder:
    full = make_full_order([("A", 1, 100), ("B", 1, 200)], number=str(1000 + number), progress=Progress.SOURCED)
    homes = ("EAST", "SOUTH")
    lines = tuple(msgspec.structs.replace(s, warehouse=w) for s, w in zip(full.ship_lines, homes, strict=True))
    return msgspec.structs.replace(full, ship_lines=lines)


def rows(fulls: Sequence[FullOrder], ends: timedelta = timedelta(0)) -> list[Waiting]:
    return [
        w
        for f in fulls
        for w in merging.waiting_rows(f.order, merging.warehouses_of(f), since=T0, window_ends_at=T0 + ends)
    ]


def grouped(*fulls: FullOrder, ends: timedelta = timedelta(0)) -> tuple[list[Group], dict[str, str]]:
    return merging.group(rows(fulls, ends), {f.order.order_no: f for f in fulls}, now=T0, limits=LIMITS)


def numbers(groups: Sequence[Group]) -> list[list[str]]:
    return [sorted(m.order.platform_order_no for m in g.members) for g in groups]


def test_orders_of_one_buyer_and_address_share_a_parcel() -> None:
    groups, left = grouped(sourced(1), sourced(2))
    assert (numbers(groups), left) == ([["1001", "1002"]], {})
    assert (groups[0].reason, groups[0].alone, groups[0].warehouses) == ("merge.window", "", ("EAST",))


def test_a_near_latest_time_presses_the_group_before_its_window_ends() -> None:
    groups, _ = grouped(sourced(1), sourced(2), ends=timedelta(hours=1))
    assert [g.reason for g in groups] == ["merge.press"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"merge_key": ""}, "merge.no_key"),
        ({"flags": ("cod",)}, "merge.flag"),
        ({"refund_state": RefundState.ASKED}, "merge.refund"),
        ({"refund_state": RefundState.FULL}, "merge.refund"),
        ({"refund_state": RefundState.PARTLY}, ""),
        ({"flags": ("has_gift",)}, ""),
    ],
)
def test_what_blocks_a_merge_has_a_code(changes: dict[str, Any], code: str) -> None:
    assert merging.alone(sourced(1, **changes), LIMITS.never_flags) == code
    assert code == "" or code in merging.CODES


def test_a_blocked_order_goes_alone_and_the_others_together() -> None:
    groups, _ = grouped(sourced(1), sourced(2, flags=("cod",)), sourced(3))
    assert sorted(numbers(groups)) == [["1001", "1003"], ["1002"]]
    assert {g.alone for g in groups} == {"", "merge.flag"}


def test_a_held_order_stays_and_the_others_go_without_it() -> None:
    held = sourced(1, held=1)
    groups, left = grouped(held, sourced(2))
    assert (numbers(groups), left) == ([["1002"]], {held.order.order_no: "merge.held"})


def test_an_order_that_moved_on_stays() -> None:
    gone = sourced(1, progress=Progress.CANCELLED)
    assert grouped(gone) == ([], {gone.order.order_no: "merge.moved"})


def test_the_same_key_of_another_buyer_makes_another_parcel() -> None:
    groups, _ = grouped(sourced(1), sourced(2, buyer_key="buyer-2"))
    assert sorted(numbers(groups)) == [["1001"], ["1002"]]
    assert {g.alone for g in groups} == {"merge.other_buyer"}


def test_a_parcel_takes_as_many_orders_as_allowed_the_urgent_ones_first() -> None:
    fulls = [sourced(n, ship_by=T0 + timedelta(hours=n)) for n in (4, 2, 3, 1)]
    groups, _ = grouped(*fulls)
    assert numbers(groups) == [["1001", "1002", "1003"], ["1004"]]
    assert [g.alone for g in groups] == ["", "merge.full"]


def test_the_parts_of_a_split_order_are_parcels_of_their_own() -> None:
    full = two_places()
    keys = {w.key for w in rows([full])}
    assert keys == {f"{full.order.order_no}|{w}|tmall" for w in ("EAST", "SOUTH")}
    groups, _ = merging.group(rows([full])[:1], {full.order.order_no: full}, now=T0, limits=LIMITS)
    made = merging.parcels(groups[0], {"EAST": "SF"}, T0)
    assert [(p.warehouse, p.carrier, p.members) for p in made] == [
        ("EAST", "SF", (full.order.order_no,)), ("SOUTH", "", (full.order.order_no,)),
    ]  # fmt: skip


def test_shops_and_warehouses_do_not_share_a_key() -> None:
    one = sourced(1)
    keys = {
        merging.waiting_key(one.order, "EAST", never=False),
        merging.waiting_key(one.order, "SOUTH", never=False),
        merging.waiting_key(msgspec.structs.replace(one.order, shop="other"), "EAST", never=False),
        merging.waiting_key(one.order, "EAST", never=True),
    }
    assert len(keys) == 4


@pytest.mark.parametrize("changes", [{"merge_key": ""}, {"buyer_key": ""}])
def test_without_a_key_or_a_buyer_an_order_waits_under_its_own_number(changes: dict[str, Any]) -> None:
    one, other = (make_order(number=n, **changes) for n in ("1", "2"))
    known = make_order(number="3"), make_order(number="4")
    keys = [
        merging.waiting_rows(o, ["EAST"], since=T0, window_ends_at=T0)[0].key for o in (one, other, *known)
    ]  # fmt: skip
    assert len(set(keys[:2])) == 2 and keys[2] == keys[3] not in keys[:2]
    assert [merging.never_merges(o, ["EAST"]) for o in (one, known[0])] == [True, False]
    assert merging.never_merges(known[0], ["EAST", "SOUTH"])


def test_a_long_key_becomes_a_digest_that_still_tells_keys_apart() -> None:
    one, other = (sourced(1, merge_key="k" * 185 + end) for end in "ab")
    keys = [merging.waiting_key(f.order, "EAST", never=False) for f in (one, other)]
    assert len(set(keys)) == 2
    assert all(len(k) <= 190 for k in keys)


# ------------------------------------------------------------------ the platform's word


def test_a_platform_that_confirms_some_cuts_the_group() -> None:
    groups, _ = grouped(*(sourced(n, merge_confirm=True) for n in (1, 2, 3)))
    assert groups[0].confirm
    cut = merging.confirmed(groups[0], [("1001", "1003"), ("1002",)])
    assert sorted(numbers(cut)) == [["1001", "1003"], ["1002"]]
    assert [g.alone for g in cut if len(g.members) == 1] == ["merge.not_confirmed"]


def test_an_order_the_platform_does_not_name_goes_alone() -> None:
    groups, _ = grouped(*(sourced(n, merge_confirm=True) for n in (1, 2)))
    assert sorted(numbers(merging.confirmed(groups[0], [("1001",)]))) == [["1001"], ["1002"]]


def test_a_single_order_needs_no_confirmation() -> None:
    groups, _ = grouped(sourced(1, merge_confirm=True))
    assert not groups[0].confirm


# ------------------------------------------------------------------ numbers, joining, leaving


def test_a_parcel_number_is_the_same_until_a_merge_was_undone() -> None:
    lead = sourced(1).order.order_no
    number = merging.parcel_no(lead, "EAST", 0)
    assert number == merging.parcel_no(lead, "EAST", 0)
    assert len(number) == 20
    assert (number[0], number[-3:]) == ("P", lead[-3:])
    assert len({number, merging.parcel_no(lead, "EAST", 1), merging.parcel_no(lead, "SOUTH", 0)}) == 3


@pytest.mark.parametrize(
    "changes", [{"buyer_key": "buyer-2"}, {"shop": "other"}, {"merge_key": "key-2"}, {"merge_key": ""}]
)
def test_orders_that_do_not_belong_together_are_never_one_parcel(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="differs"):
        merging.parcels(Group((sourced(1), sourced(2, **changes)), ("EAST",), "merge.window"), {}, T0)


def test_orders_in_two_warehouses_are_never_one_parcel() -> None:
    with pytest.raises(ValueError, match="warehouse differs"):
        merging.parcels(Group((sourced(1), sourced(2, "SOUTH")), ("EAST",), "merge.window"), {}, T0)
    with pytest.raises(ValueError, match="split order"):
        pair = (two_places(1), two_places(2))
        merging.parcels(Group(pair, ("EAST", "SOUTH"), "merge.window"), {}, T0)


def test_a_parcel_leaves_at_the_earliest_latest_time_of_its_orders() -> None:
    group = Group((sourced(1, ship_by=None), sourced(2, ship_by=T0), sourced(3)), ("EAST",), "merge.window")
    assert merging.parcels(group, {}, T0)[0].ship_by == T0


many = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["b1", "b2"]), st.sampled_from(["", "cod"]), st.integers(0, 1)),
    min_size=1, max_size=12, unique_by=lambda t: t[0],
)  # fmt: skip


@given(many, st.randoms(use_true_random=False))
def test_grouping_loses_nobody_and_does_not_depend_on_the_order_of_waiting(
    specs: list[tuple[int, str, str, int]], shuffler: random.Random
) -> None:
    fulls = [sourced(n, buyer_key=b, flags=(f,) if f else (), held=h) for n, b, f, h in specs]
    groups, left = grouped(*fulls)
    members = [m.order.order_no for g in groups for m in g.members] + list(left)
    assert sorted(members) == sorted(f.order.order_no for f in fulls)
    for g in groups:
        merging.check(g)
        assert len(g.members) <= LIMITS.max_orders
    shuffled = list(fulls)
    shuffler.shuffle(shuffled)
    again, _ = grouped(*shuffled)
    assert {tuple(n) for n in numbers(again)} == {tuple(n) for n in numbers(groups)}


@given(many)
def test_joining_and_leaving_a_parcel_keeps_pieces_and_money(specs: list[tuple[int, str, str, int]]) -> None:
    fulls = [sourced(n, buyer_key=b) for n, b, _, _ in specs]
    groups, _ = grouped(*fulls)
    for group in groups:
        made = merging.parcels(group, {}, T0)
        for member in group.members:
            lines, members = merging.joined(member, made)
            assert [msgspec.structs.replace(s, parcel_no="") for s in lines] == list(member.ship_lines)
            assert {s.parcel_no for s in lines} == {p.parcel_no for p in made}
            inside = msgspec.structs.replace(member, ship_lines=lines, memberships=members)
            back, over = merging.leaving(inside, {p.parcel_no for p in made})
            assert list(back) == list(member.ship_lines)
            assert over == (Membership(order_no=member.order.order_no, parcel_no=made[0].parcel_no, active=False),)
