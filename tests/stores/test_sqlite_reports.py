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
    def spoil(self, store: Reports) -> None:
        with store._db.write() as c:  # type: ignore[attr-defined]
            c.exec_driver_sql("UPDATE report_cells SET minor=1 WHERE hour=9")
            c.exec_driver_sql("DELETE FROM report_cells WHERE hour=10")
            c.exec_driver_sql(
                "INSERT INTO report_cells VALUES (20260301, 'ordered', 'tmall', 'taobao', '', 23, 'CNY', 1, 1, 1)"
            )
