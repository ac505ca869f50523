"""What the stage movers share: which orders a run works on, and how their changes are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from jobs.batches import bisect, chunks
from jobs.env import Env, RunHandle
from jobs.orders import loaded
from jobs.results import Item
from stores.contracts import PARTS, Change, OrderQuery
from stores.records import FullOrder, Hold, Outcome, Progress

#: changes in one call of a store
BATCH = 500


class Work(NamedTuple):
    """Orders of one batch, in order of (ship_by, order_no). `token` None: not claimed (dry run, or named orders)."""

    orders: tuple[FullOrder, ...]
    token: str | None


def work(
    env: Env, run: RunHandle, progress: Progress, *, shops: Sequence[str], orders: Sequence[str], limit: int, size: int,
    lease_s: float, parts: Collection[str] = PARTS,
) -> Iterator[Work]:  # fmt: skip
    """The batches of a run: claimed ones; without a claim when it is dry; or just the named orders.

    Named orders that are elsewhere or held are told as skipped. Stops between two batches when the run is asked to.
    What the stage wrote is secured after the last batch: until then a power cut may put orders back into the stage.

    Args:
        parts: of `stores.contracts.PARTS`, what the job looks at; claimed orders have no more than that.
    """
    names = tuple(env.shops(shops)) if shops else ()
    if orders:
        yield from _named(env, run, progress, orders, size)
    elif run.result.dry_run:
        yield from _listed(env, run, progress, names, limit, size)
    else:
        yield from _claimed(env, run, progress, names, limit, size, lease_s, parts)
    if not run.result.dry_run:
        env.orders.secure()


def _claimed(
    env: Env, run: RunHandle, progress: Progress, shops: tuple[str, ...], limit: int, size: int, lease_s: float,
    parts: Collection[str],
) -> Iterator[Work]:  # fmt: skip
    after, left = None, limit or 1 << 60
    while left > 0 and not run.stopping:
        claimed = env.orders.claim(
            progress, limit=min(size, left), lease_s=lease_s, worker=run.worker, shops=shops, after=after, parts=parts
        )
        after, left = claimed.after, left - len(claimed.orders)
        if claimed.orders:
            yield Work(claimed.orders, claimed.token)
            run.beat()
        if after is None:
            return


def _named(env: Env, run: RunHandle, progress: Progress, orders: Sequence[str], size: int) -> Iterator[Work]:
    chosen = []
    for number, full in loaded(env, orders).items():
        reason = "held" if full.order.held else "" if full.order.progress == progress else f"is_{full.order.progress}"
        if reason:
            run.result.add(Item(ref=number, did="skipped", reason=reason, shop=full.order.shop))
        else:
            chosen.append(full)
    for part in chunks(sorted(chosen, key=_urgency), size):
        if run.stopping:
            return
        yield Work(tuple(part), None)


def _listed(
    env: Env, run: RunHandle, progress: Progress, shops: tuple[str, ...], limit: int, size: int
) -> Iterator[Work]:
    """What a claim would give, without taking it: only numbers are kept for the whole run."""
    now, found = env.clock.now(), []
    query, after = OrderQuery(shops=shops, progress=(progress,), held=False), None
    while True:
        page, after = env.orders.find(query, limit=BATCH, after=after)
        found += [
            (o.ship_by is None, o.ship_by or now, o.order_no) for o in page if o.due_at is None or o.due_at <= now
        ]
        if after is None:
            break
    numbers = [number for *_, number in sorted(found)[: limit or None]]
    for part in chunks(numbers, size):
        if run.stopping:
            return
        fulls = env.orders.load(part)
        yield Work(tuple(fulls[n] for n in part if n in fulls), None)


def _urgency(full: FullOrder) -> tuple[bool, float, str]:
    by = full.order.ship_by
    return (by is None, by.timestamp() if by else 0.0, full.order.order_no)


def load(env: Env, order_nos: Iterable[str], *, parts: Collection[str] = PARTS) -> dict[str, FullOrder]:
    """Whole orders in sets of what a store takes at once; `parts` as in `Orders.load`."""
    found: dict[str, FullOrder] = {}
    for part in chunks(sorted(set(order_nos)), BATCH):
        found |= env.orders.load(part, parts=parts)
    return found


def write(
    env: Env, run: RunHandle, changes: Sequence[Change], *, stage: str, lasting: bool = True
) -> dict[str, Outcome]:
    """Apply changes in batches; returns the outcome per order. `lasting`: as in `Orders.apply`.

    One that breaks a rule of the store is found by bisection and its order held with ``{stage}.bad_item``, so that
    it stops neither its batch nor the next run; its outcome is ``refused``.
    """
    outcomes: dict[str, Outcome] = {}
    for part in chunks(changes, BATCH):
        good, bad = bisect(part, lambda some: env.orders.apply(some, run_id=run.id, lasting=lasting))
        outcomes |= {change.order_no: outcome for change, outcome in good}
        for change, error in bad:
            outcomes[change.order_no] = Outcome(key=change.order_no, result="refused", reason="bad_item")
            _hold_bad(env, run, change, str(error), f"{stage}.bad_item")
    return outcomes


def _hold_bad(env: Env, run: RunHandle, change: Change, error: str, code: str) -> None:
    facts = {"error": error[:300]}
    hold = Hold(order_no=change.order_no, code=code, facts=facts, since=env.clock.now())
    env.orders.apply(
        [Change(order_no=change.order_no, expect=change.expect, reason=code, facts=facts, hold=(hold,), token=change.token)],
        run_id=run.id,
    )  # fmt: skip
    run.result.add(Item(ref=change.order_no, did="held", reason=code, facts=facts))


def missed(run: RunHandle, outcome: Outcome) -> None:
    """Count an order that somebody else moved first; the next run finds it as it is then."""
    if outcome.reason != "bad_item":
        run.result.count("passed_over")
