"""Orders that exchanges and reships make: an own order, linked to the first, that goes the ordinary way.

Its number is made of the first order's and of the refund's, so that however often it is made there is one. Who made it is
written on the refund once it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from adapters.documents import AdjustmentDocument, LineDocument, OrderDocument, Pulled, ReceiverDocument
from jobs import cancel, gaps
from jobs.env import Env, RunHandle
from jobs.rules import numbers
from jobs.rules.splitting import split
from jobs.schema import OWN
from jobs.storing import inbox_key, store
from stores.records import AuditEntry, FullOrder, Receiver, Refund, RefundLine, Sent

MADE = gaps.declare(
    "linked.made",
    before="the order of an exchange or reship is in the inbox and made",
    after="its refund names it",
    sweep="refund decide: approved refunds that send goods and name no order yet are looked through; the order is the same",
)
#: characters of a platform's order number that ours can hold
_WIDTH = 25
#: of a suffix, without its hyphen
_SUFFIX = (5, 8)
_encode = msgspec.json.Encoder().encode


class Case(NamedTuple):
    """A refund that sends goods, with its lines and the order it is of."""

    refund: Refund
    lines: tuple[RefundLine, ...]
    full: FullOrder


def number(first: str, refund_no: str) -> str:
    """The linked order's own number: the first one's with a suffix made of the refund, or a digest of both where that
    would be too long."""
    digest = blake2b(f"{first}\0{refund_no}".encode(), digest_size=16).digest()
    width = min(_WIDTH - len(first) - 1, _SUFFIX[1])
    if width < _SUFFIX[0]:
        return "L" + numbers.base32(digest, _WIDTH - 1)
    return f"{first}-{numbers.base32(digest, width)}"


def shop_of(env: Env, full: FullOrder) -> str:
    """The own shop that a linked order belongs to; empty: there is none, or nobody says which."""
    if full.order.platform == OWN:
        return full.order.shop if full.order.shop in env.settings.shops else ""
    named = env.settings.refunds.linked_shop
    own = [alias for alias, shop in env.settings.shops.items() if shop.platform == OWN and shop.enabled]
    return named or (own[0] if len(own) == 1 else "")


def order_no(env: Env, case: Case) -> str:
    """Our number of the order that this refund makes; empty without an own shop."""
    shop = shop_of(env, case.full)
    if not shop:
        return ""
    first = case.full.order.platform_order_no
    return numbers.order_no(OWN, env.settings.shops[shop].seller_id, number(first, case.refund.refund_no))


def make(env: Env, run: RunHandle, cases: Sequence[Case]) -> dict[str, tuple[str, str]]:
    """Make the orders of these refunds where they are not there yet.

    Returns:
        refund_no → (order number, problem); the problem is empty when the order is there: no_own_shop, number_clash,
        not_made (it waits in the inbox or is parked there).
    """
    out: dict[str, tuple[str, str]] = {c.refund.refund_no: ("", "no_own_shop") for c in cases}
    wanted = {c.refund.refund_no: (c, no) for c in cases if (no := order_no(env, c))}
    there = env.orders.heads([no for _, no in wanted.values()]) if wanted else {}
    _form(env, run, [c for c, no in wanted.values() if no not in there])
    gaps.gap(MADE)
    there = env.orders.heads([no for _, no in wanted.values()]) if wanted else {}
    for refund_no, (case, no) in wanted.items():
        head = there.get(no)
        problem = "not_made" if head is None else "" if head.linked_to == case.full.order.order_no else "number_clash"
        out[refund_no] = (no, problem)
    return out


def _form(env: Env, run: RunHandle, cases: Sequence[Case]) -> None:
    """Their documents go into the inbox, once, and are pushed at once, as any document may be."""
    from jobs.push import Pusher

    if not cases:
        return
    first_ones = [c.full.order.order_no for c in cases]
    facts = {"orders": len(cases)}
    env.ledger.audit([AuditEntry(at=env.clock.now(), who="linked order", act="decrypt", ref=run.id, facts=facts)])
    receivers = env.orders.receivers(sorted(set(first_ones)))
    keys: list[str] = []
    by_shop: dict[str, list[OrderDocument]] = {}
    for case in cases:
        doc = document(env, case, receivers.get(case.full.order.order_no, Receiver()))
        keys.append(inbox_key("orders", OWN, doc.seller_id, doc.platform_order_no))
        by_shop.setdefault(shop_of(env, case.full), []).append(doc)
    known = env.inbox.versions(keys)
    for shop, docs in by_shop.items():
        fresh = [d for d in docs if inbox_key("orders", OWN, d.seller_id, d.platform_order_no) not in known]
        store(env, shop, env.platform(shop), "orders", [_pulled(d) for d in fresh])
    waiting = [e for e in env.inbox.get(keys).values() if e.status == "waiting" and e.document]
    # The entries stay waiting: the next push finds their version on the order and settles them as `same`.
    Pusher(env, run).orders(waiting)


def _pulled(doc: OrderDocument) -> Pulled:
    raw = _encode({"linked_to": doc.linked_to, "number": doc.platform_order_no})
    return Pulled(
        kind="orders", number=doc.platform_order_no, modified_at=doc.modified_at, document=doc, raw=raw
    )  # fmt: skip


# ------------------------------------------------------------------ what it says


def document(env: Env, case: Case, who: Receiver) -> OrderDocument:
    """The order as a document: its goods at their worth, all of it taken off but the difference that the buyer pays."""
    refund, full = case.refund, case.full
    head, shop = full.order, shop_of(env, full)
    seller, now = env.settings.shops[shop].seller_id, env.clock.now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    items = refund.replacement.items or goods(case)
    payable = refund.replacement.payable_minor
    worth = [x.qty * x.unit_minor for x in items]
    lines = tuple(
        LineDocument(
            platform_line_no=str(n), listing_id=x.listing_id, code=x.code, title=x.title, variant=x.variant, qty=x.qty,
            unit_minor=x.unit_minor, paid_minor=part,
        )
        for n, (x, part) in enumerate(zip(items, split(payable, worth), strict=True), 1)
    )  # fmt: skip
    off = payable - sum(worth)
    region = head.region
    return OrderDocument(
        platform=OWN, seller_id=seller, platform_order_no=number(head.platform_order_no, refund.refund_no),
        status="unpaid" if payable else "paid", status_raw=str(refund.kind),
        # An address that only the marketplace can read is of no use here: a person writes it down first.
        platform_hold="masked_receiver" if who.masked else "", ordered_at=refund.asked_at,
        paid_at=None if payable else now, modified_at=now, ship_by=env.platform(shop).latest_shipping(now),
        currency=head.currency, goods_minor=sum(worth), payable_minor=payable,
        adjustments=(AdjustmentDocument(kind=str(refund.kind), minor=off, borne_by="merchant"),) if off else (),
        buyer_id=head.buyer_key, flags=(str(refund.kind),), lines=lines, linked_to=head.order_no,
        receiver=ReceiverDocument(
            name=who.name, phone=who.phone, address=who.address, zip=who.zip, country=region.country,
            province=region.province, city=region.city, district=region.district, town=region.town, masked=who.masked,
        ),
        seller_remark=f"{refund.kind} {head.platform_order_no} {refund.refund_no}",
    )  # fmt: skip


def goods(case: Case) -> tuple[Sent, ...]:
    """The goods of a refund's lines once more. Of a marketplace's order the SKUs that were sent, since its listings are not
    ours to sell; of an own one the listings themselves."""
    out: list[Sent] = []
    lines = {x.line_no: x for x in case.full.lines}
    for part in case.lines:
        line = lines[part.line_no]
        unit = line.paid_minor // line.qty if line.qty else 0
        if not part.qty:
            continue
        if case.full.order.platform == OWN:
            out.append(Sent(code=line.code, listing_id=line.listing_id, title=line.title, variant=line.variant, qty=part.qty, unit_minor=unit))  # fmt: skip
            continue
        for s in case.full.ship_lines:
            if s.line_no == part.line_no and s.sku:
                qty = max(s.qty * part.qty // line.qty, 1)
                out.append(Sent(code=s.sku, listing_id=s.sku, title=line.title, variant=line.variant, qty=qty, unit_minor=s.value_minor // s.qty if s.qty else 0))  # fmt: skip
    return tuple(out)


# ------------------------------------------------------------------ taking it back


def called_off(env: Env, run: RunHandle, refunds: Sequence[Refund], *, by: str) -> dict[str, str]:
    """Cancel the orders that these refunds made, because they are refused; refund_no → why one goes on (it has left, or a
    warehouse must answer first), empty when nothing of it goes."""
    made = {r.refund_no: r.replacement.order_no for r in refunds if r.replacement.order_no}
    answers = cancel.called_off(env, run, sorted(set(made.values())), reason="refund_refused", by=by) if made else {}
    return {no: answers.get(order, "") for no, order in made.items()}


def of(env: Env, full: FullOrder) -> list[dict[str, str]]:
    """The orders that a first order's refunds made, and the first one of a linked order, for people to read."""
    head = full.order
    made = {r.replacement.order_no: r for r in full.refunds if r.replacement.order_no}
    rows = [(no, f"{r.kind} of this order", r.refund_no) for no, r in made.items()]
    if head.linked_to:
        by = [r for r in env.orders.find_refunds(order_nos=[head.linked_to]) if r.replacement.order_no == head.order_no]
        kind = " ".join(str(r.kind) for r in by) or "order"
        rows.append((head.linked_to, f"the order that this {kind} makes good", " ".join(r.refund_no for r in by)))
    heads = env.orders.heads([no for no, *_ in rows]) if rows else {}
    return [
        {"order_no": no, "is": words, "refund_no": refund, "progress": str(heads[no].progress) if no in heads else ""}
        for no, words, refund in rows
    ]
