"""Law 3: nothing vanishes. A window closes with a proof or stays open; what cannot be read is parked and comes back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.documents import OrderDocument, Pulled
from adapters.errors import Retryable
from jobs import orders as order_jobs
from jobs import push, sync, verify, windows
from jobs.env import Env
from tests.documents import SELLER
from tests.fulfilment import document, number_of
from tests.laws.market import Office, office

#: beyond what a driver can bind: a row that no store can keep
TOO_MUCH = 1 << 70


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Office]:
    made = office(tmp_path)
    yield made
    made.env.close()


def key(number: str) -> str:
    return f"orders:taobao:{SELLER}:{number}"


def kept(env: Env, *numbers: str) -> set[str]:
    """Which of these orders are in the inbox."""
    return {k.rpartition(":")[2] for k in env.inbox.versions([key(n) for n in numbers])}


def mark(env: Env) -> Any:
    return env.ledger.marks()[("tmall", "orders", "modified")]


# ------------------------------------------------------------------ marks, windows, proofs

#: (minutes between two runs, orders placed meanwhile, what goes wrong at this run)
ticks = st.lists(
    st.tuples(st.integers(1, 90), st.integers(0, 3), st.sampled_from(["fine", "fine", "lost", "down"])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ticks=ticks)
def test_no_mark_ever_passes_an_order_that_is_not_kept(ticks: list[tuple[int, int, str]]) -> None:
    """Pages that leave out what was counted, and calls that fail: `proven` stays before the first order we lack."""
    with TemporaryDirectory() as folder:
        o = office(Path(folder))
        frontiers: list[datetime] = []
        for minutes, n, weather in ticks:
            _place(o, minutes, n)
            o.market.lost_on_page = set(sorted(o.market.orders)[-1:]) if weather == "lost" else set()
            o.market.fail = Retryable("isp.system-busy") if weather == "down" else None
            sync.sync(o.env, "orders")
            _check_marks(o, frontiers)
        o.market.lost_on_page, o.market.fail = set(), None
        o.env.clock.advance(60)
        sync.sync(o.env, "orders")
        assert kept(o.env, *o.market.orders) == set(o.market.orders)
        assert mark(o.env).proven == mark(o.env).frontier and not o.env.ledger.windows(state="open")
        o.env.close()


def _place(o: Office, minutes: int, n: int) -> None:
    """Orders spread over the minutes that pass."""
    for i in range(n):
        o.env.clock.advance(minutes * 60 / (n + 1))
        number = f"39{len(o.market.orders):017d}"
        o.market.sells(document(number, modified_at=o.env.clock.now().replace(microsecond=0) - timedelta(seconds=i)))
    o.env.clock.advance(minutes * 60 / (n + 1))


def _check_marks(o: Office, frontiers: list[datetime]) -> None:
    env, found = o.env, o.env.ledger.marks()
    if not found:
        return
    here = mark(env)
    frontiers.append(here.frontier)
    assert frontiers == sorted(frontiers), "the frontier went back"
    for window in env.ledger.windows(state="closed"):
        assert window.proof in ("counted", "exhausted", "accepted")
    if here.proven is not None:
        missing = set(o.market.orders) - kept(env, *o.market.orders)
        assert all(o.market.orders[n].modified_at >= here.proven for n in missing)
        assert _covered_until(env) >= here.proven


def _covered_until(env: Env) -> datetime:
    """Up to where closed windows follow each other without a gap."""
    closed = sorted(env.ledger.windows(state="closed"), key=lambda w: w.start)
    end = min(w.start for w in env.ledger.windows())
    for window in closed:
        if window.start > end:
            break
        end = max(end, window.end)
    return end


@pytest.mark.parametrize("lost", [True, False], ids=["one left out", "all came"])
def test_a_window_is_closed_by_its_count_alone(shop: Office, lost: bool) -> None:
    shop.market.sells(document("1"), document("2"))
    shop.market.lost_on_page = {"2"} if lost else set()
    result = sync.sync(shop.env, "orders")
    [window] = [w for w in shop.env.ledger.windows() if w.expected]
    assert (window.state, window.proof) == (("open", "") if lost else ("closed", "counted"))
    assert (window.expected, window.seen) == (2, 2) or lost
    assert result.exit_code == (3 if lost else 0)


def test_a_window_that_stays_open_alarms_and_ends_only_by_a_person_with_a_reason(shop: Office) -> None:
    shop.market.sells(document("1"))
    shop.market.lost_on_page = {"1"}
    for _ in range(3):
        sync.sync(shop.env, "orders")
        shop.env.clock.advance(shop.env.settings.sync.window_alarm)
    window, *others = shop.env.ledger.windows(state="open")
    assert window.attempts == 3
    assert f"window:{window.window_id}" in [a.key for a in shop.env.ledger.alerts()]
    assert mark(shop.env).proven == window.start < mark(shop.env).frontier
    for w in (*others, window):
        windows.accept(shop.env, w.window_id, reason="gone at the platform too", by="li")
    assert mark(shop.env).proven == mark(shop.env).frontier
    [told] = shop.env.ledger.audit_trail(ref=window.window_id)
    assert (told.who, told.facts["reason"]) == ("li", "gone at the platform too")


def test_what_shows_up_after_its_time_reopens_the_window_and_widens_the_overlap(shop: Office) -> None:
    env = shop.env
    for _ in range(3):
        sync.sync(env, "orders")
        env.clock.advance(400)
    late = env.clock.now() - timedelta(seconds=700)
    shop.market.sells(document("7", modified_at=late))
    before = mark(env).proven
    sync.sync(env, "orders")
    [found] = env.ledger.lateness("tmall", "orders", since=late)
    assert (found.number, found.modified_at) == ("7", late) and found.late_s >= 700
    assert mark(env).proven < before or not env.ledger.windows(state="open")
    env.clock.advance(60)
    sync.sync(env, "orders")
    assert not env.ledger.windows(state="open") and mark(env).proven == mark(env).frontier
    newest = max(w.opened_at for w in env.ledger.windows())
    starts = [w.start for w in env.ledger.windows() if w.opened_at == newest]
    assert min(starts) <= newest - timedelta(seconds=found.late_s * 1.5), "the overlap did not learn"


# ------------------------------------------------------------------ verification by (number, modified)


def test_verify_is_content_with_a_newer_version_and_fills_an_older_or_missing_one(shop: Office) -> None:
    env, market = shop.env, shop.market
    at = env.clock.now() - timedelta(hours=1)
    market.sells(*(document(n, modified_at=at) for n in ("newer", "older", "missing", "same")))
    for number, offset in (("newer", 60), ("older", -60), ("same", 0)):
        market.sells(document(number, modified_at=at + timedelta(seconds=offset)))
    market.lost_on_page = {"missing"}
    sync.sync(env, "orders", since=at - timedelta(hours=1), until=env.clock.now())
    market.lost_on_page = set()
    market.sells(*(document(n, modified_at=at) for n in ("newer", "older", "same")))
    result = verify.verify(env, "orders", since=at - timedelta(minutes=5), until=at + timedelta(minutes=5))
    assert result.counts["filled"] == 2 and result.counts["listed"] == 4
    held = env.inbox.versions([key(n) for n in ("newer", "older", "missing", "same")])
    assert held[key("newer")][0] == at + timedelta(seconds=60), "an older listing put a newer version back"
    assert held[key("older")][0] == held[key("missing")][0] == at


# ------------------------------------------------------------------ parked, replayed, bisected


def test_what_cannot_be_read_is_parked_with_its_bytes_and_read_when_it_can_be(shop: Office) -> None:
    env, at = shop.env, shop.env.clock.now() - timedelta(minutes=5)
    shop.market.sells(document("1"))
    shop.market.unreadable["9"] = Pulled(
        kind="orders", number="9", modified_at=at, raw=b'{"tid":9,"paid":"1,5"}', error="bad_money"
    )
    assert sync.sync(env, "orders").exit_code == 3
    push.push(env)
    [entry] = env.inbox.parked()
    assert (entry.number, entry.reason) == ("9", "bad_money")
    assert env.inbox.raw(entry.key) == b'{"tid":9,"paid":"1,5"}'
    assert set(env.orders.heads([number_of("1")])) == {number_of("1")}, "its neighbour did not come through"
    shop.market.unreadable.clear()
    shop.market.sells(document("9", modified_at=at + timedelta(seconds=1)))
    env.clock.advance(60)
    sync.sync(env, "orders")
    push.push(env)
    assert number_of("9") in env.orders.heads([number_of("9")])
    assert env.inbox.parked() == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bad=st.sets(st.integers(0, 19), max_size=6), size=st.sampled_from([1, 3, 7, 50]))
def test_bad_items_are_parked_one_by_one_and_all_others_come_through(bad: set[int], size: int) -> None:
    """Wherever they lie in their batches and however large these are."""
    with TemporaryDirectory() as folder:
        o = office(Path(folder), push={"batch": size})
        numbers = [f"39{n:017d}" for n in range(20)]
        o.market.sells(*(_bad(n) if i in bad else document(n) for i, n in enumerate(numbers)))
        sync.sync(o.env, "orders")
        push.push(o.env)
        parked = {e.number for e in o.env.inbox.parked()}
        assert parked == {numbers[i] for i in bad}
        assert all(e.reason for e in o.env.inbox.parked())
        there = o.env.orders.heads([number_of(n) for n in numbers])
        assert set(there) == {number_of(n) for i, n in enumerate(numbers) if i not in bad}
        o.env.close()


def _bad(number: str) -> OrderDocument:
    return document(number, paid_minor=TOO_MUCH)


def test_what_was_parked_is_pushed_by_a_replay_once_its_cause_is_gone(shop: Office) -> None:
    env = shop.env
    shop.market.sells(_bad("3"))
    sync.sync(env, "orders")
    push.push(env)
    assert push.push(env).counts == {}, "a parked document was tried again without being asked"
    order_jobs.replay(env, [key("3")], by="li")
    push.push(env)
    assert [e.number for e in env.inbox.parked()] == ["3"], "it is as bad as before and parked again, not lost"
    good = msgspec.structs.replace(document("3"), modified_at=env.clock.now())
    shop.market.sells(good)
    sync.sync(env, "orders", since=env.clock.now() - timedelta(hours=1), until=env.clock.now() + timedelta(seconds=1))
    push.push(env)
    assert env.inbox.parked() == [] and number_of("3") in env.orders.heads([number_of("3")])
