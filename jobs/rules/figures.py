"""What one order adds to the figures of the reports. Days and hours are those of the business zone.

An order counts where it was ordered, again where it was sold (paid, or cash on delivery and going), where it was
shipped and where it was cancelled; each of them on its own day. So a figure of a day changes when one of its orders does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo

from stores.records import Contribution, FullOrder, Order, Progress, Refund, Step
from stores.records.reports import Part

#: rises whenever the same order would add something else: then everything is counted anew
VERSION = 1

#: orders by the time they were ordered: pieces, payable. By hour
ORDERED = "ordered"
#: what the platform adds to them. By hour
SUBSIDY = "subsidy"
#: orders by the time they were paid, cash on delivery by the time ordered: pieces, paid. By hour
SOLD = "sold"
#: the same by SKU: orders with it, pieces, their share of what was paid for the lines
SOLD_SKU = "sold_sku"
#: orders by the day they were ordered and the progress they have now: pieces, payable
STATE = "state"
#: orders by the time they were cancelled and why: pieces, payable. By hour
CANCELLED = "cancelled"
#: orders by the time their first parcel left: pieces that left so far. By hour
SHIPPED = "shipped"
#: the same by SKU
SHIPPED_SKU = "shipped_sku"
#: orders by the day all their parcels had left and the minutes since they were paid, six digits
WAITED = "waited"
#: refunds by the day they were asked for: ``kind|status|reason``, amount
REFUND = "refund"

#: hour of figures that are kept by day only
WHOLE_DAY = -1
#: parts of an order that are looked at
PARTS = frozenset({"lines", "ship_lines", "refunds", "amounts"})
#: states whose first step is looked at
STATES = (Progress.PARTLY_SHIPPED, Progress.SHIPPED, Progress.CANCELLED)
#: letters of a refund's reason that are kept: the platforms' lists of reasons are short, a buyer's own words need not be
_REASON = 30
#: and may hold a number to call
_NUMBER = re.compile(r"\d[\d -]{7,}\d")
_GOING = frozenset(Progress) - {Progress.UNPAID, Progress.CANCELLED}


def contribution(full: FullOrder, arrived: Mapping[str, Step], zone: tzinfo) -> Contribution:
    """What an order adds as it stands.

    Args:
        arrived: state → the step that first led there, of `STATES`.
    """
    order = full.order
    parts = [*_sales(full, zone), *_moves(full, arrived, zone), *_refunds(full.refunds, zone)]
    return Contribution(order_no=order.order_no, shop=order.shop, platform=order.platform, parts=_summed(parts))


def _sales(full: FullOrder, zone: tzinfo) -> Iterable[Part]:
    order = full.order
    pieces = sum(line.qty for line in full.lines)
    day, hour = _at(order.ordered_at, zone)
    yield day, hour, ORDERED, "", order.currency, 1, pieces, order.payable_minor
    yield day, WHOLE_DAY, STATE, order.progress.value, order.currency, 1, pieces, order.payable_minor
    if order.subsidy_minor:
        yield day, hour, SUBSIDY, "", order.currency, 1, 0, order.subsidy_minor
    sold = _sold_at(order)
    if sold is None:
        return
    day, hour = _at(sold, zone)
    yield day, hour, SOLD, "", order.currency, 1, pieces, order.paid_minor
    qty, minor = Counter[str](), Counter[str]()
    for part in full.ship_lines:
        qty[part.sku] += part.qty
        minor[part.sku] += part.value_minor
    for sku, n in qty.items():
        yield day, WHOLE_DAY, SOLD_SKU, sku, order.currency, 1, n, minor[sku]


def _sold_at(order: Order) -> datetime | None:
    if order.paid_at is None and "cod" in order.flags and order.progress in _GOING:
        return order.ordered_at
    return order.paid_at


def _moves(full: FullOrder, arrived: Mapping[str, Step], zone: tzinfo) -> Iterable[Part]:
    order = full.order
    # an order that came to us shipped was shipped by others, at a time we do not know
    left = [s for s in (arrived.get(Progress.PARTLY_SHIPPED), arrived.get(Progress.SHIPPED)) if s and s.from_state]
    pieces = Counter[str]()
    for part in full.ship_lines:
        pieces[part.sku] += part.shipped_qty
    if left and pieces.total():
        day, hour = _at(min(s.at for s in left), zone)
        yield day, hour, SHIPPED, "", order.currency, 1, pieces.total(), 0
        for sku, n in pieces.items():
            if n:
                yield day, WHOLE_DAY, SHIPPED_SKU, sku, order.currency, 1, n, 0
    whole, sold = arrived.get(Progress.SHIPPED), _sold_at(order)
    if whole and whole.from_state and pieces.total() and sold:
        waited = max(int((whole.at - sold).total_seconds()) // 60, 0)
        yield _at(whole.at, zone)[0], WHOLE_DAY, WAITED, f"{waited:06d}", order.currency, 1, 0, 0
    gone = arrived.get(Progress.CANCELLED)
    if gone and order.progress == Progress.CANCELLED:
        day, hour = _at(gone.at, zone)
        lines = sum(line.qty for line in full.lines)
        yield day, hour, CANCELLED, why(gone), order.currency, 1, lines, order.payable_minor


def why(step: Step) -> str:
    """Reason code of a cancellation: of what a platform changed at once the last word, that is what closed the order."""
    if not step.from_state:
        return "platform.closed"
    head, dot, rest = step.reason.partition(".")
    return f"{head}{dot}{rest.rpartition('+')[2]}"


def _refunds(refunds: Iterable[Refund], zone: tzinfo) -> Iterable[Part]:
    for r in refunds:
        reason = _NUMBER.sub("***", r.reason.replace("|", "/"))[:_REASON]
        key = f"{r.kind.value}|{r.status.value}|{reason}"
        yield _at(r.asked_at, zone)[0], WHOLE_DAY, REFUND, key, r.currency, 1, 0, r.amount_minor


def _at(moment: datetime, zone: tzinfo) -> tuple[int, int]:
    local = moment.astimezone(zone)
    return local.year * 10_000 + local.month * 100 + local.day, local.hour


def _summed(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Parts of one cell as one, sorted: two refunds for one reason on one day are one part."""
    sums: dict[tuple[int, int, str, str, str], list[int]] = {}
    for *place, count, qty, minor in parts:
        cell = sums.setdefault(tuple(place), [0, 0, 0])  # type: ignore[arg-type]
        cell[0] += count
        cell[1] += qty
        cell[2] += minor
    return tuple((*place, *values) for place, values in sorted(sums.items()))  # type: ignore[misc]
