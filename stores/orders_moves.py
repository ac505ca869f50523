"""Compare-and-set of many rows: changes that set the same columns go out as one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from stores.database import chunks, fetch, many, marks, run

#: parameters of one IN list
SET = 500
#: from so many equal moves on one statement for the set is cheaper than one execution for each
SET_FROM = 4


class Moves(NamedTuple):
    """Rows that were all read at version `expect`, under the claim `token` (None: no claim), and get the same values."""

    values: Mapping[str, Any]
    expect: int
    token: str | None
    keys: list[str]


def write_moves(c: Connection, table: str, key: str, moves: Iterable[Moves]) -> int:
    """Compare and set; every row's version rises by one. Returns how many rows were as they were read."""
    done = 0
    rows: dict[tuple[tuple[str, ...], bool], list[tuple[Any, ...]]] = {}
    for values, expect, token, keys in moves:
        guard: tuple[Any, ...] = (expect,) if token is None else (expect, token)
        if len(keys) >= SET_FROM:
            where = _AS_READ if token is None else _AS_CLAIMED
            done += set_all(c, table, key, keys, values, also="version=version+1", where=where, args=guard)
            continue
        some = rows.setdefault((tuple(values), token is None), [])
        for number in keys:
            some.append((*values.values(), number, *guard))
    for (names, unclaimed), some in rows.items():
        done += move_each(c, table, key, names, some, claimed=not unclaimed)
    return done


def move_each(
    c: Connection, table: str, key: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]], *, claimed: bool
) -> int:
    """Compare and set rows one by one: (values of `names`…, key, version read, and where it is claimed the token)."""
    sets = "".join(f", {n}=?" for n in names)
    where = _AS_CLAIMED if claimed else _AS_READ
    return many(c, f"UPDATE {table} SET version=version+1{sets} WHERE {key}=? AND {where}", rows)


_AS_READ = "version=?"
_AS_CLAIMED = "version=? AND claim_token=?"


def set_all(
    c: Connection, table: str, key: str, keys: Sequence[str], values: Mapping[str, Any], *, also: str = "", where: str = "",
    args: Sequence[Any] = (),
) -> int:  # fmt: skip
    """Write the same values into the rows with these keys; one statement per 500 keys. Returns how many there were.

    Args:
        also: SQL of a further assignment. where, args: SQL of a further condition, and its parameters.
    """
    sets = ", ".join([*([also] if also else []), *(f"{name}=?" for name in values)])
    rest = f" AND {where}" if where else ""
    done = 0
    for part in chunks(keys, SET):
        sql = f"UPDATE {table} SET {sets} WHERE {key} IN ({marks(len(part))}){rest}"
        done += run(c, sql, [*values.values(), *part, *args])
    return done


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
