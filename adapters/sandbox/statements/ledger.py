"""The statements of a world: one file's rows per platform and Beijing day, closed once the day is over, then unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox.state import Order
from adapters.sandbox.statements.others import rows_of_no_order
from adapters.sandbox.statements.planting import Planted, Planter, Told, planted_of
from adapters.sandbox.statements.rows import Row, day_of, midnight, next_day
from adapters.sandbox.statements.rules import books, rows_of

if TYPE_CHECKING:
    from adapters.sandbox.world import World

#: what stands on an account when the world begins, in fen
OPENING = 1_000_000
#: files and the interfaces of taobao and douyin tell a day from ten in the morning of the next one
READY_S = 10 * 3600


class Statements:
    """Rows by platform and day. `rate`: chance that an order carries a planted difference; 0 plants none."""

    def __init__(self, world: World, rate: float = 0.0) -> None:
        self._world = world
        self._planter = Planter(world.seed, rate)
        self._next = day_of(world.start)
        self._days: dict[tuple[str, str], list[Row]] = {}
        self._openings: dict[tuple[str, str], int] = {}
        self._balances = dict.fromkeys(world.shops, OPENING)
        self._moved: dict[str, list[Row]] = {p: [] for p in world.shops}
        self.planted: list[Planted] = []

    @property
    def days(self) -> list[str]:
        """The days that are over, oldest first."""
        self._close()
        return sorted({day for _, day in self._days})

    @property
    def told(self) -> bool:
        """Whether anybody has asked yet."""
        return bool(self._days)

    def ready(self, day: str) -> bool:
        """Whether a day's file can be had by now."""
        return self._world.now >= midnight(next_day(day)) + READY_S and day >= day_of(self._world.start)

    def rows(self, platform: str, day: str) -> list[Row]:
        """A day's rows, oldest first; none when the day is not over."""
        self._close()
        return self._days.get((platform, day), [])

    def opening(self, platform: str, day: str) -> int:
        """What stood on the account when a closed day began."""
        self._close()
        return self._openings[platform, day]

    def between(self, platform: str, start: int, end: int) -> Iterator[Row]:
        """Rows booked in [start, end] on days that are over, oldest first, ties as in the file."""
        for day in self.days:
            if midnight(next_day(day)) > start and midnight(day) <= end:
                yield from (r for r in self.rows(platform, day) if start <= r.at <= end)

    def balances(self, platform: str, day: str) -> list[tuple[Row, int]]:
        """A day's rows, each with what stands on the account after it."""
        left, found = self.opening(platform, day), []
        for row in self.rows(platform, day):
            left += 0 if row.failed else row.amount
            found.append((row, left))
        return found

    def to_book(self) -> dict[str, Any]:
        """Everything told so far: days, planted differences, rows."""
        days, shops = self.days, self._world.shops
        return {
            "days": days,
            "planted": [p.to_book(shops[p.platform].alias) for p in self.planted],
            "rows": [r.to_book(shops[p].alias) for day in days for p in shops for r in self.rows(p, day)],
        }

    def _close(self) -> None:
        """Close every day that is over; all platforms of a day together, days in order."""
        while self._world.now >= midnight(next_day(self._next)):
            orders = self._by_platform()
            for platform in self._world.shops:
                self._close_day(platform, self._next, orders[platform])
            self._next = next_day(self._next)

    def _by_platform(self) -> dict[str, list[Order]]:
        found: dict[str, list[Order]] = {p: [] for p in self._world.shops}
        for order in sorted(self._world.orders.values(), key=lambda o: (o.created, o.no)):
            found[order.platform].append(order)
        return found

    def _close_day(self, platform: str, day: str, orders: list[Order]) -> None:
        world, planter = self._world, self._planter
        start, end = midnight(day), midnight(next_day(day))
        true = [r for o in orders if self._moved_money(o, start, end) for r in rows_of(world, o) if start <= r.at < end]
        silenced = [r for r in true if (platform, r.order) in planter.silenced]
        told = Told(platform=platform, day=day, rows=[r for r in true if (platform, r.order) not in planter.silenced])
        ended = [o for o in orders if o.state == "cancelled" and not o.paid_at and start <= o.ended_at < end]
        if books(platform):
            planter.plant(told, [] if platform == "jd" else ended)
        others = rows_of_no_order(world.seed, platform, day)
        told.planted += [
            planted_of(told, "not_an_order", "", r.ref, r.amount, r.amount, detail=r.title) for r in others
        ]
        rows = sorted([*self._moved[platform], *told.rows, *others], key=lambda r: r.at)
        self._moved[platform] = told.later
        self._days[platform, day] = rows
        self._openings[platform, day] = self._balances[platform]
        self._balances[platform] += sum(r.amount for r in rows if not r.failed)
        self.planted += told.planted
        alias = world.shops[platform].alias
        for planted in told.planted:
            world.book.write("difference", **planted.to_book(alias))
        if silenced:
            self._add_to_missing(platform, silenced)

    def _moved_money(self, order: Order, start: int, end: int) -> bool:
        """Whether something that a platform books can have happened to the order in [start, end)."""
        times = (
            order.paid_at,
            order.ended_at,
            *(self._world.refunds[order.platform, n].done_at for n in order.refunds),
        )
        return any(start <= at < end for at in times)

    def _add_to_missing(self, platform: str, silenced: list[Row]) -> None:
        """What a missing order would have had on later days belongs to its difference."""
        for row in silenced:
            for n, planted in enumerate(self.planted):
                if (planted.platform, planted.name, planted.order) == (platform, "missing", row.order):
                    self.planted[n] = msgspec.structs.replace(planted, true=planted.true + row.amount)
