"""What doctor finds at the servers, each against a real one that is wrong in just that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from stores import checking
from stores.checking import Finding, check
from tests.servers import mariadb, redis


@pytest.fixture(scope="module")
def its_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    with redis.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.Server]:
    with mariadb.running(tmp_path_factory.mktemp("mariadb")) as server:
        server.run("SET GLOBAL sync_binlog = 1")
        yield server


def wrong(found: list[Finding]) -> dict[str, Finding]:
    return {f.name: f for f in found if not f.ok}


def test_files_have_no_server() -> None:
    assert check("orders", "sqlite:data/orders.db") == []


@pytest.mark.parametrize(
    "url",
    ["mysql+pymysql://root@127.0.0.1:1/oms", "redis://127.0.0.1:1/0"],
)
def test_a_server_that_cannot_be_reached(url: str) -> None:
    [found] = check("orders", url)
    assert not found.ok and "cannot be reached" in found.what and "[stores] orders" in found.hint


class _Ahead(datetime):
    """A machine whose clock is two minutes fast."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + 120, UTC)


@pytest.mark.skipif(not redis.found(), reason="redis-server is not installed")
class TestRedis:
    @pytest.fixture
    def config(self, its_redis: redis.Server) -> Iterator[object]:
        with its_redis.client() as client:
            yield client.config_set
            client.config_set("appendonly", "yes")
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", 0)

    def test_a_server_as_it_should_be(self, its_redis: redis.Server) -> None:
        assert wrong(check("stock", its_redis.url())) == {} == wrong(check("bus", its_redis.url()))

    def test_without_its_journal_on_disk(self, its_redis: redis.Server, config: object) -> None:
        config("appendonly", "no")  # type: ignore[operator]
        found = wrong(check("stock", its_redis.url()))
        assert set(found) == {"durability"} and "appendonly yes" in found["durability"].hint
        # hints may be lost
        assert wrong(check("bus", its_redis.url())) == {}

    def test_one_that_may_throw_counters_away(self, its_redis: redis.Server, config: object) -> None:
        config("maxmemory-policy", "allkeys-lru")  # type: ignore[operator]
        assert set(wrong(check("stock", its_redis.url()))) == {"eviction"}
        assert wrong(check("bus", its_redis.url())) == {}
        config("maxmemory", 100_000_000)  # type: ignore[operator]
        assert set(wrong(check("bus", its_redis.url()))) == {"eviction"}

    def test_an_old_version(self, its_redis: redis.Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checking, "REDIS", (99, 0))
        found = wrong(check("stock", its_redis.url()))
        assert set(found) == {"version"} and "99.0" in found["version"].hint

    def test_a_clock_that_is_apart(self, its_redis: redis.Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checking, "datetime", _Ahead)
        found = wrong(check("stock", its_redis.url()))
        assert set(found) == {"clock"} and found["clock"].what.startswith("-1")

    def test_a_replica_takes_no_writes(self, its_redis: redis.Server) -> None:
        with its_redis.client() as client:
            client.replicaof("127.0.0.1", 1)
            try:
                assert set(wrong(check("stock", its_redis.url()))) == {"writable"}
            finally:
                client.replicaof("NO", "ONE")


@pytest.mark.skipif(not mariadb.found(), reason="mariadbd is not installed")
class TestMariaDb:
    @pytest.fixture
    def url(self, maria: mariadb.Server) -> str:
        return maria.create("oms")

    def test_a_server_as_it_should_be(self, url: str) -> None:
        found = check("orders", url)
        assert wrong(found) == {} and {f.name for f in found} >= {"version", "durability", "privileges", "clock"}

    def test_a_commit_that_is_not_flushed(self, maria: mariadb.Server, url: str) -> None:
        maria.run("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
        try:
            found = wrong(check("orders", url))
        finally:
            maria.run("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        assert set(found) == {"durability"} and "= 1" in found["durability"].hint

    def test_a_binlog_that_is_not_flushed(self, maria: mariadb.Server, url: str) -> None:
        maria.run("SET GLOBAL sync_binlog = 0")
        try:
            assert set(wrong(check("orders", url))) == {"binlog"}
        finally:
            maria.run("SET GLOBAL sync_binlog = 1")

    def test_keys_that_do_not_tell_capitals_apart(self, maria: mariadb.Server) -> None:
        maria.run("DROP DATABASE IF EXISTS ci", "CREATE DATABASE ci CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        found = wrong(check("orders", maria.url("ci")))
        assert set(found) == {"collation"} and "utf8mb4_bin" in found["collation"].hint

    def test_a_user_that_may_too_little(self, maria: mariadb.Server, url: str) -> None:
        maria.run(
            "CREATE OR REPLACE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'p'", "GRANT SELECT, INSERT ON oms.* TO 'reader'@'127.0.0.1'",
            "GRANT ALL PRIVILEGES ON other.* TO 'reader'@'127.0.0.1'",
        )  # fmt: skip
        found = wrong(check("orders", url.replace("root@", "reader:p@")))
        assert set(found) == {"privileges"}
        assert found["privileges"].what == "missing: UPDATE, DELETE, CREATE, ALTER, DROP, INDEX"

    def test_a_user_that_may_just_enough(self, maria: mariadb.Server, url: str) -> None:
        maria.run(
            "CREATE OR REPLACE USER 'worker'@'127.0.0.1' IDENTIFIED BY 'p'",
            f"GRANT {', '.join(checking.PRIVILEGES)} ON oms.* TO 'worker'@'127.0.0.1'",
        )
        assert wrong(check("orders", url.replace("root@", "worker:p@"))) == {}

    def test_a_wrong_password(self, url: str) -> None:
        [found] = check("orders", url.replace("root@", "nobody:secret@"))
        assert "cannot be reached" in found.what and "secret" not in found.what

    def test_an_old_version(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checking, "MARIADB", (99, 0))
        assert set(wrong(check("orders", url))) == {"version"}

    def test_a_clock_that_is_apart(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checking, "datetime", _Ahead)
        assert set(wrong(check("orders", url))) == {"clock"}

    def test_one_that_takes_no_writes(self, maria: mariadb.Server, url: str) -> None:
        maria.run("SET GLOBAL read_only = 1")
        try:
            assert set(wrong(check("orders", url))) == {"writable"}
        finally:
            maria.run("SET GLOBAL read_only = 0")
