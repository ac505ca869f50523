"""merge undo and merge split: planned parcels come apart in one recorded act, and pieces and money stay what they were."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import merge, orders, source, undoing, unmerge
from jobs.env import Env
from jobs.errors import BadMove, BadRequest, UnknownThing
from stores.contracts import ParcelChange
from stores.records import FullOrder, Parcel, ParcelState, Progress
from tests.factories import at_progress, make_full_order, open_env, put_orders, put_stock
from tests.killing import at_gap, killed_at

WINDOW = 1801


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def merged(env: Env, *fulls: FullOrder) -> list[str]:
    """Orders in planned parcels."""
    put_stock(env, {"EAST": {"SKU-1": 999}, "SOUTH": {"SKU-2": 999}})
    numbers = put_orders(env, *(at_progress(f, Progress.AUDITED) for f in fulls))
    source.source(env)
    env.clock.advance(WINDOW)
    assert merge.merge(env).counts["merged"] == len(fulls)
    return numbers


def three(env: Env) -> tuple[list[str], Parcel]:
    numbers = merged(env, *(make_full_order(number=str(n)) for n in (1, 2, 3)))
    (parcel,) = env.orders.find_parcels()
    return numbers, parcel


def planned(env: Env) -> list[tuple[str, ...]]:
    return sorted(p.members for p in env.orders.find_parcels(states=[ParcelState.PLANNED]))


def handed_over(env: Env, parcel: Parcel) -> None:
    change = ParcelChange(
        parcel_no=parcel.parcel_no,
        expect=parcel.version,
        to=ParcelState.HANDED_OVER,
        reason="handover",
        set={"handover_no": "H1"},
    )
    assert env.orders.apply_parcels([change], run_id="handover")[0].ok


def test_an_undone_merge_puts_every_member_back_with_its_stock_still_held(env: Env) -> None:
    numbers, parcel = three(env)
    before = env.stock.levels()
    result = unmerge.undo(env, [parcel.parcel_no], by="li", reason="address")
    assert result.counts == {"undone": 1}
    for full in env.orders.load(numbers).values():
        assert (full.order.progress, full.order.merge_round) == (Progress.SOURCED, 1)
        assert [m.active for m in full.memberships] == [False]
        assert [(s.parcel_no, s.warehouse) for s in full.ship_lines] == [("", "EAST")]
        step = env.orders.history(full.order.order_no)[-1]
        assert (step.reason, step.run_id) == ("merge.undone", result.run_id)
        assert step.facts == {"parcels": [parcel.parcel_no], "by": "li", "note": "address"}
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.VOID
    assert env.stock.levels() == before
    assert [(a.who, a.act) for a in env.ledger.audit_trail(ref=parcel.parcel_no)] == [("li", "merge_undo")]


def test_undone_orders_wait_a_whole_window_before_they_merge_under_a_new_number(env: Env) -> None:
    _, parcel = three(env)
    env.clock.advance(44 * 3600)  # the latest time to ship presses
    unmerge.undo(env, [parcel.parcel_no], by="li")
    assert merge.merge(env).counts == {}
    env.clock.advance(WINDOW)
    assert merge.merge(env).counts == {"merged": 3, "parcels": 1}
    assert len({p.parcel_no for p in env.orders.find_parcels()}) == 2


@pytest.mark.parametrize("act", ["undo", "split"])
def test_a_parcel_that_a_warehouse_has_is_refused_with_the_command_to_type(env: Env, act: str) -> None:
    numbers, parcel = three(env)
    handed_over(env, parcel)
    with pytest.raises(BadMove, match="handed_over") as caught:
        if act == "undo":
            unmerge.undo(env, [parcel.parcel_no], by="li")
        else:
            unmerge.split(env, parcel.parcel_no, numbers[:1], by="li")
    assert caught.value.hint == f"oms parcel stop {parcel.parcel_no}"
    assert {f.order.progress for f in env.orders.load(numbers).values()} == {Progress.MERGED}


def test_an_unknown_parcel_is_named(env: Env) -> None:
    with pytest.raises(UnknownThing, match="PNONE"):
        unmerge.undo(env, ["PNONE"], by="li")


def test_one_parcel_of_a_split_order_takes_the_other_along(env: Env) -> None:
    (number,) = merged(env, make_full_order({"SKU-1": 1, "SKU-2": 1}))
    one, _ = env.orders.find_parcels()
    unmerge.undo(env, [one.parcel_no], by="li")
    assert {p.state for p in env.orders.find_parcels()} == {ParcelState.VOID}
    assert env.orders.heads([number])[number].progress == Progress.SOURCED


@pytest.mark.parametrize("early", [True, False])
def test_a_split_order_is_kept_whole_when_a_warehouse_has_one_of_its_parcels(env: Env, early: bool) -> None:
    (number,) = merged(env, make_full_order({"SKU-1": 1, "SKU-2": 1}))
    one, two = env.orders.find_parcels()
    if early:
        handed_over(env, two)
        result = unmerge.undo(env, [one.parcel_no], by="li")
    else:
        # The hand-over comes between the look and the decision.
        with at_gap(unmerge.RECORDED, lambda: handed_over(env, two)):
            result = unmerge.undo(env, [one.parcel_no, two.parcel_no], by="li")
    assert result.counts["refused"] >= 1
    states = {p.parcel_no: p.state for p in env.orders.find_parcels()}
    assert states == {one.parcel_no: ParcelState.PLANNED, two.parcel_no: ParcelState.HANDED_OVER}
    full = env.orders.load([number])[number]
    assert (full.order.progress, sum(m.active for m in full.memberships)) == (Progress.MERGED, 2)


def test_a_split_takes_orders_into_parcels_of_their_own(env: Env) -> None:
    numbers, parcel = three(env)
    result = unmerge.split(env, parcel.parcel_no, [numbers[1]], by="li", reason="buyer")
    assert result.counts == {"split": 1, "merged": 2}
    rest = tuple(sorted([numbers[0], numbers[2]]))
    assert planned(env) == sorted([rest, (numbers[1],)])
    assert set(result.facts["parcels"]) == {p.parcel_no for p in env.orders.find_parcels(states=[ParcelState.PLANNED])}
    assert env.orders.history(numbers[1])[-1].facts["alone"] == "merge.split_by_hand"


@pytest.mark.parametrize(("chosen", "says"), [((), "not all"), ((0, 1, 2), "not all")])
def test_a_split_leaves_somebody_and_takes_somebody(env: Env, chosen: tuple[int, ...], says: str) -> None:
    numbers, parcel = three(env)
    with pytest.raises(BadRequest, match=says):
        unmerge.split(env, parcel.parcel_no, [numbers[i] for i in chosen], by="li")
    assert planned(env) == [tuple(sorted(numbers))]


def test_an_order_of_another_parcel_cannot_be_split_off(env: Env) -> None:
    _, parcel = three(env)
    (other,) = put_orders(env, make_full_order(number="9"))
    with pytest.raises(BadRequest, match=other):
        unmerge.split(env, parcel.parcel_no, [other], by="li")


@pytest.mark.parametrize("name", [undoing.VOIDING, undoing.RETURNED, unmerge.APART])
def test_a_split_that_was_killed_still_ends_apart(env: Env, name: str) -> None:
    numbers, parcel = three(env)
    with killed_at(name):
        unmerge.split(env, parcel.parcel_no, [numbers[1]], by="li")
    merge.merge(env)
    merge.merge(env)
    assert sorted(no for members in planned(env) for no in members) == sorted(numbers)
    if name != undoing.VOIDING:  # nobody had been told of the split yet
        assert (numbers[1],) in planned(env)


@pytest.mark.parametrize("name", [undoing.VOIDING, undoing.RETURNED])
def test_an_undo_that_was_killed_is_finished_by_the_next_merge_run(env: Env, name: str) -> None:
    numbers, parcel = three(env)
    with killed_at(name):
        unmerge.undo(env, [parcel.parcel_no], by="li")
    merge.merge(env)
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.VOID
    env.clock.advance(WINDOW)
    merge.merge(env)
    assert planned(env) == [tuple(sorted(numbers))]


def test_a_held_member_stays_behind_when_a_split_makes_the_new_parcels(env: Env) -> None:
    numbers, parcel = three(env)
    orders.hold(env, [numbers[0]], by="li")
    unmerge.split(env, parcel.parcel_no, [numbers[1]], by="li")
    assert planned(env) == sorted([(numbers[1],), (numbers[2],)])
    assert env.orders.heads(numbers)[numbers[0]].progress == Progress.SOURCED


acts = st.lists(
    st.tuples(st.sampled_from(["undo", "split", "merge", "hold", "release"]), st.integers(0, 5)), max_size=8
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts)
def test_whatever_is_merged_undone_and_split_pieces_and_money_stay(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    env = open_env(tmp_path_factory.mktemp("acts"))
    numbers = merged(
        env, *(make_full_order({"SKU-1": n}, number=str(n), merge_key=f"k{n % 2}") for n in range(1, 6)),
        make_full_order({"SKU-1": 1, "SKU-2": 1}, number="6"),
    )  # fmt: skip

    def kept() -> list[tuple[object, ...]]:
        fulls = env.orders.load(numbers).values()
        return [(s.order_no, s.ship_no, s.sku, s.qty, s.value_minor, s.warehouse) for f in fulls for s in f.ship_lines]

    before, levels = kept(), env.stock.levels()
    for act, n in acts:
        number = numbers[n]
        mine = env.orders.find_parcels(states=[ParcelState.PLANNED], order_no=number)
        if act == "undo" and mine:
            unmerge.undo(env, [mine[0].parcel_no], by="li")
        elif act == "split" and mine and number in mine[0].members and len(mine[0].members) > 1:
            unmerge.split(env, mine[0].parcel_no, [number], by="li")
        elif act == "hold":
            orders.hold(env, [number], by="li")
        elif act == "release":
            orders.release(env, [number], by="li")
        else:
            env.clock.advance(WINDOW)
            merge.merge(env)
        assert (kept(), env.stock.levels()) == (before, levels)
        assert env.orders.find_parcels(states=[ParcelState.PLANNING, ParcelState.VOIDING]) == []
        inside: dict[str, set[str]] = {}
        for full in env.orders.load(numbers).values():
            active = {m.parcel_no for m in full.memberships if m.active}
            assert bool(active) == (full.order.progress == Progress.MERGED)
            assert {s.parcel_no for s in full.ship_lines} == (active or {""})
            for parcel in active:
                inside.setdefault(parcel, set()).add(full.order.order_no)
        assert inside == {p.parcel_no: set(p.members) for p in env.orders.find_parcels(states=[ParcelState.PLANNED])}
    env.close()
