"""The stock of written intents: held all or nothing per place, then the order is sourced, or the intent is voided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from jobs import gaps, moving
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.rules.merging import never_merges, waiting_rows
from jobs.rules.sourcing import Need, sums
from stores.contracts import Change
from stores.records import Ask, FullOrder, Order, Progress, Reservation, ShipLine

RESERVED = gaps.declare(
    "source.reserved",
    before="the stock of an intent is held, or short",
    after="the order is sourced, or the intent is voided",
    sweep="order source: asking again with the same id gives the same grant",
)
FREED = gaps.declare(
    "source.freed",
    before="an intent that was short somewhere is taken off the order, which waits",
    after="what it got elsewhere is given back to its demand",
    sweep="order source gives it back when the order comes again; until then it is held too long, never sold twice",
)
LOST = gaps.declare(
    "source.lost",
    before="an order was moved by somebody else after its stock was held",
    after="that stock is given back",
    sweep="order source gives it back when the order comes again; reconcile stock finds what no order stands behind",
)


#: what a sourced order's head gets, one value for all
_RESOLVED: dict[str, Any] = {"intent": (), "due_at": None}


class Plan(NamedTuple):
    """An order with its written intent."""

    order: FullOrder
    #: version after the intent was written
    version: int
    attempt: int
    parts: tuple[tuple[str, tuple[Need, ...]], ...]
    reason: str
    facts: dict[str, Any]

    @property
    def reservation_id(self) -> str:
        return f"{self.order.order.order_no}:{self.attempt}"


def reserve(env: Env, run: RunHandle, plans: Sequence[Plan], token: str | None) -> bool:
    """Hold the stock of written intents, then source the orders that got all of it; returns whether all of them did."""
    if not plans:
        return True
    asks = [_ask(plan, place, needs) for plan in plans for place, needs in plan.parts]
    short: dict[str, dict[str, int]] = {}
    for part in chunks(asks, moving.BATCH):
        for answer in env.stock.reserve(part, run_id=run.id):
            if not answer.granted:
                missing = short.setdefault(answer.reservation_id, {})
                for sku, qty in answer.missing.items():
                    missing[sku] = missing.get(sku, 0) + qty
    gaps.gap(RESERVED)
    granted = [p for p in plans if p.reservation_id not in short] if short else plans
    whole = _confirm(env, run, granted, token)
    void(env, run, [p for p in plans if p.reservation_id in short] if short else (), short, token)
    return whole and not short


def _confirm(env: Env, run: RunHandle, plans: Sequence[Plan], token: str | None) -> bool:
    now = env.clock.now()
    window = now + timedelta(seconds=env.settings.merge.window)
    outcomes = moving.write(env, run, [_sourced(p, now, window, token) for p in plans], stage="source", lasting=False)
    lost = [p for p in plans if not outcomes[p.order.order.order_no].ok]
    if len(lost) < len(plans):
        run.result.count("sourced", len(plans) - len(lost))
    for plan in lost:
        moving.missed(run, outcomes[plan.order.order.order_no])
    if lost:
        _disown(env, run, lost)
    return not lost


def void(
    env: Env, run: RunHandle, plans: Sequence[Plan], short: Mapping[str, Mapping[str, int]], token: str | None
) -> None:
    """Take a short intent off its order and give back what it got elsewhere; the next run decides anew.

    The order comes first: a run that was stopped here while another one got all of the stock must not give it back.
    """
    if not plans:
        return
    changes = [
        Change(
            order_no=p.order.order.order_no, expect=p.version, reason="source.raced",
            facts={"missing": dict(short[p.reservation_id]), "attempt": p.attempt}, was=p.order.order.progress,
            set={"intent": (), "due_at": None, "reroutes": p.order.order.reroutes + 1}, token=token,
        )
        for p in plans
    ]  # fmt: skip
    outcomes = moving.write(env, run, changes, stage="source")
    gaps.gap(FREED)
    ours = [p for p in plans if outcomes[p.order.order.order_no].ok]
    ids = [(p.reservation_id, place) for p in ours for place, _ in p.parts]
    for part in chunks(ids, moving.BATCH):
        env.stock.release(part, run_id=run.id, to_demand=True)
    if ours:
        run.result.count("waiting", len(ours))
    lost = [p for p in plans if not outcomes[p.order.order.order_no].ok]
    for plan in lost:
        moving.missed(run, outcomes[plan.order.order.order_no])
    if lost:
        _disown(env, run, lost)


def _disown(env: Env, run: RunHandle, lost: Sequence[Plan]) -> None:
    """Somebody moved these orders after their stock was held: give it back unless it is still the order's own."""
    gaps.gap(LOST)
    heads = env.orders.heads([p.order.order.order_no for p in lost])
    ids = []
    for plan in lost:
        head = heads.get(plan.order.order.order_no)
        if head is None or not _owns(head, plan.attempt):
            wants = head is not None and head.progress in (Progress.CREATED, Progress.AUDITED)
            ids += [(plan.reservation_id, place, wants) for place, _ in plan.parts]
    for wants in (True, False):
        part = [(i, place) for i, place, w in ids if w == wants]
        if part:
            env.stock.release(part, run_id=run.id, to_demand=wants)


def abandoned(orders: Iterable[Order], held: Mapping[str, Sequence[Reservation]]) -> list[tuple[str, str]]:
    """(reservation id, warehouse) of what orders without an intent still hold from earlier attempts.

    Later attempts than the one that was read belong to a run that came in between.
    """
    return [
        (r.reservation_id, r.warehouse)
        for order in orders
        for r in held.get(order.order_no, ())
        if r.state == "open" and r.attempt <= order.attempt
    ]


def _ask(plan: Plan, place: str, needs: Iterable[Need]) -> Ask:
    return Ask(
        reservation_id=plan.reservation_id, order_no=plan.order.order.order_no, attempt=plan.attempt, warehouse=place,
        items=tuple(sorted(sums(needs).items())),
    )  # fmt: skip


def _owns(head: Order, attempt: int) -> bool:
    """Whether an order still stands behind this attempt's reservation."""
    if head.attempt != attempt:
        return False
    if head.progress == Progress.AUDITED:
        return bool(head.intent)
    return head.progress not in (Progress.CREATED, Progress.CANCELLED)


def _sourced(plan: Plan, now: datetime, window: datetime, token: str | None) -> Change:
    head = plan.order.order
    warehouses = sorted(place for place, _ in plan.parts)
    split = _split(plan) if len(warehouses) > 1 else ()
    ends = now if never_merges(head, warehouses) else window
    return Change(
        order_no=head.order_no, expect=plan.version, was=head.progress, to=Progress.SOURCED, reason=plan.reason,
        facts={**plan.facts, "reservation": plan.reservation_id}, set=_RESOLVED, token=token,
        ship_lines=split, open_lines={} if split else {"warehouse": warehouses[0]},
        waiting=waiting_rows(head, warehouses, since=now, window_ends_at=ends),
    )  # fmt: skip


def _split(plan: Plan) -> tuple[ShipLine, ...]:
    """Ship lines of an order in several places, each with its own."""
    home = {need.ship_no: place for place, needs in plan.parts for need in needs}
    return tuple(
        msgspec.structs.replace(s, warehouse=home[s.ship_no]) for s in plan.order.ship_lines if s.ship_no in home
    )
