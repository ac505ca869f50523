"""One SQL database as the engines use it: connections, transactions, compiled statements, errors that become ours.

SQLite runs in WAL mode with a long busy timeout, so that several processes and threads share a file. Statements are
compiled once from the tables and run through the driver's executemany.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from sql.columns import ms
from sql.versions import metadata_of
from stores.errors import BadItem, StoreError, Unavailable, UnknownEngine

T = TypeVar("T")
#: a writer waits this long for another process's transaction
BUSY_MS = 30_000
#: from so many pages on the log is brought home by a commit that waits for the disk
LOG_PAGES = 1000


class Clock(Protocol):
    """The store's clock."""

    def now(self) -> datetime: ...


class _SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Database:
    """One database file with the tables of one store."""

    def __init__(self, url: str, metadata: sa.MetaData, store: str, clock: Clock, *, check: bool = True) -> None:
        self.path, self._lasting = sqlite_path(url), lasts(url)
        self.store = store
        self.metadata = metadata
        self._clock = clock
        self.engine = sa.create_engine(
            "sqlite+pysqlite://", creator=self._connect, poolclass=QueuePool, pool_size=8, max_overflow=32,
            pool_reset_on_return=None,
        )  # fmt: skip
        if check:
            from stores.schema import ensure

            try:
                ensure(self)
            except BaseException:
                self.close()
                raise

    @classmethod
    def unchecked(cls, url: str, store: str) -> Database:
        """A database of any version: to look at it and to upgrade it."""
        return cls(url, metadata_of(store), store, _SystemClock(), check=False)

    def _connect(self) -> sqlite3.Connection:
        Path(self.path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = sqlite3.connect(
            self.path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            _use_wal(made)
            made.execute("PRAGMA synchronous=NORMAL")
            # One statement for a set of rows keeps its way back in memory instead of in a file made for it.
            made.execute("PRAGMA temp_store=MEMORY")
            made.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        except sqlite3.Error:
            made.close()
            raise
        return made

    def now_ms(self) -> int:
        """The store's time, epoch milliseconds."""
        return ms(self._clock.now())

    def now(self) -> datetime:
        return self._clock.now()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._guard("BEGIN", lasting=False) as connection:
            yield connection

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """One atomic change; the lock is taken at the start, so that what was read stays true until the commit.

        A change outlives the process in any case. A `lasting` one outlives a power cut too, for a wait on the disk: a
        mark of the ledger must never outlive the documents it speaks of. Claims, leases and what is done again when
        it is missing need not last.
        """
        with self._guard("BEGIN IMMEDIATE", lasting=lasting and self._lasting) as connection:
            yield connection

    def secure(self) -> None:
        """Wait until everything committed before has reached the disk: the log is one file, in the order of commits."""
        with self.write() as connection:
            run(connection, f"UPDATE {self.store}_version SET version_num=version_num")

    @contextmanager
    def _guard(self, begin: str, *, lasting: bool) -> Iterator[Connection]:
        with self.guarded(), self.engine.connect() as connection:
            _sync(connection, lasting=lasting)
            connection.exec_driver_sql(begin)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """The driver's errors become ours."""
        try:
            yield
        except (IntegrityError, sqlite3.IntegrityError) as error:
            raise BadItem(f"{self.store}: {getattr(error, 'orig', error)}") from error
        except (OverflowError, UnicodeEncodeError) as error:
            # a number beyond 64 bits, or half a surrogate pair: the driver cannot even bind it
            raise BadItem(f"{self.store}: {error}") from error
        except (OperationalError, sqlite3.OperationalError) as error:
            raise Unavailable(f"{self.path}: {getattr(error, 'orig', error)}") from error
        except (DBAPIError, sqlite3.Error) as error:
            raise StoreError(f"{self.store}: {getattr(error, 'orig', error)}") from error
        except OSError as error:
            raise Unavailable(f"{self.path}: {error}") from error

    def close(self) -> None:
        self.engine.dispose()


def _use_wal(made: sqlite3.Connection) -> None:
    """Processes that open a new file at one moment are in each other's way; here alone SQLite does not wait by itself."""
    give_up = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            made.execute("PRAGMA journal_mode=WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.005)


def _sync(connection: Connection, *, lasting: bool) -> None:
    """Let the next commit wait for the disk, or not; the connection keeps what it was told.

    Bringing the log home into the file waits for the disk twice. A commit that need not last leaves that to one that
    waits anyway, unless the log has grown long.
    """
    pooled = connection.connection
    if pooled.info.get("lasting") is not lasting and pooled.dbapi_connection is not None:
        pooled.dbapi_connection.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
        pooled.dbapi_connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES if lasting else 4 * LOG_PAGES}")
        pooled.info["lasting"] = lasting


def sqlite_path(url: str) -> str:
    """File of ``sqlite:/abs/path.db`` or ``sqlite:rel.db``, without the option at the end.

    Raises:
        UnknownEngine: another scheme, with what there is.
    """
    scheme, _, rest = _split(url)[0].partition(":")
    if scheme != "sqlite" or not rest:
        raise UnknownEngine(f"{scheme!r}; here: sqlite:/path/to/file.db")
    return rest.removeprefix("//") if rest.startswith("//") else rest


def lasts(url: str) -> bool:
    """Whether changes outlive a power cut; ``sqlite:…?lasting=no`` says that they need not (tests, drills).

    Raises:
        UnknownEngine: another option.
    """
    option = _split(url)[1]
    if option not in ("", "lasting=yes", "lasting=no"):
        raise UnknownEngine(f"option {option!r}; here: sqlite:/path/to/file.db?lasting=no")
    return option != "lasting=no"


def _split(url: str) -> tuple[str, str]:
    """A URL and its option; a question mark may also be part of a folder's name."""
    place, mark, option = url.rpartition("?")
    return (place, option) if mark and "=" in option and "/" not in option else (url, "")


def many(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run one statement for many rows through the driver's executemany; returns how many rows it touched in all."""
    if not rows:
        return 0
    given = rows if isinstance(rows[0], tuple) else [tuple(r) for r in rows]
    if _watched(connection):
        return connection.exec_driver_sql(sql, list(given)).rowcount
    return int(_driver(connection).executemany(sql, given).rowcount)


def run(connection: Connection, sql: str, params: Sequence[Any] = ()) -> int:
    """Run one statement; returns how many rows it touched."""
    if _watched(connection):
        return connection.exec_driver_sql(sql, tuple(params)).rowcount
    return int(_driver(connection).execute(sql, params).rowcount)


def fetch(connection: Connection, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of one query, as tuples."""
    if _watched(connection):
        return [tuple(row) for row in connection.exec_driver_sql(sql, tuple(params)).fetchall()]
    rows: list[tuple[Any, ...]] = _driver(connection).execute(sql, params).fetchall()
    return rows


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
    found = connection.exec_driver_sql(f"SELECT {', '.join(cols)} FROM {table.name} ORDER BY {keys}")
    for row in found:
        yield dict(zip(cols, row, strict=True))
