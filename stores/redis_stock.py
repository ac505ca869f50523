"""Stock on Redis: every write is one script per warehouse, which moves counters and journal in one step.

Source: the scripts beside this file, `stores/lua/*.lua`; what they are called with is in `redis_server`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sql.columns import dumps, ms
from stores import redis_server as server
from stores.database import Clock, chunks
from stores.errors import Stopped
from stores.records import Answer, Ask, Demand, Outcome, StockMove
from stores.redis_books import Books
from stores.redis_gate import Gate
from stores.redis_mending import Mending
from stores.redis_reading import Reading
from stores.redis_server import Server
from stores.retrying import retrying

T = TypeVar("T")

#: items of one script's call: Redis does nothing else meanwhile
CALL = 100
#: movements older than this are no longer kept beside the counters: a count of that time cannot be taken
MOVED_DAYS = 90
#: what is done for a batch's items of one warehouse: their results, in their order
Act = Callable[[str, Sequence[Any]], list[Any]]


class RedisStock(Reading, Mending):
    """See `stores.contracts.Stock`; with books also `stores.contracts.DrainedStock`.

    Args:
        books: URL of the SQL database that the journal is drained into; "" for Redis alone, whose counters nothing
            can bring back after a flush.
    """

    def __init__(self, url: str, *, clock: Clock, books: str = "") -> None:
        self._redis = Server(url)
        self._clock = clock
        try:
            self._books = retrying(Books(books, clock=clock)) if books else None
        except BaseException:
            self._redis.close()
            raise
        self._gate = Gate(self._redis, self._books)

    # ---- holding
    def reserve(self, asks: Sequence[Ask], *, run_id: str) -> list[Answer]:
        """See the contract. At a warehouse that is stopped everything is short; asked again it may be there."""

        def act(warehouse: str, some: Sequence[Ask]) -> list[Answer]:
            batch = [(a.reservation_id, a.order_no, a.attempt, a.items) for a in some]
            try:
                told = self._write("reserve", warehouse, batch, run_id)
            except Stopped:
                told = [[0, *(x for item in a.items for x in item)] for a in some]
            return [_answer(ask, found) for ask, found in zip(some, told, strict=True)]

        return self._by_warehouse(asks, lambda a: a.warehouse, act)

    def release(
        self, reservation_ids: Sequence[tuple[str, str]], *, run_id: str, to_demand: bool = False
    ) -> list[Outcome]:
        """See the contract.

        Raises:
            Stopped: at one of the warehouses nothing was released; at all others it was.
        """
        once = list(dict.fromkeys(reservation_ids))

        def act(warehouse: str, some: Sequence[tuple[str, str]]) -> list[str]:
            batch = [to_demand, [(i, i.rpartition(":")[0]) for i, _ in some]]
            return ["done" if x else "already" for x in self._write("release", warehouse, batch, run_id)]

        results = dict(zip(once, self._all(once, lambda x: x[1], act), strict=True))
        return [Outcome(key=f"{i}@{w}", result=results[i, w]) for i, w in reservation_ids]

    def ship(self, parcels: Sequence[tuple[str, str, Sequence[tuple[str, str, int]]]], *, run_id: str) -> list[Outcome]:
        """See the contract. From a warehouse that is stopped nothing ships: ``refused``, reason ``warehouse_stopped``."""

        def act(warehouse: str, some: Sequence[Any]) -> list[Outcome]:
            keys = {f"ship:{no}:{order}" for no, _, items in some for order, _, _ in items}
            try:
                told = self._write("ship", warehouse, [(no, items) for no, _, items in some], run_id, keys)
            except Stopped:
                told = ["warehouse_stopped"] * len(some)
            return [_outcome(no, word) for (no, _, _), word in zip(some, told, strict=True)]

        return self._by_warehouse(parcels, lambda p: p[1], act)

    # ---- movements
    def move(self, moves: Sequence[StockMove], *, run_id: str) -> list[Outcome]:
        """See the contract.

        Raises:
            Stopped: at one of the warehouses nothing was moved; at all others it was.
        """

        def act(warehouse: str, some: Sequence[StockMove]) -> list[Outcome]:
            batch = [
                (m.key, m.kind, m.sku, m.on_hand, m.held, m.defective, m.ref, ms(m.at), m.reason) for m in some
            ]  # fmt: skip
            told = self._write("move", warehouse, batch, run_id, {m.key for m in some})
            return [_outcome(m.key, word) for m, word in zip(some, told, strict=True)]

        return self._all(moves, lambda m: m.warehouse, act)

    def count(
        self, counts: Sequence[tuple[str, str, str, int, datetime]], *, run_id: str, reason: str
    ) -> list[Outcome]:
        """See the contract; a count of a time before all that is kept is ``refused``, reason ``too_old``.

        Raises:
            Stopped: at one of the warehouses nothing was counted; at all others it was.
        """
        oldest = self._clock.now() - timedelta(days=MOVED_DAYS)

        def act(warehouse: str, some: Sequence[Any]) -> list[Outcome]:
            good = [(key, sku, pieces, ms(as_of)) for key, _, sku, pieces, as_of in some if as_of >= oldest]
            told = iter(self._write("count", warehouse, [reason, good], run_id, {g[0] for g in good}) if good else ())
            return [_outcome(key, next(told) if as_of >= oldest else "too_old") for key, _, _, _, as_of in some]

        return self._all(counts, lambda c: c[1], act)

    # ---- demand
    def want(self, demands: Sequence[Demand]) -> list[Outcome]:
        """See the contract.

        Raises:
            Stopped: the demand of all orders waits to be checked against the books.
        """
        orders: dict[str, list[tuple[str, int]]] = {}
        for d in demands:
            orders.setdefault(d.order_no, []).append((d.sku, d.qty))
        held = [server.key(w, "reservations") for w in self.warehouses()]
        batch = list(orders.items())
        told = [x for part in chunks(batch, CALL) for x in self._call("want", server.DEMAND, part, "", held)]
        busy = {no for (no, _), done in zip(batch, told, strict=True) if not done}
        return [
            Outcome(
                key=f"{d.order_no}:{d.sku}", result="refused" if d.order_no in busy else "done",
                reason="held" if d.order_no in busy else "",
            )
            for d in demands
        ]  # fmt: skip

    def unwant(self, order_nos: Sequence[str]) -> list[Outcome]:
        """See the contract; raises as `want` does."""
        once = list(dict.fromkeys(order_nos))
        told = [x for part in chunks(once, CALL) for x in self._call("unwant", server.DEMAND, part, "")]
        had = dict(zip(once, told, strict=True))
        return [Outcome(key=no, result="done" if had[no] else "already") for no in order_nos]

    def close(self) -> None:
        self._redis.close()
        if self._books is not None:
            self._books.close()

    # ---- calls
    def _write(self, name: str, warehouse: str, batch: Any, run_id: str, keys: Iterable[str] = ()) -> list[Any]:
        """Run a script of one warehouse. `keys`: of what happens once; the books remember those longest."""
        wanted = sorted(keys)
        old = self._books.played(warehouse, wanted) if self._books is not None and wanted else []
        return self._call(name, warehouse, batch, run_id, (), old)

    def _call(
        self, name: str, warehouse: str, batch: Any, run_id: str, more_keys: Sequence[str] = (), old: Sequence[str] = ()
    ) -> list[Any]:
        keys = (*server.warehouse_keys(warehouse), *more_keys)
        rest = (ms(self._clock.now()), run_id, dumps(batch), dumps(old))
        for _ in range(2):
            told: Any = self._redis.run(name, keys, (*self._gate.open(warehouse), *rest))
            if told != "stopped":
                return list(told)
            # its epoch rose since it was read; a look says whether to go on
            self._gate.forget(warehouse)
        raise Stopped(f"{warehouse}: {self._redis.path}")

    def _by_warehouse(self, items: Sequence[Any], of: Callable[[Any], str], act: Act) -> list[Any]:
        """Hand the items of each warehouse over together, as they come; results in the order of the items."""
        places: dict[str, list[int]] = {}
        for n, item in enumerate(items):
            places.setdefault(of(item), []).append(n)
        out: list[Any] = [None] * len(items)
        for warehouse, positions in places.items():
            for part in chunks(positions, CALL):
                for n, result in zip(part, act(warehouse, [items[n] for n in part]), strict=True):
                    out[n] = result
        return out

    def _all(self, items: Sequence[Any], of: Callable[[Any], str], act: Act) -> list[Any]:
        """As `_by_warehouse`; a stopped warehouse is told of only after the others got theirs."""
        stopped: list[Stopped] = []

        def going_on(warehouse: str, some: Sequence[Any]) -> list[Any]:
            try:
                return act(warehouse, some)
            except Stopped as error:
                stopped.append(error)
                return [None] * len(some)

        out = self._by_warehouse(items, of, going_on)
        if stopped:
            raise stopped[0]
        return out


def _answer(ask: Ask, told: Sequence[Any]) -> Answer:
    missing = {told[n]: int(told[n + 1]) for n in range(1, len(told), 2)}
    return Answer(
        reservation_id=ask.reservation_id, warehouse=ask.warehouse, granted=bool(told[0]), missing=missing
    )  # fmt: skip


def _outcome(key: str, word: str) -> Outcome:
    if word in ("done", "already"):
        return Outcome(key=key, result=word)
    if word == "counted_below_held":
        return Outcome(key=key, result="done", reason="below_held")
    return Outcome(key=key, result="refused", reason=word)
