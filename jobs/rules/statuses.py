"""Which progress fits what the platform says of an order: the table that reconciliation compares with."""

from __future__ import annotations

from collections.abc import Mapping

from stores.records import Progress as P

_OPEN = frozenset({P.CREATED, P.AUDITED, P.SOURCED, P.MERGED})
_LEFT = frozenset({P.PARTLY_SHIPPED, P.SHIPPED})

#: document status → progress that fits it. ``paid`` fits what left here: its notice may be on its way. A cancel of
#: ours fits whatever the platform still calls open, until it hears of it.
FITS: Mapping[str, frozenset[P]] = {
    "unpaid": frozenset({P.UNPAID, P.CANCELLED}),
    "paid": _OPEN | _LEFT | {P.CANCELLED},
    "partly_shipped": _OPEN | _LEFT | {P.CANCELLED},
    "shipped": frozenset({P.SHIPPED, P.PARTLY_SHIPPED, P.COMPLETED}),
    "completed": frozenset({P.COMPLETED}),
    "cancelled": frozenset({P.CANCELLED}),
}


def fits(status: str, progress: P) -> bool:
    """True when an order with this document status may stand at this progress; an unknown status fits everything."""
    return progress in FITS.get(status, frozenset(P))
