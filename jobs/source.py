"""order source: choose the places that ship audited orders, and hold their stock there.

Orders and stock are two stores. The choice is written on the order first (the intent, with the id of its reservation),
then stock is held all or nothing per place, then the order is sourced; what was not granted is given back and the
order waits. An order that carries an intent is finished with it before anything is decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import msgspec

from jobs import gaps, moving
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadSettings
from jobs.results import Item, Result
from jobs.rules import sourcing as rules
from jobs.rules.merging import never_merges, waiting_rows
from jobs.rules.sourcing import Choice, Need, Place, Tally
from stores.contracts import Change
from stores.records import Ask, FullOrder, Hold, Order, Outcome, Progress, Reservation

CLEANED = gaps.declare(
    "source.cleaned",
    before="stock that an earlier, abandoned attempt of the order still held was given back to its demand",
    after="the order's new intent is written",
    sweep="order source: the order is still audited and is sourced afresh",
)
INTENDED = gaps.declare(
    "source.intended",
    before="the choice and the reservation's id are written on the order",
    after="the stock is held",
    sweep="order source: a stored intent is finished before anything is decided anew",
)
RESERVED = gaps.declare(
    "source.reserved",
    before="the stock of an intent is held, or short",
    after="the order is sourced, or the intent is voided",
    sweep="order source: asking again with the same id gives the same grant",
)
FREED = gaps.declare(
    "source.freed",
    before="parts of an intent that was short elsewhere were given back",
    after="the intent is taken off the order and it waits",
    sweep="order source: a reservation that was given back is never granted again, so the intent is voided",
)

LOST = gaps.declare(
    "source.lost",
    before="an order was moved by somebody else after its stock was held",
    after="that stock is given back",
    sweep="order source gives it back when the order comes again; reconcile stock finds what no order stands behind",
)

#: levels are read for this many SKUs at once
SKUS = 1000
#: flags of orders that no warehouse of ours ships → who may release them
_NOT_OURS = {"platform_warehouse": "platform", "virtual": "rule"}


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


def source(
    env: Env, *, shops: Sequence[str] = (), orders: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Source audited orders, those with the nearest latest time first.

    The result's facts hold the shortfall: sku → pieces missing, orders that wait for it, since when.
    """
    with env.run("order source", dry_run=dry_run, shops=shops, orders=list(orders), limit=limit) as run:
        rule, sourcer = env.settings.sourcing, Sourcer(env, run)
        batches = moving.work(
            env, run, Progress.AUDITED, shops=shops, orders=orders, limit=limit, size=rule.batch, lease_s=rule.lease
        )
        for batch in batches:
            sourcer.batch(batch)
        if sourcer.shortfall:
            run.result.facts["shortfall"] = sourcer.shortfall
        return run.result


