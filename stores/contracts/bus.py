"""The contract of the bus: hints between stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from stores.records import (
    Record,
)


class Event(Record, frozen=True, kw_only=True):
    """A hint that something happened; losing all of them loses nothing."""

    topic: str
    key: str
    at: datetime


class Bus(Protocol):
    """Hints between stages. Optional: without one the status columns feed the jobs."""

    def publish(self, events: Iterable[Event]) -> None:
        """Send after the commit of what they tell."""
        ...

    def take(self, topic: str, group: str, *, limit: int) -> list[tuple[str, Event]]:
        """Up to `limit` events for this group as (id, event), oldest first; they come again until acknowledged."""
        ...

    def acknowledge(self, topic: str, group: str, ids: Sequence[str]) -> None: ...

    def backlog(self, topic: str, group: str) -> int: ...

    def close(self) -> None: ...
