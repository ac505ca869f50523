"""Holding, giving back and shipping stock, inside one transaction: read in sets, decide in Python, write in sets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sql.columns import dumps
from sql.stock import reservations
from stores.database import insert_sql, many
from stores.records import Answer, Ask, Outcome
from stores.stock_demand import take_off, wish
from stores.stock_tally import Cause, Held, Tally, held_as, held_by, played

_RESERVE = insert_sql(reservations)
_STATE = "UPDATE reservations SET state=? WHERE reservation_id=? AND warehouse=?"
_SHIPPED = "UPDATE reservations SET shipped=?, state=? WHERE reservation_id=? AND warehouse=?"

#: (parcel_no, warehouse, ((order_no, sku, qty), ...))
Shipped = tuple[str, str, Sequence[tuple[str, str, int]]]


def reserve(c: Connection, asks: Sequence[Ask], *, now: int, run_id: str) -> list[Answer]:
    """See Stock.reserve."""
    return _Reserving(c, asks, now, run_id).answers


class _Reserving:
    """One batch of asks: each sees what those before it took."""

    def __init__(self, c: Connection, asks: Sequence[Ask], now: int, run_id: str) -> None:
        self._known = held_by(c, [a.order_no for a in asks])
        old = [(h.warehouse, s) for hs in self._known.values() for h in hs for s in h.items]
        self._tally = Tally(c, [(a.warehouse, s) for a in asks for s, _ in a.items] + old)
        self._now, self._run_id = now, run_id
        self._granted: list[Ask] = []
        #: asks granted in this batch, by order, that are not among the known yet
        self._fresh: dict[str, list[Ask]] = {}
        self._over: list[Held] = []
        self.answers = [self._answer(ask) for ask in asks]
        many(
            c,
            _RESERVE,
            [(*_identity(a), a.order_no, a.attempt, dumps(a.items), "{}", "open", now) for a in self._granted],
        )
        # After the inserts: an attempt may supersede one of its own batch.
        many(c, _STATE, [("superseded", *h.row_key) for h in self._over])
        take_off(c, [(a.order_no, s, q) for a in self._granted for s, q in a.items])
        self._tally.flush()

    def _answer(self, ask: Ask) -> Answer:
        if ask.order_no in self._fresh:
            self._known.setdefault(ask.order_no, []).extend(map(_held, self._fresh.pop(ask.order_no)))
        known = self._known.get(ask.order_no, ())
        mine = [h for h in known if h.warehouse == ask.warehouse] if known else ()
        for held in mine:
            if held.reservation_id == ask.reservation_id:
                return _said(ask, granted=held.state in ("open", "shipped"))
        if mine and any(h.attempt > ask.attempt for h in mine):
            # A late repeat of an attempt that a newer one has replaced.
            return _said(ask, granted=False)
        older = [h for h in mine if h.state == "open"] if mine else ()
        missing = self._missing(ask, older)
        if missing:
            return _said(ask, granted=False, missing=missing)
        self._grant(ask, older)
        return _said(ask, granted=True)

    def _missing(self, ask: Ask, older: Sequence[Held]) -> dict[str, int]:
        """Pieces short per SKU, if the older attempts gave theirs back."""
        back: dict[str, int] = {}
        for held in older:
            for sku, qty in held.left().items():
                back[sku] = back.get(sku, 0) + qty
        missing: dict[str, int] = {}
        for sku, qty in ask.items:
            free = self._tally.available((ask.warehouse, sku)) + back.get(sku, 0)
            if qty > free:
                missing[sku] = qty - max(free, 0)
        return missing

    def _grant(self, ask: Ask, older: Sequence[Held]) -> None:
        if older:
            kept = [h for h in self._known.get(ask.order_no, ()) if h not in older]
            for held in older:
                _give_back(self._tally, held, "superseded", self._now, self._run_id)
                kept.append(held._replace(state="superseded"))
            self._known[ask.order_no] = kept
            self._over += older
        self._tally.hold(ask, self._now, self._run_id)
        self._fresh.setdefault(ask.order_no, []).append(ask)
        self._granted.append(ask)


def _held(ask: Ask) -> Held:
    return Held(*_identity(ask), ask.order_no, ask.attempt, dict(ask.items), {}, "open")


def _identity(ask: Ask) -> tuple[str, str]:
    return ask.reservation_id, ask.warehouse


def _said(ask: Ask, *, granted: bool, missing: dict[str, int] | None = None) -> Answer:
    return Answer(
        reservation_id=ask.reservation_id, warehouse=ask.warehouse, granted=granted, missing=missing or {}
    )  # fmt: skip


def _give_back(tally: Tally, held: Held, why: str, now: int, run_id: str) -> None:
    cause = Cause(f"{held.reservation_id}:{why}", "release", held.order_no, now, run_id, why)
    for sku, qty in held.left().items():
        tally.add((held.warehouse, sku), cause, held=-qty)


def release(c: Connection, ids: Sequence[tuple[str, str]], *, now: int, run_id: str, to_demand: bool) -> list[Outcome]:
    """See Stock.release."""
    known = held_as(c, [i for i, _ in ids])
    chosen = {i: known[i] for i in ids if i in known and known[i].state == "open"}
    tally = Tally(c, [(h.warehouse, s) for h in chosen.values() for s in h.items])
    for held in chosen.values():
        _give_back(tally, held, "released", now, run_id)
    many(c, _STATE, [("released", *key) for key in chosen])
    if to_demand:
        wish(c, [(h.order_no, s, q) for h in chosen.values() for s, q in h.left().items()])
    tally.flush()
    return [Outcome(key=f"{i}@{w}", result="done" if (i, w) in chosen else "already") for i, w in ids]


def ship(c: Connection, parcels: Sequence[Shipped], *, now: int, run_id: str) -> list[Outcome]:
    """See Stock.ship."""
    return _Shipping(c, parcels, now, run_id).outcomes


class _Shipping:
    """One batch of parcels that left."""

    def __init__(self, c: Connection, parcels: Sequence[Shipped], now: int, run_id: str) -> None:
        self._known = held_by(c, [no for _, _, items in parcels for no, _, _ in items])
        self._tally = Tally(c, [(w, s) for _, w, items in parcels for _, s, _ in items])
        self._gone = played(c, [_ship_key(p, no) for p, _, items in parcels for no, _, _ in items])
        self._now, self._run_id = now, run_id
        self._touched: dict[tuple[str, str], Held] = {}
        self.outcomes = [self._parcel(*parcel) for parcel in parcels]
        rows = [(dumps(h.shipped), "open" if h.left() else "shipped", *h.row_key) for h in self._touched.values()]
        many(c, _SHIPPED, rows)
        self._tally.flush()

    def _parcel(self, parcel_no: str, warehouse: str, items: Sequence[tuple[str, str, int]]) -> Outcome:
        todo: dict[tuple[str, str], int] = {}
        for no, sku, qty in items:
            if (_ship_key(parcel_no, no), warehouse, sku) not in self._gone:
                todo[no, sku] = todo.get((no, sku), 0) + qty
        if not todo:
            return Outcome(key=parcel_no, result="already")
        plan = self._plan(warehouse, todo)
        if plan is None:
            return Outcome(key=parcel_no, result="refused", reason="not_held")
        total: dict[str, int] = {}
        for (_, sku), qty in todo.items():
            total[sku] = total.get(sku, 0) + qty
        if any(self._tally.on_hand((warehouse, sku)) < qty for sku, qty in total.items()):
            # A count found less than is held: shipping what is not there would drive on-hand below zero.
            return Outcome(key=parcel_no, result="refused", reason="below_zero")
        self._commit(parcel_no, warehouse, todo, plan)
        return Outcome(key=parcel_no, result="done")

    def _plan(self, warehouse: str, todo: dict[tuple[str, str], int]) -> list[tuple[Held, str, int]] | None:
        """From which open reservations the pieces come, or None when an order holds too little there."""
        plan = []
        for (no, sku), need in todo.items():
            for held in self._known.get(no, ()):
                if held.state == "open" and held.warehouse == warehouse and need:
                    part = min(need, held.left().get(sku, 0))
                    if part:
                        plan.append((held, sku, part))
                    need -= part
            if need:
                return None
        return plan

    def _commit(
        self, parcel_no: str, warehouse: str, todo: dict[tuple[str, str], int], plan: Sequence[tuple[Held, str, int]]
    ) -> None:
        for held, sku, qty in plan:
            held.shipped[sku] = held.shipped.get(sku, 0) + qty
            self._touched[held.row_key] = held
        for (no, sku), qty in todo.items():
            key = _ship_key(parcel_no, no)
            self._tally.add(
                (warehouse, sku), Cause(key, "ship", no, self._now, self._run_id), on_hand=-qty, held=-qty
            )  # fmt: skip
            self._gone.add((key, warehouse, sku))


def _ship_key(parcel_no: str, order_no: str) -> str:
    return f"ship:{parcel_no}:{order_no}"
