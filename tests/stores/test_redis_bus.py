"""The bus contract on a real Redis server's streams, and what only streams have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

import stores
from stores.contracts import Bus
from stores.errors import Unavailable
from stores.redis_bus import KEEP_MS, RedisBus
from tests.servers import redis
from tests.stores.clocks import FixedClock
from tests.stores.contract_bus import BusContract, T, events, keys

pytestmark = pytest.mark.skipif(not redis.found(), reason="redis-server is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    with redis.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def url(server: redis.Server) -> str:
    return server.empty()


@pytest.fixture
def another(url: str) -> Iterator[Callable[..., RedisBus]]:
    """Opens a bus as a further process would."""
    made: list[RedisBus] = []

    def open_(**options: int) -> RedisBus:
        made.append(RedisBus(url, clock=FixedClock(T), **options))
        return made[-1]

    yield open_
    for bus in made:
        bus.close()


class TestRedisBus(BusContract):
    @pytest.fixture
    def bus(self, url: str) -> Iterator[Bus]:
        made = stores.open_bus(url, clock=FixedClock(T))
        yield made
        made.close()


def test_two_of_a_group_share_its_events(another: Callable[..., RedisBus]) -> None:
    one, two = another(), another()
    one.publish(events("created", "a", "b", "c", "d"))
    assert keys(one.take("created", "audit", limit=2)) == ["a", "b"]
    assert keys(two.take("created", "audit", limit=9)) == ["c", "d"]
    assert two.backlog("created", "audit") == 4
    assert keys(one.take("created", "audit", limit=9)) == ["a", "b"]


def test_what_one_took_and_left_comes_to_another_after_a_while(another: Callable[..., RedisBus]) -> None:
    dead, heir = another(), another(idle_ms=1)
    dead.publish(events("created", "a", "b"))
    dead.take("created", "audit", limit=1)
    time.sleep(0.01)
    assert keys(heir.take("created", "audit", limit=9)) == ["a", "b"]


def test_who_closes_with_events_in_hand_leaves_them_to_the_others(another: Callable[..., RedisBus], url: str) -> None:
    gone = RedisBus(url, clock=FixedClock(T))
    gone.publish(events("created", "a"))
    assert keys(gone.take("created", "audit", limit=1)) == ["a"]
    gone.close()
    time.sleep(0.01)
    assert keys(another(idle_ms=1).take("created", "audit", limit=9)) == ["a"]


def test_who_closes_with_empty_hands_leaves_the_group(another: Callable[..., RedisBus], server: redis.Server, url: str) -> None:  # fmt: skip
    gone = RedisBus(url, clock=FixedClock(T))
    gone.publish(events("created", "a"))
    gone.acknowledge("created", "audit", [i for i, _ in gone.take("created", "audit", limit=1)])
    gone.close()
    with server.client() as client:
        assert client.xinfo_consumers("oms:bus:created", "audit") == []


def test_a_server_that_lost_its_streams_starts_them_anew(
    another: Callable[..., RedisBus], server: redis.Server
) -> None:
    bus = another()
    bus.publish(events("created", "a"))
    bus.take("created", "audit", limit=1)
    with server.client() as client:
        client.flushall()
    bus.publish(events("created", "b"))
    assert keys(bus.take("created", "audit", limit=9)) == ["b"]


def test_old_events_are_forgotten_and_what_was_in_hand_of_them_too(
    another: Callable[..., RedisBus], server: redis.Server
) -> None:
    bus = another()
    with server.client() as client:
        # an entry's id is its server's time: this one is as old as events get
        client.xadd("oms:bus:created", {"key": "old", "at": 0}, id=f"{int(T.timestamp() * 1000) - KEEP_MS - 1}-0")
    assert keys(bus.take("created", "audit", limit=9)) == ["old"]
    with server.client() as client:
        client.xtrim("oms:bus:created", minid=int(T.timestamp() * 1000) - KEEP_MS, approximate=False)
    assert bus.take("created", "audit", limit=9) == []
    assert bus.backlog("created", "audit") == 0


def test_who_waits_gets_the_first_event_at_once(another: Callable[..., RedisBus]) -> None:
    bus, teller = another(), another()
    later = threading.Timer(0.1, lambda: teller.publish(events("created", "a")))
    later.start()
    begun = time.monotonic()
    assert keys(bus.take("created", "audit", limit=9, wait_s=9)) == ["a"]
    assert time.monotonic() - begun < 5
    later.join()


def test_a_server_that_is_not_there_is_said_without_its_password() -> None:
    bus = RedisBus("redis://:secret@127.0.0.1:1/0", clock=FixedClock(T))
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1") as told:
        bus.publish(events("created", "a"))
    assert "secret" not in str(told.value)
    bus.close()
