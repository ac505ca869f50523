"""Importing statements into the settlement store: all rows of a file in one transaction, repeats found at its end.

A row's fingerprint says what stands in it; its occurrence, the how many-eth of its kind it is within its file. A row
repeats one of an earlier file when both are the same. That is looked for once per file, over sorted columns, and only
among files whose times overlap: an index over millions of digests would cost more than the rows.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any

from sqlalchemy.engine import Connection

from sql.columns import dumps, loads, ms, when
from sql.settlement import parked_rows, statement_files
from stores.database import fetch, insert_sql, many, marks, names, run
from stores.records.base import replace
from stores.records.settlement import ParkedRow, StatementFile, StatementLine

_FILE = names(statement_files)
SELECT_FILE = f"SELECT {', '.join(_FILE)} FROM statement_files"
#: columns of `StatementLine`, in its order
LINE = StatementLine._fields
_SIZE = 16


def insert_file(
    c: Connection,
    file: StatementFile,
    batches: Iterable[Sequence[StatementLine | tuple[Any, ...]]],
    parked: Callable[[], Sequence[ParkedRow]],
    finish: Callable[[], dict[str, Any]] | None,
) -> StatementFile:
    """Write the head, the rows and what is known of repeats; returns the head as it is kept."""
    file_id = _next(c, "statement_files", "file_id")
    first = _next(c, "statement_lines", "line_id")
    prints, totals, spans = _insert_rows(c, file_id, batches)
    rows = len(prints) // _SIZE
    bad = list(parked())
    many(c, insert_sql(parked_rows), [(file_id, p.row_no, p.column, p.reason, dumps(p.cells)) for p in bad])
    span = (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else (None, None)
    doubled = _mark_repeats(c, file.account, file_id, first, bytes(prints), span) if rows else 0
    kept = replace(
        file, file_id=file_id, first_line=first, row_count=rows, doubled_count=doubled, parked_count=len(bad), totals=totals,
        first_at=when(span[0]), last_at=when(span[1]), **(finish() if finish else {}),
    )  # fmt: skip
    many(c, insert_sql(statement_files), [_row(kept)])
    return kept


def _next(c: Connection, table: str, key: str) -> int:
    return int(fetch(c, f"SELECT coalesce(max({key}), 0) + 1 FROM {table}")[0][0])


def _insert_rows(
    c: Connection, file_id: int, batches: Iterable[Sequence[Any]]
) -> tuple[bytearray, dict[str, dict[str, int]], list[tuple[int, int]]]:
    """Write the rows as they come; returns their fingerprints in a row, sums per currency, spans of time.

    The database numbers the lines itself: always the next one, under the lock of this transaction.
    """
    sql = (
        f"INSERT INTO statement_lines ({', '.join(LINE)}, file_id, occurrence, doubled_of) "
        f"VALUES ({marks(len(LINE))}, {file_id}, 0, 0)"
    )
    prints, spans = bytearray(), []
    totals: dict[str, dict[str, int]] = {}
    for batch in _uncollected(batches):
        if not batch:
            continue
        many(c, sql, batch)
        columns = tuple(zip(*batch, strict=True))
        prints += b"".join(columns[10])
        spans.append((min(columns[7]), max(columns[7])))
        _add(totals, columns[5], columns[6])
    return prints, totals, spans


def _uncollected(batches: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Rows by the million are tuples of texts, in which no cycle can begin: looking for one is a fifth of the work."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield from batches
    finally:
        if was:
            gc.enable()


def _add(totals: dict[str, dict[str, int]], amounts: Sequence[int], currencies: Sequence[str]) -> None:
    for currency in set(currencies):
        held = totals.setdefault(currency, {"count": 0, "in": 0, "out": 0})
        mine = amounts if currencies.count(currency) == len(amounts) else [a for a, k in zip(amounts, currencies, strict=True) if k == currency]  # fmt: skip
        held["count"] += len(mine)
        into = sum([a for a in mine if a > 0])
        held["in"] += into
        held["out"] += sum(mine) - into


def _mark_repeats(
    c: Connection, account: str, file_id: int, first: int, prints: bytes, span: tuple[int | None, int | None]
) -> int:
    """Number rows that stand in this file more than once, then find those that an earlier file brought."""
    import numpy as np

    mine = np.frombuffer(prints, dtype="<u8").reshape(-1, 2)
    # half a digest is enough to bring equal ones together; whether they are equal is looked at in whole
    order = np.argsort(np.ascontiguousarray(mine[:, 0]), kind="stable")
    ranked = mine[order]
    again = np.flatnonzero((ranked[1:] == ranked[:-1]).all(axis=1)) + 1
    occurrence: dict[int, int] = {}
    for at in again.tolist():
        occurrence[int(order[at])] = occurrence.get(int(order[at - 1]), 0) + 1
    many(
        c, "UPDATE statement_lines SET occurrence=? WHERE line_id=?", [(n, first + i) for i, n in occurrence.items()]
    )  # fmt: skip
    known = _known(c, account, file_id, span)
    if not known:
        return 0
    found = [
        (known[key], first + i)
        for i, key in enumerate(zip(_cut(prints), _counted(len(mine), occurrence), strict=True))
        if key in known
    ]
    many(c, "UPDATE statement_lines SET doubled_of=? WHERE line_id=?", found)
    return len(found)


def _cut(prints: bytes) -> Iterable[bytes]:
    return (prints[at : at + _SIZE] for at in range(0, len(prints), _SIZE))


def _counted(n: int, occurrence: dict[int, int]) -> Iterable[int]:
    return chain(map(occurrence.get, range(n), repeat(0))) if occurrence else repeat(0, n)


def _known(
    c: Connection, account: str, file_id: int, span: tuple[int | None, int | None]
) -> dict[tuple[bytes, int], int]:
    """(fingerprint, occurrence) → line of the account's other files whose times overlap."""
    sql = (
        "SELECT fingerprint, occurrence, line_id FROM statement_lines WHERE doubled_of=0 AND at BETWEEN ? AND ? AND "
        "line_id BETWEEN ? AND ?"
    )
    files = fetch(
        c,
        "SELECT first_line, first_line + row_count - 1 FROM statement_files WHERE account=? AND file_id<>? AND "
        "row_count>0 AND first_at<=? AND last_at>=?",
        (account, file_id, span[1], span[0]),
    )
    return {(p, n): i for lo, hi in files for p, n, i in fetch(c, sql, (span[0], span[1], lo, hi))}


