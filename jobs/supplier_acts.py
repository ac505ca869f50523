"""Bills of suppliers once they are booked: adjust before, show, confirm, undo until confirmed, export."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs import sheets
from jobs.env import Env, RunHandle
from jobs.errors import BadMove, BadRequest, UnknownThing
from jobs.results import Item, Result
from jobs.rules import supplier_bills as rules
from jobs.supplier_lease import kept, leased
from stores.records import AuditEntry, Outcome
from stores.records.suppliers import SupplierAdjustment, SupplierBill, SupplierMove

_LINES = (
    "bill_no", "line_no", "kind", "sku", "currency", "price_minor", "shipped", "returned", "defective", "late_qty",
    "amount_minor", "reason",
)  # fmt: skip
_MOVES = ("bill_no", "seq", "day", "kind", "order_no", "sku", "qty", "currency", "price_minor")


def listing(
    env: Env, *, supplier: str = "", period: str = "", states: Sequence[str] = (), limit: int = 50
) -> list[SupplierBill]:
    """Bills by (supplier, period, round)."""
    return env.settlement.bills(supplier=supplier, period=period, states=states, limit=limit)


def show(env: Env, bill_no: str) -> dict[str, Any]:
    """One bill with its lines.

    Raises:
        UnknownThing: there is none of that number.
    """
    return {"bill": _bill(env, bill_no), "lines": env.settlement.bill_lines(bill_no)}


def _bill(env: Env, bill_no: str) -> SupplierBill:
    found = env.settlement.bills(bill_nos=[bill_no])
    if not found:
        raise UnknownThing(f"bill {bill_no!r}", hint="oms settle supplier list")
    return found[0]


def adjust(
    env: Env, supplier: str, period: str, amount_minor: int, *, currency: str, reason: str, by: str, key: str = ""
) -> Result:
    """Add to what a supplier is owed for a period (or take off it, negative), with a reason; on the period's bill.

    Args:
        key: what makes it one of a kind; default: all that is said here, so that typing it again adds nothing.

    Raises:
        BadRequest: nothing to adjust, no reason, no such period. BadMove: the period's bill is booked.
    """
    _check_adjustment(env, supplier, period, amount_minor, currency, reason)
    with env.run("settle adjust", supplier=supplier, period=period, amount=amount_minor, by=by) as run:
        said = key or hashlib.sha256(f"{supplier}\n{period}\n{amount_minor}\n{currency}\n{reason}".encode()).hexdigest()
        made = SupplierAdjustment(
            adjustment_id=said[:64], supplier=supplier, period=period, currency=currency, amount_minor=amount_minor,
            reason=reason[:190], who=by, at=env.clock.now(),
        )  # fmt: skip
        with leased(env, run) as lease:
            outcome = kept(env.settlement.add_adjustment(made, token=lease.token))
        if outcome.result == "refused":
            bill_no = outcome.reason.partition(":")[2]
            raise BadMove(f"{bill_no} is booked", hint=f"oms settle supplier undo {bill_no}")
        facts = {"amount_minor": amount_minor, "currency": currency, "reason": reason}
        run.result.add(
            Item(ref=f"{supplier}/{period}", did="adjusted" if outcome.result == "done" else "same", facts=facts)
        )
        _audit(env, by, "supplier_adjust", f"{supplier}/{period}", facts)
        return run.result


def _check_adjustment(env: Env, supplier: str, period: str, amount: int, currency: str, reason: str) -> None:
    hint = "oms settle supplier adjust --help"
    if not amount or not reason.strip():
        raise BadRequest("an adjustment has an amount that is not 0, and a reason", hint=hint)
    if len(currency) != 3 or not currency.isupper():
        raise BadRequest(f"{currency!r} is no currency; write for example CNY", hint=hint)
    try:
        rules.span(period, env.settings.business.zone)
    except ValueError as error:
        raise BadRequest(str(error), hint=hint) from error
    if not env.settlement.prices(supplier=supplier, limit=1):
        raise UnknownThing(f"supplier {supplier!r}: it has no price", hint="oms settle supplier prices --help")


def confirm(env: Env, bill_nos: Sequence[str], *, by: str) -> Result:
    """Close bills for good: they are owed, and nothing takes them back."""
    with env.run("settle confirm supplier", bills=list(bill_nos), by=by) as run:
        with leased(env, run) as lease:
            for bill_no in dict.fromkeys(bill_nos):
                _bill(env, bill_no)
                _audit(env, by, "supplier_confirm", bill_no, {})
                _tell(run, kept(env.settlement.confirm_bill(bill_no, who=by, token=lease.token)), "confirmed")
        return run.result


def undo(env: Env, bill_nos: Sequence[str], *, by: str, reason: str = "") -> Result:
    """Take booked bills back: what they charged is uncharged, their adjustments wait for the next bill."""
    with env.run("settle undo supplier", bills=list(bill_nos), by=by, reason=reason) as run:
        with leased(env, run) as lease:
            for bill_no in dict.fromkeys(bill_nos):
                _bill(env, bill_no)
                _audit(env, by, "supplier_undo", bill_no, {"reason": reason})
                _tell(run, kept(env.settlement.undo_bill(bill_no, who=by, token=lease.token)), "undone")
        return run.result


def _tell(run: RunHandle, outcome: Outcome, done: str) -> None:
    did = {"done": done, "already": "same"}.get(outcome.result, "refused")
    run.result.add(Item(ref=outcome.key, did=did, reason=outcome.reason if did == "refused" else ""))


def export(env: Env, bill_no: str, *, out: Path, moves: bool = False) -> Result:
    """Write a bill's lines (or every movement that it charges) to a file, by its name .csv or .xlsx.

    Raises:
        UnknownThing: there is no such bill.
    """
    with env.run("settle export supplier", bill=bill_no, out=out.name) as run:
        _bill(env, bill_no)
        if moves:
            count = sheets.write(
                out, _MOVES, (_move_row(env, m) for part in env.settlement.bill_moves(bill_no) for m in part)
            )
        else:
            lines = env.settlement.bill_lines(bill_no)
            count = sheets.write(out, _LINES, ([getattr(line, name) for name in _LINES] for line in lines))
        run.result.count("rows", count)
        run.result.facts |= {"file": str(out)}
        return run.result


def _move_row(env: Env, move: SupplierMove) -> list[object]:
    day = rules.business_day(move.at, env.settings.business.zone)
    return [day if name == "day" else getattr(move, name) for name in _MOVES]


def _audit(env: Env, by: str, act: str, ref: str, facts: dict[str, Any]) -> None:
    env.ledger.audit([AuditEntry(at=env.clock.now(), who=by, act=act, ref=ref[:60], facts=facts)])
