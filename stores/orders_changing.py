"""Recorded changes of orders: compared and set, with one statement per table and shape.

Where the caller says what it read (`Change.was`), the UPDATE itself compares: `apply_told`. When a row is not as it was
read, nothing is written, and `apply` judges each change against a reading of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from sql.columns import dumps
from stores import orders_feed
from stores import orders_rows as rows
from stores.contracts import Change
from stores.database import many
from stores.errors import BadItem
from stores.orders_adding import SEARCH, Seal, receiver_bytes, search_rows
from stores.orders_moves import SET_FROM, Moves, by_keys, delete_all, move_each, set_all, write_moves
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


class Stale(Exception):
    """A row is not as the caller read it; the transaction must go back."""


def told(changes: Sequence[Change]) -> bool:
    """Whether every change says what was read, and no two are of one order."""
    return all(x.was is not None for x in changes) and len({x.order_no for x in changes}) == len(changes)


def apply_told(c: Connection, changes: Sequence[Change], *, run_id: str, now: int, seal: Seal) -> list[Outcome]:
    """As `apply`, for changes of which `told` is true; spares the reading.

    Raises:
        Stale: one of them does not meet what it was made from.
    """
    taken = _parcels_taken(c, changes)
    good = [x for x in changes if x.order_no not in taken] if taken else changes
    if good:
        _write(c, good, None, run_id, now, seal)
    if not taken:
        return [Outcome(key=x.order_no, result="done", version=x.expect + 1) for x in changes]
    return [
        _refused(x, x.expect) if x.order_no in taken else Outcome(key=x.order_no, result="done", version=x.expect + 1)
        for x in changes
    ]


def apply(c: Connection, changes: Sequence[Change], *, run_id: str, now: int, seal: Seal) -> list[Outcome]:
    """See `Orders.apply`; `now` is the store's time in milliseconds."""
    states = {r[0]: _State(*r[1:]) for r in by_keys(c, _STATE, "order_no", [x.order_no for x in changes])}
    taken = _parcels_taken(c, changes)
    outcomes: list[Outcome] = []
    good: list[Change] = []
    moved: set[str] = set()
    for change in changes:
        outcome = _judge(change, states.get(change.order_no), again=change.order_no in moved)
        if outcome.ok and change.order_no in taken:
            outcome = _refused(change, outcome.version - 1)
        outcomes.append(outcome)
        if outcome.ok:
            moved.add(change.order_no)
            good.append(change)
    if good:
        _write(c, good, states, run_id, now, seal)
    return outcomes


def _parcels_taken(c: Connection, changes: Sequence[Change]) -> set[str]:
    """Orders whose parcels' number is there already."""
    wanted = {p.parcel_no: x.order_no for x in changes if x.parcels for p in x.parcels}
    if not wanted:
        return set()
    return {wanted[no] for (no,) in by_keys(c, "SELECT parcel_no FROM parcels", "parcel_no", list(wanted))}


def _refused(change: Change, version: int) -> Outcome:
    return Outcome(key=change.order_no, result="refused", reason="parcel_taken", version=version)


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


def _write(
    c: Connection, good: Sequence[Change], states: Mapping[str, _State] | None, run_id: str, now: int, seal: Seal
) -> None:
    """Write all parts. `states`: as the store has read the orders; None: as the changes tell."""
    moves = [x for x in good if x.recorded]
    if write_moves(c, "orders", "order_no", _moves(moves, now)) + _write_intents(c, good, moves, now) != len(good):
        raise Stale
    if states is None:
        steps = [_step(x, _word(x.was), run_id, now) for x in moves]
    else:
        steps = [_step(x, states[x.order_no].progress, run_id, now) for x in moves]
    many(c, rows.ADD_STEP, steps)
    _place(c, [x for x in good if x.open_lines and not x.ship_lines])
    many(c, rows.MEMBERSHIPS.upsert, rows.MEMBERSHIPS.rows([m for x in good if x.memberships for m in x.memberships]))
    _write_waiting(c, [x for x in good if x.waiting is not None])
    _write_parcels(c, [x for x in good if x.parcels], run_id, now)
    more = [
        x for x in good
        if x.ship_lines or x.lines or x.hold or x.release or x.receiver is not None or x.search is not None
        or x.buyer_remark is not None or x.seller_remark is not None
    ]  # fmt: skip
    _write_seldom(c, more, now, seal)
    # an intent changes nothing that anybody adds up
    orders_feed.note(c, [x.order_no for x in moves], now)


