"""The words of the four axes: progress, refunds, parcels."""

from __future__ import annotations

from enum import StrEnum


class Progress(StrEnum):
    """How far an order has come. The table of moves is `jobs/rules/states.py`."""

    UNPAID = "unpaid"
    CREATED = "created"
    AUDITED = "audited"
    SOURCED = "sourced"
    MERGED = "merged"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class RefundState(StrEnum):
    """Refund standing of an order or line, derived from refund lines."""

    NONE = "none"
    ASKED = "asked"
    PARTLY = "partly"
    FULL = "full"


class ParcelState(StrEnum):
    """A parcel's life. `planning` is the written intent of a merge that is not confirmed yet; `voiding` the written
    decision to undo one whose members are still on their way back; `void` an undone one."""

    PLANNING = "planning"
    PLANNED = "planned"
    HANDED_OVER = "handed_over"
    LABELLED = "labelled"
    SHIPPED = "shipped"
    STOP_ASKED = "stop_asked"
    STOPPED = "stopped"
    VOIDING = "voiding"
    VOID = "void"


class RefundKind(StrEnum):
    BEFORE_SHIPPING = "before_shipping"
    RETURN = "return"
    REFUND_ONLY = "refund_only"
    EXCHANGE = "exchange"
    RESHIP = "reship"
    PRICE_PROTECTION = "price_protection"
    UNKNOWN = "unknown"


class RefundStatus(StrEnum):
    """A refund's own life: asked → approved → (goods_back) → done, or refused, or closed by the buyer."""

    ASKED = "asked"
    APPROVED = "approved"
    GOODS_BACK = "goods_back"
    DONE = "done"
    REFUSED = "refused"
    CLOSED = "closed"
    UNKNOWN = "unknown"
