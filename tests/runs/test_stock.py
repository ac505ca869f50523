"""stock: counts, adjustments and transfers happen once; alarms name what is low."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import gaps, stock
from jobs.env import Env
from jobs.errors import BadRequest
from tests.factories import T0, make_full_order, open_env, put_orders, put_stock


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    put_stock(made, {"EAST": {"SKU-1": 100}})
    yield made
    made.close()


def on_hand(env: Env) -> dict[str, int]:
    return {f"{x['warehouse']}/{x['sku']}": x["on_hand"] for x in stock.levels(env)}


def test_levels_show_what_is_available_and_what_is_wanted(env: Env) -> None:
    put_orders(env, make_full_order())
    assert [(x["available"], x["demand"]) for x in stock.levels(env, skus=["SKU-1"])] == [(100, 2)]


def test_counts_are_taken_row_by_row_and_once(env: Env, tmp_path: Path) -> None:
    env.clock.advance(60)
    sheet = tmp_path / "counts.csv"
    sheet.write_text("warehouse,sku,qty\nEAST,SKU-1,90\nNOWHERE,SKU-1,1\nSOUTH,SKU-2,x\n", encoding="utf-8")
    as_of = T0 + timedelta(seconds=30)
    result = stock.import_counts(env, sheet, as_of=as_of, by="lin")
    assert result.counts == {"refused": 2, "counted": 1}
    assert [i.reason for i in result.items] == ["unknown_warehouse", "bad_qty"]
    assert stock.import_counts(env, sheet, as_of=as_of, by="lin").counts == {"refused": 2, "same": 1}
    assert on_hand(env) == {"EAST/SKU-1": 90}


def test_a_count_of_the_future_is_refused(env: Env, tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        stock.import_counts(env, tmp_path / "x.csv", as_of=T0 + timedelta(days=1), by="lin")


def test_an_adjustment_with_a_key_happens_once_and_never_below_zero(env: Env) -> None:
    for _ in range(2):
        stock.adjust(env, "EAST", "SKU-1", -30, reason="broken", by="lin", key="k1")
    assert on_hand(env) == {"EAST/SKU-1": 70}
    assert stock.adjust(env, "EAST", "SKU-1", -71, reason="broken", by="lin").exit_code == 3
    assert on_hand(env) == {"EAST/SKU-1": 70}


def test_a_transfer_killed_half_way_is_finished_by_the_same_key(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(name: str) -> None:
        raise KeyboardInterrupt(name)

    monkeypatch.setattr(gaps, "hook", kill)
    with pytest.raises(KeyboardInterrupt):
        stock.transfer(env, "EAST", "SOUTH", "SKU-1", 40, reason="move", by="lin", key="t1")
    monkeypatch.setattr(gaps, "hook", None)
    for _ in range(2):
        stock.transfer(env, "EAST", "SOUTH", "SKU-1", 40, reason="move", by="lin", key="t1")
    assert on_hand(env) == {"EAST/SKU-1": 60, "SOUTH/SKU-1": 40}


def test_low_stock_raises_one_alert_per_place(env: Env) -> None:
    assert stock.alerts(env, below=100).items == []
    assert [i.ref for i in stock.alerts(env, below=101).items] == ["EAST/SKU-1"]
    assert [a.key for a in env.ledger.alerts()] == ["stock:EAST:SKU-1"]
