"""reconcile payments: ask the channels about everything that is still open, and let their word win.

Payments are asked about when they are minutes old, then hourly, then daily (`jobs.rules.payments.CHECKS`); what expired is
asked about first and closed then. Money on its way back is read back. What waits in the inbox is applied.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobs import asking, late_money, notified, sending_back
from jobs.env import Env, RunHandle
from jobs.results import Result

JOB = "reconcile payments"


def reconcile(env: Env, *, channels: Sequence[str] = (), limit: int = 0) -> Result:
    """Ask about what is due.

    Args:
        channels: only these aliases. limit: at most so many payments, and as many refunds.
    """
    with env.run(JOB, channels=list(channels), limit=limit) as run:
        for alias in channels:
            env.channels.get(alias)  # a name that is none is told at once
        notified.drain(env, run, aliases=channels)
        for found in asking.due(env, run, channels=channels, limit=limit):
            asking.ask(env, run, found)
            run.beat()
        late_money.sweep(env, run)
        _backs(env, run, channels, limit)
        if run.result.counts.get("differs"):
            run.result.hint = "oms pay late"
        return run.result


def _backs(env: Env, run: RunHandle, channels: Sequence[str], limit: int) -> None:
    after, left = "", limit or 1 << 60
    while left > 0 and not run.stopping:
        found = env.orders.find_backs(due=True, limit=min(env.settings.payments.batch, left), after=after)
        if not found:
            return
        after, left = found[-1].back_no, left - len(found)
        if channels:
            kept = env.orders.payments(sorted({b.payment_no for b in found}))
            found = [b for b in found if kept[b.payment_no].channel in channels]
        sending_back.read_back(env, run, found)
        run.beat()
