"""Is a store's schema of this version? A new file gets its tables at once; an older one wants `oms db upgrade`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stores.errors import WrongSchema

if TYPE_CHECKING:
    from stores.database import Database

#: store → the schema version this code works with; raised together with a migration
VERSIONS = {"orders": 1, "inbox": 1, "stock": 1, "ledger": 1, "bus": 1}


def ensure(database: Database, *, fresh: bool) -> None:
    """Create the tables of a new file; refuse a file of another version.

    Raises:
        WrongSchema: with both versions.
    """
    wanted = VERSIONS[database.store]
    with database.engine.connect() as connection:
        kept = int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0)
        if kept == wanted:
            return
        if kept:
            raise WrongSchema(f"{database.path} has version {kept}, this program works with {wanted}")
        # Several processes may find the same new file: the first one makes it, the others find it made.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0) == 0:
            database.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version={wanted}")
        connection.commit()
        connection.exec_driver_sql("COMMIT") if _open(connection) else None


def _open(connection: object) -> bool:
    raw = connection.connection.dbapi_connection  # type: ignore[attr-defined]
    return bool(getattr(raw, "in_transaction", False))
