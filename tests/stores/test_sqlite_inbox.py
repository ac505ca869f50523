"""The inbox contract on SQLite, and that personal data is not readable in the file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Inbox
from stores.privacy import Privacy
from tests.stores.clocks import FixedClock
from tests.stores.contract_inbox import InboxContract, item


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[Inbox]:
    made = stores.open_inbox(f"sqlite:{tmp_path / 'inbox.db'}", clock=clock, privacy=Privacy([b"k" * 32]))
    yield made
    made.close()


class TestSqliteInbox(InboxContract):
    def test_the_file_shows_no_payload(self, store: Inbox, tmp_path: Path) -> None:
        store.put([item("1", raw='{"receiver":"张三丰"}'.encode(), document=b'{"phone":"13800000001"}')])
        held = b"".join(p.read_bytes() for p in tmp_path.glob("inbox.db*"))
        assert "张三丰".encode() not in held and b"13800000001" not in held
