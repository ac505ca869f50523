"""Cells as values. Each reader remembers what it has read: a statement says the same hours and prices over and over.

A reader is a dict asked by subscription, so that a whole column is read by `map`; what cannot be read gives None.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

#: a reader forgets everything beyond so many different cells
_MOST = 1 << 18
#: currencies whose smallest unit is not a hundredth
_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "TWD": 2, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3}
_LARGEST = 10**14
_NOTHING = ("", "-", "--", "—")
_DIGITS = re.compile(r"[+-]?\d+\Z", re.ASCII)
#: nothing was settled by a platform outside of these, epoch ms
_FIRST, _LAST = 946_684_800_000, 4_102_444_800_000


def exponent(currency: str) -> int:
    """Digits of the currency's smallest unit."""
    return _EXPONENTS.get(currency, 2)


class Reader(dict[str, Any]):
    """Cell → value, or None."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: str) -> Any:
        if len(self) >= _MOST:
            self.clear()
        value = self[cell] = self._read(cell)
        return value


def amount_reader(unit: str, digits: int, decimal: str) -> Reader:
    """Amounts as minor units; an empty cell is 0.

    Args:
        digits: of the currency's smallest unit. decimal: what stands before the fraction.
    """
    if unit == "minor":
        return Reader(_whole)
    comma = "," if decimal == "." else "."
    thousands = re.compile(rf"[+-]?\d{{1,3}}(?:{re.escape(comma)}\d{{3}})+(?:{re.escape(decimal)}\d*)?\Z", re.ASCII)

    def read(cell: str) -> int | None:
        text = cell.strip().lstrip("¥￥").strip()
        if text in _NOTHING:
            return 0
        if comma in text:
            if not thousands.match(text):
                return None
            text = text.replace(comma, "")
        whole, _, part = text.partition(decimal)
        if not _DIGITS.match(whole) or (part and not (part.isascii() and part.isdecimal())):
            return None
        # a fraction of the smallest unit must be nothing, else the amount is not what we read
        if part[digits:].strip("0"):
            return None
        minor = int(whole.lstrip("+-") + part[:digits].ljust(digits, "0"))
        if minor >= _LARGEST:
            return None
        return -minor if whole.startswith("-") else minor

    return Reader(read)


def _whole(cell: str) -> int | None:
    text = cell.strip()
    if text in _NOTHING:
        return 0
    text = text.removesuffix(".0")
    return int(text) if _DIGITS.match(text) and len(text) <= 15 else None


def decimal_of(cells: Sequence[str], digits: int) -> str:
    """The decimal mark of a column: of the first cell that ends in one and as many digits as the currency has."""
    mark = re.compile(rf"([.,])\d{{{digits}}}\Z")
    return next((found.group(1) for c in cells if (found := mark.search(c.strip()))), ".") if digits else "."


def time_reader(times: Sequence[str], zone: str) -> Callable[[Sequence[str]], list[int | None]]:
    """A column of times as epoch milliseconds, each by the first form that fits; those without an offset are in `zone`."""
    where = ZoneInfo(zone)
    hours = Reader(lambda text: _hour(text, where))
    minutes = Reader(_rest)
    slow = Reader(lambda text: _by_form(text.strip(), times, where))
    quick = "%Y-%m-%d %H:%M:%S" in times

    def read(cells: Sequence[str]) -> list[int | None]:
        if quick:
            # "2026-03-01 09:15:20": the hour is asked of the zone once, minutes and seconds only add up
            try:
                return [hours[c[:13]] + minutes[c[13:]] for c in cells]
            except TypeError:
                # one of them has another form
                pass
        return list(map(slow.__getitem__, cells))

    return read


def _hour(text: str, zone: ZoneInfo) -> int | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d", text, re.ASCII):
        return None
    try:
        at = datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=zone)
    except ValueError:
        return None
    return _ms(at)


def _rest(text: str) -> int | None:
    found = re.fullmatch(r":([0-5]\d):([0-5]\d)", text, re.ASCII)
    return (int(found.group(1)) * 60 + int(found.group(2))) * 1000 if found else None


def _by_form(text: str, times: Sequence[str], zone: ZoneInfo) -> int | None:
    for form in times:
        if form in ("epoch_s", "epoch_ms"):
            at = int(text) * (1000 if form == "epoch_s" else 1) if _DIGITS.match(text) and len(text) < 15 else None
        elif form == "iso":
            at = _iso(text)
        else:
            at = _formed(text, form, zone)
        if at is not None and _FIRST <= at < _LAST:
            return at
    return None


def _iso(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _ms(at) if at.tzinfo is not None else None


def _formed(text: str, form: str, zone: ZoneInfo) -> int | None:
    if not text.isascii():
        return None
    try:
        at = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set in the next line
    except ValueError:
        return None
    if form.endswith("UTC"):
        return timegm(at.timetuple()) * 1000
    return _ms(at if at.tzinfo is not None else at.replace(tzinfo=zone))


def _ms(at: datetime) -> int | None:
    found = int(at.timestamp()) * 1000
    return found if _FIRST <= found < _LAST else None


def plain(cell: str) -> str:
    """An id as it was meant: blanks, tabs, a leading apostrophe and ``="…"`` taken off."""
    text = cell.strip()
    if text.startswith("'"):
        return text[1:].strip()
    return text[2:-1].strip() if text.startswith('="') and text.endswith('"') else text


def fits(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a cell is one of these texts, in which ``*`` stands for any text."""
    exact = frozenset(p for p in patterns if "*" not in p)
    wide = [re.compile(".*".join(map(re.escape, p.split("*"))) + r"\Z", re.DOTALL) for p in patterns if "*" in p]
    return lambda cell: cell in exact or any(w.match(cell) for w in wide)
