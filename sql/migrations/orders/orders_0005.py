"""Orders of an exchange or reship: what they make good, and what a refund sends instead."""

import sqlalchemy as sa
from alembic import op

revision = "orders_0005"
down_revision = "orders_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("linked_to", sa.String(length=40), server_default="", nullable=False))
    op.add_column("refunds", sa.Column("replacement", sa.Text(), server_default="{}", nullable=False))
