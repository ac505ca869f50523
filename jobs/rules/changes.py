"""Changes in flight: what a platform changed on an order we already hold, and what we do about it.

`TABLE` has one cell for every (what, stage); each cell has a test. Stages fold progress and parcel state together,
because from hand-over on the warehouse must answer before anything is undone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from stores.records import FullOrder, Line, Order, ParcelState, Progress, RefundState

WHATS = (
    "paid", "address", "remark", "lines", "money", "refund_asked", "refund_closed", "refunded", "platform_hold",
    "hold_lifted", "closed", "shipped_there", "completed_there", "ship_by",
)  # fmt: skip
STAGES = ("unpaid", "open", "sourced", "planned", "handed", "shipped", "completed", "cancelled")

#: action → what the job does
ACTIONS = {
    "apply": "write the platform's fields, the order stays where it is",
    "create": "unpaid → created, demand is claimed",
    "audit": "back to created: the rules look again",
    "source": "release the stock, back to created",
    "stop": "stop the parcel, then as in the stage before it; too late: alert",
    "cancel": "release stock and demand, to cancelled",
    "hold": "write the fields and hold the order for a person",
    "lift": "write the fields and release the platform's hold",
    "ship": "shipped at the platform by someone else: follow it, release what we hold",
    "complete": "to completed",
    "alert": "write the fields and tell an operator: it is too late to act here",
    "ignore": "record it and do nothing",
}


def _row(text: str) -> dict[str, str]:
    return dict(zip(STAGES, text.split(), strict=True))


TABLE: dict[str, dict[str, str]] = {
    # what                     unpaid  open    sourced planned handed  shipped  completed cancelled
    "paid":            _row("create  ignore  ignore  ignore  ignore  ignore   ignore    alert"),
    "address":         _row("apply   audit   audit   stop    stop    alert    ignore    ignore"),
    "remark":          _row("apply   audit   audit   apply   alert   ignore   ignore    ignore"),
    "lines":           _row("apply   source  source  stop    stop    alert    ignore    ignore"),
    "money":           _row("apply   audit   apply   apply   apply   apply    apply     ignore"),
    "refund_asked":    _row("apply   hold    hold    stop    stop    apply    apply     ignore"),
    "refund_closed":   _row("apply   lift    lift    lift    lift    apply    apply     ignore"),
    "refunded":        _row("cancel  cancel  cancel  stop    stop    apply    apply     ignore"),
    "platform_hold":   _row("apply   hold    hold    hold    alert   ignore   ignore    ignore"),
    "hold_lifted":     _row("apply   lift    lift    lift    lift    ignore   ignore    ignore"),
    "closed":          _row("cancel  cancel  cancel  stop    stop    alert    alert     ignore"),
    "shipped_there":   _row("ship    ship    ship    alert   alert   ignore   ignore    alert"),
    "completed_there": _row("ship    ship    ship    alert   alert   complete ignore    alert"),
    "ship_by":         _row("apply   apply   apply   apply   apply   ignore   ignore    ignore"),
}  # fmt: skip

#: strongest first: when several things changed at once, one action decides the move
STRENGTH = (
    "cancel", "stop", "ship", "complete", "create", "source", "audit", "hold", "alert", "lift", "apply", "ignore",
)  # fmt: skip


def stage_of(order: Order, parcels: Iterable[ParcelState] = ()) -> str:
    """Fold progress and the states of the order's active parcels into one stage."""
    if order.progress == Progress.MERGED:
        handed = {ParcelState.HANDED_OVER, ParcelState.LABELLED, ParcelState.STOP_ASKED}
        return "handed" if handed & set(parcels) else "planned"
    return {
        Progress.UNPAID: "unpaid",
        Progress.CREATED: "open",
        Progress.AUDITED: "open",
        Progress.SOURCED: "sourced",
        Progress.PARTLY_SHIPPED: "shipped",
        Progress.SHIPPED: "shipped",
        Progress.COMPLETED: "completed",
        Progress.CANCELLED: "cancelled",
    }[order.progress]


def compare(
    old: FullOrder, new: Order, lines: Sequence[Line], *, status: str, address_changed: bool, remark_changed: bool
) -> tuple[str, ...]:
    """Name what the platform changed between the order we hold and what it says now, in the order of `WHATS`.

    Args:
        new: the head as it would be made from the document today.
        status: the document's status word.
    """
    head = old.order
    found: set[str] = set()
    if status in ("paid", "partly_shipped") and head.progress == Progress.UNPAID:
        found.add("paid")
    if status == "cancelled" and head.progress != Progress.CANCELLED:
        found.add("refunded" if new.refund_state == RefundState.FULL else "closed")
    if status == "shipped" and head.progress not in (Progress.SHIPPED, Progress.PARTLY_SHIPPED, Progress.COMPLETED):
        found.add("shipped_there")
    if status == "completed" and head.progress != Progress.COMPLETED:
        found.add("completed_there")
    if address_changed:
        found.add("address")
    if remark_changed:
        found.add("remark")
    if new.payable_minor != head.payable_minor or new.paid_minor != head.paid_minor:
        found.add("money")
    if new.ship_by != head.ship_by:
        found.add("ship_by")
    found |= _holds(head, new)
    found |= refund_moves(head.refund_state, new.refund_state)
    # After everything left, a line that closes because it was refunded is its refund's business.
    gone = head.progress in (Progress.SHIPPED, Progress.COMPLETED)
    back = {line.platform_line_no for line in lines if gone and line.refund_state == RefundState.FULL}
    if _shape(old.lines, back) != _shape(lines, back):
        found.add("lines")
    return tuple(w for w in WHATS if w in found)


def _holds(old: Order, new: Order) -> set[str]:
    before, after = "platform_hold" in old.flags, "platform_hold" in new.flags
    if before == after:
        return set()
    return {"platform_hold"} if after else {"hold_lifted"}


def refund_moves(old: RefundState, new: RefundState) -> set[str]:
    """What a change of the refund axis means: asked, closed again, or fully refunded."""
    if old == new:
        return set()
    if new == RefundState.FULL:
        return {"refunded"}
    if new == RefundState.ASKED:
        return {"refund_asked"}
    return {"refund_closed"} if old == RefundState.ASKED else set()


def _shape(lines: Iterable[Line], but: Collection[str] = ()) -> list[tuple[str, str, int, bool]]:
    """What must be shipped: listing and pieces of each line, and whether it is still wanted."""
    return sorted(
        (line.platform_line_no, line.listing_id, line.qty, line.status == "closed")
        for line in lines
        if line.platform_line_no not in but
    )


def decide(whats: Iterable[str], stage: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The action for everything that changed at once, and each (what, action) for the record."""
    cells = tuple((what, TABLE[what][stage]) for what in whats)
    if not cells:
        return "apply", ()
    return min((action for _, action in cells), key=STRENGTH.index), cells


def refund_state(lines: Sequence[Line]) -> RefundState:
    """Order-level refund state from its lines; gifts do not count."""
    states = [line.refund_state for line in lines if not line.gift] or [line.refund_state for line in lines]
    if states and all(s == RefundState.FULL for s in states):
        return RefundState.FULL
    if RefundState.ASKED in states:
        return RefundState.ASKED
    if RefundState.FULL in states or RefundState.PARTLY in states:
        return RefundState.PARTLY
    return RefundState.NONE
