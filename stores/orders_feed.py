"""The order feed: which orders were added or changed, batch by batch, in the order of the commits.

A row is written in the transaction of its batch, so that whoever reads on from a cursor misses nothing and needs no index
by time on the orders themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from sql import orders as t
from sql.columns import dumps, loads
from stores.database import fetch, insert_sql, run
from stores.errors import FeedGone

_ADD = insert_sql(t.order_feed, ("at", "order_nos"))
#: the newest row stays for ever: from it the sequence goes on
_OLD = "FROM order_feed WHERE at < ? AND seq < (SELECT newest FROM (SELECT max(seq) AS newest FROM order_feed) n)"


def note(c: Connection, order_nos: Iterable[str], now: int) -> None:
    """Write down that these orders were touched; none: nothing. It is the last thing a transaction does."""
    touched = list(dict.fromkeys(order_nos))
    if not touched:
        return
    if c.dialect.name != "sqlite":
        # Where several write at once, a number that was drawn first may be committed last, and a reader would pass it
        # over: who draws one keeps the others waiting until its commit.
        fetch(c, "SELECT version_num FROM orders_version")
    run(c, _ADD, (now, dumps(touched)))


def read(c: Connection, after: str, limit: int) -> tuple[list[tuple[str, tuple[str, ...]]], str]:
    """See `Orders.feed`."""
    start = int(after or 0)
    if start < _first(c) - 1:
        raise FeedGone(f"order feed after {start}; the oldest row is {_first(c)}")
    found = fetch(c, "SELECT seq, order_nos FROM order_feed WHERE seq > ? ORDER BY seq LIMIT ?", (start, limit))
    batches = [(str(seq), tuple(loads(numbers))) for seq, numbers in found]
    return batches, batches[-1][0] if batches else after


def end(c: Connection) -> str:
    """See `Orders.feed_end`."""
    return str(fetch(c, "SELECT coalesce(max(seq), 0) FROM order_feed")[0][0])


def trim(c: Connection, before: int) -> int:
    """See `Orders.trim_feed`; `before` in epoch milliseconds."""
    return run(c, f"DELETE {_OLD}", (before,))


def old(c: Connection, before: int) -> int:
    """How many rows `trim` would forget."""
    return int(fetch(c, f"SELECT count(*) {_OLD}", (before,))[0][0])


def _first(c: Connection) -> int:
    return int(fetch(c, "SELECT coalesce(min(seq), 1) FROM order_feed")[0][0])
