"""What changed between a kill and the next run decides: an old intent never puts an order where it does not belong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import merge, unmerge
from jobs.env import Env
from stores.records import Hold, ParcelState, Progress
from tests.factories import T0, open_env
from tests.killing import killed_at
from tests.parcels import audited, change, check_whole, groups, live, sourced


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path, sourcing={"split_min_minor": 1})
    yield made
    made.close()


@pytest.mark.parametrize("gap", ["merge.intended", "merge.joined"])
def test_nothing_changed_means_the_same_parcels(env: Env, gap: str) -> None:
    numbers = sourced(env, audited(1), audited(2), audited(3, skus={"A": 1, "B": 1}))
    planned = sorted(i.ref for i in merge.merge(env, dry_run=True).items)
    with killed_at(gap):
        merge.merge(env)
    merge.merge(env)
    assert sorted(p.parcel_no for p in live(env)) == planned
    check_whole(env, numbers)


@pytest.mark.parametrize(
    "parts",
    [
        {"set": {"merge_key": "key-2"}},
        {"set": {"buyer_key": "buyer-2"}},
        {"set": {"flags": ("cod",)}},
        {"hold": (Hold(order_no="", code="by_hand", since=T0),)},
        {"to": Progress.CANCELLED, "waiting": ()},
    ],
    ids=["address", "buyer", "flag", "held", "cancelled"],
)
def test_an_order_that_changed_after_the_kill_never_gets_into_the_parcel(env: Env, parts: dict[str, Any]) -> None:
    a, b = sourced(env, audited(1), audited(2))
    with killed_at("merge.intended"):
        merge.merge(env)
    if "hold" in parts:
        parts = {"hold": (Hold(order_no=b, code="by_hand", since=T0),)}
    change(env, b, **parts)
    merge.merge(env)
    merge.merge(env)
    assert (a,) in groups(env)
    assert all(g == (b,) for g in groups(env) if b in g)
    assert {p.state for p in env.orders.find_parcels()} <= {ParcelState.VOID, ParcelState.PLANNED}


def test_an_address_that_changed_before_the_parcel_was_planned_undoes_it(env: Env) -> None:
    a, b = sourced(env, audited(1), audited(2))
    with killed_at("merge.joined"):
        merge.merge(env)
    change(env, b, set={"merge_key": "key-2"})
    merge.merge(env)
    merge.merge(env)
    assert groups(env) == sorted([(a,), (b,)])
    check_whole(env, [a, b])


@pytest.mark.parametrize("empty", [{"merge_key": ""}, {"buyer_key": ""}], ids=["no key", "no buyer"])
def test_orders_of_nobody_known_never_share_a_parcel(env: Env, empty: dict[str, Any]) -> None:
    a, b = sourced(env, audited(1, **empty), audited(2, **empty))
    merge.merge(env)
    assert groups(env) == sorted([(a,), (b,)])


@pytest.mark.parametrize("gap", ["merge.returned", "unmerge.apart", "merge.intended", "merge.joined"])
def test_orders_taken_out_by_hand_stay_apart_when_the_split_was_killed(env: Env, gap: str) -> None:
    a, b, c = sourced(env, audited(1), audited(2), audited(3))
    merge.merge(env)
    [old] = live(env)
    with killed_at(gap):
        unmerge.split(env, old.parcel_no, [a], by="lin")
    merge.merge(env)
    assert groups(env) == sorted([(a,), tuple(sorted([b, c]))])
    check_whole(env, [a, b, c])


def test_an_undo_killed_at_its_end_still_leaves_the_window_to_a_person(env: Env) -> None:
    numbers = sourced(env, audited(1), audited(2))
    merge.merge(env)
    [old] = live(env)
    with killed_at("merge.returned"):
        unmerge.undo(env, [old.parcel_no], by="lin")
    merge.merge(env)
    assert live(env) == []
    env.clock.advance(env.settings.merge.window)
    merge.merge(env)
    assert [p.members for p in live(env)] == [old.members]
    check_whole(env, numbers)
