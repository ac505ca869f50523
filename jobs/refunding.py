"""Refund documents become refunds, and the refund axis of their orders moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from adapters.documents import RefundDocument
from jobs import gaps
from jobs.env import Env, RunHandle
from jobs.rules import changes, money, numbers
from jobs.rules.splitting import split
from stores.contracts import Change, RefundChange
from stores.records import (
    FullOrder,
    Hold,
    InboxEntry,
    Line,
    Mark,
    Progress,
    Refund,
    RefundKind,
    RefundLine,
    RefundState,
    RefundStatus,
)

KEPT = gaps.declare(
    "refund.kept",
    before="the refund is written",
    after="its order's refund axis moves, and the inbox entry is settled",
    sweep="push: the entry is still waiting and is pushed again; the axis is derived anew",
)

Settled = tuple[str, str, str, dict[str, Any]]
_decode: Callable[[bytes], RefundDocument] = msgspec.json.Decoder(RefundDocument).decode
#: open cases hold the order; these do not any more
_OVER = (RefundStatus.REFUSED, RefundStatus.CLOSED, RefundStatus.UNKNOWN)


def take(env: Env, run: RunHandle, entries: Sequence[InboxEntry], *, patience: int) -> list[Settled]:
    """Push refund documents; one whose order is not there yet waits, and is parked after `patience` tries."""
    settled: list[Settled] = []
    docs: list[tuple[InboxEntry, RefundDocument, str, str]] = []
    for entry in entries:
        try:
            doc = _decode(entry.document)
            order = numbers.order_no(doc.platform, doc.seller_id, doc.platform_order_no)
            refund = numbers.refund_no(doc.platform, doc.seller_id, doc.platform_refund_no, order)
        except ValueError as error:
            settled.append((entry.key, "parked", "bad_document", {"error": str(error)[:300]}))
            continue
        docs.append((entry, doc, order, refund))
    orders = env.orders.load(sorted({order for *_, order, _ in docs}))
    kept = env.orders.refunds([refund for *_, refund in docs])
    good: list[tuple[InboxEntry, RefundDocument, FullOrder, str]] = []
    for entry, doc, order, refund in docs:
        if order in orders:
            good.append((entry, doc, orders[order], refund))
        elif entry.attempts >= patience:
            settled.append((entry.key, "parked", "refund_without_order", {"order_no": order}))
        else:
            settled.append((entry.key, "waiting", "order_not_here_yet", {"order_no": order}))
    if run.result.dry_run:
        return settled + [
            (e.key, "pushed", "refund", {"refund_no": no, "order_no": f.order.order_no}) for e, _, f, no in good
        ]
    _keep(env, run, good, kept)
    gaps.gap(KEPT)
    _call_off(env, run, [full for _, _, full, _ in good])
    outcomes = move_orders(env, run, sorted({full.order.order_no for _, _, full, _ in good}))
    for entry, _, full, refund in good:
        facts = {"refund_no": refund, "order_no": full.order.order_no}
        ok = outcomes.get(full.order.order_no, True)
        settled.append((entry.key, "pushed", "refund", facts) if ok else (entry.key, "waiting", "order_changed", facts))
    return settled


def _call_off(env: Env, run: RunHandle, fulls: Sequence[FullOrder]) -> None:
    """A platform refused what an order of ours was to make good: that order does not go. Told again while it has not left."""
    from jobs import linked

    named = sorted({r.refund_no for f in fulls for r in f.refunds if r.replacement.order_no})
    kept = env.orders.refunds(named) if named else {}
    refused = [r for r, _ in kept.values() if r.status in (RefundStatus.REFUSED, RefundStatus.CLOSED)]
    for refund_no, why in linked.called_off(env, run, refused, by="platform").items() if refused else ():
        if why:
            run.result.facts.setdefault("linked_goes_on", {})[refund_no] = why


def _keep(
    env: Env, run: RunHandle, good: Sequence[tuple[InboxEntry, RefundDocument, FullOrder, str]], kept: Any
) -> None:
    now = env.clock.now()
    fresh, newer = [], []
    for entry, doc, full, refund_no in good:
        lines = _lines(doc, full, refund_no)
        if refund_no not in kept:
            record = _record(doc, full, refund_no, entry.hash, now)
            fresh.append((record, lines))
            continue
        old, old_lines = kept[refund_no]
        if doc.modified_at < old.doc_modified_at or old.doc_hash == entry.hash:
            continue
        back = {line.line_no: line for line in old_lines}
        lines = tuple(
            msgspec.structs.replace(
                line, good_qty=back[line.line_no].good_qty, defective_qty=back[line.line_no].defective_qty
            )
            if line.line_no in back
            else line
            for line in lines
        )
        newer.append(
            RefundChange(
                refund_no=refund_no, order_no=full.order.order_no, expect=old.version, reason=f"platform.{doc.status}",
                facts={"status": doc.status_raw},
                set={
                    "kind": RefundKind(doc.kind), "status": RefundStatus(doc.status), "platform_status": doc.status_raw,
                    "amount_minor": doc.amount_minor, "reason": doc.reason, "doc_modified_at": doc.modified_at,
                    "doc_hash": entry.hash, "marks": tuple(Mark(field=d.field, why=d.why, raw=d.raw) for d in doc.doubts),
                },
                lines=lines,
            )
        )  # fmt: skip
    if fresh:
        env.orders.add_refunds(fresh, run_id=run.id, reason="pushed")
    if newer:
        env.orders.apply_refunds(newer, run_id=run.id)


def _record(doc: RefundDocument, full: FullOrder, refund_no: str, doc_hash: str, now: Any) -> Refund:
    return Refund(
        refund_no=refund_no, order_no=full.order.order_no, platform=doc.platform, seller_id=doc.seller_id,
        shop=full.order.shop, platform_refund_no=doc.platform_refund_no, kind=RefundKind(doc.kind),
        authority=doc.authority, status=RefundStatus(doc.status), platform_status=doc.status_raw, currency=doc.currency,
        amount_minor=doc.amount_minor, reason=doc.reason, asked_at=doc.asked_at, doc_modified_at=doc.modified_at,
        doc_hash=doc_hash, marks=tuple(Mark(field=d.field, why=d.why, raw=d.raw) for d in doc.doubts),
        created_at=now, changed_at=now,
    )  # fmt: skip


def _lines(doc: RefundDocument, full: FullOrder, refund_no: str) -> tuple[RefundLine, ...]:
    """The order lines a refund concerns: the one it names, else the one of its listing, else all of them."""
    named = [x for x in full.lines if doc.platform_line_no and x.platform_line_no == doc.platform_line_no]
    if not named and doc.listing_id:
        named = [x for x in full.lines if x.listing_id == doc.listing_id][:1]
    concerned: Sequence[Line] = named or full.lines
    amounts = split(doc.amount_minor, [line.paid_minor or 1 for line in concerned])
    return tuple(
        RefundLine(
            refund_no=refund_no,
            order_no=full.order.order_no,
            line_no=line.line_no,
            qty=min(doc.qty, line.qty) if doc.qty and len(concerned) == 1 else line.qty,
            amount_minor=amount,
        )
        for line, amount in zip(concerned, amounts, strict=True)
    )


def move_orders(env: Env, run: RunHandle, order_nos: Sequence[str]) -> dict[str, bool]:
    """Derive the refund axis of each order from all its refunds and write it where it moved."""
    if not order_nos:
        return {}
    now = env.clock.now()
    fulls = env.orders.load(order_nos)
    every = env.orders.refunds(sorted({r.refund_no for f in fulls.values() for r in f.refunds}))
    moved = [axis(fulls[number], every, now) for number in order_nos]
    written = [change for change in moved if change is not None]
    outcomes = env.orders.apply(written, run_id=run.id)
    return {o.key: o.ok for o in outcomes}


def axis(full: FullOrder, every: Mapping[str, tuple[Refund, tuple[RefundLine, ...]]], now: datetime) -> Change | None:
    """The change that brings an order's refund axis to what its refunds say; None: it stands there already."""
    order = full.order
    lines, refunded = derived(full, [every[r.refund_no] for r in full.refunds if r.refund_no in every])
    state = changes.refund_state(lines)
    if lines == full.lines and refunded == order.refunded_minor and state == order.refund_state:
        return None
    before_parcel = order.progress in (Progress.CREATED, Progress.AUDITED, Progress.SOURCED, Progress.MERGED)
    whats = changes.refund_moves(order.refund_state, state)
    holds = (Hold(order_no=order.order_no, code="refund_asked", owner="platform", since=now),)
    return Change(
        order_no=order.order_no, expect=order.version, reason=f"refund.{state}",
        facts={"refunds": [r.platform_refund_no for r in full.refunds]},
        set={
            "refund_state": state, "refunded_minor": refunded,
            "receivable_minor": money.receivable(paid=order.paid_minor, subsidy=order.subsidy_minor, refunded=refunded),
        },
        lines=tuple(line for line, old in zip(lines, full.lines, strict=True) if line != old),
        hold=holds if "refund_asked" in whats and before_parcel else (),
        release=("refund_asked", "audit.refund_pending") if "refund_closed" in whats else (),
    )  # fmt: skip


