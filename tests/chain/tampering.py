"""What is done to one row of each table of the money's stores, and the check of the demo's proof that must notice it."""

from __future__ import annotations

TOLD, SUMS, ACTS = "statements as they were told", "what was matched adds up", "each act is on record"
EXPECTED, SUPPLIERS = "expected is what the world knows", "suppliers' bills add up"
_MATCHED = "match_id IN (SELECT match_id FROM matches WHERE class_ = 'matched')"


def change(table: str, to: str, keys: str, where: str = "1=1") -> str:
    """Change one row; `keys`: its primary key, with commas."""
    return f"UPDATE {table} SET {to} WHERE {_one(table, keys, where)}"


def drop(table: str, keys: str, where: str = "1=1") -> str:
    return f"DELETE FROM {table} WHERE {_one(table, keys, where)}"


def _one(table: str, keys: str, where: str) -> str:
    return f"({keys}) = (SELECT {keys} FROM {table} WHERE {where} ORDER BY {keys} LIMIT 1)"


def add(table: str, **values: object) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(map(repr, values.values()))})"


#: the settlement's tables → (statement, check). Suppliers have no part in the day, nor have suggestions, parked rows and
#: plans: those tables are empty, and a row of nothing must be noticed
SETTLED = {
    "statement_files": (change("statement_files", "row_count = row_count + 1", "file_id"), TOLD),
    "statement_lines": (change("statement_lines", "order_ref = order_ref || '0'", "line_id", f"file_id IN (SELECT file_id FROM statement_files WHERE account = 'tmall') AND line_id IN (SELECT ref_id FROM match_members WHERE side = 'line' AND {_MATCHED})"), TOLD),
    "parked_rows": (add("parked_rows", file_id=1, row_no=99, in_column="x", reason="amount", cells="{}"), TOLD),
    "expectations": (change("expectations", "order_no = order_no || '0'", "exp_id", "account = 'tmall'"), EXPECTED),
    "matches": (change("matches", "delta_minor = delta_minor + 1", "match_id", "class_ = 'matched'"), SUMS),
    "match_members": (drop("match_members", "side, ref_id", f"side = 'exp' AND {_MATCHED}"), SUMS),
    "suspense": (change("suspense", "amount_minor = amount_minor + 1", "side, ref_id"), SUMS),
    "suggestions": (add("suggestions", suggestion_id="x", account="tmall", period="2026-03-01", state="open", pass_name="line", rule_id="", delta_minor=0, currency="CNY", line_ids="[]", exp_ids="[]", act_id=1), ACTS),
    "acts": (change("acts", "after_match = after_match + 1", "act_id", "after_match > first_match"), ACTS),
    "act_journal": (drop("act_journal", "act_id, seq"), ACTS),
    "periods": (change("periods", "state = 'confirmed'", "account, period"), ACTS),
    "fences": (change("fences", "token = token + 100", "account"), ACTS),
    "cursors": (change("cursors", "position = '1'", "name"), ACTS),
    "rule_versions": (change("rule_versions", "rules = '[]'", "version"), ACTS),
    "plans_applied": (add("plans_applied", hash="x", job="settle confirm", at=1, who="nobody"), ACTS),
    "supplier_prices": (add("supplier_prices", sku="X", valid_from="2026-03-01", valid_to="", supplier="s", currency="CNY", price_minor=1, changed_at=1), SUPPLIERS),
    "supplier_files": (add("supplier_files", hash="x", name="x", row_count=1, at=1, who="nobody", run_id=""), SUPPLIERS),
    "supplier_adjustments": (add("supplier_adjustments", adjustment_id="x", supplier="s", period="2026-03", currency="CNY", amount_minor=1, reason="", who="", at=1, bill_no=""), SUPPLIERS),
    "supplier_bills": (add("supplier_bills", bill_no="x", supplier="s", period="2026-03", round=1, start_at=1, end_at=2, state="booked", totals="{}", move_count=0, parked_qty=0, plan_hash="", booked_at=1, booked_by="", changed_at=1, changed_by="", run_id=""), SUPPLIERS),
    "supplier_lines": (add("supplier_lines", bill_no="x", line_no=1, kind="goods", sku="X", currency="CNY", price_minor=1, shipped=1, returned=0, defective=0, amount_minor=1, late_qty=0, reason="", adjustment_id=""), SUPPLIERS),
    "supplier_moves": (add("supplier_moves", seq=1, bill_no="x", sku="X", order_no="n", kind="ship", qty=1, currency="CNY", price_minor=1, at=1), SUPPLIERS),
}  # fmt: skip

#: the reports' tables → statement; they have one check
REPORTED = {
    "report_orders": drop("report_orders", "order_no"),
    "report_cells": change("report_cells", "qty = qty + 1", "day, measure, shop, platform, key, hour, currency"),
    "report_counted": "INSERT INTO report_counted SELECT * FROM report_cells LIMIT 1",
    "report_standing": "UPDATE report_standing SET cursor = '1'",
    "report_shops": drop("report_shops", "shop"),
}

_OWN = "order_no IN (SELECT order_no FROM orders WHERE platform = 'own')"
#: tables that hold rows of own orders beside the marketplaces' → statement; they have one check
OWNED = {
    "orders": change("orders", "freight_minor = freight_minor + 1", "order_no", _OWN),
    "order_details": drop("order_details", "order_no", _OWN),
    "order_lines": change("order_lines", "unit_minor = unit_minor + 1", "order_no, line_no", _OWN),
    "ship_lines": change("ship_lines", "value_minor = value_minor + 1", "order_no, ship_no", _OWN),
    "history": change("history", "to_state = 'lost'", "ref, version", f"ref = order_no AND {_OWN}"),
    "order_holds": change("order_holds", "released_at = 1", "order_no, code, since", f"released_at IS NULL AND {_OWN}"),
    "refunds": change("refunds", "status = 'approved'", "refund_no", f"status = 'done' AND {_OWN}"),
    "refund_lines": change("refund_lines", "amount_minor = amount_minor + 1", "refund_no, line_no", _OWN),
    "inbox_state": change("inbox_state", "hash = 'x'", "key", "platform = 'own' AND kind = 'orders'"),
    "inbox_payload": drop("inbox_payload", "key", "key LIKE 'payments:%'"),
}

#: what the books say of money against what is so → (statement, check)
MONEY = {
    "expected of an own order": (change("expectations", "amount_minor = amount_minor + 1", "exp_id", "account = 'own' AND status = 'settled'"), EXPECTED),
    "class in a statement": (change("suspense", "class_ = 'status_differs'", "side, ref_id", "account = 'tmall' AND class_ = 'amount_differs'"), "statements: each difference in its class"),
    "class in a bill": (change("suspense", "class_ = 'status_differs'", "side, ref_id", "account LIKE 'pay:%' AND class_ = 'amount_differs'"), "bills: each difference in its class"),
}  # fmt: skip
