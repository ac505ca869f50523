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
    """Take pieces off the demand of orders; what falls to nothing goes."""
    gone = many(c, "DELETE FROM demand WHERE order_no=? AND sku=? AND qty<=?", [(no, s, q) for no, s, q in wishes])
    if gone < len(wishes):
        many(c, "UPDATE demand SET qty=qty-? WHERE order_no=? AND sku=?", [(q, no, s) for no, s, q in wishes])


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
