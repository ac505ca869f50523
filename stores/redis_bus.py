"""The bus on Redis streams: a stream per topic, a consumer group per group, a consumer per process.

An event goes to one consumer of a group. One that was taken and not acknowledged comes again to the same consumer, and
after `IDLE_MS` to another. A server that lost its streams starts them anew: what they told is found by the sweeps.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from sql.columns import ms, when
from stores.contracts import Event
from stores.database import Clock
from stores.errors import StoreError, Unavailable

#: older events are forgotten: the sweeps have found what they told long ago
KEEP_MS = 7 * 24 * 3600 * 1000
#: what a consumer took and left so long is given to another
IDLE_MS = 60_000
#: a consumer that holds nothing and was not heard of for so long is forgotten
GONE_MS = 24 * 3600 * 1000
TIMEOUT_S = 10.0
_PREFIX = "oms:bus:"
#: ids looked at in one call where the server does not know how many are left
_PAGE = 1000


class RedisBus:
    """See `stores.contracts.Bus`. An event's id is its entry's id in the stream.

    Args:
        idle_ms: what another consumer took and left this long is taken over.
    """

    def __init__(self, url: str, *, clock: Clock, idle_ms: int = IDLE_MS) -> None:
        self._clock = clock
        self._idle_ms = idle_ms
        self._where = _without_password(url)
        self._me = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        #: (topic, group) known to be there
        self._joined: set[tuple[str, str]] = set()
        self._client: Any = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S,
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.01), 3),
            retry_on_error=[redis.exceptions.ConnectionError, redis.exceptions.TimeoutError],
        )  # fmt: skip

    def publish(self, events: Iterable[Event]) -> None:
        rows = list(events)
        if not rows:
            return
        oldest = ms(self._clock.now()) - KEEP_MS
        with self._guarded(), self._client.pipeline(transaction=False) as batch:
            for event in rows:
                batch.xadd(_PREFIX + event.topic, {"key": event.key, "at": ms(event.at)})
            for topic in {event.topic for event in rows}:
                batch.xtrim(_PREFIX + topic, minid=oldest, approximate=True)
            batch.execute()

    def take(self, topic: str, group: str, *, limit: int, wait_s: float = 0.0) -> list[tuple[str, Event]]:
        with self._guarded():
            try:
                return self._take(topic, group, limit, wait_s)
            except redis.exceptions.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                # the server lost its streams
                self._joined.discard((topic, group))
                return self._take(topic, group, limit, wait_s)

    def acknowledge(self, topic: str, group: str, ids: Sequence[str]) -> None:
        if ids:
            with self._guarded():
                self._client.xack(_PREFIX + topic, group, *ids)

    def backlog(self, topic: str, group: str) -> int:
        stream = _PREFIX + topic
        with self._guarded():
            if not self._client.exists(stream):
                return 0
            known = {g["name"]: g for g in self._client.xinfo_groups(stream)}
            if group not in known:
                return int(self._client.xlen(stream))
            found = known[group]
            lag = found.get("lag")
            left = self._after(stream, found["last-delivered-id"]) if lag is None else int(lag)
            return int(found["pending"]) + left

    def close(self) -> None:
        """Leave the groups in which nothing is still in our hands."""
        try:
            for topic, group in self._joined:
                self._leave(_PREFIX + topic, group, self._me)
        except redis.exceptions.RedisError:
            pass  # who cannot say goodbye is forgotten by the others
        self._client.close()
        self._client.connection_pool.disconnect()

    # ------------------------------------------------------------ taking

    def _take(self, topic: str, group: str, limit: int, wait_s: float) -> list[tuple[str, Event]]:
        stream = _PREFIX + topic
        if (topic, group) not in self._joined:
            self._join(stream, group)
            self._joined.add((topic, group))
        self._client.xautoclaim(stream, group, self._me, self._idle_ms, count=limit, justid=True)
        mine = self._read(stream, group, "0", limit, 0)
        found = self._events(stream, topic, group, mine)
        if len(found) < limit:
            block = 0 if found else int(wait_s * 1000)
            found += self._events(stream, topic, group, self._read(stream, group, ">", limit - len(found), block))
        return found

    def _read(self, stream: str, group: str, after: str, limit: int, block_ms: int) -> list[tuple[str, Any]]:
        answer = self._client.xreadgroup(
            group, self._me, {stream: after}, count=limit, block=block_ms if block_ms > 0 else None
        )
        rows = answer.get(stream, [[]])[0] if isinstance(answer, dict) else answer[0][1] if answer else []
        return list(rows)

    def _events(self, stream: str, topic: str, group: str, rows: list[tuple[str, Any]]) -> list[tuple[str, Event]]:
        gone = [entry for entry, fields in rows if not fields]
        if gone:
            # trimmed while they were in our hands
            self._client.xack(stream, group, *gone)
        return [
            (entry, Event(topic=topic, key=fields["key"], at=when(int(fields["at"]))))
            for entry, fields in rows
            if fields
        ]

    def _join(self, stream: str, group: str) -> None:
        """Make the group, which hears everything that the stream still holds, and forget consumers long gone."""
        try:
            self._client.xgroup_create(stream, group, id="0", mkstream=True)
        except redis.exceptions.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        for other in self._client.xinfo_consumers(stream, group):
            if other["idle"] > GONE_MS:
                self._leave(stream, group, other["name"])

    def _leave(self, stream: str, group: str, consumer: str) -> None:
        """Take a consumer out of a group; what it still holds would be lost with it, so then it stays."""
        if not self._client.xpending_range(stream, group, min="-", max="+", count=1, consumername=consumer):
            self._client.xgroup_delconsumer(stream, group, consumer)

    def _after(self, stream: str, last: str) -> int:
        n = 0
        while rows := self._client.xrange(stream, min=f"({last}", count=_PAGE):
            n, last = n + len(rows), rows[-1][0]
        return n

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """The driver's errors become ours."""
        try:
            yield
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            raise Unavailable(f"bus {self._where}: {error}") from error
        except redis.exceptions.RedisError as error:
            raise StoreError(f"bus {self._where}: {error}") from error


def _without_password(url: str) -> str:
    head, mark, rest = url.rpartition("@")
    return f"{head.partition('://')[0]}://{rest}" if mark else url
