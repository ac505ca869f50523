"""Whole orders into the store: one statement per table and batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from sql import orders as t
from sql.columns import dumps
from stores import orders_feed
from stores import orders_rows as rows
from stores.contracts import NewOrder
from stores.database import insert_sql, many
from stores.orders_moves import by_keys
from stores.records import Order, Outcome, Receiver

Seal = Callable[[bytes], bytes]

_DETAILS = insert_sql(t.order_details)
SEARCH = insert_sql(t.order_search)
_IDENTITY = "SELECT order_no, platform, seller_id, platform_order_no, version FROM orders"
_HELD = rows.ORDERS.columns.index("held")
receiver_bytes: Callable[[Receiver], bytes] = msgspec.json.Encoder().encode


def add(c: Connection, batch: Sequence[NewOrder], *, run_id: str, now: int, seal: Seal) -> list[Outcome]:
    """See `Orders.add`; `now` is the store's time in milliseconds."""
    known = {r[0]: (r[1:4], r[4]) for r in by_keys(c, _IDENTITY, "order_no", [n.order.order_no for n in batch])}
    outcomes: list[Outcome] = []
    fresh: list[NewOrder] = []
    for new in batch:
        order = new.order
        there = known.get(order.order_no)
        if there is None:
            known[order.order_no] = (_identity(order), order.version)
            fresh.append(new)
            outcomes.append(Outcome(key=order.order_no, result="done", version=order.version))
        elif there[0] == _identity(order):
            outcomes.append(Outcome(key=order.order_no, result="already", version=there[1]))
        else:
            outcomes.append(Outcome(key=order.order_no, result="refused", reason="number_clash", version=there[1]))
    _insert(c, fresh, run_id, now, seal)
    return outcomes


def _identity(order: Order) -> tuple[Any, ...]:
    return order.platform, order.seller_id, order.platform_order_no


def _insert(c: Connection, fresh: Sequence[NewOrder], run_id: str, now: int, seal: Seal) -> None:
    many(c, rows.ORDERS.insert, [_head(n) for n in fresh])
    many(
        c, _DETAILS,
        [
            (n.order.order_no, seal(receiver_bytes(n.receiver)), seal(n.buyer_remark.encode()), seal(n.seller_remark.encode()))
            for n in fresh
        ],
    )  # fmt: skip
    many(c, rows.LINES.insert, rows.LINES.rows(line for n in fresh for line in n.lines))
    many(c, rows.SHIP_LINES.insert, rows.SHIP_LINES.rows(line for n in fresh for line in n.ship_lines))
    many(c, rows.HOLDS.insert, rows.HOLDS.rows(hold for n in fresh for hold in n.holds))
    many(c, SEARCH, search_rows((n.order.order_no, n.search) for n in fresh))
    many(c, rows.ADD_STEP, [_first_step(n, run_id, now) for n in fresh])
    orders_feed.note(c, [n.order.order_no for n in fresh], now)


def _head(new: NewOrder) -> tuple[Any, ...]:
    row = rows.ORDERS.row(new.order)
    held = sum(h.released_at is None for h in new.holds)
    return row if row[_HELD] == held else (*row[:_HELD], held, *row[_HELD + 1 :])


def search_rows(found: Any) -> list[tuple[str, str, str]]:
    """Rows of (order_no, ((kind, hash), ...)) pairs, each once."""
    return list(dict.fromkeys((no, kind, text) for no, search in found for kind, text in search))


def _first_step(new: NewOrder, run_id: str, now: int) -> tuple[Any, ...]:
    order = new.order
    return (
        order.order_no,
        order.version,
        now,
        run_id,
        "",
        str(order.progress),
        new.reason,
        dumps(new.facts),
        order.order_no,
    )
