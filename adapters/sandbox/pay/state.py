"""Payments and refunds of the till. Money in fen, times in epoch seconds, 0 = not happened."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.sandbox.wire import iso

#: per thousand of what the merchant receives
FEE_PER_1000 = 6


def share(amount: int, part: int, whole: int) -> int:
    """amount × part / whole, rounded half up."""
    return (2 * amount * part + whole) // (2 * whole) if whole else 0


class Payment(msgspec.Struct, kw_only=True):
    """One payment order of a channel.

    state: ``waiting`` (alipay: nobody scanned the code yet, no trade exists), ``open``, ``paid``, ``closed``.
    """

    channel: str
    no: str
    method: str
    title: str
    total: int
    notify_url: str
    created: int
    expires: int
    attach: str = ""
    payer: str = ""
    currency: str = "CNY"
    state: str = "open"
    #: the channel's number: alipay has it from the scan on, wechatpay once paid
    trade_no: str = ""
    #: wechatpay: what start answers with
    handle: str = ""
    #: what the buyer means to do; see `buyers.py`
    plan: str = ""
    scanned_at: int = 0
    paid_at: int = 0
    closed_at: int = 0
    #: a coupon: NOCASH (the merchant bears it), CASH (prepaid: the merchant gets its money), or empty
    coupon: str = ""
    coupon_amount: int = 0
    bank: str = "OTHERS"
    #: numbers of its refunds, in order
    backs: list[str] = []

    @property
    def key(self) -> tuple[str, str]:
        return self.channel, self.no

    @property
    def payer_total(self) -> int:
        """What the buyer pays with his own money."""
        return self.total - self.coupon_amount

    @property
    def settled(self) -> int:
        """What the merchant receives, before fees."""
        return self.total - (self.coupon_amount if self.coupon == "NOCASH" else 0)

    @property
    def fee(self) -> int:
        return (self.settled * FEE_PER_1000 + 500) // 1000

    def to_book(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "payment": self.no,
            "trade_no": self.trade_no,
            "method": self.method,
            "state": self.state,
            "plan": self.plan,
            "amount": self.total,
            "payer": self.payer_total if self.paid_at else 0,
            "settled": self.settled if self.paid_at else 0,
            "fee": self.fee if self.paid_at else 0,
            "coupon": self.coupon,
            "created": iso(self.created),
            "expires": iso(self.expires),
            "paid_at": iso(self.paid_at) if self.paid_at else "",
            "closed_at": iso(self.closed_at) if self.closed_at else "",
            "refunds": list(self.backs),
        }


class Back(msgspec.Struct, kw_only=True):
    """Money given back through the channel. state: ``processing``, ``success``, ``closed``, ``abnormal``."""

    channel: str
    no: str
    payment_no: str
    refund_id: str
    amount: int
    #: what goes to the buyer, and what leaves the merchant
    payer: int
    settled: int
    #: the part of the fee that comes back (alipay gives none back)
    fee_back: int
    reason: str
    created: int
    notify_url: str = ""
    state: str = "processing"
    done_at: int = 0
    #: what it will become
    outcome: str = "success"
    funds: str = "UNSETTLED"

    @property
    def key(self) -> tuple[str, str]:
        return self.channel, self.no

    def to_book(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "refund": self.no,
            "payment": self.payment_no,
            "refund_id": self.refund_id,
            "state": self.state,
            "amount": self.amount,
            "payer": self.payer,
            "settled": self.settled,
            "fee_back": self.fee_back,
            "created": iso(self.created),
            "done_at": iso(self.done_at) if self.done_at else "",
        }
