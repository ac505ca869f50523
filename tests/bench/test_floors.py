"""The floors are fair: what the driver alone writes is what the product wrote, to the last row."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from benchmarks.market import Market
from benchmarks.office import SHOP, T0, Clock, copy, fill, open_office
from benchmarks.recording import Player, recorded
from jobs.push import push
from jobs.sync import sync
from stores.records import Progress

ORDERS = 60
STORES = ("orders", "inbox", "stock", "ledger")


def content(folder: Path) -> dict[str, list[Any]]:
    """Every row of every table of an office."""
    found: dict[str, list[Any]] = {}
    for store in STORES:
        c = sqlite3.connect(folder / "data" / f"{store}.db")
        tables = [name for (name,) in c.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in sorted(tables):
            found[f"{store}.{table}"] = sorted(c.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
        c.close()
    return found


def test_playing_what_push_wrote_gives_the_same_rows(tmp_path: Path) -> None:
    env = open_office(tmp_path / "before", lasting=False)
    fill(env, ORDERS)
    env.close()
    before = content(tmp_path / "before")
    with recorded() as tape:
        env = open_office(copy(tmp_path / "before", tmp_path / "ours"), lasting=False)
        tape.steps.clear()
        assert push(env).counts == {"added": ORDERS}
        env.close()
    player = Player(copy(tmp_path / "before", tmp_path / "floor"), tape.trimmed())
    player.play()
    player.close()
    ours = content(tmp_path / "ours")
    assert content(tmp_path / "floor") == ours
    assert ours != before
    assert len(ours["orders.orders"]) == len(ours["orders.order_details"]) == ORDERS
    assert len(ours["orders.order_lines"]) == 2 * ORDERS


def test_the_tape_keeps_what_is_written_and_leaves_out_what_is_read(tmp_path: Path) -> None:
    with recorded() as tape:
        env = open_office(tmp_path, lasting=False)
        tape.steps.clear()
        assert env.orders.counts() == {}
        assert tape.trimmed() == []
        env.ledger.swap("name", None, "value")
        env.close()
    words = [sql.split()[0] for _, sql, _ in tape.trimmed()]
    assert words[0] == "BEGIN"
    assert words[-1] == "COMMIT"
    assert any(rows for _, _, rows in tape.trimmed())


def test_nothing_is_recorded_after_the_recording(tmp_path: Path) -> None:
    with recorded() as tape:
        pass
    open_office(tmp_path, lasting=False).close()
    assert tape.steps == []


def test_an_office_is_filled_the_same_way_each_time(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        env = open_office(tmp_path / name, lasting=False)
        fill(env, 30)
        push(env)
        found.append([sorted(row.items(), key=repr) for table, row in env.orders.dump() if table == "order_lines"])
        env.close()
    assert found[0] == found[1]
    assert len(found[0]) == 60


def test_the_market_of_the_memory_runs_gives_every_order_once(tmp_path: Path) -> None:
    env = open_office(tmp_path, transport=Market(130), lasting=False)
    assert isinstance(env.clock, Clock)
    env.clock.advance(200)
    result = sync(env, "orders", shops=[SHOP])
    assert (result.counts["new"], result.exit_code) == (130, 0)
    push(env)
    assert env.orders.counts() == {(SHOP, str(Progress.CREATED)): 130}
    assert env.ledger.marks()[SHOP, "orders", "modified"].proven is not None
    assert env.clock.now() > T0
    env.close()
