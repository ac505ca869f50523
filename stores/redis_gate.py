"""Which warehouses may be written to: the epochs that the SQL books and Redis must agree on.

A warehouse is open while its epoch and the server's identity are the same in Redis, in the books and in the caller's
mind. After a flush, a restart or a failover they are not: it is stopped, the others go on, and `redis_books` mends it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from stores import redis_server as server
from stores.errors import Stopped

if TYPE_CHECKING:
    from stores.redis_books import Books
    from stores.redis_server import Server

#: a warehouse that somebody else is just entering for the first time is looked at so often
LOOKS, LOOK_S = 10, 0.02


class Pass(NamedTuple):
    """What a script compares before it writes."""

    epoch: str
    server: str


class Gate:
    """The passes of one process, read once and again when a script says that they no longer hold."""

    def __init__(self, redis: Server, books: Books | None) -> None:
        self._redis = redis
        self._books = books
        #: warehouse → its pass, and who answered when it was given
        self._passes: dict[str, tuple[Pass, str]] = {}

    def open(self, warehouse: str) -> Pass:
        """The pass of a warehouse; a new one is entered.

        Raises:
            Stopped: its epoch is missing in Redis or behind the books, or another server answers than they know.
        """
        if self._books is None and warehouse in self._passes:
            return self._passes[warehouse][0]
        identity = self._redis.identity()
        found, at = self._passes.get(warehouse, (None, ""))
        if found is None or at != identity:
            found = self._look(warehouse)
            self._passes[warehouse] = (found, identity)
        return found

    def forget(self, warehouse: str) -> None:
        self._passes.pop(warehouse, None)

    def lend(self, warehouse: str, lent: Pass) -> None:
        """Use another pass from now on: who mends a warehouse writes while nobody else may."""
        self._passes[warehouse] = (lent, self._redis.identity())

    def closed(self) -> list[str]:
        """Warehouses that the books know and that are not open, the demand of all orders among them."""
        if self._books is None:
            return []
        kept = self._books.all()
        with self._redis.guarded():
            pipe = self._redis.client.pipeline(transaction=False)
            for k in kept:
                pipe.hmget(server.key(k.warehouse, "meta"), "epoch", "server")
            found = pipe.execute()
        now = self._redis.identity()
        return [
            k.warehouse
            for k, (epoch, at) in zip(kept, found, strict=True)
            if (epoch, at) != (str(k.epoch), now) or k.server != now
        ]

    def _look(self, warehouse: str) -> Pass:
        if self._books is None:
            keys = (server.REGISTRY, server.key(warehouse, "meta"))
            return Pass(*self._redis.run("enlist", keys, (warehouse, "")))
        for _ in range(LOOKS):
            kept = self._books.find(warehouse) or self._books.enter(warehouse, self._redis)
            told = Pass(str(kept.epoch), kept.server)
            if self._agree(warehouse, told):
                return told
            if kept.opened:
                break
            # somebody else is just entering it
            time.sleep(LOOK_S)
        raise Stopped(f"{warehouse}: {self._redis.path}")

    def _agree(self, warehouse: str, told: Pass) -> bool:
        with self._redis.guarded():
            found = self._redis.client.hmget(server.key(warehouse, "meta"), "epoch", "server")
        return Pass(*(x or "" for x in found)) == told and told.server == self._redis.identity()
