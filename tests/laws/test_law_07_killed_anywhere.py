"""Law 7: a job may be killed anywhere and started twice. Here it dies, or sleeps past its leases, in each named gap of a day;
`tests/kill` kills real processes at every seam below the gaps, and `tests/twice` starts every job twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.core.shapes import ShipCapability
from jobs import audit, gaps, merge, push, shipments, source, sync
from jobs.api import Oms
from jobs.env import Env
from jobs.storing import store
from stores.contracts import Change
from stores.records import Progress, Run, Watermark, Window
from tests.documents import pulled
from tests.factories import T0, make_full_order, open_env, put_orders, put_stock
from tests.fulfilment import FakePlatform, document, install, number_of, shipped
from tests.killing import ROOT, at_gap, killed_at
from tests.laws.market import STAGES, Office, check_day, office, orders, play, reopened, settle

DOCUMENTS = orders(4)
#: the gaps that a plain day passes, with the stage in which it does
PASSED = {
    "sync.pulled": "sync",
    "sync.closed": "sync",
    "push.added": "push",
    "push.wanted": "push",
    "source.intended": "source",
    "source.reserved": "source",
    "merge.intended": "merge",
    "merge.joined": "merge",
    "handover.intended": "handover",
    "handover.marked": "handover",
    "handover.written": "handover",
    "waybills.stopped": "pack",
    "waybills.went_on": "pack",
    "ship.committed": "ship",
    "ship.moved": "ship",
    "ship.noticed": "ship",
    "effect.sending": "notices",
    "effect.answered": "notices",
}
CHAIN = list(STAGES)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Office]:
    made = office(tmp_path)
    made.market.sells(*DOCUMENTS)
    yield made
    made.env.close()


def test_the_gaps_of_the_day_are_all_named_here(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}
    for stage in CHAIN:
        monkeypatch.setattr(gaps, "hook", lambda name, stage=stage: seen.setdefault(name, stage))
        play(shop, stage)
    assert seen == PASSED


@pytest.mark.parametrize("name", PASSED)
def test_a_day_that_dies_in_a_gap_ends_like_any_other(shop: Office, name: str) -> None:
    stage = PASSED[name]
    play(shop, *CHAIN[: CHAIN.index(stage)])
    with killed_at(name):
        play(shop, stage)
    fresh = reopened(shop)
    settle(fresh, rounds=2)
    check_day(fresh, DOCUMENTS)
    fresh.env.close()


@pytest.mark.parametrize("name", PASSED)
def test_a_run_that_sleeps_past_its_leases_in_a_gap_wakes_to_no_harm(shop: Office, name: str) -> None:
    """While it sleeps, another process plays the rest of the day; then it goes on with what it holds."""
    stage = PASSED[name]
    play(shop, *CHAIN[: CHAIN.index(stage)])
    other = Office(open_env(shop.env.root, clock=shop.env.clock, **_settings(shop.env)), shop.market)
    install(other.env, other.market)
    with at_gap(name, lambda: settle(other, rounds=2)):
        play(shop, stage)
    settle(shop, rounds=1)
    check_day(shop, DOCUMENTS)
    other.env.close()


def _settings(env: Env) -> dict[str, Any]:
    return {n: getattr(env.settings, n) for n in ("stores", "privacy", "sync", "shops", "warehouses")}


# ------------------------------------------------------------------ a stored intent beats a fresh decision


def test_a_written_choice_of_place_is_carried_out_though_a_better_one_came_up(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    put_stock(env, {"SOUTH": {"SKU-1": 9}})
    [no] = put_orders(env, make_full_order({"SKU-1": 2}, progress=Progress.AUDITED))
    with killed_at("source.intended"):
        source.source(env)
    put_stock(env, {"EAST": {"SKU-1": 9}})  # nearer, and the first choice of a fresh decision
    env.clock.advance(env.settings.sourcing.lease + 1)
    source.source(env)
    [held] = env.stock.reservations([no])[no]
    assert (held.warehouse, held.attempt) == ("SOUTH", 1)
    assert {s.warehouse for s in env.orders.load([no])[no].ship_lines} == {"SOUTH"}
    env.close()


def test_a_written_parcel_is_finished_without_those_who_came_later(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    install(env, FakePlatform())
    put_stock(env, {"EAST": {"SKU-1": 50}})
    given: dict[str, Any] = {"progress": Progress.AUDITED, "merge_confirm": False}
    first = put_orders(env, *(make_full_order(number=f"{n:019d}", **given) for n in (1, 2)))
    source.source(env)
    env.clock.advance(env.settings.merge.window + 1)
    with killed_at("merge.intended"):
        merge.merge(env)
    [late] = put_orders(env, make_full_order(number=f"{3:019d}", **given))
    source.source(env)
    env.clock.advance(env.settings.merge.lease + 1)
    merge.merge(env)
    members = [set(p.members) for p in env.orders.find_parcels() if p.state == "planned"]
    assert set(first) in members and all(late not in m or m == {late} for m in members)
    env.close()


# ------------------------------------------------------------------ tokens are checked when work is written


def test_nothing_is_written_under_a_token_that_another_has_taken_over(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    [no] = put_orders(env, make_full_order({"SKU-1": 2}))
    old = env.orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="old")
    lease = env.ledger.acquire("sync:orders:tmall", holder="old", ttl_s=60)
    env.clock.advance(61)
    new = env.orders.claim(Progress.CREATED, limit=1, lease_s=60, worker="new")
    assert env.ledger.acquire("sync:orders:tmall", holder="new", ttl_s=60)
    assert len(old.orders) == len(new.orders) == 1
    move = Change(order_no=no, expect=1, to=Progress.AUDITED, reason="late", token=old.token)
    assert env.orders.apply([move], run_id="r")[0].result == "lost"
    window = Window(window_id="w", shop="tmall", kind="orders", scan="s", start=T0, end=T0, opened_at=T0)
    assert env.ledger.put_window(window, lease=lease).result == "lost"
    mark = Watermark(shop="tmall", kind="orders", scan="s", frontier=T0, proven=T0)
    assert env.ledger.set_mark(mark, lease=lease).result == "lost"
    assert env.ledger.windows() == [] and env.ledger.marks() == {}
    assert env.orders.heads([no])[no].progress == Progress.CREATED
    env.close()


def test_documents_and_effects_are_settled_only_by_who_holds_them(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    shipped(env, install(env, FakePlatform()), document("1"))
    old, effects = env.ledger.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="old")
    env.clock.advance(61)
    assert env.ledger.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="new")[1]
    assert {o.result for o in env.ledger.mark_sent(old, [e.key for e in effects])} == {"lost"}
    assert {o.result for o in env.ledger.settle_effects(old, effects)} == {"lost"}
    env.close()


# ------------------------------------------------------------------ unknown is read back before it is repeated


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=st.lists(st.sampled_from(["ok", "lost", "dropped", "retry"]), max_size=8))
def test_whatever_becomes_of_the_answers_each_parcel_is_told_once(script: list[str]) -> None:
    with TemporaryDirectory() as folder:
        o = office(Path(folder))
        numbers = ["1", "2", "3"]
        shipped(o.env, o.market, *(document(n) for n in numbers))
        o.market.script = list(script)
        for _ in range(12):
            shipments.push(o.env)
            o.env.clock.advance(3600)
        assert sorted(n for n, _ in o.market.shipped_log) == numbers
        assert {e.state for e in o.env.ledger.effects(kind="ship_notice")} == {"confirmed"}
        o.env.close()


def test_what_cannot_be_read_back_is_parked_and_never_repeated(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    platform = install(env, FakePlatform(ship=ShipCapability(batch=1, read_back=False), last_look=False))
    shipped(env, platform, document("1"))
    platform.script = ["lost"]
    for _ in range(3):
        shipments.push(env)
        env.clock.advance(3600)
    assert len(platform.notices) == 1
    assert {e.state for e in env.ledger.effects(kind="ship_notice")} == {"parked"}
    assert [a.kind for a in env.ledger.alerts()] == ["ship_notice_parked"]
    env.close()


# ------------------------------------------------------------------ a run record is always written


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), MemoryError(), KeyboardInterrupt(), SystemExit(3), GeneratorExit()]
)
def test_a_run_that_breaks_leaves_its_record(tmp_path: Path, error: BaseException) -> None:
    env = open_env(tmp_path)
    with pytest.raises(type(error)), env.run("order audit", limit=7) as run:
        run.result.count("seen", 2)
        raise error
    [kept] = env.ledger.runs()
    assert (kept.outcome, kept.args, kept.counts) == ("failed", {"limit": 7}, {"seen": 2})
    assert kept.ended_at and type(error).__name__ in kept.error
    env.close()


@pytest.mark.parametrize("job", [sync.sync, push.push, audit.audit, source.source, merge.merge])
def test_a_job_whose_store_breaks_leaves_its_record(tmp_path: Path, job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    env = open_env(tmp_path)

    def broken(*_: object, **__: object) -> None:
        raise OSError("disk full")

    for name, method in (("orders", "claim"), ("orders", "merge_keys"), ("orders", "find_parcels"), ("inbox", "claim")):
        monkeypatch.setattr(getattr(env, name), method, broken)
    monkeypatch.setattr(env.ledger, "acquire", broken)
    with pytest.raises(OSError, match="disk full"):
        job(env, "orders") if job is sync.sync else job(env)
    [kept] = env.ledger.runs()
    assert kept.outcome == "failed" and "disk full" in kept.error and kept.ended_at
    env.close()


_SIGNALLED = """
import os, signal, sys
from pathlib import Path
from jobs import gaps, push
from tests.factories import open_env
env = open_env(Path(sys.argv[1]), push={"batch": 1})
env.catch_signals()
gaps.hook = lambda name: os.kill(os.getpid(), int(sys.argv[2])) if name == "push.added" else None
push.push(env)
env.close()
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_ended_by_a_signal_has_its_record_and_the_next_one_finishes(
    tmp_path: Path, signum: signal.Signals
) -> None:
    """SIGTERM ends after the chunk, SIGKILL in the middle of it; the record was there from the start."""
    env = open_env(tmp_path, push={"batch": 1})
    documents = [document(str(n)) for n in (1, 2, 3)]
    store(env, "tmall", FakePlatform(), "orders", [pulled(d) for d in documents])  # type: ignore[arg-type]
    env.ledger.now()
    words = [sys.executable, "-c", _SIGNALLED, str(tmp_path), str(int(signum))]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    killed = signum == signal.SIGKILL
    assert done.returncode == (-signum if killed else 0)
    run: Run = env.ledger.runs()[0]
    assert (run.outcome, bool(run.ended_at)) == (("running", False) if killed else ("interrupted", True))
    assert run.counts == ({} if killed else {"added": 1})
    env.clock.advance(env.settings.push.lease + 1)
    Oms(env).push_orders()
    assert set(env.orders.heads([number_of(n) for n in "123"])) == {number_of(n) for n in "123"}
    assert env.stock.demand() == {"SKU-1": 6}
    env.close()
