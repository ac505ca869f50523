"""Orders keep when they ended, as the platform says: statements are held against that time."""

import sqlalchemy as sa
from alembic import op

revision = "orders_0006"
down_revision = "orders_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("ended_at", sa.BigInteger(), nullable=True))
