"""Records as rows and back: statements of a table, and conversions taken from the record's types.

Times are epoch milliseconds, enums their words, yes and no 1 and 0, composed values JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from sql.columns import dumps, ms, when
from stores.database import insert_sql, upsert_sql
from stores.errors import BadItem
from stores.records import Record

R = TypeVar("R", bound=Record)


class Pair(NamedTuple):
    """How a field's value is packed into its column and unpacked again."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


class Rows(Generic[R]):
    """Statements and conversions of one table that holds one record per row.

    Args:
        own: field → conversion other than its type's.
        rename: field → column, where the column is called otherwise (SQL's own words).
    """

    def __init__(
        self,
        table: sa.Table,
        record: type[R],
        own: Mapping[str, Pair] | None = None,
        *,
        rename: Mapping[str, str] | None = None,
    ) -> None:
        fields = msgspec.structs.fields(record)
        pairs = {f.name: (own or {}).get(f.name) or _pair(f.type) for f in fields}
        self.name = table.name
        self.keys = tuple(c.name for c in table.primary_key.columns)
        self.columns = tuple((rename or {}).get(n, n) for n in pairs)
        self._fields = tuple(pairs)
        self.select = f"SELECT {', '.join(self.columns)} FROM {table.name}"
        self.insert = insert_sql(table, self.columns)
        self.upsert = upsert_sql(table, self.keys, self.columns)
        self._record = record
        self._values = attrgetter(*self._fields)
        self._pairs = pairs
        self._packs = [(i, p.pack) for i, p in enumerate(pairs.values()) if p is not None]
        self._unpacks = [(i, p.unpack) for i, p in enumerate(pairs.values()) if p is not None]

    def row(self, record: R) -> tuple[Any, ...]:
        """Column values of one record, in the order of `columns`."""
        values = list(self._values(record))
        for i, pack in self._packs:
            values[i] = pack(values[i])
        return tuple(values)

    def rows(self, records: Iterable[R]) -> list[tuple[Any, ...]]:
        return [self.row(r) for r in records]

    def record(self, row: Sequence[Any]) -> R:
        """The record of one row read with `select`."""
        values = list(row)
        for i, unpack in self._unpacks:
            values[i] = unpack(values[i])
        return self._record(**dict(zip(self._fields, values, strict=True)))

    def records(self, rows: Iterable[Sequence[Any]]) -> list[R]:
        return [self.record(row) for row in rows]

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


def _pair(kind: Any) -> Pair | None:
    """Conversions of a field's type; None for what the driver takes as it is."""
    if kind in (str, int, float, bytes) or kind == int | None:
        return None
    if kind is bool:
        return Pair(int, bool)
    if kind is datetime or kind == datetime | None:
        return Pair(ms, when)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Pair(str, kind)
    return Pair(dumps, msgspec.json.Decoder(kind).decode)
