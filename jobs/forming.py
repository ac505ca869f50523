"""How parcels come to be and are undone: the steps that `merge run`, `merge undo`, `merge split` and stops share.

A parcel is decided in one place, its own row, by compare-and-set: planning → planned, or → voiding → void. Its members
follow idempotently, and whoever finds a parcel half way finishes it, so that a run may be killed anywhere, or stopped
and continued after another has done its work:

- forming: parcel planning → members merged → parcel planned; an order alone is merged and its parcels planned in one step;
- undoing: parcel voiding → every member touched (merged ones back to sourced) → parcel void.

Undoing touches members that never arrived, too: a run that still holds their old version can no longer merge them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jobs import gaps, moving
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.results import Item
from jobs.rules import merging as rules
from jobs.rules.merging import Group
from jobs.undoing import Facts, void
from stores.contracts import Change, ParcelChange
from stores.records import FullOrder, Membership, Parcel, ParcelState, Progress

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


class Formed(NamedTuple):
    """What became of one group: its parcels, and whether they are planned now."""

    group: Group
    parcels: tuple[Parcel, ...]
    planned: bool


def carriers(env: Env) -> dict[str, str]:
    """Warehouse → carrier of its parcels."""
    return {name: w.carrier for name, w in env.settings.warehouses.items()}


# ------------------------------------------------------------------ forming


def form(
    env: Env, run: RunHandle, groups: Sequence[Group], facts: Facts | None = None, *, lasting: bool = True
) -> list[Formed]:
    """Make the parcels of these groups, as far as their members let it; what fails is undone.

    A group whose members do not belong together is refused before anything of it is written. An order that shares its
    parcels with nobody gets them in one step with its own move, so that they need no intent. `lasting`: as in
    `Orders.apply`.
    """
    intents = list(_intents(env, run, groups))
    shared = [p for i in intents if len(i.group.members) > 1 for p in i.parcels]
    why = {i.parcels[0].parcel_no: _why(i.group, facts) for i in intents}
    taken: set[str] = set()
    for part in chunks(shared, moving.BATCH):
        outcomes = env.orders.add_parcels(part, run_id=run.id, reason="merge.intended")
        taken |= {o.key for o in outcomes if o.result == "already"}
    gaps.gap(INTENDED)
    met = [i for i in intents if taken and not taken.isdisjoint(p.parcel_no for p in i.parcels)]
    clear = [i for i in intents if i not in met] if met else intents
    formed = _join(env, run, clear, why, met, lasting)
    return formed + _meet(env, run, met)


class Intent(NamedTuple):
    """A group and the parcels it is to have: planning ones, or planned at once where it is one order."""

    group: Group
    parcels: tuple[Parcel, ...]


def _intents(env: Env, run: RunHandle, groups: Sequence[Group]) -> Iterator[Intent]:
    now, places = env.clock.now(), carriers(env)
    for group in groups:
        state = ParcelState.PLANNED if len(group.members) == 1 else ParcelState.PLANNING
        try:
            yield Intent(group, rules.parcels(group, places, now, state))
        except ValueError as error:
            lead = group.members[0].order
            facts = {"what": str(error), "orders": [m.order.order_no for m in group.members]}
            run.result.add(Item(ref=lead.order_no, did="refused", reason="merge.mismatch", shop=lead.shop, facts=facts))


def _why(group: Group, facts: Facts | None) -> dict[str, Any]:
    told: dict[str, Any] = {"why": group.reason, "orders": len(group.members), **(facts or {})}
    return {**told, "alone": group.alone} if group.alone else told


def _join(
    env: Env, run: RunHandle, intents: Sequence[Intent], why: Mapping[str, Mapping[str, Any]], met: list[Intent],
    lasting: bool,
) -> list[Formed]:  # fmt: skip
    """Merge the members, plan the parcels that have all of theirs, undo the others; adds to `met` what met others."""
    changes = [
        _joining(m, made, group.reason, why[made[0].parcel_no], born=made if len(group.members) == 1 else ())
        for group, made in intents
        for m in group.members
    ]
    outcomes = moving.write(env, run, changes, stage="merge", lasting=lasting)
    gaps.gap(JOINED)
    formed: list[Formed] = []
    doubtful: list[str] = []
    for group, made in intents:
        outcome = outcomes[group.members[0].order.order_no]
        if outcome.reason == "parcel_taken":
            met.append(Intent(group, made))
            continue
        whole = outcome.ok and all(outcomes[m.order.order_no].ok for m in group.members)
        formed.append(Formed(group, made, whole))
        if not whole and len(group.members) > 1:
            doubtful += [p.parcel_no for p in made]
    shared = [(p, f.group.reason) for f in formed if f.planned and len(f.group.members) > 1 for p in f.parcels]
    _plan(env, run, [_planned(p, reason, why[p.parcel_no]) for p, reason in shared])
    if doubtful:
        finish(env, run, list(env.orders.parcels(doubtful).values()))
    return formed


def _joining(
    full: FullOrder, made: Sequence[Parcel], reason: str, facts: Mapping[str, Any], *, born: tuple[Parcel, ...] = ()
) -> Change:
    """`born`: parcels that begin with this change."""
    number = full.order.order_no
    parts: dict[str, Any] = {"open_lines": {"parcel_no": made[0].parcel_no}}
    if len(made) > 1 or any(s.warehouse != made[0].warehouse for s in full.ship_lines if s.status == "open"):
        parts = {"ship_lines": rules.joined(full, made)[0]}
    return Change(
        order_no=number, expect=full.order.version, was=full.order.progress, to=Progress.MERGED, reason=reason,
        parcels=born, facts={"parcels": [p.parcel_no for p in made], **facts}, waiting=(),
        memberships=tuple(Membership(order_no=number, parcel_no=p.parcel_no) for p in made), **parts,
    )  # fmt: skip


def _planned(parcel: Parcel, reason: str, facts: Facts) -> ParcelChange:
    return ParcelChange(
        parcel_no=parcel.parcel_no, expect=parcel.version, to=ParcelState.PLANNED, reason=reason, facts=dict(facts)
    )  # fmt: skip


def _plan(env: Env, run: RunHandle, changes: Sequence[ParcelChange]) -> None:
    for part in chunks(changes, moving.BATCH):
        env.orders.apply_parcels(part, run_id=run.id)


def _meet(env: Env, run: RunHandle, met: Sequence[Intent]) -> list[Formed]:
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
        run.result.count("swept", len(found))
        run.beat()


def finish(env: Env, run: RunHandle, found: Sequence[Parcel]) -> None:
    """Bring parcels to the end they are on the way to; a planning one whose members cannot all join is undone."""
    fulls = moving.load(env, (no for p in found for no in p.members))
    voiding = [p for p in found if p.state == ParcelState.VOIDING]
    planning = _completed(env, run, [p for p in found if p.state == ParcelState.PLANNING], fulls)
    never = frozenset(env.settings.merge.never_flags)
    hopeful = [
        p
        for p in planning
        if all(_may_join(fulls.get(no), p, planning) for no in p.members) and _belong(p, fulls, never)
    ]
    joining: dict[str, list[Parcel]] = {}
    for p in hopeful:
        for no in p.members:
            if fulls[no].order.progress == Progress.SOURCED:
                joining.setdefault(no, []).append(p)
    if joining:
        changes = [
            _joining(fulls[no], made, "merge.resumed", {"orders": len(made[0].members)})
            for no, made in sorted(joining.items())
        ]
        moving.write(env, run, changes, stage="merge")
        gaps.gap(JOINED)
        fulls |= moving.load(env, joining)
    whole = [p for p in hopeful if all(_is_in(fulls.get(no), p) for no in p.members)]
    _plan(env, run, [_planned(p, "merge.resumed", {"orders": len(p.members)}) for p in whole])
    done = {p.parcel_no for p in whole}
    lost = [p for p in planning if p.parcel_no not in done]
    if lost or voiding:
        void(env, run, [*lost, *voiding], reason="merge.member_gone")


def _completed(env: Env, run: RunHandle, planning: Sequence[Parcel], fulls: Mapping[str, FullOrder]) -> list[Parcel]:
    """Planning parcels, with those of split orders that were to be written beside them."""
    known = {p.parcel_no for p in planning}
    more: list[Parcel] = []
    for p in planning:
        for other in _beside(env, p, fulls):
            if other.parcel_no not in known:
                known.add(other.parcel_no)
                more.append(other)
    if not more:
        return list(planning)
    env.orders.add_parcels(more, run_id=run.id, reason="merge.intended")
    stored = env.orders.parcels([p.parcel_no for p in more])
    return [*planning, *(p for p in stored.values() if p.state == ParcelState.PLANNING)]


def _beside(env: Env, parcel: Parcel, fulls: Mapping[str, FullOrder]) -> Sequence[Parcel]:
    """All parcels of the split order that a planning parcel belongs to, as they are made; empty for other orders."""
    full = fulls.get(parcel.members[0])
    if len(parcel.members) > 1 or full is None or full.order.progress != Progress.SOURCED:
        return ()
    places = rules.warehouses_of(full)
    if len(places) < 2:
        return ()
    made = rules.parcels(Group((full,), places, "merge.resumed", "merge.split_order"), carriers(env), env.clock.now())
    return made if parcel.parcel_no in {p.parcel_no for p in made} else ()


def _may_join(full: FullOrder | None, parcel: Parcel, planning: Sequence[Parcel]) -> bool:
    """Whether an order is in a parcel already, or may still join it and all it has to join with it."""
    if full is None:
        return False
    if _is_in(full, parcel):
        return True
    places = rules.warehouses_of(full)
    if rules.stays(full) or parcel.warehouse not in places:
        return False
    mine = {p.warehouse for p in planning if full.order.order_no in p.members}
    return len(places) == 1 or mine == set(places)


def _belong(parcel: Parcel, fulls: Mapping[str, FullOrder], never_flags: frozenset[str]) -> bool:
    """Whether the members may share a parcel today: one may have got another address since the intent was written."""
    if len(parcel.members) < 2:
        return True
    members = tuple(fulls[no] for no in parcel.members)
    try:
        rules.check(Group(members, (parcel.warehouse,), "merge.resumed"))
    except ValueError:
        return False
    return not any(rules.alone(m, never_flags) for m in members)


def _is_in(full: FullOrder | None, parcel: Parcel) -> bool:
    return (
        full is not None and full.order.progress == Progress.MERGED and parcel.parcel_no in rules.active_parcels(full)
    )
