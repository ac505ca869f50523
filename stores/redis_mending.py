"""Taking the journals over into the books, and bringing a stopped warehouse back."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sql.columns import dumps, loads, ms
from stores import redis_server as server
from stores.contracts.stock import Mended
from stores.database import chunks
from stores.errors import StoreError
from stores.redis_books import Kept, entries, step_of
from stores.redis_gate import Pass

if TYPE_CHECKING:
    from stores.database import Clock
    from stores.redis_books import Books
    from stores.redis_gate import Gate
    from stores.redis_server import Server

#: entries taken over in one transaction
BATCH = 1000
#: entries stay in Redis so long after they were taken over, for readers that began before
LINGER_S = 3600
#: closed reservations and keys played stay in Redis so long, the books keep them for good
KEEP_DAYS = 30


class Mending:
    """What `oms stock drain` asks of stock that has books. The journal's positions decide who is ahead."""

    _redis: Server
    _books: Books | None
    _gate: Gate
    _clock: Clock

    def drained(self) -> bool:
        """See the contract."""
        return self._books is not None

    def drain(self) -> dict[str, int]:
        """See the contract."""
        books = self._with_books()
        stopped = set(self._gate.closed())
        return {k.warehouse: self._drain(k) for k in books.all() if k.warehouse not in stopped}

    def _drain(self, kept: Kept) -> int:
        taken = 0
        while True:
            with self._redis.guarded():
                raw = self._redis.client.xrange(
                    server.key(kept.warehouse, "journal"), f"({kept.position}-1", "+", count=BATCH
                )
            if not raw or not self._take_over(kept, raw):
                break
            taken += len(raw)
            kept = kept._replace(position=int(raw[-1][0].partition("-")[0]))
        self._forget_old(kept)
        return taken

    def _take_over(self, kept: Kept, raw: list[Any]) -> bool:
        books = self._with_books()
        if kept.warehouse == server.DEMAND:
            told = [(int(i.partition("-")[0]), f["o"], loads(f["d"])) for i, f in raw]
            return books.take_over_demand(kept, told)
        return books.take_over(kept, entries(raw))

    def _forget_old(self, kept: Kept) -> None:
        """Let Redis forget what the books had long enough."""
        now = ms(self._clock.now())
        if now - kept.mark_at < LINGER_S * 1000:
            return
        old = now - KEEP_DAYS * 86_400_000
        with self._redis.guarded():
            self._redis.client.xtrim(
                server.key(kept.warehouse, "journal"), minid=f"{kept.mark + 1}-0", approximate=False
            )
            self._redis.client.zremrangebyscore(server.key(kept.warehouse, "played"), "-inf", old)
        self._with_books().set_mark(kept, now)

    # ---- stopped warehouses
    def stopped(self) -> list[str]:
        """See the contract."""
        return sorted(self._gate.closed(), key=lambda w: (w != server.DEMAND, w))

    def mend(self, warehouse: str) -> Mended:
        """See the contract."""
        books = self._with_books()
        kept = books.find(warehouse)
        if kept is None:
            raise StoreError(f"{warehouse} is not in the books")
        lent = Pass(f"mend:{secrets.token_hex(8)}", "mend")
        meta = server.key(warehouse, "meta")
        with self._redis.guarded():
            had = self._redis.client.hget(meta, "seq")
        step = -1 if had is None else int(had)
        if step >= step_of(kept) and kept.opened and self._is_whole(warehouse):
            self._drain(kept)
            found = "checked"
        else:
            self._rebuild(warehouse)
            found = "behind"
        with self._redis.guarded():
            self._redis.client.hset(meta, mapping={"epoch": lent.epoch, "server": lent.server})
        self._gate.lend(warehouse, lent)
        return Mended(warehouse, found, step, step_of(kept))

    def _is_whole(self, warehouse: str) -> bool:
        with self._redis.guarded():
            return self._redis.client.hget(server.key(warehouse, "meta"), "epoch") is not None

    def reopen(self, warehouse: str) -> None:
        """See the contract. A new epoch begins, in the books first."""
        books = self._with_books()
        self._gate.forget(warehouse)
        books.publish(self._redis, books.next_epoch(warehouse, self._redis.identity()))

    def _rebuild(self, warehouse: str) -> None:
        now = self._clock.now()
        books = self._with_books()
        if warehouse == server.DEMAND:
            self._rebuild_demand()
            return
        loaded = books.load(
            warehouse, closed_since=ms(now - timedelta(days=KEEP_DAYS)), moved_since=ms(now - timedelta(days=91))
        )  # fmt: skip
        keys = server.warehouse_keys(warehouse)
        levels = {f"{p}:{sku}": n for sku, *numbers in loaded.levels for p, n in zip("ohd", numbers, strict=True)}
        moved = {f"{seq}|{sku}|{qty}": at for seq, sku, qty, at in loaded.moved}
        with self._redis.guarded():
            pipe = self._redis.client.pipeline(transaction=False)
            pipe.delete(*keys[:7])
            _fill(pipe, keys[1], levels)
            _fill(pipe, keys[2], {no: dumps(held) for no, held in loaded.held.items()})
            _fill(pipe, keys[3], {sku: dumps(rest) for sku, *rest in loaded.counts})
            for part in chunks(list(moved.items()), 1000):
                pipe.zadd(keys[5], dict(part))
            pipe.hset(keys[0], mapping={"seq": step_of(loaded.kept), "no": loaded.kept.no})
            pipe.hset(server.REGISTRY, warehouse, loaded.kept.no)
            pipe.execute()

    def _rebuild_demand(self) -> None:
        kept, wanted = self._with_books().load_demand()
        sums: dict[str, int] = {}
        for items in wanted.values():
            for sku, qty in items.items():
                sums[sku] = sums.get(sku, 0) + qty
        orders, skus, journal, meta = server.DEMAND_KEYS
        with self._redis.guarded():
            pipe = self._redis.client.pipeline(transaction=False)
            pipe.delete(orders, skus, journal, meta)
            _fill(pipe, orders, {no: dumps(items) for no, items in wanted.items()})
            _fill(pipe, skus, sums)
            pipe.hset(meta, mapping={"seq": kept.position, "no": kept.no})
            pipe.execute()

    def _with_books(self) -> Books:
        if self._books is None:
            raise StoreError("this stock has no books to be drained into")
        return self._books


def _fill(pipe: Any, key: str, values: dict[str, Any]) -> None:
    for part in chunks(list(values.items()), 1000):
        pipe.hset(key, mapping=dict(part))
