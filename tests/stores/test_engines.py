"""Engines by URL, and what their errors become at the edge."""

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import stores
from stores import sqlite
from stores.database import open_unchecked
from stores.errors import BadItem, StoreError, Unavailable, UnknownEngine
from stores.privacy import Privacy
from tests.stores.clocks import FixedClock
from tests.stores.contract_orders import a_new, number


def open_orders(url: str) -> Any:
    return stores.open_orders(url, clock=FixedClock(), privacy=Privacy([b"k" * 32]))


@pytest.mark.parametrize(
    "opens",
    [
        lambda url: open_orders(url),
        lambda url: stores.open_inbox(url, clock=FixedClock(), privacy=Privacy([b"k" * 32])),
        lambda url: stores.open_stock(url, clock=FixedClock()),
        lambda url: stores.open_ledger(url, clock=FixedClock(), privacy=Privacy([b"k" * 32])),
        lambda url: stores.open_settlement(url, clock=FixedClock()),
        lambda url: stores.open_bus(url, clock=FixedClock()),
        lambda url: stores.open_reports(url, clock=FixedClock()),
    ],
)
@pytest.mark.parametrize("url", ["oracle://db/oms", "", "just-a-path.db"])
def test_an_unknown_scheme_is_named_with_what_there_is(opens: Callable[[str], Any], url: str) -> None:
    with pytest.raises(UnknownEngine, match="sqlite:"):
        opens(url)


def test_a_relative_path_is_taken_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_orders("sqlite:data/orders.db").close()
    assert (tmp_path / "data" / "orders.db").exists()


def test_a_writer_that_waits_in_vain_says_that_the_store_is_not_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 20)
    store = open_orders(f"sqlite:{tmp_path / 'orders.db'}")
    other = sqlite3.connect(tmp_path / "orders.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked") as caught:
        store.add([a_new(1)], run_id="r")
    assert caught.value.exit_code == 21
    other.execute("ROLLBACK")
    other.close()
    assert store.add([a_new(1)], run_id="r")[0].ok
    store.close()


def test_a_reader_is_not_kept_waiting_by_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 20)
    store = open_orders(f"sqlite:{tmp_path / 'orders.db'}")
    store.add([a_new(1)], run_id="r")
    other = sqlite3.connect(tmp_path / "orders.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM orders")
    assert list(store.heads([number(1)])) == [number(1)]
    other.execute("ROLLBACK")
    other.close()
    store.close()


@pytest.mark.parametrize("value", [{"payable_minor": 1 << 63}, {"platform_status": "half a pair \ud83d"}])
def test_what_the_driver_cannot_bind_is_a_bad_item_and_nothing_is_written(
    tmp_path: Path, value: dict[str, Any]
) -> None:
    store = open_orders(f"sqlite:{tmp_path / 'orders.db'}")
    new = a_new(2)
    with pytest.raises(BadItem):
        store.add([a_new(1), replace(new, order=replace(new.order, **value))], run_id="r")
    assert store.heads([number(1), number(2)]) == {}
    store.close()


def test_a_file_that_is_no_database_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "orders.db").write_bytes(b"this is a text, and long enough to be looked at as a page header " * 20)
    with pytest.raises(StoreError, match="not a database"):
        open_orders(f"sqlite:{tmp_path / 'orders.db'}")


def test_what_is_done_waits_for_the_disk_and_what_is_claimed_does_not(tmp_path: Path) -> None:
    """Read from the connection, since no test can cut the power."""
    for url, wanted in ((f"sqlite:{tmp_path / 'a.db'}", 2), (f"sqlite:{tmp_path / 'b.db'}?lasting=no", 1)):
        made = open_unchecked(url, "stock")
        with made.write() as c:
            assert c.exec_driver_sql("PRAGMA synchronous").scalar() == wanted
        with made.write(lasting=False) as c:
            assert c.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        made.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.db", "b.db"]


def test_a_question_mark_may_be_part_of_a_path(tmp_path: Path) -> None:
    open_orders(f"sqlite:{tmp_path / 'who?a=b' / 'orders.db'}").close()
    assert (tmp_path / "who?a=b" / "orders.db").exists()


def test_an_unknown_option_of_a_url_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownEngine, match="lasting=no"):
        open_orders(f"sqlite:{tmp_path / 'orders.db'}?mode=ro")


def test_a_new_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    open_orders(f"sqlite:{tmp_path / 'data' / 'orders.db'}").close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_bus_on_kafka_without_its_driver_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(UnknownEngine, match=r"oms\[kafka\]"):
        stores.open_bus("kafka://localhost:9092", clock=FixedClock())
