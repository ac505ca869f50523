"""Stores by URL: the scheme picks the engine, which is imported on use.

``sqlite:/path/to/file.db`` (or a path relative to the working folder): several processes may share the file; what was
done outlives kill and power cut. ``?lasting=no`` at its end leaves out the wait for the disk, and with it the latter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from stores.errors import UnknownEngine

_SQL = ("sqlite", "mysql+pymysql")
_REDIS = ("redis", "rediss")
T = TypeVar("T")

if TYPE_CHECKING:
    from stores.contracts import Bus, Inbox, Ledger, Orders, Reports, Settlement, Stock
    from stores.database import Clock
    from stores.privacy import Privacy
    from stores.schema import SchemaState


def _check(url: str, store: str) -> None:
    scheme = url.partition(":")[0]
    if scheme not in _SQL:
        raise UnknownEngine(
            f"{scheme!r} for {store}; here: sqlite:/path/to/file.db or mysql+pymysql://user@host/database"
        )


def _sql(url: str, store: T) -> T:
    """A store on a SQL database; one that many workers write at once asks again where they met."""
    if url.startswith("sqlite:"):
        return store
    from stores.retrying import retrying

    return retrying(store)


def open_orders(url: str, *, clock: Clock, privacy: Privacy) -> Orders:
    """Orders, lines, history, parcels, refunds."""
    _check(url, "orders")
    from stores.sql_orders import SqlOrders

    return _sql(url, SqlOrders(url, clock=clock, privacy=privacy))


def open_inbox(url: str, *, clock: Clock, privacy: Privacy) -> Inbox:
    """Raw documents and their state."""
    _check(url, "inbox")
    from stores.sql_inbox import SqlInbox

    return _sql(url, SqlInbox(url, clock=clock, privacy=privacy))


def open_stock(url: str, *, clock: Clock, books: str = "") -> Stock:
    """Counters, reservations, demand, journal.

    Args:
        books: where stock is reserved in Redis, the SQL database that its journal is drained into; see
            `stores.contracts.DrainedStock`.
    """
    if url.partition(":")[0] in _REDIS:
        from stores.redis_stock import RedisStock

        return RedisStock(url, clock=clock, books=books)
    _check(url, "stock")
    from stores.sql_stock import SqlStock

    return _sql(url, SqlStock(url, clock=clock))


def open_ledger(url: str, *, clock: Clock, privacy: Privacy) -> Ledger:
    """Windows, marks, leases, runs, effects and what else is kept about the work."""
    _check(url, "ledger")
    from stores.sql_ledger import SqlLedger

    return _sql(url, SqlLedger(url, clock=clock, privacy=privacy))


def open_settlement(url: str, *, clock: Clock) -> Settlement:
    """Statements, expectations, matches, suspense; on an embedded database: an import is one transaction that cannot be
    asked again from its middle."""
    if url.partition(":")[0] != "sqlite":
        raise UnknownEngine(f"{url.partition(':')[0]!r} for settlement; here: sqlite:/path/to/file.db")
    from stores.sql_settlement import SqlSettlement

    return SqlSettlement(url, clock=clock)


def open_bus(url: str, *, clock: Clock) -> Bus:
    """Hints between stages; on a SQL database, ``redis://`` (its streams) or ``kafka://``."""
    if url.startswith("kafka:"):
        from stores.kafka_bus import KafkaBus

        return KafkaBus(url, clock=clock)
    if url.partition(":")[0] in _REDIS:
        from stores.redis_bus import RedisBus

        return RedisBus(url, clock=clock)
    _check(url, "bus")
    from stores.sql_bus import SqlBus

    return _sql(url, SqlBus(url, clock=clock))


def open_reports(url: str, *, clock: Clock) -> Reports:
    """Figures kept up to date from the orders."""
    _check(url, "reports")
    from stores.sql_reports import SqlReports

    return _sql(url, SqlReports(url, clock=clock))


def has_tables(url: str) -> bool:
    """Whether the engine of this URL keeps tables, which have a version."""
    return url.partition(":")[0] in _SQL


def schema_state(store: str, url: str) -> SchemaState:
    """Which version of its tables the store at `url` has, and which this program works with. Changes nothing."""
    return _with_database(store, url, "state")


def upgrade(store: str, url: str) -> SchemaState:
    """Run the migrations that a store's database is missing; returns the state after them."""
    return _with_database(store, url, "upgrade")


def _with_database(store: str, url: str, act: str) -> SchemaState:
    _check(url, store)
    from stores import schema
    from stores.database import open_unchecked

    database = open_unchecked(url, store)
    try:
        done: SchemaState = getattr(schema, act)(database)
        return done
    finally:
        database.close()
