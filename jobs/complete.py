"""order complete: shipped orders end when the platform says so, or after their time.

The platform's word usually comes with push. Here each shipped order is looked at once, soon after it left: what the
platform had completed before we knew it left completes at once, the others get the time at which they are due again.
So a run reads what is due and not everything that was ever shipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.documents import OrderDocument
from jobs import moving
from jobs.env import Env, RunHandle
from jobs.results import Item, Result
from jobs.storing import inbox_key
from stores.contracts import Change
from stores.records import FullOrder, Progress, RefundState

SIZE = 200
LEASE_S = 60.0
#: an order whose refund is still open is looked at again after
_REFUND_S = 86400.0
_decode: Callable[[bytes], OrderDocument] = msgspec.json.Decoder(OrderDocument).decode


def complete(env: Env, *, shops: Sequence[str] = (), limit: int = 0, dry_run: bool = False) -> Result:
    """Complete what the buyers have received, or had time to. An open refund keeps its order from completing."""
    with env.run("order complete", dry_run=dry_run, shops=shops, limit=limit) as run:
        for work in moving.work(
            env, run, Progress.SHIPPED, shops=shops, orders=(), limit=limit, size=SIZE, lease_s=LEASE_S
        ):
            _batch(env, run, work)
        return run.result


def _batch(env: Env, run: RunHandle, work: moving.Work) -> None:
    said = _said(env, work.orders)
    changes = [_change(env, full, said.get(full.order.order_no, ""), work.token) for full in work.orders]
    if run.result.dry_run:
        for full, change in zip(work.orders, changes, strict=True):
            if change.to is not None:
                ref, shop = full.order.order_no, full.order.shop
                run.result.add(Item(ref=ref, did="completed", reason=change.reason, shop=shop))
        return
    outcomes = moving.write(env, run, changes, stage="complete")
    for change in changes:
        outcome = outcomes[change.order_no]
        if not outcome.ok:
            moving.missed(run, outcome)
        else:
            run.result.count("completed" if change.to is not None else "waiting")


def _said(env: Env, fulls: Sequence[FullOrder]) -> Mapping[str, str]:
    """order_no → status in the newest document of those that have not been looked at."""
    keys = {
        inbox_key("orders", f.order.platform, f.order.seller_id, f.order.platform_order_no): f.order.order_no
        for f in fulls
        if f.order.due_at is None
    }
    found = env.inbox.get(list(keys)) if keys else {}
    return {keys[key]: _decode(e.document).status for key, e in found.items() if e.document}


def _change(env: Env, full: FullOrder, said: str, token: str | None) -> Change:
    head, now = full.order, env.clock.now()

    def made(reason: str, *, to: Progress | None = None, due: datetime | None = None) -> Change:
        return Change(
            order_no=head.order_no, expect=head.version, to=to, reason=reason, set={"due_at": due}, token=token
        )

    if said == "completed":
        return made("completed_there", to=Progress.COMPLETED)
    if head.due_at is None:
        return made("complete.waits", due=now + timedelta(seconds=env.settings.complete.after))
    if head.refund_state == RefundState.ASKED:
        return made("complete.refund_asked", due=now + timedelta(seconds=_REFUND_S))
    return made("after_time", to=Progress.COMPLETED)
