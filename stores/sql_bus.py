"""The bus on a SQL database: hints between stages, in order of arrival, for as many groups as listen."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from sqlalchemy.engine import Connection

from sql.bus import bus_acks, bus_positions, metadata
from sql.columns import ms, when
from stores.contracts import Event
from stores.database import Clock, fetch, insert_sql, many, open_database, run, upsert_sql

#: older events are forgotten: the sweeps have found what they told long ago
KEEP_MS = 7 * 24 * 3600 * 1000
#: who waits for an event looks this often
POLL_S = 0.1
_PUBLISH = "INSERT INTO bus_events (topic, key, at) VALUES (?, ?, ?)"
_ACK = insert_sql(bus_acks).replace("INSERT", "INSERT OR IGNORE", 1)
_POSITION = upsert_sql(bus_positions, ("topic", "group_name"))
#: events of a topic that a group has not acknowledged
_OPEN = (
    "FROM bus_events e WHERE e.topic=? AND e.seq>? AND NOT EXISTS "
    "(SELECT 1 FROM bus_acks a WHERE a.topic=e.topic AND a.group_name=? AND a.seq=e.seq)"
)


class SqlBus:
    """See `stores.contracts.Bus`. An event's id is its number in the order of arrival."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._db = open_database(url, metadata, "bus", clock)

    def publish(self, events: Iterable[Event]) -> None:
        rows = [(e.topic, e.key, ms(e.at)) for e in events]
        if not rows:
            return
        with self._db.write(lasting=False) as c:
            many(c, _PUBLISH, rows)
            run(c, "DELETE FROM bus_events WHERE at < ?", (self._db.now_ms() - KEEP_MS,))

    def take(self, topic: str, group: str, *, limit: int, wait_s: float = 0.0) -> list[tuple[str, Event]]:
        end = time.monotonic() + wait_s
        while not (found := self._open_events(topic, group, limit)) and (left := end - time.monotonic()) > 0:
            time.sleep(min(POLL_S, left))
        return found

    def _open_events(self, topic: str, group: str, limit: int) -> list[tuple[str, Event]]:
        with self._db.read() as c:
            sql = f"SELECT e.seq, e.key, e.at {_OPEN} ORDER BY e.seq LIMIT ?"
            found = fetch(c, sql, (topic, _position(c, topic, group), group, limit))
        return [(str(seq), Event(topic=topic, key=key, at=when(at))) for seq, key, at in found]

    def acknowledge(self, topic: str, group: str, ids: Sequence[str]) -> None:
        with self._db.write(lasting=False) as c:
            after = _position(c, topic, group)
            many(c, _ACK, [(topic, group, int(i)) for i in ids if int(i) > after])
            # Up to the first open event all are acknowledged: one number then stands for them.
            (first,) = fetch(c, f"SELECT min(e.seq) {_OPEN}", (topic, after, group))[0]
            (last,) = fetch(c, "SELECT max(seq) FROM bus_acks WHERE topic=? AND group_name=?", (topic, group))[0]
            now = first - 1 if first is not None else max(last or 0, after)
            if now > after:
                many(c, _POSITION, [(topic, group, now)])
                run(c, "DELETE FROM bus_acks WHERE topic=? AND group_name=? AND seq<=?", (topic, group, now))

    def backlog(self, topic: str, group: str) -> int:
        with self._db.read() as c:
            return int(fetch(c, f"SELECT count(*) {_OPEN}", (topic, _position(c, topic, group), group))[0][0])

    def close(self) -> None:
        self._db.close()


def _position(c: Connection, topic: str, group: str) -> int:
    found = fetch(c, "SELECT seq FROM bus_positions WHERE topic=? AND group_name=?", (topic, group))
    return int(found[0][0]) if found else 0
