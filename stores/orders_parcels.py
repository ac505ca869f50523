"""Parcels and refunds: added once by number, changed by compare-and-set, each step with its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from sql.columns import dumps, loads
from stores import orders_feed
from stores import orders_rows as rows
from stores.contracts import ParcelChange, RefundChange
from stores.database import fetch, many
from stores.orders_moves import Moves, by_keys, in_list, write_moves
from stores.records import Outcome, Parcel, ParcelState, Refund, RefundLine

_PARCEL_SET = frozenset({"carrier", "waybill", "handover_no", "members", "ship_by", "warehouse"})
_REFUND_SET = frozenset(rows.REFUNDS.columns) - {
    "refund_no", "order_no", "platform", "seller_id", "platform_refund_no", "version", "created_at", "changed_at",
}  # fmt: skip
#: refunds whose money is spoken for, asked ones among them
_STANDING = ("asked", "approved", "goods_back", "done")
#: stands for the version of a row this batch changes already: what was read before does not match it
_TAKEN = -1


# ------------------------------------------------------------------ parcels


def add_parcels(
    c: Connection, batch: Sequence[Parcel], run_id: str, now: int, reason: str, facts: Mapping[str, Mapping[str, Any]]
) -> list[Outcome]:
    """See `Orders.add_parcels`."""
    numbers = [p.parcel_no for p in batch]
    known = dict(by_keys(c, "SELECT parcel_no, version FROM parcels", "parcel_no", numbers))
    outcomes, fresh = [], []
    for parcel in batch:
        no = parcel.parcel_no
        if no in known:
            outcomes.append(Outcome(key=no, result="already", version=known[no]))
            continue
        known[no] = parcel.version
        fresh.append(parcel)
        outcomes.append(Outcome(key=no, result="done", version=parcel.version))
    many(c, rows.PARCELS.insert, rows.PARCELS.rows(fresh))
    steps = [
        (
            p.parcel_no,
            p.version,
            now,
            run_id,
            "",
            str(p.state),
            reason,
            dumps(facts[p.parcel_no]) if p.parcel_no in facts else "{}",
            _lead(p.members),
        )
        for p in fresh
        if p.state != ParcelState.PLANNING
    ]
    many(c, rows.ADD_STEP, steps)
    return outcomes


def _lead(members: Sequence[str]) -> str:
    """The order by which a parcel's history is found."""
    return members[0] if members else ""


def apply_parcels(c: Connection, changes: Sequence[ParcelChange], run_id: str, now: int) -> list[Outcome]:
    """See `Orders.apply_parcels`: done, changed, or refused (unknown_parcel)."""
    select = "SELECT parcel_no, version, state, members FROM parcels"
    held = {r[0]: r for r in by_keys(c, select, "parcel_no", [x.parcel_no for x in changes])}
    outcomes, moves, steps = [], [], []
    versions = {no: r[1] for no, r in held.items()}
    plain: dict[tuple[str, int], Moves] = {}
    for change in changes:
        no = change.parcel_no
        outcome = _judge(no, change.expect, versions, "unknown_parcel")
        outcomes.append(outcome)
        if not outcome.ok:
            continue
        versions[no] = _TAKEN
        _, _, state, members = held[no]
        to = state if change.to is None else str(change.to)
        values = {"changed_at": now, "state": to}
        if change.set:
            values |= rows.PARCELS.packed(no, change.set, _PARCEL_SET)
            moves.append(Moves(values, change.expect, None, [no]))
        else:
            plain.setdefault((to, change.expect), Moves(values, change.expect, None, [])).keys.append(no)
        lead = _lead(loads(members))
        steps.append((no, outcome.version, now, run_id, state, to, change.reason, dumps(change.facts), lead))
    write_moves(c, "parcels", "parcel_no", [*plain.values(), *moves])
    many(c, rows.ADD_STEP, steps)
    return outcomes


