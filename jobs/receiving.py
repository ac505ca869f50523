"""Goods of a refund come back: good pieces return to stock, defective ones are kept aside.

What came back is written on the refund first: that step is the intent. Stock moves once per step and SKU, then the
order's ship lines show the pieces. A receipt cut in the middle is finished by the next `refund decide`, and before any
further receipt of that refund; a task sees to it, since the refund itself may be over by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from jobs import agreements, carrying, gaps
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest, UnknownThing
from jobs.results import Item, Result
from jobs.rules import refunds as rules
from stores.contracts import Change, RefundChange
from stores.records import (
    AuditEntry,
    FullOrder,
    Refund,
    RefundKind,
    RefundLine,
    RefundStatus,
    ShipLine,
    Step,
    StockMove,
    Task,
)

INTENDED = gaps.declare(
    "receive.intended",
    before="that goods are back is written as a task",
    after="the refund shows what came back",
    sweep="refund decide: once its time has come the task finds nothing to finish, and ends",
)
NOTED = gaps.declare(
    "receive.noted",
    before="the refund shows what came back",
    after="the pieces are in stock",
    sweep="refund decide, by its task; and refund receive: receipts that the order does not show yet are finished",
)
STORED = gaps.declare(
    "receive.stored",
    before="the pieces that came back are in stock",
    after="the order's ship lines show them",
    sweep="refund decide, by its task; and refund receive: receipts that the order does not show yet are finished",
)
SHOWN = gaps.declare(
    "receive.shown",
    before="the order's ship lines show what came back",
    after="what the platform is to be told is written",
    sweep="refund decide: refunds with goods back are looked through again",
)
#: kind of the tasks that see to it that a receipt is finished, whatever the platform says of its refund meanwhile
KIND = "receipt"
LEASE_S = 60.0
#: reason of the history step that is the intent of a receipt
STEP = "goods_back"
#: facts of an order's change: steps of receipts it shows, as refund_no:version
_DONE = "receipts"


def receive(
    env: Env, number: str, *, good: Mapping[str, int], defective: Mapping[str, int], final: bool = False, by: str
) -> Result:
    """Take goods back: pieces per SKU, by grade.

    Args:
        final: nothing more comes; a refund of ours is lowered to the pieces that came.

    Raises:
        UnknownThing: no such refund. BadRequest: nothing named, or more pieces than left and are not back yet.
    """
    with env.run(
        "refund receive", number=number, good=dict(good), defective=dict(defective), final=final or None, by=by
    ) as run:
        kept = env.orders.refunds([number])
        if number not in kept:
            raise UnknownThing(f"refund {number!r}", hint="oms refund list")
        refund, lines = kept[number]
        if final and refund.authority != "us":
            raise BadRequest(
                "what a platform's refund comes to is the platform's word", hint="oms refund receive --help"
            )
        if (good or defective or not final) and not _take(env, run, refund, lines, _pieces(good, defective), by):
            return run.result
        if final:
            carrying.final(env, run, number, by=by)
        agreements.tell(env, run, sorted({refund.shop} & set(env.shops())))
        return run.result


def _take(
    env: Env, run: RunHandle, refund: Refund, lines: Sequence[RefundLine], wanted: Mapping[str, Mapping[str, int]], by: str
) -> bool:  # fmt: skip
    """Note what came back and finish the receipt; False when it was not taken."""
    number = refund.refund_no
    full = finished(env, run, [refund])[refund.order_no]
    if run.result.counts.get("finished"):
        # A stored intent beats a fresh decision: this may well be the receipt that was cut.
        run.result.hint = "an unfinished receipt of this refund was finished; type it again if more came back"
        return False
    try:
        back = rules.place_back(full.ship_lines, lines, dict(wanted["good"]), dict(wanted["defective"]))
    except ValueError as error:
        raise BadRequest(str(error), hint=f"oms order show {refund.order_no}") from error
    change = noting(env, refund, lines, full, back, by)
    key = intend(env, run, {number: wanted}, by)[number]
    for _, reason in note(env, run, [change], {number: key}):
        run.result.add(Item(ref=number, did="refused", reason=reason, shop=refund.shop))
        return False
    return True


def intend(env: Env, run: RunHandle, wanted: Mapping[str, Mapping[str, Any]], by: str) -> dict[str, str]:
    """Write the tasks of receipts (refund_no → what came back), and who says so; others leave them alone for a while.

    Returns:
        refund_no → key of its task.
    """
    keys = {number: f"{KIND}:{run.id}:{number}" for number in wanted}
    now, due = env.clock.now(), env.ledger.now() + timedelta(seconds=LEASE_S)
    env.ledger.audit(
        [AuditEntry(at=now, who=by, act="refund_receive", ref=no, facts=dict(facts)) for no, facts in wanted.items()]
    )
    env.ledger.add_tasks(
        [Task(key=keys[no], kind=KIND, ref=no, due_at=due, payload=dict(facts)) for no, facts in wanted.items()]
    )
    gaps.gap(INTENDED)
    return keys


def note(env: Env, run: RunHandle, changes: Sequence[RefundChange], keys: Mapping[str, str]) -> list[tuple[str, str]]:
    """Write what came back onto refunds, and finish these receipts.

    Args:
        keys: refund_no → key of its task.

    Returns:
        (refund_no, reason) of those that changed meanwhile; their tasks are void.
    """
    outcomes = {o.key: o for o in env.orders.apply_refunds(list(changes), run_id=run.id)}
    lost = [(no, o.result) for no, o in outcomes.items() if not o.ok]
    env.ledger.settle_tasks([(keys[no], "void", reason) for no, reason in lost])
    done = [no for no, o in outcomes.items() if o.ok]
    if done:
        gaps.gap(NOTED)
        finish(env, run, [refund for refund, _ in env.orders.refunds(done).values()], [(keys[no], no) for no in done])
    return lost


def _pieces(good: Mapping[str, int], defective: Mapping[str, int]) -> dict[str, dict[str, int]]:
    if not good and not defective:
        raise BadRequest("name what came back", hint="oms refund receive NUMBER --good SKU=PIECES")
    if any(n <= 0 for part in (good, defective) for n in part.values()):
        raise BadRequest("pieces are whole numbers from 1 up", hint="oms refund receive NUMBER --good SKU=PIECES")
    return {"good": dict(good), "defective": dict(defective)}


def noting(
    env: Env, refund: Refund, lines: Sequence[RefundLine], full: FullOrder, back: Sequence[rules.Returned], by: str
) -> RefundChange:
    """The refund with what came back; the step's facts say where each piece goes."""
    where = {s.ship_no: env.settings.refunds.returns_to or s.warehouse for s in full.ship_lines}
    added: dict[int, tuple[int, int]] = {}
    for b in back:
        g, d = added.get(b.line_no, (0, 0))
        added[b.line_no] = (g + b.good, d + b.defective)
    known = {line.line_no: line for line in lines}
    fresh = [
        msgspec.structs.replace(
            known.get(no)
            or RefundLine(refund_no=refund.refund_no, order_no=refund.order_no, line_no=no, qty=0, amount_minor=0),
            good_qty=(known[no].good_qty if no in known else 0) + g,
            defective_qty=(known[no].defective_qty if no in known else 0) + d,
        )
        for no, (g, d) in added.items()
    ]
    # A refund of ours is back when all of it is, and once it was agreed to: `jobs/carrying.py` sees to that.
    open_ = refund.authority != "us" and refund.status in (RefundStatus.ASKED, RefundStatus.APPROVED)
    return RefundChange(
        refund_no=refund.refund_no, order_no=refund.order_no, expect=refund.version, reason=STEP,
        facts={"by": by, "back": [[b.ship_no, b.sku, where[b.ship_no], b.good, b.defective] for b in back]},
        set={"status": RefundStatus.GOODS_BACK} if open_ else {}, lines=tuple(fresh),
    )  # fmt: skip


