"""Every contract of the stores on a real MariaDB server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import stores
from stores.contracts import Orders
from stores.privacy import Privacy
from tests.servers import mariadb
from tests.stores.clocks import FixedClock
from tests.stores.contract_bus import BusContract
from tests.stores.contract_changes import ChangesContract
from tests.stores.contract_feed import FeedContract
from tests.stores.contract_inbox import InboxContract
from tests.stores.contract_ledger import LedgerContract
from tests.stores.contract_orders import OrdersContract
from tests.stores.contract_parcels import ParcelsContract
from tests.stores.contract_payments import PaymentsContract
from tests.stores.contract_races import RacesContract
from tests.stores.contract_reports import ReportsContract
from tests.stores.contract_stock import StockContract

pytestmark = pytest.mark.skipif(not mariadb.found(), reason="mariadb-server is not installed")
DATABASE = "oms_contract"
PRIVACY = Privacy([b"k" * 32])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.Server]:
    with mariadb.running(tmp_path_factory.mktemp("mariadb")) as server:
        server.create(DATABASE)
        yield server


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


def opened(server: mariadb.Server, store: str, **options: Any) -> Iterator[Any]:
    made = getattr(stores, f"open_{store}")(server.url(DATABASE), **options)
    server.empty(DATABASE)
    yield made
    made.close()


class TestOrders(OrdersContract, ParcelsContract, ChangesContract, FeedContract, PaymentsContract):
    @pytest.fixture
    def orders(self, server: mariadb.Server, clock: FixedClock) -> Iterator[Orders]:
        yield from opened(server, "orders", clock=clock, privacy=PRIVACY)


class TestInbox(InboxContract):
    @pytest.fixture
    def store(self, server: mariadb.Server, clock: FixedClock) -> Iterator[Any]:
        yield from opened(server, "inbox", clock=clock, privacy=PRIVACY)


class TestStock(StockContract):
    @pytest.fixture
    def store(self, server: mariadb.Server, clock: FixedClock) -> Iterator[Any]:
        yield from opened(server, "stock", clock=clock)


class TestLedger(LedgerContract):
    @pytest.fixture
    def store(self, server: mariadb.Server, clock: FixedClock) -> Iterator[Any]:
        yield from opened(server, "ledger", clock=clock, privacy=PRIVACY)


class TestBus(BusContract):
    @pytest.fixture
    def bus(self, server: mariadb.Server, clock: FixedClock) -> Iterator[Any]:
        yield from opened(server, "bus", clock=clock)


class TestReports(ReportsContract):
    @pytest.fixture
    def store(self, server: mariadb.Server, clock: FixedClock) -> Iterator[Any]:
        yield from opened(server, "reports", clock=clock)


class TestRaces(RacesContract):
    @pytest.fixture
    def place(self, server: mariadb.Server) -> Callable[[str], str]:
        return lambda store: server.create(f"oms_race_{store}")
