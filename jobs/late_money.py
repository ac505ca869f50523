"""pay late: money that does not fit its order — it came after a cancel, twice, or as another amount. It is never lost sight of:
it waits here until a plan revives the order or gives the money back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jobs import gaps, payments_told, plans, sending_back
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.results import Item, Result
from jobs.rules import money
from jobs.rules import payments as rules
from stores.contracts import Change, PaymentChange
from stores.records import AuditEntry, Back, FullOrder, Payment, Progress

PLANNED = gaps.declare(
    "late.planned",
    before="that late money goes back is written on its payment",
    after="it is promised back",
    sweep="reconcile payments: late money with a plan to go back and no back yet gets it",
)
REVIVED = gaps.declare(
    "late.revived",
    before="an order has taken its late money and is created",
    after="its demand is claimed",
    sweep="reconcile payments: the payment stays due until the demand of its order was made sure of",
)
JOB = "pay late"
NEXT = "oms pay late --apply FILE"
ACTS = ("refund", "revive")
BATCH = 200


class Case(NamedTuple):
    """Late money that somebody must decide on, or decided on before in vain."""

    payment: Payment
    full: FullOrder | None
    backs: tuple[Back, ...]

    @property
    def may_revive(self) -> str:
        """Why its order cannot take the money; empty: it can."""
        if self.payment.late != "after_cancel":
            return f"is_{self.payment.late}"
        if self.payment.backed_minor or self.payment.promised_minor:
            return "goes_back"
        order = self.full.order if self.full else None
        if order is None or order.progress != Progress.CANCELLED or order.paid_minor:
            return f"is_{order.progress}" if order else "unknown_order"
        fits = (order.payable_minor, order.currency) == (self.payment.paid_minor, self.payment.currency)
        return "" if fits else "other_amount"

    def entry(self, act: str) -> plans.Entry:
        """The item of a plan."""
        p = self.payment
        return {
            "payment_no": p.payment_no, "order_no": p.order_no, "late": p.late, "act": act, "currency": p.currency,
            "expect": {
                "paid_minor": p.paid_minor, "backed_minor": p.backed_minor, "promised_minor": p.promised_minor,
                "plan": p.plan, "progress": str(self.full.order.progress) if self.full else "",
            },
            "back_minor": rules.room(p) if act == "refund" else 0,
        }  # fmt: skip


def late(
    env: Env, *, act: str = "refund", plan_out: Path | None = None, apply: Path | None = None, by: str = "",
    payments: Sequence[str] = (),
) -> Result:  # fmt: skip
    """List what waits, write a plan for it, or carry one out.

    Args:
        act: what the written plan does: ``refund``, or ``revive`` where the order can take the money (the rest is left out).
        payments: only these.

    Raises:
        BadRequest: words that do not go together. PlanOutdated: the plan was changed after it was written.
    """
    if act not in ACTS:
        raise BadRequest(f"act {act!r}; one of {', '.join(ACTS)}", hint="oms pay late --help")
    if apply and (plan_out or payments):
        raise BadRequest("--apply carries out what its plan says, nothing else", hint="oms pay late --help")
    if apply and not by:
        raise BadRequest("money moves by somebody's name", hint="oms pay late --help")
    with env.run(JOB, plan=str(plan_out or ""), apply=str(apply or ""), by=by, payments=list(payments)) as run:
        if apply:
            _apply(env, run, plans.read(apply, JOB), by)
            return run.result
        entries = []
        for case in cases(env, payments):
            reason = case.may_revive if act == "revive" else ""
            _show(run, case, reason)
            if not reason:
                entries.append(case.entry(act))
        if plan_out:
            run.result.facts |= {"plan": str(plan_out), "hash": plans.write(plan_out, JOB, entries)}
            run.result.hint = NEXT
        return run.result


def _show(run: RunHandle, case: Case, not_revived: str) -> None:
    p = case.payment
    facts: dict[str, Any] = {
        "order_no": p.order_no, "channel": p.channel, "paid_minor": p.paid_minor, "holds_minor": rules.room(p),
        "currency": p.currency, "paid_at": p.paid_at.isoformat() if p.paid_at else "", "trade_no": p.trade_no,
    }  # fmt: skip
    if not_revived:
        facts["cannot_revive"] = not_revived
    if case.backs:
        facts["tried"] = {b.back_no: b.channel_status or b.status for b in case.backs}
    run.result.count("late")
    run.result.items.append(Item(ref=p.payment_no, did="late", reason=p.late, shop=p.shop, facts=facts))


def cases(env: Env, numbers: Sequence[str] = ()) -> Iterator[Case]:
    """Late money without a plan, or whose plan came to nothing."""
    for found in _pages(env):
        waiting = [p for p in found if not numbers or p.payment_no in numbers]
        yield from (c for c in _cases(env, waiting) if _undecided(c))


def _pages(env: Env) -> Iterator[list[Payment]]:
    after = ""
    while found := env.orders.find_payments(late=True, limit=BATCH, after=after):
        after = found[-1].payment_no
        yield found


def _cases(env: Env, payments: Sequence[Payment]) -> list[Case]:
    if not payments:
        return []
    orders = env.orders.load(sorted({p.order_no for p in payments}))
    backs: dict[str, list[Back]] = {}
    for back in env.orders.find_backs(payment_nos=[p.payment_no for p in payments], limit=1 << 30):
        if not back.refund_no:
            backs.setdefault(back.payment_no, []).append(back)
    return [Case(p, orders.get(p.order_no), tuple(backs.get(p.payment_no, ()))) for p in payments]


def _undecided(case: Case) -> bool:
    p = case.payment
    in_vain = p.plan == "refund" and bool(case.backs) and not p.promised_minor and rules.room(p) > 0
    return not p.plan or in_vain


# ------------------------------------------------------------------ acting


def _apply(env: Env, run: RunHandle, plan: plans.Plan, by: str) -> None:
    numbers = [str(entry.get("payment_no")) for entry in plan.items]
    env.ledger.audit(
        [
            AuditEntry(
                at=env.clock.now(), who=by, act="late_money", ref=plan.hash[:32], facts={"payments": numbers[:200]}
            )
        ]
    )
    kept = {no: p for part in chunks(numbers, 500) for no, p in env.orders.payments(part).items()}
    now = {c.payment.payment_no: c for part in chunks(list(kept.values()), BATCH) for c in _cases(env, part)}
    for entry in plan.items:
        if run.stopping:
            return
        case, act = now.get(str(entry.get("payment_no"))), str(entry.get("act"))
        if case is None or act not in ACTS or not _undecided(case) or case.entry(act) != entry:
            reason = "gone" if case is None else "decided" if not _undecided(case) else "changed_since"
            _item(run, Item(ref=str(entry.get("payment_no")), did="skipped", reason=reason))
        elif act == "revive":
            _revive(env, run, case, by)
        elif _planned(env, run, case.payment, "refund", by):
            gaps.gap(PLANNED)
            _give_back(env, run, case, by)
        run.beat()


def _item(run: RunHandle, item: Item) -> None:
    """Acts on money are few and each is wanted in the report."""
    shown = len(run.result.items)
    run.result.add(item)
    if len(run.result.items) == shown:
        run.result.items.append(item)


def _planned(env: Env, run: RunHandle, payment: Payment, plan: str, by: str) -> bool:
    change = PaymentChange(
        payment_no=payment.payment_no, order_no=payment.order_no, expect=payment.version, reason=f"late.{plan}",
        facts={"by": by}, set={"plan": plan},
    )  # fmt: skip
    done = env.orders.apply_payments([change], run_id=run.id)[0]
    if not done.ok:
        _item(run, Item(ref=payment.payment_no, did="skipped", reason=done.result, shop=payment.shop))
    return done.ok


def _give_back(env: Env, run: RunHandle, case: Case, by: str) -> None:
    payment = case.payment
    attempt = rules.attempt_of("", payment.payment_no, case.backs)
    back = sending_back.make(env, payment, rules.room(payment), refund_no="", reason=payment.late, attempt=attempt)
    for done in sending_back.promise(env, run, [back], by=by):
        facts = {"back_no": done.back_no, "amount_minor": done.amount_minor}
        _item(run, Item(ref=payment.payment_no, did="promised", reason=payment.late, shop=payment.shop, facts=facts))


def sweep(env: Env, run: RunHandle) -> None:
    """Late money with a plan to go back that was never promised: whoever decided was cut off in between."""
    for found in _pages(env):
        cut = [p for p in found if p.plan == "refund" and not p.promised_minor and not p.backed_minor]
        for case in _cases(env, cut):
            if not case.backs:
                _give_back(env, run, case, "reconcile payments")


def _revive(env: Env, run: RunHandle, case: Case, by: str) -> None:
    """The order takes its money after all: cancelled → created, its lines open again, in one step with the payment."""
    payment, full = case.payment, case.full
    problem = case.may_revive
    if problem or full is None:
        _item(run, Item(ref=payment.payment_no, did="skipped", reason=problem, shop=payment.shop))
        return
    change = PaymentChange(
        payment_no=payment.payment_no, order_no=payment.order_no, expect=payment.version, reason="late.revive",
        facts={"by": by}, order=_revived(full, payment, by),
        # due until the order's demand was made sure of
        set={"plan": "revive", "next_check_at": env.clock.now() + timedelta(seconds=env.settings.payments.lease)},
    )  # fmt: skip
    done = env.orders.apply_payments([change], run_id=run.id)[0]
    facts = {"order_no": payment.order_no}
    did = "revived" if done.ok else "skipped"
    _item(
        run,
        Item(ref=payment.payment_no, did=did, reason="" if done.ok else done.result, shop=payment.shop, facts=facts),
    )
    if done.ok:
        gaps.gap(REVIVED)
        payments_told.confirm(env, run, [payment.payment_no])


def _revived(full: FullOrder, payment: Payment, by: str) -> Change:
    order, subsidy = full.order, payment.settled_minor - payment.paid_minor
    wanted = {line.line_no for line in full.lines if line.status == "open"}
    return Change(
        order_no=order.order_no, expect=order.version, to=Progress.CREATED, reason="revived",
        facts={"payment_no": payment.payment_no, "by": by},
        set={
            "paid_minor": payment.paid_minor, "paid_at": payment.paid_at, "subsidy_minor": subsidy,
            "receivable_minor": money.receivable(paid=payment.paid_minor, subsidy=subsidy, refunded=order.refunded_minor),
        },
        ship_lines=tuple(
            msgspec.structs.replace(s, status="open")
            for s in full.ship_lines
            if s.status == "closed" and s.line_no in wanted
        ),
    )  # fmt: skip


def undecided(env: Env) -> Mapping[str, int]:
    """Why money is late → how many payments wait for a decision."""
    counts: dict[str, int] = {}
    for case in cases(env):
        counts[case.payment.late] = counts.get(case.payment.late, 0) + 1
    return counts
