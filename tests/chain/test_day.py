"""A day at two marketplaces with every fault, played by the documented commands as separate processes and proven against
the marketplaces' own book. Then one row of each table is changed, and exactly its check must fail."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs import demo, demo_proof
from jobs.demo_proof.books import STORES
from tests.chain.tampering import MONEY, OWNED, REPORTED, SETTLED


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("day")
    return folder, demo.play(
        folder, orders=90, seed=11, faults="all", platforms=["taobao", "wechat_shop"], ticks=3, keep_commands=True
    )


def test_every_check_of_the_day_holds(day: tuple[Path, dict[str, Any]]) -> None:
    _, told = day
    assert [c for c in told["checks"] if not c["ok"]] == []
    assert told["ok"]


def test_orders_came_through_every_stage(day: tuple[Path, dict[str, Any]]) -> None:
    folder, told = day
    assert told["progress"]["completed"] + told["progress"].get("shipped", 0) > 30
    with closing(sqlite3.connect(folder / "office" / "data" / "orders.db")) as c:
        shared = c.execute(
            "SELECT count(*) FROM (SELECT parcel_no FROM memberships GROUP BY 1 HAVING count(*) > 1)"
        ).fetchone()
    assert shared[0] > 0, "no two orders shared a parcel"


def test_faults_were_played_and_each_is_named_by_a_record(day: tuple[Path, dict[str, Any]]) -> None:
    _, told = day
    assert len(told["faults"]) > 9
    assert all(n["played"] == n["caught"] for n in told["faults"].values())


def first(table: str, keys: str, where: str = "1=1") -> str:
    """A condition that is true for one row of the marketplaces'; `keys`: its primary key, with commas."""
    if table in BY_ORDER:
        where = f"({where}) AND order_no NOT IN (SELECT order_no FROM orders WHERE platform = 'own')"
    if table.startswith("inbox_"):
        where = f"({where}) AND key NOT LIKE '%:own:%' AND key NOT LIKE 'payments:%'"
    return f"({keys}) = (SELECT {keys} FROM {table} WHERE {where} ORDER BY {keys} LIMIT 1)"


#: tables whose rows belong to an order; those of the own shop's are about money, which has checks of its own
BY_ORDER = frozenset(
    [
        "orders", "order_details", "order_lines", "ship_lines", "history", "order_holds", "memberships", "refunds", "refund_lines",
    ]
)  # fmt: skip


