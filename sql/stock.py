"""Tables of the stock store. Counter and journal entry are written in one transaction."""

from __future__ import annotations

import sqlalchemy as sa

from sql.columns import rising

metadata = sa.MetaData()

stock = sa.Table(
    "stock",
    metadata,
    sa.Column("warehouse", sa.String(64), primary_key=True),
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("on_hand", sa.BigInteger, nullable=False, default=0),
    sa.Column("held", sa.BigInteger, nullable=False, default=0),
    sa.Column("defective", sa.BigInteger, nullable=False, default=0),
    sa.CheckConstraint("held >= 0", name="stock_held_not_negative"),
    sa.CheckConstraint("on_hand >= 0", name="stock_on_hand_not_negative"),
    sa.CheckConstraint("defective >= 0", name="stock_defective_not_negative"),
    sa.Index("stock_sku", "sku"),
    sqlite_with_rowid=False,
)

stock_journal = sa.Table(
    "stock_journal",
    metadata,
    sa.Column("seq", rising, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(190), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("warehouse", sa.String(64), nullable=False),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("defective", sa.BigInteger, nullable=False),
    sa.Column("ref", sa.String(64), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("run_id", sa.String(40), nullable=False),
    # one cause moves one SKU of one warehouse once
    sa.UniqueConstraint("key", "warehouse", "sku", name="stock_journal_once"),
    sa.Index("stock_journal_sku", "warehouse", "sku", "at"),
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("reservation_id", sa.String(48), primary_key=True),
    sa.Column("warehouse", sa.String(64), primary_key=True),
    sa.Column("order_no", sa.String(40), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    #: ((sku, qty), ...) as JSON
    sa.Column("items", sa.Text, nullable=False),
    #: {sku: pieces shipped so far} as JSON
    sa.Column("shipped", sa.Text, nullable=False, default="{}"),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("reservations_order", "order_no"),
    sa.Index("reservations_state", "state", "reservation_id"),
    sqlite_with_rowid=False,
)

demand = sa.Table(
    "demand",
    metadata,
    sa.Column("order_no", sa.String(40), primary_key=True),
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("qty", sa.BigInteger, nullable=False),
    sa.Index("demand_sku", "sku", "qty"),
    sqlite_with_rowid=False,
)

stock_counts = sa.Table(
    "stock_counts",
    metadata,
    sa.Column("warehouse", sa.String(64), primary_key=True),
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("counted", sa.BigInteger, nullable=False),
    sa.Column("key", sa.String(190), nullable=False),
)

#: how far the journal of each warehouse was taken over from Redis, where stock is reserved there
stock_streams = sa.Table(
    "stock_streams",
    metadata,
    sa.Column("warehouse", sa.String(64), primary_key=True),
    #: its number among the warehouses: positions of the journal end in it
    sa.Column("no", sa.BigInteger, nullable=False, unique=True),
    #: rises whenever its counters were checked after Redis lost or may have lost some; Redis must say the same
    sa.Column("epoch", sa.BigInteger, nullable=False),
    #: the Redis server's own id at that time
    sa.Column("server", sa.String(64), nullable=False),
    #: 0 until its first epoch is known in Redis
    sa.Column("opened", sa.SmallInteger, nullable=False),
    #: the journal entries up to here are in these tables
    sa.Column("position", sa.BigInteger, nullable=False),
    #: where `position` stood at `mark_at`: Redis may forget its entries up to here, no reader needs them there any more
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Column("mark_at", sa.BigInteger, nullable=False),
)
