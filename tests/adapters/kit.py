"""What the adapter tests share: a clock that records sleeps, ports in memory, and a scripted server at httpx's seam."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec

from adapters.documents import Batch, Pulled
from adapters.errors import AdapterError, ShopBroken
from adapters.platforms import find
from adapters.platforms.base import Platform, Pull
from adapters.ports import AccessToken, Connection, Credentials, Limit, Retry

SAMPLES = Path(__file__).with_name("samples")
NOON = datetime(2025, 11, 20, 4, 0, tzinfo=UTC)


class FixedClock:
    """Stands still; sleeping moves it on and is written down."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(round(seconds, 3))
        self._now += timedelta(seconds=seconds)

    def set(self, now: datetime) -> None:
        self._now = now


class MemoryLimiter:
    """Spacing and push-back only."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self._free: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self.taken: list[tuple[str, Limit]] = []
        self.pushed: list[tuple[str, float]] = []

    def take(self, key: str, limit: Limit, *, cost: float = 1.0) -> float:
        with self._lock:
            self.taken.append((key, limit))
            now = self._clock.now()
            at = max(self._free.get(key, now), now)
            self._free[key] = at + timedelta(seconds=limit.spacing_s)
            return (at - now).total_seconds()

    def push_back(self, key: str, seconds: float) -> None:
        with self._lock:
            self.pushed.append((key, seconds))
            self._free[key] = self._clock.now() + timedelta(seconds=seconds)


class MemoryTokens:
    def __init__(self, token: AccessToken | None) -> None:
        self.token = token
        self.made = 0

    def load(self) -> AccessToken | None:
        return self.token

    def renew(self, old: AccessToken | None, make: Callable[[], AccessToken]) -> AccessToken:
        if self.token is not None and (old is None or self.token.access != old.access):
            return self.token
        self.token = make()
        self.made += 1
        return self.token


class CountingBreaker:
    """Opens after three failures in a row."""

    def __init__(self) -> None:
        self.failures = 0
        self.successes = 0
        self.errors: list[Exception] = []

    def check(self) -> None:
        if self.failures >= 3:
            raise ShopBroken("resting")

    def success(self) -> None:
        self.failures = 0
        self.successes += 1

    def failure(self, error: Exception) -> None:
        self.failures += 1
        self.errors.append(error)


def first_token(seller_id: str) -> AccessToken:
    return AccessToken(access="token-1", refresh="refresh-1", expires_at=NOON + timedelta(days=5), seller_id=seller_id)


class Seen:
    """One request as the server saw it."""

    def __init__(self, request: httpx.Request) -> None:
        self.method = request.method
        self.url = request.url
        self.path = request.url.path
        self.query = dict(request.url.params)
        self.body = request.content
        self.headers = request.headers

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")


Reply = httpx.Response | dict[str, Any] | bytes | Exception
Handler = Callable[[Seen], Reply]


class Server:
    """Answers with a handler; replies queued with `next` come first. Thread-safe."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.seen: list[Seen] = []
        self._queue: list[Reply | Handler] = []
        self._lock = threading.Lock()

    def next(self, *replies: Reply | Handler) -> None:
        self._queue.extend(replies)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        seen = Seen(request)
        with self._lock:
            self.seen.append(seen)
            queued = self._queue.pop(0) if self._queue else None
        reply: Any = self.handler(seen) if queued is None else queued(seen) if callable(queued) else queued
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return reply
        body = reply if isinstance(reply, bytes) else json.dumps(reply, ensure_ascii=False).encode()
        return httpx.Response(200, content=body, headers={"date": "Thu, 20 Nov 2025 04:00:01 GMT"})


class Rig:
    """An adapter with its ports in memory and a scripted server behind it."""

    def __init__(self, platform: str | type[Platform], handler: Handler, **changes: Any) -> None:
        cls = find(platform) if isinstance(platform, str) else platform
        self.server = Server(handler)
        self.clock = changes.pop("clock", None) or FixedClock()
        self.limiter = MemoryLimiter(self.clock)
        seller_id = changes.pop("seller_id", "7700001")
        self.tokens = MemoryTokens(changes.pop("stored", first_token("")))
        self.breaker = CountingBreaker()
        secret = changes.pop("secret", "example-secret")
        connection = Connection(
            shop="shop-1",
            credentials=Credentials(
                app_key=changes.pop("app_key", "12129701"), secret=lambda: secret, seller_id=seller_id,
                token=changes.pop("token", None),
            ),
            clock=self.clock, limiter=self.limiter, tokens=self.tokens, breaker=self.breaker,
            transport=httpx.MockTransport(self.server), retry=changes.pop("retry", Retry()), **changes,
        )  # fmt: skip
        self.adapter = cls(connection)

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.adapter.close()

    def pull(
        self,
        kind: str = "orders",
        scan: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        **more: Any,
    ) -> tuple[Pull, list[Batch]]:
        scans = self.adapter.scans[kind]
        chosen = next((s for s in scans if s.name == scan), scans[0])
        pull = self.adapter.pull(
            kind, chosen, start or NOON - timedelta(hours=2), end or NOON - timedelta(hours=1), **more
        )
        return pull, list(pull)

    def pull_kind(self, kind: str) -> Pull:
        """Ask for a kind that may not exist."""
        return self.adapter.pull(kind, self.adapter.scans["orders"][0], NOON - timedelta(hours=2), NOON)


def items(batches: Sequence[Batch]) -> list[Pulled]:
    return [item for batch in batches for item in batch.items]


def sample(platform: str, name: str) -> bytes:
    return (SAMPLES / platform / f"{name}.json").read_bytes()


def as_json(pulled: Sequence[Pulled]) -> list[Any]:
    """Documents as the JSON that is kept beside the samples."""
    return [
        json.loads(msgspec.json.encode(p.document))
        if p.document is not None
        else {"error": p.error, "number": p.number}
        for p in pulled
    ]


def until_error(rig: Rig, start: datetime, end: datetime) -> tuple[Any, AdapterError | None]:
    """Pull until it ends; the pull, and the error it ended with."""
    scan = rig.adapter.scans["orders"][0]
    pull = rig.adapter.pull("orders", scan, start, end)
    try:
        for _ in pull:
            pass
    except AdapterError as error:
        return pull, error
    return pull, None
