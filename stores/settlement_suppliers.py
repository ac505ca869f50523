"""Suppliers in the settlement store on SQL: prices, adjustments, bills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy.engine import Connection

from sql.columns import when
from sql.settlement import (
    supplier_adjustments,
    supplier_bills,
    supplier_files,
    supplier_lines,
    supplier_moves,
    supplier_prices,
)
from stores.contracts.suppliers import SUPPLIERS
from stores.database import Database, chunks, fetch, insert_sql, many, marks, names, run
from stores.records.base import Outcome
from stores.records.suppliers import (
    SupplierAdjustment,
    SupplierBill,
    SupplierFile,
    SupplierLine,
    SupplierMove,
    SupplierPrice,
)
from stores.rows import Rows
from stores.settlement_fence import Refused

_PRICES = Rows(supplier_prices, SupplierPrice)
_FILES = Rows(supplier_files, SupplierFile)
_ADJUSTMENTS = Rows(supplier_adjustments, SupplierAdjustment)
_BILLS = Rows(supplier_bills, SupplierBill)
_LINES = Rows(supplier_lines, SupplierLine)
_MOVES = names(supplier_moves)
#: a bill in one of these holds its period
_STANDING = "('booked', 'confirmed')"


class SqlSuppliers:
    """See `stores.contracts.suppliers.Suppliers`."""

    _db: Database
    _fenced: Callable[..., AbstractContextManager[Connection]]

    # ------------------------------------------------------------------ prices
    def put_prices(self, prices: Sequence[SupplierPrice], *, file: SupplierFile, token: int) -> Outcome:
        def act(c: Connection) -> None:
            kept = _prices_of(c, sorted({p.sku for p in prices}))
            anew = [p for p in prices if not _same(kept.get((p.sku, p.valid_from)), p)]
            if not anew and fetch(c, "SELECT 1 FROM supplier_files WHERE hash=?", (file.hash,)):
                raise Refused("already", "imported")
            _refuse_overlaps([*(kept | {(p.sku, p.valid_from): p for p in anew}).values()])
            many(c, _PRICES.upsert, _PRICES.rows(anew))
            many(c, _FILES.upsert, [_FILES.row(file)])

        return self._do(file.hash, token, act)

    def prices(
        self, *, skus: Sequence[str] = (), supplier: str = "", on: str = "", limit: int = 0
    ) -> list[SupplierPrice]:
        where, args = ["1=1"], list[Any]()
        if skus:
            where, args = [*where, f"sku IN ({marks(len(skus))})"], [*args, *skus]
        if supplier:
            where, args = [*where, "supplier=?"], [*args, supplier]
        if on:
            where, args = [*where, "valid_from<=? AND valid_to>=?"], [*args, on, on]
        sql = f"{_PRICES.select} WHERE {' AND '.join(where)} ORDER BY sku, valid_from LIMIT ?"
        with self._db.read() as c:
            return _PRICES.records(fetch(c, sql, [*args, limit or -1]))

    # ------------------------------------------------------------------ adjustments
    def add_adjustment(self, adjustment: SupplierAdjustment, *, token: int) -> Outcome:
        def act(c: Connection) -> None:
            a = adjustment
            if fetch(c, "SELECT 1 FROM supplier_adjustments WHERE adjustment_id=?", (a.adjustment_id,)):
                raise Refused("already")
            if standing := _standing(c, a.supplier, a.period):
                raise Refused("refused", f"has_bill:{standing}")
            many(c, _ADJUSTMENTS.insert, [_ADJUSTMENTS.row(a)])

        return self._do(adjustment.adjustment_id, token, act)

    def adjustments(
        self, *, supplier: str = "", period: str = "", bill_no: str | None = None
    ) -> list[SupplierAdjustment]:
        given = {"supplier": supplier, "period": period}
        where = {k: v for k, v in given.items() if v} | ({} if bill_no is None else {"bill_no": bill_no})
        sql = f"{_ADJUSTMENTS.select} WHERE {' AND '.join(f'{k}=?' for k in where) or '1=1'} ORDER BY at, adjustment_id"
        with self._db.read() as c:
            return _ADJUSTMENTS.records(fetch(c, sql, list(where.values())))

    # ------------------------------------------------------------------ bills
    def add_bill(
        self, bill: SupplierBill, lines: Sequence[SupplierLine], moves: Sequence[SupplierMove], *, token: int
    ) -> Outcome:
        def act(c: Connection) -> None:
            _may_book(c, bill)
            for part in chunks(moves, 500):
                seqs = [m.seq for m in part]
                if fetch(c, f"SELECT 1 FROM supplier_moves WHERE seq IN ({marks(len(seqs))})", seqs):
                    raise Refused("refused", "charged")
            taken = [(bill.bill_no, x.adjustment_id) for x in lines if x.adjustment_id]
            if many(c, "UPDATE supplier_adjustments SET bill_no=? WHERE adjustment_id=? AND bill_no=''", taken) != len(
                taken
            ):
                raise Refused("refused", "adjustment_taken")
            many(c, _BILLS.insert, [_BILLS.row(bill)])
            many(c, _LINES.insert, _LINES.rows(lines))
            many(c, insert_sql(supplier_moves), moves)

        return self._do(bill.bill_no, token, act)

    def confirm_bill(self, bill_no: str, *, who: str, token: int) -> Outcome:
        def act(c: Connection) -> None:
            state = _state(c, bill_no)
            if state != "booked":
                raise Refused("already" if state == "confirmed" else "refused", state or "unknown")
            self._set_state(c, bill_no, "confirmed", who)

        return self._do(bill_no, token, act)

    def undo_bill(self, bill_no: str, *, who: str, token: int) -> Outcome:
        def act(c: Connection) -> None:
            state = _state(c, bill_no)
            if state != "booked":
                raise Refused("already" if state == "undone" else "refused", state or "unknown")
            for table in ("supplier_moves", "supplier_lines"):
                run(c, f"DELETE FROM {table} WHERE bill_no=?", (bill_no,))
            run(c, "UPDATE supplier_adjustments SET bill_no='' WHERE bill_no=?", (bill_no,))
            self._set_state(c, bill_no, "undone", who)

        return self._do(bill_no, token, act)

    def _set_state(self, c: Connection, bill_no: str, state: str, who: str) -> None:
        sql = "UPDATE supplier_bills SET state=?, changed_at=?, changed_by=? WHERE bill_no=?"
        run(c, sql, (state, self._db.now_ms(), who, bill_no))

    def bills(
        self, *, supplier: str = "", period: str = "", bill_nos: Sequence[str] = (), states: Sequence[str] = (), limit: int = 0
    ) -> list[SupplierBill]:  # fmt: skip
        where, args = ["1=1"], list[Any]()
        for column, value in (("supplier", supplier), ("period", period)):
            if value:
                where, args = [*where, f"{column}=?"], [*args, value]
        for column, values in (("bill_no", bill_nos), ("state", states)):
            if values:
                where, args = [*where, f"{column} IN ({marks(len(values))})"], [*args, *values]
        sql = f"{_BILLS.select} WHERE {' AND '.join(where)} ORDER BY supplier, period, round LIMIT ?"
        with self._db.read() as c:
            return _BILLS.records(fetch(c, sql, [*args, limit or -1]))

    def bill_lines(self, bill_no: str) -> list[SupplierLine]:
        with self._db.read() as c:
            return _LINES.records(fetch(c, f"{_LINES.select} WHERE bill_no=? ORDER BY line_no", (bill_no,)))

    def bill_moves(self, bill_no: str, *, batch: int = 1000) -> Iterator[list[SupplierMove]]:
        after = -1
        sql = f"SELECT {', '.join(_MOVES)} FROM supplier_moves WHERE bill_no=? AND seq>? ORDER BY seq LIMIT ?"
        while True:
            with self._db.read() as c:
                found = [SupplierMove(*row) for row in fetch(c, sql, (bill_no, after, batch))]
            if not found:
                return
            after = found[-1].seq
            yield found

    def charged(self, seqs: Sequence[int]) -> set[int]:
        if not seqs:
            return set()
        with self._db.read() as c:
            found = fetch(c, f"SELECT seq FROM supplier_moves WHERE seq IN ({marks(len(seqs))})", list(seqs))
        return {seq for (seq,) in found}

    def shipped_prices(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, str, int]]:
        if not pairs:
            return {}
        sql = (
            "SELECT order_no, sku, supplier, currency, price_minor FROM supplier_moves JOIN supplier_bills USING (bill_no) "
            f"WHERE kind='ship' AND (order_no, sku) IN (VALUES {','.join('(?,?)' for _ in pairs)}) ORDER BY seq"
        )
        with self._db.read() as c:
            found = fetch(c, sql, [v for pair in pairs for v in pair])
        return {(order_no, sku): (supplier, currency, price) for order_no, sku, supplier, currency, price in found}

    def first_billed(self) -> dict[str, datetime]:
        sql = f"SELECT supplier, min(start_at) FROM supplier_bills WHERE state IN {_STANDING} GROUP BY supplier"
        with self._db.read() as c:
            found = fetch(c, sql)
        return {supplier: at for supplier, start in found if (at := when(start)) is not None}

    def _do(self, key: str, token: int, act: Callable[[Connection], None]) -> Outcome:
        try:
            with self._fenced(SUPPLIERS, token) as c:
                act(c)
        except Refused as refused:
            return Outcome(key=key, result=refused.result, reason=refused.reason)
        return Outcome(key=key, result="done")


def _prices_of(c: Connection, skus: Sequence[str]) -> dict[tuple[str, str], SupplierPrice]:
    rows = [
        row
        for part in chunks(skus, 500)
        for row in fetch(c, f"{_PRICES.select} WHERE sku IN ({marks(len(part))})", part)
    ]
    return {(p.sku, p.valid_from): p for p in _PRICES.records(rows)}


def _same(kept: SupplierPrice | None, told: SupplierPrice) -> bool:
    def says(p: SupplierPrice) -> tuple[Any, ...]:
        return p.valid_to, p.supplier, p.currency, p.price_minor

    return kept is not None and says(kept) == says(told)


def _refuse_overlaps(prices: Sequence[SupplierPrice]) -> None:
    ordered = sorted(prices, key=lambda p: (p.sku, p.valid_from))
    for one, other in pairwise(ordered):
        if one.sku == other.sku and other.valid_from <= one.valid_to:
            raise Refused("refused", f"overlaps: {one} and {other}")


def _standing(c: Connection, supplier: str, period: str) -> str:
    sql = f"SELECT bill_no FROM supplier_bills WHERE supplier=? AND period=? AND state IN {_STANDING}"
    found = fetch(c, sql, (supplier, period))
    return str(found[0][0]) if found else ""


def _may_book(c: Connection, bill: SupplierBill) -> None:
    sql = "SELECT state FROM supplier_bills WHERE supplier=? AND period=? AND plan_hash=?"
    of_plan = {state for (state,) in fetch(c, sql, (bill.supplier, bill.period, bill.plan_hash))}
    if of_plan & {"booked", "confirmed"}:
        raise Refused("already", "plan_applied")
    if of_plan or _state(c, bill.bill_no):
        raise Refused("refused", "plan_used")
    if standing := _standing(c, bill.supplier, bill.period):
        raise Refused("refused", f"has_bill:{standing}")


def _state(c: Connection, bill_no: str) -> str:
    found = fetch(c, "SELECT state FROM supplier_bills WHERE bill_no=?", (bill_no,))
    return str(found[0][0]) if found else ""
