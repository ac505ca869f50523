"""What every inbox engine must do."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stores.contracts import Inbox
from stores.records import InboxItem
from tests.stores.clocks import FixedClock

T = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)


def item(number: str, **changes: Any) -> InboxItem:
    base: dict[str, Any] = {
        "key": f"orders:taobao:1:{number}", "kind": "orders", "platform": "taobao", "seller_id": "1", "shop": "tmall",
        "number": number, "modified_at": T, "hash": "h1", "document": b'{"n":1}', "raw": b'{"raw":1}',
    }  # fmt: skip
    return InboxItem(**{**base, **changes})


class InboxContract:
    """Inherit, and give `store` and `clock` fixtures."""

    def claim(self, store: Inbox, *, limit: int = 50, after: str = "") -> tuple[str, list[Any]]:
        return store.claim("orders", limit=limit, lease_s=60, worker="w", after=after)

    def test_versions_are_modified_time_and_content(self, store: Inbox) -> None:
        assert [o.reason for o in store.put([item("1")])] == ["new"]
        assert [o.reason for o in store.put([item("1")])] == ["same"]
        assert [o.reason for o in store.put([item("1", hash="h2")])] == ["changed"]
        assert [o.reason for o in store.put([item("1", modified_at=T - timedelta(seconds=1), hash="h0")])] == ["older"]
        assert store.get(["orders:taobao:1:1"])["orders:taobao:1:1"].hash == "h2"

    def test_the_newest_of_a_doubled_key_wins(self, store: Inbox) -> None:
        newer = item("1", modified_at=T + timedelta(seconds=5), hash="h9")
        store.put([newer, item("1")])
        assert store.versions([newer.key])[newer.key] == (newer.modified_at, "waiting")

    def test_two_claims_share_nothing_until_the_lease_ends(self, store: Inbox, clock: FixedClock) -> None:
        store.put([item(str(n)) for n in range(5)])
        _, first = self.claim(store, limit=3)
        _, second = self.claim(store)
        assert len(first) == 3 and len(second) == 2
        assert not {e.key for e in first} & {e.key for e in second}
        clock.advance(61)
        assert len(self.claim(store)[1]) == 5

    def test_settling_needs_the_token_that_claimed(self, store: Inbox, clock: FixedClock) -> None:
        store.put([item("1")])
        token, found = self.claim(store)
        clock.advance(61)
        newer, _ = self.claim(store)
        assert store.settle(token, [(found[0].key, "pushed", "added", {})])[0].result == "lost"
        assert store.settle(newer, [(found[0].key, "pushed", "added", {})])[0].result == "done"
        assert store.counts() == {("tmall", "orders", "pushed"): 1}

    def test_what_changes_while_claimed_stays_waiting(self, store: Inbox) -> None:
        store.put([item("1")])
        token, found = self.claim(store)
        store.put([item("1", modified_at=T + timedelta(seconds=1), hash="h2")])
        assert store.settle(token, [(found[0].key, "pushed", "added", {})])[0].result == "changed"
        assert [e.hash for e in self.claim(store)[1]] == ["h2"]

    def test_what_cannot_be_read_is_born_parked_and_keeps_its_bytes(self, store: Inbox) -> None:
        store.put([item("1", document=b"", raw=b"rubbish", parked="unreadable")])
        assert self.claim(store)[1] == []
        assert [(e.key, e.reason) for e in store.parked()] == [("orders:taobao:1:1", "unreadable")]
        assert store.raw("orders:taobao:1:1") == b"rubbish"

    def test_a_readable_version_replaces_a_parked_one_and_waits(self, store: Inbox) -> None:
        store.put([item("1", document=b"", hash="h0", parked="unreadable")])
        store.put([item("1")])
        assert len(self.claim(store)[1]) == 1

    def test_an_unreadable_sighting_of_a_version_we_hold_changes_nothing(self, store: Inbox) -> None:
        store.put([item("1")])
        assert store.put([item("1", document=b"", hash="hx", parked="unreadable")])[0].reason == "same"
        assert len(self.claim(store)[1]) == 1

    def test_replay_puts_parked_entries_back(self, store: Inbox) -> None:
        store.put([item("1")])
        token, found = self.claim(store)
        store.settle(token, [(found[0].key, "parked", "bad_value", {"error": "x"})])
        assert store.parked()[0].facts == {"error": "x"}
        assert [o.result for o in store.replay([found[0].key, "nothing"])] == ["done", "refused"]
        assert len(self.claim(store)[1]) == 1

    def test_raw_payloads_expire_and_the_state_stays(self, store: Inbox, clock: FixedClock) -> None:
        store.put([item("1"), item("2")])
        token, found = self.claim(store, limit=1)
        store.settle(token, [(found[0].key, "pushed", "added", {})])
        clock.advance(86400 * 91)
        assert store.expire_raw(timedelta(days=90)) == 1
        assert sum(store.counts().values()) == 2

    def test_a_scan_sees_every_entry_once(self, store: Inbox) -> None:
        store.put([item(f"{n:03d}") for n in range(25)])
        seen = [e.number for part in store.scan("orders", batch=7) for e in part]
        assert seen == [f"{n:03d}" for n in range(25)]
