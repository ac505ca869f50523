"""How far shops were pulled, and with which proof."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stores.records.base import Record


class Window(Record, frozen=True, kw_only=True):
    """A span of a shop's history that was pulled, with its proof. Half-open: start ≤ modified < end."""

    window_id: str
    shop: str
    #: orders, refunds, ...
    kind: str
    scan: str
    start: datetime
    end: datetime
    #: open or closed
    state: str = "open"
    #: counted, exhausted, accepted; empty while open
    proof: str = ""
    #: why it is open, or the operator's words for accepted
    reason: str = ""
    expected: int | None = None
    seen: int = 0
    new: int = 0
    changed: int = 0
    parked: int = 0
    pages: int = 0
    attempts: int = 0
    run_id: str = ""
    #: every reading of it, the last `KEPT_PASSES`: requests, totals, what came twice or unreadable, verdict
    passes: tuple[dict[str, Any], ...] = ()
    opened_at: datetime
    closed_at: datetime | None = None


class Watermark(Record, frozen=True, kw_only=True):
    """How far a shop was pulled (`frontier`), and up to where every window is closed (`proven`)."""

    shop: str
    kind: str
    scan: str
    frontier: datetime | None = None
    proven: datetime | None = None
    #: the platform's own cursor where a scan has one
    cursor: str = ""


class Lateness(Record, frozen=True, kw_only=True):
    """An item that showed up after its time had been proven; sets the overlap."""

    shop: str
    kind: str
    number: str
    modified_at: datetime
    found_at: datetime
    late_s: float
