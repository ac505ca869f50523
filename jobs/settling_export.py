"""settle export: a period as a table, one row per line and expectation, safe to be opened in a spreadsheet.

Texts that a spreadsheet program would run are made harmless; amounts are numbers in the currency's unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.statements.cells import exponent
from jobs import sheets
from jobs.errors import BadFile, UnknownThing
from jobs.results import Result
from jobs.settling import span

if TYPE_CHECKING:
    from jobs.env import Env

HEADER = (
    "class", "match", "pass", "rule", "side", "kind", "order", "refund", "reference", "amount", "currency", "at", "status",
    "difference", "owner", "reason", "file", "row",
)  # fmt: skip
_BATCH = 1000


def export(env: Env, *, account: str, period: str, out: Path) -> Result:
    """Write a period's matches and open items to `out` (.csv or .xlsx).

    Raises:
        BadRequest: no period. UnknownThing: no such account. BadFile: it cannot be written.
    """
    span(env, period)
    # accounts are shops, and the channels' once they have a bill
    known = {*env.settings.shops, *(f.account for f in env.settlement.files())}
    if account not in known:
        raise UnknownThing(f"account {account!r}; known: {', '.join(sorted(known)) or 'none'}", hint="oms settle show")
    with env.run("settle export", account=account, period=period, out=str(out)) as run:
        try:
            count = sheets.write(out, HEADER, _rows(env, account, period))
        except OSError as error:
            raise BadFile(f"{out}: {error.strerror or error}") from error
        run.result.count("rows", count)
        run.result.facts["file"] = str(out)
        return run.result


def _rows(env: Env, account: str, period: str) -> Iterator[list[object]]:
    files = {f.file_id: f.name for f in env.settlement.files(account=account)}
    for batch in env.settlement.matched(account=account, period=period, batch=_BATCH):
        for m in batch:
            head = [m["class"], m["match_id"], m["pass_name"], m["rule_id"]]
            for n, x in enumerate(m["lines"] + m["expected"]):
                difference = _money(m["delta_minor"], m["currency"]) if not n and m["expected"] and m["lines"] else None
                yield [*head, *_member(x, files, difference, "", "")]
    opened = env.settlement.suspense(accounts=[account], period=period, limit=10**9)
    # those with a match stand in it already
    alone = [s for s in opened if s.class_ not in ("amount_differs", "status_differs")]
    for at in range(0, len(alone), _BATCH):
        part = alone[at : at + _BATCH]
        found: dict[tuple[str, int], dict[str, Any]] = {
            ("line", x["line_id"]): x for x in env.settlement.lines([s.ref_id for s in part if s.side == "line"])
        } | {("exp", x["exp_id"]): x for x in env.settlement.expectations([s.ref_id for s in part if s.side == "exp"])}
        for s in part:
            yield [s.class_, None, "", "", *_member(found[s.side, s.ref_id], files, None, s.owner, s.reason)]


def _member(x: dict[str, Any], files: dict[int, str], difference: object, owner: str, reason: str) -> list[object]:
    """A line or an expectation."""
    line = "line_id" in x
    return [
        "stated" if line else "expected", x["kind"], x["order_ref"], x["refund_ref"], x["trade_ref"] if line else x["order_no"],
        _money(x["amount_minor"], x["currency"]), x["currency"], x["at"].isoformat(), x["status"], difference, owner, reason,
        files.get(x["file_id"], "") if line else "", x["row_no"] if line else None,
    ]  # fmt: skip


def _money(minor: int, currency: str) -> Decimal:
    """Minor units as the currency's unit, exact."""
    return Decimal(minor).scaleb(-exponent(currency))
