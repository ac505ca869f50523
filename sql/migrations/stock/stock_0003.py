"""How far the journal of each warehouse was taken over from Redis."""

import sqlalchemy as sa
from alembic import op

revision = "stock_0003"
down_revision = "stock_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_streams",
        sa.Column("warehouse", sa.String(length=64), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("opened", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("mark_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("warehouse"),
        sa.UniqueConstraint("no"),
    )
