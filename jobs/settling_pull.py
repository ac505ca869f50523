"""sync statements: what a platform states about one day, asked for by calls and imported like a file.

A day is asked for once it is over and the platforms have booked it; asking again brings a new import only where the
answer is another one, and its repeated rows are marked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapters.errors import AdapterError
from jobs.errors import BadRequest, JobError
from jobs.results import Item, Result
from jobs.settling import holding, span
from jobs.settling_expect import refresh
from jobs.settling_import import import_file
from jobs.settling_match import match_account

if TYPE_CHECKING:
    from jobs.env import Env, RunHandle
    from stores.records import Lease

#: platforms have booked a day this long after its end
READY = timedelta(hours=10)


def pull(
    env: Env, *, shops: Sequence[str] = (), platforms: Sequence[str] = (), period: str = "", match: bool = True
) -> Result:
    """Pull the statements of a day, of every shop whose platform gives them by a call, and match.

    Args:
        period: a day such as ``2026-09-05``; empty: the last one that is ready.

    Raises:
        BadRequest: no day, or one that is not over.
    """
    day = period or last_ready(env.clock.now(), env.settings.business.zone)
    start, end = span(env, day)
    if end - start > timedelta(hours=25):
        raise BadRequest(f"{day} is no day; statements are pulled by the day", hint="oms sync statements --help")
    if env.clock.now() < end + READY:
        raise BadRequest(
            f"{day} is not booked yet; it is from ten hours after its end", hint="oms sync statements --help"
        )
    with env.run("sync statements", shops=shops, platforms=platforms, period=day) as run:
        run.result.facts["period"] = day
        refreshed = False
        for alias, shop in env.shops(shops, platforms).items():
            if run.stopping:
                break
            if not env.platform(alias).capabilities.statements:
                run.result.add(
                    Item(ref=alias, did="skipped", reason="unsupported", shop=alias, facts={"platform": shop.platform})
                )
                continue
            if match and not refreshed:
                refresh(env, run)
                refreshed = True
            _shop(env, run, alias, day, start, end, match=match)
        return run.result


def last_ready(now: datetime, zone: str) -> str:
    """The last day that platforms have booked by now."""
    return ((now - READY).astimezone(ZoneInfo(zone)) - timedelta(days=1)).strftime("%Y-%m-%d")


def _shop(env: Env, run: RunHandle, alias: str, day: str, start: datetime, end: datetime, *, match: bool) -> None:
    """One shop; its failure is told and the others go on."""
    try:
        rows = list(env.platform(alias).statement(start, end))
        run.result.count("rows_told", len(rows))
        with holding(env, run, alias) as lease:
            if rows:
                _import(env, run, alias, day, rows, lease)
            else:
                run.result.count("empty")
            if match:
                match_account(env, run, alias, day, lease=lease)
    except (AdapterError, JobError) as error:
        run.result.add(
            Item(ref=alias, did="failed", reason=type(error).__name__, shop=alias, facts={"why": str(error)})
        )


def _import(env: Env, run: RunHandle, alias: str, day: str, rows: Sequence[bytes], lease: Lease) -> None:
    """Through the reader of files, so that a pulled statement and a downloaded one are one thing."""
    folder = env.data / "statements"
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / f"{alias}-{day}.{os.getpid()}.json"
    try:
        # a list, in whatever the rows hold themselves
        path.write_bytes(b"[" + b",\n".join(rows) + b"]")
        import_file(
            env, run, path, account=alias, period=day, layout="", lease=lease, name=f"{alias}-{day}.json", kind="api"
        )
    finally:
        path.unlink(missing_ok=True)