def _judge(key: str, expect: int, versions: Mapping[str, int], unknown: str) -> Outcome:
    version = versions.get(key)
    if version is None:
        return Outcome(key=key, result="refused", reason=unknown)
    if version != expect:
        return Outcome(key=key, result="changed", version=version)
    return Outcome(key=key, result="done", version=version + 1)


def parcels(c: Connection, parcel_nos: Sequence[str]) -> dict[str, Parcel]:
    """Parcels by number, of those that exist."""
    return {r[0]: rows.PARCELS.record(r) for r in by_keys(c, rows.PARCELS.select, "parcel_no", parcel_nos)}


def find_parcels(
    c: Connection,
    *,
    states: Sequence[ParcelState],
    shops: Sequence[str],
    exact: Mapping[str, str],
    order_no: str,
    limit: int,
    after: str,
) -> list[Parcel]:
    """See `Orders.find_parcels`; `exact`: column → value, empty values do not filter."""
    few = order_no or exact.get("waybill") or exact.get("handover_no")
    # The plus keeps the planner on the index of what is rarer than a state.
    lists = {"shop": shops, "+state": [str(s) for s in states]} if few else {"shop": shops}
    where, args = _filters(lists, exact)
    if states and not few:
        where.insert(0, "state = ?")
    if order_no:
        # A planning parcel is an intent its orders are not told of yet: only its own list of members knows them.
        where.append(
            "(parcel_no IN (SELECT m.parcel_no FROM memberships m WHERE m.order_no=?)"
            " OR (state='planning' AND instr(members, ?) > 0))"
        )
        args += [order_no, f'"{order_no}"']
    sql = f"{rows.PARCELS.select} WHERE {' AND '.join([*where, 'parcel_no > ?'])} ORDER BY parcel_no LIMIT ?"
    if few or not states:
        return rows.PARCELS.records(fetch(c, sql, [*args, after, limit]))
    # One state at a time is read in the order of the index; several at once would be sorted whole for each page.
    found = [row for state in dict.fromkeys(states) for row in fetch(c, sql, [str(state), *args, after, limit])]
    return rows.PARCELS.records(sorted(found)[:limit] if len(states) > 1 else found)


def _filters(lists: Mapping[str, Sequence[str]], exact: Mapping[str, str]) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    args: list[Any] = []
    for column, values in lists.items():
        if values:
            condition, given = in_list(column, values)
            where.append(condition)
            args += given
    for column, value in exact.items():
        if value:
            # said twice, so that an index of what is not empty serves
            where.append(f"{column} = ? AND {column} <> ''")
            args.append(value)
    return where, args


# ------------------------------------------------------------------ refunds


def add_refunds(
    c: Connection, batch: Sequence[tuple[Refund, tuple[RefundLine, ...]]], run_id: str, now: int, reason: str
) -> list[Outcome]:
    """See `Orders.add_refunds`: done, already, or refused (number_clash, exceeds_paid)."""
    select = "SELECT refund_no, platform, seller_id, platform_refund_no, version FROM refunds"
    known = {r[0]: (r[1:4], r[4]) for r in by_keys(c, select, "refund_no", [refund.refund_no for refund, _ in batch])}
    outcomes: list[Outcome] = []
    fresh: list[Refund] = []
    lines: list[RefundLine] = []
    room = _room(c, sorted({refund.order_no for refund, _ in batch if refund.authority == "us"}))
    for refund, parts in batch:
        no, identity = refund.refund_no, (refund.platform, refund.seller_id, refund.platform_refund_no)
        there = known.get(no)
        if there is None and refund.authority == "us":
            room[refund.order_no] = room.get(refund.order_no, 0) - refund.amount_minor
            if room[refund.order_no] < 0:
                room[refund.order_no] += refund.amount_minor
                outcomes.append(Outcome(key=no, result="refused", reason="exceeds_paid"))
                continue
        if there is None:
            known[no] = (identity, refund.version)
            fresh.append(refund)
            lines += parts
            outcomes.append(Outcome(key=no, result="done", version=refund.version))
        elif there[0] == identity:
            outcomes.append(Outcome(key=no, result="already", version=there[1]))
        else:
            outcomes.append(Outcome(key=no, result="refused", reason="number_clash", version=there[1]))
    many(c, rows.REFUNDS.insert, rows.REFUNDS.rows(fresh))
    many(c, rows.REFUND_LINES.insert, rows.REFUND_LINES.rows(lines))
    many(
        c,
        rows.ADD_STEP,
        [(r.refund_no, r.version, now, run_id, "", str(r.status), reason, "{}", r.order_no) for r in fresh],
    )
    orders_feed.note(c, [r.order_no for r in fresh], now)
    return outcomes


