"""The writes of the stock store inside one transaction: read in sets, decide in Python, write in sets.

Counters and journal leave through `Tally.flush`, so that one is never written without the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.engine import Connection

from sql.columns import dumps, loads, ms
from sql.stock import reservations, stock_counts, stock_journal
from stores.database import chunks, fetch, insert_sql, many, marks, names, upsert_sql
from stores.records import Answer, Ask, Demand, Outcome, StockMove

Place = tuple[str, str]

_JOURNAL = insert_sql(stock_journal, [n for n in names(stock_journal) if n != "seq"])
_RESERVE = insert_sql(reservations)
_COUNTED = upsert_sql(stock_counts, ("warehouse", "sku"))
_ADD = (
    "INSERT INTO stock (warehouse, sku, on_hand, held, defective) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (warehouse, sku) DO UPDATE SET on_hand = on_hand + excluded.on_hand, "
    "held = held + excluded.held, defective = defective + excluded.defective"
)
_WANT = (
    "INSERT INTO demand (order_no, sku, qty) VALUES (?, ?, ?) "
    "ON CONFLICT (order_no, sku) DO UPDATE SET qty = qty + excluded.qty"
)


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


class Tally:
    """Counters of the places a batch touches, with what the batch has done to them so far."""

    def __init__(self, c: Connection, places: Iterable[Place]) -> None:
        self._c = c
        wanted = sorted(set(places))
        self._now: dict[Place, list[int]] = {p: [0, 0, 0] for p in wanted}
        for part in chunks(sorted({sku for _, sku in wanted}), 500):
            sql = f"SELECT warehouse, sku, on_hand, held, defective FROM stock WHERE sku IN ({marks(len(part))})"
            for warehouse, sku, *levels in fetch(c, sql, part):
                if (warehouse, sku) in self._now:
                    self._now[warehouse, sku] = list(levels)
        self._before = {p: list(v) for p, v in self._now.items()}
        self._journal: list[tuple[object, ...]] = []

    def on_hand(self, place: Place) -> int:
        return self._now[place][0]

    def held(self, place: Place) -> int:
        return self._now[place][1]

    def defective(self, place: Place) -> int:
        return self._now[place][2]

    def available(self, place: Place) -> int:
        return self._now[place][0] - self._now[place][1]

    def add(
        self,
        place: Place,
        on_hand: int,
        held: int,
        defective: int,
        *,
        key: str,
        kind: str,
        ref: str,
        at: int,
        reason: str,
        run_id: str,
    ) -> None:
        """Move counters, with the journal entry that says why."""
        level = self._now[place]
        level[0] += on_hand
        level[1] += held
        level[2] += defective
        self._journal.append((key, kind, *place, on_hand, held, defective, ref, at, reason, run_id))

    def flush(self) -> None:
        moved: list[tuple[str, str, int, int, int]] = [
            (*p, now[0] - was[0], now[1] - was[1], now[2] - was[2])
            for p, now, was in ((p, n, self._before[p]) for p, n in sorted(self._now.items()))
            if now != was
        ]
        # An upsert would trip the CHECK on its insert half when a difference is negative: such places exist already.
        many(self._c, "UPDATE stock SET on_hand = on_hand + ?, held = held + ?, defective = defective + ? WHERE warehouse = ? AND sku = ?",
             [(o, h, d, w, s) for w, s, o, h, d in moved if min(o, h, d) < 0])  # fmt: skip
        many(self._c, _ADD, [row for row in moved if min(row[2:]) >= 0])
        many(self._c, _JOURNAL, self._journal)


def held_by(c: Connection, order_nos: Iterable[str]) -> dict[str, list[Held]]:
    """All reservations of these orders."""
    out: dict[str, list[Held]] = {}
    for part in chunks(sorted(set(order_nos)), 500):
        sql = (
            "SELECT reservation_id, warehouse, order_no, attempt, items, shipped, state FROM reservations "
            f"WHERE order_no IN ({marks(len(part))}) ORDER BY order_no, attempt, warehouse"
        )
        for row in fetch(c, sql, part):
            held = Held(row[0], row[1], row[2], row[3], dict(loads(row[4])), loads(row[5]), row[6])
            out.setdefault(held.order_no, []).append(held)
    return out


def reserve(c: Connection, asks: Sequence[Ask], *, now: int, run_id: str) -> list[Answer]:
    """See Stock.reserve."""
    known = held_by(c, [a.order_no for a in asks])
    old_places = [(h.warehouse, s) for hs in known.values() for h in hs for s in h.items]
    tally = Tally(c, [(a.warehouse, s) for a in asks for s, _ in a.items] + old_places)
    answers: list[Answer] = []
    granted: list[Ask] = []
    over: list[Held] = []
    for ask in asks:
        mine = [h for h in known.get(ask.order_no, ()) if h.warehouse == ask.warehouse]
        same = next((h for h in mine if h.reservation_id == ask.reservation_id), None)
        if same is not None:
            answers.append(
                Answer(
                    reservation_id=ask.reservation_id,
                    warehouse=ask.warehouse,
                    granted=same.state in ("open", "shipped"),
                )
            )
            continue
        older = [h for h in mine if h.state == "open" and h.attempt < ask.attempt]
        if any(h.attempt > ask.attempt for h in mine):
            # A late repeat of an attempt that a newer one has replaced.
            answers.append(Answer(reservation_id=ask.reservation_id, warehouse=ask.warehouse, granted=False))
            continue
        back: dict[str, int] = {}
        for h in older:
            for sku, qty in h.left().items():
                back[sku] = back.get(sku, 0) + qty
        missing = {
            sku: short
            for sku, qty in ask.items
            if (short := qty - max(tally.available((ask.warehouse, sku)) + back.get(sku, 0), 0)) > 0
        }
        if missing:
            answers.append(
                Answer(reservation_id=ask.reservation_id, warehouse=ask.warehouse, granted=False, missing=missing)
            )
            continue
        for h in older:
            _give_back(tally, h, "superseded", now, run_id)
            over.append(h)
        for sku, qty in ask.items:
            tally.add(
                (ask.warehouse, sku),
                0,
                qty,
                0,
                key=ask.reservation_id,
                kind="reserve",
                ref=ask.order_no,
                at=now,
                reason="",
                run_id=run_id,
            )
        granted.append(ask)
        held = Held(ask.reservation_id, ask.warehouse, ask.order_no, ask.attempt, dict(ask.items), {}, "open")
        known.setdefault(ask.order_no, []).append(held)
        answers.append(Answer(reservation_id=ask.reservation_id, warehouse=ask.warehouse, granted=True))
    many(
        c,
        "UPDATE reservations SET state='superseded' WHERE reservation_id=? AND warehouse=?",
        [(h.reservation_id, h.warehouse) for h in over],
    )
    many(
        c,
        _RESERVE,
        [(a.reservation_id, a.warehouse, a.order_no, a.attempt, dumps(a.items), "{}", "open", now) for a in granted],
    )
    many(
        c,
        "UPDATE demand SET qty = max(qty - ?, 0) WHERE order_no = ? AND sku = ?",
        [(q, a.order_no, s) for a in granted for s, q in a.items],
    )
    many(
        c,
        "DELETE FROM demand WHERE order_no = ? AND sku = ? AND qty <= 0",
        [(a.order_no, s) for a in granted for s, _ in a.items],
    )
    tally.flush()
    return answers


def _give_back(tally: Tally, held: Held, kind: str, now: int, run_id: str) -> None:
    for sku, qty in held.left().items():
        tally.add(
            (held.warehouse, sku), 0, -qty, 0, key=f"{held.reservation_id}:{kind}", kind="release", ref=held.order_no, at=now,
            reason=kind, run_id=run_id,
        )  # fmt: skip


def release(c: Connection, ids: Sequence[tuple[str, str]], *, now: int, run_id: str, to_demand: bool) -> list[Outcome]:
    """See Stock.release. The order number is the part of the id before the colon."""
    known = {
        (h.reservation_id, h.warehouse): h
        for hs in held_by(c, [i.partition(":")[0] for i, _ in ids]).values()
        for h in hs
    }
    chosen = [known[i] for i in dict.fromkeys(ids) if i in known and known[i].state == "open"]
    tally = Tally(c, [(h.warehouse, s) for h in chosen for s in h.items])
    for held in chosen:
        _give_back(tally, held, "released", now, run_id)
    many(
        c,
        "UPDATE reservations SET state='released' WHERE reservation_id=? AND warehouse=?",
        [(h.reservation_id, h.warehouse) for h in chosen],
    )
    if to_demand:
        many(c, _WANT, [(h.order_no, s, q) for h in chosen for s, q in h.left().items()])
    tally.flush()
    done = {(h.reservation_id, h.warehouse) for h in chosen}
    return [Outcome(key=f"{i}@{w}", result="done" if (i, w) in done else "already") for i, w in ids]


def ship(
    c: Connection, parcels: Sequence[tuple[str, str, Sequence[tuple[str, str, int]]]], *, now: int, run_id: str
) -> list[Outcome]:
    """See Stock.ship."""
    known = held_by(c, [no for _, _, items in parcels for no, _, _ in items])
    tally = Tally(c, [(w, s) for _, w, items in parcels for _, s, _ in items])
    gone: set[tuple[str, str]] = set()
    keys = sorted({f"ship:{p}:{no}" for p, _, items in parcels for no, _, _ in items})
    for part in chunks(keys, 500):
        gone |= set(fetch(c, f"SELECT key, sku FROM stock_journal WHERE key IN ({marks(len(part))})", part))
    out: list[Outcome] = []
    touched: dict[tuple[str, str], Held] = {}
    for parcel_no, warehouse, items in parcels:
        todo = [(no, s, q) for no, s, q in items if (f"ship:{parcel_no}:{no}", s) not in gone]
        if not todo:
            out.append(Outcome(key=parcel_no, result="already"))
            continue
        plan = _take(known, warehouse, todo)
        wanted: dict[str, int] = {}
        for _, sku, qty in todo:
            wanted[sku] = wanted.get(sku, 0) + qty
        if plan is None or any(tally.on_hand((warehouse, s)) < q for s, q in wanted.items()):
            out.append(Outcome(key=parcel_no, result="refused", reason="not_held" if plan is None else "below_zero"))
            continue
        for held, sku, qty in plan:
            held.shipped[sku] = held.shipped.get(sku, 0) + qty
            touched[held.reservation_id, held.warehouse] = held
        for no, sku, qty in todo:
            tally.add(
                (warehouse, sku),
                -qty,
                -qty,
                0,
                key=f"ship:{parcel_no}:{no}",
                kind="ship",
                ref=no,
                at=now,
                reason="",
                run_id=run_id,
            )
        out.append(Outcome(key=parcel_no, result="done"))
    many(
        c, "UPDATE reservations SET shipped=?, state=? WHERE reservation_id=? AND warehouse=?",
        [(dumps(h.shipped), "open" if h.left() else "shipped", h.reservation_id, h.warehouse) for h in touched.values()],
    )  # fmt: skip
    tally.flush()
    return out


def _take(
    known: dict[str, list[Held]], warehouse: str, todo: Sequence[tuple[str, str, int]]
) -> list[tuple[Held, str, int]] | None:
    """From which open reservations the pieces come, or None when an order holds too little there."""
    taken: dict[tuple[str, str], int] = {}
    plan = []
    for no, sku, qty in todo:
        need = qty
        for held in known.get(no, ()):
            if held.state != "open" or held.warehouse != warehouse:
                continue
            part = min(need, held.left().get(sku, 0) - taken.get((held.reservation_id, sku), 0))
            if part > 0:
                taken[held.reservation_id, sku] = taken.get((held.reservation_id, sku), 0) + part
                plan.append((held, sku, part))
                need -= part
        if need:
            return None
    return plan


def _played(c: Connection, keys: Iterable[str]) -> set[tuple[str, str, str]]:
    out: set[tuple[str, str, str]] = set()
    for part in chunks(sorted(set(keys)), 500):
        out |= set(fetch(c, f"SELECT warehouse, sku, key FROM stock_journal WHERE key IN ({marks(len(part))})", part))
    return out


def move(c: Connection, moves: Sequence[StockMove], *, run_id: str) -> list[Outcome]:
    """See Stock.move."""
    played = _played(c, [m.key for m in moves])
    tally = Tally(c, [(m.warehouse, m.sku) for m in moves])
    out = []
    for m in moves:
        place = (m.warehouse, m.sku)
        if (*place, m.key) in played:
            out.append(Outcome(key=m.key, result="already"))
            continue
        held = tally.held(place) + m.held
        if (
            held < 0
            or tally.defective(place) + m.defective < 0
            or tally.on_hand(place) + m.on_hand < (held if m.on_hand < 0 or m.held > 0 else 0)
        ):
            out.append(
                Outcome(
                    key=m.key,
                    result="refused",
                    reason="below_zero" if tally.on_hand(place) + m.on_hand < 0 else "below_held",
                )
            )
            continue
        tally.add(
            place,
            m.on_hand,
            m.held,
            m.defective,
            key=m.key,
            kind=m.kind,
            ref=m.ref,
            at=ms(m.at),
            reason=m.reason,
            run_id=run_id,
        )
        played.add((*place, m.key))
        out.append(Outcome(key=m.key, result="done"))
    tally.flush()
    return out


def count(
    c: Connection, counts: Sequence[tuple[str, str, str, int, datetime]], *, run_id: str, reason: str
) -> list[Outcome]:
    """See Stock.count. A count's journal entry bears its as-of time, so that a later count sees it as past."""
    played = _played(c, [k for k, *_ in counts])
    tally = Tally(c, [(w, s) for _, w, s, _, _ in counts])
    last: dict[Place, int] = {}
    for part in chunks(sorted({s for _, _, s, _, _ in counts}), 500):
        for w, s, at in fetch(
            c, f"SELECT warehouse, sku, as_of FROM stock_counts WHERE sku IN ({marks(len(part))})", part
        ):
            last[w, s] = at
    later = _later(c, counts)
    out, rows = [], []
    for key, warehouse, sku, pieces, as_of in counts:
        place, at = (warehouse, sku), ms(as_of)
        if (*place, key) in played or (place in last and last[place] == at and pieces == _counted(c, place)):
            out.append(Outcome(key=key, result="already"))
        elif at < last.get(place, -1):
            out.append(Outcome(key=key, result="refused", reason="older_count"))
        elif pieces + later.get((*place, at), 0) < 0:
            out.append(Outcome(key=key, result="refused", reason="below_zero"))
        else:
            delta = pieces + later.get((*place, at), 0) - tally.on_hand(place)
            tally.add(place, delta, 0, 0, key=key, kind="count", ref="", at=at, reason=reason, run_id=run_id)
            rows.append((warehouse, sku, at, pieces, key))
            last[place] = at
            out.append(Outcome(key=key, result="done", reason="below_held" if tally.available(place) < 0 else ""))
    many(c, _COUNTED, rows)
    tally.flush()
    return out


