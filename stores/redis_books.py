"""The SQL books of stock that is reserved in Redis: the same tables as of stock on SQL, written in sets.

A drain takes over what the journals say since the last time. Journal rows, counters, reservations and the new position
are one transaction, so that an entry counts once however often a drain is killed or run beside another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from sql.columns import dumps, loads
from sql.stock import demand, metadata, reservations, stock_counts, stock_journal, stock_streams
from stores import redis_server as server
from stores.database import (
    Clock,
    Database,
    chunks,
    fetch,
    insert_sql,
    many,
    marks,
    names,
    open_database,
    run,
    upsert_sql,
)
from stores.errors import BadItem, StoreError
from stores.stock_tally import add_up, played

if TYPE_CHECKING:
    from stores.redis_server import Server

#: positions of all warehouses are numbers of one line: a step, then the warehouse's own number (see warehouse.lua)
SPREAD = 4096
_STREAMS = f"SELECT {', '.join(names(stock_streams))} FROM stock_streams"
_ENTER = insert_sql(stock_streams)
_JOURNAL = insert_sql(stock_journal)
_RESERVATION = upsert_sql(reservations, ("reservation_id", "warehouse"))
_COUNTED = upsert_sql(stock_counts, ("warehouse", "sku"))
_DEMAND = insert_sql(demand)


class Kept(NamedTuple):
    """What the books know of a warehouse's journal; the columns of `stock_streams`."""

    warehouse: str
    no: int
    epoch: int
    server: str
    opened: int
    position: int
    mark: int
    mark_at: int


class Entry(msgspec.Struct, frozen=True):
    """An entry of a warehouse's journal as the scripts write it."""

    k: str
    t: str
    f: str
    a: int
    y: str
    u: str
    #: (sku, on hand, held, defective)
    l: list[tuple[str, int, int, int]]  # noqa: E741
    #: (id, order_no, attempt, items, shipped, state, at)
    v: list[tuple[str, str, int, list[tuple[str, int]], dict[str, int], str, int]] = []
    #: (sku, as of, pieces)
    c: list[tuple[str, int, int]] = []


_decode = msgspec.json.Decoder(Entry, strict=False).decode


def entries(raw: Sequence[tuple[str, dict[str, str]]]) -> list[tuple[int, Entry]]:
    """(position, entry) of what XRANGE gave."""
    return [(int(i.partition("-")[0]), _decode(fields["e"])) for i, fields in raw]


def lines(position: int, entry: Entry) -> Iterator[tuple[int, tuple[str, int, int, int]]]:
    """(position, line): the last line bears the entry's own, those before it the steps before."""
    first = position - (len(entry.l) - 1) * SPREAD
    return ((first + n * SPREAD, line) for n, line in enumerate(entry.l))


