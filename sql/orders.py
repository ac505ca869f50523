"""Tables of the order store. Every table but parcels is found by its order number, the route key of a sharded engine.

Times are epoch milliseconds, money the smallest unit, composed values JSON text, personal data sealed bytes.
"""

from __future__ import annotations

import sqlalchemy as sa

from sql.columns import rising

metadata = sa.MetaData()

#: stands for "no latest time to ship", so that (ship_by, order_no) sorts such orders last within one index
NO_SHIP_BY = 253_402_300_799_999


def _no(name: str = "order_no", *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(40), primary_key=key, nullable=False)


def _int(name: str, *, key: bool = False, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=null)


def _text(name: str, size: int = 64, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(size), primary_key=key, nullable=False)


def _json(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _sealed(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


orders = sa.Table(
    "orders",
    metadata,
    _no(key=True),
    _text("platform", 32), _text("seller_id"), _text("shop"), _text("platform_order_no"),
    _text("progress", 16), _text("refund_state", 8), _text("currency", 3),
    _int("goods_minor"), _int("freight_minor"), _int("tax_minor"), _int("charges_minor"), _int("adjust_minor"),
    _int("payable_minor"), _int("paid_minor"), _int("refunded_minor"), _int("subsidy_minor"), _int("receivable_minor"),
    _int("unexplained_minor"),
    _text("buyer_key"), _text("merge_key", 190), _int("merge_confirm"),
    _json("region"), _json("flags"), _json("marks"), _json("adjustments"),
    _int("ordered_at"), _int("paid_at", null=True), _int("ship_by"),
    _text("platform_status"), _int("doc_modified_at"), _text("doc_hash"),
    _int("attempt"), _json("intent"), _int("merge_round"), _int("held"), _int("due_at", null=True), _int("reroutes"),
    _int("version"), _int("created_at"), _int("changed_at"),
    sa.Column("claim_token", sa.String(40), nullable=False, server_default=""),
    sa.Column("claim_until", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("linked_to", sa.String(40), nullable=False, server_default=""),
    _int("ended_at", null=True),
    # with the shop, so that counting by shop and progress reads the index alone
    sa.Index("orders_work", "progress", "held", "ship_by", "order_no", "shop"),
    sa.Index("orders_ordered", "ordered_at", "order_no"),
    sa.Index("orders_platform_no", "platform_order_no"),
    sa.Index("orders_buyer", "buyer_key", "ordered_at"),
)  # fmt: skip

#: what only few stages read; people write names and phones into remarks, so these are sealed like the receiver
order_details = sa.Table(
    "order_details", metadata, _no(key=True), _sealed("receiver"), _sealed("buyer_remark"), _sealed("seller_remark")
)

order_lines = sa.Table(
    "order_lines",
    metadata,
    _no(key=True), _int("line_no", key=True),
    _text("platform_line_no"), _text("listing_id"), _text("product_id"), _text("code"), _text("title", 255),
    _text("variant", 255), _int("qty"), _int("unit_minor"), _int("paid_minor"), _int("gift"), _text("status", 8),
    _text("refund_state", 8),
    sa.CheckConstraint("qty >= 0", name="order_lines_qty"),
    sqlite_with_rowid=False,
)  # fmt: skip

ship_lines = sa.Table(
    "ship_lines",
    metadata,
    _no(key=True), _int("ship_no", key=True),
    _int("line_no"), _text("sku"), _int("qty"), _int("value_minor"), _text("warehouse"), _no("parcel_no"),
    _int("shipped_qty"), _int("returned_qty"), _text("status", 8),
    sa.CheckConstraint("qty >= 0", name="ship_lines_qty"),
    sa.CheckConstraint("shipped_qty >= 0 AND shipped_qty <= qty", name="ship_lines_shipped"),
    sqlite_with_rowid=False,
)  # fmt: skip

#: steps of orders, parcels and refunds; order_no is the route key (a parcel's first order, a refund's order)
history = sa.Table(
    "history",
    metadata,
    _no("ref", key=True), _int("version", key=True),
    _int("at"), _text("run_id", 40), _text("from_state", 16), _text("to_state", 16), _text("reason"), _json("facts"),
    _no(),
    sqlite_with_rowid=False,
)  # fmt: skip

order_holds = sa.Table(
    "order_holds",
    metadata,
    _no(key=True), _text("code", key=True), _int("since", key=True),
    _text("owner"), _json("facts"), _int("until", null=True), _int("released_at", null=True),
    sa.Index("order_holds_until", "until", sqlite_where=sa.text("released_at IS NULL AND until IS NOT NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip

#: keyed hashes of what an operator searches for
order_search = sa.Table(
    "order_search",
    metadata,
    _no(key=True), _text("kind", 16, key=True), _text("hash", key=True),
    sa.Index("order_search_hash", "kind", "hash"),
    sqlite_with_rowid=False,
)  # fmt: skip

#: the merge-key table
waiting = sa.Table(
    "waiting",
    metadata,
    _text("key", 190, key=True), _no(key=True), _text("warehouse", key=True),
    _text("shop"), _int("since"), _int("window_ends_at"), _int("ship_by", null=True),
    sa.Index("waiting_order", "order_no"),
    sqlite_with_rowid=False,
)  # fmt: skip

memberships = sa.Table(
    "memberships",
    metadata,
    _no(key=True), _no("parcel_no", key=True), _int("active"),
    sqlite_with_rowid=False,
)  # fmt: skip

parcels = sa.Table(
    "parcels",
    metadata,
    _no("parcel_no", key=True),
    _text("shop"), _text("platform", 32), _text("warehouse"), _text("state", 16), _json("members"), _text("carrier"),
    _text("waybill"), _int("ship_by", null=True), _text("handover_no"), _int("version"), _int("created_at"),
    _int("changed_at"),
    sa.Index("parcels_state", "state", "parcel_no", "warehouse"),
    sa.Index("parcels_waybill", "waybill", sqlite_where=sa.text("waybill <> ''")),
    sa.Index("parcels_handover", "handover_no", sqlite_where=sa.text("handover_no <> ''")),
)  # fmt: skip

refunds = sa.Table(
    "refunds",
    metadata,
    _no("refund_no", key=True),
    _no(), _text("platform", 32), _text("seller_id"), _text("shop"), _text("platform_refund_no"), _text("kind", 24),
    _text("authority", 16), _text("status", 16), _text("platform_status"), _text("currency", 3), _int("amount_minor"),
    _json("reason"), _text("decision", 16), _text("decided_by"), _int("asked_at"), _int("doc_modified_at"),
    _text("doc_hash"), _json("marks"), _int("version"), _int("created_at"), _int("changed_at"),
    sa.Column("replacement", sa.Text, nullable=False, server_default="{}"),
    sa.Index("refunds_order", "order_no"),
    sa.Index("refunds_status", "status"),
)  # fmt: skip

refund_lines = sa.Table(
    "refund_lines",
    metadata,
    _no("refund_no", key=True), _int("line_no", key=True),
    _no(), _int("qty"), _int("amount_minor"), _int("good_qty"), _int("defective_qty"),
    sa.CheckConstraint("qty >= 0 AND good_qty >= 0 AND defective_qty >= 0", name="refund_lines_qty"),
    sqlite_with_rowid=False,
)  # fmt: skip

#: value and base may be personal data
order_edits = sa.Table(
    "order_edits",
    metadata,
    _no(key=True), _text("field", key=True), _sealed("value"), _sealed("base"), _int("at"), _text("edited_by"),
    sqlite_with_rowid=False,
)  # fmt: skip

#: which orders a batch touched, a row per batch: what keeps sums of its own reads on from where it was
order_feed = sa.Table(
    "order_feed",
    metadata,
    sa.Column("seq", rising, primary_key=True, autoincrement=True),
    _int("at"), _json("order_nos"),
)  # fmt: skip

#: `next_check_at` is set while there is something to ask the channel
payments = sa.Table(
    "payments",
    metadata,
    _no("payment_no", key=True),
    _no(), _text("shop"), _text("channel"), _text("merchant_id"), _text("method", 16), _int("attempt"),
    _text("currency", 3), _int("amount_minor"), _int("paid_minor"), _int("payer_minor"), _int("settled_minor"),
    _int("backed_minor"), _int("promised_minor"), _text("status", 8), _text("channel_status"), _text("trade_no"),
    _int("asked_at"), _int("expires_at"), _int("paid_at", null=True), _int("checks"), _int("next_check_at", null=True),
    _text("late", 16), _text("plan", 8), _int("version"), _int("created_at"), _int("changed_at"),
    sa.CheckConstraint("amount_minor > 0 AND paid_minor >= 0", name="payments_amount"),
    sa.CheckConstraint(
        "backed_minor >= 0 AND promised_minor >= 0 AND backed_minor + promised_minor <= paid_minor", name="payments_backed"
    ),
    sa.Index("payments_order", "order_no"),
    sa.Index("payments_due", "next_check_at", "payment_no", sqlite_where=sa.text("next_check_at IS NOT NULL")),
    sa.Index("payments_late", "payment_no", "plan", sqlite_where=sa.text("late <> ''")),
)  # fmt: skip

payment_backs = sa.Table(
    "payment_backs",
    metadata,
    _no("back_no", key=True),
    _no("payment_no"), _no(), _no("refund_no"), _int("amount_minor"), _text("currency", 3), _text("status", 16),
    _text("channel_status"), _text("channel_refund_no"), _text("reason", 255), _int("asked_at"),
    _int("done_at", null=True), _int("settled_minor"), _int("checks"), _int("next_check_at", null=True), _int("version"),
    _int("created_at"), _int("changed_at"),
    sa.CheckConstraint("amount_minor > 0", name="payment_backs_amount"),
    sa.Index("payment_backs_payment", "payment_no"),
    sa.Index("payment_backs_refund", "refund_no", sqlite_where=sa.text("refund_no <> ''")),
    sa.Index("payment_backs_order", "order_no"),
    sa.Index("payment_backs_due", "next_check_at", "back_no", sqlite_where=sa.text("next_check_at IS NOT NULL")),
)  # fmt: skip
