"""Tables of the embedded bus: hints in order of arrival, and how far each group has taken them."""

from __future__ import annotations

import sqlalchemy as sa

from sql.columns import rising

metadata = sa.MetaData()

bus_events = sa.Table(
    "bus_events",
    metadata,
    sa.Column("seq", rising, primary_key=True, autoincrement=True),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("key", sa.String(190), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("bus_events_topic", "topic", "seq"),
    sa.Index("bus_events_at", "at"),
    # a number is never given twice, also after old events were deleted
    sqlite_autoincrement=True,
)

#: everything up to `seq` was acknowledged by the group
bus_positions = sa.Table(
    "bus_positions",
    metadata,
    sa.Column("topic", sa.String(64), primary_key=True),
    sa.Column("group_name", sa.String(64), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
)

#: acknowledged out of order, beyond the group's position
bus_acks = sa.Table(
    "bus_acks",
    metadata,
    sa.Column("topic", sa.String(64), primary_key=True),
    sa.Column("group_name", sa.String(64), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
)
