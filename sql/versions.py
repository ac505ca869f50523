"""Which version of its tables a database has. Read without Alembic, whose import is dearer than any command's work.

Each store keeps its version in a table of its own (`orders_version`, …), so that stores may share one database.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: store → the newest revision in `sql/migrations/<store>`; the tables of `sql/<store>.py` are what it makes
HEADS = {
    "orders": "orders_0006",
    "inbox": "inbox_0001",
    "stock": "stock_0003",
    "ledger": "ledger_0002",
    "bus": "bus_0001",
    "settlement": "settlement_0002",
    "reports": "reports_0001",
}


def head(store: str) -> str:
    """The revision this program works with."""
    return HEADS[store]


def metadata_of(store: str) -> sa.MetaData:
    """The tables of one store."""
    found: sa.MetaData = importlib.import_module(f"sql.{store}").metadata
    return found


def version_table(store: str) -> sa.Table:
    """As Alembic makes it."""
    name = f"{store}_version"
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name=f"{name}_pkc"),
    )


def current(connection: Connection, store: str) -> str | None:
    """The revision a database has, None when it has no tables of this store's versions."""
    if not sa.inspect(connection).has_table(f"{store}_version"):
        return None
    found = connection.exec_driver_sql(f"SELECT version_num FROM {store}_version").scalar()
    return None if found is None else str(found)


def create(connection: Connection, store: str) -> None:
    """Make the newest tables at once and say so, which is what all migrations in a row do (a test compares them)."""
    metadata_of(store).create_all(connection)
    table = version_table(store)
    table.create(connection, checkfirst=True)
    connection.execute(table.insert().values(version_num=head(store)))
