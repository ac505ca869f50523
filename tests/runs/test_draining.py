"""stock drain on a real Redis server: the books, and warehouses that were stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stores
from jobs import draining, reconcile_stock, ship
from jobs.doctor import doctor
from jobs.draining import drain
from jobs.env import Env
from stores.contracts import DrainedStock
from stores.errors import Unavailable
from stores.records import Level, Progress
from tests.factories import open_env
from tests.fulfilment import killed_at, number_of
from tests.laws.market import Office, check_day, office, orders, play, reopened, settle
from tests.servers import redis

pytestmark = pytest.mark.skipif(not redis.found(), reason="redis-server is not installed")

DOCUMENTS = orders(5)
NUMBERS = [number_of(d.platform_order_no) for d in DOCUMENTS]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    """A server that keeps what it is told to save and nothing else: as a replica that lagged, or an AOF without its end."""
    with redis.running(tmp_path_factory.mktemp("redis"), "--appendonly", "no") as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, server: redis.Server) -> Iterator[Office]:
    made = office(tmp_path, stores={"stock": server.url()})
    made.market.sells(*DOCUMENTS)
    yield made
    made.env.close()


def save(server: redis.Server) -> None:
    with server.client() as client:
        client.save()


def crash(o: Office, server: redis.Server) -> None:
    """The server is gone and comes back with what was saved last."""
    server.stop(kill=True)
    server.again()
    with pytest.raises(Unavailable):
        # who was connected notices once; then the warehouse is stopped
        o.env.stock.snapshot()


def on_sql(env: Env) -> list[Level]:
    books = stores.open_stock(env.url("stock_books"), clock=env.clock)
    try:
        return books.levels()
    finally:
        books.close()


def differing(env: Env) -> list[Any]:
    return reconcile_stock.reconcile(env).items


def test_a_drain_takes_the_journal_over_and_a_second_one_finds_nothing(shop: Office) -> None:
    play(shop, "sync", "push", "audit", "source")
    first = drain(shop.env)
    assert first.outcome == "done" and first.counts["drained"] > 5
    assert on_sql(shop.env) == shop.env.stock.levels()
    assert drain(shop.env).counts == {}


def test_with_stock_on_sql_there_is_nothing_to_do(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    assert drain(env).counts == {} and not isinstance(env.stock, DrainedStock)
    env.close()


def test_a_day_on_redis_ends_as_one_on_sql(shop: Office, tmp_path: Path) -> None:
    settle(shop)
    check_day(shop, DOCUMENTS)
    drain(shop.env)
    sql = office(tmp_path / "sql")
    sql.market.sells(*DOCUMENTS)
    settle(sql)
    assert on_sql(shop.env) == shop.env.stock.levels() == sql.env.stock.levels()
    assert differing(shop.env) == []
    sql.env.close()


def test_what_orders_were_granted_in_the_lost_second_is_held_again_before_anything_ships(
    shop: Office, server: redis.Server
) -> None:
    play(shop, "sync", "push", "audit")
    drain(shop.env)
    save(server)
    play(shop, "source")
    before = shop.env.stock.levels()
    assert sum(x.held for x in before) > 0
    crash(shop, server)
    # meanwhile nothing leaves, and nobody else gets the pieces
    play(shop, "merge", "handover", "pack")
    assert ship.ship(shop.env).counts == {"refused": 5}
    told = drain(shop.env)
    assert told.counts["held_again"] == len(NUMBERS) and told.outcome == "partial"
    assert shop.env.stock.levels() == before
    assert [a.kind for a in shop.env.ledger.alerts(open_only=True) if a.kind == "redis_behind"] == ["redis_behind"]
    settle(shop)
    check_day(shop, DOCUMENTS)
    assert differing(shop.env) == []


def test_parcels_that_left_in_the_lost_second_leave_again_on_paper_only(shop: Office, server: redis.Server) -> None:
    play(shop, "sync", "push", "audit", "source", "merge", "handover", "pack")
    drain(shop.env)
    save(server)
    play(shop, "ship")
    before = shop.env.stock.levels()
    crash(shop, server)
    assert drain(shop.env).counts["shipped_again"] == len(NUMBERS)
    assert shop.env.stock.levels() == before
    settle(shop)
    check_day(shop, DOCUMENTS)
    assert differing(shop.env) == []


def test_a_flush_is_made_good_from_the_books(shop: Office, server: redis.Server) -> None:
    play(shop, "sync", "push", "audit", "source")
    drain(shop.env)
    before = shop.env.stock.levels()
    server.empty()
    told = drain(shop.env)
    assert told.counts["behind"] >= 2 and "held_again" not in told.counts
    assert shop.env.stock.levels() == before
    settle(shop)
    check_day(shop, DOCUMENTS)


def test_while_a_warehouse_is_stopped_orders_wait_and_go_on_afterwards(shop: Office, server: redis.Server) -> None:
    play(shop, "sync", "push", "audit")
    drain(shop.env)
    server.empty()
    play(shop, "source")
    assert {h.progress for h in shop.env.orders.heads(NUMBERS).values()} == {Progress.AUDITED}
    drain(shop.env)
    settle(shop)
    check_day(shop, DOCUMENTS)


def test_a_drain_that_was_killed_while_it_mended_is_done_again(
    shop: Office, server: redis.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(shop, "sync", "push", "audit")
    drain(shop.env)
    save(server)
    play(shop, "source")
    before = shop.env.stock.levels()
    crash(shop, server)
    with killed_at("drain.mended", monkeypatch):
        drain(shop.env)
    shop = reopened(shop, stores={"stock": server.url()})
    assert shop.env.stock.levels() == []
    drain(shop.env)
    assert shop.env.stock.levels() == before
    settle(shop)
    check_day(shop, DOCUMENTS)
    shop.env.close()


def test_two_drains_at_once_take_everything_over_once(shop: Office, server: redis.Server) -> None:
    play(shop, "sync", "push", "audit", "source", "merge", "handover", "pack", "ship")
    envs = [reopened(shop, stores={"stock": server.url()}).env for _ in range(2)]
    threads = [threading.Thread(target=draining.drain, args=(env,)) for env in envs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(shop.env)
    assert on_sql(shop.env) == shop.env.stock.levels()
    assert differing(shop.env) == []
    for env in envs:
        env.close()


def test_doctor_names_stopped_warehouses_and_what_is_wrong_with_the_server(shop: Office, server: redis.Server) -> None:
    play(shop, "sync", "push", "audit")
    drain(shop.env)
    rows = {r["name"]: r for r in doctor(shop.env)}
    assert rows["stock in redis"]["ok"]
    assert not rows["server stock durability"]["ok"] and "appendonly yes" in rows["server stock durability"]["hint"]
    server.empty()
    row = next(r for r in doctor(shop.env) if r["name"] == "stock in redis")
    assert not row["ok"] and "EAST" in row["what"] and row["hint"] == "oms stock drain"
