"""A day at one marketplace, played by the documented commands as separate processes, and proven against its book."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs import demo, demo_proof


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("day")
    return folder, demo.play(folder, orders=40, seed=11, faults="none", platforms=["taobao"], ticks=3)


def test_every_check_of_the_day_holds(day: tuple[Path, dict[str, Any]]) -> None:
    _, told = day
    assert [c for c in told["checks"] if not c["ok"]] == []
    assert told["ok"]


def test_orders_came_through_every_stage(day: tuple[Path, dict[str, Any]]) -> None:
    folder, told = day
    assert told["progress"]["completed"] + told["progress"].get("shipped", 0) > 15
    with closing(sqlite3.connect(folder / "office" / "data" / "orders.db")) as c:
        shared = c.execute(
            "SELECT count(*) FROM (SELECT parcel_no FROM memberships GROUP BY 1 HAVING count(*) > 1)"
        ).fetchone()
    assert shared[0] > 0, "no two orders shared a parcel"


def test_every_window_was_proven_by_counting(day: tuple[Path, dict[str, Any]]) -> None:
    _, told = day
    figures = next(c["figures"] for c in told["checks"] if c["name"].startswith("windows"))
    assert set(figures["proofs"]) == {"counted"}


#: (store, statement, the check that must fail)
TAMPERED = [
    ("orders", "DELETE FROM orders WHERE order_no = (SELECT min(order_no) FROM orders)", "orders: known = stored + parked"),
    ("orders", "UPDATE orders SET progress='audited' WHERE order_no = (SELECT min(order_no) FROM orders WHERE progress='completed')", "states follow the platforms"),
    ("orders", "UPDATE orders SET freight_minor=freight_minor+1 WHERE order_no = (SELECT min(order_no) FROM orders)", "money per order and component"),
    ("stock", "UPDATE stock SET held=held+1 WHERE rowid = 1", "held = lines that hold"),
    ("stock", "DELETE FROM stock_journal WHERE seq = (SELECT max(seq) FROM stock_journal)", "counters = journal"),
    ("stock", "UPDATE stock SET on_hand=on_hand+1 WHERE rowid = 1", "stock per SKU"),
    ("ledger", "UPDATE effects SET state='intent' WHERE kind='ship_notice'", "notices told once"),
    ("ledger", "UPDATE windows SET state='open' WHERE window_id = (SELECT min(window_id) FROM windows)", "windows proven, nothing waiting"),
    ("inbox", "UPDATE inbox_state SET status='waiting' WHERE key = (SELECT min(key) FROM inbox_state)", "windows proven, nothing waiting"),
]  # fmt: skip


@pytest.mark.parametrize(("store", "statement", "check"), TAMPERED, ids=[f"{s}-{c}" for s, _, c in TAMPERED])
def test_tampering_with_a_row_is_found_by_its_check(
    day: tuple[Path, dict[str, Any]], tmp_path: Path, store: str, statement: str, check: str
) -> None:
    folder, _ = day
    shutil.copytree(folder / "office" / "data", tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / f"{store}.db")) as c:
        assert c.execute(statement).rowcount >= 1
        c.commit()
    told = demo_proof.prove(tmp_path, folder / "sandbox")
    assert check in [c["name"] for c in told["checks"] if not c["ok"]]
