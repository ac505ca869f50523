"""sync verify: list a period at the platform again and compare it with the inbox, by number and modified time.

A stored newer version satisfies an older listing. What is missing is filled unless it is a dry run; then it is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.documents import Pulled
from adapters.errors import AdapterError
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.results import Item, Result
from jobs.storing import inbox_key, store
from jobs.sync import cut

if TYPE_CHECKING:
    from adapters.platforms.base import Platform, Scan


def verify(
    env: Env,
    kind: str,
    *,
    shops: Sequence[str] = (),
    platforms: Sequence[str] = (),
    since: datetime,
    until: datetime,
    dry_run: bool = False,
) -> Result:
    """Prove a period for each shop, or name the gaps and fill them."""
    if since >= until:
        raise BadRequest(f"--since {since.isoformat()} is not before --until {until.isoformat()}")
    with env.run("sync verify", dry_run=dry_run, shops=shops, kind=kind, since=since, until=until) as run:
        for alias in env.shops(shops, platforms):
            try:
                _shop(env, run, alias, kind, since, until)
            except AdapterError as error:
                run.result.add(
                    Item(
                        ref=alias,
                        did="failed",
                        reason=type(error).__name__,
                        shop=alias,
                        facts={"error": str(error)[:300]},
                    )
                )
            if run.stopping:
                break
        return run.result


def _shop(env: Env, run: RunHandle, alias: str, kind: str, since: datetime, until: datetime) -> None:
    platform = env.platform(alias)
    size = timedelta(seconds=env.settings.sync.window)
    for scan in platform.scans.get(kind, ()):
        for a, b in cut(since, until, size):
            _window(env, run, alias, platform, scan, kind, a, b)
            run.beat()
            if run.stopping:
                return


def _window(
    env: Env, run: RunHandle, alias: str, platform: Platform, scan: Scan, kind: str, a: datetime, b: datetime
) -> None:
    pull = platform.pull(kind, scan, a, b)
    for batch in pull:
        missing = _missing(env, alias, platform, kind, batch.items)
        run.result.count("listed", len(batch.items))
        if missing and not run.result.dry_run:
            store(env, alias, platform, kind, missing)
        for item in missing:
            did = "missing" if run.result.dry_run else "filled"
            run.result.add(Item(ref=item.number or "?", did=did, reason=item.error, shop=alias))
    report = pull.report
    facts = {"expected": report.total_after, "seen": report.distinct, "proof": report.proof}
    ref = f"{alias} {kind} {a:%Y-%m-%dT%H:%M:%SZ}/{b:%Y-%m-%dT%H:%M:%SZ}"
    if report.proof:
        run.result.count("proven_windows")
        run.result.facts[ref] = report.proof
    else:
        run.result.add(Item(ref=ref, did="unproven", reason=report.reason, shop=alias, facts=facts))


def _missing(env: Env, alias: str, platform: Platform, kind: str, items: Sequence[Pulled]) -> list[Pulled]:
    seller = env.settings.shops[alias].seller_id
    keys = [inbox_key(kind, platform.name, seller, item.number) for item in items]
    held = env.inbox.versions([k for k, i in zip(keys, items, strict=True) if i.number])
    out = []
    for key, item in zip(keys, items, strict=True):
        kept = held.get(key)
        if kept is None or (item.modified_at is not None and kept[0] < item.modified_at):
            out.append(item)
    return out
