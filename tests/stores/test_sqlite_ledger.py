"""The ledger contract on SQLite; secrets are not readable in the file; two processes swap without losing one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Ledger
from stores.privacy import Privacy
from stores.records import Token
from tests.stores.clocks import FixedClock
from tests.stores.contract_ledger import LedgerContract

_RACER = """
import sys, stores
from stores.privacy import Privacy
from datetime import UTC, datetime

class Clock:
    def now(self): return datetime.now(UTC)

store = stores.open_ledger(sys.argv[1], clock=Clock(), privacy=Privacy([b"k" * 32]))
for _ in range(50):
    while True:
        old = store.value("n")
        if store.swap("n", old, str(int(old or 0) + 1)):
            break
store.close()
"""


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

    def test_processes_that_swap_lose_no_step(self, store: Ledger, tmp_path: Path) -> None:
        racers = [
            subprocess.Popen([sys.executable, "-c", _RACER, f"sqlite:{tmp_path / 'ledger.db'}"]) for _ in range(2)
        ]
        assert [r.wait(60) for r in racers] == [0, 0]
        assert store.value("n") == "100"
