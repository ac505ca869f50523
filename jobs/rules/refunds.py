"""Which refunds decide themselves, and what may come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from stores.records import FullOrder, Progress, Refund, RefundLine, replace


class Limits(Protocol):
    """Settings `[refunds]`."""

    @property
    def auto_unpaid(self) -> bool: ...
    @property
    def auto_unshipped(self) -> bool: ...
    @property
    def auto_up_to_minor(self) -> int: ...


#: nothing of the order is with a warehouse
_BEFORE = (Progress.CREATED, Progress.AUDITED, Progress.SOURCED, Progress.CANCELLED)


def decide(refund: Refund, full: FullOrder, limits: Limits, stop: str) -> tuple[str, str]:
    """(``approved`` or ``""`` for a person, why). `stop`: the warehouse's answer for a merged order, or empty.

    A doubtful amount or status is never decided here.
    """
    if refund.marks:
        return "", "doubtful"
    order = full.order
    if refund.amount_minor > order.paid_minor - order.refunded_minor:
        return "", "more_than_paid"
    if limits.auto_up_to_minor and refund.amount_minor > limits.auto_up_to_minor:
        return "", "above_limit"
    if order.progress == Progress.UNPAID:
        return ("approved", "unpaid") if limits.auto_unpaid else ("", "by_setting")
    if any(s.shipped_qty for s in full.ship_lines) or (order.progress not in _BEFORE and stop != "stopped"):
        return "", "shipped_or_at_warehouse"
    return ("approved", "unshipped") if limits.auto_unshipped else ("", "by_setting")


class Received(NamedTuple):
    """Refund lines with what came back, and the warehouse each SKU left from."""

    lines: tuple[RefundLine, ...]
    warehouse_of: dict[str, str]


def received(
    full: FullOrder, lines: Sequence[RefundLine], good: Mapping[str, int], defective: Mapping[str, int]
) -> Received:
    """Spread pieces that came back over the refund's lines.

    Raises:
        ValueError: a SKU that the refund's lines did not ship, or more pieces than they did.
    """
    line_nos = {x.line_no for x in lines}
    shipped = [s for s in full.ship_lines if s.line_no in line_nos and s.shipped_qty]
    room: dict[str, int] = {}
    for s in shipped:
        room[s.sku] = room.get(s.sku, 0) + s.shipped_qty - s.returned_qty
    for sku in {*good, *defective}:
        back = good.get(sku, 0) + defective.get(sku, 0)
        if back > room.get(sku, 0) or min(good.get(sku, 0), defective.get(sku, 0)) < 0:
            raise ValueError(f"{sku}: {back} came back, {room.get(sku, 0)} of this refund were shipped")
    out = []
    for line in lines:
        skus = {s.sku for s in shipped if s.line_no == line.line_no}
        out.append(
            replace(
                line,
                good_qty=sum(good.get(s, 0) for s in skus),
                defective_qty=sum(defective.get(s, 0) for s in skus),
            )
        )
    return Received(tuple(out), {s.sku: s.warehouse for s in shipped})
