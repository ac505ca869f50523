"""The demo's day on real servers ends with the same books as on files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import kafka, mariadb, redis

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(
        not (mariadb.found() and redis.found()), reason="mariadbd or redis-server is not here: make servers"
    ),
    pytest.mark.skipif(not kafka.found(), reason="java or the broker's jars are not here: make test-servers"),
]


def test_a_day_on_mariadb_redis_and_kafka_is_proven_complete(tmp_path: Path) -> None:
    words = ("--orders", "30", "--seed", "3", "--platforms", "taobao", "--folder", str(tmp_path / "day"), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "tests.servers.day", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert [c["name"] for c in told["checks"] if not c["ok"]] == [] and told["progress"]["completed"] > 10
    assert [x for x in done.stderr.split() if x == "kafka"] == ["kafka"]
    files = {p.name for p in (tmp_path / "day" / "office" / "data").glob("*.db")}
    assert files == {"settlement.db"}