def _counted(c: Connection, place: Place) -> int | None:
    found = fetch(c, "SELECT counted FROM stock_counts WHERE warehouse=? AND sku=?", place)
    return found[0][0] if found else None


def _later(c: Connection, counts: Sequence[tuple[str, str, str, int, datetime]]) -> dict[tuple[str, str, int], int]:
    """On-hand movements after the as-of time of each count."""
    out: dict[tuple[str, str, int], int] = {}
    for at in sorted({ms(as_of) for *_, as_of in counts}):
        sql = "SELECT warehouse, sku, sum(on_hand) FROM stock_journal WHERE at > ? GROUP BY warehouse, sku"
        out |= {(w, s, at): n for w, s, n in fetch(c, sql, (at,))}
    return out


def want(c: Connection, demands: Sequence[Demand]) -> list[Outcome]:
    """See Stock.want; one outcome per demand."""
    orders = sorted({d.order_no for d in demands})
    busy = {no for no, hs in held_by(c, orders).items() if any(h.state == "open" for h in hs)}
    many(c, "DELETE FROM demand WHERE order_no = ?", [(no,) for no in orders if no not in busy])
    many(c, _WANT, [(d.order_no, d.sku, d.qty) for d in demands if d.order_no not in busy])
    return [
        Outcome(
            key=f"{d.order_no}:{d.sku}",
            result="refused" if d.order_no in busy else "done",
            reason="held" if d.order_no in busy else "",
        )
        for d in demands
    ]


def unwant(c: Connection, order_nos: Sequence[str]) -> list[Outcome]:
    """See Stock.unwant."""
    had: set[str] = set()
    for part in chunks(sorted(set(order_nos)), 500):
        had |= {
            r[0] for r in fetch(c, f"SELECT DISTINCT order_no FROM demand WHERE order_no IN ({marks(len(part))})", part)
        }
    many(c, "DELETE FROM demand WHERE order_no = ?", [(no,) for no in sorted(had)])
    return [Outcome(key=no, result="done" if no in had else "already") for no in order_nos]
