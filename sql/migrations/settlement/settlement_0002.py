"""Suppliers: prices, bills, adjustments"""

import sqlalchemy as sa
from alembic import op

revision = "settlement_0002"
down_revision = "settlement_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "supplier_adjustments",
        sa.Column("adjustment_id", sa.String(length=64), nullable=False),
        sa.Column("supplier", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=190), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("bill_no", sa.String(length=96), nullable=False),
        sa.PrimaryKeyConstraint("adjustment_id"),
    )
    with op.batch_alter_table("supplier_adjustments", schema=None) as batch_op:
        batch_op.create_index("supplier_adjustments_of", ["supplier", "period"], unique=False)

    op.create_table(
        "supplier_bills",
        sa.Column("bill_no", sa.String(length=96), nullable=False),
        sa.Column("supplier", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("totals", sa.Text(), nullable=False),
        sa.Column("move_count", sa.Integer(), nullable=False),
        sa.Column("parked_qty", sa.BigInteger(), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.Column("booked_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("bill_no"),
        sa.UniqueConstraint("supplier", "period", "round", name="supplier_bill_once"),
    )
    op.create_table(
        "supplier_files",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=190), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "supplier_lines",
        sa.Column("bill_no", sa.String(length=96), nullable=False),
        sa.Column("line_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("shipped", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("defective", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("late_qty", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=190), nullable=False),
        sa.Column("adjustment_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("bill_no", "line_no"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "supplier_moves",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("bill_no", sa.String(length=96), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("qty", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    with op.batch_alter_table("supplier_moves", schema=None) as batch_op:
        batch_op.create_index("supplier_moves_of", ["bill_no", "seq"], unique=False)
        batch_op.create_index("supplier_moves_order", ["order_no", "sku"], unique=False)

    op.create_table(
        "supplier_prices",
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=False),
        sa.Column("valid_to", sa.String(length=10), nullable=False),
        sa.Column("supplier", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "valid_from"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("supplier_prices", schema=None) as batch_op:
        batch_op.create_index("supplier_prices_of", ["supplier", "sku"], unique=False)
