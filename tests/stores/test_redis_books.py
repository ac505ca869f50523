"""The way from Redis to the SQL books, and back after Redis lost something."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stores
from stores.contracts import DrainedStock
from stores.errors import Stopped
from stores.records import Demand, Level, StockMove
from stores.redis_server import DEMAND
from stores.sql_stock import SqlStock
from tests.servers import redis
from tests.stores.clocks import FixedClock
from tests.stores.contract_stock import ask, books

pytestmark = pytest.mark.skipif(not redis.found(), reason="redis-server is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    with redis.running(tmp_path_factory.mktemp("redis"), "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'books.db'}?lasting=no"


@pytest.fixture
def store(server: redis.Server, clock: FixedClock, url: str) -> Iterator[DrainedStock]:
    yield from opened(server.empty(), clock, url)


@pytest.fixture
def sql(store: DrainedStock, clock: FixedClock, url: str) -> Iterator[SqlStock]:
    made = SqlStock(url, clock=clock)
    yield made
    made.close()


def opened(url: str, clock: FixedClock, books_url: str) -> Iterator[DrainedStock]:
    made = stores.open_stock(url, clock=clock, books=books_url)
    assert isinstance(made, DrainedStock)
    yield made
    made.close()


def fill(store: Any, clock: FixedClock, qty: int = 10, warehouse: str = "W1", sku: str = "A") -> None:
    clock.advance(1)
    move = StockMove(
        key=f"fill:{clock.at}:{warehouse}", kind="adjust", warehouse=warehouse, sku=sku, on_hand=qty, at=clock.at
    )
    assert store.move([move], run_id="r")[0].result == "done"


def a_day(store: Any, clock: FixedClock) -> None:
    """Something of everything, in two warehouses."""
    for warehouse in ("W1", "W2"):
        fill(store, clock, 20, warehouse)
        fill(store, clock, 20, warehouse, "B")
    store.want([Demand(order_no=no, sku="A", qty=2) for no in ("o1", "o2", "o9")])
    store.reserve([ask("o1", 2), ask("o2", 2, warehouse="W2"), ask("o3", 3)], run_id="r")
    store.reserve([ask("o3", 4, attempt=2)], run_id="r")
    store.release([("o2:1", "W2")], run_id="r", to_demand=True)
    store.ship([("P1", "W1", (("o1", "A", 1),))], run_id="r")
    clock.advance(60)
    store.count([("c1", "W2", "B", 7, clock.at)], run_id="r", reason="count")


def state(store: Any) -> dict[str, Any]:
    """What a stock store says, whatever its engine."""
    numbers = [f"o{n}" for n in range(10)]
    return {
        "levels": store.levels(),
        "reservations": store.reservations(numbers),
        "demand": (store.demand(), store.demand_of(numbers)),
        "journal": [e for part in store.journal() for e in part],
    }


def all_mended(store: DrainedStock) -> dict[str, str]:
    found = {}
    for warehouse in store.stopped():
        found[warehouse] = store.mend(warehouse).found
        store.reopen(warehouse)
    return found


# ------------------------------------------------------------------ draining


def test_the_books_say_after_a_drain_what_redis_says(store: DrainedStock, sql: SqlStock, clock: FixedClock) -> None:
    a_day(store, clock)
    before = state(store)
    assert store.drain() == {"W1": 7, "W2": 5, DEMAND: 6}
    assert state(sql) == before == state(store)
    books(sql)


def test_a_drain_may_be_run_again_and_beside_another_one(
    store: DrainedStock, sql: SqlStock, server: redis.Server, clock: FixedClock, url: str
) -> None:
    a_day(store, clock)
    store.reserve([ask(f"n{n}", 0 + 1, sku="B") for n in range(20)], run_id="r")
    others = [next(opened(server.url(), clock, url)) for _ in range(3)]
    threads = [threading.Thread(target=other.drain) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.drain()
    assert sum(store.drain().values()) == 0
    assert state(sql) == state(store)
    books(sql)
    for other in others:
        other.close()


def test_readers_see_one_journal_whatever_was_drained_or_forgotten(
    store: DrainedStock, sql: SqlStock, server: redis.Server, clock: FixedClock
) -> None:
    a_day(store, clock)
    whole = state(store)
    store.drain()
    fill(store, clock, 3)
    middle = [e for part in store.journal(batch=2) for e in part]
    assert middle[:-1] == whole["journal"] and [e.on_hand for e in middle[-1:]] == [3]
    for _ in range(2):
        clock.advance(7200)
        store.drain()
    with server.client() as client:
        assert client.xlen("oms:stock:{W1}:journal") == 0
    assert [e for part in store.journal() for e in part] == middle
    assert [e for part in store.journal(after=middle[3].seq, until=middle[6].seq) for e in part] == middle[4:7]
    books(store)


def test_what_happened_once_does_not_happen_again_after_redis_forgot_it(
    store: DrainedStock, server: redis.Server, clock: FixedClock
) -> None:
    a_day(store, clock)
    store.drain()
    with server.client() as client:
        client.delete("oms:stock:{W1}:played", "oms:stock:{W2}:played")
    levels = store.levels()
    assert store.ship([("P1", "W1", (("o1", "A", 1),))], run_id="r")[0].result == "already"
    assert store.count([("c1", "W2", "B", 7, clock.at)], run_id="r", reason="count")[0].result == "already"
    assert store.levels() == levels


# ------------------------------------------------------------------ epochs


def test_after_a_flush_nothing_is_granted_until_the_books_were_replayed(
    store: DrainedStock, server: redis.Server, clock: FixedClock
) -> None:
    a_day(store, clock)
    before = state(store)
    store.drain()
    server.empty()
    answer = store.reserve([ask("o5", 1)], run_id="r")[0]
    assert (answer.granted, answer.missing) == (False, {"A": 1})
    shipped = store.ship([("P2", "W1", (("o1", "A", 1),))], run_id="r")[0]
    assert (shipped.result, shipped.reason) == ("refused", "warehouse_stopped")
    for write in (
        lambda: store.release([("o1:1", "W1")], run_id="r"),
        lambda: store.want([Demand(order_no="o6", sku="A", qty=1)]),
        lambda: fill(store, clock),
        store.snapshot,
    ):
        with pytest.raises(Stopped) as caught:
            write()
        assert caught.value.exit_code == 29 and caught.value.hint == "oms stock drain"
    assert store.levels() == []
    assert all_mended(store) == {DEMAND: "behind", "W1": "behind", "W2": "behind"}
    assert state(store) == before
    assert store.reserve([ask("o5", 1)], run_id="r")[0].granted
    # what was played before the flush is still played
    assert store.ship([("P1", "W1", (("o1", "A", 1),))], run_id="r")[0].result == "already"
    books(store)
    store.drain()
    assert state(store)["levels"] == store.levels()


def test_one_warehouse_is_stopped_and_the_others_go_on(
    store: DrainedStock, server: redis.Server, clock: FixedClock
) -> None:
    a_day(store, clock)
    store.drain()
    with server.client() as client:
        client.delete(*client.keys("oms:stock:{W1}:*"))
    answers = store.reserve([ask("o5", 1), ask("o5", 1, warehouse="W2")], run_id="r")
    assert [a.granted for a in answers] == [False, True]
    assert {x.warehouse for x in store.levels()} == {"W2"}
    both = [
        StockMove(key="m", kind="adjust", warehouse=w, sku="A", on_hand=1, at=clock.at) for w in ("W1", "W2")
    ]  # fmt: skip
    with pytest.raises(Stopped):
        store.move(both, run_id="r")
    assert store.levels(warehouses=["W2"], skus=["A"])[0].on_hand == 21
    assert all_mended(store) == {"W1": "behind"}
    assert [o.result for o in store.move(both, run_id="r")] == ["done", "already"]
    books(store)


def test_a_process_that_knows_the_old_epoch_goes_on_in_the_new_one(
    store: DrainedStock, server: redis.Server, clock: FixedClock, url: str
) -> None:
    a_day(store, clock)
    other = next(opened(server.url(), clock, url))
    assert other.reserve([ask("o5", 1)], run_id="r")[0].granted
    store.drain()
    server.empty()
    all_mended(store)
    assert other.reserve([ask("o5", 1), ask("o6", 1)], run_id="r")[1].granted
    other.close()
    books(store)


def test_while_one_mends_nobody_else_is_granted_anything(
    store: DrainedStock, server: redis.Server, clock: FixedClock, url: str
) -> None:
    fill(store, clock, 10)
    store.reserve([ask("o1", 6)], run_id="r")
    other = next(opened(server.url(), clock, url))
    other.reserve([ask("o9", 99)], run_id="r")
    server.empty()
    # nothing was drained: the books know no stock at all
    assert store.mend("W1").found == "behind"
    assert not other.reserve([ask("o2", 6)], run_id="r")[0].granted
    fill(store, clock, 10)
    assert store.reserve([ask("o1", 6)], run_id="r")[0].granted
    store.reopen("W1")
    assert not other.reserve([ask("o2", 6)], run_id="r")[0].granted
    assert other.levels() == [Level(warehouse="W1", sku="A", on_hand=10, held=6)]
    other.close()


def test_a_mending_that_was_broken_off_is_begun_again(
    store: DrainedStock, server: redis.Server, clock: FixedClock, url: str
) -> None:
    a_day(store, clock)
    store.drain()
    before = store.levels()
    server.empty()
    broken = next(opened(server.url(), clock, url))
    broken.mend("W1")
    broken.reserve([ask("o5", 2)], run_id="r")
    broken.close()
    assert all_mended(store) == {DEMAND: "behind", "W1": "checked", "W2": "behind"}
    # what it held meanwhile is in the journal, and stays
    assert sum(x.held for x in store.levels()) == sum(x.held for x in before) + 2
    books(store)


# ------------------------------------------------------------------ restarts


def test_a_restart_stops_until_it_was_checked_and_loses_nothing(
    store: DrainedStock, sql: SqlStock, server: redis.Server, clock: FixedClock
) -> None:
    a_day(store, clock)
    before = state(store)
    server.stop(kill=True)
    server.again()
    with pytest.raises(stores.errors.Unavailable):
        store.snapshot()
    assert not store.reserve([ask("o5", 1)], run_id="r")[0].granted
    assert all_mended(store) == {DEMAND: "checked", "W1": "checked", "W2": "checked"}
    assert state(store) == before == state(sql)
    assert store.reserve([ask("o5", 1)], run_id="r")[0].granted


def test_a_last_second_that_only_the_books_have_is_brought_back(
    tmp_path_factory: pytest.TempPathFactory, clock: FixedClock, url: str
) -> None:
    """A copy that ends earlier takes the server's place, as after a failover to a replica that lagged."""
    folder = tmp_path_factory.mktemp("lagging")
    with redis.running(folder, "--appendonly", "no", "--save", "") as server:
        store = next(opened(server.empty(), clock, url))
        a_day(store, clock)
        with server.client() as client:
            client.save()
        store.reserve([ask("o5", 3), ask("o6", 2, warehouse="W2")], run_id="r")
        store.drain()
        before = state(store)
        server.stop(kill=True)
        server.again()
        with pytest.raises(stores.errors.Unavailable):
            store.snapshot()
        assert all_mended(store) == {DEMAND: "checked", "W1": "behind", "W2": "behind"}
        assert state(store) == before
        assert store.reservations(["o5"])["o5"][0].state == "open"
        store.close()


# ------------------------------------------------------------------ growing


def test_a_shop_that_ran_on_sql_goes_on_in_redis_with_the_same_books(
    server: redis.Server, clock: FixedClock, url: str
) -> None:
    old = SqlStock(url, clock=clock)
    a_day(old, clock)
    before = state(old)
    old.close()
    store = next(opened(server.empty(), clock, url))
    # until its stock was taken over nothing is promised
    assert not store.reserve([ask("o5", 1)], run_id="r")[0].granted
    with pytest.raises(Stopped):
        store.unwant(["o9"])
    assert all_mended(store) == {DEMAND: "behind", "W1": "behind"}
    assert [a.granted for a in store.reserve([ask("o5", 1, warehouse="W2")], run_id="r")] == [False]
    assert all_mended(store) == {"W2": "behind"}
    after = state(store)
    assert after == before
    assert store.reserve([ask("o5", 1)], run_id="r")[0].granted
    assert [e.seq for part in store.journal() for e in part][-1] > before["journal"][-1].seq
    store.drain()
    books(store)
    store.close()
