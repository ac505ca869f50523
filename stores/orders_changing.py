"""Recorded changes of orders: judged against one read, then written with one statement per table and shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from sql.columns import dumps
from stores import orders_rows as rows
from stores.contracts import Change
from stores.database import many
from stores.errors import BadItem
from stores.orders_adding import SEARCH, Seal, receiver_bytes, search_rows
from stores.orders_moves import SET_FROM, Move, by_keys, delete_all, set_all, write_moves
from stores.records import Hold, Outcome, Progress

#: what a change may set: neither keys nor what the store keeps itself
_SETTABLE = frozenset(rows.ORDERS.columns) - {
    "order_no", "platform", "seller_id", "platform_order_no", "progress", "version", "held", "created_at", "changed_at",
}  # fmt: skip
#: columns of ship lines that a change may set in all open ones at once
_PLACES = frozenset({"warehouse", "parcel_no"})
_STATE = "SELECT order_no, version, progress, claim_token FROM orders"
_OPEN_HOLDS = "SELECT order_no, code, since FROM order_holds"
_RENEW_HOLD = "UPDATE order_holds SET owner=?, facts=?, until=? WHERE order_no=? AND code=? AND since=?"
_RELEASE_HOLD = "UPDATE order_holds SET released_at=? WHERE order_no=? AND code=? AND since=?"
_COUNT_HOLDS = (
    "UPDATE orders SET held=(SELECT count(*) FROM order_holds h WHERE h.order_no=orders.order_no AND h.released_at IS NULL)"
    " WHERE order_no=?"
)


class _State(NamedTuple):
    version: int
    progress: str
    token: str


def apply(c: Connection, changes: Sequence[Change], *, run_id: str, now: int, seal: Seal) -> list[Outcome]:
    """See `Orders.apply`; `now` is the store's time in milliseconds."""
    states = {r[0]: _State(*r[1:]) for r in by_keys(c, _STATE, "order_no", [x.order_no for x in changes])}
    outcomes: list[Outcome] = []
    good: list[Change] = []
    taken: set[str] = set()
    for change in changes:
        outcome = _judge(change, states.get(change.order_no), again=change.order_no in taken)
        outcomes.append(outcome)
        if outcome.ok:
            taken.add(change.order_no)
            good.append(change)
    if good:
        _write(c, good, states, run_id, now, seal)
    return outcomes


def _judge(change: Change, state: _State | None, *, again: bool) -> Outcome:
    no = change.order_no
    if state is None:
        return Outcome(key=no, result="refused", reason="unknown_order")
    if change.token is not None and change.token != state.token:
        return Outcome(key=no, result="lost", version=state.version)
    # A second change of one order in a batch was read before the first one was written.
    if again or change.expect != state.version:
        return Outcome(key=no, result="changed", version=state.version + again)
    return Outcome(key=no, result="done", version=state.version + 1)


def _write(c: Connection, good: Sequence[Change], states: dict[str, _State], run_id: str, now: int, seal: Seal) -> None:
    write_moves(c, "orders", "order_no", _moves(good, now))
    many(c, rows.ADD_STEP, [_step(x, states[x.order_no], run_id, now) for x in good])
    many(c, rows.LINES.upsert, rows.LINES.rows(line for x in good for line in x.lines))
    many(c, rows.SHIP_LINES.upsert, rows.SHIP_LINES.rows(line for x in good for line in x.ship_lines))
    _place(c, [x for x in good if x.open_lines])
    many(c, rows.MEMBERSHIPS.upsert, rows.MEMBERSHIPS.rows(m for x in good for m in x.memberships))
    _write_holds(c, [x for x in good if x.hold or x.release], now)
    _write_waiting(c, [x for x in good if x.waiting is not None])
    _write_details(c, good, seal)
    _write_search(c, [x for x in good if x.search is not None])


def _moves(good: Sequence[Change], now: int) -> list[Move]:
    """What is written into the heads; changes that set the same thing share their values."""
    known: dict[tuple[Any, bool, int], dict[str, Any]] = {}
    out = []
    for change in good:
        kind = (change.to, change.keep_claim, id(change.set) if change.set else 0)
        values = known.get(kind)
        if values is None:
            values = known[kind] = _values(change.to, change.keep_claim, now)
            if change.set:
                values |= rows.ORDERS.packed(change.order_no, change.set, _SETTABLE)
        out.append(Move(change.order_no, change.expect, values))
    return out


