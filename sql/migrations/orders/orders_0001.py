"""Tables of the orders store, first form."""

import sqlalchemy as sa
from alembic import op

revision = "orders_0001"
down_revision = None
branch_labels = ("orders",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("from_state", sa.String(length=16), nullable=False),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("ref", "version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "memberships",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("parcel_no", sa.String(length=40), nullable=False),
        sa.Column("active", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_no", "parcel_no"),
        sqlite_with_rowid=False,
    )
    op.create_index("memberships_parcel", "memberships", ["parcel_no"], unique=False)
    op.create_table(
        "order_details",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("receiver", sa.LargeBinary(), nullable=False),
        sa.Column("buyer_remark", sa.LargeBinary(), nullable=False),
        sa.Column("seller_remark", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("order_no"),
    )
    op.create_table(
        "order_edits",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("base", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("edited_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("order_no", "field"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_holds",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("order_no", "code", "since"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "order_holds_until",
        "order_holds",
        ["until"],
        unique=False,
        sqlite_where=sa.text("released_at IS NULL AND until IS NOT NULL"),
    )
    op.create_table(
        "order_lines",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("platform_line_no", sa.String(length=64), nullable=False),
        sa.Column("listing_id", sa.String(length=64), nullable=False),
        sa.Column("product_id", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("variant", sa.String(length=255), nullable=False),
        sa.Column("qty", sa.BigInteger(), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("gift", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("refund_state", sa.String(length=8), nullable=False),
        sa.CheckConstraint("qty >= 0", name="order_lines_qty"),
        sa.PrimaryKeyConstraint("order_no", "line_no"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_search",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("order_no", "kind", "hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("order_search_hash", "order_search", ["kind", "hash"], unique=False)
    op.create_table(
        "orders",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("seller_id", sa.String(length=64), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("platform_order_no", sa.String(length=64), nullable=False),
        sa.Column("progress", sa.String(length=16), nullable=False),
        sa.Column("refund_state", sa.String(length=8), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("goods_minor", sa.BigInteger(), nullable=False),
        sa.Column("freight_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("charges_minor", sa.BigInteger(), nullable=False),
        sa.Column("adjust_minor", sa.BigInteger(), nullable=False),
        sa.Column("payable_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("subsidy_minor", sa.BigInteger(), nullable=False),
        sa.Column("receivable_minor", sa.BigInteger(), nullable=False),
        sa.Column("unexplained_minor", sa.BigInteger(), nullable=False),
        sa.Column("buyer_key", sa.String(length=64), nullable=False),
        sa.Column("merge_key", sa.String(length=190), nullable=False),
        sa.Column("merge_confirm", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("adjustments", sa.Text(), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("ship_by", sa.BigInteger(), nullable=False),
        sa.Column("platform_status", sa.String(length=64), nullable=False),
        sa.Column("doc_modified_at", sa.BigInteger(), nullable=False),
        sa.Column("doc_hash", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("merge_round", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("reroutes", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("claim_token", sa.String(length=40), server_default="", nullable=False),
        sa.Column("claim_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("order_no"),
    )
    op.create_index("orders_buyer", "orders", ["buyer_key", "ordered_at"], unique=False)
    op.create_index(
        "orders_claimed", "orders", ["claim_token"], unique=False, sqlite_where=sa.text("claim_token <> ''")
    )
    op.create_index("orders_ordered", "orders", ["ordered_at", "order_no"], unique=False)
    op.create_index("orders_platform_no", "orders", ["platform_order_no"], unique=False)
    op.create_index("orders_shop", "orders", ["shop", "progress", "held"], unique=False)
    op.create_index("orders_work", "orders", ["progress", "held", "ship_by", "order_no"], unique=False)
    op.create_table(
        "parcels",
        sa.Column("parcel_no", sa.String(length=40), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("carrier", sa.String(length=64), nullable=False),
        sa.Column("waybill", sa.String(length=64), nullable=False),
        sa.Column("ship_by", sa.BigInteger(), nullable=True),
        sa.Column("handover_no", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("parcel_no"),
    )
    op.create_index("parcels_handover", "parcels", ["handover_no"], unique=False)
    op.create_index("parcels_state", "parcels", ["state", "warehouse"], unique=False)
    op.create_index("parcels_waybill", "parcels", ["waybill"], unique=False)
    op.create_table(
        "refund_lines",
        sa.Column("refund_no", sa.String(length=40), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("qty", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("good_qty", sa.BigInteger(), nullable=False),
        sa.Column("defective_qty", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("qty >= 0 AND good_qty >= 0 AND defective_qty >= 0", name="refund_lines_qty"),
        sa.PrimaryKeyConstraint("refund_no", "line_no"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "refunds",
        sa.Column("refund_no", sa.String(length=40), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("seller_id", sa.String(length=64), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("platform_refund_no", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("platform_status", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("doc_modified_at", sa.BigInteger(), nullable=False),
        sa.Column("doc_hash", sa.String(length=64), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("refund_no"),
    )
    op.create_index("refunds_order", "refunds", ["order_no"], unique=False)
    op.create_index("refunds_status", "refunds", ["status"], unique=False)
    op.create_table(
        "ship_lines",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("ship_no", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("qty", sa.BigInteger(), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("parcel_no", sa.String(length=40), nullable=False),
        sa.Column("shipped_qty", sa.BigInteger(), nullable=False),
        sa.Column("returned_qty", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.CheckConstraint("qty >= 0", name="ship_lines_qty"),
        sa.CheckConstraint("shipped_qty >= 0 AND shipped_qty <= qty", name="ship_lines_shipped"),
        sa.PrimaryKeyConstraint("order_no", "ship_no"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "waiting",
        sa.Column("key", sa.String(length=190), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("window_ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ship_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", "order_no", "warehouse"),
        sqlite_with_rowid=False,
    )
    op.create_index("waiting_order", "waiting", ["order_no"], unique=False)
    op.create_index("waiting_ship_by", "waiting", ["ship_by"], unique=False)
    op.create_index("waiting_window", "waiting", ["window_ends_at"], unique=False)