#: table → (what is done to one of its rows, the check that must fail)
TAMPERED = {
    "orders": (f"UPDATE orders SET freight_minor = freight_minor + 1 WHERE {first('orders', 'order_no')}", "money per order and component"),
    "order_details": (f"DELETE FROM order_details WHERE {first('order_details', 'order_no')}", "each order is whole"),
    "order_lines": (f"UPDATE order_lines SET unit_minor = unit_minor + 1 WHERE {first('order_lines', 'order_no, line_no')}", "lines as they were bought"),
    "ship_lines": (f"UPDATE ship_lines SET value_minor = value_minor + 1 WHERE {first('ship_lines', 'order_no, ship_no')}", "lines as they were bought"),
    "history": (f"UPDATE history SET to_state = 'lost' WHERE {first('history', 'ref, version')}", "history tells every move"),
    "order_holds": (f"UPDATE order_holds SET released_at = 1 WHERE {first('order_holds', 'order_no, code, since', 'released_at IS NULL')}", "each order is whole"),
    "order_search": ("INSERT INTO order_search (order_no, kind, hash) VALUES ('nobody', 'name', 'x')", "each order is whole"),
    "order_edits": ("INSERT INTO order_edits (order_no, field, value, base, at, edited_by) VALUES ('nobody', 'city', x'00', x'00', 1, 'me')", "each order is whole"),
    "order_feed": ("UPDATE order_feed SET order_nos = '[\"nobody\"]' WHERE seq = 1", "history tells every move"),
    "payments": (f"UPDATE payments SET payer_minor = payer_minor + 1 WHERE {first('payments', 'payment_no', '''status = 'paid' ''')}", "payments as the channels have them"),
    "payment_backs": (f"UPDATE payment_backs SET amount_minor = amount_minor + 1 WHERE {first('payment_backs', 'back_no', '''status = 'success' ''')}", "money went back once"),
    "waiting": ("INSERT INTO waiting (key, order_no, warehouse, shop, since, window_ends_at) VALUES ('k', 'nobody', 'w', 's', 1, 1)", "each order is whole"),
    "memberships": (f"UPDATE memberships SET active = 0 WHERE {first('memberships', 'order_no, parcel_no', 'active = 1')}", "parcels and what is in them"),
    "parcels": (f"UPDATE parcels SET waybill = '' WHERE {first('parcels', 'parcel_no', '''state = 'shipped' ''')}", "parcels and what is in them"),
    "refunds": (f"UPDATE refunds SET platform_status = 'x', amount_minor = amount_minor + 1 WHERE {first('refunds', 'refund_no')}", "refunds as the platforms have them"),
    "refund_lines": (f"UPDATE refund_lines SET amount_minor = amount_minor + 1 WHERE {first('refund_lines', 'refund_no, line_no')}", "refunds as the platforms have them"),
    "inbox_state": (f"UPDATE inbox_state SET hash = 'x' WHERE {first('inbox_state', 'key', '''kind = 'orders' AND status = 'pushed' ''')}", "documents are kept"),
    "inbox_payload": (f"DELETE FROM inbox_payload WHERE {first('inbox_payload', 'key')}", "documents are kept"),
    "stock": (f"UPDATE stock SET on_hand = on_hand + 1 WHERE {first('stock', 'warehouse, sku')}", "stock per SKU"),
    "stock_journal": ("DELETE FROM stock_journal WHERE seq = (SELECT max(seq) FROM stock_journal WHERE on_hand <> 0)", "journal explains the stock"),
    "stock_counts": (f"UPDATE stock_counts SET counted = counted + 1 WHERE {first('stock_counts', 'warehouse, sku')}", "journal explains the stock"),
    "reservations": (f"UPDATE reservations SET shipped = '{{}}' WHERE {first('reservations', 'reservation_id, warehouse', '''state = 'shipped' ''')}", "held = lines that hold"),
    "stock_streams": ("INSERT INTO stock_streams (warehouse, no, epoch, server, opened, position, mark, mark_at) VALUES ('w', 0, 1, 's', 1, 5, 0, 0)", "journal explains the stock"),
    "demand": ("INSERT INTO demand (order_no, sku, qty) VALUES ('nobody', 'SKU-X', 1)", "demand = orders that wait for stock"),
    "sellers": (f"UPDATE sellers SET seller_id = 'x' WHERE {first('sellers', 'shop', '''platform <> 'own' ''')}", "shops, tokens and their limits"),
    "tokens": (f"UPDATE tokens SET shop = 'stranger' WHERE {first('tokens', 'shop')}", "shops, tokens and their limits"),
    "small_values": (f"UPDATE small_values SET value = '{{' WHERE {first('small_values', 'name')}", "shops, tokens and their limits"),
    "marks": (f"UPDATE marks SET proven = proven - 1 WHERE {first('marks', 'shop, kind, scan')}", "windows proven, nothing waiting"),
    "windows": (f"UPDATE windows SET proof = '' WHERE {first('windows', 'window_id')}", "windows proven, nothing waiting"),
    "lateness": ("INSERT INTO lateness (shop, kind, number, modified_at, found_at, late_s) VALUES ('tmall', 'orders', 'x', 1, 2, 3)", "windows proven, nothing waiting"),
    "leases": (f"UPDATE leases SET holder = 'somebody' WHERE {first('leases', 'name')}", "every run is on record"),
    "runs": (f"DELETE FROM runs WHERE {first('runs', 'run_id', '''job = 'order audit' ''')}", "every run is on record"),
    "tasks": ("INSERT INTO tasks (key, kind, ref, due_at, payload, state, attempts, reason, claim_until) VALUES ('k', 'x', 'r', 1, '{}', 'waiting', 0, '', 0)", "every run is on record"),
    "alerts": ("INSERT INTO alerts (key, kind, severity, title, facts, hint, times, first_at, last_at, acked_by) VALUES ('k', 'x', 'warning', 't', '{}', '', 1, 1, 1, '')", "every run is on record"),
    "effects": (f"DELETE FROM effects WHERE {first('effects', 'key', '''kind = 'ship_notice' AND state = 'confirmed' ''')}", "notices told once"),
    "audit_trail": (f"DELETE FROM audit_trail WHERE {first('audit_trail', 'seq', '''act = 'pick_list' ''')}", "who did what"),
}  # fmt: skip


