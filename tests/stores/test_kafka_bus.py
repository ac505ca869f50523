"""The bus contract on a real Kafka broker, and what only partitions have."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

import stores
from stores.checking import check
from stores.contracts import Bus, Event
from stores.errors import Unavailable
from tests.servers import kafka
from tests.stores.clocks import FixedClock
from tests.stores.contract_bus import BusContract, T, events, keys

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not kafka.found(), reason="java or the broker's jars are not here: make test-servers"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka.Server]:
    with kafka.running(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def url(server: kafka.Server) -> str:
    """Topics of its own for each test."""
    return server.url(f"t{secrets.token_hex(4)}.")


@pytest.fixture
def another(url: str) -> Iterator[Callable[[], Bus]]:
    """Opens a bus as a further process would."""
    made: list[Bus] = []

    def open_() -> Bus:
        made.append(stores.open_bus(url, clock=FixedClock(T)))
        return made[-1]

    yield open_
    for bus in made:
        bus.close()


def topics(url: str, name: str, partitions: int) -> None:
    """Make a topic, or let it grow, as an administrator does."""
    from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

    host, _, prefix = url.removeprefix("kafka://").partition("/")
    admin = AdminClient({"bootstrap.servers": host})
    there = prefix + name in admin.list_topics(timeout=10).topics
    asked = (
        admin.create_partitions([NewPartitions(prefix + name, partitions)])
        if there
        else admin.create_topics([NewTopic(prefix + name, partitions, 1)])
    )
    for done in asked.values():
        done.result(10)


def drained(bus: Bus, topic: str, group: str, n: int) -> list[str]:
    """Takes and acknowledges until so many came."""
    got: list[str] = []
    end = time.monotonic() + 40
    while len(got) < n and time.monotonic() < end:
        taken = bus.take(topic, group, limit=100, wait_s=0.5)
        got += keys(taken)
        bus.acknowledge(topic, group, [i for i, _ in taken])
    return got


class TestKafkaBus(BusContract):
    @pytest.fixture
    def bus(self, url: str) -> Iterator[Bus]:
        made = stores.open_bus(url, clock=FixedClock(T))
        yield made
        made.close()


def test_events_of_one_key_come_in_their_order(another: Callable[[], Bus], url: str) -> None:
    topics(url, "created", 4)
    bus = another()
    told = [Event(topic="created", key=key, at=T + timedelta(seconds=n)) for n in range(5) for key in "abcdefgh"]
    bus.publish(told)
    got: list[Event] = []
    while len(got) < len(told) and (taken := bus.take("created", "audit", limit=7, wait_s=5)):
        got += [event for _, event in taken]
        bus.acknowledge("created", "audit", [i for i, _ in taken])
    assert sorted(got, key=lambda e: (e.key, e.at)) == sorted(told, key=lambda e: (e.key, e.at))
    for key in "abcdefgh":
        assert [e.at for e in got if e.key == key] == [e.at for e in told if e.key == key]


def test_two_of_a_group_share_the_partitions(another: Callable[[], Bus], url: str) -> None:
    topics(url, "created", 4)
    one, two = another(), another()
    names = [f"k{n}" for n in range(200)]
    mine: list[str] = []
    thread = threading.Thread(target=lambda: mine.extend(joined(one)))
    thread.start()
    assert two.take("created", "audit", limit=1, wait_s=8) == []
    thread.join(60)
    another().publish(events("created", *names))
    first = drained(one, "created", "audit", 1)
    second = drained(two, "created", "audit", 1)
    rest = [k for bus in (one, two, one, two) for k in drained_once(bus)]
    assert sorted(first + second + rest) == sorted(names)
    assert first and second


def joined(bus: Bus) -> list[str]:
    """Stays in the group while another comes."""
    return [key for _ in range(20) for key in keys(bus.take("created", "audit", limit=1, wait_s=0.4))]


def drained_once(bus: Bus) -> list[str]:
    taken = bus.take("created", "audit", limit=500, wait_s=0.5)
    bus.acknowledge("created", "audit", [i for i, _ in taken])
    return keys(taken)


def test_what_a_member_left_open_comes_to_the_next_one(another: Callable[[], Bus], url: str) -> None:
    gone = stores.open_bus(url, clock=FixedClock(T))
    gone.publish(events("created", "a", "b", "c"))
    taken = gone.take("created", "audit", limit=3)
    gone.acknowledge("created", "audit", [taken[0][0]])
    gone.close()
    assert keys(another().take("created", "audit", limit=9)) == ["b", "c"]


def test_a_topic_that_grows_loses_nothing(another: Callable[[], Bus], url: str) -> None:
    topics(url, "created", 1)
    bus = another()
    bus.publish(events("created", *[f"a{n}" for n in range(50)]))
    got = drained(bus, "created", "audit", 20)
    topics(url, "created", 8)
    later = another()
    later.publish(events("created", *[f"b{n}" for n in range(50)]))
    got += drained(bus, "created", "audit", 100 - len(got))
    assert sorted(got) == sorted([f"{x}{n}" for x in "ab" for n in range(50)])
    assert bus.backlog("created", "audit") == 0


def test_a_broker_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import stores.kafka_bus

    monkeypatch.setattr(stores.kafka_bus, "TIMEOUT_S", 0.3)
    bus = stores.open_bus("kafka://127.0.0.1:1", clock=FixedClock(T))
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        bus.publish(events("created", "a"))
    bus.close()


def test_doctor_names_the_topics_that_are_missing(url: str) -> None:
    topics(url, "order.created", 1)
    [found] = check("bus", url, topics=["order.created", "order.audited"])
    assert not found.ok and found.what == "missing: order.audited" and "--topic order.audited" in found.hint
    topics(url, "order.audited", 1)
    assert [f.ok for f in check("bus", url, topics=["order.created", "order.audited"])] == [True]
    [gone] = check("bus", "kafka://127.0.0.1:1", topics=["order.created"])
    assert not gone.ok and gone.name == "reached"
