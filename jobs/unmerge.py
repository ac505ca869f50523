"""merge undo and merge split: take planned parcels apart again, before a warehouse has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from jobs import forming, gaps, moving, undoing
from jobs.env import Env
from jobs.errors import BadMove, BadRequest, UnknownThing
from jobs.orders import numbers_of
from jobs.results import Item, Result
from jobs.rules import merging as rules
from jobs.rules.merging import Group
from stores.records import AuditEntry, FullOrder, Parcel, Waiting

RECORDED = gaps.declare(
    "unmerge.recorded",
    before="an operator's undo or split is in the audit trail",
    after="the parcel is marked voiding",
    sweep="the operator types it again: the parcel is still planned",
)
APART = gaps.declare(
    "unmerge.apart",
    before="the parcel of a split is void, its orders wait under the keys of the split",
    after="they are in parcels of their own",
    sweep="merge run: their windows have ended, and those taken out wait where nobody joins them",
)


def undo(env: Env, parcels: Sequence[str], *, by: str, reason: str = "") -> Result:
    """Undo merges: all members are sourced again and wait a whole window anew, in one recorded act.

    The window is the time to edit, hold or cancel one of them; it is not cut short by a near latest time to ship.

    Raises:
        UnknownThing: no such parcel. BadMove: a warehouse has one of them; nothing was done.
    """
    with env.run("merge undo", parcels=list(parcels), by=by, reason=reason) as run:
        found = _recallable(env, parcels)
        facts: dict[str, object] = {"by": by, **({"note": reason} if reason else {})}
        _record(env, run.id, "merge_undo", found, facts)
        done = undoing.void(env, run, found, reason="merge.undone", facts=facts, waits=_a_window(env))
        for parcel in found:
            _tell(run.result, parcel, parcel.parcel_no in done, "undone")
        return run.result


def split(env: Env, parcel: str, orders: Sequence[str], *, by: str, reason: str = "") -> Result:
    """Take orders out of a planned parcel, each into one of its own; the others share a new one.

    Raises:
        UnknownThing, BadMove: see `undo`. BadRequest: an order that is not in it, or none would be left or taken.
    """
    with env.run("merge split", parcel=parcel, orders=list(orders), by=by, reason=reason) as run:
        found = _recallable(env, [parcel])
        taken = frozenset(numbers_of(env, orders))
        _check(found[0], taken)
        facts: dict[str, object] = {"by": by, "taken": sorted(taken), **({"note": reason} if reason else {})}
        _record(env, run.id, "merge_split", found, facts)
        done = undoing.void(env, run, found, reason="merge.split", facts=facts, waits=_apart(env, taken))
        _tell(run.result, found[0], parcel in done, "split")
        gaps.gap(APART)
        if parcel in done:
            fulls = moving.load(env, found[0].members)
            for formed in forming.form(env, run, _groups(fulls, taken), facts):
                for made in formed.parcels:
                    did = "merged" if formed.planned else "waiting"
                    run.result.add(
                        Item(ref=made.parcel_no, did=did, shop=made.shop, facts={"orders": list(made.members)})
                    )
                    run.result.facts.setdefault("parcels", []).append(made.parcel_no)
        return run.result


def _recallable(env: Env, numbers: Sequence[str]) -> list[Parcel]:
    """The parcels of these numbers, every one of them still with us."""
    found = env.orders.parcels(list(dict.fromkeys(numbers)))
    for number in numbers:
        if number not in found:
            raise UnknownThing(f"parcel {number!r}", hint="oms parcel list")
        if not undoing.recallable(found[number]):
            raise BadMove(
                f"parcel {number} is {found[number].state}: {found[number].warehouse} must stop it first",
                hint=f"oms parcel stop {number}",
            )
    return list(found.values())


def _check(parcel: Parcel, taken: frozenset[str]) -> None:
    strange = sorted(taken - set(parcel.members))
    if strange:
        raise BadRequest(
            f"{', '.join(strange)} is not in parcel {parcel.parcel_no}", hint=f"oms parcel show {parcel.parcel_no}"
        )
    if not taken or len(taken) == len(parcel.members):
        raise BadRequest(
            f"parcel {parcel.parcel_no} has {len(parcel.members)} orders: name some of them, not all",
            hint=f"oms merge undo {parcel.parcel_no}",
        )


def _groups(fulls: dict[str, FullOrder], taken: frozenset[str]) -> list[Group]:
    """A group for each order taken out, one for the others; who may not move now stays waiting."""
    ready = {no: full for no, full in sorted(fulls.items()) if not rules.stays(full)}
    groups = [
        Group((full,), rules.warehouses_of(full), "merge.split", "merge.split_by_hand")
        for no, full in ready.items()
        if no in taken
    ]
    rest = tuple(full for no, full in ready.items() if no not in taken)
    if rest:
        groups.append(Group(rest, rules.warehouses_of(rest[0]), "merge.split", "" if len(rest) > 1 else "merge.alone"))
    return groups


def _a_window(env: Env) -> undoing.Waits:
    def waits(full: FullOrder) -> tuple[Waiting, ...]:
        now = env.clock.now()
        ends = now + timedelta(seconds=env.settings.merge.window)
        return rules.waiting_rows(full.order, rules.warehouses_of(full), since=now, window_ends_at=ends, press=False)

    return waits


def _apart(env: Env, taken: frozenset[str]) -> undoing.Waits:
    """Those taken out wait under their own number: should this run die, the next one still keeps them apart."""

    def waits(full: FullOrder) -> tuple[Waiting, ...]:
        now, places = env.clock.now(), rules.warehouses_of(full)
        alone = full.order.order_no in taken
        return rules.waiting_rows(full.order, places, since=now, window_ends_at=now, alone=alone)

    return waits


def _record(env: Env, run_id: str, act: str, found: Sequence[Parcel], facts: dict[str, object]) -> None:
    now, by = env.clock.now(), str(facts["by"])
    env.ledger.audit(
        [
            AuditEntry(
                at=now, who=by, act=act, ref=p.parcel_no, facts={"run_id": run_id, "orders": list(p.members), **facts}
            )
            for p in found
        ]
    )
    gaps.gap(RECORDED)


def _tell(result: Result, parcel: Parcel, done: bool, did: str) -> None:
    facts = {"orders": list(parcel.members)}
    if done:
        result.add(Item(ref=parcel.parcel_no, did=did, shop=parcel.shop, facts=facts))
    else:
        result.add(Item(ref=parcel.parcel_no, did="refused", reason="moved_meanwhile", shop=parcel.shop, facts=facts))
