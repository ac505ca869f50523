"""Own orders as documents: what their rows say, beside what is kept of them already.

A file says no time of change. A document gets one when its content is another than what is kept, so that the same rows
read again are the same document, and a corrected row is a newer one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from adapters.documents import Doubt, OrderDocument, Pulled, ReceiverDocument
from adapters.platforms.base import DERIVED
from jobs.env import Env
from jobs.own_cells import money_text
from jobs.own_rows import OwnOrder, Problem
from jobs.rules import numbers
from jobs.schema import OWN
from jobs.storing import hash_of, inbox_key
from stores.records import FullOrder, InboxEntry, Progress, RefundStatus

_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], OrderDocument] = msgspec.json.Decoder(OrderDocument).decode
#: refunds that still stand
_STANDING = frozenset({RefundStatus.ASKED, RefundStatus.APPROVED, RefundStatus.GOODS_BACK, RefundStatus.DONE})
_LEFT = frozenset({Progress.PARTLY_SHIPPED, Progress.SHIPPED, Progress.COMPLETED})


class Kept(NamedTuple):
    """What is kept of an order: its inbox entry and the order made of it, where they are there."""

    entry: InboxEntry | None = None
    full: FullOrder | None = None


class Made(NamedTuple):
    """An order's document, and what it is to what is kept: new, changed or same."""

    order: OwnOrder
    order_no: str
    document: OrderDocument
    what: str
    #: names of the parts that changed
    changes: tuple[str, ...] = ()


def keys(env: Env, order: OwnOrder) -> tuple[str, str]:
    """(inbox key, order number)."""
    seller = env.settings.shops[order.shop].seller_id
    return inbox_key("orders", OWN, seller, order.ref), numbers.order_no(OWN, seller, order.ref)


def make(env: Env, order: OwnOrder, kept: Kept) -> Made:
    """The document as it is to be stored."""
    now = env.clock.now()
    _, number = keys(env, order)
    before = _before(kept.entry)
    ordered = order.said.get("ordered_at") or _ordered(kept, before) or _whole(now)
    if kept.entry is None:
        return Made(order, number, document(env, order, ordered_at=ordered, modified_at=_whole(now)), "new")
    same = document(env, order, ordered_at=ordered, modified_at=kept.entry.modified_at)
    if hash_of(_encode(same)) == kept.entry.hash:
        return Made(order, number, same, "same")
    later = max(_whole(now), kept.entry.modified_at + timedelta(milliseconds=1))
    return Made(order, number, msgspec.structs.replace(same, modified_at=later), "changed", _changes(before, same))


def _before(entry: InboxEntry | None) -> OrderDocument | None:
    """The document that was kept; None once it was purged."""
    return _decode(entry.document) if entry is not None and entry.document else None


def _ordered(kept: Kept, before: OrderDocument | None) -> datetime | None:
    """When an order was ordered that named no time: when it was first imported."""
    if before is not None:
        return before.ordered_at
    return kept.full.order.ordered_at if kept.full is not None else None


