"""What every ledger engine must do."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from stores.contracts import Ledger
from stores.records import Alert, AuditEntry, Effect, Lateness, Run, Task, Token, Watermark, Window
from tests.stores.clocks import FixedClock

T = datetime(2026, 3, 1, tzinfo=UTC)


def effect(key: str, **changes: Any) -> Effect:
    base: dict[str, Any] = {
        "key": key,
        "kind": "ship_notice",
        "shop": "tmall",
        "ref": "o1",
        "group": "o1:P1",
        "created_at": T,
    }
    return Effect(**{**base, **changes})


def window(start: datetime, **changes: Any) -> Window:
    base: dict[str, Any] = {
        "window_id": f"w{start:%H%M}", "shop": "tmall", "kind": "orders", "scan": "modified", "start": start,
        "end": start + timedelta(hours=1), "opened_at": T,
    }  # fmt: skip
    return Window(**{**base, **changes})


class LedgerContract:
    """Inherit, and give `store` and `clock` fixtures."""

    def test_two_aliases_for_one_seller_are_refused(self, store: Ledger) -> None:
        assert store.register_seller("a", "taobao", "1", "AAAAAAAA").result == "done"
        assert store.register_seller("a", "taobao", "1", "AAAAAAAA").result == "already"
        assert store.register_seller("b", "taobao", "1", "AAAAAAAA").reason.startswith("seller_taken")
        assert store.register_seller("a", "taobao", "2", "BBBBBBBB").reason.startswith("alias_taken")
        assert store.register_seller("c", "jd", "9", "AAAAAAAA").reason.startswith("code_clash")

    def test_marks_only_rise_unless_reopened(self, store: Ledger) -> None:
        mark = Watermark(
            shop="tmall", kind="orders", scan="modified", frontier=T + timedelta(hours=2), proven=T + timedelta(hours=1)
        )
        store.set_mark(mark, lease=None)
        store.set_mark(Watermark(shop="tmall", kind="orders", scan="modified", frontier=T, proven=T), lease=None)
        assert store.marks()["tmall", "orders", "modified"] == mark
        store.reopen(Watermark(shop="tmall", kind="orders", scan="modified", proven=T))
        kept = store.marks()["tmall", "orders", "modified"]
        assert (kept.proven, kept.frontier) == (T, mark.frontier)

    def test_an_outdated_lease_writes_nothing(self, store: Ledger, clock: FixedClock) -> None:
        old = store.acquire("sync", holder="a", ttl_s=10)
        assert old and store.acquire("sync", holder="b", ttl_s=10) is None
        clock.advance(11)
        new = store.acquire("sync", holder="b", ttl_s=10)
        assert new and new.token > old.token
        mark = Watermark(shop="tmall", kind="orders", scan="modified", frontier=T)
        assert store.set_mark(mark, lease=old).result == "lost"
        assert store.put_window(window(T), lease=old).result == "lost"
        assert store.set_mark(mark, lease=new).result == "done"
        assert not store.beat(old, ttl_s=10) and store.beat(new, ttl_s=10)

    def test_the_token_rises_after_a_lease_was_freed(self, store: Ledger) -> None:
        first = store.acquire("x", holder="a", ttl_s=10)
        assert first
        store.free(first)
        second = store.acquire("x", holder="a", ttl_s=10)
        assert second and second.token == first.token + 1
        assert not store.holds(first) and store.holds(second)

    def test_a_broken_lease_is_lost_to_its_holder(self, store: Ledger) -> None:
        held = store.acquire("x", holder="a", ttl_s=1000)
        assert held
        broken = store.break_lease("x")
        assert broken and broken.holder == "a"
        assert not store.beat(held, ttl_s=10) and store.leases() == []

    def test_windows_are_found_by_what_they_touch(self, store: Ledger) -> None:
        for hour in range(4):
            store.put_window(window(T + timedelta(hours=hour), state="closed" if hour else "open"), lease=None)
        touched = store.windows(since=T + timedelta(minutes=90), until=T + timedelta(minutes=121))
        assert [w.window_id for w in touched] == ["w0100", "w0200"]
        assert [w.window_id for w in store.windows(state="open")] == ["w0000"]

    def test_runs_come_newest_first_and_the_last_of_each_job_is_known(self, store: Ledger) -> None:
        for n in range(3):
            store.put_run(
                Run(run_id=f"r{n}", job="push", outcome="done", started_at=T + timedelta(minutes=n), ended_at=T)
            )
        store.put_run(Run(run_id="r9", job="push", started_at=T + timedelta(hours=1), counts={"added": 2}))
        assert [r.run_id for r in store.runs(job="push", limit=2)] == ["r9", "r2"]
        assert store.last_runs()["push"].run_id == "r2"
        found = store.run("r9")
        assert found and found.counts == {"added": 2}

    def test_runs_of_a_time_are_counted_by_job_and_outcome(self, store: Ledger) -> None:
        for n, (job, outcome, took) in enumerate([("push", "done", 2), ("push", "done", 5), ("push", "failed", 1), ("audit", "done", 9)]):  # fmt: skip
            at = T + timedelta(minutes=n)
            store.put_run(
                Run(run_id=f"r{n}", job=job, outcome=outcome, started_at=at, ended_at=at + timedelta(seconds=took))
            )
        store.put_run(Run(run_id="r8", job="push", started_at=T + timedelta(minutes=2)))
        found = store.tally_runs(T, T + timedelta(minutes=3))
        assert [(t.job, t.outcome, t.runs, t.longest_s) for t in found] == [
            ("push", "done", 2, 5.0), ("push", "failed", 1, 1.0), ("push", "running", 1, 0.0),
        ]  # fmt: skip
        assert store.tally_runs(T - timedelta(hours=1), T) == []

    def test_a_task_is_added_once_and_comes_when_due(self, store: Ledger, clock: FixedClock) -> None:
        task = Task(key="expire:o1", kind="expire_order", ref="o1", due_at=clock.at + timedelta(minutes=15))
        assert [store.add_tasks([task])[0].result for _ in range(2)] == ["done", "already"]
        assert store.due_tasks("expire_order", limit=9, lease_s=60, worker="w") == []
        clock.advance(901)
        assert [t.key for t in store.due_tasks("expire_order", limit=9, lease_s=60, worker="w")] == ["expire:o1"]
        assert store.due_tasks("expire_order", limit=9, lease_s=60, worker="w") == []
        store.settle_tasks([("expire:o1", "done", "")])
        clock.advance(100)
        assert store.due_tasks("expire_order", limit=9, lease_s=60, worker="w") == []

    def test_an_alert_counts_up_and_is_new_again_after_it_was_acknowledged(self, store: Ledger) -> None:
        alert = Alert(key="k", kind="x", title="t", first_at=T, last_at=T)
        store.raise_alert(alert)
        store.mark_notified("k")
        again = store.raise_alert(alert)
        assert again.count == 2 and again.notified_at is not None
        store.ack_alerts(["k"], by="li")
        assert store.alerts() == []
        fresh = store.raise_alert(alert)
        assert fresh.count == 1 and fresh.notified_at is None and len(store.alerts()) == 1

    def test_effects_are_claimed_in_whole_groups(self, store: Ledger) -> None:
        store.intend([effect("a"), effect("b"), effect("c", group="o2:P2")])
        assert store.intend([effect("a")])[0].result == "already"
        _, found = store.claim_effects("ship_notice", shop="tmall", limit=1, lease_s=60, worker="w")
        assert [e.key for e in found] == ["a", "b"]
        _, rest = store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="w")
        assert [e.key for e in rest] == ["c"]

    def test_a_group_with_one_due_row_is_taken_whole(self, store: Ledger, clock: FixedClock) -> None:
        store.intend([effect("a", next_at=clock.at + timedelta(hours=1)), effect("b"), effect("c", state="confirmed")])
        _, found = store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="w")
        assert [e.key for e in found] == ["a", "b"]

    def test_a_group_of_which_somebody_holds_a_part_is_left_to_him(self, store: Ledger, clock: FixedClock) -> None:
        store.intend([effect("a")])
        token, _ = store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="v")
        store.intend([effect("b")])
        assert store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="w")[1] == []
        store.settle_effects(token, [effect("a", state="confirmed")])
        _, found = store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="w")
        assert [e.key for e in found] == ["b"]

    def test_a_claimed_effect_is_neither_withdrawn_nor_retried(self, store: Ledger, clock: FixedClock) -> None:
        store.intend([effect("a")])
        store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="w")
        refused = store.void_effects(["a", "never"], reason="cancelled")
        assert [(o.result, o.reason) for o in refused] == [("refused", "claimed"), ("refused", "unknown_key")]
        clock.advance(61)
        assert store.void_effects(["a"], reason="cancelled")[0].result == "done"
        gone = store.effects(keys=["a"])[0]
        assert (gone.state, gone.answer, gone.settled_at) == ("void", "cancelled", clock.now())

    def test_a_lost_claim_sends_nothing(self, store: Ledger, clock: FixedClock) -> None:
        store.intend([effect("a")])
        token, _ = store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="w")
        clock.advance(61)
        store.claim_effects("ship_notice", shop="tmall", limit=9, lease_s=60, worker="v")
        assert store.mark_sent(token, ["a"])[0].result == "lost"

    def test_a_sent_effect_whose_sender_died_comes_back_as_unknown(self, store: Ledger, clock: FixedClock) -> None:
        store.intend([effect("a")])
        token, _ = store.claim_effects("ship_notice", shop="tmall", limit=1, lease_s=60, worker="w")
        store.mark_sent(token, ["a"])
        assert store.claim_effects("ship_notice", shop="tmall", limit=1, lease_s=60, worker="w")[1] == []
        clock.advance(61)
        newer, found = store.claim_effects("ship_notice", shop="tmall", limit=1, lease_s=60, worker="w")
        assert [e.state for e in found] == ["unknown"]
        assert store.settle_effects(token, [effect("a", state="confirmed")])[0].result == "lost"
        assert store.settle_effects(newer, [effect("a", state="confirmed")])[0].result == "done"
        assert store.effects(state="confirmed")[0].settled_at is not None

    def test_a_retried_effect_waits_for_its_time(self, store: Ledger, clock: FixedClock) -> None:
        store.intend([effect("a")])
        token, _ = store.claim_effects("ship_notice", shop="tmall", limit=1, lease_s=60, worker="w")
        store.settle_effects(token, [effect("a", next_at=clock.at + timedelta(seconds=30))])
        assert store.claim_effects("ship_notice", shop="tmall", limit=1, lease_s=60, worker="w")[1] == []
        clock.advance(31)
        assert len(store.claim_effects("ship_notice", shop="tmall", limit=1, lease_s=60, worker="w")[1]) == 1

    def test_only_unsent_intents_are_withdrawn_and_only_ended_ones_retried(self, store: Ledger) -> None:
        store.intend([effect("a"), effect("b", state="parked"), effect("c", state="confirmed")])
        assert [o.result for o in store.void_effects(["a", "b"], reason="cancelled")] == ["done", "refused"]
        assert [o.result for o in store.retry_effects(["b", "c"])] == ["done", "refused"]

    def test_swap_writes_only_over_what_was_read(self, store: Ledger) -> None:
        assert store.swap("limit:x", None, "1")
        assert not store.swap("limit:x", None, "2")
        assert not store.swap("limit:x", "0", "2")
        assert store.swap("limit:x", "1", "2")
        assert store.values("limit:") == {"limit:x": "2"}

    def test_tokens_are_kept(self, store: Ledger) -> None:
        token = Token(shop="tmall", access="secret-access", refresh="secret-refresh", expires_at=T)
        store.put_token(token)
        assert store.token("tmall") == token
        assert "secret" not in repr(token)

    def test_lateness_is_kept_as_it_was_first_found(self, store: Ledger, clock: FixedClock) -> None:
        late = Lateness(
            shop="tmall", kind="orders", number="1", modified_at=T, found_at=T + timedelta(hours=1), late_s=30.5
        )
        store.add_lateness([late])
        store.add_lateness([replace(late, found_at=T + timedelta(hours=2), late_s=3_600.0)])
        assert [x.late_s for x in store.lateness("tmall", "orders", since=T)] == [30.5]
        assert store.lateness("tmall", "orders", since=T + timedelta(hours=3)) == []

    def test_the_audit_trail_is_newest_first_and_found_by_what_it_is_about(self, store: Ledger) -> None:
        store.audit([AuditEntry(at=T, who="li", act="reveal", ref=f"o{n}", facts={"n": n}) for n in (1, 2, 1)])
        assert [e.ref for e in store.audit_trail()] == ["o1", "o2", "o1"]
        assert [e.facts for e in store.audit_trail(ref="o2")] == [{"n": 2}]

    def test_a_window_is_written_over_by_its_id(self, store: Ledger) -> None:
        first = window(T, reason="total_moved", expected=5)
        store.put_window(first, lease=None)
        closed = replace(first, state="closed", proof="counted", reason="", seen=5, closed_at=T + timedelta(minutes=5))
        store.put_window(closed, lease=None)
        assert store.windows(shop="tmall", kind="orders") == [closed]

    def test_the_dump_tells_no_token(self, store: Ledger) -> None:
        store.put_token(Token(shop="tmall", access="secret-access"))
        store.swap("limit:x", None, "1")
        told = list(store.dump())
        assert ("small_values", {"name": "limit:x", "value": "1"}) in told
        assert "secret" not in str(told) and "tokens" not in {name for name, _ in told}
