"""Payments of our own orders, and the money that goes back through their channels."""

import sqlalchemy as sa
from alembic import op

revision = "orders_0004"
down_revision = "orders_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column("payment_no", sa.String(length=40), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("shop", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("merchant_id", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("payer_minor", sa.BigInteger(), nullable=False),
        sa.Column("settled_minor", sa.BigInteger(), nullable=False),
        sa.Column("backed_minor", sa.BigInteger(), nullable=False),
        sa.Column("promised_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("channel_status", sa.String(length=64), nullable=False),
        sa.Column("trade_no", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.BigInteger(), nullable=True),
        sa.Column("late", sa.String(length=16), nullable=False),
        sa.Column("plan", sa.String(length=8), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0 AND paid_minor >= 0", name="payments_amount"),
        sa.CheckConstraint(
            "backed_minor >= 0 AND promised_minor >= 0 AND backed_minor + promised_minor <= paid_minor",
            name="payments_backed",
        ),
        sa.PrimaryKeyConstraint("payment_no"),
    )
    op.create_index("payments_order", "payments", ["order_no"], unique=False)
    op.create_index(
        "payments_due",
        "payments",
        ["next_check_at", "payment_no"],
        unique=False,
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index(
        "payments_late", "payments", ["payment_no", "plan"], unique=False, sqlite_where=sa.text("late <> ''")
    )
    op.create_table(
        "payment_backs",
        sa.Column("back_no", sa.String(length=40), nullable=False),
        sa.Column("payment_no", sa.String(length=40), nullable=False),
        sa.Column("order_no", sa.String(length=40), nullable=False),
        sa.Column("refund_no", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("channel_status", sa.String(length=64), nullable=False),
        sa.Column("channel_refund_no", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_minor", sa.BigInteger(), nullable=False),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("next_check_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="payment_backs_amount"),
        sa.PrimaryKeyConstraint("back_no"),
    )
    op.create_index("payment_backs_payment", "payment_backs", ["payment_no"], unique=False)
    op.create_index(
        "payment_backs_refund", "payment_backs", ["refund_no"], unique=False, sqlite_where=sa.text("refund_no <> ''")
    )
    op.create_index("payment_backs_order", "payment_backs", ["order_no"], unique=False)
    op.create_index(
        "payment_backs_due",
        "payment_backs",
        ["next_check_at", "back_no"],
        unique=False,
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
    )
