"""The one table of moves of an order's progress. Holds, refunds and parcels are axes of their own."""

from __future__ import annotations

from stores.records import Progress as P

#: from → to → what makes the move
MOVES: dict[P, dict[P, str]] = {
    P.UNPAID: {P.CREATED: "paid", P.CANCELLED: "closed unpaid", P.SHIPPED: "shipped elsewhere"},
    P.CREATED: {
        P.AUDITED: "audit passed",
        P.CANCELLED: "cancelled",
        P.SHIPPED: "shipped elsewhere",
        P.COMPLETED: "completed elsewhere",
    },
    P.AUDITED: {
        P.SOURCED: "stock held",
        P.CREATED: "changed: audit again",
        P.CANCELLED: "cancelled",
        P.SHIPPED: "shipped elsewhere",
    },
    P.SOURCED: {
        P.MERGED: "parcels fixed",
        P.AUDITED: "source again",
        P.CREATED: "changed: audit again",
        P.CANCELLED: "cancelled",
    },
    P.MERGED: {
        P.SOURCED: "merge undone",
        P.PARTLY_SHIPPED: "a parcel left",
        P.SHIPPED: "all parcels left",
        P.CANCELLED: "cancelled",
    },
    P.PARTLY_SHIPPED: {P.SHIPPED: "all parcels left", P.COMPLETED: "completed"},
    P.SHIPPED: {P.COMPLETED: "completed"},
    P.COMPLETED: {},
    P.CANCELLED: {},
}

#: by an operator's plan only, and no stage's business: money came after all for an order of our own that was closed
BY_PLAN: dict[P, dict[P, str]] = {P.CANCELLED: {P.CREATED: "revived: paid after all"}}

#: order of progress along the main line
RANK: dict[P, int] = {p: i for i, p in enumerate(P)}
FINAL = frozenset({P.COMPLETED, P.CANCELLED})
#: nothing was handed to a warehouse yet
OPEN = frozenset({P.CREATED, P.AUDITED, P.SOURCED})


def may_move(old: P, new: P) -> bool:
    """True when the table allows the move."""
    return new in MOVES[old]


def first_progress(status: str) -> P:
    """Where an order enters that is seen for the first time with this document status.

    What the platform already ships, completed or cancelled enters there: it is known, and never sourced by us.
    """
    return {
        "unpaid": P.UNPAID,
        "paid": P.CREATED,
        "partly_shipped": P.CREATED,
        "shipped": P.SHIPPED,
        "completed": P.COMPLETED,
        "cancelled": P.CANCELLED,
    }.get(status, P.UNPAID)
