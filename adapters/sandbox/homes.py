"""Where a shop sells: its country's currency, clock and tax, and how much of that currency a fen is there.

Money of an order is an integer in the smallest unit of its shop's currency: cents, but whole dong or yen. Prices come of
the goods' list prices in fen by a rate that is this world's own. Currencies and their digits are those of ISO 4217; the
clocks are fixed offsets, of the winter where a country has two.
"""

from __future__ import annotations

from datetime import timedelta, timezone

import msgspec


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """One country. `rate`: smallest units of the currency for so many fen; `tax`: per ten thousand of a price."""

    country: str
    currency: str
    #: decimals of the currency
    digits: int = 2
    rate: tuple[int, int] = (1, 1)
    #: hours its clock is ahead of UTC
    offset_h: float = 8.0
    tax: int = 0
    #: the tax is inside the prices; else it comes on top
    tax_inside: bool = True

    @property
    def clock(self) -> timezone:
        return timezone(timedelta(hours=self.offset_h))

    def of_fen(self, fen: int) -> int:
        """A price in fen as a price of this country."""
        units, for_fen = self.rate
        return fen * units // for_fen

    def tax_of(self, amount: int) -> int:
        """The tax on an amount, or in it, half units up."""
        if not self.tax:
            return 0
        base = 10_000 + self.tax if self.tax_inside else 10_000
        return (amount * self.tax * 2 + base) // (base * 2)

    def text(self, amount: int) -> str:
        """An amount as decimal text with all its digits."""
        return decimal(amount, self.digits)


def decimal(amount: int, digits: int) -> str:
    """An amount of smallest units as decimal text."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    if not digits:
        return f"{sign}{amount}"
    whole, rest = divmod(amount, 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}"


_ALL = (
    Home(country="CN", currency="CNY"),
    Home(country="SG", currency="SGD", rate=(18, 100), tax=900),
    Home(country="MY", currency="MYR", rate=(58, 100)),
    Home(country="TH", currency="THB", rate=(46, 10), offset_h=7, tax=700),
    Home(country="PH", currency="PHP", rate=(8, 1), tax=1200),
    Home(country="VN", currency="VND", digits=0, rate=(36, 1), offset_h=7, tax=1000),
    Home(country="ID", currency="IDR", rate=(2250, 1), offset_h=7, tax=1100),
    Home(country="TW", currency="TWD", rate=(44, 10), tax=500),
    Home(country="JP", currency="JPY", digits=0, rate=(21, 100), offset_h=9, tax=1000),
    Home(country="KR", currency="KRW", digits=0, rate=(2, 1), offset_h=9, tax=1000),
    Home(country="US", currency="USD", rate=(14, 100), offset_h=-8, tax=750, tax_inside=False),
    Home(country="GB", currency="GBP", rate=(11, 100), offset_h=0, tax=2000),
    Home(country="DE", currency="EUR", rate=(13, 100), offset_h=1, tax=1900),
    Home(country="BR", currency="BRL", rate=(76, 100), offset_h=-3),
    Home(country="MX", currency="MXN", rate=(26, 10), offset_h=-6, tax=1600),
    Home(country="KW", currency="KWD", digits=3, rate=(43, 100), offset_h=3),
)
HOMES = {home.country: home for home in _ALL}


def home_of(country: str) -> Home:
    """The home of a country.

    Raises:
        ValueError: none of that name.
    """
    if country not in HOMES:
        raise ValueError(f"no such country: {country}; there are {', '.join(HOMES)}")
    return HOMES[country]