def _whole(at: datetime) -> datetime:
    """Stores keep milliseconds."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _changes(before: OrderDocument | None, after: OrderDocument) -> tuple[str, ...]:
    if before is None:
        return ()
    names = [f for f in OrderDocument.__struct_fields__ if f not in ("modified_at", "merge_key")]
    return tuple(n for n in names if getattr(before, n) != getattr(after, n))


def document(env: Env, order: OwnOrder, *, ordered_at: datetime, modified_at: datetime) -> OrderDocument:
    """An own order as a document. The key for merging is made of the whole clear receiver, so the same buyer at the same
    door shares a parcel."""
    said, shop = order.said, env.settings.shops[order.shop]
    is_paid = order.payment == "paid"
    paid_at = (said.get("paid_at") or ordered_at) if is_paid else None
    ship_by = said.get("ship_by")
    doubts: tuple[Doubt, ...] = ()
    if ship_by is None and order.payment in ("paid", "cod"):
        ship_by = env.platform(order.shop).latest_shipping(paid_at or ordered_at)
        doubts = (DERIVED,) if ship_by else ()
    who = ReceiverDocument(
        name=said["receiver"], phone=said["phone"], address=said["address"], zip=said.get("zip", ""),
        province=said["province"], city=said["city"], district=said.get("district", ""),
    )  # fmt: skip
    return OrderDocument(
        platform=OWN, seller_id=shop.seller_id, platform_order_no=order.ref,
        status="paid" if order.payment in ("paid", "cod") else "unpaid", status_raw=order.payment,
        # A deposit is kept and waits for the rest: it neither ships nor expires.
        platform_hold="part_paid" if order.payment == "part" else "",
        ordered_at=ordered_at, paid_at=paid_at, modified_at=modified_at, ship_by=ship_by, currency=said["currency"],
        goods_minor=order.goods_minor, freight_minor=said.get("freight", 0), adjustments=order.adjustments,
        payable_minor=order.payable_minor, paid_minor=order.paid_minor, buyer_id=said.get("buyer") or said["phone"],
        receiver=who, merge_key=_merge_key(env, shop.seller_id, who), flags=("cod",) if order.payment == "cod" else (),
        buyer_remark=said.get("remark", ""), seller_remark=said.get("seller_remark", ""), lines=order.lines, doubts=doubts,
    )  # fmt: skip


def _merge_key(env: Env, seller_id: str, who: ReceiverDocument) -> str:
    parts = (seller_id, who.name, who.phone, who.province, who.city, who.district, who.address)
    return env.privacy.search_hash("merge", "\0".join(parts))


def pulled(made: Made) -> Pulled:
    """The document as the inbox takes it, its rows beside it."""
    rows = [{"line": r.line, **r.cells} for r in made.order.rows]
    return Pulled(
        kind="orders", number=made.order.ref, modified_at=made.document.modified_at, document=made.document,
        raw=_encode(rows),
    )  # fmt: skip


# ------------------------------------------------------------------ what may still change


def refusal(made: Made, kept: Kept) -> Problem | None:
    """Why a changed document may not be taken: money that was paid stands, and what is over does not begin again."""
    if made.what != "changed" or kept.full is None:
        return None
    head, doc, first = kept.full.order, made.document, made.order.rows[0]
    if head.progress == Progress.CANCELLED:
        return Problem(
            first, "order_ref", "is_cancelled", "names an order that was closed here", "give it another number"
        )
    if head.progress in _LEFT:
        return Problem(
            first, "order_ref", "has_left", "names an order that has left", "ask a refund or a reship instead"
        )
    if frozen(kept.full, doc.payable_minor):
        paid, owed = money_text(head.paid_minor, head.currency), money_text(head.payable_minor, head.currency)
        return Problem(first, "total", "payable_frozen", f"would become {money_text(doc.payable_minor, doc.currency)}, and {paid} of {owed} was paid", f"leave it {owed}; give money back by a refund")  # fmt: skip
    before = _before(kept.entry)
    if before is not None and doc.paid_minor < before.paid_minor:
        return Problem(first, "paid", "paid_before", f"was {money_text(before.paid_minor, before.currency)} before", "money that was paid goes back by a refund")  # fmt: skip
    if lines_stand(kept.full, [(x.platform_line_no, x.listing_id, x.qty) for x in doc.lines]):
        return Problem(first, "qty", "has_refunds", "changes the goods of an order with a refund", "leave its rows as they were")  # fmt: skip
    return None


def frozen(full: FullOrder, payable_minor: int) -> bool:
    """Whether what is owed would change though something of it was paid."""
    return bool(full.order.paid_minor) and payable_minor != full.order.payable_minor


def has_refunds(full: FullOrder) -> bool:
    """Whether a refund speaks of an order's goods or money."""
    return any(r.status in _STANDING for r in full.refunds)


def lines_stand(full: FullOrder, lines: list[tuple[str, str, int]]) -> bool:
    """Whether the goods would change though a refund speaks of them: (line name, listing, pieces). A line that was closed
    may be told or left out."""
    if not has_refunds(full):
        return False
    kept = {(x.platform_line_no, x.listing_id, x.qty): x.status for x in full.lines}
    still = {line for line, status in kept.items() if status != "closed"}
    return not (still <= set(lines) <= set(kept))
