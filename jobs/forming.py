"""How parcels come to be and are undone: the steps that `merge run`, `merge undo`, `merge split` and stops share.

A parcel is decided in one place, its own row, by compare-and-set: planning → planned, or → voiding → void. Its members
follow idempotently, and whoever finds a parcel half way finishes it, so that a run may be killed anywhere, or stopped
and continued after another has done its work:

- forming: parcel planning → members merged → parcel planned;
- undoing: parcel voiding → every member touched (merged ones back to sourced) → parcel void.

Undoing touches members that never arrived, too: a run that still holds their old version can no longer merge them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from jobs import gaps, moving
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.rules import merging as rules
from jobs.rules.merging import Group
from stores.contracts import Change, ParcelChange
from stores.records import FullOrder, Parcel, ParcelState, Progress, Waiting

INTENDED = gaps.declare(
    "merge.intended",
    before="parcels are written in state planning",
    after="their orders are merged",
    sweep="merge run: parcels in state planning are finished, or undone when a member went elsewhere",
)
JOINED = gaps.declare(
    "merge.joined",
    before="the orders of a parcel are merged",
    after="the parcel is planned",
    sweep="merge run: parcels in state planning are finished",
)
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
#: facts of an undoing, per parcel
Facts = Mapping[str, Any]


class Formed(NamedTuple):
    """What became of one group: its parcels, and whether they are planned now."""

    group: Group
    parcels: tuple[Parcel, ...]
    planned: bool


def load(env: Env, order_nos: Iterable[str]) -> dict[str, FullOrder]:
    """Whole orders in sets of what a store takes at once."""
    found: dict[str, FullOrder] = {}
    for part in chunks(sorted(set(order_nos)), moving.BATCH):
        found |= env.orders.load(part)
    return found


def carriers(env: Env) -> dict[str, str]:
    """Warehouse → carrier of its parcels."""
    return {name: w.carrier for name, w in env.settings.warehouses.items()}


# ------------------------------------------------------------------ forming


def form(env: Env, run: RunHandle, groups: Sequence[Group], facts: Facts | None = None) -> list[Formed]:
    """Make the parcels of these groups, as far as their members let it; what fails is undone.

    Raises:
        ValueError: members of a group do not belong together; nothing was written.
    """
    now, places = env.clock.now(), carriers(env)
    intents = [(g, rules.parcels(g, places, now)) for g in groups]
    every = [p for _, made in intents for p in made]
    why = {p.parcel_no: _why(g, facts) for g, made in intents for p in made}
    taken: set[str] = set()
    for part in chunks(every, moving.BATCH):
        outcomes = env.orders.add_parcels(part, run_id=run.id, reason="merge.intended", facts=why)
        taken |= {o.key for o in outcomes if o.result == "already"}
    gaps.gap(INTENDED)
    clear, met = [], []
    for group, made in intents:
        (met if taken & {p.parcel_no for p in made} else clear).append((group, made))
    formed = _join(env, run, clear, why)
    return formed + _meet(env, run, met)


def _why(group: Group, facts: Facts | None) -> dict[str, Any]:
    told: dict[str, Any] = {"why": group.reason, "orders": len(group.members), **(facts or {})}
    return {**told, "alone": group.alone} if group.alone else told


def _join(
    env: Env, run: RunHandle, intents: Sequence[tuple[Group, tuple[Parcel, ...]]], why: Mapping[str, Mapping[str, Any]]
) -> list[Formed]:
    """Merge the members, plan the parcels that have all of theirs, undo the others."""
    changes = [
        _joining(m, made, group.reason, why[made[0].parcel_no]) for group, made in intents for m in group.members
    ]
    outcomes = moving.write(env, run, changes, stage="merge")
    gaps.gap(JOINED)
    formed, doubtful = [], []
    for group, made in intents:
        whole = all(outcomes[m.order.order_no].ok for m in group.members)
        formed.append(Formed(group, made, whole))
        if not whole:
            doubtful += [p.parcel_no for p in made]
    _plan(env, run, [p for f in formed if f.planned for p in f.parcels])
    if doubtful:
        finish(env, run, list(env.orders.parcels(doubtful).values()))
    return formed


def _joining(full: FullOrder, made: Sequence[Parcel], reason: str, facts: Mapping[str, Any]) -> Change:
    lines, members = rules.joined(full, made)
    return Change(
        order_no=full.order.order_no, expect=full.order.version, to=Progress.MERGED, reason=reason,
        facts={"parcels": [p.parcel_no for p in made], **facts}, ship_lines=lines, memberships=members, waiting=(),
    )  # fmt: skip


def _plan(env: Env, run: RunHandle, made: Sequence[Parcel]) -> None:
    changes = [
        ParcelChange(parcel_no=p.parcel_no, expect=p.version, to=ParcelState.PLANNED, reason="merge.planned")
        for p in made
    ]
    for part in chunks(changes, moving.BATCH):
        env.orders.apply_parcels(part, run_id=run.id)


def _meet(env: Env, run: RunHandle, met: Sequence[tuple[Group, tuple[Parcel, ...]]]) -> list[Formed]:
    """Groups whose parcel number is taken: another run's intent is finished as it stands; one that was undone under
    that number before gets a new one in the next run."""
    if not met:
        return []
    stored = env.orders.parcels([p.parcel_no for _, made in met for p in made])
    stale = [g for g, made in met if any(stored[p.parcel_no].state == ParcelState.VOID for p in made)]
    finish(env, run, list(stored.values()))
    touched = [
        Change(
            order_no=m.order.order_no, expect=m.order.version, reason="merge.number_taken",
            set={"merge_round": m.order.merge_round + 1},
        )
        for g in stale
        for m in g.members
    ]  # fmt: skip
    moving.write(env, run, touched, stage="merge")
    return [Formed(g, made, False) for g, made in met]


# ------------------------------------------------------------------ undoing


def void(
    env: Env, run: RunHandle, doomed: Sequence[Parcel], *, reason: str, facts: Facts | None = None, waits: Waits | None = None
) -> set[str]:  # fmt: skip
    """Undo parcels that no warehouse has: all members are sourced again, with their stock still held.

    Args:
        doomed: planning, planned or voiding; a split order's parcels all together.
        waits: rows of the merge-key table for a member; default: as after sourcing, with a window that has ended.

    Returns:
        Numbers of the parcels that are undone; the others were moved by somebody else first.
    """
    live = [p for p in doomed if p.state != ParcelState.VOIDING]
    changes = [
        ParcelChange(
            parcel_no=p.parcel_no, expect=p.version, to=ParcelState.VOIDING, reason=reason, facts=dict(facts or {})
        )
        for p in live
    ]
    decided = {p.parcel_no for p in doomed if p.state == ParcelState.VOIDING}
    for part in chunks(changes, moving.BATCH):
        decided |= {o.key for o in env.orders.apply_parcels(part, run_id=run.id) if o.ok}
    gaps.gap(VOIDING)
    mine = [p for p in doomed if p.parcel_no in decided]
    _return(env, run, mine, reason, facts or {}, waits or ended(env))
    gaps.gap(RETURNED)
    fresh = env.orders.parcels([p.parcel_no for p in mine])
    closing = [
        ParcelChange(parcel_no=p.parcel_no, expect=p.version, to=ParcelState.VOID, reason=reason)
        for p in fresh.values()
        if p.state == ParcelState.VOIDING
    ]
    for part in chunks(closing, moving.BATCH):
        env.orders.apply_parcels(part, run_id=run.id)
    return decided


def ended(env: Env) -> Waits:
    """Members wait as after sourcing, but their window has ended: the next run looks at them at once."""

    def waits(full: FullOrder) -> tuple[Waiting, ...]:
        now = env.clock.now()
        return rules.waiting_rows(full.order, rules.warehouses_of(full), now=now, window_ends_at=now)

    return waits


def _return(env: Env, run: RunHandle, doomed: Sequence[Parcel], reason: str, facts: Facts, waits: Waits) -> None:
    """Bring every member back; who is stopped by another writer is read and tried again, for that writer is finite."""
    numbers = {p.parcel_no for p in doomed}
    left = {no for p in doomed for no in p.members}
    for _ in range(8):
        fulls = load(env, left)
        changes = [c for full in fulls.values() if (c := _returning(full, numbers, reason, facts, waits))]
        outcomes = moving.write(env, run, changes, stage="merge")
        left = {no for no, outcome in outcomes.items() if outcome.result == "changed"}
        if not left:
            return


def _returning(
    full: FullOrder, numbers: Iterable[str], reason: str, facts: Facts, waits: Waits
) -> Change | None:
    """The change that takes an order out of parcels; None when it has nothing to do with them any more."""
    head = full.order
    mine = rules.active_parcels(full) & frozenset(numbers)
    back = bool(mine) and head.progress == Progress.MERGED
    if not mine and head.progress != Progress.SOURCED:
        return None
    lines, over = rules.left(full, mine)
    return Change(
        order_no=head.order_no, expect=head.version, to=Progress.SOURCED if back else None, reason=reason,
        facts={"parcels": sorted(mine or set(numbers)), **facts}, set={"merge_round": head.merge_round + 1}, ship_lines=lines,
        memberships=over, waiting=waits(full) if head.progress in (Progress.MERGED, Progress.SOURCED) else None,
    )  # fmt: skip


# ------------------------------------------------------------------ finding what was left half way


def sweep(env: Env, run: RunHandle, shops: Sequence[str] = ()) -> None:
    """Finish or undo every parcel that a run left planning or voiding."""
    after = ""
    while True:
        found = env.orders.find_parcels(
            states=[ParcelState.PLANNING, ParcelState.VOIDING], shops=shops, limit=moving.BATCH, after=after
        )
        if not found:
            return
        after = found[-1].parcel_no
        finish(env, run, found)
        run.beat()


def finish(env: Env, run: RunHandle, found: Sequence[Parcel]) -> None:
    """Bring parcels to the end they are on the way to; a planning one whose members cannot all join is undone."""
    fulls = load(env, (no for p in found for no in p.members))
    voiding = [p for p in found if p.state == ParcelState.VOIDING]
    planning = [p for p in found if p.state == ParcelState.PLANNING]
    planning += _siblings(env, planning, fulls)
    hopeful = [p for p in planning if all(_may_join(fulls.get(no), p) for no in p.members)]
    joining: dict[str, list[Parcel]] = {}
    for p in hopeful:
        for no in p.members:
            if fulls[no].order.progress == Progress.SOURCED:
                joining.setdefault(no, []).append(p)
    facts = {"resumed": True}
    changes = [_joining(fulls[no], made, "merge.window", facts) for no, made in sorted(joining.items())]
    if moving.write(env, run, changes, stage="merge"):
        gaps.gap(JOINED)
        fulls |= load(env, joining)
    whole = [p for p in hopeful if all(_is_in(fulls.get(no), p) for no in p.members)]
    done = {p.parcel_no for p in whole}
    _plan(env, run, whole)
    lost = [p for p in planning if p.parcel_no not in done]
    if lost or voiding:
        void(env, run, [*lost, *voiding], reason="merge.member_gone")


def _siblings(env: Env, planning: Sequence[Parcel], fulls: Mapping[str, FullOrder]) -> list[Parcel]:
    """The other parcels of split orders, made where the run was killed before it wrote them."""
    return []


def _may_join(full: FullOrder | None, parcel: Parcel) -> bool:
    """Whether an order is in a parcel already, or may still join it."""
    if full is None:
        return False
    if _is_in(full, parcel):
        return True
    return not rules.stays(full) and parcel.warehouse in rules.warehouses_of(full)


def _is_in(full: FullOrder | None, parcel: Parcel) -> bool:
    return (
        full is not None
        and full.order.progress == Progress.MERGED
        and parcel.parcel_no in rules.active_parcels(full)
    )


__all__ = ["Formed", "carriers", "datetime", "ended", "finish", "form", "load", "sweep", "void"]
