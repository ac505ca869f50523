"""The ports that adapters ask for, kept in the ledger so that all processes share them."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.errors import NotAuthorised, QuotaSpent, ShopBroken
from adapters.ports import AccessToken, Connection, Credentials, Limit, Retry
from jobs.errors import BadSettings, UnknownThing
from stores.records import Token

if TYPE_CHECKING:
    from adapters.platforms.base import Platform
    from jobs.env import Env
    from jobs.schema import BreakerSection
    from stores.contracts import Ledger


class LedgerLimiter:
    """Rates shared by threads and processes: one small named value per key, changed by compare-and-set."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._now = now

    def take(self, key: str, limit: Limit, *, cost: float = 1.0) -> float:
        """Book the next call; see adapters.ports.Limiter."""
        name = f"limit:{key}"
        while True:
            old = self._ledger.value(name)
            now = self._now().timestamp()
            state = json.loads(old) if old else {}
            wait = _book(state, limit, now, cost)
            if self._ledger.swap(name, old, json.dumps(state)):
                return max(wait, 0.0)

    def push_back(self, key: str, seconds: float) -> None:
        """Nobody calls under this key for `seconds`."""
        name = f"limit:{key}"
        while True:
            old = self._ledger.value(name)
            state = json.loads(old) if old else {}
            state["blocked"] = max(state.get("blocked", 0.0), self._now().timestamp() + seconds)
            if self._ledger.swap(name, old, json.dumps(state)):
                return


def _book(state: dict[str, float], limit: Limit, now: float, cost: float) -> float:
    """Book one call in `state` (changed in place); returns the seconds to wait for its turn."""
    at = max(now, state.get("blocked", 0.0))
    if limit.spacing_s:
        at = max(at, state.get("last", 0.0) + limit.spacing_s)
    for size, rate, name, need in (
        (float(limit.burst), limit.rate_per_s, "bucket", 1.0),
        (limit.points, limit.restore_per_s, "points", cost),
    ):
        if rate <= 0:
            continue
        level, since = state.get(name, size), state.get(f"{name}_at", at)
        level = min(size, level + max(at - since, 0.0) * rate)
        if level < need:
            # Turns given away already lie ahead: this one comes after them.
            at = max(at, since) + (need - level) / rate
            level = need
        state[name], state[f"{name}_at"] = level - need, max(at, since)
    if limit.daily:
        day = float(int(now // 86400))
        used = state.get("used", 0.0) if state.get("day") == day else 0.0
        if used >= limit.daily:
            until = datetime.fromtimestamp((day + 1) * 86400).astimezone()
            raise QuotaSpent("daily calls used up", until=until)
        state["day"], state["used"] = day, used + 1
    state["last"] = at
    return at - now


class LedgerTokens:
    """Access tokens of one shop, encrypted in the ledger; one refresher at a time."""

    def __init__(self, env: Env, shop: str) -> None:
        self._env = env
        self._shop = shop

    def load(self) -> AccessToken | None:
        kept = self._env.ledger.token(self._shop)
        return _as_access(kept) if kept else None

    def renew(self, old: AccessToken | None, make: Callable[[], AccessToken]) -> AccessToken:
        """Give the token another process made meanwhile, else make one under a lease."""
        ledger = self._env.ledger
        holder = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        for _ in range(200):
            kept = self.load()
            if kept is not None and (old is None or kept.access != old.access):
                return kept
            lease = ledger.acquire(f"token:{self._shop}", holder=holder, ttl_s=60.0)
            if lease is not None:
                try:
                    kept = self.load()
                    if kept is not None and (old is None or kept.access != old.access):
                        return kept
                    made = make()
                    ledger.put_token(
                        Token(
                            shop=self._shop, access=made.access, refresh=made.refresh, expires_at=made.expires_at,
                            refresh_expires_at=made.refresh_expires_at, seller_id=made.seller_id,
                        )
                    )  # fmt: skip
                    return made
                finally:
                    ledger.free(lease)
            self._env.clock.sleep(0.1)
        raise NotAuthorised("another process holds the token's renewal and does not finish", shop=self._shop)


def _as_access(kept: Token) -> AccessToken:
    return AccessToken(
        access=kept.access, refresh=kept.refresh, expires_at=kept.expires_at,
        refresh_expires_at=kept.refresh_expires_at, seller_id=kept.seller_id,
    )  # fmt: skip


class LedgerBreaker:
    """Opens after so many failed calls in a row, rests, then lets one through."""

    def __init__(self, ledger: Ledger, shop: str, now: Callable[[], datetime], rule: BreakerSection) -> None:
        self._ledger = ledger
        self._shop = shop
        self._now = now
        self._rule = rule
        self._name = f"breaker:{shop}"

    def _state(self) -> tuple[str | None, dict[str, float]]:
        old = self._ledger.value(self._name)
        return old, json.loads(old) if old else {}

    def check(self) -> None:
        _, state = self._state()
        until = state.get("until", 0.0)
        if until > self._now().timestamp():
            when = datetime.fromtimestamp(until).astimezone()
            raise ShopBroken(f"rests until {when:%Y-%m-%d %H:%M:%S%z}", shop=self._shop)

    def success(self) -> None:
        old, state = self._state()
        if state:
            self._ledger.swap(self._name, old, "{}")

    def failure(self, error: Exception) -> None:
        """Count a call that failed after its retries; the last allowed one opens the breaker."""
        while True:
            old, state = self._state()
            failures = state.get("failures", 0.0) + 1
            fresh: dict[str, float] = {"failures": failures}
            if failures >= self._rule.failures:
                fresh["until"] = (self._now() + timedelta(seconds=self._rule.rest)).timestamp()
            if self._ledger.swap(self._name, old, json.dumps(fresh)):
                return


def connect(env: Env, alias: str) -> Platform:
    """Make the adapter of one shop.

    Raises:
        UnknownThing: no such shop. BadSettings: the seller is known under another alias, or a secret is missing.
        adapters.errors.UnknownPlatform: no such adapter.
    """
    from adapters.platforms import find
    from jobs.rules.numbers import seller_code
    from jobs.settings import secret

    shop = env.settings.shops.get(alias)
    if shop is None:
        raise UnknownThing(f"shop {alias!r}", hint="oms shop list")
    made = find(shop.platform)
    bound = env.ledger.register_seller(alias, shop.platform, shop.seller_id, seller_code(shop.platform, shop.seller_id))
    if not bound.ok:
        raise BadSettings(f"shop {alias!r}: {bound.reason}; one seller has one alias, and an alias one seller")
    connection = Connection(
        shop=alias,
        base_url=shop.base_url,
        credentials=Credentials(
            app_key=shop.app_key,
            secret=secret(shop.app_secret, env.root),
            seller_id=shop.seller_id,
            token=secret(shop.token, env.root) if shop.token else None,
        ),
        clock=env.clock,
        limiter=LedgerLimiter(env.ledger, env.clock.now),
        tokens=LedgerTokens(env, alias),
        breaker=LedgerBreaker(env.ledger, alias, env.clock.now, env.settings.breaker),
        retry=Retry(
            waits_s=env.settings.retry.waits, within_s=env.settings.retry.within, timeout_s=env.settings.retry.timeout
        ),
        transport=env.transport,
        options=dict(shop.options),
    )
    return made(connection)
