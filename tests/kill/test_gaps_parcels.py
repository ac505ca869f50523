"""merge undo and merge split killed between the audit trail and the first mark: typed again, they happen once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import merge, source, unmerge
from jobs.env import Env
from stores.records import ParcelState, Progress
from tests.factories import at_progress, make_full_order, open_env, put_orders, put_stock
from tests.killing import killed_at


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def merged(env: Env) -> tuple[list[str], str]:
    """Three orders in one planned parcel."""
    put_stock(env, {"EAST": {"SKU-1": 99}})
    fulls = [at_progress(make_full_order(number=str(n)), Progress.AUDITED) for n in (1, 2, 3)]
    numbers = put_orders(env, *fulls)
    source.source(env)
    env.clock.advance(env.settings.merge.window + 1)
    merge.merge(env)
    (parcel,) = env.orders.find_parcels()
    return numbers, parcel.parcel_no


def members(env: Env) -> list[tuple[str, ...]]:
    return sorted(p.members for p in env.orders.find_parcels(states=[ParcelState.PLANNED]))


@pytest.mark.parametrize("act", ["undo", "split"])
def test_an_act_killed_when_it_was_only_recorded_changed_nothing(env: Env, act: str) -> None:
    numbers, parcel = merged(env)
    with killed_at(unmerge.RECORDED):
        if act == "undo":
            unmerge.undo(env, [parcel], by="li")
        else:
            unmerge.split(env, parcel, numbers[:1], by="li")
    assert members(env) == [tuple(sorted(numbers))]
    assert {f.order.progress for f in env.orders.load(numbers).values()} == {Progress.MERGED}
    env.clock.advance(env.settings.merge.window + 1)
    assert merge.merge(env).counts == {}


def test_an_undo_typed_again_after_its_kill_happens_once(env: Env) -> None:
    numbers, parcel = merged(env)
    with killed_at(unmerge.RECORDED):
        unmerge.undo(env, [parcel], by="li")
    assert unmerge.undo(env, [parcel], by="li").counts == {"undone": 1}
    assert members(env) == []
    assert {f.order.progress for f in env.orders.load(numbers).values()} == {Progress.SOURCED}
    assert [s.reason for s in env.orders.history(numbers[0])].count("merge.undone") == 1
    assert [a.act for a in env.ledger.audit_trail(ref=parcel)] == ["merge_undo", "merge_undo"]


def test_a_split_typed_again_after_its_kill_happens_once(env: Env) -> None:
    numbers, parcel = merged(env)
    with killed_at(unmerge.RECORDED):
        unmerge.split(env, parcel, numbers[:1], by="li")
    unmerge.split(env, parcel, numbers[:1], by="li")
    assert members(env) == sorted([(numbers[0],), tuple(sorted(numbers[1:]))])
    assert [x.held for x in env.stock.levels()] == [6]
