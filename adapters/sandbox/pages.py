"""Lists as all dialects serve them: what is in a window now, page by page, with the faults that concern lists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import msgspec

from adapters.sandbox.state import Order
from adapters.sandbox.wire import digest, iso
from adapters.sandbox.world import World

T = TypeVar("T")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call as the dialect's methods see it."""

    world: World
    platform: str
    request_id: str
    method: str

    def window_key(self, *parts: object) -> str:
        """Names a window: the same for all its pages."""
        return "|".join(str(p) for p in (self.method, *parts))


def visible(call: Call, orders: Sequence[Order], window: str) -> list[Order]:
    """Leave out what lists do not show yet; each order left out is written once per version."""
    world = call.world
    shown: list[Order] = []
    for order in orders:
        if order.visible_from <= world.now:
            shown.append(order)
            continue
        key = f"{order.no}/{order.version}"
        world.faults.once(
            "late_visible",
            call.platform,
            key,
            call.request_id,
            order=order.no,
            window=window,
            modified=iso(order.modified),
            seconds=order.visible_from - order.modified,
        )
    return shown


def shift(call: Call, window: str, orders: Sequence[Order], size: int) -> bool:
    """Perhaps let one order of the window change while it is being paged, never at the first call for it."""
    if call.world.faults.calls(window) < 2 or len(orders) <= size:
        return False
    if not call.world.faults.plays("shifting_pages", call.platform, window, method=call.method):
        return False
    order = orders[digest(call.world.seed, window) % len(orders)]
    call.world.happen(order, "touched", {}, why="fault")
    call.world.faults.write("shifting_pages", call.request_id, call.platform, order=order.no, window=window)
    return True


def total(call: Call, window: str, true: int) -> int:
    """The total as told: the true one, or a wrong one the first two times a window is asked for it."""
    faults = call.world.faults
    if not faults.plays("wrong_total", call.platform, window, method=call.method):
        return true
    lie = 1 if faults.times("wrong_total", window) == 1 else 2
    told = true - lie if true > lie and digest(window, lie) % 2 else true + lie
    faults.write("wrong_total", call.request_id, call.platform, window=window, true=true, told=told)
    return told


def twice(call: Call, window: str, page: list[T], name: Callable[[T], str]) -> list[T]:
    """Perhaps let one item of a page come twice; each page of a window has its own chance, once."""
    if not page:
        return page
    key = f"{window}|{name(page[0])}|{len(page)}"
    if not call.world.faults.plays("duplicates", call.platform, key, method=call.method):
        return page
    at = digest(call.world.seed, window, "twice") % len(page)
    call.world.faults.write("duplicates", call.request_id, call.platform, order=name(page[at]), window=window)
    return [*page[: at + 1], page[at], *page[at + 1 :]]


def as_null(call: Call, window: str) -> bool:
    """Whether an empty list is sent as null."""
    if not call.world.faults.plays("null_list", call.platform, window, method=call.method):
        return False
    call.world.faults.once("null_list", call.platform, window, call.request_id, window=window)
    return True


def as_object(call: Call, window: str) -> bool:
    """Whether a list of one is sent as the object alone."""
    if not call.world.faults.plays("single_object", call.platform, window, method=call.method):
        return False
    call.world.faults.once("single_object", call.platform, window, call.request_id, window=window)
    return True


def encoded(
    call: Call, order: Order, form: str, make: Callable[[Order], object], *, hidden: Collection[str] = ()
) -> msgspec.Raw:
    """The order's JSON in one form, made once per version; faults of the order are in it and in the book.

    hidden: order faults that cannot be seen in this form, because the fields were not asked for.
    """
    world = call.world
    spoilt = world.faults.of_order(order)
    state: tuple[object, ...] = (order.version, order.modified, *spoilt)
    key = (order.platform, order.no, form)
    found = world.encoded.get(key)
    if found is None or found[0] != state:
        found = (state, msgspec.Raw(msgspec.json.encode(make(order))))
        world.encoded[key] = found
    world.faults.served(order, call.request_id, hidden)
    return found[1]
