"""Tables of the reports store: what each order adds to the figures, and the figures. Days are numbers such as 20260301."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

#: one row per order: the cells it was counted into, so that a later version can be taken out again to the last unit
contributions = sa.Table(
    "report_orders",
    metadata,
    sa.Column("order_no", sa.String(40), primary_key=True),
    sa.Column("shop", sa.String(64), nullable=False),
    sa.Column("platform", sa.String(32), nullable=False),
    #: ((day, hour, measure, key, currency, count, qty, minor), ...) as msgpack
    sa.Column("parts", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


def _cells(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("measure", sa.String(16), primary_key=True),
        sa.Column("shop", sa.String(64), primary_key=True),
        sa.Column("platform", sa.String(32), primary_key=True),
        sa.Column("key", sa.String(190), primary_key=True),
        #: of the business zone; -1 where the hour does not matter
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("qty", sa.BigInteger, nullable=False),
        sa.Column("minor", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


#: in the order in which a report asks: a day, one measure of it, all shops
cells = _cells("report_cells")
#: the same while they are counted anew, to be compared; empty else
counted = _cells("report_counted")

#: how far the figures reflect the orders; one row
standing = sa.Table(
    "report_standing",
    metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("cursor", sa.String(64), nullable=False),
    #: NULL: every order was counted
    sa.Column("after", sa.String(40)),
    sa.Column("basis", sa.String(64), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

#: every shop that ever had a figure
shops = sa.Table(
    "report_shops",
    metadata,
    sa.Column("shop", sa.String(64), primary_key=True),
    sa.Column("platform", sa.String(32), nullable=False),
)
