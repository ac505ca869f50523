"""How parcels are undone: voiding → every member touched (merged ones back to sourced) → void.

The decision is one compare-and-set on the parcel's row. Members that never arrived are touched, too: a run that still
holds their old version can then no longer merge them. See `jobs/forming.py` for the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from jobs import gaps, moving
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.rules import merging as rules
from stores.contracts import Change, ParcelChange
from stores.records import FullOrder, Parcel, ParcelState, Progress, Waiting

VOIDING = gaps.declare(
    "merge.voiding",
    before="a parcel is marked voiding",
    after="its orders are sourced again",
    sweep="merge run: parcels in state voiding are finished",
)
RETURNED = gaps.declare(
    "merge.returned",
    before="the orders of a voiding parcel are sourced again",
    after="the parcel is void",
    sweep="merge run: parcels in state voiding are finished",
)

#: makes the waiting rows of an order that leaves a parcel
Waits = Callable[[FullOrder], tuple[Waiting, ...]]
#: facts of a step
Facts = Mapping[str, Any]
#: how often a member that somebody else moved is read again before its undoing is left to the sweep
_ROUNDS = 8
#: these hold nobody any more
_OVER = (ParcelState.VOID, ParcelState.STOPPED)


def void(
    env: Env, run: RunHandle, doomed: Sequence[Parcel], *, reason: str, facts: Facts | None = None, waits: Waits | None = None
) -> set[str]:  # fmt: skip
    """Undo parcels that no warehouse has: all members are sourced again, with their stock still held.

    The other parcels of a split order go with it; where one of them is beyond recall, none of them is undone.

    Args:
        doomed: parcels that `recallable` says yes to, or whose stop the warehouse has confirmed.
        waits: rows of the merge-key table for a member; default: as after sourcing, with a window that has ended.

    Returns:
        Numbers of the parcels that are undone; the others were moved by somebody else first, or are kept.
    """
    told = dict(facts or {})
    chosen, kept = _with_siblings(env, doomed)
    _revive(env, run, kept)
    decided = _decide(env, run, chosen, reason, told)
    torn = _torn(env, chosen, decided)
    if torn:
        decided -= torn
        _revive(env, run, env.orders.parcels(sorted(torn)).values())
    gaps.gap(VOIDING)
    mine = [p for p in chosen if p.parcel_no in decided]
    late = _return(env, run, mine, reason, told, waits or ended(env))
    gaps.gap(RETURNED)
    # One whose member could not be brought back stays voiding: the sweep goes on with it.
    fresh = env.orders.parcels([p.parcel_no for p in mine if late.isdisjoint(p.members)])
    move(env, run, [p for p in fresh.values() if p.state == ParcelState.VOIDING], None, reason, told)
    return decided


def recallable(parcel: Parcel) -> bool:
    """Whether we alone decide about a parcel: no warehouse has seen it."""
    if parcel.state in (ParcelState.PLANNING, ParcelState.PLANNED, ParcelState.VOIDING):
        return True
    return parcel.state == ParcelState.STOP_ASKED and not parcel.handover_no


def _with_siblings(env: Env, doomed: Sequence[Parcel]) -> tuple[list[Parcel], list[Parcel]]:
    """Add the other parcels of split orders; set apart what is bound to a parcel beyond recall."""
    chosen = {p.parcel_no: p for p in doomed}
    fulls = moving.load(env, (no for p in doomed for no in p.members))
    links = {no: rules.active_parcels(full) for no, full in fulls.items()}
    more = sorted({n for numbers in links.values() if numbers & set(chosen) for n in numbers} - set(chosen))
    if not more:
        return list(chosen.values()), []
    others = env.orders.parcels(more)
    bound = {n for n, p in others.items() if not recallable(p) and p.state not in _OVER}
    kept = {n for numbers in links.values() if numbers & bound for n in numbers & set(chosen)}
    chosen |= {n: p for n, p in others.items() if recallable(p)}
    return [p for n, p in chosen.items() if n not in kept], [p for n, p in chosen.items() if n in kept]


def _decide(env: Env, run: RunHandle, chosen: Sequence[Parcel], reason: str, facts: Facts) -> set[str]:
    """Mark parcels voiding; returns those that are."""
    live = [p for p in chosen if p.state != ParcelState.VOIDING]
    moved = move(env, run, live, ParcelState.VOIDING, reason, facts)
    return moved | {p.parcel_no for p in chosen if p.state == ParcelState.VOIDING}


def _torn(env: Env, chosen: Sequence[Parcel], decided: Collection[str]) -> set[str]:
    """Decided parcels of split orders whose other parcel was moved by somebody else in between."""
    failed = {p.parcel_no for p in chosen} - set(decided)
    if not failed:
        return set()
    fulls = moving.load(env, (no for p in chosen if p.parcel_no in failed for no in p.members))
    return {n for full in fulls.values() for n in rules.active_parcels(full)} & set(decided)


def _revive(env: Env, run: RunHandle, kept: Iterable[Parcel]) -> None:
    move(env, run, [p for p in kept if p.state == ParcelState.VOIDING], ParcelState.PLANNED, "merge.kept", {})


def move(
    env: Env, run: RunHandle, some: Sequence[Parcel], to: ParcelState | None, reason: str, facts: Facts
) -> set[str]:
    """Compare-and-set parcels; `to` None ends an undoing. Returns the numbers that moved."""
    changes = [
        ParcelChange(parcel_no=p.parcel_no, expect=p.version, to=to or _end(p), reason=reason, facts=dict(facts))
        for p in some
    ]
    moved: set[str] = set()
    for part in chunks(changes, moving.BATCH):
        moved |= {o.key for o in env.orders.apply_parcels(part, run_id=run.id) if o.ok}
    return moved


def _end(parcel: Parcel) -> ParcelState:
    """A parcel that a warehouse has had ends stopped, another void."""
    return ParcelState.STOPPED if parcel.handover_no else ParcelState.VOID


def ended(env: Env) -> Waits:
    """Members wait as after sourcing, but their window has ended: the next run looks at them at once."""

    def waits(full: FullOrder) -> tuple[Waiting, ...]:
        now = env.clock.now()
        return rules.waiting_rows(full.order, rules.warehouses_of(full), since=now, window_ends_at=now)

    return waits


def _return(env: Env, run: RunHandle, doomed: Sequence[Parcel], reason: str, facts: Facts, waits: Waits) -> set[str]:
    """Bring every member back. One that somebody else moved meanwhile is read again; returns who is left after that."""
    numbers = frozenset(p.parcel_no for p in doomed)
    left = {no for p in doomed for no in p.members}
    for _ in range(_ROUNDS):
        fulls = moving.load(env, left)
        changes = [c for full in fulls.values() if (c := _returning(full, numbers, reason, facts, waits))]
        outcomes = moving.write(env, run, changes, stage="merge")
        left = {no for no, outcome in outcomes.items() if outcome.result == "changed"}
        if not left:
            break
    return left


def _returning(full: FullOrder, numbers: frozenset[str], reason: str, facts: Facts, waits: Waits) -> Change | None:
    """The change that takes an order out of parcels; None when it has nothing to do with them."""
    head = full.order
    mine = rules.active_parcels(full) & numbers
    if not mine and any(m.parcel_no in numbers for m in full.memberships):
        # Returned before a kill: it waits as that undoing wanted, and the sweep must not make it wait otherwise.
        return None
    if mine and head.progress == Progress.MERGED:
        to: Progress | None = Progress.SOURCED
    elif head.progress == Progress.SOURCED and not rules.active_parcels(full):
        # It never arrived. It is touched all the same, so that whoever still holds its old version cannot merge it.
        to = None
    elif mine:
        # Moved on by other means (cancelled, shipped elsewhere): only the membership ends.
        lines, over = rules.leaving(full, mine)
        return Change(
            order_no=head.order_no,
            expect=head.version,
            reason=reason,
            facts=dict(facts),
            ship_lines=lines,
            memberships=over,
        )
    else:
        return None
    lines, over = rules.leaving(full, mine)
    return Change(
        order_no=head.order_no, expect=head.version, to=to, reason=reason, facts={"parcels": sorted(mine), **facts},
        set={"merge_round": head.merge_round + 1}, ship_lines=lines, memberships=over, waiting=waits(full),
    )  # fmt: skip
