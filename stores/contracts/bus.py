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

    def take(self, topic: str, group: str, *, limit: int, wait_s: float = 0.0) -> list[tuple[str, Event]]:
        """Up to `limit` events for this group as (id, event), oldest first; they come again until acknowledged.

        Engines that can do so share a group's events out among those who take, and give those of one who died to the
        others after a while. `wait_s`: when there is none, wait so long for the first.
        """
        ...

    def acknowledge(self, topic: str, group: str, ids: Sequence[str]) -> None:
        """These events are worked off. Twice is once."""
        ...

    def backlog(self, topic: str, group: str) -> int:
        """Events that this group has not acknowledged."""
        ...

    def close(self) -> None: ...
