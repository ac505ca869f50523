"""refund …: listing, and decisions by rule and by hand. Documents become refunds in `jobs/refunding.py`; goods that
come back are in `jobs/receiving.py`, telling the platforms in `jobs/agreements.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs import agreements, carrying, gaps, linked, receiving, refunding
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest, UnknownThing
from jobs.results import Item, Result
from jobs.rules import refunds as rules
from jobs.rules.merging import active_parcels
from stores.contracts import RefundChange
from stores.records import AuditEntry, FullOrder, Progress, Refund, RefundKind, RefundLine, RefundStatus

DECIDED = gaps.declare(
    "refund.decided",
    before="a decision is written on the refund",
    after="what the platform is to be told is written",
    sweep="refund decide: decided refunds that are still open are looked through again",
)
BATCH = 200
#: kinds whose agreement promises goods or waits for them
_TAKEN_BACK = frozenset({RefundKind.RETURN, RefundKind.EXCHANGE, RefundKind.RESHIP})


def listing(
    env: Env, *, shops: Sequence[str] = (), statuses: Sequence[str] = (), undecided: bool = False, limit: int = 50
) -> list[Refund]:
    """Refunds by number."""
    for word in statuses:
        if word not in set(RefundStatus):
            raise BadRequest(f"status {word!r}; one of {', '.join(RefundStatus)}")
    names = tuple(env.shops(shops)) if shops else ()
    return list(env.orders.find_refunds(statuses=statuses, shops=names, undecided=undecided, limit=limit))


# ------------------------------------------------------------------ by rule


def decide(env: Env, *, shops: Sequence[str] = (), limit: int = 0, dry_run: bool = False) -> Result:
    """Approve by rule what is simple: unpaid, or nothing left yet and the parcel is stopped; the rest waits for a person.

    The platform is told where it can be; the money goes back by the authority's own act, which its next document tells.
    """
    with env.run("refund decide", dry_run=dry_run, shops=shops, limit=limit) as run:
        names = tuple(env.shops(shops)) if shops else ()
        if not dry_run:
            receiving.sweep(env, run, names)
            _sweep(env, run, names)
            carrying.sweep(env, run, names)
        for found in _pages(env, run, names, limit, undecided=True):
            _decide(env, run, found)
            run.beat()
        if not dry_run:
            agreements.tell(env, run, names or tuple(env.shops()))
        return run.result


def _pages(
    env: Env, run: RunHandle, shops: tuple[str, ...], limit: int, *, undecided: bool
) -> Iterator[Sequence[Refund]]:
    after, left = "", limit or 1 << 60
    while left > 0 and not run.stopping:
        found = env.orders.find_refunds(
            statuses=[RefundStatus.ASKED], shops=shops, undecided=undecided, limit=min(BATCH, left), after=after
        )
        if not found:
            return
        after, left = found[-1].refund_no, left - len(found)
        yield found


def _sweep(env: Env, run: RunHandle, shops: tuple[str, ...]) -> None:
    """Decisions that are written and perhaps not told: a decision has one key and is told once."""
    for found in _pages(env, run, shops, 0, undecided=False):
        told = [(r, agreements.ACTS[r.decision], "") for r in found if r.decision in agreements.ACTS]
        agreements.intend(env, run, told, quiet=True)


def _decide(env: Env, run: RunHandle, found: Sequence[Refund]) -> None:
    orders = env.orders.load(sorted({r.order_no for r in found}))
    rulings = {r.refund_no: _rule(env, r, orders) for r in found}
    stopping = sorted({r.order_no for r in found if rulings[r.refund_no].act == "stop"})
    answers = _stop(env, run, stopping)
    approved: list[tuple[Refund, str]] = []
    promised: dict[str, int] = {}
    for refund in found:
        ruling = rulings[refund.refund_no]
        if ruling.act == "stop":
            ruling = rules.after_stop(answers[refund.order_no])
        if ruling.act == "approve" and not _still_fits(refund, orders[refund.order_no], promised):
            ruling = rules.Ruling("wait", "exceeds_paid")
        if ruling.act == "approve":
            approved.append((refund, ruling.reason))
        else:
            run.result.count("for_a_person")
            run.result.facts.setdefault("waiting", {}).setdefault(ruling.reason, []).append(refund.refund_no)
    if run.result.dry_run:
        for refund, reason in approved:
            facts = {"order_no": refund.order_no, "amount_minor": refund.amount_minor}
            run.result.add(Item(ref=refund.refund_no, did="approved", reason=reason, shop=refund.shop, facts=facts))
        return
    _write(env, run, [(r, "approved", "rule", f"auto.{why}", {}) for r, why in approved])


def _rule(env: Env, refund: Refund, orders: Mapping[str, FullOrder]) -> rules.Ruling:
    if refund.order_no not in orders:
        return rules.Ruling("wait", "unknown_order")
    full, limits = orders[refund.order_no], env.settings.refunds
    policy = rules.Policy(limits.auto_unpaid, limits.auto_unshipped, limits.auto_up_to_minor)
    return rules.rule(refund, full.order, full.refunds, in_parcel=bool(active_parcels(full)), policy=policy)


def _stop(env: Env, run: RunHandle, order_nos: Sequence[str]) -> dict[str, str]:
    """Stop the parcels; a dry run takes it that they would stop."""
    from jobs.parcel_stop import stop_for

    if run.result.dry_run or not order_nos:
        return dict.fromkeys(order_nos, "stopped")
    return stop_for(env, run, order_nos, reason="refund")


def _still_fits(refund: Refund, full: FullOrder, promised: dict[str, int]) -> bool:
    """Several refunds of one order in one batch: each was judged without the others."""
    room = rules.room(full.order, full.refunds, but=refund.refund_no) - promised.get(refund.order_no, 0)
    if refund.amount_minor > room:
        return False
    promised[refund.order_no] = promised.get(refund.order_no, 0) + refund.amount_minor
    return True


# ------------------------------------------------------------------ by hand


def approve(env: Env, numbers: Sequence[str], *, by: str, reason: str = "") -> Result:
    """Approve refunds by a person's word; never more than was paid."""
    with env.run("refund approve", numbers=list(numbers), by=by) as run:
        _by_hand(env, run, numbers, "approved", by, reason)
        return run.result


