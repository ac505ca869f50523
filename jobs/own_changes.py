"""A newer document of an own order: what came to us since stands. Money that was paid, and goods that a refund took off
the list, are no longer the file's to say."""

from __future__ import annotations

import msgspec

from jobs.own_documents import frozen, has_refunds, lines_stand
from jobs.schema import OWN
from stores.contracts import NewOrder
from stores.records import FullOrder


def stands_against(new: NewOrder, old: FullOrder) -> str:
    """Why a document may not change its order, as a reason code; empty when it may.

    The import says so already; this is for what happened between it and the push.
    """
    if old.order.platform != OWN:
        return ""
    if frozen(old, new.order.payable_minor):
        return "payable_frozen"
    lines = [(x.platform_line_no, x.listing_id, x.qty) for x in new.lines]
    return "has_refunds" if lines_stand(old, lines) else ""


def with_what_came(new: NewOrder, old: FullOrder) -> NewOrder:
    """The order as the document makes it, with the payment that reached us and the lines that a refund closed."""
    if old.order.platform != OWN:
        return new
    head = msgspec.structs.replace(
        new.order,
        paid_minor=max(new.order.paid_minor, old.order.paid_minor),
        paid_at=old.order.paid_at or new.order.paid_at,
        ship_by=new.order.ship_by or old.order.ship_by,
    )
    before = {line.platform_line_no: line.status for line in old.lines} if has_refunds(old) else {}
    lines = tuple(
        msgspec.structs.replace(line, status=before.get(line.platform_line_no, line.status)) for line in new.lines
    )
    return msgspec.structs.replace(new, order=head, lines=lines)
