"""Questions to stock on Redis. What Redis no longer keeps, or cannot be believed about, is answered by the books."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sql.columns import loads, when
from stores import redis_server as server
from stores.database import chunks, fetch
from stores.errors import Stopped
from stores.records import Demand, JournalEntry, Level, Reservation, Snapshot
from stores.redis_books import SPREAD, entries, lines

if TYPE_CHECKING:
    from stores.database import Clock
    from stores.redis_books import Books
    from stores.redis_gate import Gate
    from stores.redis_server import Server

_JOURNAL = "SELECT seq, key, kind, warehouse, sku, on_hand, held, defective, ref, at, reason FROM stock_journal"
_OLD = (
    "SELECT order_no, warehouse, reservation_id, attempt, items, shipped, state, at FROM reservations "
    "WHERE state=? AND (reservation_id, warehouse) > (?, ?) ORDER BY reservation_id, warehouse LIMIT ?"
)
_PARTS = ("o", "h", "d")


class Reading:
    """The questions of `stores.contracts.Stock`."""

    _redis: Server
    _books: Books | None
    _gate: Gate
    _clock: Clock

    def warehouses(self) -> list[str]:
        """Warehouses that Redis knows, stopped ones too."""
        with self._redis.guarded():
            return sorted(self._redis.client.hkeys(server.REGISTRY))

    def _believed(self) -> list[str]:
        closed = set(self._gate.closed())
        return [w for w in self.warehouses() if w not in closed]

    # ---- counters
    def levels(self, *, warehouses: Sequence[str] = (), skus: Sequence[str] = ()) -> list[Level]:
        """See the contract. A warehouse that is stopped is left out: nothing of it may be promised."""
        some = [w for w in self._believed() if not warehouses or w in set(warehouses)]
        names = [f"{p}:{sku}" for sku in dict.fromkeys(skus) for p in _PARTS]
        found = self._each(some, "levels", "hmget", names) if skus else self._each(some, "levels", "hgetall")
        out = [
            level
            for w, raw in zip(some, found, strict=True)
            for level in _levels(w, dict(zip(names, raw, strict=True)) if skus else raw)
        ]
        return sorted(out, key=lambda x: (x.warehouse, x.sku))

    def snapshot(self) -> Snapshot:
        """See the contract.

        Raises:
            Stopped: a warehouse waits to be checked against the books; its counters say nothing.
        """
        closed = self._gate.closed()
        if closed:
            raise Stopped(", ".join(closed))
        some = self.warehouses()
        step = self._step(some)
        levels: list[Level] = []
        for w in some:
            flat = self._fence(w, step, "levels")
            levels += _levels(w, dict(zip(flat[::2], flat[1::2], strict=True)))
        levels.sort(key=lambda x: (x.warehouse, x.sku))
        return Snapshot(position=step * SPREAD + SPREAD - 1, levels=tuple(levels))

    def _step(self, some: Sequence[str]) -> int:
        return max((int(x or 0) for x in self._each(some, "meta", "hget", "seq")), default=0)

    def _fence(self, warehouse: str, step: int, wants: str) -> list[str]:
        args = (*self._gate.open(warehouse), step, wants)
        found: Any = self._redis.run("fence", server.warehouse_keys(warehouse), args)
        if found == "stopped":
            self._gate.forget(warehouse)
            raise Stopped(f"{warehouse}: {self._redis.path}")
        return list(found)

    # ---- journal
    def journal(self, *, after: int = 0, until: int | None = None, batch: int = 1000) -> Iterator[list[JournalEntry]]:
        """See the contract. Nothing is ever added before the end of what was read. Of a warehouse that is stopped only
        what the books have."""
        # How far the books are is read first: what they take over later is still in the journals then.
        done = {k.warehouse: k.position for k in self._books.all()} if self._books is not None else {}
        some = self._believed()
        if until is None:
            step = self._step(some)
            for w in some:
                self._fence(w, step, "")
            until = step * SPREAD + SPREAD - 1
        parts = [self._undrained(w, max(after, done.get(w, 0)), until, batch) for w in some]
        if self._books is not None:
            parts.append(self._drained(done, after, until, batch))
        out: list[JournalEntry] = []
        for entry in heapq.merge(*parts, key=lambda e: e.seq):
            out.append(entry)
            if len(out) == batch:
                yield out
                out = []
        if out:
            yield out

    def _undrained(self, warehouse: str, after: int, until: int, batch: int) -> Iterator[JournalEntry]:
        start = f"({after}-1"
        while True:
            with self._redis.guarded():
                raw = self._redis.client.xrange(server.key(warehouse, "journal"), start, "+", count=batch)
            for position, e in entries(raw):
                for seq, (sku, on_hand, held, defective) in lines(position, e):
                    if after < seq <= until:
                        yield JournalEntry(
                            seq=seq, key=e.k, kind=e.t, warehouse=warehouse, sku=sku, on_hand=on_hand, held=held,
                            defective=defective, ref=e.f, at=when(e.a), reason=e.y,
                        )  # fmt: skip
            if len(raw) < batch:
                return
            start = f"({raw[-1][0]}"

    def _drained(self, done: dict[str, int], after: int, until: int, batch: int) -> Iterator[JournalEntry]:
        assert self._books is not None
        while True:
            with self._books.db.read() as c:
                rows = fetch(c, f"{_JOURNAL} WHERE seq>? AND seq<=? ORDER BY seq LIMIT ?", (after, until, batch))
            for r in rows:
                # one of before there was Redis has a warehouse that may not be entered yet
                if r[0] <= done.get(r[3], r[0]):
                    yield JournalEntry(
                        seq=r[0], key=r[1], kind=r[2], warehouse=r[3], sku=r[4], on_hand=r[5], held=r[6],
                        defective=r[7], ref=r[8], at=when(r[9]), reason=r[10],
                    )  # fmt: skip
            if len(rows) < batch:
                return
            after = rows[-1][0]

    # ---- demand
    def demand(self, *, skus: Sequence[str] = ()) -> dict[str, int]:
        """See the contract."""
        with self._redis.guarded():
            if not skus:
                found = self._redis.client.hgetall(server.DEMAND_KEYS[1])
            else:
                found = dict(zip(skus, self._redis.client.hmget(server.DEMAND_KEYS[1], list(skus)), strict=True))
        return {sku: int(qty) for sku, qty in found.items() if qty is not None}

    def demand_of(self, order_nos: Sequence[str]) -> dict[str, list[Demand]]:
        """See the contract."""
        out: dict[str, list[Demand]] = {}
        for part in chunks(list(order_nos), 500):
            with self._redis.guarded():
                found = self._redis.client.hmget(server.DEMAND_KEYS[0], part)
            out |= {no: _demands(no, raw) for no, raw in zip(part, found, strict=True) if raw}
        return out

    def scan_demand(self, *, batch: int = 500) -> Iterator[list[Demand]]:
        """See the contract."""
        for part in self._scan(server.DEMAND_KEYS[0], batch):
            yield [d for no, raw in sorted(part.items()) for d in _demands(no, raw)]

    # ---- reservations
    def reservations(self, order_nos: Sequence[str]) -> dict[str, list[Reservation]]:
        """See the contract; those of a stopped warehouse as the books know them."""
        out: dict[str, list[Reservation]] = {}
        some = self._believed()
        for part in chunks(list(dict.fromkeys(order_nos)), 500):
            known: set[tuple[str, str]] = set()
            for w, raws in zip(some, self._each(some, "reservations", "hmget", part), strict=True):
                for no, raw in zip(part, raws, strict=True):
                    for held in loads(raw) if raw else ():
                        out.setdefault(no, []).append(_reservation(w, no, held))
                        known.add((held[0], w))
            for no, w, *held in self._books.reservation_rows(part) if self._books is not None else ():
                if (held[0], w) not in known:
                    out.setdefault(no, []).append(_old(w, no, held))
        for found in out.values():
            found.sort(key=lambda r: (r.attempt, r.warehouse))
        return out

    def scan_reservations(self, *, state: str = "open", batch: int = 500) -> Iterator[list[Reservation]]:
        """See the contract; by warehouse, in no order."""
        for w in self._believed():
            for part in self._scan(server.key(w, "reservations"), batch):
                found = [_reservation(w, no, held) for no, raw in part.items() for held in loads(raw)]
                wanted = [r for r in found if r.state == state]
                if wanted:
                    yield wanted
        if self._books is not None and state != "open":
            yield from self._closed_of_old(state, batch)

    def _closed_of_old(self, state: str, batch: int) -> Iterator[list[Reservation]]:
        """Closed reservations that only the books still know."""
        assert self._books is not None
        last, some = ("", ""), self._believed()
        while True:
            with self._books.db.read() as c:
                rows = fetch(c, _OLD, (state, *last, batch))
            if not rows:
                return
            last = (rows[-1][2], rows[-1][1])
            numbers = sorted({r[0] for r in rows})
            there = {
                (held[0], w)
                for w, raws in zip(some, self._each(some, "reservations", "hmget", numbers), strict=True)
                for raw in raws
                for held in (loads(raw) if raw else ())
            }
            wanted = [_old(w, no, held) for no, w, *held in rows if (held[0], w) not in there]
            if wanted:
                yield wanted

    # ---- everything
    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """See the contract: rows as the SQL tables have them."""
        for x in self.levels():
            yield "stock", {"warehouse": x.warehouse, "sku": x.sku, "on_hand": x.on_hand, "held": x.held, "defective": x.defective}  # fmt: skip
        for w in self.warehouses():
            for position, e in entries(self._whole_journal(w)):
                for seq, (sku, on_hand, held, defective) in lines(position, e):
                    yield "stock_journal", {
                        "seq": seq, "key": e.k, "kind": e.t, "warehouse": w, "sku": sku, "on_hand": on_hand, "held": held,
                        "defective": defective, "ref": e.f, "at": e.a, "reason": e.y, "run_id": e.u,
                    }  # fmt: skip
        for w in self.warehouses():
            for part in self._scan(server.key(w, "reservations"), 500):
                for no, raw in part.items():
                    for i, attempt, items, shipped, state, at in loads(raw):
                        yield "reservations", {
                            "reservation_id": i, "warehouse": w, "order_no": no, "attempt": attempt, "items": items,
                            "shipped": shipped, "state": state, "at": at,
                        }  # fmt: skip
        for batch in self.scan_demand():
            for d in batch:
                yield "demand", {"order_no": d.order_no, "sku": d.sku, "qty": d.qty}
        for w in self.warehouses():
            for part in self._scan(server.key(w, "counts"), 500):
                for sku, raw in part.items():
                    as_of, counted, name = loads(raw)
                    yield "stock_counts", {"warehouse": w, "sku": sku, "as_of": as_of, "counted": counted, "key": name}

    def _whole_journal(self, warehouse: str) -> list[Any]:
        with self._redis.guarded():
            found: list[Any] = self._redis.client.xrange(server.key(warehouse, "journal"))
            return found

    # ---- calls
    def _each(self, some: Sequence[str], part: str, command: str, *args: Any) -> list[Any]:
        """One command on a key of each warehouse, in one round trip."""
        if not some:
            return []
        with self._redis.guarded():
            pipe = self._redis.client.pipeline(transaction=False)
            for w in some:
                getattr(pipe, command)(server.key(w, part), *args)
            found: list[Any] = pipe.execute()
            return found

    def _scan(self, key: str, batch: int) -> Iterator[dict[str, str]]:
        """A hash in parts. Redis may give a field again when the hash grows meanwhile; here it comes once."""
        seen: set[str] = set()
        cursor = 0
        while True:
            with self._redis.guarded():
                cursor, part = self._redis.client.hscan(key, cursor, count=batch)
            fresh = {field: raw for field, raw in part.items() if field not in seen}
            seen.update(fresh)
            if fresh:
                yield fresh
            if not cursor:
                return


def _levels(warehouse: str, raw: dict[str, str | None]) -> list[Level]:
    return [
        Level(
            warehouse=warehouse, sku=name[2:], on_hand=int(value), held=int(raw[f"h:{name[2:]}"] or 0),
            defective=int(raw[f"d:{name[2:]}"] or 0),
        )
        for name, value in raw.items()
        if value is not None and name.startswith("o:")
    ]  # fmt: skip


def _demands(order_no: str, raw: str) -> list[Demand]:
    return [Demand(order_no=order_no, sku=sku, qty=qty) for sku, qty in sorted(loads(raw).items())]


def _reservation(warehouse: str, order_no: str, held: Sequence[Any]) -> Reservation:
    i, attempt, items, shipped, state, at = held
    return Reservation(
        reservation_id=i, order_no=order_no, attempt=attempt, warehouse=warehouse, items=tuple((s, q) for s, q in items),
        shipped=shipped, state=state, at=when(at),
    )  # fmt: skip


def _old(warehouse: str, order_no: str, row: Sequence[Any]) -> Reservation:
    i, attempt, items, shipped, state, at = row
    return _reservation(warehouse, order_no, (i, attempt, loads(items), loads(shipped), state, at))
