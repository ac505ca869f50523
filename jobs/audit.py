"""order audit: created orders pass the rules of the settings, or are held for a person with reasons.

A hold that a person released is remembered: the same code with the same facts does not hold that order again. A hold
whose cause went away (the refund was withdrawn, the listing is mapped now) is cleared by the next run. On the way
the audit mends what needs no person: listings mapped since the order was pushed, lines whose money went back in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from jobs import gaps, moving
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadSettings
from jobs.listings import Listings
from jobs.orders import loaded
from jobs.push import want_all
from jobs.results import Item, Result
from jobs.rules import audit as rules
from jobs.rules.audit import Finding
from stores.contracts import REFUNDED_LINES, Change, OrderQuery
from stores.records import FullOrder, Hold, Line, Progress, ShipLine

MENDED = gaps.declare(
    "audit.mended",
    before="the demand of an order with newly mapped or refunded lines is what it should be",
    after="its ship lines and the audit's outcome are written",
    sweep="order audit: the order is still created; mending is done again from the same listings",
)
#: facts a cleared hold ends with, so that it never counts as released by a person
CLEARED = "cleared"


class Verdict(NamedTuple):
    """What the rules say of one order, after mending."""

    #: with its mended ship lines
    full: FullOrder
    #: ship lines that differ from what is stored
    mended: tuple[ShipLine, ...]
    #: everything found
    found: tuple[Finding, ...]
    #: what of it holds the order
    standing: tuple[Finding, ...]


def audit(
    env: Env, *, shops: Sequence[str] = (), orders: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Audit created orders. `orders` names some, held ones among them: their holds are looked at again."""
    with env.run("order audit", dry_run=dry_run, shops=shops, orders=list(orders), limit=limit) as run:
        rule, auditor = env.settings.audit, Auditor(env)
        for part in _held(env, run, shops, orders, limit):
            _look_again(env, run, auditor, part)
        batches = moving.work(
            env, run, Progress.CREATED, shops=shops, orders=orders, limit=limit, size=rule.batch, lease_s=rule.lease,
            parts=auditor.parts,
        )  # fmt: skip
        for batch in batches:
            _batch(env, run, auditor, batch)
        return run.result


class Auditor:
    """The rules of one run, with the listings as they are now."""

    def __init__(self, env: Env) -> None:
        given = env.settings.audit
        try:
            self._limits = rules.limits(
                amount_above=given.amount_above, unexplained_above=given.unexplained_above,
                remark_patterns=given.remark_patterns, any_buyer_remark=given.any_buyer_remark, blacklist=given.blacklist,
                address_words=given.address_words, hold_flags=given.hold_flags,
            )  # fmt: skip
        except ValueError as error:
            raise BadSettings(f"[audit] {error}") from error
        self._listings = Listings.open(env)
        #: what the rules look at; remarks lie sealed, so they are opened only where a rule reads them
        self.parts = {REFUNDED_LINES, "ship_lines", "holds", "refunds", "document"}
        if self._limits.remark_patterns or self._limits.any_buyer_remark:
            self.parts.add("remarks")

    def look(self, full: FullOrder) -> Verdict:
        """Mend an order, then ask every rule."""
        mended = self._mended(full)
        if mended:
            kept = {s.ship_no: s for s in full.ship_lines} | {s.ship_no: s for s in mended}
            full = msgspec.structs.replace(full, ship_lines=tuple(kept[n] for n in sorted(kept)))
        found = rules.findings(full, self._limits)
        return Verdict(full, mended, tuple(found), tuple(rules.standing(full, found)) if found else ())

    def _mended(self, full: FullOrder) -> tuple[ShipLine, ...]:
        """Ship lines that must be written anew: unmapped ones that are mapped now, refunded ones that close."""
        if not full.lines and all(s.sku or s.status != "open" for s in full.ship_lines):
            return ()
        closed = {s.ship_no: msgspec.structs.replace(s, status="closed") for s in rules.unshipped_refunds(full)}
        out = list(closed.values())
        after = max((s.ship_no for s in full.ship_lines), default=0)
        lines = {line.line_no: line for line in full.lines}
        for ship_line in full.ship_lines:
            if ship_line.sku or ship_line.status != "open" or ship_line.ship_no in closed:
                continue
            parts = self._mapped(full.order.platform, lines.get(ship_line.line_no))
            for n, (sku, qty, value) in enumerate(parts):
                number = ship_line.ship_no if n == 0 else after + n
                made = msgspec.structs.replace(ship_line, ship_no=number, sku=sku, qty=qty, value_minor=value)
                out.append(made)
            after += max(len(parts) - 1, 0)
        return tuple(out)

    def _mapped(self, platform: str, line: Line | None) -> list[tuple[str, int, int]]:
        if line is None or not self._listings.parts(platform, line.listing_id, line.code):
            return []
        return self._listings.expand(platform, line)


def _batch(env: Env, run: RunHandle, auditor: Auditor, batch: moving.Work) -> None:
    verdicts = [auditor.look(full) for full in _named_lines(env, batch.orders)]
    if run.result.dry_run:
        for verdict in verdicts:
            run.result.add(_item(verdict))
        return
    _want(env, [v for v in verdicts if v.mended])
    outcomes = moving.write(env, run, [_change(env, v, batch.token) for v in verdicts], stage="audit", lasting=False)
    passed = 0
    for verdict in verdicts:
        outcome = outcomes[verdict.full.order.order_no]
        if not outcome.ok:
            moving.missed(run, outcome)
        elif verdict.standing:
            run.result.add(_item(verdict))
        else:
            passed += 1
    if passed:
        run.result.count("audited", passed)


