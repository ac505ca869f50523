"""A database of a MySQL or MariaDB server as a store's database, and the same statements as it understands them.

``mysql+pymysql://user:password@host:3306/database``. The stores' text is SQLite's; `translated` says it in the words both
MySQL 8 and MariaDB know. Where SQLite lets one writer in at a time, here every row that a write reads is locked until its
commit (READ COMMITTED, so without gap locks), and claims pass over what another worker is just claiming.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pymysql
import pymysql.constants.CLIENT as CLIENT
import pymysql.constants.ER as ER
import pymysql.constants.FIELD_TYPE as FIELD_TYPE
import pymysql.converters
import sqlalchemy as sa
from pymysql import err
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

import sql.mysql  # noqa: F401 - says what the types are on such a server
from stores.database import Database, chunks
from stores.errors import BadItem, Contended, StoreError, Unavailable, UnknownEngine

#: seconds until a server that says nothing is given up
CONNECT_S, ANSWER_S = 10, 120
#: seconds that a write waits for another's rows
LOCK_S = 30
#: statements of one packet: an UPDATE for each row of a set goes out as one text
PACKET = 500
#: `SET TRANSACTION …` is what both MySQL and MariaDB know of isolation; their variables have two names
_SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; "
    "SET SESSION time_zone='+00:00', sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    f"innodb_lock_wait_timeout={LOCK_S}, collation_connection='utf8mb4_bin'"
)
#: as sums of whole numbers come back
_CONVERSIONS: dict[Any, Any] = {
    **pymysql.converters.conversions,
    FIELD_TYPE.DECIMAL: lambda text: _number(text),
    FIELD_TYPE.NEWDECIMAL: lambda text: _number(text),
}
#: a server that went away, and one that is not there
_GONE = frozenset({2002, 2003, 2006, 2013, 2014, 2055, 1053, 1927})
_DENIED = frozenset({1044, 1045, 1049, 1142, 1227, 1698, 2054, 2059})
_CONTENDED = frozenset({ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, 1020})
#: a value that a column or a check of the table refuses; 4025: MariaDB's word for a check, 3819: MySQL's
_REFUSED = frozenset({4025, 3819, 1264, 1265, 1366, 1406, 1690})

_RESERVED = re.compile(r"(?<![`.\w])(key|keys|window|groups|rows|rank|interval|condition|cursor)(?![\w`(])")
_CONFLICT = re.compile(r"ON CONFLICT \([^)]*\) DO UPDATE SET")
_NOTHING = re.compile(r"ON CONFLICT \([^)]*\) DO NOTHING")
_GIVEN = re.compile(r"\bexcluded\.(\w+)")
#: SQLite's word to its planner
_HINT = re.compile(r"(?<=[\s(])\+(?=[a-z_])")


class MysqlDatabase(Database):
    """One database of a server, with the tables of one or more stores."""

    def _open(self) -> None:
        try:
            place = make_url(self.url)
        except ArgumentError as error:
            raise UnknownEngine(
                "a URL that cannot be read; here: mysql+pymysql://user:password@host/database"
            ) from error
        if not place.database:
            raise UnknownEngine(f"{place.render_as_string()} names no database; write …/NAME")
        self.path = place.render_as_string(hide_password=True)
        self._place = place
        self.engine = sa.create_engine(
            "mysql+pymysql://", creator=self._connect, poolclass=QueuePool, pool_size=8, max_overflow=32,
            pool_reset_on_return=None, pool_recycle=1800,
        )  # fmt: skip

    def _connect(self) -> Any:
        place = self._place
        query = dict(place.query)
        options: dict[str, Any] = {"unix_socket": query["unix_socket"]} if "unix_socket" in query else {}
        if "ssl_ca" in query:
            options["ssl_ca"] = query["ssl_ca"]
        return pymysql.connect(
            host=place.host or "127.0.0.1", port=place.port or 3306, user=place.username or "", password=place.password or "",
            database=place.database, charset="utf8mb4", autocommit=True, connect_timeout=CONNECT_S, read_timeout=ANSWER_S,
            write_timeout=ANSWER_S, conv=_CONVERSIONS, client_flag=CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS,
            init_command=_SESSION, **options,
        )  # fmt: skip

    def exists(self) -> bool:
        return True

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._guard(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            locks=False,
        ) as connection:
            yield connection

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        # How lasting a commit is, is the server's setting: it is the same for all.
        with self._guard("BEGIN", locks=True) as connection:
            yield connection

    def secure(self) -> None:
        """Nothing: how lasting a commit is, the server's own settings say (innodb_flush_log_at_trx_commit, sync_binlog)."""

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        name = f"oms_{self.store}_tables"[:60]
        with self.write() as connection:
            if fetch(connection, "SELECT get_lock(?, 60)", (name,), lock=False) != [(1,)]:
                raise Contended(f"{self.path}: another process has been making the tables for a minute")
            try:
                yield connection
            finally:
                fetch(connection, "SELECT release_lock(?)", (name,), lock=False)

    @contextmanager
    def _guard(self, begin: str, *, locks: bool) -> Iterator[Connection]:
        with self.guarded():
            connection = self._begun(begin)
            connection.info["locks"] = locks
            try:
                try:
                    yield connection
                except BaseException as error:
                    _back(connection, error)
                    raise
                try:
                    connection.commit()
                except BaseException as error:
                    _back(connection, error)
                    raise
            finally:
                connection.close()

    def _begun(self, begin: str) -> Connection:
        """A connection with an open transaction; one that died in the pool is replaced, since nothing was asked of it."""
        for last in (False, True):
            connection = self.engine.connect()
            try:
                # as the engine itself knows of the transaction
                connection.begin()
                _driver(connection).query(begin)
                _drained(_driver(connection))
                return connection
            except (err.OperationalError, err.InterfaceError) as error:
                connection.invalidate()
                connection.close()
                if last or error.args[:1] not in ((2006,), (2013,), (0,)):
                    raise
        raise AssertionError  # the loop returns or raises

    @contextmanager
    def guarded(self) -> Iterator[None]:
        try:
            yield
        except (OverflowError, UnicodeEncodeError) as error:
            raise BadItem(f"{self.store}: {error}") from error
        except DBAPIError as error:
            raise self._ours(error.orig or error) from error
        except err.Error as error:
            raise self._ours(error) from error
        except OSError as error:
            raise Unavailable(f"{self.path}: {error}") from error

    def _ours(self, error: BaseException) -> StoreError:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if code in _CONTENDED:
            return Contended(f"{self.path}: {error}")
        if isinstance(error, err.IntegrityError) or code in _REFUSED or isinstance(error, err.DataError):
            return BadItem(f"{self.store}: {error}", twice=code == ER.DUP_ENTRY)
        if code in _GONE or code in _DENIED or isinstance(error, (err.OperationalError, err.InterfaceError)):
            return Unavailable(f"{self.path}: {error}")
        return StoreError(f"{self.store}: {error}")


