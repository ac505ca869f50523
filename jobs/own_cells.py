"""Cells of a file of own orders as values: money, pieces, times, yes and no. What cannot be read says what to write."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

#: minor digits of the currencies that have not two (ISO 4217)
_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0, "VND": 0,
    "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0, "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip
#: what a spreadsheet's own arithmetic may be off by
_NOISE = Decimal("0.000001")
#: no amount or count of one order is larger; beyond it a cell holds something else
_MOST = 10**12
_YES = {"yes", "y", "true", "1", "是", "已付", "已付款", "已支付", "有"}
_NO = {"", "no", "n", "false", "0", "否", "未付", "未付款", "未支付", "无"}
_COD = {"cod", "货到付款"}
_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]+(\d{1,2})[:时](\d{1,2})分?(?::?(\d{1,2})秒?(?:\.\d+)?)?)?( ?(?:Z|[+-]\d\d:?\d\d))?"
)


class Unread(ValueError):
    """A cell that cannot be read: `code`, what is wrong, and what to write instead."""

    def __init__(self, code: str, what: str, write: str) -> None:
        super().__init__(what)
        self.code, self.what, self.write = code, what, write


def digits(currency: str) -> int:
    """Decimals of a currency's amounts."""
    return _DIGITS.get(currency, 2)


def minor(text: str, currency: str) -> int:
    """An amount of money in minor units; the currency's sign and thousands commas may be there.

    Raises:
        Unread: no amount, or more decimals than the currency has.
    """
    bare = text.strip().lstrip("¥￥").removesuffix("元").replace(",", "").replace("，", "").strip()
    places = digits(currency)
    like = "write for example 99.00" if places else "write for example 99"
    try:
        value = Decimal(bare) if bare.isascii() and "_" not in bare else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) >= _MOST:
        raise Unread("bad_money", "is no amount", like)
    scaled = value.scaleb(places)
    whole = scaled.to_integral_value()
    if abs(scaled - whole) > _NOISE:
        raise Unread("bad_money", f"has more than {places} decimals", like)
    return int(whole)


def not_negative(text: str, currency: str) -> int:
    """An amount from 0 up; empty is 0."""
    if not text.strip():
        return 0
    value = minor(text, currency)
    if value < 0:
        raise Unread("bad_money", "is below zero", "write it without a minus")
    return value


def pieces(text: str) -> int:
    """A number of pieces from 1 up, as a spreadsheet may write it (``2.0``)."""
    bare = text.strip()
    if bare.endswith(".0"):
        bare = bare[:-2]
    if not (bare.isascii() and bare.isdigit() and 0 < int(bare) < _MOST):
        raise Unread("bad_pieces", "is no number of pieces", "write 1, 2, 3, …")
    return int(bare)


def yes(text: str) -> bool:
    """Yes or no; empty is no."""
    word = text.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise Unread("bad_word", "is neither yes nor no", "write yes or no (是, 否)")


def paid(text: str, currency: str) -> str | int:
    """``yes``, ``no``, ``cod``, or the amount paid so far in minor units. A bare 1 or 0 is an amount."""
    word = text.strip().lower()
    if word in _COD:
        return "cod"
    if word in _YES - {"1"}:
        return "yes"
    if word in _NO - {"0"}:
        return "no"
    try:
        return not_negative(word, currency)
    except Unread as error:
        raise Unread(
            "bad_paid", error.what, "write yes, no, cod (货到付款) or the amount paid, such as 50.00"
        ) from error


def moment(text: str, zone: ZoneInfo) -> datetime:
    """A time as people and spreadsheets write it, in `zone` unless it names its offset; a day alone is its midnight.

    Raises:
        Unread: it is none.
    """
    found = _TIME.fullmatch(text.strip())
    wrong = Unread("bad_time", "is no time", "write for example 2026-03-01 10:20")
    if not found:
        raise wrong
    *parts, offset = found.groups()
    try:
        year, month, day, hour, minute, second = (int(p or 0) for p in parts)
        there = datetime(year, month, day, hour, minute, second, tzinfo=zone)
        if offset:
            there = datetime.fromisoformat(f"{there.replace(tzinfo=None).isoformat()}{offset.strip()}")
        return there.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None


def money_text(amount: int, currency: str) -> str:
    """An amount as people write it: ``98.00``."""
    places = digits(currency)
    return f"{Decimal(amount).scaleb(-places):.{places}f}"
