"""What the writes of the stock store share: the counters a batch touches, and the reservations of its orders.

Counters and journal leave through `Tally.flush`, so that one is never written without the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.engine import Connection

from sql.columns import loads
from sql.stock import stock_journal
from stores.database import chunks, fetch, insert_sql, many, marks, names
from stores.records import Ask

#: (warehouse, sku)
Place = tuple[str, str]

_JOURNAL = insert_sql(stock_journal, [n for n in names(stock_journal) if n != "seq"])
_ADD = (
    "INSERT INTO stock (warehouse, sku, on_hand, held, defective) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (warehouse, sku) DO UPDATE SET on_hand = on_hand + excluded.on_hand, "
    "held = held + excluded.held, defective = defective + excluded.defective"
)
_CHANGE = (
    "UPDATE stock SET on_hand = on_hand + ?, held = held + ?, defective = defective + ? WHERE warehouse = ? AND sku = ?"
)
_HELD = "SELECT reservation_id, warehouse, order_no, attempt, items, shipped, state FROM reservations"


class Held(NamedTuple):
    """A reservation as it lies in the table."""

    reservation_id: str
    warehouse: str
    order_no: str
    attempt: int
    items: dict[str, int]
    shipped: dict[str, int]
    state: str

    def left(self) -> dict[str, int]:
        """Pieces still held, per SKU."""
        return {s: q - self.shipped.get(s, 0) for s, q in self.items.items() if q > self.shipped.get(s, 0)}

    @property
    def row_key(self) -> tuple[str, str]:
        return self.reservation_id, self.warehouse


class Cause(NamedTuple):
    """Why counters move: the journal's words beside the numbers. `at` in epoch milliseconds."""

    key: str
    kind: str
    ref: str
    at: int
    run_id: str
    reason: str = ""


class Tally:
    """Counters of the places a batch touches, with what the batch has done to them so far."""

    def __init__(self, c: Connection, places: Iterable[Place]) -> None:
        self._c = c
        self._now: dict[Place, list[int]] = {p: [0, 0, 0] for p in sorted(set(places))}
        there: set[Place] = set()
        skus: dict[str, list[str]] = {}
        for warehouse, sku in self._now:
            skus.setdefault(warehouse, []).append(sku)
        for warehouse, some in skus.items():
            for part in chunks(some, 500):
                sql = (
                    f"SELECT sku, on_hand, held, defective FROM stock WHERE warehouse=? AND sku IN ({marks(len(part))})"
                )
                for sku, *levels in fetch(c, sql, [warehouse, *part]):
                    self._now[warehouse, sku] = levels
                    there.add((warehouse, sku))
        self._before = {p: tuple(v) for p, v in self._now.items()}
        #: places that get their first counter, be it of nothing: from then on the SKU is known there
        self._fresh: set[Place] = set()
        self._there = there
        self._journal: list[tuple[object, ...]] = []

    def on_hand(self, place: Place) -> int:
        return self._now[place][0]

    def held(self, place: Place) -> int:
        return self._now[place][1]

    def defective(self, place: Place) -> int:
        return self._now[place][2]

    def available(self, place: Place) -> int:
        """Below zero after a count that found less than is held."""
        return self._now[place][0] - self._now[place][1]

    def add(self, place: Place, cause: Cause, *, on_hand: int = 0, held: int = 0, defective: int = 0) -> None:
        """Move counters, with the journal entry that says why."""
        if place not in self._there:
            self._fresh.add(place)
        level = self._now[place]
        level[0] += on_hand
        level[1] += held
        level[2] += defective
        why = cause
        self._journal.append(
            (why.key, why.kind, *place, on_hand, held, defective, why.ref, why.at, why.reason, why.run_id)
        )

    def hold(self, ask: Ask, at: int, run_id: str) -> None:
        """Hold what was asked for; as `add`, for the most frequent cause of all."""
        for sku, qty in ask.items:
            self._now[ask.warehouse, sku][1] += qty
            self._journal.append(
                (ask.reservation_id, "reserve", ask.warehouse, sku, 0, qty, 0, ask.order_no, at, "", run_id)
            )

    def flush(self) -> None:
        """Write what moved, and why."""
        moved = [
            (*place, now[0] - was[0], now[1] - was[1], now[2] - was[2])
            for place, now in self._now.items()
            if tuple(now) != (was := self._before[place]) or place in self._fresh
        ]
        _write(self._c, moved)
        many(self._c, _JOURNAL, self._journal)


def _write(c: Connection, moved: Iterable[tuple[str, str, int, int, int]]) -> None:
    """Add differences to counters: (warehouse, sku, on_hand, held, defective)."""
    # An upsert would trip the CHECK on its insert half when a difference is negative: such places exist already.
    rows = list(moved)
    many(c, _CHANGE, [(o, h, d, w, s) for w, s, o, h, d in rows if min(o, h, d) < 0])
    many(c, _ADD, [row for row in rows if min(row[2:]) >= 0])


def add_up(c: Connection, moved: Iterable[tuple[Place, tuple[int, int, int]]]) -> None:
    """Fold differences into the counters, one statement's worth for each place."""
    sums: dict[Place, list[int]] = {}
    for place, numbers in moved:
        level = sums.setdefault(place, [0, 0, 0])
        for n, number in enumerate(numbers):
            level[n] += number
    _write(c, [(*place, o, h, d) for place, (o, h, d) in sorted(sums.items())])


def held_by(c: Connection, order_nos: Iterable[str]) -> dict[str, list[Held]]:
    """All reservations of these orders, by attempt and warehouse."""
    out: dict[str, list[Held]] = {}
    for held in _read(c, "order_no", order_nos):
        out.setdefault(held.order_no, []).append(held)
    return out


def held_as(c: Connection, reservation_ids: Iterable[str]) -> dict[tuple[str, str], Held]:
    """(reservation_id, warehouse) → reservation."""
    return {h.row_key: h for h in _read(c, "reservation_id", reservation_ids)}


def _read(c: Connection, column: str, values: Iterable[str]) -> list[Held]:
    found: list[Held] = []
    for part in chunks(sorted(set(values)), 500):
        sql = f"{_HELD} WHERE {column} IN ({marks(len(part))}) ORDER BY order_no, attempt, warehouse"
        for row in fetch(c, sql, part):
            found.append(Held(row[0], row[1], row[2], row[3], dict(loads(row[4])), loads(row[5]), row[6]))
    return found


def played(c: Connection, keys: Iterable[str]) -> set[tuple[str, str, str]]:
    """(key, warehouse, sku) of the journal entries with these keys."""
    out: set[tuple[str, str, str]] = set()
    for part in chunks(sorted(set(keys)), 500):
        sql = f"SELECT key, warehouse, sku FROM stock_journal WHERE key IN ({marks(len(part))})"
        out.update((k, w, s) for k, w, s in fetch(c, sql, part))
    return out