class Sourcer:
    """One run: the places, and what was found short."""

    def __init__(self, env: Env, run: RunHandle) -> None:
        self._env, self._run = env, run
        self._rule = env.settings.sourcing
        self._places = places(env)
        self._names = [p.name for p in self._places]
        unknown = sorted(set(self._rule.rules) - set(rules.RULES))
        if unknown:
            raise BadSettings(f"[sourcing] rules {', '.join(unknown)}; known: {', '.join(rules.RULES)}")
        #: what a dry run has given away so far
        self._drawn: dict[tuple[str, str], int] = {}
        #: sku → pieces, orders, since
        self.shortfall: dict[str, dict[str, Any]] = {}

    def batch(self, work: moving.Work) -> None:
        """Move one batch as far as its stock goes."""
        refused: list[Change] = []
        resumed: list[FullOrder] = []
        fresh: list[FullOrder] = []
        for full in work.orders:
            change = self._refuse(full, work.token)
            if change:
                refused.append(change)
            else:
                (resumed if full.order.intent else fresh).append(full)
        self._tell_refused(refused)
        if resumed:
            self._resume(resumed, work.token)
        if fresh:
            self._source(fresh, work.token)

    # ------------------------------------------------------------ orders that are not sourced

    def _refuse(self, full: FullOrder, token: str | None) -> Change | None:
        """The change that ends an order's sourcing before it began, or None."""
        head = full.order
        if head.intent:
            return None
        for flag, owner in _NOT_OURS.items():
            code = f"source.{flag}"
            if flag in head.flags and not any(h.code == code for h in full.holds):
                return self._hold(head, code, owner, {"flag": flag}, token)
        needs = rules.needs_of(full)
        if not needs or not all(n.sku for n in needs):
            reason = "source.unmapped" if needs else "source.nothing_to_ship"
            return Change(order_no=head.order_no, expect=head.version, to=Progress.CREATED, reason=reason, token=token)
        released = [
            int(h.facts.get("reroutes", 0)) for h in full.holds if h.code == "source.reroutes" and h.released_at
        ]
        if rules.overtried(head.reroutes, self._rule.max_reroutes, released):
            return self._hold(head, "source.reroutes", "rule", {"reroutes": head.reroutes}, token)
        return None

    def _hold(self, head: Order, code: str, owner: str, facts: dict[str, Any], token: str | None) -> Change:
        hold = Hold(order_no=head.order_no, code=code, owner=owner, facts=facts, since=self._env.clock.now())
        return Change(order_no=head.order_no, expect=head.version, reason=code, facts=facts, hold=(hold,), token=token)

    def _tell_refused(self, changes: Sequence[Change]) -> None:
        outcomes = {} if self._run.result.dry_run else moving.write(self._env, self._run, changes, stage="source")
        for change in changes:
            outcome = outcomes.get(change.order_no)
            if outcome and not outcome.ok:
                moving.missed(self._run, outcome)
                continue
            did = "held" if change.hold else "audit_again"
            self._run.result.add(Item(ref=change.order_no, did=did, reason=change.reason, facts=change.facts))

    # ------------------------------------------------------------ stored intents

    def _resume(self, fulls: Sequence[FullOrder], token: str | None) -> None:
        """Finish what an earlier run decided; an intent that no longer fits its order is voided."""
        plans: list[Plan] = []
        misfits: list[Plan] = []
        for full in fulls:
            fits = rules.asks(full, full.order.intent) is not None
            plan = self._stored(full)
            (plans if fits else misfits).append(plan)
        if self._run.result.dry_run:
            self._list(plans, "sourced")
            self._list(misfits, "waiting")
            return
        self._reserve(plans, token)
        if misfits:
            self._void(misfits, {p.reservation_id: {} for p in misfits}, token)

    def _stored(self, full: FullOrder) -> Plan:
        homes: dict[str, list[Need]] = {}
        for need, (place, _, _) in zip(rules.needs_of(full), full.order.intent, strict=False):
            homes.setdefault(place, []).append(need)
        for place, _, _ in full.order.intent:
            homes.setdefault(place, [])
        parts = tuple((place, tuple(needs)) for place, needs in sorted(homes.items()))
        reason = "source.single" if len(parts) == 1 else "source.split"
        return Plan(full, full.order.version, full.order.attempt, parts, reason, {"resumed": True})

    # ------------------------------------------------------------ fresh decisions

    def _source(self, fulls: Sequence[FullOrder], token: str | None) -> None:
        dry = self._run.result.dry_run
        if not dry:
            self._clean([f for f in fulls if f.order.attempt])
        tally = self._tally(fulls)
        chosen: list[tuple[FullOrder, Choice]] = []
        short: list[tuple[FullOrder, Choice]] = []
        for full in fulls:
            choice = self._choose(full, tally)
            for place, needs in choice.parts:
                tally.take(place, needs)
                if dry:
                    self._draw(place, needs)
            (chosen if choice.parts else short).append((full, choice))
        self._wait(short, token)
        if dry:
            self._list(
                [Plan(f, f.order.version, f.order.attempt, c.parts, c.reason, c.facts) for f, c in chosen], "sourced"
            )
        elif chosen:
            self._reserve(self._intend(chosen, token), token)

    def _draw(self, place: str, needs: Iterable[Need]) -> None:
        for need in needs:
            self._drawn[place, need.sku] = self._drawn.get((place, need.sku), 0) + need.qty

    def _choose(self, full: FullOrder, tally: Tally) -> Choice:
        rule, needs, where = self._rule, rules.needs_of(full), full.order.region
        choice = rules.choose(needs, where, self._places, tally, rule.rules, rules.Limits(split=False))
        if choice.reason != "source.split_guard" or not rule.split:
            return choice
        # Only now the platform's adapter is asked (and imported): most orders ship from one place.
        parts = parts_per_order(full.order.platform)
        most = min(rule.max_parts, parts) if parts else rule.max_parts
        return rules.choose(
            needs, where, self._places, tally, rule.rules, rules.Limits(True, rule.split_min_minor, most)
        )

    def _tally(self, fulls: Sequence[FullOrder]) -> Tally:
        skus = sorted({n.sku for f in fulls for n in rules.needs_of(f)})
        levels = [
            (level.warehouse, level.sku, level.available - self._drawn.get((level.warehouse, level.sku), 0))
            for part in chunks(skus, SKUS)
            for level in self._env.stock.levels(warehouses=self._names, skus=part)
        ]
        return Tally(levels, self._places)

    def _clean(self, again: Sequence[FullOrder]) -> None:
        """Give back what an abandoned attempt of an order still holds."""
        if not again:
            return
        ids = open_ids(self._env.stock.reservations([f.order.order_no for f in again]))
        if ids:
            self._env.stock.release(ids, run_id=self._run.id, to_demand=True)
            gaps.gap(CLEANED)

    def _intend(self, chosen: Sequence[tuple[FullOrder, Choice]], token: str | None) -> list[Plan]:
        changes = [
            Change(
                order_no=full.order.order_no, expect=full.order.version, reason="source.intended",
                set={"intent": rules.intent_of(choice.parts), "attempt": full.order.attempt + 1}, token=token, keep_claim=True,
            )
            for full, choice in chosen
        ]  # fmt: skip
        outcomes = moving.write(self._env, self._run, changes, stage="source")
        gaps.gap(INTENDED)
        plans = []
        for full, choice in chosen:
            outcome = outcomes[full.order.order_no]
            if outcome.ok:
                plans.append(
                    Plan(full, outcome.version, full.order.attempt + 1, choice.parts, choice.reason, choice.facts)
                )
            else:
                moving.missed(self._run, outcome)
        return plans

    # ------------------------------------------------------------ stock

    def _reserve(self, plans: Sequence[Plan], token: str | None) -> None:
        """Hold the stock of written intents, then source the orders that got all of it."""
        if not plans:
            return
        asks = [_ask(plan, place, needs) for plan in plans for place, needs in plan.parts]
        short: dict[str, dict[str, int]] = {}
        for part in chunks(asks, moving.BATCH):
            for answer in self._env.stock.reserve(part, run_id=self._run.id):
                if not answer.granted:
                    missing = short.setdefault(answer.reservation_id, {})
                    for sku, qty in answer.missing.items():
                        missing[sku] = missing.get(sku, 0) + qty
        gaps.gap(RESERVED)
        self._confirm([p for p in plans if p.reservation_id not in short], token)
        self._void([p for p in plans if p.reservation_id in short], short, token)

    def _confirm(self, plans: Sequence[Plan], token: str | None) -> None:
        now = self._env.clock.now()
        window = now + timedelta(seconds=self._env.settings.merge.window)
        outcomes = moving.write(self._env, self._run, [_sourced(p, now, window, token) for p in plans], stage="source")
        lost = []
        for plan in plans:
            outcome = outcomes[plan.order.order.order_no]
            if outcome.ok:
                self._run.result.count("sourced")
            else:
                moving.missed(self._run, outcome)
                lost.append(plan)
        if lost:
            self._disown(lost)

    def _void(self, plans: Sequence[Plan], short: Mapping[str, Mapping[str, int]], token: str | None) -> None:
        """Give back what a short intent got elsewhere, take it off the order; the next run decides anew."""
        if not plans:
            return
        ids = [(p.reservation_id, place) for p in plans for place, _ in p.parts]
        for part in chunks(ids, moving.BATCH):
            self._env.stock.release(part, run_id=self._run.id, to_demand=True)
        gaps.gap(FREED)
        changes = [
            Change(
                order_no=p.order.order.order_no, expect=p.version, reason="source.raced",
                facts={"missing": dict(short[p.reservation_id]), "attempt": p.attempt},
                set={"intent": (), "due_at": None, "reroutes": p.order.order.reroutes + 1}, token=token,
            )
            for p in plans
        ]  # fmt: skip
        outcomes = moving.write(self._env, self._run, changes, stage="source")
        for plan in plans:
            self._count(outcomes[plan.order.order.order_no], "waiting")

    def _disown(self, lost: Sequence[Plan]) -> None:
        """Somebody moved these orders after their stock was held: give it back unless it is still the order's own."""
        gaps.gap(LOST)
        heads = self._env.orders.heads([p.order.order.order_no for p in lost])
        ids = []
        for plan in lost:
            head = heads.get(plan.order.order.order_no)
            if head is None or not _owns(head, plan.attempt):
                wants = head is not None and head.progress in (Progress.CREATED, Progress.AUDITED)
                ids += [(plan.reservation_id, place, wants) for place, _ in plan.parts]
        for wants in (True, False):
            part = [(i, place) for i, place, w in ids if w == wants]
            if part:
                self._env.stock.release(part, run_id=self._run.id, to_demand=wants)

    # ------------------------------------------------------------ waiting, telling

    def _wait(self, short: Sequence[tuple[FullOrder, Choice]], token: str | None) -> None:
        due = self._env.clock.now() + timedelta(seconds=self._rule.retry)
        changes = []
        for full, choice in short:
            head = full.order
            self._note(head, choice.missing)
            if choice.reason == "source.no_place":
                changes.append(self._hold(head, choice.reason, "rule", choice.facts, token))
                continue
            changes.append(
                Change(
                    order_no=head.order_no, expect=head.version, reason=choice.reason, facts=choice.facts,
                    set={"due_at": due, "reroutes": head.reroutes + 1}, token=token,
                )
            )  # fmt: skip
        if self._run.result.dry_run:
            outcomes = {c.order_no: Outcome(key=c.order_no, result="done") for c in changes}
        else:
            outcomes = moving.write(self._env, self._run, changes, stage="source")
        for (full, _), change in zip(short, changes, strict=True):
            if not outcomes[change.order_no].ok:
                moving.missed(self._run, outcomes[change.order_no])
                continue
            did = "held" if change.hold else "waiting"
            item = Item(ref=change.order_no, did=did, reason=change.reason, shop=full.order.shop, facts=change.facts)
            self._run.result.add(item)

    def _note(self, head: Order, missing: Mapping[str, int]) -> None:
        since = (head.paid_at or head.ordered_at).isoformat()
        for sku, pieces in missing.items():
            row = self.shortfall.setdefault(sku, {"pieces": 0, "orders": 0, "since": since})
            row["pieces"] += pieces
            row["orders"] += 1
            row["since"] = min(row["since"], since)

    def _count(self, outcome: Outcome, did: str) -> None:
        if outcome.ok:
            self._run.result.count(did)
        else:
            moving.missed(self._run, outcome)

    def _list(self, plans: Iterable[Plan], did: str) -> None:
        for p in plans:
            head = p.order.order
            self._run.result.add(Item(ref=head.order_no, did=did, reason=p.reason, shop=head.shop, facts=p.facts))


