"""The stock contract on SQLite, and two processes at the last pieces."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Stock
from tests.stores.clocks import FixedClock
from tests.stores.contract_stock import StockContract, books

_RACER = """
import sys
import stores
from stores.records import Ask
from datetime import UTC, datetime

class Clock:
    def now(self): return datetime.now(UTC)

store = stores.open_stock(sys.argv[1], clock=Clock())
granted = 0
for n in range(60):
    no = f"{sys.argv[2]}-{n}"
    asks = [Ask(reservation_id=f"{no}:1", order_no=no, attempt=1, warehouse="W1", items=(("A", 1),))]
    granted += store.reserve(asks, run_id="r")[0].granted
store.close()
sys.stdout.write(str(granted))
"""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[Stock]:
    made = stores.open_stock(f"sqlite:{tmp_path / 'stock.db'}", clock=clock)
    yield made
    made.close()


class TestSqliteStock(StockContract):
    def test_processes_racing_for_the_last_pieces_grant_exactly_what_there_is(
        self, store: Stock, clock: FixedClock, tmp_path: Path
    ) -> None:
        self.fill(store, clock, 70)
        words = [sys.executable, "-c", _RACER, f"sqlite:{tmp_path / 'stock.db'}"]
        racers = [subprocess.Popen([*words, name], stdout=subprocess.PIPE, text=True) for name in ("p", "q")]
        granted = [int(r.communicate(timeout=60)[0]) for r in racers]
        assert sum(granted) == 70
        assert store.levels()[0].available == 0
        books(store)
