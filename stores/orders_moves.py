"""Compare-and-set of many rows: changes that set the same columns go out as one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from stores.database import chunks, fetch, many, marks, run

#: parameters of one IN list
SET = 500
#: from so many equal moves on one statement for the set is cheaper than one execution for each
SET_FROM = 4


class Move(NamedTuple):
    """Column values to write into the row with this key, read at version `expect`."""

    key: str
    expect: int
    #: one and the same dict for all rows that get the same
    values: dict[str, Any]


def write_moves(c: Connection, table: str, key: str, moves: Sequence[Move]) -> None:
    """Write moves that were judged in this same transaction; every row's version rises by one.

    Moves that share one dict of values are one statement for the set: no version that was judged can have changed since.
    """
    shared: dict[int, list[Move]] = {}
    for move in moves:
        shared.setdefault(id(move.values), []).append(move)
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for some in shared.values():
        values = some[0].values
        if len(some) >= SET_FROM:
            set_all(c, table, key, [move.key for move in some], values, also="version=version+1")
            continue
        rows = groups.setdefault(tuple(values), [])
        for move in some:
            rows.append((*values.values(), move.key, move.expect))
    for names, rows in groups.items():
        sets = "".join(f", {n}=?" for n in names)
        many(c, f"UPDATE {table} SET version=version+1{sets} WHERE {key}=? AND version=?", rows)


def set_all(
    c: Connection, table: str, key: str, keys: Sequence[str], values: Mapping[str, Any], *, also: str = "", where: str = ""
) -> None:  # fmt: skip
    """Write the same values into the rows with these keys; one statement per 500 keys.

    Args:
        also: SQL of a further assignment. where: SQL of a further condition.
    """
    sets = ", ".join([*([also] if also else []), *(f"{name}=?" for name in values)])
    rest = f" AND {where}" if where else ""
    for part in chunks(keys, SET):
        run(c, f"UPDATE {table} SET {sets} WHERE {key} IN ({marks(len(part))}){rest}", [*values.values(), *part])


def delete_all(c: Connection, table: str, key: str, keys: Sequence[str]) -> None:
    """Delete the rows with these keys; one statement per 500."""
    for part in chunks(keys, SET):
        run(c, f"DELETE FROM {table} WHERE {key} IN ({marks(len(part))})", part)


def by_keys(c: Connection, select: str, key: str, keys: Sequence[str], rest: str = "") -> list[tuple[Any, ...]]:
    """Rows whose `key` is one of `keys`; one statement per 500 keys."""
    found: list[tuple[Any, ...]] = []
    for part in chunks(keys, SET):
        found += fetch(c, f"{select} WHERE {key} IN ({marks(len(part))}){rest}", part)
    return found


def in_list(column: str, values: Sequence[str]) -> tuple[str, list[str]]:
    """Condition and its parameters."""
    return f"{column} IN ({marks(len(values))})", [str(v) for v in values]