def _back(connection: Connection, error: BaseException) -> None:
    """Undo; a connection that is lost, or was stopped in the middle of an answer, is not used again."""
    try:
        if not isinstance(error, Exception):
            connection.invalidate()
        else:
            connection.rollback()
    except (DBAPIError, err.Error, OSError):
        connection.invalidate()


def _number(text: str) -> int | Decimal:
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else value


# ------------------------------------------------------------------ statements


@lru_cache(maxsize=4096)
def translated(text: str) -> str:
    """A statement in SQLite's words as MySQL and MariaDB read it, with pymysql's placeholders."""
    out = text.replace("%", "%%")
    if "ON CONFLICT" in out:
        out = _CONFLICT.sub("ON DUPLICATE KEY UPDATE", out)
        if _NOTHING.search(out):
            out = _NOTHING.sub("", out).replace("INSERT", "INSERT IGNORE", 1).rstrip()
        out = _GIVEN.sub(r"VALUES(\1)", out)
    out = out.replace("INSERT OR IGNORE", "INSERT IGNORE", 1)
    out = _HINT.sub("", out)
    out = _RESERVED.sub(r"`\1`", out)
    return out.replace("?", "%s")


def many(connection: Connection, text: str, rows: Sequence[Sequence[Any]]) -> int:
    """As `stores.database.many`: rows of an INSERT in one statement, other statements in one packet."""
    ours = translated(text)
    driver = _driver(connection)
    if ours.startswith("INSERT"):
        with driver.cursor() as cursor:
            return int(cursor.executemany(ours, rows))
    done = 0
    with driver.cursor() as cursor:
        for part in chunks(rows, PACKET):
            driver.query(";".join(cursor.mogrify(ours, row) for row in part).encode("utf8", "strict"))
            done += driver.affected_rows() + _drained(driver)
    return done


def run(connection: Connection, text: str, params: Sequence[Any] = ()) -> int:
    """As `stores.database.run`."""
    with _driver(connection).cursor() as cursor:
        return int(cursor.execute(translated(text), tuple(params)))


def fetch(
    connection: Connection, text: str, params: Sequence[Any] = (), *, skip: bool = False, lock: bool = True
) -> list[tuple[Any, ...]]:
    """As `stores.database.fetch`; in a write the rows stay locked until the commit. `skip`: pass over locked ones."""
    ours = translated(text)
    if lock and connection.info.get("locks"):
        ours += " FOR UPDATE SKIP LOCKED" if skip else " FOR UPDATE"
    with _driver(connection).cursor() as cursor:
        cursor.execute(ours, tuple(params))
        return list(cursor.fetchall())


def _drained(driver: Any) -> int:
    """Read the answers to the further statements of a packet; returns how many rows they touched."""
    done = 0
    while driver._result is not None and driver._result.has_next:
        driver.next_result()
        done += driver.affected_rows()
    return done


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection
