"""Telling people about an alert, through every target of the settings that wants its severity."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from adapters.errors import AdapterError

if TYPE_CHECKING:
    from jobs.env import Env
    from stores.records import Alert

log = logging.getLogger("oms.alerts")
_RANK = {"info": 0, "warning": 1, "critical": 2}


def notify(env: Env, alert: Alert) -> bool:
    """Send to all targets; True when every one of them took it. One that fails is logged and asked again next time."""
    from adapters import notifiers
    from jobs.settings import secret

    done = True
    for wanted in env.settings.notify.targets:
        if _RANK[alert.severity] < _RANK[wanted.severity]:
            continue
        target = notifiers.Target(
            kind=wanted.kind, url=secret(wanted.url, env.root),
            secret=secret(wanted.secret, env.root) if wanted.secret else lambda: "",
            to=wanted.to, transport=env.transport,  # type: ignore[arg-type]  # httpx stays out of the jobs' signatures
        )  # fmt: skip
        message = notifiers.AlertMessage(title=alert.title, severity=alert.severity, hint=alert.hint, count=alert.count)
        try:
            notifiers.make(target).send(message)
        except AdapterError as error:
            log.warning("alert %s not told: %s", alert.key, error)
            done = False
    return done
