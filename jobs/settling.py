"""settle platform: statements of one shop come in and are matched; settle recheck: what stands open is looked at again.

An account (a shop) is worked on under a lease; the store refuses writes of a lease that was taken over. What was
imported and not yet matched is matched by the next run: matching always looks at everything that is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import sheets
from jobs.errors import BadFile, BadRequest, Busy, UnknownThing
from jobs.results import Item, Result
from jobs.rules import periods
from jobs.settling_expect import refresh
from jobs.settling_import import import_file
from jobs.settling_match import match_account

if TYPE_CHECKING:
    from datetime import datetime

    from jobs.env import Env, RunHandle
    from stores.records import Lease
    from stores.records.settlement import StatementFile


def platform(
    env: Env, files: Sequence[Path], *, account: str, period: str, layout: str = "", match: bool = True,
    errors: Path | None = None,
) -> Result:  # fmt: skip
    """Import statements of a shop for a period, then match what is open of the shop.

    Args:
        period: ``2026-09`` or ``2026-09-05``, in the business zone.
        layout: name of the layout; empty: found by the columns.
        match: False: only import.
        errors: where the rows that could not be read go, each with its place and reason.

    Raises:
        BadRequest: no period. UnknownThing: no such shop. BadFile: a file cannot be read; those before it are imported.
        Busy: another run works on this shop.
    """
    _check(env, account, period)
    with env.run("settle platform", account=account, period=period, files=[f.name for f in files]) as run:
        run.result.hint = "oms settle show"
        kept: list[StatementFile] = []
        with holding(env, run, account) as lease:
            try:
                for path in files:
                    kept += import_file(env, run, path, account=account, period=period, layout=layout, lease=lease)
            finally:
                if errors is not None:
                    _write_errors(env, run, errors, kept)
            if match:
                refresh(env, run)
                match_account(env, run, account, period, lease=lease)
        return run.result


def recheck(env: Env, *, shops: Sequence[str] = ()) -> Result:
    """Bring the expectations up to the orders, and match again where something open is due or its order has changed.

    A shop that another run works on is left to it.
    """
    with env.run("settle recheck", shops=shops) as run:
        refresh(env, run)
        chosen = env.shops(shops)
        for account in env.settlement.due_accounts(env.clock.now()):
            if account not in chosen or run.stopping:
                continue
            try:
                with holding(env, run, account) as lease:
                    _again(env, run, account, lease)
            except Busy as busy:
                run.result.add(Item(ref=account, did="skipped", reason="busy", shop=account, facts={"why": str(busy)}))
        return run.result


def _again(env: Env, run: RunHandle, account: str, lease: Lease) -> None:
    """Match for the newest period that is still open."""
    found = [p for p in env.settlement.periods(account=account) if p.state != "confirmed"]
    if found:
        newest = max(found, key=lambda p: p.end_at)
        match_account(env, run, account, newest.period, lease=lease)
        run.result.count("accounts")


@contextmanager
def holding(env: Env, run: RunHandle, account: str) -> Iterator[Lease]:
    """The lease of one account, given back at the end.

    Raises:
        Busy: another run holds it.
    """
    lease = env.ledger.acquire(f"settle:{account}", holder=run.worker, ttl_s=env.settings.settlement.lease)
    if lease is None:
        raise Busy(f"settle:{account}")
    try:
        yield lease
    finally:
        env.ledger.free(lease)


def _check(env: Env, account: str, period: str) -> tuple[datetime, datetime]:
    if account not in env.settings.shops:
        raise UnknownThing(
            f"shop {account!r}; known: {', '.join(sorted(env.settings.shops)) or 'none'}", hint="oms shop list"
        )
    return span(env, period)


def span(env: Env, period: str) -> tuple[datetime, datetime]:
    """A period's half-open times.

    Raises:
        BadRequest: it is no period.
    """
    try:
        return periods.span(period, env.settings.business.zone)
    except ValueError as error:
        raise BadRequest(str(error), hint="oms settle platform --help") from error


def _write_errors(env: Env, run: RunHandle, path: Path, kept: Sequence[StatementFile]) -> None:
    """The parked rows of the imports: file, row, column and reason, then their cells."""
    found = [(file, row) for file in kept for row in env.settlement.parked_rows(file.file_id)]
    if not found:
        path.unlink(missing_ok=True)
        return
    columns = list(dict.fromkeys(name for _, row in found for name in row.cells))
    rows = [
        [file.name, row.row_no, row.column, row.reason, *(row.cells.get(c, "") for c in columns)] for file, row in found
    ]
    try:
        sheets.write(path, ["file", "row", "column", "reason", *columns], rows, private=True)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    run.result.facts["errors"] = str(path)
