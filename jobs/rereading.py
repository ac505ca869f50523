"""Reading a parked raw payload again, with the adapter of today: nothing that was pulled is ever lost to a bug."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.env import Env, RunHandle
from jobs.results import Item
from jobs.storing import store
from stores.errors import NotFound


def reread(env: Env, run: RunHandle, keys: Sequence[str]) -> list[str]:
    """Ask the platform for parked items without a document; returns the keys that now hold one.

    An item that has a number is asked for again (`Platform.current`), one without stays parked with its bytes.
    """
    entries = env.inbox.get(keys)
    ready = [k for k, e in entries.items() if e.document]
    unread = [e for e in entries.values() if not e.document]
    for alias in sorted({e.shop for e in unread}):
        numbers = [e.number for e in unread if e.shop == alias and not e.number.startswith("?")]
        kinds = {e.number: e.kind for e in unread if e.shop == alias}
        for kind in sorted(set(kinds.values())):
            wanted = [n for n in numbers if kinds[n] == kind]
            if not wanted:
                continue
            platform = env.platform(alias)
            found = [p for p in platform.current(wanted, kind=kind) if p.document is not None]
            store(env, alias, platform, kind, found)
            run.result.count("read_again", len(found))
    fresh = env.inbox.get([e.key for e in unread])
    for key, entry in fresh.items():
        if entry.document and entry.status == "parked":
            ready.append(key)
        elif not entry.document:
            run.result.add(Item(ref=key, did="skipped", reason="still_unreadable", shop=entry.shop))
    missing = [k for k in keys if k not in entries]
    if missing:
        raise NotFound(f"inbox entry {missing[0]!r}")
    return ready
