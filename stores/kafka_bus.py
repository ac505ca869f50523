"""The bus on Kafka: a topic per topic, keyed by number, a consumer group per group.

Events of one key come in order; across partitions there is none, and none is needed: an event only wakes who reads the
status column. Offsets are committed after the work and can only say "all up to here": where events were acknowledged out
of order, those behind the first open one come again to whoever takes the partition over.

``kafka://host:9092,other:9092/prefix.?security.protocol=SASL_SSL&…``: what follows the question mark are settings of
librdkafka; the path is put before the topics' names.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sql.columns import ms, when
from stores.contracts import Event
from stores.database import Clock
from stores.errors import StoreError, Unavailable, UnknownEngine


class _Driver:
    """confluent_kafka, an extra: imported when a bus is opened."""

    def __getattr__(self, name: str) -> Any:
        try:
            import confluent_kafka
        except ImportError as error:
            raise UnknownEngine("kafka needs a driver; type: pip install 'oms[kafka]'") from error
        return getattr(confluent_kafka, name)


kafka = _Driver()

TIMEOUT_S = 10.0
#: a member of a group that was not heard of for so long is out, and its partitions go to the others
SESSION_MS = 10_000
#: so long the group may take to give a new member its partitions
JOIN_S = 30.0
#: so long one fetch of what is known to be there may take
FETCH_S = 5.0
_STEP_S = 0.05
_TROUBLE = ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_MSG_TIMED_OUT", "REQUEST_TIMED_OUT", "_RESOLVE")


class KafkaBus:
    """See `stores.contracts.Bus`. An event's id is ``partition:offset``."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._new_producer = kafka.Producer
        self._where, self._prefix, self._config = _settings(url)
        self._producer: Any = None
        self._hands: dict[tuple[str, str], _Hand] = {}

    def publish(self, events: Iterable[Event]) -> None:
        rows, failed = list(events), list[Any]()
        if not rows:
            return
        with self._guarded():
            if self._producer is None:
                self._producer = self._new_producer(
                    {**self._config, "acks": "all", "enable.idempotence": True, "linger.ms": 2, "message.timeout.ms": int(TIMEOUT_S * 1000)}
                )  # fmt: skip

            def told(error: Any, _message: Any) -> None:
                if error is not None:
                    failed.append(error)

            for event in rows:
                self._put(event, told)
            left = self._producer.flush(TIMEOUT_S)
        if failed or left:
            self._producer.purge()
            raise Unavailable(f"bus {self._where}: {failed[0].str() if failed else f'{left} events were not taken'}")

    def _put(self, event: Event, told: Any) -> None:
        where, value = self._prefix + event.topic, str(ms(event.at)).encode()
        try:
            self._producer.produce(where, key=event.key.encode(), value=value, on_delivery=told)
        except BufferError:
            self._producer.flush(TIMEOUT_S)
            self._producer.produce(where, key=event.key.encode(), value=value, on_delivery=told)

    def take(self, topic: str, group: str, *, limit: int, wait_s: float = 0.0) -> list[tuple[str, Event]]:
        with self._guarded():
            return self._hand(topic, group).take(limit, wait_s)

    def acknowledge(self, topic: str, group: str, ids: Sequence[str]) -> None:
        if ids:
            with self._guarded():
                self._hand(topic, group).acknowledge(ids)

    def backlog(self, topic: str, group: str) -> int:
        """Counted from what was committed; what this process acknowledged out of order is known here only."""
        with self._guarded():
            held = self._hands.get((topic, group))
            return _behind(self._config, self._prefix + topic, group) - (held.ahead() if held else 0)

    def close(self) -> None:
        """Leave the groups, so that the others have our partitions at once."""
        for hand in self._hands.values():
            hand.close()
        self._hands.clear()

    def _hand(self, topic: str, group: str) -> _Hand:
        if (topic, group) not in self._hands:
            self._hands[topic, group] = _Hand(self._config, self._prefix, topic, group)
        return self._hands[topic, group]

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """The driver's errors become ours."""
        try:
            yield
        except kafka.KafkaException as error:
            told = error.args[0]
            known = Unavailable if told.retriable() or told.name() in _TROUBLE else StoreError
            raise known(f"bus {self._where}: {told.str()}") from error


