"""How each table is spread when a store is sharded: a table of marks, from which routing rules are written.

The last three characters of an order number, of a refund, payment or back number (which take their order's) or of a parcel
number are
the shard 000–511: database n // 64, table n % 64. `single` tables live in one database; `broadcast` ones in each.
What changes in one step with an order lies in its shard.
"""

from __future__ import annotations

from typing import NamedTuple


class Mark(NamedTuple):
    """How a table is spread: `sharded` by its column `by`, `single` or `broadcast`.

    `also` names a second column that ends in the same three characters, so that asking by it is routed as well.
    """

    how: str
    by: str = ""
    also: str = ""


SHARDS = 512
PER_DATABASE = 64

_BY_ORDER = Mark("sharded", "order_no")
_BY_PARCEL = Mark("sharded", "parcel_no")
_BY_REFUND = Mark("sharded", "refund_no", also="order_no")
_BY_PAYMENT = Mark("sharded", "payment_no", also="order_no")
_BY_BACK = Mark("sharded", "back_no", also="order_no")
_SINGLE = Mark("single")

MARKS: dict[str, Mark] = {
    # orders
    "orders": _BY_ORDER,
    "order_details": _BY_ORDER,
    "order_lines": _BY_ORDER,
    "ship_lines": _BY_ORDER,
    "order_holds": _BY_ORDER,
    "order_search": _BY_ORDER,
    "order_edits": _BY_ORDER,
    # each shard has a feed of its own, read side by side
    "order_feed": Mark("sharded", "seq"),
    # a step lies with the order, parcel or refund it tells of
    "history": Mark("sharded", "ref"),
    "memberships": _BY_ORDER,
    "refunds": _BY_REFUND,
    "refund_lines": _BY_REFUND,
    # their numbers take the shard of their order, with which they change in one step
    "payments": _BY_PAYMENT,
    "payment_backs": _BY_BACK,
    # changes in one step with its order; groups are gathered over all shards, whose rows are few
    "waiting": _BY_ORDER,
    "parcels": _BY_PARCEL,
    # inbox: a key has no shard of its own; documents may also lie in another engine
    "inbox_state": _SINGLE,
    "inbox_payload": _SINGLE,
    # stock: a counter is one row for all orders
    "stock": _SINGLE,
    "stock_journal": _SINGLE,
    "stock_counts": _SINGLE,
    "stock_streams": _SINGLE,
    "reservations": _SINGLE,
    "demand": _SINGLE,
    # ledger
    "sellers": _SINGLE,
    "marks": _SINGLE,
    "windows": _SINGLE,
    "lateness": _SINGLE,
    "leases": _SINGLE,
    "runs": _SINGLE,
    "tasks": _SINGLE,
    "alerts": _SINGLE,
    "effects": _SINGLE,
    "tokens": _SINGLE,
    "small_values": _SINGLE,
    "audit_trail": _SINGLE,
    # settlement: accounts are worked on one at a time, each by who holds its lease
    "statement_files": _SINGLE,
    "statement_lines": _SINGLE,
    "parked_rows": _SINGLE,
    "expectations": _SINGLE,
    "cursors": _SINGLE,
    "fences": _SINGLE,
    "acts": _SINGLE,
    "act_journal": _SINGLE,
    "matches": _SINGLE,
    "match_members": _SINGLE,
    "suspense": _SINGLE,
    "suggestions": _SINGLE,
    "periods": _SINGLE,
    "plans_applied": _SINGLE,
    "rule_versions": _SINGLE,
    "supplier_prices": _SINGLE,
    "supplier_files": _SINGLE,
    "supplier_adjustments": _SINGLE,
    "supplier_bills": _SINGLE,
    "supplier_lines": _SINGLE,
    "supplier_moves": _SINGLE,
    # reports: sums over all orders, and beside them what each order added, so that both change in one step
    "report_orders": _SINGLE,
    "report_cells": _SINGLE,
    "report_counted": _SINGLE,
    "report_standing": _SINGLE,
    "report_shops": _SINGLE,
    # bus
    "bus_events": _SINGLE,
    "bus_positions": _SINGLE,
    "bus_acks": _SINGLE,
}


def shard_of(number: str) -> tuple[int, int]:
    """(database, table) of an order, refund or parcel number."""
    n = int(number[-3:])
    return n // PER_DATABASE, n % PER_DATABASE
