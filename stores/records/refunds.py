"""Refunds and after-sale cases."""

from __future__ import annotations

from datetime import datetime

from stores.records.base import Mark, Record
from stores.records.words import RefundKind, RefundStatus


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
