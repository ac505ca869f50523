"""refund pay: money back for approved refunds that are ours to settle, through the channel the order was paid with.

Without a plan it only lists what is due. `--plan` writes that down, `--apply` pays what stands exactly as it was written.
Where the platform has the authority nothing of ours moves money: its statement settles it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jobs import gaps, plans, refunding, sending_back
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.refunds import found_refunds
from jobs.results import Item, Result
from jobs.rules import payments as rules
from jobs.rules import refunds as refund_rules
from jobs.rules.numbers import back_no
from stores.contracts import RefundChange
from stores.records import AuditEntry, Back, Payment, Refund, RefundKind, RefundStatus

BY_HAND = gaps.declare(
    "refund.by_hand",
    before="a refund that was paid by hand is done",
    after="its order shows it",
    sweep="refund pay --by-hand again: the refund is done, and its order is made to show it",
)
JOB = "refund pay"
NEXT = "oms refund pay --apply FILE"
BATCH = 200
_OPEN = (RefundStatus.APPROVED, RefundStatus.GOODS_BACK)


class Due(NamedTuple):
    """A refund, and how its money goes back; or why it does not."""

    refund: Refund
    #: (payment, amount, number of the back)
    parts: tuple[tuple[Payment, int, str, int], ...]
    problem: str
    due_minor: int

    def entry(self) -> plans.Entry:
        """The item of a plan: what is expected, and what is done."""
        return {
            "refund_no": self.refund.refund_no, "order_no": self.refund.order_no, "currency": self.refund.currency,
            "expect": {"amount_minor": self.refund.amount_minor, "due_minor": self.due_minor, "status": str(self.refund.status)},
            "back": [[p.payment_no, p.channel, amount, no] for p, amount, no, _ in self.parts],
        }  # fmt: skip


def pay(
    env: Env, numbers: Sequence[str] = (), *, shops: Sequence[str] = (), plan_out: Path | None = None,
    apply: Path | None = None, by: str = "",
) -> Result:  # fmt: skip
    """List what is due (`numbers`: only of these refunds), write it as a plan, or carry one out.

    Raises:
        BadRequest: both at once, or no name for who applies. PlanOutdated: the plan was changed after it was written.
    """
    if apply and (plan_out or numbers):
        raise BadRequest("--apply carries out what its plan says, nothing else", hint="oms refund pay --help")
    if apply and not by:
        raise BadRequest("money moves by somebody's name", hint="oms refund pay --help")
    with env.run(JOB, plan=str(plan_out or ""), apply=str(apply or ""), by=by, numbers=list(numbers)) as run:
        if apply:
            _apply(env, run, plans.read(apply, JOB), by)
            return run.result
        found = list(_listed(env, numbers, shops))
        for due in found:
            _show(run, due)
        if plan_out:
            made = plans.write(plan_out, JOB, [d.entry() for d in found if not d.problem])
            run.result.facts |= {"plan": str(plan_out), "hash": made}
            run.result.hint = NEXT
        return run.result


def _show(run: RunHandle, due: Due) -> None:
    facts: dict[str, Any] = {
        "order_no": due.refund.order_no,
        "due_minor": due.due_minor,
        "currency": due.refund.currency,
    }
    if due.parts:
        facts["through"] = {p.payment_no: amount for p, amount, *_ in due.parts}
    item = Item(
        ref=due.refund.refund_no, did="waiting" if due.problem else "due", reason=due.problem, shop=due.refund.shop,
        facts=facts,
    )  # fmt: skip
    run.result.count(item.did)
    run.result.items.append(item)


# ------------------------------------------------------------------ what is due


def _listed(env: Env, numbers: Sequence[str], shops: Sequence[str]) -> Iterator[Due]:
    if numbers:
        yield from _due(env, [refund for refund, _ in found_refunds(env, numbers).values()])
        return
    names, after = tuple(env.shops(shops)) if shops else (), ""
    while found := env.orders.find_refunds(statuses=_OPEN, shops=names, limit=BATCH, after=after):
        after = found[-1].refund_no
        ours = [r for r in found if r.authority == "us" and r.amount_minor > 0]
        yield from (d for d in _due(env, ours) if d.problem != "in_hand")


def _due(env: Env, refunds: Sequence[Refund]) -> Iterator[Due]:
    """How the money of each goes back, one after another: two refunds of one order do not count on the same money."""
    orders = sorted({r.order_no for r in refunds})
    payments: dict[str, list[Payment]] = {}
    for p in _all_payments(env, orders):
        payments.setdefault(p.order_no, []).append(p)
    backs: dict[str, list[Back]] = {}
    for part in chunks([r.refund_no for r in refunds], BATCH):
        for b in env.orders.find_backs(refund_nos=part, limit=1 << 30):
            backs.setdefault(b.refund_no, []).append(b)
    for refund in refunds:
        due = _one(refund, payments.get(refund.order_no, []), backs.get(refund.refund_no, []))
        taken = {p.payment_no: amount for p, amount, *_ in due.parts}
        payments[refund.order_no] = [_less(p, taken.get(p.payment_no, 0)) for p in payments.get(refund.order_no, [])]
        yield due


def _all_payments(env: Env, order_nos: Sequence[str]) -> list[Payment]:
    """Paid ones of these orders; money that came too late is no order's until it was revived."""
    found = [
        p
        for part in chunks(order_nos, BATCH)
        for p in env.orders.find_payments(statuses=("paid",), order_nos=part, limit=1 << 30)
    ]
    return [p for p in found if not p.late or p.plan == "revive"]


