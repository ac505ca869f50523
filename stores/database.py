"""One SQL database as the engines use it: transactions, statements as text, errors that become ours.

The text is written once, as SQLite understands it; `stores/mysql.py` says the same to a MySQL server. Statements are
compiled once from the tables and run through the driver's executemany.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sql.columns import ms
from sql.versions import metadata_of
from stores.errors import UnknownEngine

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

T = TypeVar("T")


class Clock(Protocol):
    """The store's clock."""

    def now(self) -> datetime: ...


class _SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Database(ABC):
    """The database with the tables of one store; `open_database` finds the class that a URL asks for."""

    engine: sa.Engine
    #: what an error calls it: never with a password
    path: str

    def __init__(self, url: str, metadata: sa.MetaData, store: str, clock: Clock, *, check: bool = True) -> None:
        self.url = url
        self.store = store
        self.metadata = metadata
        self._clock = clock
        self._open()
        if check:
            from stores.schema import ensure

            try:
                ensure(self)
            except BaseException:
                self.close()
                raise

    @abstractmethod
    def _open(self) -> None:
        """Make `engine` and `path`; opens no connection yet."""

    def now_ms(self) -> int:
        """The store's time, epoch milliseconds."""
        return ms(self._clock.now())

    def now(self) -> datetime:
        return self._clock.now()

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is something to look at, without making it."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]:
        """One consistent view."""

    @abstractmethod
    def write(self, *, lasting: bool = True) -> AbstractContextManager[Connection]:
        """One atomic change: what was read in it stays true until the commit.

        A change outlives the process in any case. A `lasting` one outlives a power cut too, for a wait on the disk: a
        mark of the ledger must never outlive the documents it speaks of. Claims, leases and what is done again when
        it is missing need not last.
        """

    @abstractmethod
    def secure(self) -> None:
        """Wait until everything committed before has reached the disk."""

    @abstractmethod
    def guarded(self) -> AbstractContextManager[None]:
        """The driver's errors become ours."""

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """One process at a time, to make the tables."""
        with self.write() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def open_database(url: str, metadata: sa.MetaData, store: str, clock: Clock, *, check: bool = True) -> Database:
    """The database at a URL, by the class that its scheme asks for, imported on use.

    Raises:
        UnknownEngine: another scheme, with what there is. WrongSchema: its tables are of another version.
    """
    scheme = url.partition(":")[0]
    kind: type[Database]
    if scheme == "sqlite":
        from stores.sqlite import SqliteDatabase as kind
    elif scheme == "mysql+pymysql":
        from stores.mysql import MysqlDatabase as kind
    else:
        raise UnknownEngine(f"{scheme!r}; here: sqlite:/path/to/file.db or mysql+pymysql://user:password@host/database")
    return kind(url, metadata, store, clock, check=check)


def open_unchecked(url: str, store: str) -> Database:
    """A database of any version: to look at it and to upgrade it."""
    return open_database(url, metadata_of(store), store, _SystemClock(), check=False)


def many(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run one statement for many rows through the driver's executemany; returns how many rows it touched in all."""
    if not rows:
        return 0
    given = rows if isinstance(rows[0], tuple) else [tuple(r) for r in rows]
    if connection.dialect.name != "sqlite":
        from stores import mysql

        return mysql.many(connection, sql, given)
    if _watched(connection):
        return connection.exec_driver_sql(sql, list(given)).rowcount
    return int(_driver(connection).executemany(sql, given).rowcount)


def run(connection: Connection, sql: str, params: Sequence[Any] = ()) -> int:
    """Run one statement; returns how many rows it touched."""
    if connection.dialect.name != "sqlite":
        from stores import mysql

        return mysql.run(connection, sql, params)
    if _watched(connection):
        return connection.exec_driver_sql(sql, tuple(params)).rowcount
    return int(_driver(connection).execute(sql, params).rowcount)


def fetch(connection: Connection, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of one query, as tuples."""
    if connection.dialect.name != "sqlite":
        from stores import mysql

        return mysql.fetch(connection, sql, params)
    if _watched(connection):
        return [tuple(row) for row in connection.exec_driver_sql(sql, tuple(params)).fetchall()]
    rows: list[tuple[Any, ...]] = _driver(connection).execute(sql, params).fetchall()
    return rows


def claimable(connection: Connection, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """As `fetch`, for rows that are about to be claimed: those that another worker is just claiming are passed over."""
    if connection.dialect.name != "sqlite":
        from stores import mysql

        return mysql.fetch(connection, sql, params, skip=True)
    return fetch(connection, sql, params)


def _watched(connection: Connection) -> bool:
    """Whether somebody listens to SQLAlchemy's statements; else ours go straight to the driver, at half the cost."""
    return bool(connection.dispatch.before_cursor_execute)


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def marks(n: int) -> str:
    """Placeholders for an IN list."""
    return ",".join("?" * n)


def names(table: sa.Table) -> tuple[str, ...]:
    """Column names of a table, in its order."""
    return tuple(c.name for c in table.columns)


def insert_sql(table: sa.Table, columns: Sequence[str] | None = None) -> str:
    """INSERT with one placeholder per column, in the given order."""
    cols = columns or names(table)
    return f"INSERT INTO {table.name} ({', '.join(cols)}) VALUES ({marks(len(cols))})"


def upsert_sql(table: sa.Table, keys: Sequence[str], columns: Sequence[str] | None = None) -> str:
    """INSERT that overwrites every other given column when the keys are there."""
    cols = columns or names(table)
    rest = [c for c in cols if c not in keys]
    sets = ", ".join(f"{c} = excluded.{c}" for c in rest)
    return f"{insert_sql(table, cols)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}"


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def dump_rows(connection: Connection, table: sa.Table, *, leave_out: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Rows of a table by primary key as dicts, for proofs and moves."""
    cols = [c for c in names(table) if c not in leave_out]
    keys = ", ".join(c.name for c in table.primary_key.columns)
    text = f"SELECT {', '.join(cols)} FROM {table.name} ORDER BY {keys}"
    if connection.dialect.name != "sqlite":
        from stores import mysql

        text = mysql.translated(text)
    found = connection.exec_driver_sql(text)
    for row in found:
        yield dict(zip(cols, row, strict=True))
