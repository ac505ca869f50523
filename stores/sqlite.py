"""A SQLite file as a store's database: write-ahead log, a long busy timeout, so that several processes and threads share it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from stores.database import Database, run
from stores.errors import BadItem, StoreError, Unavailable, UnknownEngine

#: a writer waits this long for another process's transaction
BUSY_MS = 30_000
#: from so many pages on the log is brought home by a commit that waits for the disk
LOG_PAGES = 1000


class SqliteDatabase(Database):
    """One file with the tables of one store."""

    def _open(self) -> None:
        self.path, self._lasting = sqlite_path(self.url), lasts(self.url)
        self.engine = sa.create_engine(
            "sqlite+pysqlite://", creator=self._connect, poolclass=QueuePool, pool_size=8, max_overflow=32,
            pool_reset_on_return=None,
        )  # fmt: skip

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

    def exists(self) -> bool:
        return Path(self.path).exists()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._guard("BEGIN", lasting=False) as connection:
            yield connection

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        # The lock is taken at the start, so that what was read stays true until the commit.
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