def _room(c: Connection, order_nos: Sequence[str]) -> dict[str, int]:
    """What of an order's money no standing refund speaks of yet."""
    paid = {
        no: int(minor) for no, minor in by_keys(c, "SELECT order_no, paid_minor FROM orders", "order_no", order_nos)
    }
    spoken = "SELECT order_no, amount_minor, status FROM refunds"
    for no, minor, status in by_keys(c, spoken, "order_no", order_nos):
        if status in _STANDING and no in paid:
            paid[no] -= int(minor)
    return paid


def apply_refunds(c: Connection, changes: Sequence[RefundChange], run_id: str, now: int) -> list[Outcome]:
    """See `Orders.apply_refunds`: done, changed, or refused (unknown_refund)."""
    select = "SELECT refund_no, version, status, order_no FROM refunds"
    held = {r[0]: r for r in by_keys(c, select, "refund_no", [x.refund_no for x in changes])}
    versions = {no: r[1] for no, r in held.items()}
    outcomes, moves, steps = [], [], []
    lines: list[RefundLine] = []
    for change in changes:
        no = change.refund_no
        outcome = _judge(no, change.expect, versions, "unknown_refund")
        outcomes.append(outcome)
        if not outcome.ok:
            continue
        versions[no] = _TAKEN
        values = rows.REFUNDS.packed(no, change.set, _REFUND_SET) | {"changed_at": now}
        moves.append(Moves(values, change.expect, None, [no]))
        status, order_no = held[no][2:]
        to = values.get("status", status)
        steps.append((no, outcome.version, now, run_id, status, to, change.reason, dumps(change.facts), order_no))
        lines += change.lines
    write_moves(c, "refunds", "refund_no", moves)
    many(c, rows.REFUND_LINES.upsert, rows.REFUND_LINES.rows(lines))
    many(c, rows.ADD_STEP, steps)
    orders_feed.note(c, [step[-1] for step in steps], now)
    return outcomes


def refunds(c: Connection, refund_nos: Sequence[str]) -> dict[str, tuple[Refund, tuple[RefundLine, ...]]]:
    """Refunds with their lines by number, of those that exist."""
    lines: dict[str, list[RefundLine]] = {no: [] for no in refund_nos}
    for row in by_keys(c, rows.REFUND_LINES.select, "refund_no", refund_nos, " ORDER BY refund_no, line_no"):
        lines[row[0]].append(rows.REFUND_LINES.record(row))
    found = by_keys(c, rows.REFUNDS.select, "refund_no", refund_nos)
    return {r[0]: (rows.REFUNDS.record(r), tuple(lines[r[0]])) for r in found}


def find_refunds(
    c: Connection,
    *,
    statuses: Sequence[str],
    shops: Sequence[str],
    order_nos: Sequence[str],
    undecided: bool,
    limit: int,
    after: str,
) -> list[Refund]:
    """See `Orders.find_refunds`."""
    where, args = _filters({"status": statuses, "shop": shops, "order_no": order_nos}, {})
    if undecided:
        where.append("decision = ''")
    sql = f"{rows.REFUNDS.select} WHERE {' AND '.join([*where, 'refund_no > ?'])} ORDER BY refund_no LIMIT ?"
    return rows.REFUNDS.records(fetch(c, sql, [*args, after, limit]))
