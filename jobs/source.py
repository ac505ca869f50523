"""order source: choose the places that ship audited orders, and hold their stock there.

Orders and stock are two stores. The choice is written on the order first (the intent, with the id of its reservation),
then stock is held all or nothing per place, then the order is sourced; what was not granted is given back and the
order waits. An order that carries an intent is finished with it before anything is decided anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from jobs import gaps, moving
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadSettings
from jobs.reserving import Plan, abandoned, reserve, void
from jobs.results import Item, Result
from jobs.rules import sourcing as rules
from jobs.rules.sourcing import Choice, Need, Place, Tally
from stores.contracts import Change
from stores.records import FullOrder, Hold, Order, Outcome, Progress

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
#: what is looked at in an order
_PARTS = ("ship_lines", "holds")
#: levels are read for this many SKUs at once
SKUS = 1000
#: so long levels are taken as they were read
FRESH_S = 1.0
#: flags of orders that no warehouse of ours ships → who may release them
_NOT_OURS = {"platform_warehouse": "platform", "virtual": "rule"}


def source(
    env: Env, *, shops: Sequence[str] = (), orders: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Source audited orders, those with the nearest latest time first.

    The result's facts hold the shortfall: sku → pieces missing, orders that wait for it, since when.
    """
    with env.run("order source", dry_run=dry_run, shops=shops, orders=list(orders), limit=limit) as run:
        rule, sourcer = env.settings.sourcing, Sourcer(env, run)
        batches = moving.work(
            env, run, Progress.AUDITED, shops=shops, orders=orders, limit=limit, size=rule.batch, lease_s=rule.lease,
            parts=_PARTS,
        )  # fmt: skip
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
        #: levels as read and drawn down since, of these SKUs, and when the first of them was read
        self._levels, self._skus, self._read_at = Tally((), self._places), set[str](), 0.0
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
            # what they were granted or gave back is not drawn
            self._skus.clear()
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
        wanted = [s.sku for s in full.ship_lines if s.status == "open"]
        if not wanted or not all(wanted):
            reason = "source.unmapped" if wanted else "source.nothing_to_ship"
            return Change(order_no=head.order_no, expect=head.version, to=Progress.CREATED, reason=reason, token=token)
        released = [
            int(h.facts.get("reroutes", 0)) for h in full.holds if h.code == "source.reroutes" and h.released_at
        ]
        if rules.overtried(head.reroutes, self._rule.max_reroutes, released):
            return self._hold(head, "source.reroutes", "rule", {"reroutes": head.reroutes}, token)
        return None

    def _hold(self, head: Order, code: str, owner: str, facts: dict[str, Any], token: str | None) -> Change:
        hold = Hold(order_no=head.order_no, code=code, owner=owner, facts=facts, since=self._env.clock.now())
        return Change(
            order_no=head.order_no, expect=head.version, was=head.progress, reason=code, facts=facts, hold=(hold,), token=token
        )  # fmt: skip

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
        reserve(self._env, self._run, plans, token)
        if misfits:
            void(self._env, self._run, misfits, {p.reservation_id: {} for p in misfits}, token)

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
        needs = {f.order.order_no: rules.needs_of(f) for f in fulls}
        tally = self._tally(needs.values())
        chosen: list[tuple[FullOrder, Choice]] = []
        short: list[tuple[FullOrder, Choice]] = []
        for full in fulls:
            choice = self._choose(full, needs[full.order.order_no], tally)
            for place, some in choice.parts:
                tally.take(place, some)
                if dry:
                    self._draw(place, some)
            (chosen if choice.parts else short).append((full, choice))
        self._wait(short, token)
        if dry:
            self._list(
                [Plan(f, f.order.version, f.order.attempt, c.parts, c.reason, c.facts) for f, c in chosen], "sourced"
            )
        elif chosen:
            plans = self._intend(chosen, token)
            if not reserve(self._env, self._run, plans, token) or len(plans) < len(chosen):
                self._skus.clear()

    def _draw(self, place: str, needs: Iterable[Need]) -> None:
        for need in needs:
            self._drawn[place, need.sku] = self._drawn.get((place, need.sku), 0) + need.qty

    def _choose(self, full: FullOrder, needs: Sequence[Need], tally: Tally) -> Choice:
        rule, where = self._rule, full.order.region
        choice = rules.choose(needs, where, self._places, tally, rule.rules, rules.Limits(split=False))
        if choice.reason != "source.split_guard" or not rule.split:
            return choice
        # Only now the platform's adapter is asked (and imported): most orders ship from one place.
        parts = parts_per_order(full.order.platform)
        most = min(rule.max_parts, parts) if parts else rule.max_parts
        return rules.choose(
            needs, where, self._places, tally, rule.rules, rules.Limits(True, rule.split_min_minor, most)
        )

    def _tally(self, needs: Iterable[Sequence[Need]]) -> Tally:
        """Levels of these SKUs, read anew when they are older than the stock is likely to stand: what `reserve` answers
        counts, and a batch decides by what was true shortly before in any case."""
        now = time.monotonic()
        if not self._skus or now - self._read_at > FRESH_S:
            self._levels, self._read_at = Tally((), self._places), now
            self._skus.clear()
        skus = sorted({n.sku for some in needs for n in some} - self._skus)
        self._skus.update(skus)
        levels: Iterable[tuple[str, str, int]] = (
            (level.warehouse, level.sku, level.on_hand - level.held)
            for part in chunks(skus, SKUS)
            for level in self._env.stock.levels(warehouses=self._names, skus=part)
        )
        if self._drawn:
            levels = [(w, s, n - self._drawn.get((w, s), 0)) for w, s, n in levels]
        self._levels.learn(levels)
        return self._levels

    def _clean(self, again: Sequence[FullOrder]) -> None:
        """Give back what an abandoned attempt of an order still holds."""
        if not again:
            return
        held = self._env.stock.reservations([f.order.order_no for f in again])
        ids = abandoned([f.order for f in again], held)
        if ids:
            self._env.stock.release(ids, run_id=self._run.id, to_demand=True)
            self._skus.clear()
            gaps.gap(CLEANED)

    def _intend(self, chosen: Sequence[tuple[FullOrder, Choice]], token: str | None) -> list[Plan]:
        changes = [
            Change(
                order_no=full.order.order_no, expect=full.order.version, reason="source.intended",
                set={"intent": rules.intent_of(choice.parts), "attempt": full.order.attempt + 1}, token=token, keep_claim=True,
                was=full.order.progress, recorded=False,
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
                    set={"due_at": due, "reroutes": head.reroutes + 1}, token=token, was=head.progress,
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
