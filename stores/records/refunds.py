"""Refunds and after-sale cases."""

from __future__ import annotations

from datetime import datetime

from stores.records.base import Mark, Record
from stores.records.words import RefundKind, RefundStatus


class Sent(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Goods that an exchange or reship sends."""

    code: str
    listing_id: str
    title: str = ""
    variant: str = ""
    qty: int
    #: what one piece is worth; the buyer does not pay it
    unit_minor: int = 0


class Replacement(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What an exchange or reship sends in place of what was bought, as an order of its own."""

    #: empty: the goods of the refund's lines once more
    items: tuple[Sent, ...] = ()
    #: the difference that the buyer pays for it
    payable_minor: int = 0
    #: our number of that order, once it was made
    order_no: str = ""


class Refund(Record, frozen=True, kw_only=True):
    """A refund or after-sale case."""

    refund_no: str
    order_no: str
    platform: str
    seller_id: str
    shop: str
    platform_refund_no: str
    kind: RefundKind
    #: who decides and settles: ``platform`` or ``us``
    authority: str = "platform"
    status: RefundStatus
    platform_status: str = ""
    currency: str = "CNY"
    amount_minor: int = 0
    reason: str = ""
    #: our decision: "", approved, refused (reason in history); automatic or by whom in `decided_by`
    decision: str = ""
    decided_by: str = ""
    asked_at: datetime
    doc_modified_at: datetime
    doc_hash: str = ""
    marks: tuple[Mark, ...] = ()
    replacement: Replacement = Replacement()
    version: int = 1
    created_at: datetime
    changed_at: datetime


class RefundLine(Record, frozen=True, kw_only=True):
    """Part of a refund that concerns one order line."""

    refund_no: str
    order_no: str
    line_no: int
    qty: int
    amount_minor: int
    #: pieces received back, by grade
    good_qty: int = 0
    defective_qty: int = 0