def places(env: Env) -> tuple[Place, ...]:
    """The enabled places of the settings, by name.

    Raises:
        BadSettings: there is none.
    """
    found = tuple(
        Place(
            name=name, kind=w.kind, regions=rules.plain_set(w.regions), excludes=rules.plain_set(w.excludes),
            priority=w.priority, safety=w.safety,
        )
        for name, w in sorted(env.settings.warehouses.items())
        if w.enabled
    )  # fmt: skip
    if not found:
        raise BadSettings("no enabled warehouse; write a [warehouses.NAME] section", hint="oms config check")
    return found


@cache
def parts_per_order(platform: str) -> int:
    """Parcels that one order may have at a platform; 0: as many as needed, or nothing is known about it."""
    from adapters import platforms
    from adapters.errors import AdapterError

    try:
        ship = platforms.find(platform).capabilities.ship
    except AdapterError:
        return 0
    return ship.parts_per_order if ship else 0


def open_ids(held: Mapping[str, Sequence[Reservation]]) -> list[tuple[str, str]]:
    """(reservation id, warehouse) of everything these orders still hold."""
    return [(r.reservation_id, r.warehouse) for rs in held.values() for r in rs if r.state == "open"]


def _ask(plan: Plan, place: str, needs: Iterable[Need]) -> Ask:
    sums: dict[str, int] = {}
    for need in needs:
        sums[need.sku] = sums.get(need.sku, 0) + need.qty
    return Ask(
        reservation_id=plan.reservation_id, order_no=plan.order.order.order_no, attempt=plan.attempt, warehouse=place,
        items=tuple(sorted(sums.items())),
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
    home = {need.ship_no: place for place, needs in plan.parts for need in needs}
    warehouses = sorted(place for place, _ in plan.parts)
    ends = now if never_merges(head, warehouses) else window
    return Change(
        order_no=head.order_no, expect=plan.version, to=Progress.SOURCED, reason=plan.reason, facts=plan.facts,
        set={"intent": (), "due_at": None}, token=token,
        ship_lines=tuple(
            msgspec.structs.replace(s, warehouse=home[s.ship_no]) for s in plan.order.ship_lines if s.ship_no in home
        ),
        waiting=waiting_rows(head, warehouses, since=now, window_ends_at=ends),
    )  # fmt: skip