# ------------------------------------------------------------------ finishing


def sweep(env: Env, run: RunHandle, shops: tuple[str, ...]) -> None:
    """Finish receipts that were cut in the middle, and write what is to be told about goods that are back."""
    after = ""
    while found := env.orders.find_refunds(statuses=[RefundStatus.GOODS_BACK], shops=shops, limit=200, after=after):
        after = found[-1].refund_no
        finished(env, run, found)
    while tasks := env.ledger.due_tasks(KIND, limit=200, lease_s=LEASE_S, worker=run.worker):
        kept = env.orders.refunds(sorted({t.ref for t in tasks}))
        finish(env, run, [refund for refund, _ in kept.values()], [(t.key, t.ref) for t in tasks])


def finish(env: Env, run: RunHandle, refunds: Sequence[Refund], tasks: Sequence[tuple[str, str]]) -> None:
    """Finish receipts and settle their tasks (key, refund_no); one that cannot be finished now comes again."""
    orders = finished(env, run, refunds)
    left = {refund.refund_no for refund, _ in _unshown(env, refunds, orders)}
    carrying.advance(env, run, [r.refund_no for r in refunds if _goes_on(r) and r.refund_no not in left])
    env.ledger.settle_tasks([(key, "done", "") for key, ref in tasks if ref not in left])


def _goes_on(refund: Refund) -> bool:
    """Whether goods that are back let something else go: the money, or the goods of an exchange."""
    return refund.authority == "us" or refund.kind == RefundKind.EXCHANGE


