"""Stopping parcels for orders that change or end: at once, by the warehouse's answer, or too late."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import merge, parcel_stop, source, undoing
from jobs.env import Env
from stores.contracts import Change, ParcelChange
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
    put_stock(env, {"EAST": {"SKU-1": 999}, "SOUTH": {"SKU-2": 999}})
    numbers = put_orders(env, *(at_progress(f, Progress.AUDITED) for f in fulls))
    source.source(env)
    env.clock.advance(WINDOW)
    merge.merge(env)
    return numbers


def pair(env: Env) -> list[str]:
    return merged(env, make_full_order(number="1"), make_full_order(number="2"))


def stop(env: Env, *numbers: str) -> dict[str, str]:
    with env.run("order cancel") as run:
        return parcel_stop.stop_for(env, run, numbers, reason="cancel.buyer")


def to(env: Env, parcel: Parcel, state: ParcelState) -> None:
    fresh = env.orders.parcels([parcel.parcel_no])[parcel.parcel_no]
    change = ParcelChange(
        parcel_no=parcel.parcel_no, expect=fresh.version, to=state, reason="test", set={"handover_no": "H1"}
    )
    assert env.orders.apply_parcels([change], run_id="test")[0].ok


def state(env: Env, number: str) -> Progress:
    return env.orders.heads([number])[number].progress


def test_a_planned_parcel_is_undone_and_the_other_order_merges_again_without_it(env: Env) -> None:
    one, two = pair(env)
    assert stop(env, one) == {one: "stopped"}
    assert [state(env, n) for n in (one, two)] == [Progress.SOURCED, Progress.SOURCED]
    assert merge.merge(env).counts == {"merged": 1, "parcels": 1}
    assert [state(env, n) for n in (one, two)] == [Progress.SOURCED, Progress.MERGED]


def test_a_stopped_order_that_nobody_moves_on_ships_after_a_window(env: Env) -> None:
    one, _ = pair(env)
    stop(env, one)
    env.clock.advance(WINDOW)
    merge.merge(env)
    assert state(env, one) == Progress.MERGED


def test_stopping_again_gives_the_same_answer_and_changes_nothing(env: Env) -> None:
    one, _ = pair(env)
    stop(env, one)
    before = list(env.orders.dump())
    assert stop(env, one) == {one: "stopped"}
    assert list(env.orders.dump()) == before


def test_an_order_that_was_in_no_parcel_is_stopped(env: Env) -> None:
    (number,) = put_orders(env, make_full_order())
    assert stop(env, number) == {number: "stopped"}


@pytest.mark.parametrize("there", [ParcelState.HANDED_OVER, ParcelState.LABELLED])
def test_a_warehouse_is_asked_and_an_alert_says_so(env: Env, there: ParcelState) -> None:
    one, two = pair(env)
    (parcel,) = env.orders.find_parcels()
    to(env, parcel, there)
    assert stop(env, one) == {one: "asked"}
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.STOP_ASKED
    assert [state(env, n) for n in (one, two)] == [Progress.MERGED, Progress.MERGED]
    (alert,) = env.ledger.alerts()
    assert (alert.key, alert.facts["warehouse"]) == (f"stop:{parcel.parcel_no}", "EAST")
    assert stop(env, one) == {one: "asked"}
    assert len(env.ledger.alerts()) == 1


def test_what_left_is_too_late(env: Env) -> None:
    one, two = pair(env)
    (parcel,) = env.orders.find_parcels()
    to(env, parcel, ParcelState.SHIPPED)
    assert stop(env, one, two) == {one: "too_late", two: "too_late"}


def test_a_confirmed_stop_puts_the_orders_back_and_ends_the_parcel_stopped(env: Env) -> None:
    one, two = pair(env)
    (parcel,) = env.orders.find_parcels()
    to(env, parcel, ParcelState.HANDED_OVER)
    stop(env, one)
    with env.run("parcel import") as run:
        assert parcel_stop.stopped(env, run, [parcel.parcel_no]) == {parcel.parcel_no}
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.STOPPED
    assert [state(env, n) for n in (one, two)] == [Progress.SOURCED, Progress.SOURCED]
    assert stop(env, one) == {one: "stopped"}


def test_a_parcel_nobody_asked_back_is_not_stopped_by_an_answer(env: Env) -> None:
    one, _ = pair(env)
    (parcel,) = env.orders.find_parcels()
    with env.run("parcel import") as run:
        assert parcel_stop.stopped(env, run, [parcel.parcel_no, "PNONE"]) == set()
    assert state(env, one) == Progress.MERGED


def test_a_split_orders_planned_parcel_is_kept_from_leaving_while_a_warehouse_answers_for_the_other(env: Env) -> None:
    (number,) = merged(env, make_full_order({"SKU-1": 1, "SKU-2": 1}))
    here, there = env.orders.find_parcels()
    to(env, there, ParcelState.HANDED_OVER)
    assert stop(env, number) == {number: "asked"}
    assert {p.state for p in env.orders.find_parcels()} == {ParcelState.STOP_ASKED}
    assert len(env.ledger.alerts()) == 1
    with env.run("parcel import") as run:
        parcel_stop.stopped(env, run, [there.parcel_no])
    assert state(env, number) == Progress.SOURCED
    states = {p.parcel_no: p.state for p in env.orders.find_parcels()}
    assert states == {here.parcel_no: ParcelState.VOID, there.parcel_no: ParcelState.STOPPED}


@pytest.mark.parametrize("name", [undoing.VOIDING, undoing.RETURNED])
def test_a_stop_killed_half_way_is_finished_by_the_next_one(env: Env, name: str) -> None:
    one, two = pair(env)
    with killed_at(name):
        stop(env, one)
    assert stop(env, one) == {one: "stopped"}
    assert [state(env, n) for n in (one, two)] == [Progress.SOURCED, Progress.SOURCED]
    merge.merge(env)
    assert not env.orders.find_parcels(states=[ParcelState.VOIDING, ParcelState.PLANNING])


def test_an_alert_lost_with_its_run_is_told_by_the_next_stop(env: Env) -> None:
    one, _ = pair(env)
    (parcel,) = env.orders.find_parcels()
    to(env, parcel, ParcelState.HANDED_OVER)
    with killed_at(parcel_stop.ASKED):
        stop(env, one)
    assert env.ledger.alerts() == []
    assert stop(env, one) == {one: "asked"}
    assert [a.key for a in env.ledger.alerts()] == [f"stop:{parcel.parcel_no}"]


def test_an_order_cancelled_while_its_parcel_is_undone_keeps_its_own_end(env: Env) -> None:
    one, two = pair(env)

    def cancelled_elsewhere() -> None:
        head = env.orders.heads([two])[two]
        change = Change(order_no=two, expect=head.version, to=Progress.CANCELLED, reason="closed", waiting=())
        env.orders.apply([change], run_id="push")

    with at_gap(undoing.VOIDING, cancelled_elsewhere):
        assert stop(env, one) == {one: "stopped"}
    assert [state(env, n) for n in (one, two)] == [Progress.SOURCED, Progress.CANCELLED]
    assert not any(m.active for m in env.orders.load([two])[two].memberships)
