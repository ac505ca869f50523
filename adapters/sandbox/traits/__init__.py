"""What is each platform's own in the world that all dialects share, found by file name: ids, keys, tokens, habits.

A module of this package holds `TRAITS`. What a request or an answer looks like is the dialects' business; this is what
the world must know when it makes a day: where numbers begin, what an order may hold, what lists never show.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from adapters.sandbox.state import Order

DAY_S = 86400


def plain_number(number: int, created: int) -> str:
    """An order's number where it is a number and no more."""
    return str(number)


def dashed(no: str, i: int, of: int) -> str:
    """A line's number where the platform has none: the order's, and its place."""
    return f"{no}-{i}"


def near(no: str, i: int, of: int) -> str:
    """A line's number near the order's; a lone line has the order's own."""
    return no if of == 1 else str(int(no) + 3 + i * 7)


def always(order: Order) -> bool:
    return True


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """One platform in the world. The shop has one seller and one app; numbers rise from their bases."""

    alias: str
    seller_id: str
    app_key: str
    #: first of its ids
    listing_base: int
    product_base: int
    refund_base: int
    order_base: int
    #: first number of hand-made orders
    script_base: int
    #: (running number, epoch seconds of creation) → the order's number
    order_no: Callable[[int, int], str] = plain_number
    #: (order's number, place of the line, lines in all) → the line's number
    line_no: Callable[[str, int, int], str] = dashed
    #: seconds an access token and a refresh token live; 0: there is no refresh token
    token_life: tuple[int, int]
    #: the first token comes from an authorisation page, so that it is handed out beforehand
    handed: bool = False
    #: the sandbox's carrier code → the platform's
    carriers: Mapping[str, str]
    #: at most so many different goods in one order; a gift comes beside them
    most_lines: int = 4
    #: an item may be sold without variants, under its own id alone
    lone_items: bool = False
    presale: bool = False
    #: the platform may hold a paid order back for its risk control
    risk_control: bool = False
    #: the seller may change a price by hand, and orders say so
    price_changes: bool = False
    #: a talent or a payment channel may give discounts of their own
    talents: bool = False
    #: what was really paid arrives some time after payment
    settles_late: bool = False
    #: before shipping only the whole order can be paid back, by one application
    whole_refunds: bool = False
    #: nothing of a line leaves while its buyer asks the money back
    strict_refunds: bool = False
    #: a waybill that was used for somebody else is refused
    unique_waybills: bool = False
    #: events that do not move an order's modified time
    silent: frozenset[str] = frozenset()
    #: lists tell how many there are
    totals: bool = True
    #: a list of one may come as the object alone
    lone_objects: bool = False
    #: amounts are JSON numbers anyway
    number_money: bool = False
    #: whether lists ever show an order as it stands
    listed: Callable[[Order], bool] = always


def names() -> list[str]:
    """Platforms that the world can have."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__))


@cache
def of(platform: str) -> Traits:
    """The traits of a platform.

    Raises:
        ModuleNotFoundError: there is none of that name.
    """
    found: Traits = import_module(f"{__name__}.{platform}").TRAITS
    return found


def those(wanted: Callable[[Traits], bool]) -> tuple[str, ...]:
    """Platforms whose traits are wanted."""
    return tuple(name for name in names() if wanted(of(name)))
