"""Windows keep the evidence of their readings."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_0002"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("windows", sa.Column("passes", sa.Text(), nullable=True))
