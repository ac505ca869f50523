"""order cancel: by a person's word. Parcels are stopped first; stock and demand are given back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from jobs import gaps
from jobs.env import Env, RunHandle
from jobs.orders import loaded
from jobs.results import Item, Result
from jobs.rules.states import may_move
from stores.contracts import Change
from stores.records import FullOrder, Progress

FREED = gaps.declare(
    "cancel.freed",
    before="the stock of a cancelled order was given back",
    after="the order is cancelled",
    sweep="order cancel again, or reconcile stock: an audited order without stock is sourced anew",
)
CANCELLED = gaps.declare(
    "cancel.written",
    before="the order is cancelled",
    after="its demand is given back",
    sweep="reconcile stock: demand of a cancelled order is a difference with a repair",
)


def cancel(env: Env, numbers: Sequence[str], *, reason: str, by: str, dry_run: bool = False) -> Result:
    """Cancel orders here. What is at a warehouse is stopped first: `asked` waits for its answer, `too_late` is refused."""
    from jobs.parcel_stop import stop_for

    with env.run("order cancel", dry_run=dry_run, reason=reason, by=by) as run:
        fulls = loaded(env, numbers)
        may = {n: f for n, f in fulls.items() if may_move(f.order.progress, Progress.CANCELLED)}
        for number, full in fulls.items():
            if number not in may:
                run.result.add(
                    Item(ref=number, did="refused", reason=f"is_{full.order.progress}", shop=full.order.shop)
                )
        if dry_run:
            for number, full in may.items():
                run.result.add(Item(ref=number, did="cancelled", reason=reason, shop=full.order.shop))
            return run.result
        merged = [n for n, f in may.items() if f.order.progress == Progress.MERGED]
        answers = stop_for(env, run, merged, reason=f"cancel.{reason}") if merged else {}
        for number, answer in answers.items():
            if answer != "stopped":
                run.result.add(
                    Item(ref=number, did="refused", reason=f"parcel_{answer}", shop=may.pop(number).order.shop)
                )
        _cancel(env, run.id, run.result, env.orders.load(list(may)), reason, by)
        return run.result


def called_off(env: Env, run: RunHandle, numbers: Sequence[str], *, reason: str, by: str) -> dict[str, str]:
    """Cancel orders as part of another job; order_no → why one is not cancelled, empty when it is (or was before)."""
    from jobs.parcel_stop import stop_for

    fulls = env.orders.load(list(numbers))
    why = {
        no: f"is_{f.order.progress}" for no, f in fulls.items() if not may_move(f.order.progress, Progress.CANCELLED)
    }
    why |= {no: "" for no, f in fulls.items() if f.order.progress == Progress.CANCELLED}
    merged = [no for no, f in fulls.items() if no not in why and f.order.progress == Progress.MERGED]
    answers = stop_for(env, run, merged, reason=f"cancel.{reason}") if merged else {}
    why |= {no: f"parcel_{answer}" for no, answer in answers.items() if answer != "stopped"}
    left = env.orders.load([no for no in fulls if no not in why])
    made = Result(job=run.result.job, run_id=run.id)
    _cancel(env, run.id, made, left, reason, by)
    after = env.orders.heads(list(left))
    return why | {no: "" if head.progress == Progress.CANCELLED else "changed" for no, head in after.items()}


def _cancel(env: Env, run_id: str, result: Result, fulls: dict[str, FullOrder], reason: str, by: str) -> None:
    if not fulls:
        return
    open_ones = env.stock.reservations(list(fulls))
    ids = [(r.reservation_id, r.warehouse) for rs in open_ones.values() for r in rs if r.state == "open"]
    if ids:
        env.stock.release(ids, run_id=run_id)
    gaps.gap(FREED)
    changes = [
        Change(
            order_no=no, expect=full.order.version, to=Progress.CANCELLED, reason=f"cancel.{reason}", facts={"by": by},
            set={"intent": ()}, waiting=(), release=tuple(h.code for h in full.holds if h.released_at is None),
            ship_lines=tuple(msgspec.structs.replace(s, status="closed") for s in full.ship_lines if not s.shipped_qty),
        )
        for no, full in fulls.items()
    ]  # fmt: skip
    done = env.orders.apply(changes, run_id=run_id)
    gaps.gap(CANCELLED)
    env.stock.unwant([o.key for o in done if o.ok])
    for outcome in done:
        shop = fulls[outcome.key].order.shop
        did = "cancelled" if outcome.ok else "refused"
        result.add(Item(ref=outcome.key, did=did, reason=reason if outcome.ok else outcome.result, shop=shop))
