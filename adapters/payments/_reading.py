"""Readers of single fields that both channels share, beside `adapters.core.fields`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.core.fields import FieldError, Scalar, fen, shape_of, yuan


def fen_amount(value: Scalar, field: str) -> int:
    """Read an amount in fen that cannot be negative; a float is refused, it decides money here."""
    return _amount(value, field, fen(value, field, []) if type(value) is not float else -1)


def yuan_amount(value: Scalar, field: str) -> int:
    """Read an amount in yuan, as text with at most two decimals, that cannot be negative."""
    if type(value) is not str:
        raise FieldError(field, "missing_field" if value is None else "bad_money", f"not a text: {shape_of(value)}")
    return _amount(value, field, yuan(value, field, []))


def _amount(value: Scalar, field: str, minor: int) -> int:
    if not 0 <= minor < 10**13:
        raise FieldError(field, "bad_money", f"no such amount: {shape_of(value)}")
    return minor


def utf8(raw: bytes) -> bytes:
    """JSON bytes that are UTF-8 throughout; the decoder would skip over wrong bytes in fields that nobody reads."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise FieldError("body", "encoding", "not UTF-8") from None
    return raw


def rfc_time(value: Scalar, field: str) -> datetime:
    """Read RFC 3339 with a zone as UTC."""
    if type(value) is not str or not value:
        code = "bad_time" if value else "missing_field"
        raise FieldError(field, code, f"not a time: {shape_of(value)}")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise FieldError(field, "bad_time", "not a time of the calendar") from None
    if moment.tzinfo is None or not 1990 <= moment.year <= 2200:
        raise FieldError(field, "bad_time", "without a zone, or far from our time")
    return moment.astimezone(UTC)


def word(value: Scalar, field: str) -> str:
    """Read a text that must be there and be a text."""
    if type(value) is not str or not value:
        raise FieldError(field, "missing_field" if not value else "bad_id", f"not a text: {shape_of(value)}")
    return value


def status_of(table: Mapping[str, str], value: str, field: str) -> str:
    """Translate a channel's state; one that is in no table is not guessed at."""
    if value not in table:
        raise FieldError(field, "unknown_status", f"a state that is in no table: {shape_of(value)}")
    return table[value]


def need(condition: bool, field: str, code: str, detail: str) -> None:
    """Raise unless the condition holds: for what must agree inside one document."""
    if not condition:
        raise FieldError(field, code, detail)