def _less(payment: Payment, amount: int) -> Payment:
    from stores.records import replace

    return replace(payment, promised_minor=payment.promised_minor + amount) if amount else payment


def _one(refund: Refund, payments: Sequence[Payment], backs: Sequence[Back]) -> Due:
    due = rules.still_due(refund.amount_minor, backs)
    problem = _problem(refund, due)
    if problem:
        return Due(refund, (), problem, due)
    if not payments:
        return Due(refund, (), "not_paid_through_a_channel", due)
    if any(p.currency != refund.currency for p in payments):
        return Due(refund, (), "other_currency", due)
    try:
        parts = rules.parts(due, payments)
    except ValueError as error:
        return Due(refund, (), str(error), due)
    by_no = {p.payment_no: p for p in payments}
    made = []
    for part in parts:
        attempt = rules.attempt_of(refund.refund_no, part.payment_no, backs)
        number = back_no(refund.refund_no, part.payment_no, attempt)
        made.append((by_no[part.payment_no], part.amount_minor, number, attempt))
    return Due(refund, tuple(made), "", due)


def _problem(refund: Refund, due: int) -> str:
    """Why a refund's money does not go now; empty: it may."""
    if refund.authority != "us":
        return "settled_by_the_platform"
    if refund.status == RefundStatus.DONE:
        return "is_done"
    if refund.decision != "approved" or refund.status not in _OPEN:
        return f"is_{refund.status}"
    if refund.kind in (RefundKind.RETURN, RefundKind.EXCHANGE) and refund.status != RefundStatus.GOODS_BACK:
        return "goods_not_back"
    return "in_hand" if due <= 0 else ""


# ------------------------------------------------------------------ acting


