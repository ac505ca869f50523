"""db …: the stores' tables against this program's version, and the end of what is kept only for a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import stores
from jobs.privacy import KEY_FILE, make_key_file

if TYPE_CHECKING:
    from jobs.env import Env
    from jobs.results import Result
    from stores.schema import SchemaState

#: a reader of the order feed that slept longer begins anew
FEED_DAYS = 90

STORES = ("orders", "inbox", "stock", "ledger", "reports", "settlement", "bus")


def _urls(env: Env) -> dict[str, str]:
    """Stores in use that have tables → their URL; the bus only where there is one."""
    used = {name: env.url(name) for name in STORES if name != "bus" or env.settings.stores.bus}
    if not stores.has_tables(used["stock"]):
        used["stock"] = env.url("stock_books")
    return {name: url for name, url in used.items() if stores.has_tables(url)}


def check(env: Env) -> list[dict[str, Any]]:
    """What each store has and what this program works with. Changes nothing, makes no file."""
    return [_row(name, stores.schema_state(name, url)) for name, url in _urls(env).items()]


def upgrade(env: Env) -> list[dict[str, Any]]:
    """Bring each store to this program's version; a store that is not there yet gets its tables.

    Returns:
        Per store: what it had, what it has now, and whether anything was done.
    """
    rows = []
    states = {name: stores.schema_state(name, url) for name, url in _urls(env).items()}
    if not any(state.kept for state in states.values()):
        # the first use of a new office, also of one on servers: its key is made before there is anything to seal
        if not env.settings.privacy.keys:
            make_key_file(env.data / KEY_FILE)
        _ = env.privacy
    for name, url in _urls(env).items():
        before = states[name]
        after = before if before.is_current else stores.upgrade(name, url)
        rows.append({**_row(name, after), "before": before.kept, "done": "upgraded" if before != after else "nothing"})
    return rows


def purge(env: Env, *, dry_run: bool = False) -> Result:
    """Delete what platforms sent, once it was pushed and not seen for `[privacy] raw_days`, and the old end of the feed.

    Orders, history, versions and proofs stay. A document that comes again afterwards is told from its kept version.
    """
    with env.run("db purge", dry_run=dry_run, days=env.settings.privacy.raw_days) as run:
        old = env.inbox.expire_raw(timedelta(days=env.settings.privacy.raw_days), dry_run=dry_run)
        run.result.count("purged", old)
        before = env.clock.now() - timedelta(days=FEED_DAYS)
        run.result.count("feed_trimmed", env.orders.trim_feed(before, dry_run=dry_run))
        return run.result


def _row(name: str, state: SchemaState) -> dict[str, Any]:
    return {
        "store": name,
        "version": state.kept,
        "wanted": state.wanted,
        "ok": state.is_current,
        "hint": "" if state.is_current else "oms db upgrade",
    }
