"""Changes in flight: a document of an order we hold already. The table is `jobs/rules/changes.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from adapters.documents import OrderDocument
from jobs import gaps, own_changes
from jobs.env import Env, RunHandle
from jobs.errors import BadMove
from jobs.intake import Translator, demand_of, merged_lines
from jobs.rules import changes, money
from jobs.rules.states import may_move
from stores.contracts import Change, NewOrder
from stores.records import (
    Alert,
    Edit,
    FullOrder,
    Hold,
    InboxEntry,
    Line,
    Membership,
    Order,
    Parcel,
    Progress,
    Receiver,
    ShipLine,
)

RELEASED = gaps.declare(
    "change.released",
    before="the stock of a changed order was released",
    after="the change is written on the order",
    sweep="push: the document's version is not on the order yet, so the entry is pushed again; releasing twice is one",
)
WRITTEN = gaps.declare(
    "change.written",
    before="the change is written on the order",
    after="its demand is made what it should be, and the inbox entry is settled",
    sweep="push: the entry is still waiting; the same version makes sure of the demand again",
)

Settled = tuple[str, str, str, dict[str, Any]]
Known = tuple[InboxEntry, OrderDocument, NewOrder, FullOrder]

#: platform fields of a head that a newer document may overwrite
_FIELDS = (
    "refund_state", "currency", "goods_minor", "freight_minor", "tax_minor", "charges_minor", "adjust_minor",
    "payable_minor", "paid_minor", "subsidy_minor", "receivable_minor", "unexplained_minor", "buyer_key", "merge_key",
    "merge_confirm", "region", "flags", "marks", "adjustments", "paid_at", "ship_by", "platform_status",
    "ended_at", "doc_modified_at", "doc_hash",
)  # fmt: skip
#: progress in which no place holds stock for an order
_NOT_PLACED = (Progress.UNPAID, Progress.CREATED, Progress.AUDITED)
#: flags that are ours; a document never takes them away
_OUR_FLAGS = "our_"
#: fields of the receiver and region that a person may edit here
EDITABLE = ("name", "phone", "address", "zip", "province", "city", "district", "seller_remark")


class Plan(NamedTuple):
    """What one document does to its order."""

    entry: InboxEntry
    new: NewOrder
    old: FullOrder
    whats: tuple[str, ...]
    action: str
    cells: tuple[tuple[str, str], ...]
    stage: str
    edits: tuple[Edit, ...]
    conflicts: tuple[str, ...]


def change(env: Env, run: RunHandle, translator: Translator, known: Sequence[Known]) -> list[Settled]:
    """Apply documents of orders that are there; returns how each inbox entry ends."""
    if not known:
        return []
    settled: list[Settled] = []
    newer: list[Known] = []
    for item in known:
        entry, doc, new, old = item
        if new.order.doc_hash == old.order.doc_hash:
            settled.append((entry.key, "pushed", "same", {"order_no": old.order.order_no}))
        elif new.order.doc_modified_at < old.order.doc_modified_at:
            settled.append((entry.key, "pushed", "older", {"order_no": old.order.order_no}))
        elif reason := own_changes.stands_against(new, old):
            settled.append((entry.key, "parked", reason, {"order_no": old.order.order_no}))
        else:
            newer.append((entry, doc, own_changes.with_what_came(new, old), old))
    same = [old for _, _, new, old in known if new.order.doc_hash == old.order.doc_hash]
    if same and not run.result.dry_run:
        make_sure(env, same)
    plans = _plans(env, newer)
    if run.result.dry_run:
        return settled + [(p.entry.key, "pushed", "changed", _facts(p)) for p in plans]
    return settled + _carry_out(env, run, translator, plans)


def _plans(env: Env, items: Sequence[Known]) -> list[Plan]:
    numbers = [old.order.order_no for *_, old in items]
    if not numbers:
        return []
    who = env.orders.receivers(numbers)
    edits = env.orders.edits(numbers)
    parcels = parcels_of(env, [old for *_, old in items])
    out = []
    for entry, doc, new, old in items:
        number = old.order.order_no
        mine = tuple(edits.get(number, ()))
        new = _kept(new, who.get(number, Receiver()), old.order)
        changed_fields = _changed_texts(who.get(number, Receiver()), old, new)
        conflicts = tuple(e.field for e in mine if e.field in EDITABLE and _text(new, e.field) not in (e.base, e.value))
        lines = merged_lines(old.lines, new.lines, {line.platform_line_no for line in doc.lines if not line.refund})
        head = msgspec.structs.replace(new.order, refund_state=changes.refund_state(lines))
        new = msgspec.structs.replace(new, lines=lines, order=head)
        edited = {e.field for e in mine}
        whats = changes.compare(
            old,
            head,
            lines,
            status=doc.status,
            address_changed=bool((changed_fields & _ADDRESS) - edited),
            remark_changed=bool(changed_fields & {"buyer_remark", "seller_remark"} - edited),
        )
        stage = changes.stage_of(old.order, [p.state for p in parcels.get(number, ())])
        action, cells = changes.decide(whats, stage)
        out.append(Plan(entry, new, old, whats, action, cells, stage, mine, conflicts))
    return out


_ADDRESS = {"name", "phone", "address", "province", "city", "district", "town"}


def _kept(new: NewOrder, who: Receiver, old: Order) -> NewOrder:
    """The order as it is now; one that says nothing at all of its receiver keeps the one we know.

    Platforms send none while an order is under review, and withdraw it once it was shipped: it did not move.
    """
    told, where = new.receiver, new.order.region
    if any((told.name, told.phone, told.address, told.cipher, where.province, where.city, where.district, where.town)):
        return new
    keys = {name: getattr(new.order, name) or getattr(old, name) for name in ("buyer_key", "merge_key")}
    return msgspec.structs.replace(
        new, receiver=who, order=msgspec.structs.replace(new.order, region=old.region, **keys)
    )


def _changed_texts(who: Receiver, old: FullOrder, new: NewOrder) -> set[str]:
    """Names of the texts that differ; a masked text that only hides what we hold in clear is no change."""
    found = {f for f in ("name", "phone", "address") if getattr(who, f) != getattr(new.receiver, f)}
    if new.receiver.masked and not who.masked and who.name:
        found = set()
    region, fresh = old.order.region, new.order.region
    found |= {f for f in ("province", "city", "district", "town") if getattr(region, f) != getattr(fresh, f)}
    found |= {f for f in ("buyer_remark", "seller_remark") if getattr(old, f) != getattr(new, f)}
    return found


def _text(new: NewOrder, field: str) -> str:
    if field == "seller_remark":
        return new.seller_remark
    if field in ("province", "city", "district"):
        return str(getattr(new.order.region, field))
    return str(getattr(new.receiver, field))


class Move(NamedTuple):
    """Where an order goes (None: it stays), which holds open and which close."""

    to: Progress | None
    holds: tuple[Hold, ...]
    release: tuple[str, ...]


def _carry_out(env: Env, run: RunHandle, translator: Translator, plans: Sequence[Plan]) -> list[Settled]:
    plans, answers = _stop(env, run, plans)
    settled: list[Settled] = []
    ready: list[tuple[Plan, Move]] = []
    for plan in plans:
        try:
            ready.append((plan, _move(plan, answers, env.clock.now())))
        except BadMove as error:
            # One order that cannot go there is a person's matter; the others of its batch go on.
            settled.append((plan.entry.key, "parked", "bad_move", {**_facts(plan), "error": str(error)}))
    freed = [plan.old for plan, move in ready if _frees_stock(plan, move)]
    if freed:
        _release(env, run, freed)
        gaps.gap(RELEASED)
    # First, since once the change is written a second push of its document finds nothing to tell.
    for plan, _ in ready:
        _tell(env, plan, answers)
    outcomes = env.orders.apply([_change(env, translator, p, m, answers) for p, m in ready], run_id=run.id)
    gaps.gap(WRITTEN)
    make_sure(env, list(env.orders.load([p.old.order.order_no for p, _ in ready]).values()))
    for (plan, _), outcome in zip(ready, outcomes, strict=True):
        if outcome.ok:
            settled.append((plan.entry.key, "pushed", "changed", _facts(plan)))
        else:
            # Someone else moved the order meanwhile: the entry waits and is pushed again.
            settled.append((plan.entry.key, "waiting", outcome.reason or outcome.result, {}))
    return settled


def _stop(env: Env, run: RunHandle, plans: Sequence[Plan]) -> tuple[list[Plan], dict[str, str]]:
    """Stop the parcels of those that need it, each for its own reason; the plans as the orders stand after it."""
    from jobs.parcel_stop import stop_for

    reasons: dict[str, list[str]] = {}
    for plan in plans:
        if plan.action == "stop":
            reasons.setdefault("change." + "+".join(plan.whats), []).append(plan.old.order.order_no)
    answers: dict[str, str] = {}
    for reason, numbers in reasons.items():
        answers |= stop_for(env, run, numbers, reason=reason)
    fresh = env.orders.load(list(answers)) if answers else {}
    return [p._replace(old=fresh.get(p.old.order.order_no, p.old)) for p in plans], answers


def _frees_stock(plan: Plan, move: Move) -> bool:
    held = plan.old.order.progress in (Progress.AUDITED, Progress.SOURCED, Progress.MERGED)
    return held and move.to in (Progress.CREATED, Progress.CANCELLED, Progress.SHIPPED)


def _release(env: Env, run: RunHandle, olds: Sequence[FullOrder]) -> None:
    open_ones = env.stock.reservations([o.order.order_no for o in olds])
    ids = [(r.reservation_id, r.warehouse) for rs in open_ones.values() for r in rs if r.state == "open"]
    if ids:
        env.stock.release(ids, run_id=run.id)


def make_sure(env: Env, fulls: Sequence[FullOrder]) -> None:
    """Demand of orders that no warehouse holds stock for; orders with an open reservation are left alone."""
    from jobs.push import want_all

    if not fulls:
        return
    held = env.stock.reservations([f.order.order_no for f in fulls])
    want_all(
        env,
        [
            (f.order.order_no, demand_of(f.order, f.ship_lines))
            for f in fulls
            if not f.order.intent and not any(r.state == "open" for r in held.get(f.order.order_no, ()))
        ],
    )


def _change(env: Env, translator: Translator, plan: Plan, move: Move, answers: dict[str, str]) -> Change:
    old, new, now = plan.old, plan.new, env.clock.now()
    number = old.order.order_no
    to, holds, release = move
    fields = {name: getattr(new.order, name) for name in _FIELDS}
    fields["flags"] = tuple(sorted({*new.order.flags, *(f for f in old.order.flags if f.startswith(_OUR_FLAGS))}))
    fields["refunded_minor"] = old.order.refunded_minor
    fields["receivable_minor"] = money.receivable(
        paid=new.order.paid_minor, subsidy=new.order.subsidy_minor, refunded=old.order.refunded_minor
    )
    receiver, region, seller_remark = _with_edits(plan)
    fields["region"] = region
    if any(e.field != "seller_remark" for e in plan.edits):
        # It goes where a person sent it: the platform's key speaks of another receiver.
        fields["merge_key"] = ""
    lines_changed = "lines" in plan.whats
    if plan.conflicts:
        facts = {"fields": list(plan.conflicts)}
        holds = (*holds, Hold(order_no=number, code="edit_conflict", owner="rule", facts=facts, since=now))
    if to in (Progress.CREATED, Progress.CANCELLED, Progress.SHIPPED):
        fields["intent"] = ()
    ship_lines: tuple[ShipLine, ...] = ()
    if to == Progress.CANCELLED:
        ship_lines = closed(old)
    elif lines_changed and (to == Progress.CREATED or old.order.progress in _NOT_PLACED):
        ship_lines = remade(translator, old, new.lines)
    return Change(
        order_no=number,
        expect=old.order.version,
        to=to,
        reason=f"platform.{'+'.join(plan.whats) or 'touched'}",
        facts={
            "stage": plan.stage,
            "actions": dict(plan.cells),
            **({"stop": answers[number]} if number in answers else {}),
        },
        set=fields,
        lines=new.lines if lines_changed or new.lines != old.lines else (),
        ship_lines=ship_lines,
        hold=holds,
        release=release,
        waiting=() if to in (Progress.CREATED, Progress.CANCELLED, Progress.SHIPPED) else None,
        receiver=receiver,
        buyer_remark=new.buyer_remark,
        seller_remark=seller_remark,
        search=translator.search(receiver),
    )


def _move(plan: Plan, answers: dict[str, str], now: datetime) -> Move:
    """Where the order goes, which holds open and which close."""
    number, progress = plan.old.order.order_no, plan.old.order.progress
    action = plan.action
    holds: tuple[Hold, ...] = ()
    release: tuple[str, ...] = ()
    whats = set(plan.whats)
    if "refund_asked" in whats and progress not in (Progress.SHIPPED, Progress.COMPLETED, Progress.CANCELLED):
        holds += (Hold(order_no=number, code="refund_asked", owner="platform", since=now),)
    if "platform_hold" in whats and action != "ignore":
        holds += (
            Hold(
                order_no=number,
                code="platform",
                owner="platform",
                since=now,
                facts={"flags": list(plan.new.order.flags)},
            ),
        )
    if "refund_closed" in whats:
        release += ("refund_asked", "audit.refund_pending")
    if "hold_lifted" in whats:
        release += ("platform",)
    if action == "stop":
        answer = answers.get(number, "")
        if answer == "stopped":
            action = "cancel" if whats & {"closed", "refunded"} else "source" if "lines" in whats else "audit"
        elif answer == "asked":
            holds += (Hold(order_no=number, code="stop_asked", owner="warehouse", since=now),)
            action = "apply"
        else:
            action = "alert"
    to: Progress | None = {
        "create": Progress.CREATED,
        "audit": Progress.CREATED,
        "source": Progress.CREATED,
        "cancel": Progress.CANCELLED,
        "ship": Progress.SHIPPED,
        "complete": Progress.COMPLETED,
    }.get(action)
    if to == Progress.CREATED and progress == Progress.CREATED:
        to = None
    if to is not None and not may_move(progress, to):
        raise BadMove(f"{number}: {progress} → {to} ({'+'.join(plan.whats)})")
    if to in (Progress.CANCELLED, Progress.SHIPPED):
        release += tuple(h.code for h in plan.old.holds if h.released_at is None)
    return Move(to, holds if to not in (Progress.CANCELLED, Progress.SHIPPED) else (), release)


def _with_edits(plan: Plan) -> tuple[Receiver, Any, str]:
    """The document's texts with what a person changed here laid over them."""
    receiver, region, remark = plan.new.receiver, plan.new.order.region, plan.new.seller_remark
    for edit in plan.edits:
        if edit.field == "seller_remark":
            remark = edit.value
        elif edit.field in ("province", "city", "district"):
            region = msgspec.structs.replace(region, **{edit.field: edit.value})
        elif edit.field in EDITABLE:
            receiver = msgspec.structs.replace(receiver, **{edit.field: edit.value})
    return receiver, region, remark