def reject(env: Env, numbers: Sequence[str], *, by: str, reason: str) -> Result:
    """Refuse refunds by a person's word, with a reason.

    Raises:
        BadRequest: no reason given.
    """
    if not reason.strip():
        raise BadRequest("a refund is refused with a reason", hint="oms refund reject NUMBER --reason TEXT --by NAME")
    with env.run("refund reject", numbers=list(numbers), by=by) as run:
        _by_hand(env, run, numbers, "refused", by, reason)
        return run.result


def receive(
    env: Env, number: str, *, good: dict[str, int], defective: dict[str, int], final: bool = False, by: str
) -> Result:
    """Goods of a refund are back; see `jobs/receiving.py`."""
    return receiving.receive(env, number, good=good, defective=defective, final=final, by=by)


def _by_hand(env: Env, run: RunHandle, numbers: Sequence[str], decision: str, by: str, reason: str) -> None:
    found = found_refunds(env, numbers)
    orders: dict[str, FullOrder] = {}
    for part in chunks(sorted({r.order_no for r, _ in found.values()}), 500):
        orders |= env.orders.load(part)
    chosen: list[tuple[Refund, str, str, str, dict[str, Any]]] = []
    promised: dict[str, int] = {}
    blocked = _blocked(env, run, found, orders, decision, by)
    for number, (refund, _) in found.items():
        problem = blocked.get(number) or _hand_problem(refund, orders.get(refund.order_no), decision, promised)
        if problem:
            did = "same" if refund.decision == decision else "refused"
            run.result.add(Item(ref=number, did=did, reason=problem, shop=refund.shop))
        else:
            chosen.append((refund, decision, by, f"by_hand.{decision}", {"reason": reason} if reason else {}))
    now = env.clock.now()
    facts = {"reason": reason}
    # First: whoever is cut off here does not type it again, since the decision stands.
    env.ledger.audit(
        [AuditEntry(at=now, who=by, act=f"refund_{decision}", ref=r.refund_no, facts=facts) for r, *_ in chosen]
    )
    _write(env, run, chosen)
    # Typed again, it goes on where it was cut: what was decided and perhaps not told.
    same = [r for r, _ in found.values() if r.decision == decision and r.status == RefundStatus.ASKED]
    agreements.intend(env, run, [(r, agreements.ACTS[decision], reason) for r in same], quiet=True)
    carrying.advance(env, run, [r.refund_no for r in same if decision == "approved"])
    agreements.tell(env, run, sorted({r.shop for r, _ in found.values()} & set(env.shops())))


