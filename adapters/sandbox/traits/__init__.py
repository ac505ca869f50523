"""What the world must know of each platform beside its dialect: one file per platform, found by its name.

The shape of its numbers, what its buyers and orders can do, how long its tokens live, what it calls the carriers, and
where its shop is at home. Nothing here says how a platform is asked or answers: that is its dialect's.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

import msgspec

_DAY = 86400


def rising(no: str, i: int) -> str:
    """Line numbers of the kind of order numbers, a little behind their order's."""
    return str(int(no) + 3 + i * 7)


def dashed(no: str, i: int) -> str:
    """The order's number and the line's place."""
    return f"{no}-{i}"


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """One platform."""

    #: its shop's name in the settings, its seller, the key of its app
    alias: str
    seller: str
    key: str
    #: the app has a second secret, which it signs with; both stand in one setting, with a blank between
    two_secrets: bool = False
    #: place among the platforms of a world that names none; 0: only where it is named
    usual: int = 0
    #: ISO 3166 code of the country its shop sells in, see `homes.py`
    country: str = "CN"

    # --- numbers
    first_order: int
    #: numbers of hand-made orders start here
    first_script: int
    #: numbers of orders that never were, in statements: far above what the day and scripts count up to
    first_never: int = 0
    first_refund: int
    first_listing: int
    first_product: int
    #: an order's number, from the next one and the epoch seconds of its creation
    order_no: Callable[[int, int], str] = lambda n, _created: str(n)
    line_no: Callable[[str, int], str] = rising
    #: the only line of an order has the order's number
    lone_line: bool = False
    #: some listings have no variants and no id but their product's
    lone_items: bool = False
    #: the number of a refund, from the next one, its kind and its order's number
    refund_no: Callable[[int, str, str], str] = lambda n, _kind, _order: str(n)

    # --- what can happen
    #: an order sells one sku; a gift may stand beside it
    one_sku: bool = False
    presale: bool = False
    #: discounts of a talent, and of the payment channel
    talents: bool = False
    #: the seller may change a price
    price_changes: bool = False
    #: reasons why a paid order may be held
    holds: tuple[str, ...] = ("group_unfinished",)
    #: what was really paid arrives later
    settles: bool = False
    #: single lines can be closed, or their money asked back, before shipping
    parts: bool = True
    #: refunds that buyers ask for here; any other is first seen when the seller has paid it back
    asks: frozenset[str] = frozenset({"before_shipping", "return", "refund_only"})
    #: a paid order is cancelled as a whole: the wish shows in the order's state, and no refund has a number of its own;
    #: what the book calls it, from the number of its order
    cancel_no: Callable[[str], str] | None = None
    #: money goes back for a whole order or not at all, freight and all, and nobody sees it asked for; `cancel_no` names it
    whole_refunds: bool = False
    #: the platform knows no goods under way: an order is over once all of it was shipped
    ends_shipped: bool = False
    #: lists never show what was not paid
    hides_unpaid: bool = False
    #: lists never show an order whose group is not complete
    hides_groups: bool = False
    #: amounts are JSON numbers in every answer: one that is a float is no fault
    number_money: bool = False
    #: nothing of a line may leave while its buyer asks the money back
    strict: bool = False
    #: a waybill that was used for somebody else is refused
    unique_waybills: bool = False
    #: events that change an order without moving its modified time
    silent: frozenset[str] = frozenset()
    #: faults that only some platforms can play
    faults: frozenset[str] = frozenset()

    # --- tokens
    #: seconds an access token and a refresh token live; 0: there is none
    token_s: int = 30 * _DAY
    refresh_s: int = 30 * _DAY
    #: the first token comes from an authorisation page, so that it is handed out beforehand; killed, it works again
    #: once the seller has authorised the app anew
    handed: bool = False

    #: the sandbox's carrier → the platform's code
    carriers: Mapping[str, str] = {}


def names() -> list[str]:
    """Every platform there is: first the usual ones in their order, then the others by name."""
    found = [m.name for m in pkgutil.iter_modules(__path__)]
    return sorted(found, key=lambda name: (find(name).usual or len(found) + 1, name))


def usual() -> tuple[str, ...]:
    """The platforms of a world that names none."""
    return tuple(name for name in names() if find(name).usual)


@cache
def find(name: str) -> Traits:
    """What is known of a platform.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in {m.name for m in pkgutil.iter_modules(__path__)}:
        raise KeyError(f"no platform {name!r}")
    found: Traits = import_module(f"{__name__}.{name}").TRAITS
    return found
