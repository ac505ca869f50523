"""The order store on a SQL database: transactions here, statements in `stores/orders_*.py`."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from sql import orders as t
from sql.columns import loads, ms, when
from stores import orders_adding, orders_changing, orders_feed, orders_parcels, orders_reading
from stores import orders_rows as rows
from stores.contracts import PARTS, Change, Claimed, NewOrder, OrderQuery, ParcelChange, RefundChange
from stores.database import Clock, dump_rows, fetch, many, names, open_database, run, upsert_sql
from stores.orders_moves import by_keys, in_list
from stores.privacy import Privacy
from stores.records import (
    Edit,
    FullOrder,
    Hold,
    Order,
    Outcome,
    Parcel,
    ParcelState,
    Progress,
    Receiver,
    Refund,
    RefundLine,
    Step,
    Waiting,
)
from stores.sql_payments import SqlPayments

_receiver = msgspec.json.Decoder(Receiver).decode
_EDIT = f"SELECT {', '.join(names(t.order_edits))} FROM order_edits"
_PUT_EDIT = upsert_sql(t.order_edits, ("order_no", "field"))
#: progress in which nothing waits any more
_FINAL = (Progress.COMPLETED, Progress.CANCELLED)
_ON_THE_WAY = [p for p in Progress if p not in _FINAL]


class SqlOrders(SqlPayments):
    """See `stores.contracts.Orders`."""

    def __init__(self, url: str, *, clock: Clock, privacy: Privacy) -> None:
        self._db = open_database(url, t.metadata, "orders", clock)
        self._privacy = privacy

    # --- orders

    def add(self, batch: Sequence[NewOrder], *, run_id: str) -> list[Outcome]:
        with self._db.write() as c:
            return orders_adding.add(c, batch, run_id=run_id, now=self._db.now_ms(), seal=self._privacy.encrypt)

    def heads(self, order_nos: Sequence[str]) -> dict[str, Order]:
        with self._db.read() as c:
            return orders_reading.heads(c, order_nos)

    def load(self, order_nos: Sequence[str], *, parts: Collection[str] = PARTS) -> dict[str, FullOrder]:
        with self._db.read() as c:
            heads = orders_reading.heads(c, order_nos, parts).values()
            found = orders_reading.whole(c, heads, self._privacy.decrypt, parts)
        return {full.order.order_no: full for full in found}

    def receivers(self, order_nos: Sequence[str]) -> dict[str, Receiver]:
        with self._db.read() as c:
            found = by_keys(c, "SELECT order_no, receiver FROM order_details", "order_no", order_nos)
        return {no: _receiver(self._privacy.decrypt(sealed)) for no, sealed in found}

    def find(
        self, query: OrderQuery, *, limit: int, after: tuple[str, str] | None = None
    ) -> tuple[list[Order], tuple[str, str] | None]:
        with self._db.read() as c:
            return orders_reading.find(c, query, limit, after)

    def scan(
        self, *, batch: int = 500, progress: Sequence[Progress] = (), parts: Collection[str] = PARTS, after: str = ""
    ) -> Iterator[list[FullOrder]]:
        while True:
            with self._db.read() as c:
                page = orders_reading.page(c, after, batch, progress, parts)
                found = orders_reading.whole(c, page, self._privacy.decrypt, parts)
            if not found:
                return
            after = found[-1].order.order_no
            yield found

    def claim(
        self,
        progress: Progress,
        *,
        limit: int,
        lease_s: float,
        worker: str,
        shops: Sequence[str] = (),
        after: tuple[str, str] | None = None,
        parts: Collection[str] = PARTS,
    ) -> Claimed:
        token, now, table = secrets.token_hex(12), self._db.now_ms(), rows.heads(parts)
        with self._db.write(lasting=False) as c:
            taken = orders_reading.take(c, progress, limit, shops, after, token, now, now + int(lease_s * 1000), table)
        if not taken:
            return Claimed(token=token, orders=(), after=None)
        heads = table.records(taken)
        # Read after the lock was given back. Whoever changes an order in between raises its version, so that what is
        # decided on the mixture is refused.
        with self._db.read() as c:
            orders = orders_reading.whole(c, heads, self._privacy.decrypt, parts)
        return Claimed(token=token, orders=tuple(orders), after=orders_reading.position(taken[-1], table))

    def unclaim(self, token: str) -> None:
        # By the index of work: only what is on its way is ever claimed.
        states, args = in_list("progress", _ON_THE_WAY)
        sql = f"UPDATE orders SET claim_token='', claim_until=0 WHERE {states} AND claim_token=? AND claim_token<>''"
        with self._db.write(lasting=False) as c:
            run(c, sql, [*args, token])

    def apply(self, changes: Sequence[Change], *, run_id: str, lasting: bool = True) -> list[Outcome]:
        now, seal = self._db.now_ms(), self._privacy.encrypt
        if orders_changing.told(changes):
            try:
                with self._db.write(lasting=lasting) as c:
                    return orders_changing.apply_told(c, changes, run_id=run_id, now=now, seal=seal)
            except orders_changing.Stale:
                pass
        with self._db.write(lasting=lasting) as c:
            return orders_changing.apply(c, changes, run_id=run_id, now=now, seal=seal)

    def secure(self) -> None:
        self._db.secure()

    def history(self, ref: str) -> list[Step]:
        with self._db.read() as c:
            return rows.STEPS.records(fetch(c, f"{rows.STEPS.select} WHERE ref=? ORDER BY version", (ref,)))

    def arrivals(self, order_nos: Sequence[str], states: Sequence[str]) -> dict[str, dict[str, Step]]:
        with self._db.read() as c:
            return orders_reading.arrivals(c, order_nos, states)

    def holds(self, order_no: str) -> list[Hold]:
        with self._db.read() as c:
            return rows.HOLDS.records(
                fetch(c, f"{rows.HOLDS.select} WHERE order_no=? ORDER BY since, code", (order_no,))
            )

    def expired_holds(self, *, limit: int) -> list[Hold]:
        where = "released_at IS NULL AND until IS NOT NULL AND until<=?"
        sql = f"{rows.HOLDS.select} WHERE {where} ORDER BY until, order_no, code LIMIT ?"
        with self._db.read() as c:
            return rows.HOLDS.records(fetch(c, sql, (self._db.now_ms(), limit)))

    def edits(self, order_nos: Sequence[str]) -> dict[str, list[Edit]]:
        open_ = self._privacy.decrypt
        out: dict[str, list[Edit]] = {}
        with self._db.read() as c:
            found = by_keys(c, _EDIT, "order_no", order_nos, " ORDER BY order_no, field")
        for no, field, value, base, at, by in found:
            edit = Edit(
                order_no=no, field=field, value=open_(value).decode(), base=open_(base).decode(), at=when(at), by=by
            )
            out.setdefault(no, []).append(edit)
        return out

    def add_edits(self, edits: Sequence[Edit]) -> list[Outcome]:
        seal = self._privacy.encrypt
        values = [(e.order_no, e.field, seal(e.value.encode()), seal(e.base.encode()), ms(e.at), e.by) for e in edits]
        with self._db.write() as c:
            many(c, _PUT_EDIT, values)
        return [Outcome(key=f"{e.order_no}:{e.field}", result="done") for e in edits]

    def counts(self) -> dict[tuple[str, str], int]:
        sql = "SELECT shop, progress, count(*), sum(held > 0) FROM orders GROUP BY shop, progress"
        out: dict[tuple[str, str], int] = {}
        with self._db.read() as c:
            found = fetch(c, sql)
        for shop, progress, count, held in found:
            out[shop, progress] = count
            if held:
                out[shop, "held"] = out.get((shop, "held"), 0) + held
        return out

    def oldest(self) -> dict[str, datetime]:
        states, args = in_list("progress", _ON_THE_WAY)
        sql = f"SELECT progress, min(changed_at) FROM orders WHERE held=0 AND {states} GROUP BY progress"
        with self._db.read() as c:
            return {progress: when(at) for progress, at in fetch(c, sql, args)}

    # --- merging

    def merge_keys(self, *, ready_before: datetime, press_before: datetime, limit: int, after: str = "") -> list[str]:
        # In the order of the table itself: a run that asks for one page after another passes each row once.
        sql = "SELECT DISTINCT key FROM waiting WHERE key>? AND (window_ends_at<=? OR ship_by<?) ORDER BY key LIMIT ?"
        with self._db.read() as c:
            return [key for (key,) in fetch(c, sql, (after, ms(ready_before), ms(press_before), limit))]

    def waiting(self, keys: Sequence[str]) -> dict[str, list[Waiting]]:
        out: dict[str, list[Waiting]] = {}
        with self._db.read() as c:
            found = by_keys(c, rows.WAITING.select, "key", keys, " ORDER BY key, since, order_no, warehouse")
        for one in rows.WAITING.records(found):
            out.setdefault(one.key, []).append(one)
        return out

    # --- parcels

    def add_parcels(
        self,
        batch: Sequence[Parcel],
        *,
        run_id: str,
        reason: str,
        facts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> list[Outcome]:
        # An intent alone need not outlive a power cut: what is made of it comes later in this same file.
        lasting = any(p.state != ParcelState.PLANNING for p in batch)
        with self._db.write(lasting=lasting) as c:
            return orders_parcels.add_parcels(c, batch, run_id, self._db.now_ms(), reason, facts or {})

    def apply_parcels(self, changes: Sequence[ParcelChange], *, run_id: str) -> list[Outcome]:
        # That a parcel is planned follows from its members: it is found again when it is missing.
        lasting = any(x.to != ParcelState.PLANNED or x.set for x in changes)
        with self._db.write(lasting=lasting) as c:
            return orders_parcels.apply_parcels(c, changes, run_id, self._db.now_ms())

    def parcels(self, parcel_nos: Sequence[str]) -> dict[str, Parcel]:
        with self._db.read() as c:
            return orders_parcels.parcels(c, parcel_nos)

    def find_parcels(
        self,
        *,
        states: Sequence[ParcelState] = (),
        shops: Sequence[str] = (),
        warehouse: str = "",
        order_no: str = "",
        waybill: str = "",
        handover_no: str = "",
        limit: int = 500,
        after: str = "",
    ) -> list[Parcel]:
        exact = {"warehouse": warehouse, "waybill": waybill, "handover_no": handover_no}
        with self._db.read() as c:
            return orders_parcels.find_parcels(
                c, states=states, shops=shops, exact=exact, order_no=order_no, limit=limit, after=after
            )

    # --- refunds

    def add_refunds(
        self, batch: Sequence[tuple[Refund, tuple[RefundLine, ...]]], *, run_id: str, reason: str
    ) -> list[Outcome]:
        with self._db.write() as c:
            return orders_parcels.add_refunds(c, batch, run_id, self._db.now_ms(), reason)

    def apply_refunds(self, changes: Sequence[RefundChange], *, run_id: str) -> list[Outcome]:
        with self._db.write() as c:
            return orders_parcels.apply_refunds(c, changes, run_id, self._db.now_ms())

    def refunds(self, refund_nos: Sequence[str]) -> dict[str, tuple[Refund, tuple[RefundLine, ...]]]:
        with self._db.read() as c:
            return orders_parcels.refunds(c, refund_nos)

    def find_refunds(
        self,
        *,
        statuses: Sequence[str] = (),
        shops: Sequence[str] = (),
        order_nos: Sequence[str] = (),
        undecided: bool = False,
        limit: int = 500,
        after: str = "",
    ) -> list[Refund]:
        with self._db.read() as c:
            return orders_parcels.find_refunds(
                c, statuses=statuses, shops=shops, order_nos=order_nos, undecided=undecided, limit=limit, after=after
            )

    # --- the feed

    def feed(self, after: str = "", *, limit: int = 200) -> tuple[list[tuple[str, tuple[str, ...]]], str]:
        with self._db.read() as c:
            return orders_feed.read(c, after, limit)

    def feed_end(self) -> str:
        with self._db.read() as c:
            return orders_feed.end(c)

    def trim_feed(self, before: datetime, *, dry_run: bool = False) -> int:
        if dry_run:
            with self._db.read() as c:
                return orders_feed.old(c, ms(before))
        with self._db.write() as c:
            return orders_feed.trim(c, ms(before))

    # --- whole store

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._db.read() as c:
            for table in t.metadata.sorted_tables:
                for row in dump_rows(c, table, leave_out=("claim_token", "claim_until")):
                    yield table.name, self._clear(row)

    def _clear(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with sealed bytes opened; no latest time to ship is None."""
        if row.get("ship_by") == t.NO_SHIP_BY:
            row["ship_by"] = None
        for name, value in row.items():
            if isinstance(value, bytes):
                clear = self._privacy.decrypt(value)
                row[name] = loads(clear) if name == "receiver" and clear else clear.decode()
        return row

    def close(self) -> None:
        self._db.close()
