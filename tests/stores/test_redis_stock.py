"""The stock contract on a real Redis server: alone, and with SQL books behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import stores
from stores.contracts import Stock
from tests.servers import redis
from tests.stores.clocks import FixedClock
from tests.stores.contract_races import RacesContract
from tests.stores.contract_stock import StockContract

pytestmark = pytest.mark.skipif(not redis.found(), reason="redis-server is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    with redis.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


class TestAlone(StockContract):
    @pytest.fixture
    def store(self, server: redis.Server, clock: FixedClock) -> Iterator[Stock]:
        made = stores.open_stock(server.empty(), clock=clock)
        yield made
        made.close()


class TestWithBooks(StockContract):
    @pytest.fixture
    def store(self, server: redis.Server, clock: FixedClock, tmp_path: Path) -> Iterator[Stock]:
        made = stores.open_stock(server.empty(), clock=clock, books=f"sqlite:{tmp_path / 'books.db'}?lasting=no")
        yield made
        made.close()


class TestRaces:
    """Those of the races that are about stock."""

    @pytest.fixture
    def place(self, server: redis.Server) -> Callable[[str], str]:
        return lambda _store: server.empty()

    test_processes = RacesContract.test_processes_racing_for_the_last_pieces_grant_exactly_what_there_is
