"""Records as rows and back, by one rule per field type: datetime ↔ epoch milliseconds, containers ↔ JSON text."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from sql.columns import dumps, loads, ms, when
from stores.records import Record

R = TypeVar("R", bound=Record)
_PLAIN = (str, int, float, bool, bytes)


class Mapper(Generic[R]):
    """Maps one record type; `columns` are its field names, `rename` where a column is called otherwise."""

    def __init__(self, record: type[R], *, rename: Mapping[str, str] | None = None) -> None:
        self._record = record
        hints = typing.get_type_hints(record)
        self.fields = record.__struct_fields__
        self.columns = tuple((rename or {}).get(f, f) for f in self.fields)
        self._to = tuple(_to(hints[f]) for f in self.fields)
        self._from = tuple(_from(hints[f]) for f in self.fields)

    def row(self, record: R) -> tuple[Any, ...]:
        """Values in the order of `columns`."""
        return tuple(to(getattr(record, f)) for f, to in zip(self.fields, self._to, strict=True))

    def value(self, field: str, value: Any) -> Any:
        """One field's value as its column holds it."""
        return self._to[self.fields.index(field)](value)

    def record(self, row: Sequence[Any]) -> R:
        """The record of a row in the order of `columns`."""
        return self._record(**{f: back(v) for f, back, v in zip(self.fields, self._from, row, strict=True)})


def _same(value: Any) -> Any:
    return value


def _bare(hint: Any) -> Any:
    args = [a for a in typing.get_args(hint) if a is not type(None)]
    return args[0] if type(None) in typing.get_args(hint) and len(args) == 1 else hint


def _to(hint: Any) -> Callable[[Any], Any]:
    bare = _bare(hint)
    if bare is datetime:
        return ms
    if bare is bool:
        return int
    return _same if isinstance(bare, type) and issubclass(bare, _PLAIN) else dumps


def _from(hint: Any) -> Callable[[Any], Any]:
    bare = _bare(hint)
    if bare is datetime:
        return when
    if bare in (str, int, float, bytes):
        return _same
    if isinstance(bare, type) and issubclass(bare, _PLAIN):
        return bare  # bool and enums
    return lambda text: msgspec.convert(loads(text), bare)
