"""Orders out of the store: whole orders in sets, listings by key, claims. Every function works on an open transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from sql.columns import ms
from stores import orders_rows as rows
from stores.contracts import PARTS, REFUNDED_LINES, OrderQuery
from stores.database import chunks, claimable, fetch, marks
from stores.orders_moves import SET, by_keys, in_list, set_all
from stores.records import FullOrder, Order, Progress, Record, Refund, Step
from stores.rows import Rows

Unseal = Callable[[bytes], bytes]

R = TypeVar("R", bound=Record)
Cursor = tuple[str, str]


def heads(c: Connection, order_nos: Sequence[str], parts: Collection[str] = PARTS) -> dict[str, Order]:
    """Heads by number, in the order asked for; only with those of their own parts that are wanted."""
    table = rows.heads(parts)
    found = {r[0]: table.record(r) for r in by_keys(c, table.select, "order_no", order_nos)}
    return {no: found[no] for no in order_nos if no in found}


def whole(c: Connection, orders: Iterable[Order], unseal: Unseal, parts: Collection[str]) -> list[FullOrder]:
    """Heads made whole, each table of `parts` read once for the set; remarks opened."""
    given = list(orders)
    numbers = [o.order_no for o in given]
    lines = _parts(c, rows.LINES, numbers) if "lines" in parts else {}
    if REFUNDED_LINES in parts:
        lines = _parts(c, rows.LINES, numbers, where=" AND refund_state<>'none'")
    ship_lines = _parts(c, rows.SHIP_LINES, numbers) if "ship_lines" in parts else {}
    holds = _parts(c, rows.HOLDS, numbers, "since, code") if "holds" in parts else {}
    members = _parts(c, rows.MEMBERSHIPS, numbers) if "memberships" in parts else {}
    refunds: dict[str, list[Refund]] = _parts(c, rows.REFUNDS, numbers) if "refunds" in parts else {}
    remarks = _remarks(c, numbers, unseal) if "remarks" in parts else {}
    out = []
    for order in given:
        no = order.order_no
        buyer, seller = remarks.get(no, _SILENT)
        out.append(
            FullOrder(
                order=order,
                lines=tuple(lines[no]) if no in lines else (),
                ship_lines=tuple(ship_lines[no]) if no in ship_lines else (),
                holds=tuple(holds[no]) if no in holds else (),
                memberships=tuple(members[no]) if no in members else (),
                refunds=tuple(refunds[no]) if no in refunds else (),
                buyer_remark=buyer,
                seller_remark=seller,
            )
        )
    return out


_SILENT = ("", "")


def _remarks(c: Connection, numbers: Sequence[str], unseal: Unseal) -> dict[str, tuple[str, str]]:
    sql = "SELECT order_no, buyer_remark, seller_remark FROM order_details"
    found = by_keys(c, sql, "order_no", numbers)
    return {no: (unseal(buyer).decode(), unseal(seller).decode()) for no, buyer, seller in found if buyer or seller}


def _parts(
    c: Connection, table: Rows[R], numbers: Sequence[str], sort: str = "", *, where: str = ""
) -> dict[str, list[R]]:
    """Records of one table by order number, sorted within each order."""
    found = by_keys(c, table.select, "order_no", numbers, f"{where} ORDER BY {sort or ', '.join(table.keys)}")
    parts: dict[str, list[R]] = {}
    number, record = table.columns.index("order_no"), table.record
    for row in found:
        parts.setdefault(row[number], []).append(record(row))
    return parts


def find(c: Connection, query: OrderQuery, limit: int, after: Cursor | None) -> tuple[list[Order], Cursor | None]:
    """See `Orders.find`; one row more is read to know whether a page follows."""
    where, args = _conditions(query)
    if after is not None:
        where.append("(ordered_at, order_no) > (?, ?)")
        args += [int(after[0]), after[1]]
    text = f" WHERE {' AND '.join(where)}" if where else ""
    found = fetch(c, f"{rows.ORDERS.select}{text} ORDER BY ordered_at, order_no LIMIT ?", [*args, limit + 1])
    page = rows.ORDERS.records(found[:limit])
    more = len(found) > limit and page
    return page, (str(ms(page[-1].ordered_at)), page[-1].order_no) if more else None


def _conditions(query: OrderQuery) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    args: list[Any] = []

    def also(condition: str, *values: Any) -> None:
        where.append(condition)
        args.extend(values)

    for column, values in (("shop", query.shops), ("platform", query.platforms), ("progress", query.progress)):
        if values:
            condition, given = in_list(column, values)
            also(condition, *given)
    if query.held is not None:
        also("held > 0" if query.held else "held = 0")
    if query.hold_code:
        also(
            "EXISTS (SELECT 1 FROM order_holds h WHERE h.order_no=orders.order_no AND h.code=? AND h.released_at IS NULL)",
            query.hold_code,
        )
    if query.flag:
        also("instr(flags, ?) > 0", f'"{query.flag}"')
    if query.since is not None:
        also("ordered_at >= ?", ms(query.since))
    if query.until is not None:
        also("ordered_at < ?", ms(query.until))
    if query.search is not None:
        also("order_no IN (SELECT s.order_no FROM order_search s WHERE s.kind=? AND s.hash=?)", *query.search)
    if query.platform_order_no:
        also("platform_order_no = ?", query.platform_order_no)
    if query.buyer_key:
        also("buyer_key = ?", query.buyer_key)
    return where, args


def arrivals(c: Connection, order_nos: Sequence[str], states: Sequence[str]) -> dict[str, dict[str, Step]]:
    """See `Orders.arrivals`."""
    condition, given = in_list("to_state", states)
    sql = f"{rows.BARE_STEPS.select} WHERE {condition} AND from_state<>to_state AND ref IN ({{}}) ORDER BY ref, version"
    out: dict[str, dict[str, Step]] = {}
    for part in chunks(order_nos, SET):
        for row in fetch(c, sql.format(marks(len(part))), [*given, *part]):
            step = rows.BARE_STEPS.record(row)
            out.setdefault(step.ref, {}).setdefault(step.to_state, step)
    return out


def page(
    c: Connection, after: str, batch: int, progress: Sequence[Progress], parts: Collection[str] = PARTS
) -> list[Order]:
    """Heads by order number after `after`."""
    where, args = "order_no > ?", [after]
    if progress:
        # The plus keeps the planner on the primary key: by an index on progress it would sort all for each batch.
        condition, given = in_list("+progress", progress)
        where, args = f"{where} AND {condition}", args + given
    table = rows.heads(parts)
    return table.records(fetch(c, f"{table.select} WHERE {where} ORDER BY order_no LIMIT ?", [*args, batch]))


def take(
    c: Connection,
    progress: Progress,
    limit: int,
    shops: Sequence[str],
    after: Cursor | None,
    token: str,
    now: int,
    until: int,
    table: Rows[Order],
) -> list[tuple[Any, ...]]:
    """Put `token` on the next orders that are free; returns their rows in `table` by (ship_by, order_no)."""
    where = "progress=? AND held=0 AND claim_until<=? AND (due_at IS NULL OR due_at<=?)"
    args: list[Any] = [str(progress), now, now]
    if after is not None:
        where += " AND (ship_by, order_no) > (?, ?)"
        args += [int(after[0]), after[1]]
    if shops:
        condition, given = in_list("+shop", shops)
        where, args = f"{where} AND {condition}", args + given
    found = claimable(c, f"{table.select} WHERE {where} ORDER BY ship_by, order_no LIMIT ?", [*args, limit])
    set_all(c, "orders", "order_no", [row[0] for row in found], {"claim_token": token, "claim_until": until})
    return found


def position(row: Sequence[Any], table: Rows[Order]) -> Cursor:
    """Where a claim stands after this row."""
    return str(row[table.columns.index("ship_by")]), str(row[0])