class Books:
    """One SQL database with the stock tables."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self.db: Database = open_database(url, metadata, "stock", clock)

    # ---- warehouses
    def all(self) -> list[Kept]:
        """Every warehouse, and the demand of all orders as one more."""
        with self.db.read() as c:
            return [Kept(*row) for row in fetch(c, f"{_STREAMS} ORDER BY warehouse")]

    def find(self, warehouse: str) -> Kept | None:
        with self.db.read() as c:
            return _find(c, warehouse)

    def enter(self, warehouse: str, redis: Server) -> Kept:
        """Enter a new warehouse; where the books hold stock for it already, it stays stopped until that is in Redis."""
        try:
            kept = self._entered(warehouse, redis.identity())
        except BadItem:
            found = self.find(warehouse)
            if found is None:
                raise
            return found
        if not kept.opened:
            self.publish(redis, kept, step=_step(kept.position))
        return kept

    def _entered(self, warehouse: str, identity: str) -> Kept:
        with self.db.write() as c:
            found = _find(c, warehouse)
            if found is not None:
                return found
            no, last = fetch(c, "SELECT count(*), coalesce(max(position), 0) FROM stock_streams")[0]
            if no >= SPREAD:
                raise StoreError(f"more than {SPREAD} warehouses")
            if warehouse == server.DEMAND:
                last, there = 0, fetch(c, "SELECT 1 FROM demand LIMIT 1")
            else:
                last = max(last, fetch(c, "SELECT coalesce(max(seq), 0) FROM stock_journal")[0][0])
                there = fetch(c, "SELECT 1 FROM stock WHERE warehouse=? LIMIT 1", (warehouse,))
            kept = Kept(warehouse, no, 1, identity, int(bool(there)), last, 0, self.db.now_ms())
            many(c, _ENTER, [tuple(kept)])
            return kept

    def publish(self, redis: Server, kept: Kept, *, step: int | None = None) -> None:
        """Tell Redis a warehouse's epoch, and with `step` where its journal goes on; then the books that it was told."""
        told: dict[str, Any] = {"epoch": kept.epoch, "server": kept.server, "no": kept.no}
        if step is not None:
            told["seq"] = step
        with redis.guarded():
            if kept.warehouse != server.DEMAND:
                redis.client.hset(server.REGISTRY, kept.warehouse, kept.no)
            redis.client.hset(server.key(kept.warehouse, "meta"), mapping=told)
        with self.db.write() as c:
            run(c, "UPDATE stock_streams SET opened=1 WHERE warehouse=? AND epoch=?", (kept.warehouse, kept.epoch))

    def next_epoch(self, warehouse: str, identity: str) -> Kept:
        """The books go first: until Redis is told, the warehouse is stopped."""
        with self.db.write() as c:
            run(c, "UPDATE stock_streams SET epoch=epoch+1, server=? WHERE warehouse=?", (identity, warehouse))
            found = _find(c, warehouse)
            assert found is not None
            return found

    # ---- taking over
    def take_over(self, kept: Kept, found: Sequence[tuple[int, Entry]]) -> bool:
        """Write entries that follow a warehouse's position; False when another drain was there first."""
        with self.db.write() as c:
            if not _advance(c, kept, found[-1][0]):
                return False
            w = kept.warehouse
            many(
                c, _JOURNAL,
                [(p, e.k, e.t, w, *line, e.f, e.a, e.y, e.u) for at, e in found for p, line in lines(at, e)],
            )  # fmt: skip
            add_up(c, [((w, sku), (o, h, d)) for _, e in found for sku, o, h, d in e.l])
            rows = {v[0]: (v[0], w, v[1], v[2], dumps(v[3]), dumps(v[4]), v[5], v[6]) for _, e in found for v in e.v}
            many(c, _RESERVATION, list(rows.values()))
            counted = {sku: (w, sku, as_of, pieces, e.k) for _, e in found for sku, as_of, pieces in e.c}
            many(c, _COUNTED, list(counted.values()))
            return True

    def take_over_demand(self, kept: Kept, found: Sequence[tuple[int, str, dict[str, int]]]) -> bool:
        """Write what orders want after these entries: (position, order_no, {sku: pieces}); see `take_over`."""
        with self.db.write() as c:
            if not _advance(c, kept, found[-1][0]):
                return False
            wanted = {no: items for _, no, items in found}
            many(c, "DELETE FROM demand WHERE order_no=?", [(no,) for no in wanted])
            many(c, _DEMAND, [(no, sku, qty) for no, items in wanted.items() for sku, qty in items.items()])
            return True

    def set_mark(self, kept: Kept, now: int) -> None:
        with self.db.write() as c:
            run(c, "UPDATE stock_streams SET mark=?, mark_at=? WHERE warehouse=?", (kept.position, now, kept.warehouse))

    # ---- looking up
    def played(self, warehouse: str, keys: Sequence[str]) -> list[str]:
        """``key|sku`` of what the journal says happened in a warehouse, of these keys."""
        with self.db.read() as c:
            return [f"{k}|{sku}" for k, w, sku in played(c, keys) if w == warehouse]

    def load(self, warehouse: str, *, closed_since: int, moved_since: int) -> Loaded:
        """What Redis has to know of a warehouse, true at the position; times in epoch milliseconds."""
        with self.db.read() as c:
            kept = _find(c, warehouse)
            assert kept is not None
            levels = fetch(c, "SELECT sku, on_hand, held, defective FROM stock WHERE warehouse=?", (warehouse,))
            counts = fetch(c, "SELECT sku, as_of, counted, key FROM stock_counts WHERE warehouse=?", (warehouse,))
            moved = fetch(
                c, "SELECT seq, sku, on_hand, at FROM stock_journal WHERE warehouse=? AND on_hand<>0 AND at>?",
                (warehouse, moved_since),
            )  # fmt: skip
            held: dict[str, list[list[Any]]] = {}
            for no, *rest in fetch(
                c, "SELECT order_no, reservation_id, attempt, items, shipped, state, at FROM reservations "
                "WHERE warehouse=? AND (state='open' OR at>?) ORDER BY order_no, attempt", (warehouse, closed_since),
            ):  # fmt: skip
                held.setdefault(no, []).append([*rest[:2], loads(rest[2]), loads(rest[3]), *rest[4:]])
            return Loaded(kept, levels, held, counts, moved)

    def load_demand(self) -> tuple[Kept, dict[str, dict[str, int]]]:
        """The demand of all orders, true at its position."""
        out: dict[str, dict[str, int]] = {}
        with self.db.read() as c:
            kept = _find(c, server.DEMAND)
            assert kept is not None
            for no, sku, qty in fetch(c, "SELECT order_no, sku, qty FROM demand"):
                out.setdefault(no, {})[sku] = qty
        return kept, out

    def reservation_rows(self, order_nos: Sequence[str]) -> list[tuple[Any, ...]]:
        """Rows of `reservations` of these orders."""
        out: list[tuple[Any, ...]] = []
        with self.db.read() as c:
            for part in chunks(order_nos, 500):
                out += fetch(
                    c, "SELECT order_no, warehouse, reservation_id, attempt, items, shipped, state, at "
                    f"FROM reservations WHERE order_no IN ({marks(len(part))})", part,
                )  # fmt: skip
        return out

    def close(self) -> None:
        self.db.close()


class Loaded(NamedTuple):
    """A warehouse out of the books."""

    kept: Kept
    #: (sku, on hand, held, defective)
    levels: list[tuple[Any, ...]]
    #: order_no → reservations as the scripts keep them
    held: dict[str, list[list[Any]]]
    #: (sku, as of, pieces, key)
    counts: list[tuple[Any, ...]]
    #: (position, sku, on hand, at)
    moved: list[tuple[Any, ...]]


def _find(c: Connection, warehouse: str) -> Kept | None:
    found = fetch(c, f"{_STREAMS} WHERE warehouse=?", (warehouse,))
    return Kept(*found[0]) if found else None


def _advance(c: Connection, kept: Kept, position: int) -> bool:
    sql = "UPDATE stock_streams SET position=? WHERE warehouse=? AND position=? AND epoch=?"
    return run(c, sql, (position, kept.warehouse, kept.position, kept.epoch)) == 1


def _step(position: int) -> int:
    """The first step from which positions of any warehouse come after `position`."""
    return -(-position // SPREAD)


def step_of(kept: Kept) -> int:
    """How far a warehouse's counter must have come when the books are right about it."""
    return kept.position if kept.warehouse == server.DEMAND else _step(kept.position - kept.no)
