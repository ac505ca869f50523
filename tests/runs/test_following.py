"""Workers that stay: woken by the bus, sweeping without it, ended by a signal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs import following, push
from jobs.api import Oms
from jobs.doctor import doctor
from jobs.errors import BadSettings
from jobs.following import STAGES, follow
from jobs.telling import RECEIVED, topic
from stores.errors import Unavailable
from stores.records import Progress
from tests.fulfilment import number_of
from tests.laws.market import Office, office, orders, play, reopened

DOCUMENTS = orders(5)
NUMBERS = [number_of(d.platform_order_no) for d in DOCUMENTS]
SWEEP_S = 3600.0


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Office]:
    made = office(tmp_path / "office", stores={"bus": f"sqlite:{tmp_path / 'bus.db'}"}, follow={"sweep": SWEEP_S})
    made.market.sells(*DOCUMENTS)
    yield made
    made.env.close()


def waiting(o: Office) -> dict[str, int]:
    bus = o.env.bus
    assert bus
    return {job: bus.backlog(stage.topic, job) for job, stage in STAGES.items()}


@contextmanager
def following_(o: Office, job: str) -> Iterator[Callable[[], Any]]:
    """A worker in a thread; what it gives ends it and returns its result."""
    results: list[Any] = []

    def work() -> None:
        try:
            results.append(follow(o.env, job))
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=work)
    thread.start()

    def end() -> Any:
        o.env.stop.set()
        thread.join(30)
        o.env.stop.clear()
        return results[0]

    try:
        yield end
    finally:
        o.env.stop.set()
        thread.join(30)
        o.env.stop.clear()


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)


def progress(o: Office) -> set[str]:
    return {h.progress for h in o.env.orders.heads(NUMBERS).values()}


def test_each_stage_tells_the_next_after_its_commit(shop: Office) -> None:
    assert waiting(shop) == dict.fromkeys(STAGES, 0)
    play(shop, "sync")
    assert waiting(shop) == {"push orders": 5, "order audit": 0, "order source": 0, "merge run": 0}
    play(shop, "push", "audit", "source")
    assert waiting(shop) == dict.fromkeys(STAGES, 5)


def test_what_was_refused_or_there_already_is_not_told(shop: Office) -> None:
    play(shop, "sync", "push")
    before = waiting(shop)
    play(shop, "sync", "push")
    assert waiting(shop) == before


def test_a_worker_starts_with_a_sweep_and_is_woken_by_events(shop: Office) -> None:
    play(shop, "sync", "push")
    with following_(shop, "order audit") as end:
        until(lambda: progress(shop) == {Progress.AUDITED})
        result = end()
    assert result.outcome == "done" and result.counts == {"audited": 5, "rounds": 1}
    [run] = list(shop.env.ledger.runs(job="order audit", limit=9))
    assert run.run_id == result.run_id and run.outcome == "done" and run.counts["audited"] == 5
    steps = shop.env.orders.history(NUMBERS[0])
    assert steps[-1].run_id == result.run_id
    assert waiting(shop)["order audit"] == 0


def test_an_event_wakes_a_worker_long_before_its_next_sweep(shop: Office) -> None:
    with following_(shop, "order audit") as end:
        until(lambda: shop.env._standing is not None)
        bus = shop.env.bus
        assert bus
        other = push_beside(shop)
        until(lambda: progress(shop) == {Progress.AUDITED})
        assert end().counts["audited"] == 5
        other.close()


def push_beside(o: Office) -> Any:
    """The stages before, in an environment of their own as another process has it."""
    fresh = reopened(o, stores={"bus": o.env.settings.stores.bus})
    play(fresh, "sync")
    push.push(fresh.env)
    return fresh.env


def test_without_events_the_sweeps_go_on(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = shop.env.bus
    assert bus
    monkeypatch.setattr(following, "BLIND_S", 0.01)
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    play(shop, "sync", "push")

    def lost(*_: Any, **__: Any) -> Any:
        raise Unavailable("no bus today")

    monkeypatch.setattr(bus, "take", lost)
    with following_(shop, "order audit") as end:
        until(lambda: progress(shop) == {Progress.AUDITED})
        result = end()
    assert result.counts["audited"] == 5 and result.counts["bus_failed"] >= 1


def test_a_bus_that_fails_stops_no_job_and_is_left_alone_for_a_while(
    shop: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, asked = shop.env.bus, []
    assert bus

    def lost(events: Any) -> None:
        asked.append(list(events))
        raise Unavailable("no bus today")

    monkeypatch.setattr(bus, "publish", lost)
    play(shop, "sync", "push", "audit", "source")
    assert progress(shop) == {Progress.SOURCED}
    assert len(asked) == 1


def test_stores_that_fail_are_asked_again_and_given_up_in_the_end(
    shop: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LONGEST_PAUSE_S", 0.0)
    rounds: list[int] = []

    def fails(*_: Any) -> Any:
        rounds.append(1)
        raise Unavailable("the database is away")

    monkeypatch.setattr(following, "STAGES", {"order audit": STAGES["order audit"]._replace(act=fails)})
    with following_(shop, "order audit") as end:
        until(lambda: len(rounds) == following.PATIENCE)
        time.sleep(0.05)
        error = end()
    assert isinstance(error, Unavailable)
    [run] = shop.env.ledger.runs(job="order audit", limit=9)
    assert run.outcome == "failed" and run.counts["failed_rounds"] == following.PATIENCE - 1


def test_an_event_whose_round_failed_is_not_acknowledged(shop: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LONGEST_PAUSE_S", 0.0)
    play(shop, "sync", "push")
    act, calls = STAGES["order audit"].act, []

    def fails_once(env: Any, shops: Any) -> Any:
        calls.append(waiting(shop)["order audit"])
        if len(calls) == 1:
            raise Unavailable("the database is away")
        return act(env, shops)

    monkeypatch.setattr(following, "STAGES", {**STAGES, "order audit": STAGES["order audit"]._replace(act=fails_once)})
    with following_(shop, "order audit") as end:
        until(lambda: progress(shop) == {Progress.AUDITED})
        end()
    assert calls == [5, 5] and waiting(shop)["order audit"] == 0


def test_a_hold_that_ends_is_told_at_its_stage(shop: Office) -> None:
    play(shop, "sync", "push")
    oms = Oms(shop.env)
    oms.hold_orders([NUMBERS[0]], by="tester", note="look")
    before = waiting(shop)["order audit"]
    oms.release_orders([NUMBERS[0]], by="tester")
    assert waiting(shop)["order audit"] == before + 1


def test_following_needs_a_bus(tmp_path: Path) -> None:
    o = office(tmp_path)
    with pytest.raises(BadSettings, match="needs a bus"):
        follow(o.env, "order audit")
    o.env.close()


def test_doctor_says_what_no_worker_has_worked_off(shop: Office) -> None:
    play(shop, "sync")
    [row] = [r for r in doctor(shop.env) if r["name"] == "bus"]
    assert row["ok"] and "push orders 5" in row["what"]


def test_topics_are_the_states_of_orders() -> None:
    assert {s.topic for s in STAGES.values()} == {
        RECEIVED, *(topic(p) for p in (Progress.CREATED, Progress.AUDITED, Progress.SOURCED))
    }  # fmt: skip
    assert topic(Progress.CREATED) == "order.created"
