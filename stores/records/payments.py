"""Payments: what we asked a channel to collect for an order of our own, and what went back through it."""

from __future__ import annotations

from datetime import datetime

from stores.records.base import Record

#: a back that may still take money out, or has done so; `closed` and `refused` ones never will
STANDING_BACKS = ("asked", "processing", "abnormal", "success")


class Payment(Record, frozen=True, kw_only=True):
    """One attempt to collect one order's money through one channel. Amounts are in minor units of `currency`.

    `backed_minor` + `promised_minor` never pass `paid_minor`; the store keeps both, changes cannot set them.
    """

    #: what the channel knows it by (out_trade_no)
    payment_no: str
    order_no: str
    shop: str
    #: alias of the channel's settings file
    channel: str
    merchant_id: str
    method: str
    #: 1.. within the order; a new one begins only when the one before is closed or failed
    attempt: int
    currency: str = "CNY"
    #: what we asked for
    amount_minor: int
    #: the order amount the channel says was paid, coupons inside: what can be asked back at most; 0: nothing came
    paid_minor: int = 0
    #: of that from the buyer's own pocket
    payer_minor: int = 0
    #: of that what reaches our account, before fees: coupons that we bear are taken off
    settled_minor: int = 0
    #: given back for sure
    backed_minor: int = 0
    #: asked back, not yet for sure
    promised_minor: int = 0
    #: open, paid, closed or failed
    status: str = "open"
    #: the channel's own word
    channel_status: str = ""
    trade_no: str = ""
    asked_at: datetime
    #: nobody can pay afterwards; it is closed at the channel then
    expires_at: datetime
    paid_at: datetime | None = None
    #: how often the channel was asked about it
    checks: int = 0
    #: when it is asked next; None: there is nothing more to learn
    next_check_at: datetime | None = None
    #: money that does not fit its order: "", after_cancel, twice or wrong_amount
    late: str = ""
    #: what an operator's plan does with late money: "", revive or refund
    plan: str = ""
    version: int = 1
    created_at: datetime
    changed_at: datetime


class Back(Record, frozen=True, kw_only=True):
    """Money that goes back through the channel it came by, for one refund or for money that came too late."""

    #: what the channel knows it by (out_refund_no, out_request_no); asking again with it never pays twice
    back_no: str
    payment_no: str
    order_no: str
    #: empty: late money
    refund_no: str = ""
    #: in the order's terms, as asked: of it a share of the coupons goes to whoever gave them
    amount_minor: int
    currency: str = "CNY"
    #: asked (perhaps sent), processing, success, closed, abnormal or refused
    status: str = "asked"
    channel_status: str = ""
    channel_refund_no: str = ""
    reason: str = ""
    asked_at: datetime
    done_at: datetime | None = None
    #: what leaves our account, as the channel says
    settled_minor: int = 0
    #: how often the channel was asked about it
    checks: int = 0
    #: until then whoever has it in hand is left alone; afterwards it is read back. None: nothing more to learn
    next_check_at: datetime | None = None
    version: int = 1
    created_at: datetime
    changed_at: datetime
