"""Tables of the settlement store: what platforms state, what we expect, and how the two were matched.

Statement lines and expectations never change through matching; what was decided about them lies in rows of its own, each
written by an act, so that an act can be taken back to the letter.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

#: one imported file or pulled statement; written in the same transaction as its lines
statement_files = sa.Table(
    "statement_files",
    metadata,
    sa.Column("file_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("period", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("name", sa.String(190), nullable=False),
    sa.Column("layout", sa.String(64), nullable=False),
    sa.Column("layout_version", sa.Integer, nullable=False),
    sa.Column("first_line", sa.BigInteger, nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("doubled_count", sa.Integer, nullable=False),
    sa.Column("parked_count", sa.Integer, nullable=False),
    sa.Column("totals", sa.Text, nullable=False),
    #: names of the columns whose cells stand in `statement_lines.raw`
    sa.Column("raw_columns", sa.Text, nullable=False),
    sa.Column("first_at", sa.BigInteger),
    sa.Column("last_at", sa.BigInteger),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.String(40), nullable=False),
    sa.UniqueConstraint("account", "period", "hash", name="file_once"),
)

#: the rows of a file that could be read; `line_id` rises within a file without holes, the account is the file's
statement_lines = sa.Table(
    "statement_lines",
    metadata,
    sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("file_id", sa.BigInteger, nullable=False),
    sa.Column("row_no", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("order_ref", sa.String(64), nullable=False),
    sa.Column("refund_ref", sa.String(64), nullable=False),
    sa.Column("trade_ref", sa.String(64), nullable=False),
    #: from our view: what comes to us is positive
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
    #: the same row for the n-th time within its file, from 0
    sa.Column("occurrence", sa.Integer, nullable=False),
    #: the line of an earlier file that this one repeats; 0: it is new
    sa.Column("doubled_of", sa.BigInteger, nullable=False),
)

#: rows that could not be read, each with what was wrong
parked_rows = sa.Table(
    "parked_rows",
    metadata,
    sa.Column("file_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("row_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("in_column", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("cells", sa.Text, nullable=False),
)

#: what we expect platforms to state, kept from the order feed
expectations = sa.Table(
    "expectations",
    metadata,
    sa.Column("exp_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(96), nullable=False, unique=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("order_no", sa.String(64), nullable=False),
    sa.Column("group_ref", sa.String(64), nullable=False),
    sa.Column("order_ref", sa.String(64), nullable=False),
    sa.Column("refund_ref", sa.String(64), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Index("expected_when", "account", "at"),
    sa.Index("expected_of", "account", "order_ref"),
    sa.Index("expected_anew", "account", sqlite_where=sa.text("version > 1")),
)

#: consumer → how far it has read its feed
cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("position", sa.String(64), nullable=False),
)

#: account → the highest lease token that wrote; a write with a lower one is refused
fences = sa.Table(
    "fences",
    metadata,
    sa.Column("account", sa.String(64), primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),
)

#: what changed the books, newest last: import, match, decide, assign, confirm
acts = sa.Table(
    "acts",
    metadata,
    sa.Column("act_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("period", sa.String(16), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("file_id", sa.BigInteger, nullable=False),
    #: matches this act made: first ≤ id < after
    sa.Column("first_match", sa.BigInteger, nullable=False),
    sa.Column("after_match", sa.BigInteger, nullable=False),
    sa.Column("rules", sa.String(64), nullable=False),
    sa.Column("counts", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("run_id", sa.String(40), nullable=False),
    sa.Index("acts_of", "account", "act_id"),
)

#: rows as they were before an act wrote over them (empty: there was none); gone once the act is undone
act_journal = sa.Table(
    "act_journal",
    metadata,
    sa.Column("act_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("of_table", sa.String(16), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("was", sa.Text, nullable=False),
)

#: lines and expectations that belong together
matches = sa.Table(
    "matches",
    metadata,
    sa.Column("match_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("act_id", sa.BigInteger, nullable=False),
    sa.Column("class_", sa.String(16), nullable=False),
    sa.Column("pass_name", sa.String(32), nullable=False),
    sa.Column("rule_id", sa.String(64), nullable=False),
    #: stated − expected
    sa.Column("delta_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
)

#: a line or expectation belongs to one match at most
match_members = sa.Table(
    "match_members",
    metadata,
    sa.Column("side", sa.String(4), primary_key=True),
    sa.Column("ref_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("match_id", sa.BigInteger, nullable=False),
    #: version of the expectation that was matched; 0 for a line
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("members_of", "match_id"),
    sqlite_with_rowid=False,
)

#: 挂账: what stands open, until a later file, an order or a person explains it
suspense = sa.Table(
    "suspense",
    metadata,
    #: line or exp; a match whose sides differ hangs on its first line
    sa.Column("side", sa.String(8), primary_key=True),
    sa.Column("ref_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("period", sa.String(16), nullable=False),
    sa.Column("class_", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("order_ref", sa.String(64), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    #: when the item itself happened: what aging counts from
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("recheck_at", sa.BigInteger, nullable=False),
    sa.Column("checks", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(190), nullable=False),
    sa.Column("act_id", sa.BigInteger, nullable=False),
    sa.Index("suspense_of", "account", "recheck_at"),
)

#: pairings that could be right, for a person to accept or refuse
suggestions = sa.Table(
    "suggestions",
    metadata,
    sa.Column("suggestion_id", sa.String(24), primary_key=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("period", sa.String(16), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("pass_name", sa.String(32), nullable=False),
    sa.Column("rule_id", sa.String(64), nullable=False),
    sa.Column("delta_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("line_ids", sa.Text, nullable=False),
    sa.Column("exp_ids", sa.Text, nullable=False),
    sa.Column("act_id", sa.BigInteger, nullable=False),
    sa.Index("suggestions_of", "account", "state"),
)

periods = sa.Table(
    "periods",
    metadata,
    sa.Column("account", sa.String(64), primary_key=True),
    sa.Column("period", sa.String(16), primary_key=True),
    sa.Column("start_at", sa.BigInteger, nullable=False),
    sa.Column("end_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("confirmed_at", sa.BigInteger, nullable=False),
    sa.Column("confirmed_by", sa.String(64), nullable=False),
    sa.Column("act_id", sa.BigInteger, nullable=False),
)

#: plans that were carried out: a hash once
plans_applied = sa.Table(
    "plans_applied",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(32), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
)

#: every version of the tolerance rules that matched something
rule_versions = sa.Table(
    "rule_versions",
    metadata,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)


# ---------------------------------------------------------------------- suppliers

#: purchase prices; a SKU has one on any day, so that its first day makes it one of a kind. Days as ``2026-09-01``
supplier_prices = sa.Table(
    "supplier_prices",
    metadata,
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("valid_from", sa.String(10), primary_key=True),
    sa.Column("valid_to", sa.String(10), nullable=False),
    sa.Column("supplier", sa.String(64), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Index("supplier_prices_of", "supplier", "sku"),
    sqlite_with_rowid=False,
)

#: files of prices that were imported
supplier_files = sa.Table(
    "supplier_files",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(190), nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("run_id", sa.String(40), nullable=False),
)

supplier_adjustments = sa.Table(
    "supplier_adjustments",
    metadata,
    sa.Column("adjustment_id", sa.String(64), primary_key=True),
    sa.Column("supplier", sa.String(64), nullable=False),
    sa.Column("period", sa.String(16), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(190), nullable=False),
    sa.Column("who", sa.String(64), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("bill_no", sa.String(96), nullable=False),
    sa.Index("supplier_adjustments_of", "supplier", "period"),
)

#: undone ones stay as heads, so that a number is never given twice
supplier_bills = sa.Table(
    "supplier_bills",
    metadata,
    sa.Column("bill_no", sa.String(96), primary_key=True),
    sa.Column("supplier", sa.String(64), nullable=False),
    sa.Column("period", sa.String(16), nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("start_at", sa.BigInteger, nullable=False),
    sa.Column("end_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("totals", sa.Text, nullable=False),
    sa.Column("move_count", sa.Integer, nullable=False),
    sa.Column("parked_qty", sa.BigInteger, nullable=False),
    sa.Column("plan_hash", sa.String(64), nullable=False),
    sa.Column("booked_at", sa.BigInteger, nullable=False),
    sa.Column("booked_by", sa.String(64), nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("changed_by", sa.String(64), nullable=False),
    sa.Column("run_id", sa.String(40), nullable=False),
    sa.UniqueConstraint("supplier", "period", "round", name="supplier_bill_once"),
)

supplier_lines = sa.Table(
    "supplier_lines",
    metadata,
    sa.Column("bill_no", sa.String(96), primary_key=True),
    sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
    sa.Column("shipped", sa.BigInteger, nullable=False),
    sa.Column("returned", sa.BigInteger, nullable=False),
    sa.Column("defective", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("late_qty", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(190), nullable=False),
    sa.Column("adjustment_id", sa.String(64), nullable=False),
    sqlite_with_rowid=False,
)

#: movements of the stock journal that a bill charges, each once
supplier_moves = sa.Table(
    "supplier_moves",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("bill_no", sa.String(96), nullable=False),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("order_no", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("qty", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("supplier_moves_of", "bill_no", "seq"),
    sa.Index("supplier_moves_order", "order_no", "sku"),
)
