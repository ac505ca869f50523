"""Readers of what follows ISO standards: amounts of any currency (4217), times with their offset (8601), and clear addresses
as merge keys. Like those of `fields`, they raise `FieldError`, and a value never appears in a message."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from adapters.core.fields import FieldError, Scalar, masked, shape_of
from adapters.documents import Doubt

T = TypeVar("T")

#: currency → decimals, where they are not two (ISO 4217, 2024)
DIGITS: dict[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
_CODE = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,2})?")


def currency_of(value: Scalar, field: str) -> str:
    """Read an ISO 4217 code."""
    if type(value) is str and _CODE.fullmatch(value):
        return value
    if value is None or value == "":
        raise FieldError(field, "missing_field", "no currency")
    raise FieldError(field, "bad_currency", f"no ISO 4217 code: {shape_of(value)}")


def digits_of(currency: str) -> int:
    """Decimals of a currency."""
    return DIGITS.get(currency, 2)


def minor(value: Scalar, currency: str, field: str, doubts: list[Doubt]) -> int:
    """Read a decimal amount (text or number, of any length as long as it is exact) in the currency's smallest unit.

    A JSON float is taken at its shortest decimal form and doubted (`float_money`).
    """
    if type(value) is float:
        doubts.append(Doubt(field=field, why="float_money", raw=repr(value)))
    elif value is None or value == "":
        raise FieldError(field, "missing_field", "no amount")
    elif type(value) is bool or not isinstance(value, (str, int)):
        raise FieldError(field, "bad_money", f"not an amount: {shape_of(value)}")
    text = repr(value) if type(value) is float else str(value).strip()
    if len(text) > 40 or not text.isascii() or not _AMOUNT.fullmatch(text):
        raise FieldError(field, "bad_money", f"not an amount: {shape_of(value)}")
    try:
        scaled = Decimal(text).scaleb(digits_of(currency))
        whole = int(scaled)
    except (InvalidOperation, OverflowError):
        raise FieldError(field, "bad_money", "not an amount") from None
    if whole != scaled:
        raise FieldError(field, "bad_money", f"more than {digits_of(currency)} decimals of {currency}")
    return whole


def minor_or(value: Scalar, currency: str, field: str, doubts: list[Doubt], default: T) -> int | T:
    """Like `minor`, but nothing and empty text give the default."""
    return default if value is None or value == "" else minor(value, currency, field, doubts)


def decimal_text(amount: int, currency: str) -> str:
    """An amount in the smallest unit as decimal text with all digits of its currency."""
    return f"{Decimal(amount).scaleb(-digits_of(currency)):f}"


def iso_time(value: Scalar, field: str, zone: tzinfo | None = None) -> datetime:
    """Read an ISO 8601 time as UTC in whole seconds; `zone`: of a time that is written without an offset.

    Parts of seconds are cut off.
    """
    got = iso_time_or(value, field, zone)
    if got is None:
        raise FieldError(field, "missing_field", "no time")
    return got


def iso_time_or(value: Scalar, field: str, zone: tzinfo | None = None) -> datetime | None:
    """Like `iso_time`; nothing, empty text and years up to 1970 ("not set") give None."""
    if value is None or value == "":
        return None
    if type(value) is not str or len(value) < 19 or value[10] not in "T ":
        raise FieldError(field, "bad_time", f"not a time: {shape_of(value)}")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise FieldError(field, "bad_time", "not a time of the calendar") from None
    if moment.tzinfo is None:
        if zone is None:
            raise FieldError(field, "bad_time", "without an offset")
        moment = moment.replace(tzinfo=zone)
    if moment.year <= 1970:
        return None
    return moment.astimezone(UTC).replace(microsecond=0)


def place_key(seller_id: str, *parts: str) -> str:
    """One key for one clear address: the same whatever its blanks and capitals; empty when a part is masked or all are empty.

    A digest, so that no personal data stands in it. Give name, phone and every part of the address, in a fixed order.
    """
    plain = [" ".join(part.split()).casefold() for part in parts]
    if masked(*plain) or not any(plain):
        return ""
    return hashlib.blake2b("\0".join([seller_id, *plain]).encode(), digest_size=16).hexdigest()