def _values(to: Progress | None, keep_claim: bool, now: int) -> dict[str, Any]:
    values: dict[str, Any] = {"changed_at": now}
    if to is not None:
        values["progress"] = str(to)
    if not keep_claim:
        values["claim_token"], values["claim_until"] = "", 0
    return values


def _place(c: Connection, placed: Sequence[Change]) -> None:
    """Say where all open ship lines of an order come from and go."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for change in placed:
        if not change.open_lines.keys() <= _PLACES:
            raise BadItem(f"{change.order_no}: of ship lines only {', '.join(sorted(_PLACES))} are set all at once")
        groups.setdefault(tuple(change.open_lines.items()), []).append(change.order_no)
    single: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for values, numbers in groups.items():
        if len(numbers) >= SET_FROM:
            set_all(c, "ship_lines", "order_no", numbers, dict(values), where="status='open'")
            continue
        names, texts = zip(*values, strict=True)
        found = single.setdefault(names, [])
        for no in numbers:
            found.append((*texts, no))
    for names, found in single.items():
        sets = ", ".join(f"{name}=?" for name in names)
        many(c, f"UPDATE ship_lines SET {sets} WHERE order_no=? AND status='open'", found)


def _step(change: Change, state: _State, run_id: str, now: int) -> tuple[Any, ...]:
    to = state.progress if change.to is None else str(change.to)
    no = change.order_no
    return (no, state.version + 1, now, run_id, state.progress, to, change.reason, dumps(change.facts), no)


def _write_holds(c: Connection, touched: Sequence[Change], now: int) -> None:
    """Release first, then open, so that one change can do both to a code; then count what is open."""
    numbers = [x.order_no for x in touched]
    found = by_keys(c, _OPEN_HOLDS, "order_no", numbers, " AND released_at IS NULL")
    open_since = {(no, code): since for no, code, since in found}
    released = [(x.order_no, code) for x in touched for code in x.release if (x.order_no, code) in open_since]
    many(c, _RELEASE_HOLD, [(now, *key, open_since.pop(key)) for key in dict.fromkeys(released)])
    renewed: list[tuple[Any, ...]] = []
    opened: dict[tuple[str, str], Hold] = {}
    for hold in (h for x in touched for h in x.hold):
        key = (hold.order_no, hold.code)
        if key in open_since:
            no, code, owner, facts, _, until, _ = _hold_values(hold)
            renewed.append((owner, facts, until, no, code, open_since[key]))
        else:
            opened[key] = hold
    many(c, _RENEW_HOLD, renewed)
    # The same code opened again within the millisecond in which it was opened before takes that row.
    many(c, rows.HOLDS.upsert, rows.HOLDS.rows(opened.values()))
    many(c, _COUNT_HOLDS, [(no,) for no in numbers])


def _hold_values(hold: Hold) -> tuple[Any, ...]:
    values = dict(zip(rows.HOLDS.columns, rows.HOLDS.row(hold), strict=True))
    return tuple(values[n] for n in ("order_no", "code", "owner", "facts", "since", "until", "released_at"))


def _write_waiting(c: Connection, touched: Sequence[Change]) -> None:
    delete_all(c, "waiting", "order_no", [x.order_no for x in touched])
    many(c, rows.WAITING.insert, rows.WAITING.rows(w for x in touched for w in x.waiting or ()))


def _write_details(c: Connection, good: Sequence[Change], seal: Seal) -> None:
    for name in ("buyer_remark", "seller_remark"):
        told = [(seal(getattr(x, name).encode()), x.order_no) for x in good if getattr(x, name) is not None]
        many(c, f"UPDATE order_details SET {name}=? WHERE order_no=?", told)
    sealed = [(seal(receiver_bytes(x.receiver)), x.order_no) for x in good if x.receiver is not None]
    many(c, "UPDATE order_details SET receiver=? WHERE order_no=?", sealed)


def _write_search(c: Connection, touched: Sequence[Change]) -> None:
    delete_all(c, "order_search", "order_no", [x.order_no for x in touched])
    many(c, SEARCH, search_rows((x.order_no, x.search or ()) for x in touched))
