"""Decisions on refunds: simple cases by rule, everything else by a person. Money never exceeds what was paid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jobs.rules.money import refund_room
from stores.records import Order, Progress, Refund, RefundKind, RefundLine, RefundStatus, ShipLine

#: kinds a rule may decide before anything left; the others always want a person
SIMPLE = frozenset({RefundKind.BEFORE_SHIPPING, RefundKind.REFUND_ONLY})
#: still stand, so their money is spoken for
STANDING = frozenset({RefundStatus.ASKED, RefundStatus.APPROVED, RefundStatus.GOODS_BACK, RefundStatus.DONE})
#: open: the platform or we still have to act
OPEN = frozenset({RefundStatus.ASKED, RefundStatus.APPROVED, RefundStatus.GOODS_BACK})
_LEFT = frozenset({Progress.PARTLY_SHIPPED, Progress.SHIPPED, Progress.COMPLETED})


class Policy(NamedTuple):
    """What may be decided without a person, as the settings say."""

    auto_unpaid: bool = True
    auto_unshipped: bool = True
    #: amounts above are decided by a person, 0: no limit
    auto_up_to_minor: int = 0


class Ruling(NamedTuple):
    """What a rule says: approve, stop (the parcel first) or wait (for a person), and the reason code."""

    act: str
    reason: str


def committed(refunds: Iterable[Refund], *, but: str = "") -> int:
    """Money of an order's refunds that were paid back or were agreed to; `but`: leave this refund out."""
    return sum(
        r.amount_minor
        for r in refunds
        if r.refund_no != but
        and r.status in STANDING
        and (r.status == RefundStatus.DONE or r.status != RefundStatus.ASKED or r.decision == "approved")
    )


def room(order: Order, refunds: Iterable[Refund], *, but: str = "") -> int:
    """How much may still be agreed to: paid less what is committed, never negative."""
    return refund_room(paid=order.paid_minor, refunded=max(committed(refunds, but=but), 0))


def fits(order: Order, refunds: Iterable[Refund], refund: Refund) -> bool:
    """True when the sum of refunds with this one does not pass what was paid."""
    return 0 <= refund.amount_minor <= room(order, refunds, but=refund.refund_no)


def rule(refund: Refund, order: Order, refunds: Sequence[Refund], *, in_parcel: bool, policy: Policy) -> Ruling:
    """Decide one open refund.

    Args:
        refunds: all refunds of the order, this one among them.
        in_parcel: the order is in a parcel that has not been stopped or voided.
    """
    if refund.decision:
        return Ruling("wait", "decided")
    if refund.status != RefundStatus.ASKED:
        return Ruling("wait", f"is_{refund.status}")
    if refund.kind not in SIMPLE:
        return Ruling("wait", f"kind_{refund.kind}")
    if order.progress in _LEFT:
        return Ruling("wait", "shipped")
    if any(mark.field.startswith("amount") for mark in refund.marks):
        return Ruling("wait", "doubtful_amount")
    if refund.currency != order.currency:
        return Ruling("wait", "other_currency")
    if not fits(order, refunds, refund):
        return Ruling("wait", "exceeds_paid")
    if policy.auto_up_to_minor and refund.amount_minor > policy.auto_up_to_minor:
        return Ruling("wait", "amount_above")
    if order.progress == Progress.UNPAID:
        return Ruling("approve", "unpaid") if policy.auto_unpaid else Ruling("wait", "unpaid")
    if not policy.auto_unshipped:
        return Ruling("wait", "unshipped")
    return Ruling("stop", "in_parcel") if in_parcel else Ruling("approve", "unshipped")


def after_stop(answer: str) -> Ruling:
    """Decide after the parcel was asked to stop: stopped, asked (the warehouse has to answer) or too_late."""
    if answer == "stopped":
        return Ruling("approve", "unshipped_and_stopped")
    return Ruling("wait", "stop_asked" if answer == "asked" else "too_late")


class Returned(NamedTuple):
    """Pieces of one ship line that came back."""

    ship_no: int
    line_no: int
    sku: str
    good: int
    defective: int


def place_back(
    ship_lines: Sequence[ShipLine], lines: Iterable[RefundLine], good: dict[str, int], defective: dict[str, int]
) -> list[Returned]:
    """Lay pieces that came back onto the ship lines they left with; lines of the refund first.

    Raises:
        ValueError: more pieces of a SKU than left and are not back yet; the text names it.
    """
    named = {line.line_no for line in lines}
    order = sorted(ship_lines, key=lambda s: (s.line_no not in named, s.ship_no))
    left_good, left_bad = dict(good), dict(defective)
    out = []
    for part in order:
        may = part.shipped_qty - part.returned_qty
        g = min(left_good.get(part.sku, 0), may)
        d = min(left_bad.get(part.sku, 0), may - g)
        if g or d:
            left_good[part.sku] = left_good.get(part.sku, 0) - g
            left_bad[part.sku] = left_bad.get(part.sku, 0) - d
            out.append(Returned(part.ship_no, part.line_no, part.sku, g, d))
    over = {s: n for part in (left_good, left_bad) for s, n in part.items() if n}
    if over:
        raise ValueError(", ".join(f"{sku}: {n} more than left and is not back" for sku, n in sorted(over.items())))
    return out
