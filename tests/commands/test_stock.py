"""oms stock"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.commands.conftest import Shell
from tests.commands.day import WAREHOUSES

At = Callable[[str], Shell]
EAST, SOUTH, _ = WAREHOUSES


def level(oms: Shell, warehouse: str, sku: str) -> dict[str, Any]:
    """One row of `oms stock show`."""
    rows = oms("stock", "show", "--sku", sku, "--warehouse", warehouse, "--json").lines
    assert len(rows) == 1
    found: dict[str, Any] = rows[0]
    return found


def a_sku(oms: Shell) -> str:
    """A SKU of which both warehouses have some."""
    rows = oms("stock", "show", "--json").lines
    there = [{r["sku"] for r in rows if r["warehouse"] == name and r["available"] > 3} for name in (EAST, SOUTH)]
    return min(there[0] & there[1])


def test_levels_say_what_is_held_and_what_is_left(at: At) -> None:
    rows = at("sourced")("stock", "show", "--json").lines
    assert any(r["held"] for r in rows)
    assert all(r["available"] == r["on_hand"] - r["held"] >= 0 for r in rows)


def test_counts_are_taken_over_as_differences_at_their_time(at: At) -> None:
    oms = at("empty")
    sku = a_sku(oms)
    (oms.folder / "c.csv").write_text(f"warehouse,sku,qty\n{EAST},{sku},77\n")
    assert oms("stock", "import", "c.csv", "--as-of", "now", "--dry-run").code == 0
    assert level(oms, EAST, sku)["on_hand"] != 77
    assert oms("stock", "import", "c.csv", "--as-of", "now").code == 0
    assert level(oms, EAST, sku)["on_hand"] == 77


def test_an_adjustment_is_signed_and_happens_once_per_key(at: At) -> None:
    oms = at("empty")
    sku = a_sku(oms)
    before = level(oms, EAST, sku)["on_hand"]
    for _ in range(2):
        assert oms("stock", "adjust", EAST, sku, "-2", "--reason", "broken", "--key", "k1").code == 0
    assert level(oms, EAST, sku)["on_hand"] == before - 2


def test_a_transfer_moves_pieces_between_warehouses(at: At) -> None:
    oms = at("empty")
    sku = a_sku(oms)
    before = level(oms, EAST, sku)["on_hand"], level(oms, SOUTH, sku)["on_hand"]
    assert oms("stock", "transfer", EAST, SOUTH, sku, "3", "--reason", "fill the store").code == 0
    assert (level(oms, EAST, sku)["on_hand"], level(oms, SOUTH, sku)["on_hand"]) == (before[0] - 3, before[1] + 3)


def test_more_than_there_is_cannot_be_taken(at: At) -> None:
    oms = at("empty")
    sku = a_sku(oms)
    said = oms("stock", "adjust", EAST, sku, "-100000", "--reason", "broken", "--json")
    assert said.code != 0
    assert level(oms, EAST, sku)["on_hand"] > 0


def test_low_stock_raises_alerts(at: At) -> None:
    oms = at("empty")
    said = oms("stock", "alerts", "--below", "100000", "--json")
    assert said.document["counts"]["low"] > 0
    assert oms("alerts", "list", "--json").lines
