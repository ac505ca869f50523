"""order expire: what has passed its time. Holds with an end are released; unpaid orders that we own close, by tasks that
survive restarts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import msgspec

from jobs import gaps
from jobs.env import Env, RunHandle
from jobs.results import Item, Result
from jobs.schema import OWN
from stores.contracts import Change, OrderQuery
from stores.records import FullOrder, Order, Progress, Task

KIND = "expire_order"
BATCH = 200
LEASE_S = 60.0
HELD = "held"
PAYING = "being_paid"
#: so long after its end a payment that is still open keeps its order from closing no more
PATIENCE = timedelta(minutes=15)
CLOSED = gaps.declare(
    "expire.closed",
    before="unpaid orders are cancelled",
    after="their tasks are settled",
    sweep="order expire: a task whose order is closed already is settled as such after its lease",
)


def expire(env: Env, *, limit: int = 0, dry_run: bool = False) -> Result:
    """Release ended holds, then cancel what is due. Orders that were paid, closed or are not ours only lose their task."""
    with env.run("order expire", dry_run=dry_run, limit=limit) as run:
        left = limit or 1 << 60
        _release_ended(env, run)
        if dry_run:
            _preview(env, run, left)
            return run.result
        _schedule(env, run)
        while left > 0 and not run.stopping:
            tasks = env.ledger.due_tasks(KIND, limit=min(BATCH, left), lease_s=LEASE_S, worker=run.worker)
            if not tasks:
                break
            left -= len(tasks)
            _batch(env, run, tasks)
            run.beat()
        return run.result


def _release_ended(env: Env, run: RunHandle) -> None:
    """Release holds whose `until` has passed. An order that somebody moves just now is left to the next run."""
    while not run.stopping:
        heads = env.orders.heads(sorted({h.order_no for h in env.orders.expired_holds(limit=BATCH)}))
        # Looked up again after the versions were read: what another run releases meanwhile changes its order's version.
        ended = [h for h in env.orders.expired_holds(limit=BATCH) if h.order_no in heads]
        codes: dict[str, list[str]] = {}
        for hold in ended:
            codes.setdefault(hold.order_no, []).append(hold.code)
        if run.result.dry_run:
            for no, names in codes.items():
                run.result.add(Item(ref=no, did="released", reason=",".join(sorted(names)), shop=heads[no].shop))
            return
        changes = [
            Change(
                order_no=no, expect=heads[no].version, reason="hold.ended", facts={"codes": sorted(names)},
                release=tuple(names), was=heads[no].progress,
            )
            for no, names in codes.items()
        ]  # fmt: skip
        outcomes = env.orders.apply(changes, run_id=run.id)
        if codes:
            run.result.count("released", sum(o.ok for o in outcomes))
        if len(ended) < BATCH or not all(o.ok for o in outcomes):
            return
        run.beat()


def _preview(env: Env, run: RunHandle, left: int) -> None:
    """Unpaid own orders older than `[expire] after`; a task is not looked at, since that would take it."""
    until = env.clock.now() - timedelta(seconds=env.settings.expire.after)
    query, after = OrderQuery(platforms=(OWN,), progress=(Progress.UNPAID,), until=until), None
    while left > 0:
        page, after = env.orders.find(query, limit=min(BATCH, left), after=after)
        left -= len(page)
        for order in (o for o in page if not o.linked_to):
            run.result.add(Item(ref=order.order_no, did="cancelled", reason="expired", shop=order.shop))
        if after is None:
            return


def _schedule(env: Env, run: RunHandle) -> None:
    """See that every unpaid order of our own has its task, whoever made the order; a task has one key."""
    after, late = None, timedelta(seconds=env.settings.expire.after)
    while not run.stopping:
        page, after = env.orders.find(OrderQuery(platforms=(OWN,), progress=(Progress.UNPAID,)), limit=500, after=after)
        tasks = [Task(key=f"expire:{o.order_no}", kind=KIND, ref=o.order_no, due_at=o.ordered_at + late) for o in page]
        if tasks:
            env.ledger.add_tasks(tasks)
        if after is None:
            return


def _batch(env: Env, run: RunHandle, tasks: Sequence[Task]) -> None:
    fulls = env.orders.load(list(dict.fromkeys(t.ref for t in tasks)))
    paying = _being_paid(env, list(fulls))
    reasons = {t.ref: _why_not(fulls[t.ref].order, paying) if t.ref in fulls else "unknown_order" for t in tasks}
    done = env.orders.apply([_cancel(fulls[no]) for no, reason in reasons.items() if not reason], run_id=run.id)
    gaps.gap(CLOSED)
    results = {o.key: o.result for o in done}
    settled: list[tuple[str, str, str]] = []
    for task in tasks:
        shop = fulls[task.ref].order.shop if task.ref in fulls else ""
        if reasons[task.ref] in (HELD, PAYING):
            # It does not move; its task comes again after its lease.
            run.result.add(Item(ref=task.ref, did="waiting", reason=reasons[task.ref], shop=shop))
        elif reasons[task.ref]:
            settled.append((task.key, "void", reasons[task.ref]))
            run.result.add(Item(ref=task.ref, did="void", reason=reasons[task.ref], shop=shop))
        elif results[task.ref] == "done":
            settled.append((task.key, "done", "expired"))
            run.result.add(Item(ref=task.ref, did="cancelled", reason="expired", shop=shop))
        else:
            # Somebody moved it just now (a payment): its task comes again after its lease.
            run.result.add(Item(ref=task.ref, did="waiting", reason=results[task.ref], shop=shop))
    env.ledger.settle_tasks(settled)


def _being_paid(env: Env, order_nos: Sequence[str]) -> set[str]:
    """Orders with a payment that may still be paid: its channel is asked first, and closes it."""
    late = env.clock.now() - PATIENCE
    found = env.orders.find_payments(statuses=("open",), order_nos=order_nos, limit=1 << 30) if order_nos else []
    return {p.order_no for p in found if p.expires_at > late}


def _why_not(order: Order, paying: Collection[str]) -> str:
    if order.platform != OWN:
        return "not_ours"
    if order.progress != Progress.UNPAID:
        return f"is_{order.progress}"
    if order.order_no in paying:
        return PAYING
    if order.linked_to:
        return "linked"  # it waits for the buyer's difference as long as its refund stands
    return HELD if order.held else ""


def _cancel(full: FullOrder) -> Change:
    return Change(
        order_no=full.order.order_no, expect=full.order.version, to=Progress.CANCELLED, reason="expired",
        release=tuple(h.code for h in full.holds if h.released_at is None),
        ship_lines=tuple(msgspec.structs.replace(s, status="closed") for s in full.ship_lines),
    )  # fmt: skip
