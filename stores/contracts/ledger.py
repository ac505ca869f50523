"""The contract of the ledger: windows, leases, runs, alerts, effects and what else is kept about the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from stores.records import (
    Alert,
    AuditEntry,
    Effect,
    Lateness,
    Lease,
    Outcome,
    Run,
    RunTally,
    Task,
    Token,
    Watermark,
    Window,
)


class Ledger(Protocol):
    """Windows, marks, tokens, leases, runs, tasks, alerts, effects, limits, audit."""

    def now(self) -> datetime:
        """The store's clock."""
        ...

    # --- sellers: two aliases for one seller are refused
    def register_seller(self, shop: str, platform: str, seller_id: str, code: str) -> Outcome:
        """Bind alias ↔ (platform, seller_id) ↔ code. ``refused`` with reason ``alias_taken`` (that alias is another
        seller), ``seller_taken`` (facts in reason: other alias) or ``code_clash``; ``already`` when the same."""
        ...

    def sellers(self) -> dict[str, tuple[str, str, str]]:
        """alias → (platform, seller_id, code)."""
        ...

    # --- sync
    def marks(self) -> dict[tuple[str, str, str], Watermark]:
        """(shop, kind, scan) → watermark."""
        ...

    def set_mark(self, mark: Watermark, *, lease: Lease | None) -> Outcome:
        """Frontier and proven only rise here; with a lease whose token is outdated: ``lost``."""
        ...

    def reopen(self, mark: Watermark) -> Outcome:
        """Set `proven` back (a later find); frontier is untouched."""
        ...

    def put_window(self, window: Window, *, lease: Lease | None) -> Outcome:
        """Upsert by window_id; with a lease whose token is outdated: ``lost``."""
        ...

    def windows(
        self,
        *,
        shop: str = "",
        kind: str = "",
        state: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 500,
    ) -> list[Window]:
        """By (shop, kind, start)."""
        ...

    def add_lateness(self, found: Sequence[Lateness]) -> None: ...

    def lateness(self, shop: str, kind: str, *, since: datetime) -> list[Lateness]: ...

    # --- leases
    def acquire(self, name: str, *, holder: str, ttl_s: float) -> Lease | None:
        """A lease with a token higher than any before, or None while another's runs."""
        ...

    def beat(self, lease: Lease, *, ttl_s: float) -> bool:
        """Prolong; False when it was lost."""
        ...

    def holds(self, lease: Lease) -> bool: ...

    def free(self, lease: Lease) -> None: ...

    def leases(self) -> list[Lease]: ...

    def break_lease(self, name: str) -> Lease | None:
        """Take a lease away (operator); returns who held it."""
        ...

    # --- runs
    def put_run(self, run: Run) -> None:
        """Upsert by run_id."""
        ...

    def runs(self, *, job: str = "", limit: int = 50) -> list[Run]:
        """Newest first."""
        ...

    def run(self, run_id: str) -> Run | None: ...

    def last_runs(self) -> dict[str, Run]:
        """job (and job:shop) → its newest run that ended."""
        ...

    def tally_runs(self, since: datetime, until: datetime) -> list[RunTally]:
        """Runs that began in [since, until), counted by job and outcome."""
        ...

    # --- tasks
    def add_tasks(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Insert; ``already`` when the key is there."""
        ...

    def due_tasks(self, kind: str, *, limit: int, lease_s: float, worker: str) -> list[Task]: ...

    def settle_tasks(self, done: Sequence[tuple[str, str, str]]) -> list[Outcome]:
        """(key, state done|void|waiting, reason)."""
        ...

    # --- alerts
    def raise_alert(self, alert: Alert) -> Alert:
        """Open or count up by key; returns it as it stands (`notified_at` None: nobody was told yet)."""
        ...

    def alerts(self, *, open_only: bool = True, limit: int = 200) -> list[Alert]: ...

    def ack_alerts(self, keys: Sequence[str], *, by: str) -> list[Outcome]: ...

    def mark_notified(self, key: str) -> None: ...

    # --- effects
    def intend(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Write intents; ``already`` when the key is there, whatever its state."""
        ...

    def claim_effects(
        self, kind: str, *, shop: str, limit: int, lease_s: float, worker: str
    ) -> tuple[str, list[Effect]]:
        """Take whole groups that are due: state intent, accepted, unknown, or sent with an expired lease (these come
        back as ``unknown``: the answer was lost)."""
        ...

    def mark_sent(self, token: str, keys: Sequence[str]) -> list[Outcome]:
        """Write that the call is about to be made; must be committed before it is."""
        ...

    def settle_effects(self, token: str, results: Sequence[Effect]) -> list[Outcome]:
        """Write results (state, answer, poll, next_at, payload) of claimed effects; ends their claim."""
        ...

    def effects(
        self,
        *,
        kind: str = "",
        shop: str = "",
        state: str = "",
        refs: Sequence[str] = (),
        keys: Sequence[str] = (),
        limit: int = 500,
        after: str = "",
    ) -> list[Effect]: ...

    def void_effects(self, keys: Sequence[str], *, reason: str) -> list[Outcome]:
        """Withdraw intents that were not sent."""
        ...

    def retry_effects(self, keys: Sequence[str]) -> list[Outcome]:
        """Put parked or refused effects back to intent (after a read-back or by an operator)."""
        ...

    # --- tokens, small shared state, audit
    def token(self, shop: str) -> Token | None: ...

    def put_token(self, token: Token) -> None:
        """Stored encrypted."""
        ...

    def swap(self, name: str, expect: str | None, value: str) -> bool:
        """Compare-and-set of a small named value (limiter buckets, breakers); True when it was written."""
        ...

    def value(self, name: str) -> str | None: ...

    def values(self, prefix: str) -> dict[str, str]: ...

    def audit(self, entries: Sequence[AuditEntry]) -> None: ...

    def audit_trail(self, *, ref: str = "", limit: int = 200) -> list[AuditEntry]: ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]: ...

    def close(self) -> None: ...
