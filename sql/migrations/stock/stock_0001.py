"""Tables of the stock store, first form."""

import sqlalchemy as sa
from alembic import op

revision = "stock_0001"
down_revision = None
branch_labels = ("stock",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "demand",
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("qty", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_no", "sku"),
    )
    op.create_index("demand_sku", "demand", ["sku", "qty"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("reservation_id", sa.String(length=48), nullable=False),
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("shipped", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reservation_id", "warehouse"),
    )
    op.create_index("reservations_order", "reservations", ["order_no"], unique=False)
    op.create_index("reservations_state", "reservations", ["state", "reservation_id"], unique=False)
    op.create_table(
        "stock",
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("defective", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("defective >= 0", name="stock_defective_not_negative"),
        sa.CheckConstraint("held >= 0", name="stock_held_not_negative"),
        sa.CheckConstraint("on_hand >= 0", name="stock_on_hand_not_negative"),
        sa.PrimaryKeyConstraint("warehouse", "sku"),
    )
    op.create_index("stock_sku", "stock", ["sku"], unique=False)
    op.create_table(
        "stock_counts",
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=190), nullable=False),
        sa.PrimaryKeyConstraint("warehouse", "sku"),
    )
    op.create_table(
        "stock_journal",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=190), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("defective", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("key", "warehouse", "sku", name="stock_journal_once"),
    )
    op.create_index("stock_journal_sku", "stock_journal", ["warehouse", "sku", "at"], unique=False)