def tables_of(folder: Path, store: str) -> set[str]:
    with closing(sqlite3.connect(folder / "office" / "data" / f"{store}.db")) as c:
        found = c.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        return {name for (name,) in found if name != f"{store}_version"}


def failing(day: tuple[Path, dict[str, Any]], copy: Path, store: str, statement: str) -> list[str]:
    """Names of the checks that fail after one row of a store was changed."""
    folder, told = day
    shutil.copytree(folder / "office" / "data", copy / "data")
    for name in ("own.csv", "rules.toml"):
        shutil.copy(folder / "office" / name, copy / name)
    with closing(sqlite3.connect(copy / "data" / f"{store}.db")) as c:
        assert c.execute(statement).rowcount == 1
        c.commit()
    proof = demo_proof.prove(copy, folder / "sandbox", told["commands"])
    return [c["name"] for c in proof["checks"] if not c["ok"]]


def test_each_table_of_each_store_is_tampered_with(day: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = day
    tables = {name for store in ("orders", "inbox", "stock", "ledger") for name in tables_of(folder, store)}
    assert tables == set(TAMPERED) == set(STORES)
    assert tables_of(folder, "settlement") == set(SETTLED)
    assert tables_of(folder, "reports") == set(REPORTED)


@pytest.mark.parametrize("table", TAMPERED)
def test_changing_one_row_of_a_table_makes_exactly_its_check_fail(
    day: tuple[Path, dict[str, Any]], tmp_path: Path, table: str
) -> None:
    statement, check = TAMPERED[table]
    assert failing(day, tmp_path, STORES[table], statement) == [check]


@pytest.mark.parametrize("what", [*SETTLED, *MONEY])
def test_changing_one_row_of_the_settlement_makes_exactly_its_check_fail(
    day: tuple[Path, dict[str, Any]], tmp_path: Path, what: str
) -> None:
    statement, check = {**SETTLED, **MONEY}[what]
    assert failing(day, tmp_path, "settlement", statement) == [check]


@pytest.mark.parametrize("table", REPORTED)
def test_changing_one_row_of_the_reports_makes_exactly_its_check_fail(
    day: tuple[Path, dict[str, Any]], tmp_path: Path, table: str
) -> None:
    assert failing(day, tmp_path, "reports", REPORTED[table]) == ["the report's figures are the orders'"]


@pytest.mark.parametrize("table", OWNED)
def test_changing_one_row_of_an_own_order_makes_exactly_its_check_fail(
    day: tuple[Path, dict[str, Any]], tmp_path: Path, table: str
) -> None:
    assert failing(day, tmp_path, STORES[table], OWNED[table]) == ["own orders as they were imported"]


def test_a_level_that_is_not_the_one_shown_there_is_found(day: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    changed = "payload = json_set(payload, '$.qty', json_extract(payload, '$.qty') + 1)"
    where = first("effects", "key", "kind = 'level' AND state = 'confirmed'")
    assert failing(day, tmp_path, "ledger", f"UPDATE effects SET {changed} WHERE {where}") == ["notices told once"]
