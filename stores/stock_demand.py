"""Demand: pieces that orders will want and no warehouse holds yet."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from stores.database import chunks, fetch, many, marks
from stores.records import Demand, Outcome
from stores.stock_tally import held_by

_ADD = (
    "INSERT INTO demand (order_no, sku, qty) VALUES (?, ?, ?) "
    "ON CONFLICT (order_no, sku) DO UPDATE SET qty = qty + excluded.qty"
)
#: (order_no, sku, qty)
Wish = tuple[str, str, int]


def wish(c: Connection, wishes: Sequence[Wish]) -> None:
    """Add pieces to the demand of orders."""
    many(c, _ADD, wishes)


def take_off(c: Connection, wishes: Sequence[Wish]) -> None:
    """Take pieces off the demand of orders; what falls to nothing goes.

    Mostly an order gets all it wants: its rows go in one statement for the set, and what is left of some comes back.
    """
    off: dict[tuple[str, str], int] = {}
    for no, sku, qty in wishes:
        off[no, sku] = off.get((no, sku), 0) + qty
    left: list[Wish] = []
    for part in chunks(list(dict.fromkeys(no for no, _, _ in wishes)), 500):
        sql = f"DELETE FROM demand WHERE order_no IN ({marks(len(part))}) RETURNING order_no, sku, qty"
        left += [(no, s, q - off.get((no, s), 0)) for no, s, q in fetch(c, sql, part) if q > off.get((no, s), 0)]
    wish(c, left)


def want(c: Connection, demands: Sequence[Demand]) -> list[Outcome]:
    """See Stock.want; one outcome per demand."""
    orders = sorted({d.order_no for d in demands})
    busy = {no for no, found in held_by(c, orders).items() if any(h.state == "open" for h in found)}
    many(c, "DELETE FROM demand WHERE order_no=?", [(no,) for no in orders if no not in busy])
    wish(c, [(d.order_no, d.sku, d.qty) for d in demands if d.order_no not in busy])
    out = []
    for d in demands:
        held = d.order_no in busy
        out.append(
            Outcome(key=f"{d.order_no}:{d.sku}", result="refused" if held else "done", reason="held" if held else "")
        )
    return out


def unwant(c: Connection, order_nos: Sequence[str]) -> list[Outcome]:
    """See Stock.unwant."""
    had: set[str] = set()
    for part in chunks(sorted(set(order_nos)), 500):
        sql = f"SELECT DISTINCT order_no FROM demand WHERE order_no IN ({marks(len(part))})"
        had |= {no for (no,) in fetch(c, sql, part)}
    many(c, "DELETE FROM demand WHERE order_no=?", [(no,) for no in sorted(had)])
    return [Outcome(key=no, result="done" if no in had else "already") for no in order_nos]
