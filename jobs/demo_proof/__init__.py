"""The proof at the end of a demo: our stores against the sandbox's book.

It reads the files of both with nothing but the standard library and shares no code with the jobs, so that a mistake of
theirs is not repeated here. Every table of every store has a check that a change of one of its rows breaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.demo_proof import faults, figures, ledger, money, orders, own, parcels, settled, stock, told
from jobs.demo_proof.books import Books, Check, Found

__all__ = ["CHECKS", "Books", "prove"]

#: how many differences of one check are shown
SHOWN = 5

CHECKS: dict[str, Check] = {
    "orders: known = stored + parked": orders.complete,
    "documents are kept": orders.documents,
    "states follow the platforms": orders.states,
    "money per order and component": orders.money,
    "lines as they were bought": orders.lines,
    "each order is whole": orders.whole,
    "history tells every move": orders.history,
    "refunds as the platforms have them": orders.refunds,
    "parcels and what is in them": parcels.parcels,
    "notices told once": parcels.notices,
    "stock per SKU": stock.on_hand,
    "journal explains the stock": stock.journal,
    "held = lines that hold": stock.reserved,
    "demand = orders that wait for stock": stock.demand,
    "windows proven, nothing waiting": ledger.windows,
    "every run is on record": ledger.runs,
    "shops, tokens and their limits": ledger.shops,
    "who did what": ledger.audit,
    "payments as the channels have them": money.payments,
    "money went back once": money.backs,
    "bills: each difference in its class": money.bills,
    "statements: each difference in its class": money.statements,
    "statements as they were told": told.rows,
    "expected is what the world knows": told.expected,
    "what was matched adds up": settled.matched,
    "each act is on record": settled.acts,
    "suppliers' bills add up": settled.suppliers,
    "own orders as they were imported": own.imported,
    "the report's figures are the orders'": figures.figures,
    "every fault was caught": faults.caught,
}


def prove(
    office: Path, sandbox: Path, commands: Sequence[dict[str, Any]] = (), stores: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run every check.

    Args:
        stores: those that are on servers → their URL.
        commands: what was run, in order: command, exit, seconds.

    Returns:
        ok, checks (name, ok, figures, differences, first: the first few), progress (orders by it), parked, faults (name →
        played and caught), slowest commands.
    """
    books = Books(office, sandbox, commands, stores)
    checks = [_check(name, check(books)) for name, check in CHECKS.items()]
    return {
        "ok": all(c["ok"] for c in checks),
        "checks": checks,
        "progress": dict(sorted(Counter(o["progress"] for o in books.table("orders")).items())),
        "parked": sum(e["status"] == "parked" for e in books.table("inbox_state")),
        "faults": faults.counts(books),
        "slowest": sorted(commands, key=lambda c: -c["seconds"])[:3],
    }


def _check(name: str, found: Found) -> dict[str, Any]:
    figures, differences = found
    wrong = sorted(differences)
    return {"name": name, "ok": not wrong, "figures": figures, "differences": len(wrong), "first": wrong[:SHOWN]}
