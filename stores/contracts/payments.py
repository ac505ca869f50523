"""The contract of payments, a part of the order store: a payment changes together with its order, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from stores.records import Back, Outcome, Payment, Record

if TYPE_CHECKING:
    from stores.contracts.orders import Change, RefundChange


class PaymentChange(Record, frozen=True, kw_only=True):
    """One recorded change of one payment, compare-and-set on `expect`."""

    payment_no: str
    order_no: str
    expect: int
    reason: str
    facts: dict[str, Any] = {}
    #: columns of Payment; never what identifies it, nor what went back
    set: dict[str, Any] = {}
    #: False: a look at the channel is booked, which is no step of the history
    recorded: bool = True
    #: of this payment's order, in the same step: both are written or neither
    order: Change | None = None


class BackChange(Record, frozen=True, kw_only=True):
    """One recorded change of one back, compare-and-set on `expect`. The payment's sums follow its status."""

    back_no: str
    order_no: str
    expect: int
    reason: str
    facts: dict[str, Any] = {}
    #: columns of Back: status and what the channel says of it
    set: dict[str, Any] = {}
    recorded: bool = True
    #: of the refund it is for and of its order, in the same step
    refund: RefundChange | None = None
    order: Change | None = None


class Payments(Protocol):
    """Payments of our own orders, and the money that goes back through their channels."""

    def add_payments(self, batch: Sequence[Payment], *, run_id: str, reason: str) -> list[Outcome]:
        """Insert payments that nothing was paid of yet: the intent, written before the channel is called. ``already``
        (the number is there); ``refused`` (``unknown_order``; ``open_payment``: the order has an open one;
        ``is_paid``: money has come already, and has not gone back whole)."""
        ...

    def apply_payments(self, changes: Sequence[PaymentChange], *, run_id: str) -> list[Outcome]:
        """Write changes, each with its order's or not at all: done, changed (the payment or the order is not as it was
        read), or refused (``unknown_payment``, ``unknown_order``). At most one change per order and call is written."""
        ...

    def payments(self, payment_nos: Sequence[str]) -> dict[str, Payment]: ...

    def find_payments(
        self,
        *,
        statuses: Sequence[str] = (),
        channels: Sequence[str] = (),
        shops: Sequence[str] = (),
        order_nos: Sequence[str] = (),
        late: bool = False,
        undecided: bool = False,
        due: bool = False,
        limit: int = 500,
        after: str = "",
    ) -> list[Payment]:
        """By payment_no. `late`: only money that does not fit its order; `undecided`: of that, without a plan; `due`:
        only those whose channel is to be asked by now, on the store's clock."""
        ...

    def add_backs(self, batch: Sequence[Back], *, run_id: str, reason: str) -> list[Outcome]:
        """Insert backs and promise their money. ``already`` (the number is there); ``refused``: ``unknown_payment``;
        ``other_currency``; ``exceeds_paid`` (with what went back or is promised it would pass what was paid);
        ``exceeds_refund`` (likewise of its refund); ``refund_not_due`` (the refund is not agreed to, or not ours)."""
        ...

    def apply_backs(self, changes: Sequence[BackChange], *, run_id: str) -> list[Outcome]:
        """Write changes, each with its refund's and its order's or not at all: done, changed, or refused
        (``unknown_back``, ``unknown_refund``, ``unknown_order``, ``is_over``: closed and refused backs never become
        another thing again)."""
        ...

    def backs(self, back_nos: Sequence[str]) -> dict[str, Back]: ...

    def find_backs(
        self,
        *,
        statuses: Sequence[str] = (),
        payment_nos: Sequence[str] = (),
        refund_nos: Sequence[str] = (),
        order_nos: Sequence[str] = (),
        due: bool = False,
        limit: int = 500,
        after: str = "",
    ) -> list[Back]:
        """By back_no; `due`: only those that are to be read back by now, on the store's clock."""
        ...
