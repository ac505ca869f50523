"""Faults: each that the sandbox played must be named by a record of ours, by its request or its order.

The sandbox writes down the number that we gave the request (X-Request-Id). A run's record names the requests that went
wrong on the wire, a window's evidence the answers it rests on; an order carries its marks and holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from jobs.demo_proof.books import Books, Found, Row


class Records:
    """What of ours can name a fault."""

    def __init__(self, b: Books) -> None:
        self.books = b
        #: requests that a run names as gone wrong
        self.wire = {f["request_no"] for r in b.table("runs") for f in json.loads(r["facts"]).get("faults", ())}
        #: request → the readings that rest on its answer
        self.readings: dict[str, list[Row]] = {}
        for p in b.passes:
            for request in p.get("requests", ()):
                self.readings.setdefault(request, []).append(p)
        self.pieces = b.by_order("ship_lines")

    def order(self, fault: Row) -> Row | None:
        return self.books.ours.get((fault["platform"], fault.get("order", "")))

    def parked(self, fault: Row) -> bool:
        key = (fault["platform"], fault.get("order", ""))
        return key in self.books.parked or key in self.books.blind


def _on_the_wire(r: Records, fault: Row) -> bool:
    return fault["client"] in r.wire


def _read(r: Records, fault: Row) -> bool:
    """A reading names the answer and came to a verdict, or the same answer went wrong on the wire too."""
    return any(p.get("verdict") for p in r.readings.get(fault["client"], ())) or _on_the_wire(r, fault)


def _not_believed(r: Records, fault: Row) -> bool:
    """No reading that rests on a wrong total counts as proven by it."""
    believed = any(
        p.get("verdict") == "counted" and p.get("distinct", 0) != fault["true"]
        for p in r.readings.get(fault["client"], ())
    )
    return _read(r, fault) and not believed


def _noticed_twice(r: Records, fault: Row) -> bool:
    """A reading that rests on the answer names the number that came twice, or used nothing of it but its total."""
    named = {n.removeprefix("S") for p in r.readings.get(fault["client"], ()) for n in p.get("twice", ())}
    kept = r.order(fault) is not None or r.parked(fault) or (fault["platform"], fault["order"]) in r.books.refunds
    return fault["order"] in named or (_read(r, fault) and kept)


def _lone(r: Records, fault: Row) -> bool:
    """A list of one sent as the object alone: in a window's answer, or in one about one order, which is kept."""
    number = fault["window"].rpartition("|")[2]
    return (
        _read(r, fault) or (fault["platform"], number) in r.books.ours or (fault["platform"], number) in r.books.parked
    )


def _found_in_the_end(r: Records, fault: Row) -> bool:
    """The version that lists did not show yet is here in the end, or a later one."""
    order, hidden = r.order(fault), datetime.fromisoformat(fault["modified"]).timestamp() * 1000
    return r.parked(fault) or (order is not None and order["doc_modified_at"] >= hidden)


def _parked(r: Records, fault: Row) -> bool:
    return r.parked(fault)


def _marked(r: Records, fault: Row) -> bool:
    """The order carries the mark of a doubtful amount."""
    order = r.order(fault)
    return r.parked(fault) or (order is not None and any(m["why"] == "float_money" for m in json.loads(order["marks"])))


def _unmapped(r: Records, fault: Row) -> bool:
    """The order has a ship line without a SKU, and did not leave with it."""
    order = r.order(fault)
    if order is None:
        return r.parked(fault)
    return any(not s["sku"] and not s["shipped_qty"] for s in r.pieces.get(order["order_no"], ()))


def _asked_for(r: Records, fault: Row) -> bool:
    """A notification that was lost, late, doubled, forged or wrong: in the end its payment stands as the channel has it."""
    there = next((p for p in r.books.money("payment") if p["payment"] == fault["payment"]), None)
    here = next((p for p in r.books.table("payments") if p["payment_no"] == fault["payment"]), None)
    return there is not None and here is not None and here["paid_minor"] == (there["amount"] if there["paid_at"] else 0)


CAUGHT: dict[str, Callable[[Records, Row], bool]] = {
    "throttled": _on_the_wire,
    "http_5xx": _on_the_wire,
    "timeout": _on_the_wire,
    "answer_lost": _on_the_wire,
    "token_expired": _on_the_wire,
    "shifting_pages": _read,
    "null_list": _read,
    "single_object": _lone,
    "wrong_total": _not_believed,
    "duplicates": _noticed_twice,
    "late_visible": _found_in_the_end,
    "unreadable_order": _parked,
    "unknown_sku": _unmapped,
    "float_money": _marked,
    **dict.fromkeys(
        ("notify_lost", "notify_late", "notify_doubled", "notify_forged", "notify_wrong_amount", "notify_out_of_order"),
        _asked_for,
    ),
}


def _judged(b: Books) -> list[tuple[Row, bool]]:
    records = Records(b)
    return [(f, CAUGHT[f["fault"]](records, f)) for f in b.of("fault")]


def caught(b: Books) -> Found:
    """Every fault is named by a record of ours."""
    judged = _judged(b)
    wrong = [
        f"{f['fault']} at {f['platform']}, request {f['client']} {f.get('order', '')}: no record of ours names it".replace(
            "  ", " "
        )
        for f, ok in judged
        if not ok
    ]
    return {"played": len(judged), "caught": sum(ok for _, ok in judged)}, wrong


def counts(b: Books) -> dict[str, Any]:
    """Fault → how often it was played and caught."""
    out: dict[str, dict[str, int]] = {}
    for f, ok in _judged(b):
        row = out.setdefault(f["fault"], {"played": 0, "caught": 0})
        row["played"] += 1
        row["caught"] += ok
    return dict(sorted(out.items()))
