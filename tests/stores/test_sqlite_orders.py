"""The order contract on SQLite, what lies in its file, and how it is found again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stores import open_orders
from stores.contracts import Orders
from stores.errors import KeyMissing
from stores.privacy import Privacy
from stores.records import Edit, Progress
from stores.sql_orders import SqlOrders
from tests.stores.clocks import FixedClock
from tests.stores.contract_changes import ChangesContract
from tests.stores.contract_feed import FeedContract
from tests.stores.contract_orders import RECEIVER, T0, OrdersContract, a_change, a_new, number
from tests.stores.contract_parcels import ParcelsContract
from tests.stores.contract_payments import PaymentsContract


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def orders(tmp_path: Path, clock: FixedClock) -> Iterator[Orders]:
    store = open_orders(f"sqlite:{tmp_path / 'orders.db'}", clock=clock, privacy=Privacy([b"k" * 32]))
    yield store
    store.close()


class TestSqliteOrders(OrdersContract, ParcelsContract, ChangesContract, FeedContract, PaymentsContract):
    def test_no_personal_data_lies_in_clear_in_the_file(self, orders: Orders, tmp_path: Path) -> None:
        orders.add([a_new(1)], run_id="r1")
        orders.apply([a_change(1, receiver=RECEIVER)], run_id="r2")
        orders.add_edits(
            [Edit(order_no=number(1), field="address", value="新华路二号", base=RECEIVER.address, at=T0, by="ann")]
        )
        orders.close()
        kept = b"".join(p.read_bytes() for p in tmp_path.iterdir())
        assert number(1).encode() in kept
        for text in (RECEIVER.name, RECEIVER.phone, RECEIVER.address, RECEIVER.cipher, "新华路二号"):
            assert text.encode() not in kept

    def test_another_process_key_cannot_read_receivers_but_heads(
        self, orders: Orders, clock: FixedClock, tmp_path: Path
    ) -> None:
        orders.add([a_new(1)], run_id="r1")
        stranger = open_orders(f"sqlite:{tmp_path / 'orders.db'}", clock=clock, privacy=Privacy([b"x" * 32]))
        assert list(stranger.heads([number(1)])) == [number(1)]
        for read in (stranger.receivers, stranger.load):  # a whole order has remarks, which are sealed too
            with pytest.raises(KeyMissing):
                read([number(1)])
        stranger.close()

    def test_workers_claiming_at_once_share_no_order(self, orders: Orders) -> None:
        orders.add([a_new(n) for n in range(60)], run_id="r1")
        taken: list[list[str]] = []

        def work(name: str) -> None:
            while claimed := orders.claim(Progress.CREATED, limit=7, lease_s=60, worker=name).orders:
                taken.append([f.order.order_no for f in claimed])

        workers = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert sorted(no for part in taken for no in part) == [number(n) for n in range(60)]

    @pytest.mark.parametrize(
        ("sql", "index"),
        [
            (
                "SELECT ship_by, order_no FROM orders WHERE progress='a' AND held=0 AND (ship_by, order_no) > (1, 'a')"
                " AND +shop IN ('a') ORDER BY ship_by, order_no LIMIT 5",
                "orders_work",
            ),
            (
                "SELECT * FROM orders WHERE (ordered_at, order_no) > (1, 'a') ORDER BY ordered_at, order_no LIMIT 5",
                "orders_ordered",
            ),
            (
                "SELECT * FROM orders WHERE progress IN ('a', 'b') AND claim_token='a' AND claim_token<>''",
                "orders_work",
            ),
            ("SELECT * FROM orders WHERE progress='a' AND shop='a'", "orders_work"),
            (
                "SELECT DISTINCT key FROM waiting WHERE key>'a' AND (window_ends_at<=1 OR ship_by<1) ORDER BY key LIMIT 5",
                "PRIMARY KEY",
            ),
            (
                "SELECT * FROM parcels WHERE state='a' AND warehouse='a' AND warehouse<>'' AND parcel_no>'a'"
                " ORDER BY parcel_no LIMIT 5",
                "parcels_state",
            ),
            ("SELECT * FROM parcels WHERE waybill='a' AND waybill<>'' AND parcel_no>'a'", "parcels_waybill"),
            ("SELECT * FROM parcels WHERE handover_no='a' AND handover_no<>'' AND parcel_no>'a'", "parcels_handover"),
            (
                "SELECT * FROM order_holds WHERE released_at IS NULL AND until IS NOT NULL AND until<=5",
                "order_holds_until",
            ),
        ],
    )
    def test_frequent_questions_use_their_index_and_do_not_sort(self, orders: SqlOrders, sql: str, index: str) -> None:
        with orders._db.read() as c:
            plan = " ".join(str(row) for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))
        assert index in plan
        assert "TEMP B-TREE" not in plan

    def test_counting_by_shop_and_progress_reads_an_index_alone(self, orders: SqlOrders) -> None:
        sql = "SELECT shop, progress, count(*), sum(held > 0) FROM orders GROUP BY shop, progress"
        with orders._db.read() as c:
            plan = " ".join(str(row) for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))
        assert "COVERING INDEX orders_work" in plan
