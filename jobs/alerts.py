"""Alerts: kept in the ledger, counted while open, told to people once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.errors import BadSettings
from jobs.notifying import notify
from jobs.results import Item, Result

if TYPE_CHECKING:
    from jobs.env import Env
    from stores.records import Alert

log = logging.getLogger("oms.alerts")


def tell(env: Env, alert: Alert) -> Alert:
    """Raise an alert in the ledger and tell people, once while it is open. Never stops the job that found the trouble.

    Returns:
        The alert as it stands, counted up when it was open.
    """
    kept = env.ledger.raise_alert(alert)
    if kept.count == 1:
        # once: under cron each word is a mail
        log.warning("%s", kept.title)
    if kept.notified_at is not None or not env.settings.notify.targets:
        return kept
    try:
        told = notify(env, kept)
    except BadSettings as error:
        log.warning("alert %s not told: %s", kept.key, error)
        told = False
    if told:
        env.ledger.mark_notified(kept.key)
    return kept


def listing(env: Env, *, all: bool = False) -> list[Alert]:
    """Open alerts, newest first; `all`: the acknowledged ones too."""
    return env.ledger.alerts(open_only=not all)


def ack(env: Env, keys: Sequence[str], *, by: str) -> Result:
    """Acknowledge alerts: they close, and the same trouble opens a new one."""
    with env.run("alerts ack", keys=list(keys), by=by) as run:
        for outcome in env.ledger.ack_alerts(keys, by=by):
            did = "acked" if outcome.ok else "refused"
            run.result.add(Item(ref=outcome.key, did=did, reason=outcome.reason))
        return run.result
