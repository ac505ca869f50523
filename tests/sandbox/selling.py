"""Worlds whose orders are really shipped and completed, so that there is something to settle."""

from __future__ import annotations

from adapters.sandbox import carriers, effects
from adapters.sandbox.making import Made
from adapters.sandbox.statements.rows import midnight
from adapters.sandbox.wire import digest
from adapters.sandbox.world import World
from tests.sandbox.callers import make

#: the days every world here covers: it begins with the first, and nothing is left to settle after the last
DAYS = ("2025-11-20", "2025-11-21", "2025-11-22")
_DONE = "2025-11-23"


def ship_all(world: World) -> int:
    """Ship what may be shipped, each order in a parcel; every seventh order of several lines in two. Returns how many."""
    done = 0
    for order in [o for o in world.orders.values() if o.state in ("paid", "partly_shipped")]:
        lines = [(x.no, x.left) for x in order.lines if x.left]
        parts = (
            [lines[:1], lines[1:]]
            if len(lines) > 1 and digest(order.no) % 7 == 0 and order.platform != "jd"
            else [lines]
        )
        boxes = [_box(order.platform, order.no, n, part) for n, part in enumerate(parts)]
        done += effects.ship(world, order.platform, order.no, boxes, f"ship {order.no}") == "done"
    return done


def _box(platform: str, no: str, n: int, part: list[tuple[str, int]]) -> effects.Box:
    code = carriers.of("YTO").at(platform)
    waybill = f"YT{digest('waybill', no, n) % 10**13:013d}"
    return effects.Box(carrier=code, waybill=waybill, lines=tuple(part))


def sold(**wish: object) -> Made:
    """A day whose orders were shipped every two hours, three mornings later."""
    made = make(**{"orders": 400, **wish})
    end = midnight(_DONE) + 11 * 3600
    while made.world.now < end:
        made.world.advance(min(end, made.world.now + 2 * 3600))
        ship_all(made.world)
    return made
