"""order expire: only unpaid orders of our own are closed, each by its task."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import expire, orders
from jobs.env import Env
from stores.records import Progress, Task
from tests.factories import T0, make_full_order, open_env, put_orders
from tests.fulfilment import killed_at


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


def test_an_own_order_expires_without_anybody_having_made_its_task(env: Env) -> None:
    no = order(env, "1", ordered_at=T0 - timedelta(seconds=env.settings.expire.after - 60))
    assert expire.expire(env).counts == {}
    env.clock.advance(61)
    assert expire.expire(env).counts == {"cancelled": 1}
    assert env.orders.heads([no])[no].progress == Progress.CANCELLED


def test_a_held_order_does_not_expire_before_its_release(env: Env) -> None:
    no = order(env, "1")
    orders.hold(env, [no], by="li")
    assert expire.expire(env).counts == {"waiting": 1}
    orders.release(env, [no], by="li")
    env.clock.advance(expire.LEASE_S + 1)
    assert expire.expire(env).counts == {"cancelled": 1}


def test_an_expiry_killed_in_its_gap_ends_after_the_lease(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    no = order(env, "1")
    with killed_at(expire.CLOSED, monkeypatch):
        expire.expire(env)
    env.clock.advance(expire.LEASE_S + 1)
    assert expire.expire(env).counts == {"void": 1}
    assert [s.reason for s in env.orders.history(no)] == ["pushed", "expired"]


def test_a_hold_with_an_end_is_released_when_it_has_passed(env: Env) -> None:
    from tests.fulfilment import FakePlatform, document, install, number_of, pull

    pull(env, install(env, FakePlatform()), document("1"), document("2"))
    orders.hold(env, [number_of("1")], by="li", until=env.clock.now() + timedelta(hours=1))
    orders.hold(env, [number_of("2")], by="li")
    assert expire.expire(env).counts == {}
    env.clock.advance(3601)
    assert [i.ref for i in expire.expire(env, dry_run=True).items] == [number_of("1")]
    assert expire.expire(env).counts == {"released": 1}
    heads = env.orders.heads([number_of("1"), number_of("2")])
    assert [heads[number_of(n)].held for n in ("1", "2")] == [0, 1]
    assert env.orders.history(number_of("1"))[-1].reason == "hold.ended"
