"""Records as rows and back: statements of a table, and conversions taken from the record's types.

Times are epoch milliseconds, enums their words, yes and no 1 and 0, composed values JSON text. The conversions of a
whole record are compiled once from its fields, as the statements are: every order is read and written several times.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar, get_origin

import msgspec
import sqlalchemy as sa

from sql.columns import dumps, ms, when
from stores.database import insert_sql, upsert_sql
from stores.errors import BadItem
from stores.records import Record

R = TypeVar("R", bound=Record)


#: times stand in many rows of a batch, and an instant is immutable
when_cached = lru_cache(maxsize=1 << 14)(when)


class Pair(NamedTuple):
    """How a field's value is packed into its column and unpacked again."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]
    #: an empty value and its column, where that is known without asking
    empty: tuple[Any, Any] | None = None


class Rows(Generic[R]):
    """Statements and conversions of one table that holds one record per row.

    Args:
        own: field → conversion other than its type's.
        rename: field → column, where the column is called otherwise (SQL's own words).
        without: fields that are left out and keep their defaults: to read with only.
    """

    def __init__(
        self,
        table: sa.Table,
        record: type[R],
        own: Mapping[str, Pair] | None = None,
        *,
        rename: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        fields = [f for f in msgspec.structs.fields(record) if f.name not in without]
        pairs = {f.name: (own or {}).get(f.name) or _pair(f.type) for f in fields}
        self.name = table.name
        self.keys = tuple(c.name for c in table.primary_key.columns)
        self.columns = tuple((rename or {}).get(n, n) for n in pairs)
        self._fields = tuple(pairs)
        self.select = f"SELECT {', '.join(self.columns)} FROM {table.name}"
        self.insert = insert_sql(table, self.columns)
        self.upsert = upsert_sql(table, self.keys, self.columns)
        self._pairs = pairs
        #: column values of one record, in the order of `columns`
        self.row: Callable[[R], tuple[Any, ...]] = _packer(record, pairs)
        #: the record of one row read with `select`
        self.record: Callable[[Sequence[Any]], R] = _unpacker(record, pairs)

    def rows(self, records: Iterable[R]) -> list[tuple[Any, ...]]:
        return list(map(self.row, records))

    def records(self, rows: Iterable[Sequence[Any]]) -> list[R]:
        return list(map(self.record, rows))

    def value(self, field: str, value: Any) -> Any:
        """One field's value as its column holds it."""
        pair = self._pairs[field]
        return value if pair is None else pair.pack(value)

    def packed(self, ref: str, values: Mapping[str, Any], settable: frozenset[str]) -> dict[str, Any]:
        """Column values of a change's `set`.

        Raises:
            BadItem: a name that is no column or may not be set.
        """
        out = {}
        for name, value in values.items():
            if name not in settable:
                raise BadItem(f"{ref}: {name!r} is not a column of {self.name} that a change may set")
            out[name] = self.value(name, value)
        return out


class _Words(dict[Any, Any]):
    """A word's other side; one that is not there is made (and refused) by the type."""

    def __init__(self, make: Callable[[Any], Any], known: Mapping[Any, Any]) -> None:
        super().__init__(known)
        self._make = make

    def __missing__(self, key: Any) -> Any:
        return self._make(key)


def _pair(kind: Any) -> Pair | None:
    """Conversions of a field's type; None for what the driver takes as it is."""
    if kind in (str, int, float, bytes) or kind == int | None:
        return None
    if kind is bool:
        return Pair(int, bool)
    if kind is datetime or kind == datetime | None:
        return Pair(ms, when_cached)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        words = {word: word.value for word in kind}
        return Pair(_Words(str, words).__getitem__, _Words(kind, {v: k for k, v in words.items()}).__getitem__)
    empty = ((), "[]") if get_origin(kind) is tuple else None
    return Pair(dumps, msgspec.json.Decoder(kind).decode, empty)


def _packer(record: type[R], pairs: Mapping[str, Pair | None]) -> Callable[[R], tuple[Any, ...]]:
    """Compile ``record → (column, …)``."""
    known: dict[str, Any] = {}
    parts = []
    for i, (name, pair) in enumerate(pairs.items()):
        text = f"r.{name}"
        if pair is not None:
            known[f"p{i}"] = pair.pack
            text = f"p{i}({text})"
            if pair.empty is not None:
                known[f"e{i}"] = pair.empty[1]
                text = f"{text} if r.{name} else e{i}"
        parts.append(text)
    return _function(f"lambda r: ({', '.join(parts)},)", known, f"<row of {record.__name__}>")


def _unpacker(record: type[R], pairs: Mapping[str, Pair | None]) -> Callable[[Sequence[Any]], R]:
    """Compile ``(column, …) → record``."""
    known: dict[str, Any] = {"record": record}
    parts = []
    for i, (name, pair) in enumerate(pairs.items()):
        text = f"v{i}"
        if pair is not None:
            known[f"u{i}"] = pair.unpack
            text = f"u{i}({text})"
            if pair.empty is not None:
                known[f"e{i}"], known[f"c{i}"] = pair.empty
                text = f"e{i} if v{i} == c{i} else {text}"
        parts.append(f"{name}={text}")
    # a function's own names are looked up faster than the places of a tuple
    values = "".join(f"v{i}, " for i in range(len(pairs)))
    text = f"def unpack(r):\n    {values}= r\n    return record({', '.join(parts)})\n"
    exec(compile(text, f"<record {record.__name__}>", "exec"), known)
    made: Callable[[Sequence[Any]], R] = known["unpack"]
    return made


def _function(text: str, known: dict[str, Any], where: str) -> Callable[[Any], Any]:
    made: Callable[[Any], Any] = eval(compile(text, where, "eval"), known)
    return made


def put(table: Rows[Any], kept: Sequence[Any]) -> str:
    """The statement that writes a row after a look at what is kept of it.

    A row that was not there is inserted and nothing else: who wrote it meanwhile is not overwritten unseen, the key is
    there twice and the whole call is asked again.
    """
    return table.upsert if kept else table.insert
