"""The stock contract on SQLite, and two processes at the last pieces."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Stock
from tests.stores.clocks import FixedClock
from tests.stores.contract_stock import StockContract


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[Stock]:
    made = stores.open_stock(f"sqlite:{tmp_path / 'stock.db'}", clock=clock)
    yield made
    made.close()


class TestSqliteStock(StockContract):
    """The contract alone."""
