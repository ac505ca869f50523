"""What a platform should state about an order: the money the buyer paid, the platform's share, what went back, fees by rate.

A platform states an order's money when it is paid, or when the order is completed (`basis`). Before that it is pending:
it may come, nobody misses it yet. What was cancelled unpaid must not come; when it does, the two disagree in status. What
was cancelled after payment may be stated with its refund, or not at all: the one is worth the other. Where something of
the money stayed (the freight), that is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from jobs.rules.splitting import split
from stores.records import FullOrder, Line, Progress, Refund, RefundState, RefundStatus
from stores.records.settlement import Expectation

#: refunds whose money did not go back and will not
_VOID = (RefundStatus.REFUSED, RefundStatus.CLOSED)


class Rate(NamedTuple):
    """A fee by rate, in ten-thousandths of what the buyer paid and kept."""

    kind: str
    e4: int
    per_line: bool = False
    round_down: bool = False
    #: what the buyer paid for the way is part of what it is taken of
    of_freight: bool = True

    def of(self, minor: int) -> int:
        """What is taken of an amount, positive."""
        return minor * self.e4 // 10_000 if self.round_down else (minor * self.e4 * 2 + 10_000) // 20_000


def expected_of(full: FullOrder, *, basis: str, rates: Sequence[Rate] = ()) -> list[Expectation]:
    """Expectations of one order. Empty for one that was never to be paid through the platform (cash on delivery)."""
    order = full.order
    if "cod" in order.flags:
        return []
    made: list[Expectation] = []
    status, at = _standing(full, basis)
    if order.progress is Progress.CANCELLED and order.paid_at is None:
        if order.payable_minor:
            made.append(_one(full, "goods", order.payable_minor, at, "void"))
        return made
    if order.paid_at is None:
        return []
    made.append(_one(full, "goods", order.paid_minor, at, status))
    subsidy = _subsidy(full)
    if subsidy:
        done, done_at = _at_completion(full, basis)
        made.append(_one(full, "subsidy", subsidy, done_at, done))
    made += [_refund(full, r, basis, at) for r in full.refunds if r.amount_minor]
    made += list(_fees(full, basis, rates))
    return made


def _standing(full: FullOrder, basis: str) -> tuple[str, datetime]:
    """Whether the order's money is due by now, and since when."""
    order = full.order
    paid = order.paid_at or order.ordered_at
    if order.progress is Progress.CANCELLED and order.paid_at is None:
        return "void", paid
    if basis == "paid":
        return "settled", paid
    # What came back wholly after it had left is closed over there; here it stays shipped.
    is_over = order.progress is Progress.CANCELLED or order.refund_state is RefundState.FULL
    closed_with_rest = is_over and 0 < _back(full) < order.paid_minor
    if order.progress is Progress.COMPLETED or closed_with_rest:
        # A later document may tell of a memo: when the order ended it says itself, where the platform tells it.
        return "settled", max(order.ended_at or order.doc_modified_at, paid)
    return "pending", paid


def _refund(full: FullOrder, refund: Refund, basis: str, sold_at: datetime) -> Expectation:
    at, status = refund.doc_modified_at, "pending"
    if refund.status in _VOID:
        status = "void"
    elif refund.status is RefundStatus.DONE:
        status = _standing(full, basis)[0]
        # booked with the goods, where those are booked later
        at = max(at, sold_at) if status == "settled" else at
    return _one(full, "refund", -refund.amount_minor, at, status, refund)


def _back(full: FullOrder) -> int:
    """What went back of the order's money."""
    return sum(r.amount_minor for r in full.refunds if r.status is RefundStatus.DONE)


def _kept(full: FullOrder) -> list[tuple[Line, int]]:
    """Lines whose money did not go back wholly, each with what was paid for it. A refund of the whole order names none."""
    if full.order.paid_minor and _back(full) >= full.order.paid_minor:
        return []
    return [(line, line.paid_minor) for line in full.lines if line.refund_state is not RefundState.FULL]


def _subsidy(full: FullOrder) -> int:
    """The platform's share; that of a line whose money went back stays with the platform."""
    total = full.order.subsidy_minor
    if not total or all(line.refund_state is not RefundState.FULL for line in full.lines):
        return total
    shares = split(total, [max(0, line.paid_minor) for line in full.lines])
    return sum(s for line, s in zip(full.lines, shares, strict=True) if line.refund_state is not RefundState.FULL)


def _at_completion(full: FullOrder, basis: str) -> tuple[str, datetime]:
    """What is booked when the order is completed, whenever its payment was."""
    if basis == "paid" and full.order.progress is not Progress.COMPLETED:
        return "pending", full.order.paid_at or full.order.ordered_at
    return _standing(full, "completed")


def _fees(full: FullOrder, basis: str, rates: Sequence[Rate]) -> Iterable[Expectation]:
    status, at = _at_completion(full, basis)
    for rate in rates:
        if rate.per_line:
            fee = sum(rate.of(paid) for _, paid in _kept(full))
        else:
            freight = 0 if rate.of_freight else full.order.freight_minor
            fee = rate.of(max(0, full.order.paid_minor - freight - _back(full)))
        if fee:
            yield _one(full, rate.kind, -fee, at, status)


def _one(
    full: FullOrder, kind: str, minor: int, at: datetime, status: str, refund: Refund | None = None
) -> Expectation:
    order = full.order
    return Expectation(
        key=f"{kind}:{refund.refund_no if refund else order.order_no}", account=order.shop, kind=kind, order_no=order.order_no,
        group_ref=next((m.parcel_no for m in full.memberships if m.active), ""), order_ref=order.platform_order_no,
        refund_ref=refund.platform_refund_no if refund else "", amount_minor=minor, currency=order.currency, at=at, status=status,
    )  # fmt: skip