def _only_money(refund: Refund) -> bool:
    """Whether a refund of ours has been carried out but for its money: it keeps no order waiting any more."""
    kinds = (RefundKind.BEFORE_SHIPPING, RefundKind.REFUND_ONLY, RefundKind.PRICE_PROTECTION)
    return refund.authority == "us" and refund.status == RefundStatus.APPROVED and refund.kind in kinds


def derived(full: FullOrder, refunds: Sequence[tuple[Refund, tuple[RefundLine, ...]]]) -> tuple[tuple[Line, ...], int]:
    """Lines with their refund state, and the money that went back, as all refunds of the order say."""
    asked: set[int] = set()
    done: dict[int, int] = {}
    refunded = 0
    for refund, parts in refunds:
        for part in parts:
            if refund.status == RefundStatus.DONE:
                done[part.line_no] = done.get(part.line_no, 0) + part.amount_minor
            elif refund.status not in _OVER and not _only_money(refund):
                asked.add(part.line_no)
        if refund.status == RefundStatus.DONE:
            refunded += refund.amount_minor
    lines = []
    for line in full.lines:
        state = RefundState.NONE
        back = done.get(line.line_no, 0)
        if line.line_no in asked:
            state = RefundState.ASKED
        elif line.line_no in done and back >= line.paid_minor:
            state = RefundState.FULL
        elif back:
            state = RefundState.PARTLY
        elif line.refund_state == RefundState.FULL:
            state = RefundState.FULL
        lines.append(msgspec.structs.replace(line, refund_state=state))
    return tuple(lines), refunded
