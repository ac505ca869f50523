"""Is a store's schema of this version? A new file gets its tables at once; an older one wants `oms db upgrade`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from sql import versions
from stores.errors import WrongSchema
from stores.records import Record

if TYPE_CHECKING:
    from stores.database import Database


class SchemaState(Record, frozen=True, kw_only=True):
    """What a database has and what this program works with; `kept` is empty when it has no tables yet."""

    store: str
    kept: str
    wanted: str

    @property
    def is_current(self) -> bool:
        return self.kept == self.wanted


def state(database: Database) -> SchemaState:
    """Read the version; a file that is not there is not made."""
    if not database.exists():
        return SchemaState(store=database.store, kept="", wanted=versions.head(database.store))
    with database.read() as connection:
        kept = versions.current(connection, database.store)
    return SchemaState(store=database.store, kept=kept or "", wanted=versions.head(database.store))


def ensure(database: Database) -> None:
    """Create the tables of a new database; refuse one of another version.

    Raises:
        WrongSchema: with both versions.
    """
    store, wanted = database.store, versions.head(database.store)
    kept = _quick(database)
    if kept is None:
        # Several processes may find the same new file: the first one makes it, the others find it made.
        with database.alone() as connection:
            kept = versions.current(connection, store)
            if kept is None:
                kept = wanted
                versions.create(connection, store)
    if kept != wanted:
        raise WrongSchema(f"{database.path} has {kept}, this program works with {wanted}")


def _quick(database: Database) -> str | None:
    """The version by one statement, None when that fails: then it is looked at with care."""
    with database.guarded(), database.engine.connect() as connection:
        try:
            found = connection.exec_driver_sql(f"SELECT version_num FROM {database.store}_version").scalar()
        except DBAPIError:
            return None
    return None if found is None else str(found)


def upgrade(database: Database) -> SchemaState:
    """Run the migrations that are missing; returns the state after them."""
    from sql import migrate

    with database.guarded():
        migrate.upgrade(database.engine, database.store)
    return state(database)
