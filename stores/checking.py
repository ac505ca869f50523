"""What is wrong with a store's server, and what to type: looked at from outside, through a connection of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stores.errors import StoreError

#: a server's clock further away than this makes leases and dates wrong
CLOCK_S = 60.0
TIMEOUT_S = 5
#: the first with FOR UPDATE SKIP LOCKED, and with XAUTOCLAIM
MARIADB, MYSQL, REDIS = (10, 6), (8, 0), (6, 2)
#: what the jobs and the migrations need in their database
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "INDEX")


class Finding(NamedTuple):
    """One thing looked at; `hint` is what to type when it is not well."""

    name: str
    ok: bool
    what: str
    hint: str = ""


def check(store: str, url: str, *, topics: Sequence[str] = ()) -> list[Finding]:
    """Look at the server behind a store's URL; files have none, so nothing is found.

    Args:
        store: orders, inbox, stock, ledger, reports, settlement, stock_books or bus.
        topics: what a bus on Kafka must have.
    """
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "mysql+pymysql": lambda: _mysql(url),
        "redis": lambda: _redis(url, counters=store == "stock"),
        "rediss": lambda: _redis(url, counters=store == "stock"),
        "kafka": lambda: _kafka(url, topics),
    }
    look = looks.get(url.partition(":")[0])
    if look is None:
        return []
    found: list[Finding] = []
    try:
        found.extend(look())
    except _Unreachable as error:
        found.append(
            Finding(
                "reached", False, f"cannot be reached: {error}", f"see that it runs and that [stores] {store} is right"
            )
        )
    except StoreError as error:
        found.append(Finding("reached", False, str(error), error.hint))
    return found


class _Unreachable(Exception):
    """Nobody answers, or not to us."""


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:2])


def _clock(theirs: datetime) -> Finding:
    off = (theirs - datetime.now(UTC)).total_seconds()
    return Finding(
        "clock", abs(off) <= CLOCK_S, f"{off:+.0f} s from ours", "timedatectl set-ntp true  on both machines"
    )


# ------------------------------------------------------------------ MySQL and MariaDB


def _mysql(url: str) -> Iterator[Finding]:
    import pymysql
    from sqlalchemy.engine import make_url

    at = make_url(url)
    try:
        connection = pymysql.connect(
            host=at.host or "localhost", port=at.port or 3306, user=at.username or "", password=str(at.password or ""),
            database=at.database, connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S,
        )  # fmt: skip
    except pymysql.err.Error as error:
        raise _Unreachable(error.args[-1]) from error
    try:
        with connection.cursor() as cursor:
            yield from _mysql_findings(cursor, at.database or "")
    finally:
        connection.close()


def _mysql_findings(c: Any, database: str) -> Iterator[Finding]:
    c.execute(
        "SELECT VERSION(), @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin, @@collation_database, @@read_only, "
        "UTC_TIMESTAMP(6)"
    )
    version, flush, sync, binlog, collation, read_only, now = c.fetchone()
    least = MARIADB if "mariadb" in version.lower() else MYSQL
    wanted = ".".join(map(str, least))
    yield Finding("version", _number(version) >= least, version, f"{wanted} or newer is needed: upgrade the server")
    yield Finding(
        "durability", flush == 1, f"innodb_flush_log_at_trx_commit={flush}",
        "SET GLOBAL innodb_flush_log_at_trx_commit = 1  and the same in my.cnf, or a crash loses what was committed",
    )  # fmt: skip
    if binlog:
        yield Finding("binlog", sync == 1, f"sync_binlog={sync}", "SET GLOBAL sync_binlog = 1  and the same in my.cnf")
    yield Finding(
        "collation", collation.endswith("_bin"), collation,
        f"ALTER DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin  before oms db upgrade: keys differ by capitals",
    )  # fmt: skip
    yield Finding("writable", not read_only, "read_only" if read_only else "takes writes", "SET GLOBAL read_only = 0, or name the primary in [stores]")  # fmt: skip
    c.execute("SHOW GRANTS")
    missing = _missing([row[0] for row in c.fetchall()], database)
    yield Finding(
        "privileges", not missing, f"missing: {', '.join(missing)}" if missing else "all that is needed",
        f"GRANT {', '.join(PRIVILEGES)} ON `{database}`.* TO  the user in [stores]",
    )  # fmt: skip
    yield _clock(now.replace(tzinfo=UTC))


def _missing(grants: Sequence[str], database: str) -> list[str]:
    """Privileges that no grant on this database or on all of them gives."""
    given: set[str] = set()
    for grant in grants:
        found = re.match(r"GRANT (.+?) ON (\S+) TO ", grant)
        if not found:
            continue
        name = found[2].rpartition(".")[0].strip("`").replace("\\", "")
        if name not in ("*", database) and not (name.endswith("%") and database.startswith(name[:-1])):
            continue
        words = {w.strip() for w in found[1].upper().split(",")}
        given |= set(PRIVILEGES) if words & {"ALL PRIVILEGES", "ALL"} else words
    return [p for p in PRIVILEGES if p not in given]


# ------------------------------------------------------------------ Redis


def _redis(url: str, *, counters: bool) -> Iterator[Finding]:
    import redis

    client: Any = redis.Redis.from_url(
        url, decode_responses=True, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
    try:
        info = client.info()
        seconds, micros = client.time()
    except redis.exceptions.RedisError as error:
        raise _Unreachable(error) from error
    finally:
        client.close()
    version = str(info["redis_version"])
    wanted = ".".join(map(str, REDIS))
    yield Finding("version", _number(version) >= REDIS, version, f"{wanted} or newer is needed: upgrade the server")
    yield Finding(
        "writable",
        info["role"] == "master",
        f"role {info['role']}",
        "name the primary in [stores], or REPLICAOF NO ONE there",
    )
    policy = info["maxmemory_policy"]
    evicts = policy != "noeviction" and (counters or int(info["maxmemory"]) > 0)
    yield Finding("eviction", not evicts, policy, "CONFIG SET maxmemory-policy noeviction  and the same in redis.conf")
    if counters:
        on = bool(info["aof_enabled"])
        yield Finding(
            "durability", on, f"AOF {'on' if on else 'off'}",
            "CONFIG SET appendonly yes  and the same in redis.conf, or a restart forgets the counters since the last drain",
        )  # fmt: skip
    yield _clock(datetime.fromtimestamp(seconds + micros / 1e6, UTC))


# ------------------------------------------------------------------ Kafka


def _kafka(url: str, topics: Sequence[str]) -> Iterator[Finding]:
    from stores.kafka_bus import topics_there

    there = topics_there(url, TIMEOUT_S)
    missing = [t for t in topics if t not in there]
    yield Finding(
        "topics", not missing, f"missing: {', '.join(missing)}" if missing else f"{len(topics)} are there",
        "".join(f"kafka-topics.sh --create --partitions 8 --topic {t}; " for t in missing).rstrip("; "),
    )  # fmt: skip
