"""What the product's statements write, recorded at the driver, and played again by the driver alone.

The floor of a job is the driver running the very same INSERT, UPDATE and DELETE with the very same prepared tuples: the
same files, indexes and pragmas, in the same sets, with commits at the same places. Reading, deciding, decoding,
translating and sealing are what it leaves out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: file name, statement, parameter rows (None: a statement without rows, such as BEGIN)
Step = tuple[str, str, list[Any] | None]
_WRITES = ("INSERT", "UPDATE", "DELETE")
_FRAME = ("BEGIN", "COMMIT", "PRAGMA SYNCHRONOUS", "PRAGMA WAL_AUTOCHECKPOINT")


class Tape:
    """The statements of one run, in order, over all its files."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def note(self, file: str, sql: str, rows: Sequence[Any] | None) -> None:
        """Keep a statement if it writes, or frames what writes."""
        word = sql.lstrip().upper()
        if word.startswith(_WRITES):
            self.steps.append((file, sql, list(rows) if rows is not None else [()]))
        elif word.startswith(_FRAME):
            self.steps.append((file, sql, None))

    def trimmed(self) -> list[Step]:
        """Without transactions that only read."""
        kept: list[Step] = []
        waiting: dict[str, list[Step]] = {}
        for step in self.steps:
            file, sql, rows = step
            if rows is not None:
                kept += waiting.pop(file, [])
                kept.append(step)
            elif sql.startswith("BEGIN"):
                waiting[file] = [step]
            elif sql.startswith("COMMIT"):
                if waiting.pop(file, None) is None:
                    kept.append(step)
            else:
                kept.append(step)
        return kept


@contextmanager
def recorded() -> Iterator[Tape]:
    """Record what every database opened inside writes."""
    tape = Tape()

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, parameters: Any = (), /) -> Any:
            tape.note(self.connection.file, sql, [parameters])  # type: ignore[attr-defined]
            return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any, /) -> Any:
            rows = list(parameters)
            tape.note(self.connection.file, sql, rows)  # type: ignore[attr-defined]
            return super().executemany(sql, rows)

    class Connection(sqlite3.Connection):
        file = ""

        def cursor(self, factory: Any = None) -> Any:
            return super().cursor(Cursor)

        def execute(self, sql: str, parameters: Any = (), /) -> Any:
            tape.note(self.file, sql, [parameters])
            return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any, /) -> Any:
            rows = list(parameters)
            tape.note(self.file, sql, rows)
            return super().executemany(sql, rows)

        def commit(self) -> None:
            tape.note(self.file, "COMMIT", None)
            super().commit()

    plain = sqlite3.connect

    def connect(path: str, **options: Any) -> sqlite3.Connection:
        made: Connection = plain(path, factory=Connection, **options)
        made.file = Path(path).name
        return made

    sqlite3.connect = connect  # type: ignore[assignment]
    try:
        yield tape
    finally:
        sqlite3.connect = plain


class Player:
    """Plays a tape in a folder's databases, which stand as they stood before the tape was made."""

    def __init__(self, folder: Path, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._open = {file: _connect(folder / "data" / file) for file in {file for file, _, _ in steps}}

    def play(self) -> None:
        """Run every statement."""
        for file, sql, rows in self._steps:
            if rows is None:
                self._open[file].execute(sql)
            else:
                self._open[file].executemany(sql, rows)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    made = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    made.execute("PRAGMA journal_mode=WAL").fetchall()
    made.execute("PRAGMA synchronous=NORMAL")
    made.execute("PRAGMA temp_store=MEMORY")
    return made