class _Hand:
    """This process as a member of one group at one topic, and the events that it took and did not acknowledge."""

    def __init__(self, config: dict[str, Any], prefix: str, topic: str, group: str) -> None:
        self._topic = topic
        #: (partition, offset) → event, taken and open
        self._open: dict[tuple[int, int], Event] = {}
        #: acknowledged behind an open one
        self._done: set[tuple[int, int]] = set()
        #: partition → the offset after the last one taken
        self._taken: dict[int, int] = {}
        self._joined = False
        self._consumer: Any = kafka.Consumer(
            {
                **config, "group.id": _group(group), "enable.auto.commit": False, "auto.offset.reset": "earliest",
                "session.timeout.ms": SESSION_MS, "partition.assignment.strategy": "cooperative-sticky",
                "allow.auto.create.topics": True, "topic.metadata.refresh.interval.ms": 5000,
            }
        )  # fmt: skip
        self._subscribed = prefix + topic
        self._consumer.subscribe([self._subscribed], on_assign=self._got, on_revoke=self._left, on_lost=self._left)

    def take(self, limit: int, wait_s: float) -> list[tuple[str, Event]]:
        """What is open, then what is new; what is there already is waited for."""
        self._join()
        end = time.monotonic() + wait_s
        while len(self._open) < limit:
            known = self._known()
            left = FETCH_S if known else 0.0 if self._open else max(0.0, end - time.monotonic())
            if not self._fetch(limit - len(self._open), left) and (not known or self._open):
                break
        return [(f"{p}:{o}", event) for (p, o), event in list(self._open.items())[:limit]]

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Commit up to the first open one of each partition."""
        keys = {(int(p), int(o)) for p, _, o in (i.partition(":") for i in ids)} & set(self._open)
        for key in keys:
            del self._open[key]
        self._done |= keys
        offsets = []
        for partition in {p for p, _ in keys}:
            up_to = min((o for p, o in self._open if p == partition), default=self._taken[partition])
            self._done = {(p, o) for p, o in self._done if p != partition or o > up_to}
            offsets.append(kafka.TopicPartition(self._subscribed, partition, up_to))
        if offsets:
            self._consumer.commit(offsets=offsets, asynchronous=False)

    def ahead(self) -> int:
        """Events acknowledged behind an open one."""
        return len(self._done)

    def close(self) -> None:
        self._consumer.close()

    # ------------------------------------------------------------ membership

    def _join(self) -> None:
        """The first time, wait until the group gave us what is ours; that may be nothing."""
        end = time.monotonic() + JOIN_S
        while not self._joined and time.monotonic() < end:
            self._fetch(1, _STEP_S)

    def _got(self, _consumer: Any, partitions: list[Any]) -> None:
        self._joined = True

    def _left(self, _consumer: Any, partitions: list[Any]) -> None:
        """What we hold of these partitions comes to whoever has them now."""
        gone = {p.partition for p in partitions}
        self._open = {k: e for k, e in self._open.items() if k[0] not in gone}
        self._done = {k for k in self._done if k[0] not in gone}
        self._taken = {p: o for p, o in self._taken.items() if p not in gone}

    # ------------------------------------------------------------ fetching

    def _known(self) -> bool:
        """Whether the broker holds events for us that we have not taken."""
        for at in self._consumer.assignment():
            low, high = self._consumer.get_watermark_offsets(at, timeout=TIMEOUT_S)
            first = self._taken.get(at.partition)
            if first is None:
                [told] = self._consumer.committed([at], timeout=TIMEOUT_S)
                first = max(told.offset, low)
            if first < high:
                return True
        return False

    def _fetch(self, limit: int, wait_s: float) -> int:
        """Take up to so many new events; returns how many there were."""
        end, n = time.monotonic() + wait_s, 0
        while not n:
            left = end - time.monotonic()
            for message in self._consumer.consume(limit, timeout=max(0.0, min(left, 0.2)) or 0.001):
                n += self._keep(message)
            if left <= 0:
                break
        return n

    def _keep(self, message: Any) -> int:
        error = message.error()
        if error is not None:
            if error.name() in ("UNKNOWN_TOPIC_OR_PART", "_PARTITION_EOF"):
                # nothing was told yet
                return 0
            raise kafka.KafkaException(error)
        at = (message.partition(), message.offset())
        self._taken[at[0]] = at[1] + 1
        self._open[at] = Event(topic=self._topic, key=message.key().decode(), at=when(int(message.value())))
        return 1


def _group(group: str) -> str:
    return "oms-" + group.replace(" ", "-")


def _behind(config: dict[str, Any], topic: str, group: str) -> int:
    """Events after what a group committed. Committed offsets are asked for without joining the group."""
    asker = kafka.Consumer({**config, "group.id": _group(group), "enable.auto.commit": False})
    try:
        found = asker.list_topics(topic, timeout=TIMEOUT_S).topics[topic]
        parts = [kafka.TopicPartition(topic, n) for n in found.partitions]
        n = 0
        for told in asker.committed(parts, timeout=TIMEOUT_S) if parts else ():
            low, high = asker.get_watermark_offsets(told, timeout=TIMEOUT_S)
            n += high - max(told.offset, low)
        return n
    finally:
        asker.close()


def _settings(url: str) -> tuple[str, str, dict[str, Any]]:
    """Where the brokers are, what is put before topics, and librdkafka's settings."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    config = {
        "bootstrap.servers": where, "socket.timeout.ms": int(TIMEOUT_S * 1000), "log_level": 0, **dict(parse_qsl(parts.query)),
    }  # fmt: skip
    return where, parts.path.strip("/"), config


def topics_there(url: str, timeout_s: float) -> set[str]:
    """Topics of this URL's prefix, without it.

    Raises:
        Unavailable: no broker answers.
    """
    where, prefix, config = _settings(url)
    asker = kafka.Producer(config)
    try:
        found = asker.list_topics(timeout=timeout_s).topics
    except kafka.KafkaException as error:
        raise Unavailable(f"bus {where}: {error.args[0].str()}") from error
    return {name.removeprefix(prefix) for name in found if name.startswith(prefix)}
