"""Readers of single fields as marketplaces send them: money, times, ids, counts, truth values, lists.

Every reader takes the decoded JSON value and the field's path in the document. What cannot be read raises
`FieldError`; what can be read but is not to be trusted adds a `Doubt` to the list given. Ids are never floats: a float
has lost digits beyond 2^53 and is an error. Values never appear in messages, only their type and length: a misplaced
name or phone must not reach a log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

import msgspec

from adapters.documents import Doubt

#: a JSON scalar of any type: platforms mix text and numbers freely
Scalar = str | int | float | bool | None
T = TypeVar("T")

#: clock of the Chinese platforms; fixed, the country has no summer time
CHINA = timezone(timedelta(hours=8))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: times before this are a platform's way of saying "not set" (0001-01-01, 1970-01-01)
_REAL = datetime(1990, 1, 1, tzinfo=UTC)
#: no amount has more digits; one written with a huge exponent would be made into them all
_LARGEST = 18
_FLOAT_TEXT = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$")


class FieldError(ValueError):
    """A field that cannot be read: its path, a reason code, and what is wrong without the value itself."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.code = code


def shape_of(value: object) -> str:
    """Say what a value looks like without showing it."""
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    return "nothing" if value is None else type(value).__name__


# ------------------------------------------------------------------ money


def yuan(value: Scalar, field: str, doubts: list[Doubt]) -> int:
    """Read an amount in yuan (text or number, at most two decimals) as fen.

    A JSON float is taken at its shortest decimal form and doubted (`float_money`).
    """
    if type(value) is str:
        minor = _text_fen(value)
        return _decimal_fen(value.strip(), field) if minor is None else minor
    if type(value) is int:
        return value * 100
    if type(value) is float:
        doubts.append(Doubt(field=field, why="float_money", raw=repr(value)))
        return _decimal_fen(repr(value), field)
    if value is None:
        raise FieldError(field, "missing_field", "no amount")
    raise FieldError(field, "bad_money", f"not an amount: {shape_of(value)}")


def yuan_or(value: Scalar, field: str, doubts: list[Doubt], default: T) -> int | T:
    """Like `yuan`, but nothing and empty text give the default."""
    return default if value is None or value == "" else yuan(value, field, doubts)


def yuan_number(raw: msgspec.Raw, field: str) -> int:
    """Read an amount in yuan that the platform writes as a JSON number (or text) as fen, by its very digits.

    Declared as `msgspec.Raw`, the number never becomes a float; so it is no doubt that it was written as one.
    """
    digits = bytes(raw).strip().decode("ascii", "replace").strip('"')
    if digits in ("", "null"):
        raise FieldError(field, "missing_field", "no amount")
    return _decimal_fen(digits, field)


def yuan_number_or(raw: msgspec.Raw, field: str, default: T) -> int | T:
    """Like `yuan_number`, but nothing, null and empty text give the default."""
    return default if bytes(raw).strip() in (b"", b"null", b'""') else yuan_number(raw, field)


@lru_cache(maxsize=4096)
def _text_fen(value: str) -> int | None:
    """The usual form, digits and two decimals; None for any other. Prices repeat: remembering them halves their cost."""
    head, _, tail = value.partition(".")
    if len(tail) == 2 and value.isascii() and tail.isdigit() and (head[1:] if head[:1] == "-" else head).isdigit():
        return int(head + tail)
    return None


def _decimal_fen(text: str, field: str) -> int:
    if not text.isascii() or not _FLOAT_TEXT.match(text):
        raise FieldError(field, "bad_money", f"not an amount: {shape_of(text)}")
    fen_ = Decimal(text) * 100
    if fen_.adjusted() > _LARGEST:
        raise FieldError(field, "bad_money", "beyond any amount")
    whole = int(fen_)
    if whole != fen_:
        raise FieldError(field, "bad_money", "more than two decimals")
    return whole


def fen(value: Scalar, field: str, doubts: list[Doubt]) -> int:
    """Read an amount in fen: a whole number, or its digits as text. A whole JSON float is doubted (`float_money`)."""
    if type(value) is int:
        return value
    if type(value) is str and value.isascii() and (value[1:] if value[:1] == "-" else value).isdigit():
        return int(value)
    if type(value) is float and value.is_integer():
        doubts.append(Doubt(field=field, why="float_money", raw=repr(value)))
        return int(value)
    if value is None:
        raise FieldError(field, "missing_field", "no amount")
    raise FieldError(field, "bad_money", f"not a whole amount in fen: {shape_of(value)}")


def fen_or(value: Scalar, field: str, doubts: list[Doubt], default: T) -> int | T:
    """Like `fen`, but nothing and empty text give the default."""
    return default if value is None or value == "" else fen(value, field, doubts)


# ------------------------------------------------------------------ ids and counts


