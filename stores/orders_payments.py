"""Payments: added once by number, changed by compare-and-set together with their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from sql.columns import dumps
from stores import orders_changing, orders_feed
from stores import orders_rows as rows
from stores.contracts.orders import Change
from stores.contracts.payments import PaymentChange
from stores.database import fetch, many
from stores.errors import BadItem
from stores.orders_adding import Seal
from stores.orders_moves import Moves, by_keys, in_list, write_moves
from stores.records import Outcome, Payment

#: what a change may set: neither what identifies a payment nor what went back
_SET = frozenset(rows.PAYMENTS.columns) - {
    "payment_no", "order_no", "shop", "channel", "merchant_id", "method", "attempt", "currency", "amount_minor",
    "backed_minor", "promised_minor", "version", "created_at", "changed_at",
}  # fmt: skip
#: it is being collected, or money has come that has not gone back whole
_TAKEN = " AND (status='open' OR (status='paid' AND backed_minor < paid_minor))"


def add(c: Connection, batch: Sequence[Payment], run_id: str, now: int, reason: str) -> list[Outcome]:
    """See `Payments.add_payments`."""
    numbers = [p.order_no for p in batch]
    known = dict(by_keys(c, "SELECT payment_no, version FROM payments", "payment_no", [p.payment_no for p in batch]))
    orders = {no for (no,) in by_keys(c, "SELECT order_no FROM orders", "order_no", numbers)}
    taken = dict(by_keys(c, "SELECT order_no, status FROM payments", "order_no", numbers, _TAKEN))
    outcomes: list[Outcome] = []
    fresh: list[Payment] = []
    for payment in batch:
        no, reason_not = payment.payment_no, _not_now(payment, orders, taken)
        if no in known:
            outcomes.append(Outcome(key=no, result="already", version=known[no]))
        elif reason_not:
            outcomes.append(Outcome(key=no, result="refused", reason=reason_not))
        else:
            known[no], taken[payment.order_no] = payment.version, "open"
            fresh.append(payment)
            outcomes.append(Outcome(key=no, result="done", version=payment.version))
    many(c, rows.PAYMENTS.insert, rows.PAYMENTS.rows(fresh))
    steps = [(p.payment_no, p.version, now, run_id, "", p.status, reason, "{}", p.order_no) for p in fresh]
    many(c, rows.ADD_STEP, steps)
    orders_feed.note(c, [p.order_no for p in fresh], now)
    return outcomes


def _not_now(payment: Payment, orders: set[str], taken: dict[str, str]) -> str:
    if payment.paid_minor or payment.backed_minor or payment.promised_minor:
        raise BadItem(f"{payment.payment_no}: a payment begins unpaid")
    if payment.order_no not in orders:
        return "unknown_order"
    status = taken.get(payment.order_no, "")
    return {"open": "open_payment", "paid": "is_paid"}.get(status, "")


def apply(c: Connection, changes: Sequence[PaymentChange], run_id: str, now: int, seal: Seal) -> list[Outcome]:
    """See `Payments.apply_payments`."""
    select = "SELECT payment_no, version, status, order_no FROM payments"
    held = {r[0]: r for r in by_keys(c, select, "payment_no", [x.payment_no for x in changes])}
    orders = order_versions(c, (x.order for x in changes))
    outcomes, moves, steps, moved = [], [], [], []
    for change in changes:
        no = change.payment_no
        outcome = _judge(change, held.get(no), orders)
        outcomes.append(outcome)
        if not outcome.ok:
            continue
        _, _, status, order_no = held.pop(no)
        values = rows.PAYMENTS.packed(no, change.set, _SET) | {"changed_at": now}
        moves.append(Moves(values, change.expect, None, [no]))
        if change.recorded:
            to = values.get("status", status)
            steps.append(
                (no, outcome.version, now, run_id, status, to, change.reason, dumps(change.facts), order_no)
            )  # fmt: skip
        if change.order is not None:
            # A second change of this order in the batch was read before this one.
            orders[change.order.order_no] = -1
            moved.append(change.order)
    write_moves(c, "payments", "payment_no", moves)
    many(c, rows.ADD_STEP, steps)
    write_orders(c, moved, run_id, now, seal)
    # orders that change themselves were noted there
    orders_feed.note(c, {step[-1] for step in steps} - {x.order_no for x in moved}, now)
    return outcomes


def _judge(change: PaymentChange, held: tuple[Any, ...] | None, orders: dict[str, int]) -> Outcome:
    no = change.payment_no
    if held is None:
        return Outcome(key=no, result="refused", reason="unknown_payment")
    _, version, status, order_no = held
    if order_no != change.order_no or (change.order is not None and change.order.order_no != order_no):
        raise BadItem(f"{no} is of order {order_no}")
    if version != change.expect:
        return Outcome(key=no, result="changed", version=version)
    if status == "paid" and change.set.get("status", status) != "paid":
        raise BadItem(f"{no}: what was paid stays paid")
    bad = order_problem(change.order, orders)
    if bad:
        return Outcome(key=no, result=bad, reason="unknown_order" if bad == "refused" else "order", version=version)
    return Outcome(key=no, result="done", version=version + 1)


def order_versions(c: Connection, changes: Iterable[Change | None]) -> dict[str, int]:
    """Versions of the orders that changes bring along."""
    numbers = list({x.order_no for x in changes if x is not None})
    return dict(by_keys(c, "SELECT order_no, version FROM orders", "order_no", numbers))


def order_problem(change: Change | None, versions: dict[str, int]) -> str:
    """Why an order's change cannot be written: refused (no such order), changed, or nothing."""
    if change is None:
        return ""
    if change.order_no not in versions:
        return "refused"
    return "" if versions[change.order_no] == change.expect else "changed"


def write_orders(c: Connection, changes: Sequence[Change], run_id: str, now: int, seal: Seal) -> None:
    """Write orders' changes whose versions were compared in this transaction."""
    if not changes:
        return
    for outcome in orders_changing.apply(c, changes, run_id=run_id, now=now, seal=seal):
        if not outcome.ok:
            raise BadItem(f"{outcome.key}: {outcome.result} {outcome.reason}")


def payments(c: Connection, payment_nos: Sequence[str]) -> dict[str, Payment]:
    """Payments by number, of those that exist."""
    found = by_keys(c, rows.PAYMENTS.select, "payment_no", payment_nos)
    return {r[0]: rows.PAYMENTS.record(r) for r in found}


def find(
    c: Connection, lists: dict[str, Sequence[str]], *, late: bool, undecided: bool, due_ms: int | None, limit: int, after: str
) -> list[Payment]:  # fmt: skip
    """See `Payments.find_payments`; `lists`: column → values, none do not filter."""
    where, args = conditions(lists, due_ms)
    if late or undecided:
        where.append("late <> ''")
    if undecided:
        where.append("plan = ''")
    sql = f"{rows.PAYMENTS.select} WHERE {' AND '.join([*where, 'payment_no > ?'])} ORDER BY payment_no LIMIT ?"
    return rows.PAYMENTS.records(fetch(c, sql, [*args, after, limit]))


def conditions(lists: dict[str, Sequence[str]], due_ms: int | None) -> tuple[list[str], list[Any]]:
    """Conditions and their parameters, for payments and backs alike."""
    where: list[str] = []
    args: list[Any] = []
    for column, values in lists.items():
        if values:
            condition, given = in_list(column, values)
            where.append(condition)
            args += given
    if due_ms is not None:
        where.append("next_check_at IS NOT NULL AND next_check_at <= ?")
        args.append(due_ms)
    return where, args
