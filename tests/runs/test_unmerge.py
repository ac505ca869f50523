"""merge undo, merge split and stops: nothing is lost on the way back, wherever it is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import merge, parcel_stop, unmerge
from jobs.env import Env
from jobs.errors import BadMove, BadRequest, UnknownThing
from stores.records import ParcelState, Progress
from tests.factories import open_env
from tests.killing import killed_at
from tests.parcels import SPLIT, audited, check_whole, groups, live, progress, sourced, state, to_state


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path, sourcing={"split_min_minor": 1})
    yield made
    made.close()


def test_undone_orders_wait_a_whole_window_and_get_a_new_parcel(env: Env) -> None:
    numbers = sourced(env, audited(1), audited(2))
    merge.merge(env)
    [old] = live(env)
    result = unmerge.undo(env, [old.parcel_no], by="lin", reason="address")
    assert result.counts == {"undone": 1}
    assert (state(env, old), progress(env, numbers)) == (ParcelState.VOID, {Progress.SOURCED})
    check_whole(env, numbers)
    merge.merge(env)
    assert live(env) == []
    env.clock.advance(env.settings.merge.window)
    merge.merge(env)
    assert [p.members for p in live(env)] == [old.members]
    assert live(env)[0].parcel_no != old.parcel_no
    assert env.ledger.audit_trail(ref=old.parcel_no)[0].who == "lin"


@pytest.mark.parametrize("gap", ["unmerge.recorded", "merge.voiding", "merge.returned"])
def test_an_undo_killed_at_a_gap_is_undone_by_typing_it_again(env: Env, gap: str) -> None:
    numbers = sourced(env, audited(1), audited(2))
    merge.merge(env)
    [old] = live(env)
    with killed_at(gap):
        unmerge.undo(env, [old.parcel_no], by="lin")
    unmerge.undo(env, [old.parcel_no], by="lin")
    assert (state(env, old), progress(env, numbers)) == (ParcelState.VOID, {Progress.SOURCED})
    merge.merge(env)
    assert live(env) == []
    check_whole(env, numbers)


@pytest.mark.parametrize("gap", ["merge.voiding", "merge.returned"])
def test_an_undo_killed_at_a_gap_is_finished_by_the_next_merge_run(env: Env, gap: str) -> None:
    numbers = sourced(env, audited(1), audited(2))
    merge.merge(env)
    [old] = live(env)
    with killed_at(gap):
        unmerge.undo(env, [old.parcel_no], by="lin")
    merge.merge(env)
    assert state(env, old) == ParcelState.VOID
    env.clock.advance(env.settings.merge.window)
    merge.merge(env)
    check_whole(env, numbers)
    assert progress(env, numbers) == {Progress.MERGED}


def test_the_parcels_of_a_split_order_are_undone_together(env: Env) -> None:
    numbers = sourced(env, audited(1, skus=SPLIT))
    merge.merge(env)
    unmerge.undo(env, [live(env)[0].parcel_no], by="lin")
    assert live(env) == []
    check_whole(env, numbers)


def test_what_a_warehouse_has_is_not_undone(env: Env) -> None:
    sourced(env, audited(1))
    merge.merge(env)
    [parcel] = live(env)
    to_state(env, parcel, ParcelState.HANDED_OVER)
    with pytest.raises(BadMove):
        unmerge.undo(env, [parcel.parcel_no], by="lin")
    with pytest.raises(UnknownThing):
        unmerge.undo(env, ["P-NO-SUCH"], by="lin")
    assert state(env, parcel) == ParcelState.HANDED_OVER


# ------------------------------------------------------------------ split


@pytest.mark.parametrize("gap", ["", "merge.returned", "unmerge.apart", "merge.intended", "merge.joined"])
def test_orders_taken_out_get_parcels_of_their_own_whatever_is_killed(env: Env, gap: str) -> None:
    a, b, c = sourced(env, audited(1), audited(2), audited(3))
    merge.merge(env)
    [old] = live(env)
    if gap:
        with killed_at(gap):
            unmerge.split(env, old.parcel_no, [a], by="lin")
        merge.merge(env)
    else:
        unmerge.split(env, old.parcel_no, [a], by="lin")
    assert groups(env) == sorted([(a,), tuple(sorted([b, c]))])
    check_whole(env, [a, b, c])


def test_a_split_that_names_nobody_all_or_strangers_is_refused(env: Env) -> None:
    a, b, c = sourced(env, audited(1), audited(2), audited(3, merge_key="key-2"))
    merge.merge(env)
    old = next(p for p in live(env) if len(p.members) == 2)
    for wrong in ([a, b], [c]):
        with pytest.raises(BadRequest):
            unmerge.split(env, old.parcel_no, wrong, by="lin")
    assert state(env, old) == ParcelState.PLANNED


# ------------------------------------------------------------------ stops


@pytest.mark.parametrize("gap", ["", "merge.voiding", "merge.returned"])
def test_a_planned_parcel_stops_at_once_and_the_others_are_merged_again(env: Env, gap: str) -> None:
    a, b = sourced(env, audited(1), audited(2))
    merge.merge(env)
    with env.run("test") as run:
        if gap:
            with killed_at(gap):
                parcel_stop.stop_for(env, run, [a], reason="test")
        assert parcel_stop.stop_for(env, run, [a], reason="test") == {a: "stopped"}
    assert progress(env, [a, b]) == {Progress.SOURCED}
    merge.merge(env)
    assert (b,) in groups(env)
    check_whole(env, [a, b])


def test_a_warehouse_is_asked_once_and_its_word_brings_the_orders_back(env: Env) -> None:
    a, b = sourced(env, audited(1), audited(2))
    merge.merge(env)
    [parcel] = live(env)
    to_state(env, parcel, ParcelState.HANDED_OVER, ParcelState.LABELLED)
    with env.run("test") as run:
        with killed_at("stop.asked"):
            parcel_stop.stop_for(env, run, [a], reason="test")
        for _ in range(2):
            assert parcel_stop.stop_for(env, run, [a], reason="test") == {a: "asked"}
        assert len(env.ledger.alerts()) == 1
        assert state(env, parcel) == ParcelState.STOP_ASKED
        assert parcel_stop.stopped(env, run, [parcel.parcel_no]) == {parcel.parcel_no}
        assert parcel_stop.stop_for(env, run, [a, b], reason="test") == {a: "stopped", b: "stopped"}
    assert (state(env, parcel), progress(env, [a, b])) == (ParcelState.STOPPED, {Progress.SOURCED})
    check_whole(env, [a, b])


def test_what_has_left_is_too_late_to_stop(env: Env) -> None:
    [a] = sourced(env, audited(1))
    merge.merge(env)
    to_state(env, live(env)[0], ParcelState.HANDED_OVER, ParcelState.LABELLED, ParcelState.SHIPPED)
    with env.run("test") as run:
        assert parcel_stop.stop_for(env, run, [a], reason="test") == {a: "too_late"}


def test_a_split_order_stops_when_its_last_parcel_does(env: Env) -> None:
    [a] = sourced(env, audited(1, skus=SPLIT))
    merge.merge(env)
    there, here = live(env)
    to_state(env, there, ParcelState.HANDED_OVER)
    with env.run("test") as run:
        assert parcel_stop.stop_for(env, run, [a], reason="test") == {a: "asked"}
        assert progress(env, [a]) == {Progress.MERGED}
        parcel_stop.stopped(env, run, [there.parcel_no])
        assert parcel_stop.stop_for(env, run, [a], reason="test") == {a: "stopped"}
    assert (state(env, there), state(env, here)) == (ParcelState.STOPPED, ParcelState.VOID)
    assert progress(env, [a]) == {Progress.SOURCED}
    check_whole(env, [a])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["merge", "undo", "split", "stop", "wait"]), max_size=6),
    st.lists(st.sampled_from(["key-1", "key-2", ""]), min_size=2, max_size=5),
)
def test_whatever_is_merged_and_undone_in_any_order_keeps_pieces_and_stock(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], keys: list[str]
) -> None:
    env = open_env(tmp_path_factory.mktemp("office"))
    try:
        numbers = sourced(env, *(audited(n, merge_key=key) for n, key in enumerate(keys)))
        for act in acts:
            parcels = live(env)
            if act == "merge":
                merge.merge(env)
            elif act == "wait":
                env.clock.advance(env.settings.merge.window + 1)
            elif act == "undo" and parcels:
                unmerge.undo(env, [parcels[0].parcel_no], by="lin")
            elif act == "split" and any(len(p.members) > 1 for p in parcels):
                shared = next(p for p in parcels if len(p.members) > 1)
                unmerge.split(env, shared.parcel_no, shared.members[:1], by="lin")
            elif act == "stop":
                with env.run("test") as run:
                    parcel_stop.stop_for(env, run, numbers[:1], reason="test")
            check_whole(env, numbers)
        assert sum(level.held for level in env.stock.levels()) == 2 * len(numbers)
    finally:
        env.close()
