"""Statements into the store: a file, or a table within one, is imported whole or not at all, and once per period."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters import statements
from adapters.statements.reading import Statement
from adapters.statements.reading import statements as opened
from jobs.errors import BadFile, Busy
from jobs.results import Item
from stores.records.settlement import ParkedRow, StatementFile

if TYPE_CHECKING:
    from adapters.statements import Layout
    from jobs.env import Env, RunHandle
    from stores.records import Lease

#: the lease is prolonged this often while a file is read
_BEAT_S = 5.0


def layouts(env: Env) -> dict[str, Layout]:
    """Every layout by name, those of the settings' folder included.

    Raises:
        BadFile: one of that folder is no layout.
    """
    folder = env.settings.settlement.layouts
    try:
        return statements.all_layouts(env.root / folder if folder else None)
    except statements.NotReadable as error:
        raise BadFile(str(error), hint="oms config check") from error


def import_file(
    env: Env, run: RunHandle, path: Path, *, account: str, period: str, layout: str, lease: Lease, name: str = "",
    kind: str = "file",
) -> list[StatementFile]:  # fmt: skip
    """Import what a file states; `name` and `kind` tell where a pulled one came from. Returns the imports, those made earlier included.

    Raises:
        BadFile: it cannot be read, or no layout fits; nothing of this table is imported.
    """
    known = layouts(env)
    platform = env.settings.shops[account].platform
    kept: list[StatementFile] = []
    try:
        wanted = [statements.find(layout, known)] if layout else statements.of_platform(platform, known.values())
        if not wanted:
            raise BadFile(f"{path.name}: no layout for {platform}", hint="oms settle layouts")
        for found in opened(path, wanted):
            found.name = name or found.name
            kept.append(_import(env, run, found, account, period, lease, kind))
    except statements.NotReadable as error:
        raise BadFile(str(error), hint="oms settle layouts") from error
    return kept


def _import(
    env: Env, run: RunHandle, found: Statement, account: str, period: str, lease: Lease, kind: str
) -> StatementFile:
    known = env.settlement.known_file(account, period, found.hash)
    if known is not None:
        run.result.add(
            Item(ref=found.name, did="known", shop=account, facts={"file": known.file_id, "rows": known.row_count})
        )
        run.result.count("files_known")
        return known
    head = StatementFile(
        account=account, period=period, kind=kind, hash=found.hash, name=found.name[-190:], layout=found.layout.name,
        layout_version=found.layout.version, raw_columns=found.raw_columns, at=env.clock.now(), run_id=run.id,
    )  # fmt: skip
    kept, outcome = env.settlement.add_file(
        head, _beating(env, run, found, lease), lambda: [_parked(p) for p in found.parked], token=lease.token
    )
    if outcome.result == "lost":
        raise Busy(f"settlement of {account}: another run took over")
    if not outcome.ok:
        raise BadFile(f"{found.name}: period {period} of {account} is {outcome.reason}", hint="oms settle show")
    _tell(run, kept, found.parked)
    return kept


def _beating(env: Env, run: RunHandle, found: Statement, lease: Lease) -> Iterator[Sequence[tuple[Any, ...]]]:
    # one file for both stores has one writer: then the lease runs out, and the fence alone keeps others off
    apart = env.url("ledger") != env.url("settlement")
    beaten = time.monotonic()
    for batch in found.batches():
        yield batch
        if apart and time.monotonic() - beaten > _BEAT_S:
            beaten = time.monotonic()
            run.beat()
            if not env.ledger.beat(lease, ttl_s=env.settings.settlement.lease):
                raise Busy(f"{lease.name}: the lease was lost")


def _parked(row: Any) -> ParkedRow:
    return ParkedRow(row_no=row.row_no, column=row.column, reason=row.reason, cells=row.cells)


def _tell(run: RunHandle, kept: StatementFile, parked: Sequence[Any]) -> None:
    result = run.result
    result.count("files_imported")
    for name, n in (("rows", kept.row_count), ("doubled", kept.doubled_count)):
        if n:
            result.count(name, n)
    for row in parked:
        facts = {"row": row.row_no, "column": row.column}
        result.add(
            Item(ref=f"{kept.name}:{row.row_no}", did="parked", reason=row.reason, shop=kept.account, facts=facts)
        )
