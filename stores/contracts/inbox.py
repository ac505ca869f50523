"""The contract of the inbox: raw documents and their state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from stores.records import (
    InboxEntry,
    InboxItem,
    Outcome,
)


class Inbox(Protocol):
    """Raw documents and their state. The key is one string; no second unique index is needed."""

    def put(self, items: Sequence[InboxItem]) -> list[Outcome]:
        """Store documents. Versions are (modified_at, hash): ``done`` with reason ``new`` or ``changed``;
        ``already`` with reason ``same`` or ``older`` (recorded as seen, otherwise ignored).

        The same time with other content is ``changed``. What was parked and comes changed waits again.
        One statement per table and batch, at most 500 items; a key twice in a batch: the newest wins.
        """
        ...

    def versions(self, keys: Sequence[str]) -> dict[str, tuple[datetime, str]]:
        """(modified_at, status) of those that are there; at most 1,000 keys."""
        ...

    def claim(
        self,
        kind: str,
        *,
        limit: int,
        lease_s: float,
        worker: str,
        shops: Sequence[str] = (),
        after: str = "",
    ) -> tuple[str, list[InboxEntry]]:
        """Take up to `limit` waiting entries with their documents, by key; returns (token, entries)."""
        ...

    def peek(self, kind: str, *, limit: int, shops: Sequence[str] = (), after: str = "") -> list[InboxEntry]:
        """Waiting entries with their documents, by key, without taking them (dry runs)."""
        ...

    def settle(self, token: str, done: Sequence[tuple[str, str, str, Mapping[str, Any]]]) -> list[Outcome]:
        """Finish claimed entries: (key, ``pushed`` | ``parked`` | ``waiting``, reason, facts).

        An entry that changed while it was claimed stays waiting (result ``changed``); a lost token: ``lost``.
        """
        ...

    def get(self, keys: Sequence[str]) -> dict[str, InboxEntry]:
        """Entries with their documents."""
        ...

    def raw(self, key: str) -> bytes:
        """The untouched bytes; raises NotFound when unknown or expired."""
        ...

    def parked(
        self, *, kinds: Sequence[str] = (), shops: Sequence[str] = (), limit: int = 500, after: str = ""
    ) -> list[InboxEntry]:
        """Parked entries by key, without documents."""
        ...

    def replay(self, keys: Sequence[str]) -> list[Outcome]:
        """Put parked entries back to waiting."""
        ...

    def counts(self) -> dict[tuple[str, str, str], int]:
        """(shop, kind, status) → entries."""
        ...

    def oldest_waiting(self) -> datetime | None: ...

    def scan(self, kind: str, *, shops: Sequence[str] = (), batch: int = 500) -> Iterator[list[InboxEntry]]:
        """Every entry by key without documents; memory stays flat."""
        ...

    def expire_raw(self, older_than: timedelta, *, dry_run: bool = False) -> int:
        """Delete documents and raw payloads of pushed entries not seen since; state and proofs stay.

        Returns how many; with `dry_run` nothing is deleted.
        """
        ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]: ...

    def close(self) -> None: ...
