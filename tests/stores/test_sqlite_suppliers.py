"""The suppliers' part of the settlement contract on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Settlement
from tests.stores.clocks import FixedClock
from tests.stores.contract_suppliers import SuppliersContract


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[Settlement]:
    made = stores.open_settlement(f"sqlite:{tmp_path}/settlement.db", clock=clock)
    yield made
    made.close()


class TestSqliteSuppliers(SuppliersContract):
    pass
