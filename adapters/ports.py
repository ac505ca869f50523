"""What adapters need from the house, as protocols: they receive these and import nothing of ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec


class Clock(Protocol):
    """Time as adapters see it; `sleep` is where a test makes waiting short."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A rate as data. Only the parts that are set apply; all of them together.

    spacing_s: least time between two calls · rate_per_s with burst: token bucket · points with restore_per_s: cost
    bucket, a call takes its cost · daily: calls per day of the platform's zone.
    """

    spacing_s: float = 0.0
    rate_per_s: float = 0.0
    burst: int = 1
    points: float = 0.0
    restore_per_s: float = 0.0
    daily: int = 0


class Limiter(Protocol):
    """Rate state shared by threads and processes, keyed by (platform app, shop, method group)."""

    def take(self, key: str, limit: Limit, *, cost: float = 1.0) -> float:
        """Reserve the next call and return how many seconds to wait before making it.

        Raises:
            QuotaSpent (adapters.errors): the daily quota is used up; carries until when.
        """
        ...

    def push_back(self, key: str, seconds: float) -> None:
        """The platform said to wait: nobody calls under this key for that long."""
        ...


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """An access token; `repr` shows no secret."""

    access: str
    refresh: str = ""
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    seller_id: str = ""

    def __repr__(self) -> str:
        return f"AccessToken(expires_at={self.expires_at!s}, ***)"


class Tokens(Protocol):
    """Where access tokens live, shared by processes. One refresher at a time per shop."""

    def load(self) -> AccessToken | None: ...

    def renew(self, old: AccessToken | None, make: Callable[[], AccessToken]) -> AccessToken:
        """Replace `old`: if another process has done so meanwhile return its token, else call `make` under a lease
        and store what it gives."""
        ...


class Breaker(Protocol):
    """Keeps us from calling a shop that keeps failing."""

    def check(self) -> None:
        """Raises ShopBroken (adapters.errors) while open."""
        ...

    def success(self) -> None: ...

    def failure(self, error: Exception) -> None:
        """Count a call that failed for good after its retries."""
        ...


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop signs with. Secrets are functions read at use, so that a changed key needs no restart."""

    app_key: str
    secret: Callable[[], str]
    seller_id: str
    #: fixed token from the settings; empty: tokens come from the store
    token: Callable[[], str] | None = None

    def __repr__(self) -> str:
        return f"Credentials(app_key={self.app_key!r}, seller_id={self.seller_id!r}, ***)"


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """Backoff for what is retryable: waits in seconds; the number of waits bounds the attempts."""

    waits_s: tuple[float, ...] = (10.0, 30.0, 60.0)
    #: no retry after this many seconds since the first attempt
    within_s: float = 300.0
    timeout_s: float = 30.0


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one adapter instance gets for one shop."""

    shop: str
    base_url: str = ""
    credentials: Credentials
    clock: Clock
    limiter: Limiter
    tokens: Tokens
    breaker: Breaker
    retry: Retry = Retry()
    #: httpx.BaseTransport for tests; None: the network
    transport: object | None = None
    #: adapter options from the shop's settings, each declared in `Platform.options`
    options: dict[str, object] = {}