def _row(file: StatementFile) -> tuple[Any, ...]:
    values = {name: getattr(file, name) for name in _FILE}
    values |= {"totals": dumps(file.totals), "raw_columns": dumps(file.raw_columns), "at": ms(file.at)}
    values |= {"first_at": ms(file.first_at), "last_at": ms(file.last_at)}
    return tuple(values[name] for name in _FILE)


def record(row: Sequence[Any]) -> StatementFile:
    """A file's head as a record."""
    values = dict(zip(_FILE, row, strict=True))
    values["totals"], values["raw_columns"] = loads(values["totals"]), tuple(loads(values["raw_columns"]))
    for name in ("at", "first_at", "last_at"):
        values[name] = when(values[name])
    return StatementFile(**values)


def remove_file(c: Connection, file_id: int) -> None:
    """Take an import back. The caller has made sure that nothing was decided about its lines."""
    found = fetch(c, "SELECT first_line, row_count FROM statement_files WHERE file_id=?", (file_id,))
    for first, count in found:
        run(c, "DELETE FROM statement_lines WHERE line_id BETWEEN ? AND ?", (first, first + count - 1))
    run(c, "DELETE FROM parked_rows WHERE file_id=?", (file_id,))
    run(c, "DELETE FROM statement_files WHERE file_id=?", (file_id,))


def is_built_on(c: Connection, file_id: int) -> bool:
    """Whether a match, suspense or a suggestion speaks of the file's lines, or a later file repeats them."""
    first, count = fetch(c, "SELECT first_line, row_count FROM statement_files WHERE file_id=?", (file_id,))[0]
    span = (first, first + count - 1)
    return any(
        fetch(c, sql, span)
        for sql in (
            "SELECT 1 FROM match_members WHERE side='line' AND ref_id BETWEEN ? AND ? LIMIT 1",
            "SELECT 1 FROM suspense WHERE side='line' AND ref_id BETWEEN ? AND ? LIMIT 1",
            "SELECT 1 FROM statement_lines WHERE doubled_of BETWEEN ? AND ? LIMIT 1",
        )
    )
