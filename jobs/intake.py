"""Where the two vocabularies meet: documents become records. The one translation in the house."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.documents import OrderDocument, Pulled
from jobs.rules import money, numbers
from jobs.rules.changes import refund_state
from jobs.rules.splitting import split
from jobs.rules.states import first_progress
from stores.contracts import NewOrder
from stores.records import Adjustment, Hold, Line, Mark, Order, Progress, Receiver, RefundState, Region, ShipLine

if TYPE_CHECKING:
    from jobs.env import Env, RunHandle
    from jobs.listings import Listings

#: (kind, text) → keyed hash
Hasher = Callable[[str, str], str]


class Translator:
    """Turns documents of one run into records; holds what is the same for all of them."""

    def __init__(self, listings: Listings, search_hash: Hasher, now: datetime) -> None:
        self._listings = listings
        self._hash = search_hash
        self._now = now

    def order(self, doc: OrderDocument, *, shop: str, doc_hash: str) -> NewOrder:
        """A whole new order as it would be added now.

        Raises:
            ValueError: the platform's number cannot be encoded.
        """
        number = numbers.order_no(doc.platform, doc.seller_id, doc.platform_order_no)
        lines = _lines(doc, number)
        head = self._head(doc, number, shop, doc_hash, lines)
        return NewOrder(
            order=head,
            lines=lines,
            ship_lines=self.ship_lines(doc.platform, lines),
            receiver=receiver(doc),
            buyer_remark=doc.buyer_remark,
            seller_remark=doc.seller_remark,
            holds=_holds(doc, head, self._now),
            search=self.search(receiver(doc)),
            facts={"status": doc.status_raw or doc.status},
        )

    def ship_lines(self, platform: str, lines: Sequence[Line]) -> tuple[ShipLine, ...]:
        """Expand order lines to what a warehouse ships; closed lines expand to closed ship lines."""
        out: list[ShipLine] = []
        for line in lines:
            for sku, qty, value in self._listings.expand(platform, line):
                out.append(
                    ShipLine(
                        order_no=line.order_no, ship_no=len(out) + 1, line_no=line.line_no, sku=sku, qty=qty,
                        value_minor=value, status="closed" if line.status == "closed" else "open",
                    )
                )  # fmt: skip
        return tuple(out)

    def search(self, who: Receiver) -> tuple[tuple[str, str], ...]:
        """Keyed hashes of clear personal data; masked texts are not worth finding."""
        if who.masked:
            return ()
        texts = (("name", who.name), ("phone", who.phone))
        return tuple((kind, self._hash(kind, text)) for kind, text in texts if text)

    def _head(self, doc: OrderDocument, number: str, shop: str, doc_hash: str, lines: tuple[Line, ...]) -> Order:
        adjustments = tuple(
            Adjustment(kind=a.kind, minor=a.minor, borne_by=a.borne_by, title=a.title) for a in doc.adjustments
        )
        adjust = sum(a.minor for a in adjustments)
        where = doc.receiver
        return Order(
            order_no=number, platform=doc.platform, seller_id=doc.seller_id, shop=shop,
            platform_order_no=doc.platform_order_no, progress=first_progress(doc.status),
            refund_state=refund_state(lines), currency=doc.currency, goods_minor=doc.goods_minor,
            freight_minor=doc.freight_minor, tax_minor=doc.tax_minor, charges_minor=doc.charges_minor,
            adjust_minor=adjust, payable_minor=doc.payable_minor, paid_minor=doc.paid_minor,
            subsidy_minor=doc.subsidy_minor,
            receivable_minor=money.receivable(paid=doc.paid_minor, subsidy=doc.subsidy_minor, refunded=0),
            unexplained_minor=money.unexplained(
                goods=doc.goods_minor, freight=doc.freight_minor, tax=doc.tax_minor, charges=doc.charges_minor,
                adjustments=adjust, payable=doc.payable_minor,
            ),
            buyer_key=self._hash("buyer", f"{doc.platform}\0{doc.buyer_id}") if doc.buyer_id else "",
            merge_key=doc.merge_key, merge_confirm=doc.merge_confirm,
            region=Region(
                country=where.country, province=where.province, city=where.city, district=where.district, town=where.town
            ),
            flags=_flags(doc), marks=tuple(Mark(field=d.field, why=d.why, raw=d.raw) for d in doc.doubts),
            adjustments=adjustments, ordered_at=doc.ordered_at, paid_at=doc.paid_at, ship_by=doc.ship_by, ended_at=doc.ended_at,
            platform_status=doc.status_raw or doc.status, linked_to=doc.linked_to, doc_modified_at=doc.modified_at, doc_hash=doc_hash,
            created_at=self._now, changed_at=self._now,
        )  # fmt: skip


def receiver(doc: OrderDocument) -> Receiver:
    """The personal data of a document as our one record type."""
    who = doc.receiver
    return Receiver(
        name=who.name, phone=who.phone, address=who.address, zip=who.zip, cipher=who.cipher, masked=who.masked
    )


def merged_lines(old: Sequence[Line], new: Sequence[Line], silent: Collection[str] = ()) -> tuple[Line, ...]:
    """The document's lines under the line numbers we gave before; new ones are appended, vanished ones closed.

    What was refunded in full stays so: an older word never takes it back. `silent`: platform line numbers of which the
    document says nothing about refunds; what the refunds themselves said stands.
    """
    import msgspec

    known = {line.platform_line_no: line for line in old}
    after = max((line.line_no for line in old), default=0)
    out: list[Line] = []
    for line in new:
        before = known.pop(line.platform_line_no, None)
        if before is None:
            after += 1
            out.append(msgspec.structs.replace(line, line_no=after))
            continue
        keeps = before.refund_state == RefundState.FULL or line.platform_line_no in silent
        state = before.refund_state if keeps else line.refund_state
        out.append(msgspec.structs.replace(line, line_no=before.line_no, refund_state=state))
    out += [msgspec.structs.replace(gone, status="closed") for gone in known.values() if gone.status == "open"]
    out += [gone for gone in known.values() if gone.status != "open"]
    return tuple(sorted(out, key=lambda line: line.line_no))


def demand_of(order: Order, ship_lines: Sequence[ShipLine]) -> dict[str, int]:
    """Pieces per SKU that an order will want; unmapped and closed lines want nothing."""
    if order.progress not in (Progress.CREATED, Progress.AUDITED) or "platform_warehouse" in order.flags:
        return {}
    wanted: dict[str, int] = {}
    for line in ship_lines:
        if line.sku and line.status == "open":
            wanted[line.sku] = wanted.get(line.sku, 0) + line.qty
    return wanted


def _flags(doc: OrderDocument) -> tuple[str, ...]:
    flags = set(doc.flags)
    if doc.platform_hold:
        flags |= {"platform_hold", f"hold_{doc.platform_hold}"}
    if any(line.gift for line in doc.lines):
        flags.add("has_gift")
    return tuple(sorted(flags))


def _lines(doc: OrderDocument, number: str) -> tuple[Line, ...]:
    unsaid = [i for i, line in enumerate(doc.lines) if line.paid_minor is None]
    paid = [line.paid_minor or 0 for line in doc.lines]
    if unsaid:
        # The platform does not say what each line was paid: share what is left by list price.
        left = max(doc.payable_minor - doc.freight_minor - sum(paid), 0)
        weights = [doc.lines[i].unit_minor * doc.lines[i].qty for i in unsaid]
        for i, part in zip(unsaid, split(left, weights), strict=True):
            paid[i] = part
    return tuple(
        Line(
            order_no=number, line_no=i + 1, platform_line_no=line.platform_line_no, listing_id=line.listing_id,
            product_id=line.product_id, code=line.code, title=line.title, variant=line.variant, qty=line.qty,
            unit_minor=line.unit_minor, paid_minor=paid[i], gift=line.gift,
            status="closed" if line.refund == "full" and line.status == "open" else line.status,
            refund_state=_REFUND[line.refund],
        )
        for i, line in enumerate(doc.lines)
    )  # fmt: skip


_REFUND: Mapping[str, RefundState] = {
    "": RefundState.NONE,
    "none": RefundState.NONE,
    "asked": RefundState.ASKED,
    "full": RefundState.FULL,
}


def _holds(doc: OrderDocument, head: Order, now: datetime) -> tuple[Hold, ...]:
    if head.progress not in (Progress.UNPAID, Progress.CREATED):
        return ()
    holds = []
    if doc.platform_hold:
        holds.append(
            Hold(order_no=head.order_no, code="platform", owner="platform", facts={"why": doc.platform_hold}, since=now)
        )
    if doc.status == "unknown":
        holds.append(
            Hold(
                order_no=head.order_no, code="unknown_status", owner="rule", facts={"status": doc.status_raw}, since=now
            )
        )
    return tuple(holds)


def last_look(env: Env, run: RunHandle, pulled: Sequence[Pulled], shop: str) -> dict[str, str]:
    """Apply what the platform says now; order_no → reason for those that may not ship. See `jobs/lastlook.py`."""
    from jobs.lastlook import last_look as look

    return look(env, run, pulled, shop)
