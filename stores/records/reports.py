"""Figures: what each order adds to them, and how far they reflect the orders."""

from __future__ import annotations

from datetime import date, datetime

from stores.records.base import Record

#: (day, hour, measure, key, currency, count, qty, minor); hour -1 where it does not matter
Part = tuple[int, int, str, str, str, int, int, int]


def day_number(day: date) -> int:
    """A day as a number that sorts and reads well: 20260301."""
    return day.year * 10_000 + day.month * 100 + day.day


def number_day(number: int) -> date:
    """The day of such a number."""
    return date(number // 10_000, number // 100 % 100, number % 100)


class Contribution(Record, frozen=True, kw_only=True):
    """What one order adds to the figures as it stands now; no personal data."""

    order_no: str
    shop: str
    platform: str
    #: sorted; at most one per (day, hour, measure, key, currency)
    parts: tuple[Part, ...] = ()


class Cell(Record, frozen=True, kw_only=True):
    """One figure. What `by` of `Reports.sums` leaves out is empty, of the day None and of the hour -1."""

    measure: str
    day: date | None = None
    #: in the business zone
    hour: int = -1
    shop: str = ""
    platform: str = ""
    key: str = ""
    currency: str = ""
    count: int
    #: pieces
    qty: int
    minor: int


class Standing(Record, frozen=True, kw_only=True):
    """How far the figures reflect the orders; it moves with them in one transaction."""

    #: of the orders' feed: what came before is in the figures
    cursor: str
    #: a count of all orders goes on after this number; None: it is done
    after: str | None = None
    #: rules and zone by which they were counted; with others they begin anew
    basis: str
    #: when the orders were last read
    at: datetime
