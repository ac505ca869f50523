"""How values lie in columns: times as epoch milliseconds, composed values as JSON text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, overload

import msgspec
import sqlalchemy as sa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
#: of a key that the database counts up itself (SQLite counts only what it calls INTEGER)
rising = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@overload
def ms(at: datetime) -> int: ...
@overload
def ms(at: None) -> None: ...
def ms(at: datetime | None) -> int | None:
    """Epoch milliseconds of an aware datetime, exact to the millisecond (rounded down)."""
    return None if at is None else (at - _EPOCH) // _MS


@overload
def when(at: int) -> datetime: ...
@overload
def when(at: None) -> None: ...
def when(at: int | None) -> datetime | None:
    """Aware UTC datetime of epoch milliseconds."""
    return None if at is None else _EPOCH + timedelta(milliseconds=at)


def dumps(value: Any) -> str:
    """JSON text of builtins, records, enums and datetimes."""
    return _encode(value).decode()


def loads(text: str | bytes) -> Any:
    """Plain builtins of a JSON text."""
    return _decode(text)
