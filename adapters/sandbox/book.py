"""The sandbox's own book: what it knows and what was done to it, for a comparison afterwards.

`book.jsonl` in the sandbox's folder is append-only, one JSON object a line: `seq`, `at` (world time, ISO), `kind`:

- ``order``  an order as it was placed: lines and money components
- ``event``  a change of an order's state, with `why` for the source: timeline, effect, fault or script
- ``effect`` something accepted from outside: ship, level, refund, token; each with `request_id`
- ``repeat`` something from outside that was accepted before and changed nothing
- ``refusal`` something from outside that was refused: `code`, `request_id`
- ``suspect`` an accepted effect that looks wrong, with `why`
- ``fault``  a fault that was really played: `fault`, `request_id`, `client` (the caller's X-Request-Id), `platform`, and
  the order or window it touched
- ``payment``, ``payback`` what became of a payment or of money given back through a channel, with `event`
- ``notice`` one delivery of a notification: `notice`, `tries`, the `status` that came back (0: none), whether it was `good`
- ``bill``, ``bill_row``, ``planted`` a day's bill of a channel: counts and sums, its rows, and each difference planted in it
- ``money_refused`` a call to a payment channel that was refused
- ``difference`` one planted into a statement: `class`, where it shows, what would be true, what is told

`orders.jsonl` is written at the end: every order as it stands; `money.jsonl`: every payment, refund, notification and
planted difference of the channels, each with its `kind`; `statements.jsonl`: every row of every platform's statement
told; `planted.jsonl`: the differences in them. The product never reads any of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from adapters.sandbox.wire import iso

_ENCODER = msgspec.json.Encoder()


class Book:
    """An append-only file of what happened; without a folder it lives in memory only."""

    def __init__(self, now: Callable[[], int], folder: Path | None = None) -> None:
        self._now = now
        self._folder = folder
        self._file: BinaryIO | None = None
        self.entries: list[dict[str, Any]] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / "book.jsonl").open("wb")

    def write(self, kind: str, **facts: Any) -> None:
        """Append one entry."""
        entry = {"seq": len(self.entries) + 1, "at": iso(self._now()), "kind": kind, **facts}
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(_ENCODER.encode(entry) + b"\n")

    def flush(self) -> None:
        """Hand everything to the operating system."""
        if self._file is not None:
            self._file.flush()

    def snapshot(self, orders: Iterable[dict[str, Any]]) -> Path | None:
        """Write `orders.jsonl` anew, whole or not at all; returns where."""
        self.flush()
        return self.keep("orders.jsonl", orders)

    def keep(self, name: str, rows: Iterable[dict[str, Any]]) -> Path | None:
        """Write a file of rows anew, whole or not at all; returns where."""
        if self._folder is None:
            return None
        path = self._folder / name
        part = path.with_suffix(".part")
        part.write_bytes(b"".join(_ENCODER.encode(row) + b"\n" for row in rows))
        part.replace(path)
        return path

    def of(self, kind: str, **match: Any) -> list[dict[str, Any]]:
        """Entries of a kind whose facts equal `match`."""
        return [e for e in self.entries if e["kind"] == kind and all(e.get(k) == v for k, v in match.items())]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Book:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
