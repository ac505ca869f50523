"""The bus contract on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Bus
from stores.sql_bus import KEEP_MS, SqlBus
from tests.stores.clocks import FixedClock
from tests.stores.contract_bus import BusContract, T, events, keys


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(T)


@pytest.fixture
def bus(tmp_path: Path, clock: FixedClock) -> Iterator[Bus]:
    made = stores.open_bus(f"sqlite:{tmp_path / 'bus.db'}", clock=clock)
    yield made
    made.close()


class TestSqliteBus(BusContract):
    def test_old_events_are_forgotten_and_their_numbers_not_given_again(self, bus: Bus, clock: FixedClock) -> None:
        bus.publish(events("created", "a", "b"))
        seen = bus.take("created", "audit", limit=9)
        bus.acknowledge("created", "audit", [i for i, _ in seen])
        clock.advance(KEEP_MS / 1000 + 1)
        bus.publish(events("created", "c"))  # dated T, so it is old already
        assert bus.backlog("created", "audit") == 0
        clock.advance(-KEEP_MS / 1000)
        bus.publish(events("created", "e"))
        assert keys(bus.take("created", "audit", limit=9)) == ["e"]

    def test_a_group_that_acknowledges_in_order_keeps_one_row(self, bus: SqlBus) -> None:
        bus.publish(events("created", *"abcdef"))
        bus.acknowledge("created", "audit", [i for i, _ in bus.take("created", "audit", limit=9)])
        with bus._db.read() as c:
            assert c.exec_driver_sql("SELECT count(*) FROM bus_acks").scalar() == 0
            assert c.exec_driver_sql("SELECT seq FROM bus_positions").fetchall() == [(6,)]
