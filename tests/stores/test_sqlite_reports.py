"""The reports contract on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Reports
from tests.stores.clocks import FixedClock
from tests.stores.contract_reports import ReportsContract


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[Reports]:
    made = stores.open_reports(f"sqlite:{tmp_path / 'reports.db'}", clock=clock)
    yield made
    made.close()


class TestSqliteReports(ReportsContract):
    pass
