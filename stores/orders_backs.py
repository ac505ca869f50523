"""Money that goes back through a channel: promised once by number, never more than came and than its refund is worth.

The lock of the transaction is taken at its start, so that what is compared here holds until it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from sql.columns import dumps
from stores import orders_feed, orders_parcels
from stores import orders_rows as rows
from stores.contracts.payments import BackChange
from stores.database import fetch, many, run
from stores.errors import BadItem
from stores.orders_adding import Seal
from stores.orders_moves import Moves, by_keys, write_moves
from stores.orders_payments import conditions, order_problem, order_versions, write_orders
from stores.records import STANDING_BACKS, Back, Outcome

_SET = frozenset(
    {"status", "channel_status", "channel_refund_no", "done_at", "settled_minor", "checks", "next_check_at"}
)
#: it ended there and never becomes another thing again
_OVER = frozenset({"success", "closed", "refused"})
_PROMISE = (
    "UPDATE payments SET promised_minor=promised_minor+?, changed_at=?"
    " WHERE payment_no=? AND status='paid' AND backed_minor+promised_minor+? <= paid_minor"
)
_FOLLOW = (
    "UPDATE payments SET promised_minor=promised_minor+?, backed_minor=backed_minor+?, changed_at=? WHERE payment_no=?"
)
_STANDING = ", ".join(f"'{word}'" for word in STANDING_BACKS)
_OF_REFUND = f"SELECT coalesce(sum(amount_minor), 0) FROM payment_backs WHERE refund_no=? AND refund_no<>'' AND status IN ({_STANDING})"
_REFUND = "SELECT amount_minor, authority, decision, status, order_no FROM refunds WHERE refund_no=?"
#: states of a refund in which its money may go
_PAYABLE = frozenset({"approved", "goods_back"})


def add(c: Connection, batch: Sequence[Back], run_id: str, now: int, reason: str) -> list[Outcome]:
    """See `Payments.add_backs`."""
    known = dict(by_keys(c, "SELECT back_no, version FROM payment_backs", "back_no", [b.back_no for b in batch]))
    outcomes: list[Outcome] = []
    for back in batch:
        no = back.back_no
        if no in known:
            outcomes.append(Outcome(key=no, result="already", version=known[no]))
            continue
        problem = _problem(c, back) or _promise(c, back, now)
        if problem:
            outcomes.append(Outcome(key=no, result="refused", reason=problem))
            continue
        known[no] = back.version
        many(c, rows.BACKS.insert, rows.BACKS.rows([back]))
        step = (no, back.version, now, run_id, "", back.status, reason, dumps({"payment_no": back.payment_no}))
        many(c, rows.ADD_STEP, [(*step, back.order_no)])
        outcomes.append(Outcome(key=no, result="done", version=back.version))
    done = {o.key for o in outcomes if o.result == "done"}
    orders_feed.note(c, [b.order_no for b in batch if b.back_no in done], now)
    return outcomes


def _problem(c: Connection, back: Back) -> str:
    """Why it may not be asked back, but for what the payment still holds."""
    if back.status != "asked":
        raise BadItem(f"{back.back_no}: a back begins as asked")
    found = fetch(c, "SELECT currency, order_no FROM payments WHERE payment_no=?", [back.payment_no])
    if not found:
        return "unknown_payment"
    if found[0][1] != back.order_no:
        raise BadItem(f"{back.payment_no} is of order {found[0][1]}")
    if found[0][0] != back.currency:
        return "other_currency"
    if not back.refund_no:
        return ""
    refund = fetch(c, _REFUND, [back.refund_no])
    if not refund or refund[0][1:3] != ("us", "approved") or refund[0][3] not in _PAYABLE:
        return "refund_not_due"
    if refund[0][4] != back.order_no:
        raise BadItem(f"{back.refund_no} is of order {refund[0][4]}")
    standing = fetch(c, _OF_REFUND, [back.refund_no])[0][0]
    return "exceeds_refund" if standing + back.amount_minor > refund[0][0] else ""


def _promise(c: Connection, back: Back, now: int) -> str:
    n = run(c, _PROMISE, [back.amount_minor, now, back.payment_no, back.amount_minor])
    return "" if n else "exceeds_paid"


def apply(c: Connection, changes: Sequence[BackChange], run_id: str, now: int, seal: Seal) -> list[Outcome]:
    """See `Payments.apply_backs`."""
    select = "SELECT back_no, version, status, order_no, payment_no, amount_minor FROM payment_backs"
    held = {r[0]: r for r in by_keys(c, select, "back_no", [x.back_no for x in changes])}
    orders = order_versions(c, (x.order for x in changes))
    refunds = _refund_versions(c, changes)
    outcomes: list[Outcome] = []
    good: list[BackChange] = []
    moves: list[Moves] = []
    sums, steps = [], []
    for change in changes:
        no = change.back_no
        outcome = _judge(change, held.get(no), orders, refunds)
        outcomes.append(outcome)
        if not outcome.ok:
            continue
        _, _, status, order_no, payment_no, amount = held.pop(no)
        values = rows.BACKS.packed(no, change.set, _SET) | {"changed_at": now}
        to = values.get("status", status)
        moves.append(Moves(values, change.expect, None, [no]))
        if to != status:
            (promised, backed), (was_promised, was_backed) = _sums(to, amount), _sums(status, amount)
            sums.append((promised - was_promised, backed - was_backed, now, payment_no))
        if change.recorded:
            steps.append((no, outcome.version, now, run_id, status, to, change.reason, dumps(change.facts), order_no))
        if change.order is not None:
            orders[change.order.order_no] = -1
        if change.refund is not None:
            refunds[change.refund.refund_no] = -1
        good.append(change)
    write_moves(c, "payment_backs", "back_no", moves)
    many(c, _FOLLOW, sums)
    many(c, rows.ADD_STEP, steps)
    _write_with(c, good, run_id, now, seal)
    # orders and refunds that change themselves were noted there
    orders_feed.note(c, {x.order_no for x in good if x.recorded and x.refund is None and x.order is None}, now)
    return outcomes


def _write_with(c: Connection, good: Sequence[BackChange], run_id: str, now: int, seal: Seal) -> None:
    """Write what backs bring along: changes of refunds and orders whose versions were compared in this transaction."""
    told = [x.refund for x in good if x.refund is not None]
    if told:
        for done in orders_parcels.apply_refunds(c, told, run_id, now):
            if not done.ok:
                raise BadItem(f"{done.key}: {done.result} {done.reason}")
    write_orders(c, [x.order for x in good if x.order is not None], run_id, now, seal)


def _sums(status: str, amount: int) -> tuple[int, int]:
    """(promised, backed) of one back in a state."""
    if status == "success":
        return 0, amount
    return (amount, 0) if status in STANDING_BACKS else (0, 0)


def _refund_versions(c: Connection, changes: Sequence[BackChange]) -> dict[str, int]:
    numbers = list({x.refund.refund_no for x in changes if x.refund is not None})
    return dict(by_keys(c, "SELECT refund_no, version FROM refunds", "refund_no", numbers))


def _judge(
    change: BackChange, held: tuple[Any, ...] | None, orders: dict[str, int], refunds: dict[str, int]
) -> Outcome:
    no = change.back_no
    if held is None:
        return Outcome(key=no, result="refused", reason="unknown_back")
    _, version, status, order_no, *_ = held
    if order_no != change.order_no:
        raise BadItem(f"{no} is of order {order_no}")
    if version != change.expect:
        return Outcome(key=no, result="changed", version=version)
    if status in _OVER and change.set.get("status", status) != status:
        return Outcome(key=no, result="refused", reason="is_over", version=version)
    bad = order_problem(change.order, orders)
    if bad:
        return Outcome(key=no, result=bad, reason="unknown_order" if bad == "refused" else "order", version=version)
    if change.refund is not None and refunds.get(change.refund.refund_no) != change.refund.expect:
        gone = change.refund.refund_no not in refunds
        result, reason = ("refused", "unknown_refund") if gone else ("changed", "refund")
        return Outcome(key=no, result=result, reason=reason, version=version)
    return Outcome(key=no, result="done", version=version + 1)


def backs(c: Connection, back_nos: Sequence[str]) -> dict[str, Back]:
    """Backs by number, of those that exist."""
    return {r[0]: rows.BACKS.record(r) for r in by_keys(c, rows.BACKS.select, "back_no", back_nos)}


def find(c: Connection, lists: dict[str, Sequence[str]], *, due_ms: int | None, limit: int, after: str) -> list[Back]:
    """See `Payments.find_backs`."""
    where, args = conditions(lists, due_ms)
    if lists.get("refund_no"):
        where.append("refund_no <> ''")
    sql = f"{rows.BACKS.select} WHERE {' AND '.join([*where, 'back_no > ?'])} ORDER BY back_no LIMIT ?"
    return rows.BACKS.records(fetch(c, sql, [*args, after, limit]))
