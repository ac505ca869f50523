"""The figures always equal a full scan by other code, whatever happens to the orders and to the job."""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.env import Env
from jobs.refreshing import refresh
from stores.records import replace
from tests.factories import FixedClock, open_env
from tests.reports.market import ACTS, SETTINGS, Market, fresh
from tests.reports.oracle import counted, kept

KEY = base64.b64encode(bytes(range(32))).decode()
FAST = {n: f"data/{n}.db?lasting=no" for n in ("orders", "inbox", "stock", "ledger", "reports")}


def office(folder: Path, **more: object) -> Env:
    stores = {n: f"sqlite:{folder / path}" for n, path in FAST.items()}
    return open_env(folder, shops=SETTINGS, stores=stores, privacy={"keys": [KEY]}, **more)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = office(tmp_path)
    yield made
    made.close()


@given(st.lists(st.sampled_from(ACTS), min_size=4, max_size=40), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_after_late_changes_cancels_refunds_and_replays_the_figures_equal_a_full_scan(
    acts: list[str], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        env = office(Path(name))
        try:
            market = Market(env, seed)
            market.act("add")
            for act in acts:
                market.act(act)
            refresh(env)
            assert kept(env) == counted(env)
            again = refresh(env, rebuild=True)
            assert (again.outcome, again.items) == ("done", [])
            assert kept(env) == counted(env)
        finally:
            env.close()


def test_a_long_history_of_changes_leaves_no_difference_and_no_cell_of_nought(env: Env) -> None:
    fresh(7, env, 400)
    refresh(env)
    found = kept(env)
    assert found == counted(env)
    assert len({place[2] for place in found}) == 10, "every measure is there"
    assert [0, 0, 0] not in found.values()


def test_the_second_run_reads_only_what_changed(env: Env) -> None:
    market = Market(env, 3)
    for _ in range(9):
        market.add()
    assert refresh(env).counts["orders"] == 9
    assert refresh(env).counts.get("orders", 0) == 0
    market.add()
    assert refresh(env).counts == {"orders": 1, "changed": 1}


def test_a_first_count_that_was_stopped_goes_on_where_it_was(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import refreshing

    monkeypatch.setattr(refreshing, "BATCH", 5)
    market = Market(env, 1)
    for _ in range(23):
        market.add()
    put, calls = env.reports.put, []

    def stops_at_the_second(*args: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            env.stop.set()
        return put(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(env.reports, "put", stops_at_the_second)
    assert refresh(env).outcome == "interrupted"
    standing = env.reports.standing()
    assert standing and standing.after
    env.stop.clear()
    market.add()
    done = refresh(env)
    assert done.counts["orders"] < 23
    assert kept(env) == counted(env)


def test_a_kill_between_reading_and_putting_loses_nothing(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    market = fresh(5, env, 50)
    refresh(env)
    market.add()
    with monkeypatch.context() as patched:
        patched.setattr(env.reports, "put", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            refresh(env)
    refresh(env)
    assert kept(env) == counted(env)


def test_whoever_comes_second_writes_nothing_old(env: Env) -> None:
    market = fresh(9, env, 40)
    refresh(env)
    before = env.reports.standing()
    market.add()
    refresh(env)
    assert before
    assert env.reports.put([], expect=before, to=replace(before, cursor="")) is None


def test_several_runs_at_one_time_count_each_order_once(tmp_path: Path) -> None:
    clock = FixedClock()
    offices = [office(tmp_path, clock=clock) for _ in range(3)]
    market = fresh(11, offices[0], 80)
    failed: list[BaseException] = []

    def act(env: Env) -> None:
        try:
            for _ in range(4):
                refresh(env)
        except BaseException as error:  # told by the main thread
            failed.append(error)

    threads = [threading.Thread(target=act, args=(env,)) for env in offices]
    for thread in threads:
        thread.start()
    for _ in range(20):
        market.act("change")
    for thread in threads:
        thread.join()
    refresh(offices[0])
    assert failed == []
    assert kept(offices[0]) == counted(offices[0])
    for env in offices:
        env.close()


def test_another_zone_counts_everything_anew(tmp_path: Path) -> None:
    env = office(tmp_path)
    fresh(2, env, 60)
    refresh(env)
    there = kept(env)
    env.close()
    env = office(tmp_path, business={"zone": "America/New_York"})
    refresh(env)
    assert kept(env) == counted(env) != there
    env.close()


def test_who_slept_longer_than_the_feed_is_kept_counts_anew(env: Env) -> None:
    market = fresh(4, env, 40)
    refresh(env)
    market.add()
    market.add()
    env.orders.trim_feed(env.clock.now() + timedelta(days=1))
    market.add()
    refresh(env)
    assert kept(env) == counted(env)


def test_a_rebuild_finds_a_wrong_figure_and_a_wrong_order_and_puts_them_right(env: Env) -> None:
    fresh(6, env, 60)
    refresh(env)
    standing = env.reports.standing()
    assert standing
    [no] = [row["order_no"] for table, row in env.reports.dump() if table == "report_orders"][:1]
    old = env.reports.contributions([no])[no]
    assert env.reports.put([replace(old, parts=())], expect=standing, to=standing) == (no,)
    with env.reports._db.write() as c:  # type: ignore[attr-defined]
        c.exec_driver_sql("UPDATE report_cells SET minor=minor+1 WHERE measure='ordered'")
    found = refresh(env, rebuild=True)
    assert (found.outcome, found.exit_code, found.counts["wrong_orders"]) == ("partial", 3, 1)
    assert found.counts["wrong_cells"] > 0
    assert no in {item.ref for item in found.items}
    assert kept(env) == counted(env)
    assert refresh(env, rebuild=True).outcome == "done"


def test_after_the_orders_came_back_from_a_backup_a_rebuild_finds_them_and_what_comes_next(env: Env) -> None:
    market = fresh(8, env, 40)
    refresh(env)
    standing = env.reports.standing()
    assert standing
    env.reports.put([], expect=standing, to=replace(standing, cursor="999999"))
    new = market.add()
    assert refresh(env).counts["orders"] == 0
    found = refresh(env, rebuild=True)
    assert (found.counts["wrong_orders"], [i.ref for i in found.items]) == (1, [new.order.order_no])
    market.add()
    assert refresh(env).counts["changed"] == 1
    assert kept(env) == counted(env)