def closed(old: FullOrder) -> tuple[ShipLine, ...]:
    """Ship lines of a cancelled order: what has not left is closed and belongs nowhere."""
    return tuple(
        msgspec.structs.replace(s, status="closed", warehouse="", parcel_no="")
        for s in old.ship_lines
        if not s.shipped_qty
    )


def remade(translator: Translator, old: FullOrder, lines: Sequence[Line]) -> tuple[ShipLine, ...]:
    """Ship lines made anew after the lines changed; what shipped or returned keeps its counts, what fell away closes.

    Only for orders that no place holds stock for: what is in a parcel at a warehouse is a fact until it is stopped.
    """
    before = {s.ship_no: s for s in old.ship_lines}
    out = []
    for line in translator.ship_lines(old.order.platform, lines):
        was = before.pop(line.ship_no, None)
        kept = (was.shipped_qty, was.returned_qty) if was else (0, 0)
        out.append(msgspec.structs.replace(line, shipped_qty=kept[0], returned_qty=kept[1]))
    out += [msgspec.structs.replace(gone, status="closed", warehouse="", parcel_no="") for gone in before.values()]
    return tuple(out)


def _tell(env: Env, plan: Plan, answers: dict[str, str]) -> None:
    number = plan.old.order.order_no
    late = plan.action == "alert" or (plan.action == "stop" and answers.get(number) == "too_late")
    if not late:
        return
    from jobs.alerts import tell

    now = env.clock.now()
    tell(
        env,
        Alert(
            key=f"change:{number}:{'+'.join(plan.whats)}", kind="change_too_late", severity="warning",
            title=f"order {number}: {', '.join(plan.whats)} came too late ({plan.stage})",
            facts={"order_no": number, "shop": plan.old.order.shop}, hint=f"oms order explain {number}",
            first_at=now, last_at=now,
        ),
    )  # fmt: skip


def _facts(plan: Plan) -> dict[str, Any]:
    return {"order_no": plan.old.order.order_no, "what": list(plan.whats), "action": plan.action}


def parcels_of(env: Env, fulls: Sequence[FullOrder]) -> dict[str, list[Parcel]]:
    """Active parcels of each order, read once for the set."""
    links: list[Membership] = [m for f in fulls for m in f.memberships if m.active]
    found = env.orders.parcels(sorted({m.parcel_no for m in links})) if links else {}
    out: dict[str, list[Parcel]] = {}
    for link in links:
        if link.parcel_no in found:
            out.setdefault(link.order_no, []).append(found[link.parcel_no])
    return out
