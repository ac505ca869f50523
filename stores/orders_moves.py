"""Compare-and-set of many rows: changes that set the same columns go out as one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from stores.database import chunks, fetch, many, marks

#: parameters of one IN list
SET = 500


class Move(NamedTuple):
    """Column values to write into the row with this key, read at version `expect`."""

    key: str
    expect: int
    values: dict[str, Any]


def write_moves(c: Connection, table: str, key: str, moves: Sequence[Move]) -> None:
    """Write moves that were judged in this same transaction; every row's version rises by one."""
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for move in moves:
        names = tuple(sorted(move.values))
        groups[names].append((*(move.values[n] for n in names), move.key, move.expect))
    for names, rows in groups.items():
        sets = "".join(f", {n}=?" for n in names)
        many(c, f"UPDATE {table} SET version=version+1{sets} WHERE {key}=? AND version=?", rows)


def by_keys(c: Connection, select: str, key: str, keys: Sequence[str], rest: str = "") -> list[tuple[Any, ...]]:
    """Rows whose `key` is one of `keys`; one statement per 500 keys."""
    found: list[tuple[Any, ...]] = []
    for part in chunks(keys, SET):
        found += fetch(c, f"{select} WHERE {key} IN ({marks(len(part))}){rest}", part)
    return found


def in_list(column: str, values: Sequence[str]) -> tuple[str, list[str]]:
    """Condition and its parameters."""
    return f"{column} IN ({marks(len(values))})", [str(v) for v in values]