def _write_seldom(c: Connection, good: Sequence[Change], now: int, seal: Seal) -> None:
    """What few changes bring."""
    if not good:
        return
    many(c, rows.LINES.upsert, rows.LINES.rows(line for x in good for line in x.lines))
    many(c, rows.SHIP_LINES.upsert, rows.SHIP_LINES.rows(line for x in good for line in x.ship_lines))
    # what is set in all open ship lines comes after the upsert
    _place(c, [x for x in good if x.open_lines and x.ship_lines])
    _write_holds(c, [x for x in good if x.hold or x.release], now)
    _write_details(c, good, seal)
    _write_search(c, [x for x in good if x.search is not None])


def _write_parcels(c: Connection, made: Sequence[Change], run_id: str, now: int) -> None:
    """Parcels of one member each, with the first step of their history."""
    if not made:
        return
    for change in made:
        if any(p.members != (change.order_no,) for p in change.parcels):
            raise BadItem(f"{change.order_no}: a change brings parcels of this one order only")
    many(c, rows.PARCELS.insert, rows.PARCELS.rows([p for x in made for p in x.parcels]))
    steps = [
        (p.parcel_no, p.version, now, run_id, "", str(p.state), x.reason, _facts(x.facts), x.order_no)
        for x in made
        for p in x.parcels
    ]
    many(c, rows.ADD_STEP, steps)


def _moves(good: Sequence[Change], now: int) -> Iterable[Moves]:
    """What is written into the heads; changes that set the same thing go together."""
    known: dict[tuple[Any, ...], Moves] = {}
    for x in good:
        # by identity: neither words nor values need be hashed
        kind = (id(x.to), x.keep_claim, id(x.set) if x.set else 0, x.expect, x.token)
        moves = known.get(kind)
        if moves is None:
            values = _values(x.to, x.keep_claim, now)
            if x.set:
                values |= rows.ORDERS.packed(x.order_no, x.set, _SETTABLE)
            moves = known[kind] = Moves(values, x.expect, x.token, [])
        moves.keys.append(x.order_no)
    return known.values()


def _write_intents(c: Connection, good: Sequence[Change], moves: Sequence[Change], now: int) -> int:
    """Heads of changes that are no moves: hardly two of them set the same values, but all of them the same columns."""
    if len(moves) == len(good):
        return 0
    shapes: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for x in good:
        if x.recorded:
            continue
        if x.to is not None:
            raise BadItem(f"{x.order_no}: an intent does not move its order")
        guard = (x.order_no, x.expect) if x.token is None else (x.order_no, x.expect, x.token)
        values = rows.ORDERS.packed(x.order_no, x.set, _SETTABLE)
        row = (now, *values.values(), *guard) if x.keep_claim else (now, "", 0, *values.values(), *guard)
        shapes.setdefault((x.keep_claim, x.token is None, *values), []).append(row)
    done = 0
    for (keeps, unclaimed, *names), some in shapes.items():
        columns = ["changed_at", *([] if keeps else ["claim_token", "claim_until"]), *names]
        done += move_each(c, "orders", "order_no", columns, some, claimed=not unclaimed)
    return done


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


def _step(x: Change, progress: str, run_id: str, now: int) -> tuple[Any, ...]:
    to = progress if x.to is None else _word(x.to)
    return (x.order_no, x.expect + 1, now, run_id, progress, to, x.reason, _facts(x.facts), x.order_no)


def _word(progress: Progress | None) -> str:
    """Plain text; a member's own `str` and `value` are slow to ask."""
    word: str = progress._value_ if progress is not None else ""
    return word


def _facts(facts: Mapping[str, Any]) -> str:
    return dumps(facts) if facts else "{}"


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
