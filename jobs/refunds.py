"""refund …: listing, decisions by rule and by hand, goods that come back. Documents become refunds in `jobs/refunding.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs import gaps
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest, UnknownThing
from jobs.results import Item, Result
from jobs.rules import refunds as rules
from stores.contracts import RefundChange
from stores.records import FullOrder, Progress, Refund, RefundLine, RefundStatus, StockMove

RECEIVED = gaps.declare(
    "refund.received",
    before="the pieces that came back are in stock, once per refund and SKU",
    after="the refund shows them",
    sweep="refund receive again with the same pieces: the stock moves once, the refund follows",
)


def listing(
    env: Env, *, shops: Sequence[str] = (), statuses: Sequence[str] = (), undecided: bool = False, limit: int = 50
) -> list[Refund]:
    """Refunds by number."""
    for word in statuses:
        if word not in set(RefundStatus):
            raise BadRequest(f"status {word!r}; one of {', '.join(RefundStatus)}")
    names = tuple(env.shops(shops)) if shops else ()
    return env.orders.find_refunds(statuses=statuses, shops=names, undecided=undecided, limit=limit)


def decide(env: Env, *, shops: Sequence[str] = (), limit: int = 0, dry_run: bool = False) -> Result:
    """Approve by rule what is simple: unpaid, or nothing left yet and the parcel is stopped; the rest waits for a person.

    The approval is ours; the money goes back by the authority's own act, which its next document tells.
    """
    from jobs.parcel_stop import stop_for

    with env.run("refund decide", dry_run=dry_run, shops=shops, limit=limit) as run:
        names = tuple(env.shops(shops)) if shops else ()
        after, left = "", limit or 1 << 60
        while left > 0 and not run.stopping:
            found = env.orders.find_refunds(
                statuses=[RefundStatus.ASKED], shops=names, undecided=True, limit=min(200, left), after=after
            )
            if not found:
                break
            after, left = found[-1].refund_no, left - len(found)
            orders = env.orders.load(sorted({r.order_no for r in found}))
            merged = [r.order_no for r in found if orders[r.order_no].order.progress == Progress.MERGED]
            answers = stop_for(env, run, sorted(set(merged)), reason="refund") if merged and not dry_run else {}
            if answers:
                orders |= env.orders.load(list(answers))
            _decide(env, run, found, orders, answers)
            run.beat()
        return run.result


def _decide(
    env: Env, run: RunHandle, found: Sequence[Refund], orders: dict[str, FullOrder], answers: dict[str, str]
) -> None:
    changes = []
    for refund in found:
        verdict, reason = rules.decide(
            refund, orders[refund.order_no], env.settings.refunds, answers.get(refund.order_no, "")
        )
        if verdict != "approved":
            run.result.count("for_a_person")
        elif run.result.dry_run:
            run.result.add(Item(ref=refund.refund_no, did="approved", reason=reason, shop=refund.shop))
        else:
            changes.append(_decision(refund, "approved", "rule", f"auto.{reason}", {}))
    _write(env, run, changes, "approved")


def _decision(refund: Refund, decision: str, by: str, reason: str, facts: dict[str, Any]) -> RefundChange:
    return RefundChange(
        refund_no=refund.refund_no, order_no=refund.order_no, expect=refund.version, reason=reason, facts={"by": by, **facts},
        set={"decision": decision, "decided_by": by},
    )  # fmt: skip


def _write(env: Env, run: RunHandle, changes: Sequence[RefundChange], did: str) -> None:
    for outcome in env.orders.apply_refunds(changes, run_id=run.id) if changes else ():
        run.result.add(Item(ref=outcome.key, did=did if outcome.ok else "refused", reason=outcome.reason))


def approve(env: Env, numbers: Sequence[str], *, by: str, reason: str = "") -> Result:
    """Approve refunds by a person's word."""
    return _by_hand(env, numbers, "approved", by, reason)


def reject(env: Env, numbers: Sequence[str], *, by: str, reason: str) -> Result:
    """Refuse refunds by a person's word, with a reason."""
    if not reason.strip():
        raise BadRequest("a refund is refused with a reason", hint="oms refund reject NUMBER --reason TEXT --by NAME")
    return _by_hand(env, numbers, "refused", by, reason)


def _by_hand(env: Env, numbers: Sequence[str], decision: str, by: str, reason: str) -> Result:
    with env.run(f"refund {decision}", numbers=list(numbers), by=by) as run:
        changes = []
        for number, (refund, _) in _found(env, numbers).items():
            if refund.decision:
                run.result.add(Item(ref=number, did="refused", reason=f"is_{refund.decision}", shop=refund.shop))
            elif refund.status not in (RefundStatus.ASKED, RefundStatus.UNKNOWN):
                run.result.add(Item(ref=number, did="refused", reason=f"is_{refund.status}", shop=refund.shop))
            else:
                changes.append(
                    _decision(refund, decision, by, f"by_hand.{decision}", {"reason": reason} if reason else {})
                )
        _write(env, run, changes, decision)
        return run.result


def receive(env: Env, number: str, *, good: dict[str, int], defective: dict[str, int], by: str) -> Result:
    """Goods of a refund are back: pieces per SKU, by grade. Good ones return to stock, defective ones stay aside."""
    with env.run("refund receive", number=number, by=by) as run:
        refund, lines = _found(env, [number])[number]
        full = env.orders.load([refund.order_no])[refund.order_no]
        plan = rules.received(full, lines, good, defective)
        place = env.settings.refunds.returns_to
        now = env.clock.now()
        moves = [
            StockMove(
                key=f"return:{number}:{grade}:{sku}", kind="return" if grade == "good" else "defective",
                warehouse=place or plan.warehouse_of[sku], sku=sku, on_hand=qty if grade == "good" else 0,
                defective=qty if grade == "defective" else 0, ref=refund.order_no, at=now,
            )
            for grade, pieces in (("good", good), ("defective", defective))
            for sku, qty in sorted(pieces.items())
        ]  # fmt: skip
        for outcome in env.stock.move(moves, run_id=run.id):
            run.result.add(
                Item(
                    ref=outcome.key,
                    did="returned" if outcome.result == "done" else outcome.result,
                    reason=outcome.reason,
                )
            )
        gaps.gap(RECEIVED)
        change = RefundChange(
            refund_no=number, order_no=refund.order_no, expect=refund.version, reason="goods_back", facts={"by": by},
            set={"status": RefundStatus.GOODS_BACK} if refund.status in (RefundStatus.ASKED, RefundStatus.APPROVED) else {},
            lines=plan.lines,
        )  # fmt: skip
        _write(env, run, [change], "received")
        return run.result


def _found(env: Env, numbers: Sequence[str]) -> dict[str, tuple[Refund, tuple[RefundLine, ...]]]:
    found = env.orders.refunds(list(numbers))
    gone = [n for n in numbers if n not in found]
    if gone:
        raise UnknownThing(f"refund {gone[0]!r}", hint="oms refund list")
    return found
