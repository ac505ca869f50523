"""sync: windows, proofs and marks, with a platform that answers as it is told."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters.core.shapes import Capabilities, PullReport, Scan
from adapters.documents import Batch, Pulled
from adapters.errors import Retryable, ShopBroken
from jobs import gaps, sync, verify, windows
from jobs.env import Env
from jobs.storing import store
from stores.records import Lateness
from tests.documents import SELLER, T0, order_document, pulled
from tests.factories import open_env

SCAN = Scan(name="modified")


class FakePull:
    def __init__(self, batches: Sequence[Batch], report: Any) -> None:
        self._batches, self.report = batches, report

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)


class FakePlatform:
    """Holds orders and lists those of a window; `proof` and `fail` bend its answers."""

    name = "taobao"
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.scans = {"orders": (SCAN,)}
        self.orders: list[Pulled] = []
        self.proof: Callable[[datetime], str] = lambda _start: "counted"
        self.fail: Exception | None = None
        self.asked: list[tuple[datetime, datetime]] = []

    def pull(self, kind: str, scan: Any, start: datetime, end: datetime, **_: Any) -> FakePull:
        self.asked.append((start, end))
        if self.fail:
            raise self.fail
        found = [p for p in self.orders if p.modified_at and start <= p.modified_at < end]
        proof = self.proof(start)
        report = PullReport(
            pages=1, items=len(found), distinct=len(found), total_before=len(found), total_after=len(found), proof=proof,
            reason="" if proof else "total_differs",
        )  # fmt: skip
        return FakePull([Batch(items=tuple(found), total=len(found))], report)

    def drain_faults(self) -> list[Any]:
        return []

    def close(self) -> None:
        pass


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(
        tmp_path,
        shops={"tmall": {"platform": "taobao", "seller_id": SELLER, "app_key": "k", "app_secret": "s"}},
        sync={"first": "2h", "window": "1h", "overlap": "10m"},
    )
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    fake = FakePlatform()
    env._platforms["tmall"] = fake  # type: ignore[assignment]
    return fake


def order(number: str, modified: datetime) -> Pulled:
    return pulled(order_document(platform_order_no=number, modified_at=modified))


def mark(env: Env) -> Any:
    return env.ledger.marks()[("tmall", "orders", "modified")]


def test_the_first_run_reaches_back_and_proves_every_window(env: Env, platform: FakePlatform) -> None:
    platform.orders = [
        order("1", env.clock.now() - timedelta(minutes=90)),
        order("2", env.clock.now() - timedelta(minutes=5)),
    ]
    result = sync.sync(env, "orders")
    assert result.counts["new"] == 2 and result.exit_code == 0
    assert {w.proof for w in env.ledger.windows(state="closed")} == {"counted"}
    assert mark(env).frontier == mark(env).proven == env.clock.now().replace(microsecond=0)


def test_windows_join_without_gap_and_overlap_what_was_pulled_before(env: Env, platform: FakePlatform) -> None:
    sync.sync(env, "orders")
    first = list(platform.asked)
    assert all(a[1] == b[0] for a, b in pairwise(first))
    before = mark(env).frontier
    env.clock.advance(600)
    platform.asked.clear()
    sync.sync(env, "orders")
    assert platform.asked[0][0] == before - timedelta(minutes=10)


def test_pulling_stays_as_far_behind_as_the_platform_wants(env: Env, platform: FakePlatform) -> None:
    platform.scans = {"orders": (Scan(name="modified", behind_s=180.0),)}
    now = env.clock.now().replace(microsecond=0)
    sync.sync(env, "orders")
    assert max(end for _, end in platform.asked) == mark(env).frontier == now - timedelta(minutes=3)
    platform.orders = [order("1", now - timedelta(minutes=1))]
    assert not sync.sync(env, "orders").counts.get("new")
    env.clock.advance(180)
    assert sync.sync(env, "orders").counts["new"] == 1


def test_an_unproven_window_stays_open_holds_proven_back_and_is_tried_again(env: Env, platform: FakePlatform) -> None:
    start = env.clock.now().replace(microsecond=0) - timedelta(hours=2)
    platform.proof = lambda at: "" if at == start else "counted"
    result = sync.sync(env, "orders")
    assert result.exit_code == 3
    assert mark(env).frontier > mark(env).proven == start
    platform.proof = lambda _at: "counted"
    env.clock.advance(60)
    assert sync.sync(env, "orders").exit_code == 0
    assert mark(env).proven == mark(env).frontier
    assert not env.ledger.windows(state="open")


def test_an_operator_accepts_a_window_with_a_reason(env: Env, platform: FakePlatform) -> None:
    platform.proof = lambda _at: ""
    sync.sync(env, "orders")
    for window in env.ledger.windows(state="open"):
        windows.accept(env, window.window_id, reason="platform confirmed by phone", by="li")
    assert mark(env).proven == mark(env).frontier
    assert {w.proof for w in env.ledger.windows(state="closed")} == {"accepted"}
    assert env.ledger.audit_trail()[0].who == "li"


def test_a_find_after_its_time_was_proven_reopens_the_window_and_widens_the_overlap(
    env: Env, platform: FakePlatform
) -> None:
    sync.sync(env, "orders")
    late = order("5", env.clock.now() - timedelta(minutes=9))
    env.clock.advance(1200)
    sync.sync(env, "orders")
    proven = mark(env).proven
    platform.orders.append(pulled(order_document(platform_order_no="6", modified_at=proven - timedelta(minutes=8))))
    platform.orders.append(late)
    env.clock.advance(60)
    result = sync.sync(env, "orders")
    assert result.counts["late"] >= 1
    env.clock.advance(60)
    platform.asked.clear()
    sync.sync(env, "orders")
    assert min(a for a, _ in platform.asked) < proven - timedelta(minutes=10)
    assert not env.ledger.windows(state="open")


def test_the_overlap_is_half_as_much_again_as_the_worst_lateness_of_the_last_week(
    env: Env, platform: FakePlatform
) -> None:
    sync.sync(env, "orders")
    for late_s, days in ((1000.0, 0), (5000.0, 8)):
        found = env.clock.now() - timedelta(days=days)
        late = Lateness(
            shop="tmall", kind="orders", number=f"{days}", modified_at=found, found_at=found, late_s=late_s
        )  # fmt: skip
        env.ledger.add_lateness([late])
    before = mark(env).frontier
    env.clock.advance(600)
    platform.asked.clear()
    sync.sync(env, "orders")
    assert platform.asked[0][0] == before - timedelta(seconds=1500)


def test_a_dry_run_names_what_it_sees_and_stores_nothing(env: Env, platform: FakePlatform) -> None:
    platform.orders = [order("1", env.clock.now() - timedelta(minutes=5))]
    result = sync.sync(env, "orders", dry_run=True)
    assert [(i.ref, i.did) for i in result.items] == [("1", "seen")]
    assert env.inbox.counts() == {} and env.ledger.marks() == {} and env.ledger.windows() == []


def test_a_shop_that_rests_does_not_stop_the_others(tmp_path: Path) -> None:
    shops = {n: {"platform": "taobao", "seller_id": n, "app_key": "k", "app_secret": "s"} for n in ("a", "b", "c")}
    made = open_env(tmp_path, shops=shops)
    try:
        for alias in shops:
            made._platforms[alias] = FakePlatform()  # type: ignore[assignment]
        made.platform("b").fail = ShopBroken("rests", shop="b")  # type: ignore[attr-defined]
        result = sync.sync(made, "orders")
        assert [(i.ref, i.reason) for i in result.items if i.did == "failed"] == [("b", "shop_rests")]
        assert sorted({w.shop for w in made.ledger.windows(state="closed")}) == ["a", "c"]
    finally:
        made.close()


def test_a_window_that_stays_unproven_is_told_of_when_it_is_old(env: Env, platform: FakePlatform) -> None:
    platform.proof = lambda _at: ""
    sync.sync(env, "orders")
    assert env.ledger.alerts() == []
    env.clock.advance(env.settings.sync.window_alarm + 1)
    sync.sync(env, "orders")
    assert {a.kind for a in env.ledger.alerts()} == {"window_unproven"}


def test_a_failing_shop_leaves_its_window_open_and_an_alert(env: Env, platform: FakePlatform) -> None:
    platform.fail = Retryable("isp.system-busy")
    result = sync.sync(env, "orders")
    assert [(i.did, i.reason) for i in result.items if i.did == "failed"] == [("failed", "Retryable")]
    assert env.ledger.windows(state="open")
    assert [a.key for a in env.ledger.alerts()] == ["sync:orders:tmall"]


def test_a_bounded_run_moves_no_mark_and_writes_no_window(env: Env, platform: FakePlatform) -> None:
    platform.orders = [order("1", T0 - timedelta(days=3))]
    sync.sync(env, "orders", since=T0 - timedelta(days=4), until=T0)
    assert env.ledger.marks() == {} and env.ledger.windows() == []
    assert env.inbox.counts() == {("tmall", "orders", "waiting"): 1}


def test_a_shop_that_is_not_due_is_left_alone(env: Env, platform: FakePlatform) -> None:
    sync.sync(env, "orders", due=True)
    platform.asked.clear()
    assert sync.sync(env, "orders", due=True).counts == {"not_due": 1}
    assert platform.asked == []


def test_two_at_once_on_one_shop_the_second_is_busy(env: Env, platform: FakePlatform) -> None:
    assert env.ledger.acquire("sync:orders:tmall", holder="other", ttl_s=60)
    assert sync.sync(env, "orders").counts == {"busy": 1}


def test_a_run_that_lost_its_lease_writes_nothing_more(env: Env, platform: FakePlatform) -> None:
    stolen = {}

    def proof(_at: datetime) -> str:
        env.clock.advance(env.settings.sync.lease + 1)
        stolen["lease"] = env.ledger.acquire("sync:orders:tmall", holder="other", ttl_s=600)
        return "counted"

    platform.proof = proof
    result = sync.sync(env, "orders")
    assert [i.reason for i in result.items if i.did == "failed"] == ["lease_lost"]
    assert env.ledger.marks() == {}


def test_verify_names_what_is_missing_and_fills_it(env: Env, platform: FakePlatform) -> None:
    platform.orders = [order("1", T0 - timedelta(hours=1)), order("2", T0 - timedelta(hours=1))]
    named = verify.verify(env, "orders", since=T0 - timedelta(hours=2), until=T0, dry_run=True)
    assert sorted(i.ref for i in named.items) == ["1", "2"]
    assert verify.verify(env, "orders", since=T0 - timedelta(hours=2), until=T0).counts["filled"] == 2
    again = verify.verify(env, "orders", since=T0 - timedelta(hours=2), until=T0)
    assert again.counts == {"listed": 2, "proven_windows": 2}


def test_a_newer_version_that_is_stored_satisfies_an_older_listing(env: Env, platform: FakePlatform) -> None:
    listed = order("1", T0 - timedelta(hours=1))
    newer = order("1", T0 - timedelta(minutes=5))
    store(env, "tmall", platform, "orders", [newer])  # type: ignore[arg-type]
    platform.orders = [listed]
    result = verify.verify(env, "orders", since=T0 - timedelta(hours=2), until=T0 - timedelta(minutes=30))
    assert result.counts == {"listed": 1, "proven_windows": 2} and result.exit_code == 0


@pytest.mark.parametrize("name", [sync.PULLED, sync.CLOSED])
def test_a_sync_killed_in_a_gap_is_finished_by_the_next_one(
    env: Env, platform: FakePlatform, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(at: str) -> None:
        if at == name:
            raise Killed

    platform.orders = [order("1", env.clock.now() - timedelta(minutes=90))]
    monkeypatch.setattr(gaps, "hook", kill)
    with pytest.raises(Killed):
        sync.sync(env, "orders")
    monkeypatch.setattr(gaps, "hook", None)
    env.clock.advance(env.settings.sync.lease + 1)
    sync.sync(env, "orders")
    assert mark(env).proven == mark(env).frontier
    assert env.inbox.counts() == {("tmall", "orders", "waiting"): 1}
