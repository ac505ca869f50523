"""reconcile stock: counters ↔ journal ↔ open reservations ↔ orders; differences with evidence, and repairs by plan.

A repair is always a compensating step through the store, never a counter written over. A plan holds the values it was
made from; carrying it out compares again and leaves alone whatever looks different now.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobs import plans
from jobs.comparing_stock import Difference, differences
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.repairing_stock import repair
from jobs.results import Item, Result
from stores.records import AuditEntry

JOB = "reconcile stock"
NEXT = "oms reconcile stock --apply FILE"


def reconcile(env: Env, *, plan_out: Path | None = None, apply: Path | None = None, by: str = "") -> Result:
    """Compare, and write a plan (`plan_out`) or carry one out (`apply`).

    Raises:
        BadRequest: both at once, or no name for who applies. PlanOutdated: the plan was changed after it was written.
    """
    if plan_out and apply:
        raise BadRequest("--plan writes and --apply carries out: give one", hint="oms reconcile stock --help")
    if apply and not by:
        raise BadRequest("a repair needs the name of who applies it", hint="oms reconcile stock --help")
    with env.run(JOB, plan=str(plan_out or ""), apply=str(apply or ""), by=by) as run:
        plan = plans.read(apply, JOB) if apply else None
        found = differences(env)
        if plan is not None:
            _apply(env, run, plan, found, by)
            return run.result
        for d in found:
            run.result.add(
                Item(ref=d.ref, did="differs", reason=d.reason, shop=d.shop, facts=d.expect | {"repair": d.act})
            )
        if plan_out:
            made = plans.write(plan_out, JOB, [d.entry() for d in found if d.act])
            run.result.facts |= {"plan": str(plan_out), "hash": made}
            run.result.hint = NEXT if found else ""
        return run.result


def _apply(env: Env, run: RunHandle, plan: plans.Plan, found: Sequence[Difference], by: str) -> None:
    """Act on those differences of the plan that stand exactly as they were written."""
    now = {(d.reason, d.ref): d for d in found}
    same: list[Difference] = []
    for entry in plan.items:
        current = now.get((str(entry.get("reason")), str(entry.get("ref"))))
        if current is not None and current.entry() == entry:
            same.append(current)
            continue
        reason = "gone" if current is None else "changed_since"
        facts = {"planned": entry.get("expect"), "now": current.expect if current else None}
        _tell(run.result, Item(ref=str(entry.get("ref")), did="skipped", reason=reason, facts=facts))
    for item in repair(env, run, plan.hash, same):
        _tell(run.result, item)
    env.ledger.audit(
        [
            AuditEntry(
                at=env.clock.now(), who=by, act="reconcile_stock", ref=plan.hash[:32],
                facts={"repaired": len(same), "planned": len(plan.items)},
            )
        ]
    )  # fmt: skip


def _tell(result: Result, item: Item) -> None:
    """Repairs are few and each is wanted in the report."""
    shown = len(result.items)
    result.add(item)
    if len(result.items) == shown:
        result.items.append(item)
