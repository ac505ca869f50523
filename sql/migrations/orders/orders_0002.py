"""Indexes that follow the questions: what no query asks by is gone, what is mostly empty is not kept."""

import sqlalchemy as sa
from alembic import op

revision = "orders_0002"
down_revision = "orders_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, table in (
        ("orders_work", "orders"),
        ("orders_shop", "orders"),
        ("orders_claimed", "orders"),
        ("waiting_window", "waiting"),
        ("waiting_ship_by", "waiting"),
        ("memberships_parcel", "memberships"),
        ("parcels_state", "parcels"),
        ("parcels_waybill", "parcels"),
        ("parcels_handover", "parcels"),
    ):
        op.drop_index(name, table_name=table)
    op.create_index("orders_work", "orders", ["progress", "held", "ship_by", "order_no", "shop"], unique=False)
    op.create_index("parcels_state", "parcels", ["state", "parcel_no", "warehouse"], unique=False)
    op.create_index("parcels_waybill", "parcels", ["waybill"], unique=False, sqlite_where=sa.text("waybill <> ''"))
    op.create_index(
        "parcels_handover", "parcels", ["handover_no"], unique=False, sqlite_where=sa.text("handover_no <> ''")
    )