def ident(value: Scalar, field: str) -> str:
    """Read an id that comes as text or as a whole number of any size; the result is its text."""
    if type(value) is str:
        if not value:
            raise FieldError(field, "missing_field", "empty id")
        if "." in value and _FLOAT_TEXT.match(value):
            raise FieldError(field, "float_id", "an id written as a decimal number has lost digits")
        return value
    if type(value) is int:
        return str(value)
    if type(value) is float:
        raise FieldError(field, "float_id", "an id sent as a float has lost digits")
    if value is None:
        raise FieldError(field, "missing_field", "no id")
    raise FieldError(field, "bad_id", f"not an id: {shape_of(value)}")


def ident_or(value: Scalar, field: str) -> str:
    """Like `ident`; nothing, empty text and zero (a platform's way of saying "none") give an empty text."""
    if value is None or value == "" or value == 0 or value == "0":
        return ""
    return ident(value, field)


def count(value: Scalar, field: str, default: int | None = None) -> int:
    """Read a number of pieces: a whole number or its digits as text."""
    if type(value) is int:
        return value
    if type(value) is str and value.isascii() and (value[1:] if value[:1] == "-" else value).isdigit():
        return int(value)
    if (value is None or value == "") and default is not None:
        return default
    if type(value) is float and value.is_integer():
        return int(value)
    if value is None:
        raise FieldError(field, "missing_field", "no number")
    raise FieldError(field, "bad_number", f"not a whole number: {shape_of(value)}")


def text(value: Scalar) -> str:
    """Read free text; nothing is empty, numbers are their digits."""
    if type(value) is str:
        return value
    return "" if value is None else str(value)


_TRUE = frozenset({"true", "1", "y", "yes"})
_FALSE = frozenset({"false", "0", "n", "no", ""})


def truth(value: Scalar, field: str) -> bool:
    """Read a truth value sent as bool, 0 or 1, or text; nothing is False."""
    if value is None:
        return False
    if type(value) is bool:
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise FieldError(field, "bad_truth", f"not a truth value: {shape_of(value)}")


# ------------------------------------------------------------------ times


def text_time(value: Scalar, field: str, zone: tzinfo) -> datetime:
    """Read ``yyyy-MM-dd HH:mm:ss`` on the clock of `zone` as UTC."""
    got = text_time_or(value, field, zone)
    if got is None:
        raise FieldError(field, "missing_field", "no time")
    return got


def text_time_or(value: Scalar, field: str, zone: tzinfo) -> datetime | None:
    """Like `text_time`; nothing, empty text and the sentinels of "not set" give None."""
    if value is None or value == "":
        return None
    if type(value) is not str or len(value) != 19 or value[10] != " ":
        raise FieldError(field, "bad_time", f"not a time: {shape_of(value)}")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise FieldError(field, "bad_time", "not a time of the calendar") from None
    if moment.year <= 1970:
        return None
    if isinstance(zone, timezone):
        # a fixed offset: the same as below in half the time
        return (moment - zone.utcoffset(None)).replace(tzinfo=UTC)
    return moment.replace(tzinfo=zone).astimezone(UTC)


def epoch_time(value: Scalar, field: str, unit_s: float = 1.0) -> datetime:
    """Read seconds since 1970 (or milliseconds, with `unit_s` 0.001), as number or text."""
    got = epoch_time_or(value, field, unit_s)
    if got is None:
        raise FieldError(field, "missing_field", "no time")
    return got


def epoch_time_or(value: Scalar, field: str, unit_s: float = 1.0) -> datetime | None:
    """Like `epoch_time`; nothing, empty text and 0 give None."""
    if value is None or value == "" or value == 0 or value == "0":
        return None
    if type(value) is str and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int:
        raise FieldError(field, "bad_time", f"not a number of seconds: {shape_of(value)}")
    try:
        moment = _EPOCH + timedelta(seconds=value * unit_s)
    except OverflowError:
        raise FieldError(field, "bad_time", "beyond the calendar") from None
    if moment < _REAL:
        raise FieldError(field, "bad_time", "before 1990: wrong unit?")
    if moment.year > 2200:
        raise FieldError(field, "bad_time", "after 2200: wrong unit?")
    return moment


# ------------------------------------------------------------------ lists


def as_list(value: list[T] | T | None) -> Sequence[T]:
    """Read a list that may be missing, or be a single object where one element is due."""
    if value is None:
        return ()
    if isinstance(value, list):
        return value
    return (value,)


_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


def raw_list(raw: msgspec.Raw | bytes) -> list[bytes]:
    """Cut a JSON list into the untouched bytes of its elements; null is empty, an object is a list of itself."""
    blob = bytes(raw)
    first = blob.lstrip()[:1]
    if first == b"[":
        return [bytes(part) for part in _RAWS.decode(blob)]
    if first == b"{":
        return [blob.strip()] if blob.strip() != b"{}" else []
    if first in (b"", b"n") or blob.strip() == b'""':
        return []
    raise FieldError("list", "unreadable", "neither a list nor an object")


def masked(*texts: str) -> bool:
    """Whether any of the texts hides characters behind stars."""
    return any("*" in t for t in texts)