def _blocked(
    env: Env,
    run: RunHandle,
    found: Mapping[str, tuple[Refund, Any]],
    orders: Mapping[str, FullOrder],
    decision: str,
    by: str,
) -> dict[str, str]:
    """refund_no → why its goods are in the way: nothing is agreed to before its parcel has stopped, and what was agreed to
    is only taken back when the order it made has not left."""
    if decision == "refused":
        return {
            no: why and f"linked_{why}"
            for no, why in linked.called_off(
                env, run, [r for r, _ in found.values() if _may_take_back(r)], by=by
            ).items()
        }
    mine = {
        no: r.order_no
        for no, (r, _) in found.items()
        if not r.decision and r.kind in rules.SIMPLE and r.order_no in orders and active_parcels(orders[r.order_no])
    }
    merged = {no for no in mine.values() if orders[no].order.progress == Progress.MERGED}
    answers = _stop(env, run, sorted(merged))
    return {no: f"parcel_{answers[o]}" for no, o in mine.items() if answers.get(o, "stopped") != "stopped"}


def _may_take_back(refund: Refund) -> bool:
    """A refund of ours that was agreed to may still be refused while only goods were promised: nothing is back, no money
    went."""
    waits = refund.status in (RefundStatus.ASKED, RefundStatus.APPROVED)
    return refund.authority == "us" and refund.decision == "approved" and waits and refund.kind in _TAKEN_BACK


def _hand_problem(refund: Refund, full: FullOrder | None, decision: str, promised: dict[str, int]) -> str:
    if decision == "refused" and _may_take_back(refund):
        return ""
    if refund.decision:
        return f"is_{refund.decision}"
    if decision == "approved" and refund.authority == "us" and full is not None:
        left = full.order.progress in (Progress.PARTLY_SHIPPED, Progress.SHIPPED, Progress.COMPLETED)
        if left and refund.kind == RefundKind.BEFORE_SHIPPING:
            return "too_late"
    if refund.status not in (RefundStatus.ASKED, RefundStatus.UNKNOWN):
        return f"is_{refund.status}"
    if full is None:
        return "unknown_order"
    if decision == "approved" and not _still_fits(refund, full, promised):
        return "exceeds_paid"
    return ""


def found_refunds(env: Env, numbers: Sequence[str]) -> dict[str, tuple[Refund, tuple[RefundLine, ...]]]:
    """Refunds by number, in the order given.

    Raises:
        UnknownThing: one is not there.
    """
    found: dict[str, tuple[Refund, tuple[RefundLine, ...]]] = {}
    for part in chunks(list(dict.fromkeys(numbers)), 500):
        found |= env.orders.refunds(part)
    gone = [n for n in numbers if n not in found]
    if gone:
        raise UnknownThing(f"refund {gone[0]!r}", hint="oms refund list")
    return {n: found[n] for n in dict.fromkeys(numbers)}


# ------------------------------------------------------------------ writing


def _write(env: Env, run: RunHandle, decisions: Sequence[tuple[Refund, str, str, str, dict[str, Any]]]) -> list[Refund]:
    """Write decisions (refund, decision, by, reason code, facts), and what is to be told; returns those written.

    A refund that we settle ourselves is carried out by our decision (`jobs/carrying.py`), or ends by it; another keeps the
    platform's word for its status.
    """
    if not decisions:
        return []
    changes = [_change(*d) for d in decisions]
    outcomes = {o.key: o for part in chunks(changes, 500) for o in env.orders.apply_refunds(part, run_id=run.id)}
    gaps.gap(DECIDED)
    done = []
    for refund, decision, by, reason, facts in decisions:
        outcome = outcomes[refund.refund_no]
        if not outcome.ok and by == "rule":
            run.result.count("passed_over")  # somebody else was first; the next run sees what is left to decide
            continue
        did = decision if decision == "approved" else "rejected"
        run.result.add(
            Item(ref=refund.refund_no, did=did if outcome.ok else "refused", reason=reason if outcome.ok else outcome.result, shop=refund.shop)
        )  # fmt: skip
        if outcome.ok:
            done.append((refund, agreements.ACTS[decision], str(facts.get("reason", ""))))
    agreements.intend(env, run, done)
    ours = sorted({r.order_no for r, act, _ in done if r.authority == "us" and act == "refuse"})
    if ours:
        refunding.move_orders(env, run, ours)
    carrying.advance(env, run, [r.refund_no for r, act, _ in done if act == "agree"])
    return [r for r, _, _ in done]


def _change(refund: Refund, decision: str, by: str, reason: str, facts: dict[str, Any]) -> RefundChange:
    fields: dict[str, Any] = {"decision": decision, "decided_by": by}
    if refund.authority == "us" and decision == "refused":
        fields["status"] = RefundStatus.REFUSED
    return RefundChange(
        refund_no=refund.refund_no, order_no=refund.order_no, expect=refund.version, reason=reason,
        facts={"by": by, **facts}, set=fields,
    )  # fmt: skip
