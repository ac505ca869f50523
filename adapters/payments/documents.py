"""What a payment channel said, in neutral fields beside the untouched raw bytes, and what it is asked.

Money is an int of the smallest unit (CNY: fen); times are aware, UTC. Raw bytes hold the buyer's ids and never show in
`repr`. A channel's word for a state stands in `status_raw`; ours is one of `PAYMENT_STATUSES` or `REFUND_STATUSES`.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec

from adapters.documents import Moment

#: ``refund``: paid, and at least one refund exists: its records say how much
PAYMENT_STATUSES = ("unpaid", "paid", "closed", "failed", "refund")
REFUND_STATUSES = ("processing", "success", "closed", "abnormal")
PAYMENT_STATUS = Literal["unpaid", "paid", "closed", "failed", "refund"]
REFUND_STATUS = Literal["processing", "success", "closed", "abnormal"]
#: `PaymentDocument.status_raw` of a payment the channel does not know
NOT_FOUND = "NOT_FOUND"
#: `BackDocument.status_raw` of a refund that is "processing" because the channel has not seen it yet: ask for it again
#: with the same back_no and the same amount, never under a new number
ASK_AGAIN = "ASK_AGAIN"

#: fields that hold the buyer, let somebody pay, or are too many to show
_HIDDEN = frozenset({"raw", "payer", "client_ip", "code_url", "url", "form", "params", "rows"})


class _Quiet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Shows its fields without those that hold a person or a key."""

    def __repr__(self) -> str:
        shown = (f"{f}={getattr(self, f)!r}" for f in self.__struct_fields__ if f not in _HIDDEN)
        return f"{type(self).__name__}({', '.join(shown)}, ***)"

    def __rich_repr__(self) -> Any:
        yield from ((f, getattr(self, f)) for f in self.__struct_fields__ if f not in _HIDDEN)


class PayAsk(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """Let a buyer pay. `payer`: the buyer's id at the channel, where the method needs one (WeChat ``jsapi``: openid).

    `payment_no`: at most 32 of ``0-9A-Za-z_``; asking again with the same values starts nothing new.
    """

    payment_no: str
    amount_minor: int
    currency: str = "CNY"
    title: str
    method: str
    payer: str = ""
    #: not to be paid after this
    expires_at: Moment
    #: the buyer's address; WeChat ``h5`` needs it
    client_ip: str = ""


class PayStart(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """What the buyer's device needs; which of the fields is set depends on the method.

    `code_url`: text of a QR code. `url`: a page to open. `form`: the same as HTML that posts itself. `params`: for the
    script or app of the channel, signed.
    """

    payment_no: str
    method: str
    code_url: str = ""
    url: str = ""
    form: str = ""
    params: dict[str, str] = {}
    expires_at: Moment


class PaymentDocument(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """One payment as the channel says it is now."""

    #: our number (out_trade_no)
    payment_no: str
    #: the channel's own number
    trade_no: str = ""
    status: PAYMENT_STATUS
    status_raw: str = ""
    currency: str = "CNY"
    #: what was asked for; 0 where the channel does not know the payment
    amount_minor: int = 0
    #: the buyer's own money, after coupons
    payer_minor: int = 0
    #: what we receive before fees: amount without the coupons that we bear
    settled_minor: int = 0
    paid_at: Moment | None = None
    merchant_id: str = ""
    app_id: str = ""
    #: given back so far, all refunds together; None: not told here
    refunded_minor: int | None = None
    raw: bytes = b""


class BackAsk(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """Give money back to the buyer. Asking again with the same `back_no` and amount is safe: it is the same refund."""

    back_no: str
    payment_no: str
    amount_minor: int
    #: amount of the whole payment
    total_minor: int
    currency: str = "CNY"
    reason: str = ""


class BackDocument(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """One refund as the channel says it is now; see `ASK_AGAIN` for one it has not seen yet."""

    back_no: str
    payment_no: str
    channel_refund_no: str = ""
    status: REFUND_STATUS
    status_raw: str = ""
    #: what was asked to be given back
    amount_minor: int
    currency: str = "CNY"
    #: what leaves our account: amount without the part of coupons that we bore
    settled_minor: int
    done_at: Moment | None = None
    raw: bytes = b""


class Notification(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """A verified notification. It is a hint with proof of who sent it: apply it once, then acknowledge.

    kind ``payment``: `payment` is set. kind ``refund``: `back_no` is set; `refund` only where the channel told its
    amount (WeChat), else read it back by `back_no` (Alipay, which sends the payment with all refunds cumulated).
    """

    #: the same in every repetition of this notification
    id: str
    kind: Literal["payment", "refund"]
    sent_at: Moment
    payment: PaymentDocument | None = None
    refund: BackDocument | None = None
    back_no: str = ""
    raw: bytes = b""


BILL_ROWS = ("payment", "refund", "fee", "transfer", "other")


class BillRow(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """One detail row of a bill. Amounts are positive, the kind (or, in funds, the direction) says which way."""

    kind: Literal["payment", "refund", "fee", "transfer", "other"]
    at: Moment
    #: the channel's number of the payment
    trade_no: str = ""
    payment_no: str = ""
    channel_refund_no: str = ""
    back_no: str = ""
    #: order amount, or refund amount asked; in funds: what moved
    amount_minor: int
    #: the part that moved on our account, before fees
    settled_minor: int
    #: fee in 1/100000 of the currency unit, signed as found: WeChat + costs us, − is given back; Alipay see `doubtful`
    fee_e5: int = 0
    currency: str = "CNY"
    status_raw: str = ""
    #: number of the movement, in funds
    flow_no: str = ""
    direction: Literal["in", "out", ""] = ""
    #: account after this row, in funds
    balance_minor: int | None = None
    #: the row as found, by column name
    raw: dict[str, str] = {}
    #: 1 is the first detail row
    row_no: int


class Bill(_Quiet, frozen=True, kw_only=True, omit_defaults=True):
    """A day's bill, read and added up.

    `totals` are sums over `rows`. trade: rows, payments, refunds (counts), amount_minor and settled_minor (payments),
    refund_asked_minor, refund_settled_minor, fee_e5, and net_minor = settled − refund_settled − fee where the sign of
    the fee is known. funds: rows, in_rows, in_minor, out_rows, out_minor, net_minor = in − out.

    `problems` in words, with row numbers: rows that could not be read and are not in `rows`, rows of another day, sums
    that the file itself says otherwise. A bill with problems is not proven complete.
    """

    channel: str
    merchant_id: str
    day: date
    kind: Literal["trade", "funds"]
    rows: list[BillRow]
    totals: dict[str, int]
    problems: list[str] = []