def _named_lines(env: Env, orders: Sequence[FullOrder]) -> Sequence[FullOrder]:
    """With all lines of the orders that have an unmapped one: only there the audit looks at lines without a refund."""
    some = [f.order.order_no for f in orders if any(not s.sku and s.status == "open" for s in f.ship_lines)]
    if not some:
        return orders
    found = env.orders.load(some, parts={"lines"})
    return [
        msgspec.structs.replace(f, lines=found[f.order.order_no].lines) if f.order.order_no in found else f
        for f in orders
    ]


def _want(env: Env, mended: Sequence[Verdict]) -> None:
    from jobs.intake import demand_of

    if mended:
        want_all(env, [(v.full.order.order_no, demand_of(v.full.order, v.full.ship_lines)) for v in mended])
        gaps.gap(MENDED)


def _change(env: Env, verdict: Verdict, token: str | None) -> Change:
    head = verdict.full.order
    if verdict.standing:
        return Change(
            order_no=head.order_no, expect=head.version, was=head.progress, reason="audit.held", token=token,
            ship_lines=verdict.mended,
            facts={"codes": [f.code for f in verdict.standing]}, hold=_holds(env, verdict),
        )  # fmt: skip
    passed = [f.code for f in verdict.found]
    return Change(
        order_no=head.order_no, expect=head.version, was=head.progress, to=Progress.AUDITED, reason="audit.passed", token=token,
        ship_lines=verdict.mended, facts={"released": passed} if passed else {},
    )  # fmt: skip


def _holds(env: Env, verdict: Verdict) -> tuple[Hold, ...]:
    now, number = env.clock.now(), verdict.full.order.order_no
    return tuple(Hold(order_no=number, code=f.code, facts=f.facts, since=now) for f in verdict.standing)


def _item(verdict: Verdict) -> Item:
    head = verdict.full.order
    if not verdict.standing:
        return Item(ref=head.order_no, did="audited", shop=head.shop)
    reason = "+".join(f.code for f in verdict.standing)
    return Item(
        ref=head.order_no, did="held", reason=reason, shop=head.shop, facts={f.code: f.facts for f in verdict.standing}
    )


# ------------------------------------------------------------------ holds whose cause went away


def _held(
    env: Env, run: RunHandle, shops: Sequence[str], orders: Sequence[str], limit: int
) -> Iterator[list[FullOrder]]:
    """Created orders held by the audit; none in a run with a limit. The named ones only, when some are named."""
    if orders:
        for part in chunks(list(loaded(env, orders).values()), moving.BATCH):
            yield [full for full in part if full.order.progress == Progress.CREATED and full.order.held]
        return
    if limit:
        return
    names = tuple(env.shops(shops)) if shops else ()
    query, after = OrderQuery(shops=names, progress=(Progress.CREATED,), held=True), None
    while not run.stopping:
        page, after = env.orders.find(query, limit=moving.BATCH, after=after)
        if page:
            yield list(env.orders.load([o.order_no for o in page]).values())
            run.beat()
        if after is None:
            return


def _look_again(env: Env, run: RunHandle, auditor: Auditor, fulls: Sequence[FullOrder]) -> None:
    """Clear the audit's holds that nothing stands behind any more, and bring the facts of the others up to date."""
    clear: list[tuple[Verdict, tuple[str, ...]]] = []
    renew: list[Verdict] = []
    for full in fulls:
        mine = _open_holds(full)
        if not mine:
            continue
        verdict = auditor.look(full)
        now = {f.code: f.facts for f in verdict.standing}
        gone = tuple(code for code in mine if code not in now)
        if gone:
            clear.append((verdict, gone))
        elif now != mine or verdict.mended:
            renew.append(verdict)
    if run.result.dry_run:
        for verdict, codes in clear:
            head = verdict.full.order
            run.result.add(Item(ref=head.order_no, did="cleared", reason="+".join(codes), shop=head.shop))
        return
    _want(env, [v for v, _ in clear if v.mended] + [v for v in renew if v.mended])
    _renew(env, run, renew)
    _clear(env, run, clear)


def _open_holds(full: FullOrder) -> dict[str, dict[str, object]]:
    return {
        h.code: h.facts
        for h in full.holds
        if h.released_at is None and h.owner == "rule" and h.code.startswith(rules.PREFIX)
    }


def _renew(env: Env, run: RunHandle, verdicts: Sequence[Verdict]) -> None:
    changes = [_change(env, v, None) for v in verdicts]
    for outcome in moving.write(env, run, changes, stage="audit").values():
        run.result.count("renewed" if outcome.ok else "passed_over")


def _clear(env: Env, run: RunHandle, clear: Sequence[tuple[Verdict, tuple[str, ...]]]) -> None:
    """Two steps, because a change releases before it opens: say in the hold that its cause is gone, then release it.

    A kill between leaves the hold open with a word that fits no finding; the next run clears it again.
    """
    now = env.clock.now()
    told = [
        Change(
            order_no=v.full.order.order_no, expect=v.full.order.version, reason="audit.cause_gone", facts={"codes": list(codes)},
            ship_lines=v.mended,
            hold=(
                *_holds(env, v),
                *(Hold(order_no=v.full.order.order_no, code=c, facts={CLEARED: now.isoformat()}, since=now) for c in codes),
            ),
        )
        for v, codes in clear
    ]  # fmt: skip
    outcomes = moving.write(env, run, told, stage="audit")
    released = [
        Change(
            order_no=v.full.order.order_no, expect=outcomes[v.full.order.order_no].version, reason="audit.cleared",
            facts={"codes": list(codes)}, release=codes,
        )
        for v, codes in clear
        if outcomes[v.full.order.order_no].ok
    ]  # fmt: skip
    for outcome in moving.write(env, run, released, stage="audit").values():
        run.result.count("cleared" if outcome.ok else "passed_over")
