"""Sourcing and repairs killed in their gaps: nothing stays held for nobody, and a repair is carried out once."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobs import reconcile_stock, repairing_stock, reserving, source
from jobs.env import Env
from stores.contracts import Change
from stores.records import Progress
from tests.factories import at_progress, make_full_order, open_env, put_orders, put_stock
from tests.killing import at_gap, killed_at

PAST = 61.0


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path / "office")
    put_stock(made, {"EAST": {"SKU-1": 5}})
    yield made
    made.close()


def audited(env: Env) -> str:
    return put_orders(env, at_progress(make_full_order({"SKU-1": 2}, number="1"), Progress.AUDITED))[0]


def held(env: Env) -> list[int]:
    return [x.held for x in env.stock.levels()]


def sent_back(env: Env, number: str) -> None:
    """A change of the platform takes the order back while its stock is being held."""
    version = env.orders.heads([number])[number].version
    back = Change(
        order_no=number, expect=version, to=Progress.CREATED, reason="platform.address", set={"intent": ()}, waiting=()
    )
    assert env.orders.apply([back], run_id="push")[0].ok


def lost(env: Env) -> str:
    """An order that was moved on by somebody else after its stock was held, by a run that died then."""
    number = audited(env)
    with killed_at(reserving.LOST), at_gap(reserving.RESERVED, lambda: sent_back(env, number)):
        source.source(env)
    assert held(env) == [2]
    env.clock.advance(PAST)
    return number


def test_stock_of_an_order_that_was_lost_is_given_back_when_the_order_comes_again(env: Env) -> None:
    number = lost(env)
    version = env.orders.heads([number])[number].version
    assert env.orders.apply(
        [Change(order_no=number, expect=version, to=Progress.AUDITED, reason="audit.passed")], run_id="audit"
    )[0].ok
    assert source.source(env).counts == {"sourced": 1}
    assert held(env) == [2]
    open_ones = [r for r in env.stock.reservations([number])[number] if r.state == "open"]
    assert [r.attempt for r in open_ones] == [2]


def test_stock_of_an_order_that_was_lost_and_never_comes_again_is_found_and_given_back(
    env: Env, tmp_path: Path
) -> None:
    number = lost(env)
    found = repaired(env, tmp_path / "first.json")
    assert any(number in ref for _, ref in found)
    assert held(env) == [0]
    # what it gave back was not counted as wanted while it was held
    assert repaired(env, tmp_path / "second.json") == [("demand_differs", number)]
    assert env.stock.demand() == {"SKU-1": 2}
    assert reconcile_stock.reconcile(env).items == []


def repaired(env: Env, plan: Path) -> list[tuple[str, str]]:
    """Compare, and repair what a plan can; what was found."""
    found = reconcile_stock.reconcile(env, plan_out=plan)
    reconcile_stock.reconcile(env, apply=plan, by="li")
    return [(i.reason, i.ref) for i in found.items]


def short_of_stock(env: Env) -> str:
    """A sourced order of which the stock store holds only one of two reservations."""
    put_stock(env, {"SOUTH": {"SKU-2": 5}})
    full = at_progress(make_full_order({"SKU-1": 2, "SKU-2": 1}, number="1"), Progress.AUDITED)
    (number,) = put_orders(env, full)
    source.source(env)
    assert env.orders.heads([number])[number].progress == Progress.SOURCED
    with closing(sqlite3.connect(env.data / "stock.db")) as c:
        c.execute("DELETE FROM reservations WHERE warehouse = 'EAST'")
        c.commit()
    return number


@pytest.mark.parametrize("gap", [repairing_stock.FREED, repairing_stock.BACK])
def test_a_repair_killed_in_a_gap_ends_like_one_that_was_not(env: Env, tmp_path: Path, gap: str) -> None:
    number = short_of_stock(env)
    plan = tmp_path / "plan.json"
    reconcile_stock.reconcile(env, plan_out=plan)
    shutil.copytree(env.root, tmp_path / "whole")
    whole = open_env(tmp_path / "whole")
    reconcile_stock.reconcile(whole, apply=plan, by="li")
    with killed_at(gap):
        reconcile_stock.reconcile(env, apply=plan, by="li")
    env.clock.advance(PAST)
    again = tmp_path / "again.json"
    reconcile_stock.reconcile(env, plan_out=again)
    reconcile_stock.reconcile(env, apply=again, by="li")
    for office in (env, whole):
        source.source(office)
        head = office.orders.heads([number])[number]
        assert (head.progress, office.stock.demand()) == (Progress.SOURCED, {})
        assert reconcile_stock.reconcile(office).items == []
    assert env.stock.levels() == whole.stock.levels()
    whole.close()
