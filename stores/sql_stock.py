"""Stock on a SQL database: the questions, and the writes that are thin over `stores/stock_*.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sql.columns import loads, when
from sql.stock import demand, metadata, reservations, stock, stock_counts, stock_journal
from stores import stock_demand, stock_holding, stock_moving
from stores.database import Clock, chunks, dump_rows, fetch, marks, open_database
from stores.records import Answer, Ask, Demand, JournalEntry, Level, Outcome, Reservation, Snapshot, StockMove

_LEVEL = "SELECT warehouse, sku, on_hand, held, defective FROM stock"
_RESERVATION = "SELECT reservation_id, order_no, attempt, warehouse, items, state, at, shipped FROM reservations"
_JOURNAL = "SELECT seq, key, kind, warehouse, sku, on_hand, held, defective, ref, at, reason FROM stock_journal"


class SqlStock:
    """See `stores.contracts.Stock`."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._db = open_database(url, metadata, "stock", clock)

    # ---- writes: each one transaction, decided in sets
    def reserve(self, asks: Sequence[Ask], *, run_id: str) -> list[Answer]:
        with self._db.write() as c:
            return stock_holding.reserve(c, asks, now=self._db.now_ms(), run_id=run_id)

    def release(
        self, reservation_ids: Sequence[tuple[str, str]], *, run_id: str, to_demand: bool = False
    ) -> list[Outcome]:
        with self._db.write() as c:
            return stock_holding.release(c, reservation_ids, now=self._db.now_ms(), run_id=run_id, to_demand=to_demand)

    def ship(self, parcels: Sequence[tuple[str, str, Sequence[tuple[str, str, int]]]], *, run_id: str) -> list[Outcome]:
        with self._db.write() as c:
            return stock_holding.ship(c, parcels, now=self._db.now_ms(), run_id=run_id)

    def move(self, moves: Sequence[StockMove], *, run_id: str) -> list[Outcome]:
        with self._db.write() as c:
            return stock_moving.move(c, moves, run_id=run_id)

    def count(
        self, counts: Sequence[tuple[str, str, str, int, datetime]], *, run_id: str, reason: str
    ) -> list[Outcome]:
        with self._db.write() as c:
            return stock_moving.count(c, counts, run_id=run_id, reason=reason)

    def want(self, demands: Sequence[Demand]) -> list[Outcome]:
        with self._db.write() as c:
            return stock_demand.want(c, demands)

    def unwant(self, order_nos: Sequence[str]) -> list[Outcome]:
        with self._db.write() as c:
            return stock_demand.unwant(c, order_nos)

    # ---- questions
    def levels(self, *, warehouses: Sequence[str] = (), skus: Sequence[str] = ()) -> list[Level]:
        where, args = _where(("warehouse", warehouses), ("sku", skus))
        with self._db.read() as c:
            return [_level(r) for r in fetch(c, f"{_LEVEL}{where} ORDER BY warehouse, sku", args)]

    def demand(self, *, skus: Sequence[str] = ()) -> dict[str, int]:
        where, args = _where(("sku", skus))
        with self._db.read() as c:
            return dict(fetch(c, f"SELECT sku, sum(qty) FROM demand{where} GROUP BY sku", args))

    def demand_of(self, order_nos: Sequence[str]) -> dict[str, list[Demand]]:
        out: dict[str, list[Demand]] = {}
        with self._db.read() as c:
            for part in chunks(order_nos, 500):
                sql = f"SELECT order_no, sku, qty FROM demand WHERE order_no IN ({marks(len(part))}) ORDER BY 1, 2"
                for no, sku, qty in fetch(c, sql, part):
                    out.setdefault(no, []).append(Demand(order_no=no, sku=sku, qty=qty))
        return out

    def reservations(self, order_nos: Sequence[str]) -> dict[str, list[Reservation]]:
        out: dict[str, list[Reservation]] = {}
        with self._db.read() as c:
            for part in chunks(order_nos, 500):
                sql = f"{_RESERVATION} WHERE order_no IN ({marks(len(part))}) ORDER BY order_no, attempt, warehouse"
                for row in fetch(c, sql, part):
                    out.setdefault(row[1], []).append(_reservation(row))
        return out

    def scan_reservations(self, *, state: str = "open", batch: int = 500) -> Iterator[list[Reservation]]:
        last = ("", "")
        while True:
            sql = f"{_RESERVATION} WHERE state=? AND (reservation_id, warehouse) > (?, ?) ORDER BY reservation_id, warehouse LIMIT ?"
            with self._db.read() as c:
                found = [_reservation(r) for r in fetch(c, sql, (state, *last, batch))]
            if not found:
                return
            last = (found[-1].reservation_id, found[-1].warehouse)
            yield found

    def scan_demand(self, *, batch: int = 500) -> Iterator[list[Demand]]:
        last = ("", "")
        while True:
            sql = "SELECT order_no, sku, qty FROM demand WHERE (order_no, sku) > (?, ?) ORDER BY order_no, sku LIMIT ?"
            with self._db.read() as c:
                found = [Demand(order_no=o, sku=s, qty=q) for o, s, q in fetch(c, sql, (*last, batch))]
            if not found:
                return
            last = (found[-1].order_no, found[-1].sku)
            yield found

    def snapshot(self) -> Snapshot:
        with self._db.read() as c:
            position = fetch(c, "SELECT coalesce(max(seq), 0) FROM stock_journal")[0][0]
            return Snapshot(
                position=position, levels=tuple(_level(r) for r in fetch(c, f"{_LEVEL} ORDER BY warehouse, sku"))
            )

    def journal(self, *, after: int = 0, until: int | None = None, batch: int = 1000) -> Iterator[list[JournalEntry]]:
        end = until if until is not None else 1 << 62
        while True:
            with self._db.read() as c:
                found = [
                    _entry(r)
                    for r in fetch(c, f"{_JOURNAL} WHERE seq>? AND seq<=? ORDER BY seq LIMIT ?", (after, end, batch))
                ]
            if not found:
                return
            after = found[-1].seq
            yield found

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._db.read() as c:
            for table in (stock, stock_journal, reservations, demand, stock_counts):
                for row in dump_rows(c, table):
                    yield table.name, row

    def close(self) -> None:
        self._db.close()


def _where(*filters: tuple[str, Sequence[str]]) -> tuple[str, list[str]]:
    parts = [f"{name} IN ({marks(len(values))})" for name, values in filters if values]
    args = [v for _, values in filters for v in values]
    return (" WHERE " + " AND ".join(parts) if parts else ""), args


def _level(row: Sequence[Any]) -> Level:
    return Level(warehouse=row[0], sku=row[1], on_hand=row[2], held=row[3], defective=row[4])


def _reservation(row: Sequence[Any]) -> Reservation:
    return Reservation(
        reservation_id=row[0], order_no=row[1], attempt=row[2], warehouse=row[3],
        items=tuple((s, q) for s, q in loads(row[4])), state=row[5], at=when(row[6]), shipped=loads(row[7]),
    )  # fmt: skip


def _entry(row: Sequence[Any]) -> JournalEntry:
    return JournalEntry(
        seq=row[0], key=row[1], kind=row[2], warehouse=row[3], sku=row[4], on_hand=row[5], held=row[6], defective=row[7],
        ref=row[8], at=when(row[9]), reason=row[10],
    )  # fmt: skip
