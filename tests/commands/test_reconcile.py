"""oms reconcile"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tests.commands.conftest import Shell

At = Callable[[str], Shell]


def test_orders_agree_with_inbox_and_platform(at: At) -> None:
    said = at("pushed")("reconcile", "orders", "--since", "today", "--json")
    assert (said.code, said.document["outcome"]) == (0, "done")


def test_stock_agrees_after_a_day_of_work(at: At) -> None:
    said = at("shipped")("reconcile", "stock", "--json")
    assert (said.code, said.document["items"]) == (0, [])


def test_a_difference_is_found_and_repaired_by_plan(at: At) -> None:
    oms = at("sourced")
    with sqlite3.connect(oms.folder / "data" / "stock.db") as stock:
        stock.execute(
            "UPDATE stock SET held = held + 2 WHERE (warehouse, sku) ="
            " (SELECT warehouse, sku FROM stock WHERE on_hand > held + 2 ORDER BY warehouse, sku LIMIT 1)"
        )
    stock.close()
    said = oms("reconcile", "stock", "--plan", "repair.json", "--json")
    assert said.code == 3
    assert said.document["items"]
    assert (oms.folder / "repair.json").exists()
    assert oms("reconcile", "stock", "--apply", "repair.json", "--by", "anna").code == 0
    assert oms("reconcile", "stock").code == 0


def test_a_plan_that_is_none_is_refused(at: At) -> None:
    oms = at("sourced")
    (oms.folder / "x.json").write_text("{}")
    assert oms("reconcile", "stock", "--apply", "x.json").code in (33, 34)
