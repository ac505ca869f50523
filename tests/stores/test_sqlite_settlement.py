"""The settlement contract on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Settlement
from tests.stores.clocks import FixedClock
from tests.stores.contract_settlement import SettlementContract


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Settlement]:
    made = stores.open_settlement(f"sqlite:{tmp_path / 'settlement.db'}", clock=FixedClock())
    yield made
    made.close()


class TestSqliteSettlement(SettlementContract):
    pass
