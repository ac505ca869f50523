"""A row of a statement before any platform's columns: which order's, when booked, and what its money is made of."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from adapters.sandbox.wire import BEIJING, digest, iso

#: what a part of a row may be; talent's and channel's subsidies are subsidies, written with a dot
KINDS = (
    "goods",
    "freight",
    "subsidy",
    "refund",
    "commission",
    "service_fee",
    "advertising",
    "deposit",
    "withdrawal",
    "adjustment",
)
#: parts that are the order's own money; the others are what the platform takes or a matter without an order
ORDER_MONEY = ("goods", "freight", "subsidy", "refund")
FEES = ("commission", "service_fee")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `parts`: (kind, fen), money to the merchant positive; `day`: the file it lies in, yyyy-MM-dd Beijing."""

    platform: str
    day: str
    #: its number at the platform
    ref: str
    at: int
    parts: tuple[tuple[str, int], ...]
    order: str = ""
    line: str = ""
    refund: str = ""
    title: str = ""
    #: the platform's numbers of what was sold
    listing: str = ""
    product: str = ""
    qty: int = 0
    #: the platform says that the payment failed (jd)
    failed: bool = False
    #: class of the planted difference it shows, if any
    planted: str = ""

    @property
    def amount(self) -> int:
        return sum(fen for _, fen in self.parts)

    @property
    def kind(self) -> str:
        """What the row is about: the first of its parts."""
        return self.parts[0][0]

    def of(self, kind: str) -> int:
        """The sum of its parts of one kind, spelled as in `parts`."""
        return sum(fen for name, fen in self.parts if name == kind)

    def to_book(self, alias: str) -> dict[str, Any]:
        """The row as the book tells it: parts by plain kind."""
        parts: dict[str, int] = {}
        for name, fen in self.parts:
            kind = name.partition(".")[0]
            parts[kind] = parts.get(kind, 0) + fen
        return {
            "platform": self.platform,
            "shop": alias,
            "day": self.day,
            "ref": self.ref,
            "booked": iso(self.at),
            "order": self.order,
            "line": self.line,
            "refund": self.refund,
            "parts": parts,
            "amount": self.amount,
            "failed": self.failed,
            "planted": self.planted,
        }


def day_of(at: int) -> str:
    """The Beijing day of an epoch second."""
    return datetime.fromtimestamp(at, BEIJING).date().isoformat()


def midnight(day: str) -> int:
    """The epoch second at which a Beijing day begins.

    Raises:
        ValueError: no date.
    """
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), BEIJING).timestamp())


def next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def part_of_rate(amount: int, rate_e4: int) -> int:
    """`amount` times a rate in ten-thousandths, half a fen up."""
    return (amount * rate_e4 * 2 + 10_000) // 20_000


def number(digits: int, *parts: object) -> str:
    """A stable number of so many digits that does not begin with 0."""
    low = 10 ** (digits - 1)
    return str(low + digest(*parts) % (9 * low))
