"""oms status: where everything stands. Reads only, counts in sets, answers from the stores without asking a platform."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.catalogue import late
from jobs.schema import OWN
from jobs.shops import rests_until
from stores.records import Progress, Window

if TYPE_CHECKING:
    from jobs.env import Env

#: progress → the command that moves orders on
_NEXT = {
    Progress.UNPAID: "oms sync orders",
    Progress.CREATED: "oms order audit",
    Progress.AUDITED: "oms order source",
    Progress.SOURCED: "oms merge run",
    Progress.MERGED: "oms parcel handover",
    Progress.PARTLY_SHIPPED: "oms parcel ship",
    Progress.SHIPPED: "oms order complete",
}
#: states of effects that are not settled, and those that want a person
_OPEN_EFFECTS = ("intent", "sent", "accepted", "unknown")
_STUCK_EFFECTS = ("parked", "refused")
_MANY = 500


def status(env: Env) -> dict[str, Any]:
    """Shops with their marks and lag, stages with what waits, the inbox, effects, parked things, alerts, late jobs."""
    inbox = Counter[tuple[str, str]]()
    for (_, kind, state), n in env.inbox.counts().items():
        inbox[kind, state] += n
    standing = env.reports.standing()
    effects = {state: len(env.ledger.effects(state=state, limit=_MANY)) for state in _OPEN_EFFECTS + _STUCK_EFFECTS}
    return {
        "at": env.clock.now(),
        "shops": _shops(env),
        "stages": _stages(env),
        "held": sum(n for (_, word), n in env.orders.counts().items() if word == "held"),
        "inbox": [{"kind": k, "state": s, "documents": n} for (k, s), n in sorted(inbox.items())],
        "oldest_waiting_document": env.inbox.oldest_waiting(),
        "effects": {state: n for state, n in effects.items() if n},
        "parked": sum(n for (_, state), n in inbox.items() if state == "parked") + effects["parked"],
        "alerts": [
            {
                "key": a.key,
                "severity": a.severity,
                "title": a.title,
                "count": a.count,
                "last_at": a.last_at,
                "hint": a.hint,
            }
            for a in env.ledger.alerts(open_only=True)
        ],
        "settlement": env.settlement.aging(),
        "late_jobs": late(env),
        # the figures of `oms report` reflect the orders up to here
        "reports_as_of": standing.at if standing else None,
    }


def _shops(env: Env) -> list[dict[str, Any]]:
    """One row per shop and kind that was ever pulled, and one per enabled shop that never was; what is imported and
    never pulled has no marks that could lag."""
    now = env.clock.now()
    marks: dict[tuple[str, str], tuple[datetime | None, datetime | None]] = {}
    for (shop, kind, _), mark in env.ledger.marks().items():
        frontier, proven = marks.get((shop, kind), (mark.frontier, mark.proven))
        marks[shop, kind] = (_earlier(frontier, mark.frontier), _earlier(proven, mark.proven))
    for alias, section in env.shops().items():
        if not any(shop == alias for shop, _ in marks):
            marks[alias, "imported" if section.platform == OWN else "orders"] = (None, None)
    waiting: dict[tuple[str, str], list[Window]] = {}
    for window in env.ledger.windows(state="open", limit=_MANY):
        waiting.setdefault((window.shop, window.kind), []).append(window)
    rows = []
    for (shop, kind), (frontier, proven) in sorted(marks.items()):
        windows = waiting.get((shop, kind), [])
        rows.append(
            {
                "shop": shop,
                "kind": kind,
                "frontier": frontier,
                "proven": proven,
                "lag_s": round((now - frontier).total_seconds()) if frontier else None,
                "unproven_s": round((frontier - proven).total_seconds()) if frontier and proven else None,
                "open_windows": len(windows),
                "oldest_open": min((w.start for w in windows), default=None),
                "rests_until": rests_until(env, shop),
            }
        )
    return rows


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two marks; what has none at all has none proven."""
    return min(one, other) if one and other else None


def _stages(env: Env) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for (_, word), n in env.orders.counts().items():
        counts[word] += n
    oldest = env.orders.oldest()
    return [
        {"stage": p.value, "orders": counts[p], "oldest": oldest.get(p), "next": _NEXT.get(p, "")}
        for p in Progress
        if counts[p]
    ]
