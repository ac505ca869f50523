"""What a payment channel's bill should say of our payments: what came, what went back, and the fee of both.

A channel takes its fee of what reaches our account, rounded half up to the smallest unit; of a refund some give the
same share of it back. Money that may still go back is pending: it may be on a bill, nobody misses it yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from stores.records import Back, Payment, replace
from stores.records.settlement import Expectation

#: a bill's rows are of these kinds
PAYMENT, REFUND, FEE = "payment", "refund", "fee"
#: channels that give the fee back with a refund. Source: WeChat Pay's bill has it negative in refund rows; Alipay keeps it
GIVES_FEE_BACK = frozenset({"wechatpay"})
#: what became of the money, by the back's status; others are pending
_STANDING = {"success": "settled", "closed": "void", "refused": "void"}


def expected_of(
    payment: Payment, backs: Sequence[Back], *, account: str, fee_e4: int | None, gives_back: bool
) -> list[Expectation]:
    """Expectations of one payment; none while nothing was paid.

    Args:
        fee_e4: the channel's fee in ten-thousandths; None: fees are not expected.
        gives_back: the channel gives the fee back with a refund.
    """
    if payment.status != "paid" or payment.paid_at is None:
        return []
    fee = _rounded(payment.settled_minor * (fee_e4 or 0), 10_000)
    sale = _one(payment, account, f"pay:{payment.payment_no}", PAYMENT, payment.settled_minor, payment.paid_at)
    made = [sale]
    if fee:
        made.append(replace(sale, key=f"payfee:{payment.payment_no}", kind=FEE, amount_minor=-fee))
    before = 0
    for back in sorted(backs, key=lambda b: (b.asked_at, b.back_no)):
        status = _STANDING.get(back.status, "pending")
        # the part of coupons is known once the channel has said what leaves our account
        amount = back.settled_minor or back.amount_minor
        gone = _one(payment, account, f"back:{back.back_no}", REFUND, -amount, back.asked_at, back.back_no, status)
        made.append(gone)
        if status == "void":
            continue
        share = _share(fee, before, back.amount_minor, payment.paid_minor) if gives_back else 0
        before += back.amount_minor
        if share:
            made.append(replace(gone, key=f"backfee:{back.back_no}", kind=FEE, amount_minor=share))
    return made


def _one(
    payment: Payment, account: str, key: str, kind: str, amount: int, at: datetime, back_no: str = "", status: str = "settled"
) -> Expectation:  # fmt: skip
    return Expectation(
        key=key, account=account, kind=kind, order_no=payment.order_no, order_ref=payment.payment_no, refund_ref=back_no,
        amount_minor=amount, currency=payment.currency, at=at, status=status,
    )  # fmt: skip


def _share(fee: int, before: int, amount: int, total: int) -> int:
    """The fee that comes back, so that a refund of all in parts gives back all of it."""
    if not total:
        return 0
    return _rounded(fee * (before + amount), total) - _rounded(fee * before, total)


def _rounded(value: int, by: int) -> int:
    """Half up."""
    return (2 * value + by) // (2 * by)
