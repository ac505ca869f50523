"""order expire: only unpaid orders of our own are closed, each by its task."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import expire
from jobs.env import Env
from stores.records import Progress, Task
from tests.factories import T0, make_full_order, open_env, put_orders


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


def task(env: Env, no: str, seconds: float = 0) -> None:
    env.ledger.add_tasks([Task(key=f"expire:{no}", kind=expire.KIND, ref=no, due_at=T0 + timedelta(seconds=seconds))])


def order(env: Env, number: str, **changes: Any) -> str:
    given = {"platform": "own", "progress": Progress.UNPAID, "ordered_at": T0 - timedelta(hours=1), **changes}
    return put_orders(env, make_full_order(number=number, **given))[0]


def test_due_unpaid_own_orders_are_cancelled_and_the_others_lose_their_task(env: Env) -> None:
    due, later = order(env, "1"), order(env, "2")
    paid, foreign = order(env, "3", progress=Progress.CREATED), order(env, "4", platform="taobao")
    for no in (due, paid, foreign, "NOBODY"):
        task(env, no)
    task(env, later, 60)
    assert expire.expire(env).counts == {"cancelled": 1, "void": 3}
    heads = env.orders.heads([due, later, paid, foreign])
    assert [heads[n].progress for n in (due, later, paid, foreign)] == ["cancelled", "unpaid", "created", "unpaid"]
    assert env.orders.history(due)[-1].reason == "expired"
    env.clock.advance(61)
    assert expire.expire(env).counts == {"cancelled": 1}
    assert expire.expire(env).counts == {}


def test_a_dry_run_names_old_unpaid_own_orders_and_takes_no_task(env: Env) -> None:
    due = order(env, "1")
    order(env, "2", ordered_at=T0)
    order(env, "4", platform="taobao")
    task(env, due)
    assert [i.ref for i in expire.expire(env, dry_run=True).items] == [due]
    assert expire.expire(env, limit=1).counts == {"cancelled": 1}
