"""Stopping parcels: what we alone hold is undone at once, what a warehouse has is asked back, what has left is late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from jobs import gaps, moving, undoing
from jobs.alerts import tell
from jobs.env import Env, RunHandle
from jobs.rules import merging as rules
from stores.contracts import ParcelChange
from stores.records import Alert, FullOrder, Parcel, ParcelState, Waiting

ASKED = gaps.declare(
    "stop.asked",
    before="parcels are marked as asked back",
    after="an alert tells a person to ask the warehouse",
    sweep="the same stop again (push: the document still waits; order cancel again): it tells of every asked parcel",
)

#: at a warehouse, which must answer
_THERE = (ParcelState.HANDED_OVER, ParcelState.LABELLED, ParcelState.STOP_ASKED)
#: how often parcels that somebody else moved are read again
_ROUNDS = 5


def stop_for(env: Env, run: RunHandle, order_nos: Sequence[str], reason: str) -> dict[str, str]:
    """Stop the parcels of these orders; the other orders in them go back to sourced and are merged again later.

    An order that is stopped is sourced afterwards and waits apart, with its stock still held, until the caller moves it
    on. Calling again gives the same answers.

    Returns:
        order_no → ``stopped`` (in no parcel any more, or never was), ``asked`` (a warehouse must answer; an alert tells
        a person), ``too_late`` (a parcel of it has left).
    """
    answers: dict[str, str] = {}
    for _ in range(_ROUNDS):
        left = [no for no in dict.fromkeys(order_nos) if no not in answers]
        if not left:
            break
        answers |= _round(env, run, left, frozenset(order_nos), reason)
    # Somebody moves them faster than we look: ask a person rather than guess.
    return {no: answers.get(no, "asked") for no in order_nos}


def stopped(env: Env, run: RunHandle, parcel_nos: Sequence[str], *, reason: str = "stop.confirmed") -> set[str]:
    """A warehouse says that these parcels did not leave: their orders are sourced again, the parcels end stopped.

    Returns:
        Numbers of the parcels that are stopped now; the others were not asked to stop, or their order has another parcel
        that a warehouse still has.
    """
    found = env.orders.parcels(list(parcel_nos))
    confirmed = [p for p in found.values() if p.state == ParcelState.STOP_ASKED]
    return undoing.void(env, run, confirmed, reason=reason) & set(found)


def _round(
    env: Env, run: RunHandle, order_nos: Sequence[str], all_stopped: frozenset[str], reason: str
) -> dict[str, str]:
    fulls = moving.load(env, order_nos)
    numbers = {no: rules.active_parcels(full) for no, full in fulls.items()}
    parcels = env.orders.parcels(sorted({n for some in numbers.values() for n in some}))
    mine = {no: [parcels[n] for n in sorted(some) if n in parcels] for no, some in numbers.items()}
    answers = {no: _answer(some) for no, some in mine.items()}
    undo = {p.parcel_no: p for no, some in mine.items() if answers[no] == "undo" for p in some}
    if undo:
        # The stop may come from the order's own cancel: it waits apart for a window, so that nothing joins it before.
        done = undoing.void(
            env,
            run,
            list(undo.values()),
            reason=reason,
            facts={"for": sorted(answers)[:20]},
            waits=_apart(env, all_stopped),
        )
        for no, some in mine.items():
            if answers[no] == "undo":
                answers[no] = "stopped" if done.issuperset(p.parcel_no for p in some) else "again"
    asked = [p for no, some in mine.items() if answers[no] == "ask" for p in some]
    told = _ask(env, run, asked, reason)
    for no, some in mine.items():
        if answers[no] == "ask":
            answers[no] = "asked" if told.issuperset(p.parcel_no for p in some) else "again"
    return {no: answer for no, answer in answers.items() if answer != "again"}


def _answer(parcels: Iterable[Parcel]) -> str:
    """What can be done for an order: too_late, ask, undo, or stopped because nothing is left to stop."""
    live = [p for p in parcels if p.state not in (ParcelState.VOID, ParcelState.STOPPED)]
    if any(p.state == ParcelState.SHIPPED for p in live):
        return "too_late"
    if any(not undoing.recallable(p) for p in live):
        return "ask"
    return "undo" if live else "stopped"


def _apart(env: Env, order_nos: frozenset[str]) -> undoing.Waits:
    ended = undoing.ended(env)

    def waits(full: FullOrder) -> tuple[Waiting, ...]:
        if full.order.order_no not in order_nos:
            return ended(full)
        now = env.clock.now()
        ends = now + timedelta(seconds=env.settings.merge.window)
        places = rules.warehouses_of(full)
        return rules.waiting_rows(full.order, places, since=now, window_ends_at=ends, alone=True, press=False)

    return waits


def _ask(env: Env, run: RunHandle, parcels: Sequence[Parcel], reason: str) -> set[str]:
    """Mark parcels as asked back. A split order's parcel that is still with us is kept from being handed over, too."""
    every = {p.parcel_no: p for p in parcels}
    fresh = [
        p for p in every.values() if p.state not in (ParcelState.STOP_ASKED, ParcelState.VOID, ParcelState.STOPPED)
    ]
    changes = [
        ParcelChange(parcel_no=p.parcel_no, expect=p.version, to=ParcelState.STOP_ASKED, reason=reason) for p in fresh
    ]
    moved = {o.key for o in env.orders.apply_parcels(changes, run_id=run.id) if o.ok} if changes else set()
    asked = moved | (set(every) - {p.parcel_no for p in fresh})
    gaps.gap(ASKED)
    for parcel in every.values():
        if parcel.parcel_no in asked and parcel.state in _THERE and parcel.handover_no:
            _alert(env, parcel, reason)
    return asked


def _alert(env: Env, parcel: Parcel, reason: str) -> None:
    now = env.clock.now()
    facts = {
        "parcel_no": parcel.parcel_no,
        "warehouse": parcel.warehouse,
        "reason": reason,
        "orders": list(parcel.members),
    }
    tell(
        env,
        Alert(
            key=f"stop:{parcel.parcel_no}", kind="stop_asked", severity="warning", facts=facts, first_at=now, last_at=now,
            title=f"{parcel.warehouse} must stop parcel {parcel.parcel_no}: {reason}", hint=f"oms parcel show {parcel.parcel_no}",
        ),
    )  # fmt: skip


__all__ = ["stop_for", "stopped"]
