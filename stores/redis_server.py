"""One Redis server as the stock engine uses it: scripts by name, keys by warehouse, errors that become ours.

A server that was started again, or another one that took its place, may have lost its last second without saying so. Each
connection therefore asks who answers, and a call that meets another server than before fails instead of going on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from stores.errors import StoreError, Unavailable

_LUA = Path(__file__).parent / "lua"
#: script → the texts in front of it
_PARTS = {
    "reserve": ("warehouse", "reservations", "demand"),
    "release": ("warehouse", "reservations", "demand"),
    "ship": ("warehouse", "reservations"),
    "move": ("warehouse",),
    "count": ("warehouse",),
    "want": ("demand",),
    "unwant": ("demand",),
    "fence": (),
    "enlist": (),
}
#: the demand of all orders is kept beside the warehouses, under a name that no warehouse has
DEMAND = ":demand"
REGISTRY = "oms:stock:warehouses"
TIMEOUT_S = 10.0


def key(warehouse: str, part: str) -> str:
    """A warehouse's keys share a tag, so that a cluster keeps them in one slot."""
    return f"oms:stock:{{{warehouse}}}:{part}"


DEMAND_KEYS = tuple(key(DEMAND, part) for part in ("orders", "skus", "journal", "meta"))


@cache
def warehouse_keys(warehouse: str) -> tuple[str, ...]:
    """The keys of a warehouse's scripts, in their order."""
    parts = ("meta", "levels", "reservations", "counts", "played", "moved", "journal")
    return (*(key(warehouse, part) for part in parts), *DEMAND_KEYS)


def script(name: str) -> str:
    """The text of a script as the server gets it."""
    return "\n".join((_LUA / f"{part}.lua").read_text(encoding="utf-8") for part in (*_PARTS[name], name))


def scripts() -> tuple[str, ...]:
    """Names of all scripts."""
    return tuple(_PARTS)


class OtherServer(Exception):
    """Another server answers than before. Not repeated by the driver."""


class Server:
    """A connection pool, and the identity of who answers there."""

    def __init__(self, url: str) -> None:
        self.path = _without_password(url)
        self._identity = ""
        retry = Retry(ExponentialBackoff(cap=0.5, base=0.01), 3)
        self.client: Any = redis.Redis.from_url(
            url, decode_responses=True, redis_connect_func=self._met, socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S, retry=retry,
            retry_on_error=[redis.exceptions.ConnectionError, redis.exceptions.TimeoutError],
        )  # fmt: skip
        self._scripts = {name: self.client.register_script(script(name)) for name in _PARTS}

    def _met(self, connection: Any) -> None:
        connection.on_connect()
        connection.send_command("INFO", "server")
        told = connection.read_response()
        run = next(x[7:].strip() for x in told.splitlines() if x.startswith("run_id:"))
        if self._identity and run != self._identity:
            connection.disconnect()
            raise OtherServer
        self._identity = run

    def identity(self) -> str:
        """Who answers: the server's own id, which no restart keeps."""
        if not self._identity:
            with self.guarded():
                self.client.ping()
        return self._identity

    def run(self, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a script; it may be asked again where a connection was lost, so each must be safe to repeat."""
        with self.guarded():
            return self._scripts[name](keys=keys, args=args)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """The driver's errors become ours."""
        try:
            yield
        except OtherServer as error:
            self._identity = ""
            self.client.connection_pool.disconnect()
            raise Unavailable(f"{self.path}: another server answers than before") from error
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            raise Unavailable(f"{self.path}: {error}") from error
        except (redis.exceptions.ReadOnlyError, redis.exceptions.OutOfMemoryError) as error:
            raise Unavailable(f"{self.path}: {error}") from error
        except redis.exceptions.RedisError as error:
            raise StoreError(f"{self.path}: {error}") from error

    def close(self) -> None:
        self.client.close()
        self.client.connection_pool.disconnect()


def _without_password(url: str) -> str:
    head, mark, rest = url.rpartition("@")
    return f"{head.partition('://')[0]}://{rest}" if mark else url
