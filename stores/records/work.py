"""The work itself: leases, runs, tasks, alerts, effects, tokens, audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stores.records.base import Record


class Lease(Record, frozen=True, kw_only=True):
    """A right to run, with a token that rises: writes of an older token are refused."""

    name: str
    holder: str
    token: int
    until: datetime
    host: str = ""
    pid: int = 0
    beat_at: datetime | None = None


class Run(Record, frozen=True, kw_only=True):
    """One execution of a job: always written, also when nothing happened."""

    run_id: str
    job: str
    args: dict[str, Any] = {}
    #: running, done, partial, failed, busy, interrupted
    outcome: str = "running"
    counts: dict[str, int] = {}
    facts: dict[str, Any] = {}
    error: str = ""
    host: str = ""
    pid: int = 0
    started_at: datetime
    beat_at: datetime | None = None
    ended_at: datetime | None = None


class RunTally(Record, frozen=True, kw_only=True):
    """Runs of one job that ended alike."""

    job: str
    #: as in `Run`
    outcome: str
    runs: int
    #: of those that ended
    longest_s: float


class Task(Record, frozen=True, kw_only=True):
    """Something to do at a time, surviving restarts (expiry of an unpaid own order and the like)."""

    key: str
    kind: str
    ref: str
    due_at: datetime
    payload: dict[str, Any] = {}
    state: str = "waiting"
    attempts: int = 0
    reason: str = ""


class Alert(Record, frozen=True, kw_only=True):
    """What an operator must know: counted per key while open, not repeated."""

    key: str
    kind: str
    severity: str = "warning"
    title: str
    facts: dict[str, Any] = {}
    #: the command to type next
    hint: str = ""
    count: int = 1
    first_at: datetime
    last_at: datetime
    acked_at: datetime | None = None
    acked_by: str = ""
    notified_at: datetime | None = None


class Effect(Record, frozen=True, kw_only=True):
    """Something to be done in the outside world exactly once: intent → sent → confirmed, refused or unknown."""

    #: e.g. ``ship:{order_no}:{line_no}:{parcel_no}``
    key: str
    #: ship_notice, level, agreement
    kind: str
    shop: str
    #: what it belongs to: order_no, listing, refund_no
    ref: str
    #: rows of one group are told in one notice
    group: str
    payload: dict[str, Any] = {}
    #: intent, sent, accepted (poll), unknown, confirmed, refused, parked, void
    state: str = "intent"
    answer: str = ""
    #: handle of an asynchronous write-back
    poll: str = ""
    attempts: int = 0
    next_at: datetime | None = None
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    created_at: datetime


class Token(Record, frozen=True, kw_only=True):
    """A platform access token of one seller. `repr` shows no secret."""

    shop: str
    access: str
    refresh: str = ""
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    seller_id: str = ""

    def __repr__(self) -> str:
        return f"Token(shop={self.shop!r}, expires_at={self.expires_at!s}, ***)"

    __str__ = __repr__


class AuditEntry(Record, frozen=True, kw_only=True):
    """Who looked at or decided something that is accounted for (revealed personal data, accepted window, edit)."""

    at: datetime
    who: str
    act: str
    ref: str
    facts: dict[str, Any] = {}