def _apply(env: Env, run: RunHandle, plan: plans.Plan, by: str) -> None:
    """Pay what stands exactly as it was written; everything else is skipped with the reason."""
    numbers = [str(entry.get("refund_no")) for entry in plan.items]
    kept = {no: refund for part in chunks(numbers, 500) for no, (refund, _) in env.orders.refunds(part).items()}
    now = {d.refund.refund_no: d for d in _due(env, [kept[n] for n in dict.fromkeys(numbers) if n in kept])}
    env.ledger.audit(
        [AuditEntry(at=env.clock.now(), who=by, act="refund_pay", ref=plan.hash[:32], facts={"refunds": numbers[:200]})]
    )
    for entry in plan.items:
        if run.stopping:
            return
        due = now.get(str(entry.get("refund_no")))
        if due is None or due.problem or due.entry() != entry:
            reason = "gone" if due is None else due.problem or "changed_since"
            item = Item(ref=str(entry.get("refund_no")), did="skipped", reason=reason)
            run.result.count(item.did)
            run.result.items.append(item)
            continue
        backs = [
            sending_back.make(
                env, payment, amount, refund_no=due.refund.refund_no, reason=str(due.refund.kind), attempt=attempt
            )
            for payment, amount, _, attempt in due.parts
        ]  # fmt: skip
        sending_back.promise(env, run, backs, by=by)
        run.beat()


# ------------------------------------------------------------------ by hand


def by_hand(env: Env, numbers: Sequence[str], *, ref: str, by: str) -> Result:
    """Record that refunds were paid in another way (cash, a transfer): they are done, with the reference on record.

    Raises:
        BadRequest: no reference. UnknownThing: no such refund.
    """
    if not ref.strip():
        raise BadRequest(
            "say how it was paid: a receipt's or a transfer's number", hint="oms refund pay REFUND --by-hand --ref TEXT"
        )
    with env.run(JOB, numbers=list(numbers), by=by, by_hand=True, ref=ref) as run:
        found = {no: refund for no, (refund, _) in found_refunds(env, numbers).items()}
        problems = _hand_problems(env, list(found.values()))
        good = [r for no, r in found.items() if not problems[no]]
        # First: whoever is cut off here types it again.
        env.ledger.audit(
            [
                AuditEntry(at=env.clock.now(), who=by, act="refund_by_hand", ref=r.refund_no, facts={"ref": ref})
                for r in good
            ]
        )
        changes = [
            RefundChange(
                refund_no=r.refund_no, order_no=r.order_no, expect=r.version, reason="paid_back.by_hand",
                facts={"by": by, "ref": ref}, set={"status": RefundStatus.DONE},
            )
            for r in good
        ]  # fmt: skip
        outcomes = {o.key: o for o in env.orders.apply_refunds(changes, run_id=run.id)} if changes else {}
        gaps.gap(BY_HAND)
        done = [r for no, r in found.items() if problems[no] == "is_done" or (no in outcomes and outcomes[no].ok)]
        refunding.move_orders(env, run, sorted({r.order_no for r in done}))
        for no, refund in found.items():
            reason = problems[no] or ("" if outcomes[no].ok else outcomes[no].result)
            did = "same" if reason == "is_done" else "refused" if reason else "paid_back"
            run.result.add(Item(ref=no, did=did, reason=reason, shop=refund.shop, facts={"ref": ref}))
        return run.result


def _hand_problems(env: Env, refunds: Sequence[Refund]) -> dict[str, str]:
    backs = {b.refund_no for b in env.orders.find_backs(refund_nos=[r.refund_no for r in refunds], limit=1 << 30) if b.status not in ("closed", "refused")}  # fmt: skip
    orders = env.orders.load(sorted({r.order_no for r in refunds}))
    out: dict[str, str] = {}
    promised: dict[str, int] = {}
    for refund in refunds:
        no, full = refund.refund_no, orders[refund.order_no]
        problem = _problem(refund, refund.amount_minor)
        if not problem and no in backs:
            problem = "in_hand"  # the channel has it, and may still pay it
        room = refund_rules.room(full.order, full.refunds, but=no) - promised.get(refund.order_no, 0)
        if not problem and refund.amount_minor > room:
            problem = "exceeds_paid"
        if not problem:
            promised[refund.order_no] = promised.get(refund.order_no, 0) + refund.amount_minor
        out[no] = problem
    return out
