"""order complete: shipped orders end when the platform says so (that comes with push), or after their time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from jobs.env import Env
from jobs.results import Item, Result
from stores.contracts import Change
from stores.records import Progress


def complete(env: Env, *, shops: Sequence[str] = (), limit: int = 0, dry_run: bool = False) -> Result:
    """Complete orders that were shipped longer ago than settings `[complete] after` and have no open refund."""
    with env.run("order complete", dry_run=dry_run, shops=shops, limit=limit) as run:
        before = env.clock.now() - timedelta(seconds=env.settings.complete.after)
        names = set(env.shops(shops)) if shops else None
        left = limit or 1 << 60
        for batch in env.orders.scan(progress=[Progress.SHIPPED]):
            due = [
                f.order for f in batch
                if f.order.changed_at <= before and f.order.refund_state != "asked" and (names is None or f.order.shop in names)
            ][:left]  # fmt: skip
            left -= len(due)
            if dry_run:
                for o in due:
                    run.result.add(Item(ref=o.order_no, did="completed", shop=o.shop))
            else:
                changes = [
                    Change(order_no=o.order_no, expect=o.version, to=Progress.COMPLETED, reason="after_time")
                    for o in due
                ]
                for outcome in env.orders.apply(changes, run_id=run.id):
                    run.result.add(
                        Item(ref=outcome.key, did="completed" if outcome.ok else "waiting", reason=outcome.reason)
                    )
            if left <= 0 or run.stopping:
                break
            run.beat()
        return run.result