def finished(env: Env, run: RunHandle, refunds: Sequence[Refund]) -> dict[str, FullOrder]:
    """Bring every noted receipt of these refunds into stock and onto its order; returns the orders as they are then."""
    orders = env.orders.load(sorted({r.order_no for r in refunds}))
    open_steps = _unshown(env, refunds, orders)
    if open_steps:
        moves = [m for _, step in open_steps for m in _moves(env, step)]
        stored = {o.key: o for part in chunks(moves, 500) for o in env.stock.move(part, run_id=run.id)}
        gaps.gap(STORED)
        done = [(r, s) for r, s in open_steps if all(stored[m.key].ok for m in _moves(env, s))]
        _show(env, run, done, orders)
        gaps.gap(SHOWN)
        orders = env.orders.load(list(orders))
    told = [r for r in refunds if r.status == RefundStatus.GOODS_BACK]
    agreements.intend(env, run, [(r, "goods_received", "") for r in told], quiet=True)
    return orders


def _unshown(env: Env, refunds: Sequence[Refund], orders: Mapping[str, FullOrder]) -> list[tuple[Refund, Step]]:
    """Receipts that the order's ship lines do not show: pieces on the refunds against pieces on the lines.

    Histories are read only for orders where the two differ.
    """
    every = sorted({r.refund_no for no in orders for r in orders[no].refunds} | {r.refund_no for r in refunds})
    kept = {no: pair for part in chunks(every, 500) for no, pair in env.orders.refunds(part).items()}
    noted: dict[str, int] = {}
    for refund, lines in kept.values():
        back = sum(line.good_qty + line.defective_qty for line in lines)
        noted[refund.order_no] = noted.get(refund.order_no, 0) + back
    out: list[tuple[Refund, Step]] = []
    for no, full in orders.items():
        if noted.get(no, 0) == sum(s.returned_qty for s in full.ship_lines):
            continue
        shown = {key for step in env.orders.history(no) for key in step.facts.get(_DONE, ())}
        for refund in (r for r, _ in kept.values() if r.order_no == no):
            steps = [s for s in env.orders.history(refund.refund_no) if s.reason == STEP]
            out += [(refund, s) for s in steps if _step_key(s) not in shown]
    return out


def _step_key(step: Step) -> str:
    return f"{step.ref}:{step.version}"


def _moves(env: Env, step: Step) -> list[StockMove]:
    """Stock movements of one receipt, once per place, SKU and grade."""
    sums: dict[tuple[str, str, str], int] = {}
    for _, sku, warehouse, good, defective in step.facts["back"]:
        for grade, n in (("good", good), ("defective", defective)):
            if n:
                sums[warehouse, sku, grade] = sums.get((warehouse, sku, grade), 0) + n
    return [
        StockMove(
            key=f"return:{_step_key(step)}:{sku}:{grade}", kind="return" if grade == "good" else "defective",
            warehouse=warehouse, sku=sku, on_hand=n if grade == "good" else 0, defective=n if grade == "defective" else 0,
            ref=step.ref, at=env.clock.now(),
        )
        for (warehouse, sku, grade), n in sorted(sums.items())
    ]  # fmt: skip


def _show(env: Env, run: RunHandle, done: Sequence[tuple[Refund, Step]], orders: Mapping[str, FullOrder]) -> None:
    by_order: dict[str, list[tuple[Refund, Step]]] = {}
    for refund, step in done:
        by_order.setdefault(refund.order_no, []).append((refund, step))
    changes = [_showing(orders[no], [s for _, s in pairs]) for no, pairs in by_order.items()]
    outcomes = {o.key: o for part in chunks(changes, 500) for o in env.orders.apply(part, run_id=run.id)}
    for no, pairs in by_order.items():
        for refund, step in pairs:
            ok = outcomes[no].ok
            facts: dict[str, Any] = {"back": step.facts["back"]}
            run.result.add(
                Item(ref=refund.refund_no, did="received" if ok else "waiting", shop=refund.shop, facts=facts)
            )
            if ok and step.run_id != run.id:
                run.result.count("finished")


def _showing(full: FullOrder, steps: Sequence[Step]) -> Change:
    more: dict[int, int] = {}
    for step in steps:
        for ship_no, _, _, good, defective in step.facts["back"]:
            more[ship_no] = more.get(ship_no, 0) + good + defective
    lines: list[ShipLine] = [
        msgspec.structs.replace(s, returned_qty=s.returned_qty + more[s.ship_no])
        for s in full.ship_lines
        if s.ship_no in more
    ]
    return Change(
        order_no=full.order.order_no, expect=full.order.version, reason=STEP,
        facts={_DONE: [_step_key(s) for s in steps]}, ship_lines=tuple(lines),
    )  # fmt: skip
