"""sync windows: what was pulled with which proof, and the operator's word for what cannot be proven."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase

import msgspec

from jobs.env import Env
from jobs.errors import BadMove, UnknownThing
from jobs.results import Item, Result
from stores.records import AuditEntry, Watermark, Window


def listing(
    env: Env,
    *,
    shops: Sequence[str] = (),
    kind: str = "",
    state: str = "",
    since: datetime | None = None,
    limit: int = 200,
) -> list[Window]:
    """Windows by shop, kind and start."""
    found = env.ledger.windows(kind=kind, state=state, since=since, limit=limit)
    return [w for w in found if not shops or any(fnmatchcase(w.shop, p) for p in shops)]


def accept(env: Env, window_id: str, *, reason: str, by: str) -> Result:
    """Close an open window by an operator's word; the reason is kept on it and audited."""
    with env.run("sync windows accept", window_id=window_id, by=by) as run:
        found = [w for w in env.ledger.windows(state="open", limit=100_000) if w.window_id == window_id]
        if not found:
            raise UnknownThing(f"open window {window_id!r}", hint="oms sync windows list --state open")
        if not reason.strip():
            raise BadMove("a window is accepted with a reason", hint="oms sync windows accept ID --reason TEXT")
        window, now = found[0], env.clock.now()
        closed = msgspec.structs.replace(window, state="closed", proof="accepted", reason=reason, closed_at=now)
        env.ledger.put_window(closed, lease=None)
        env.ledger.audit([AuditEntry(at=now, who=by, act="accept_window", ref=window_id, facts={"reason": reason})])
        _prove(env, window)
        run.result.add(Item(ref=window_id, did="accepted", reason=reason, shop=window.shop))
        return run.result


def _prove(env: Env, window: Window) -> None:
    """Let `proven` rise to the first window that is still open."""
    mark = env.ledger.marks().get((window.shop, window.kind, window.scan))
    if mark is None or mark.frontier is None:
        return
    still = env.ledger.windows(shop=window.shop, kind=window.kind, state="open")
    starts = [w.start for w in still if w.scan == window.scan]
    env.ledger.set_mark(
        Watermark(
            shop=mark.shop,
            kind=mark.kind,
            scan=mark.scan,
            frontier=mark.frontier,
            proven=min([*starts, mark.frontier]),
            cursor=mark.cursor,
        ),
        lease=None,
    )
