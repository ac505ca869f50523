"""stock: counts, adjustments and transfers happen once; alarms name what is low, once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import stock
from jobs.env import Env
from jobs.errors import BadFile, BadRequest
from stores.records import Ask, StockMove
from tests.factories import T0, make_full_order, open_env, put_orders, put_stock
from tests.fulfilment import books, killed_at


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    put_stock(made, {"EAST": {"SKU-1": 100}})
    yield made
    made.close()


def on_hand(env: Env) -> dict[str, int]:
    return {f"{x['warehouse']}/{x['sku']}": x["on_hand"] for x in stock.levels(env)}


def counts(env: Env, *rows: str, as_of: Any = None, header: str = "warehouse,sku,qty", **more: Any) -> Any:
    (env.root / "counts.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return stock.import_counts(env, env.root / "counts.csv", as_of=as_of or env.clock.now(), by="lin", **more)


# ------------------------------------------------------------------ levels, counts


def test_levels_show_what_is_available_and_what_is_wanted(env: Env) -> None:
    put_orders(env, make_full_order())
    assert [(x["available"], x["demand"]) for x in stock.levels(env, skus=["SKU-1"])] == [(100, 2)]
    assert stock.levels(env, warehouses=["SOUTH"]) == []


def test_more_skus_than_one_question_holds_are_all_shown(env: Env) -> None:
    put_stock(env, {"SOUTH": {f"S{n:04d}": 1 for n in range(400)}})
    names = [f"S{n:04d}" for n in range(1500)] + ["SKU-1"]
    assert len(stock.levels(env, skus=names, limit=9999)) == 401


def test_counts_are_taken_row_by_row_and_once(env: Env) -> None:
    env.clock.advance(60)
    as_of = T0 + timedelta(seconds=30)
    rows = ("EAST,SKU-1,90", "NOWHERE,SKU-1,1", "SOUTH,SKU-2,x", "SOUTH,,3")
    result = counts(env, *rows, as_of=as_of)
    assert result.counts == {"refused": 3, "counted": 1} and result.exit_code == 3
    assert sorted(i.reason for i in result.items) == ["bad_qty", "no_sku", "unknown_warehouse"]
    assert counts(env, *rows, as_of=as_of).counts == {"refused": 3, "same": 1}
    assert on_hand(env) == {"EAST/SKU-1": 90}


def test_the_rows_with_errors_can_be_corrected_and_imported(env: Env) -> None:
    env.clock.advance(60)
    result = counts(env, "SOUTH,SKU-2,x", header="仓库,商家编码,数量")
    errors = Path(result.facts["errors"])
    assert errors.read_text(encoding="utf-8-sig").splitlines() == ["warehouse,sku,qty,reason", "SOUTH,SKU-2,x,bad_qty"]
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace(",x,", ",7,"), encoding="utf-8")
    assert stock.import_counts(env, errors, as_of=env.clock.now(), by="lin").counts == {"counted": 1}
    assert on_hand(env)["SOUTH/SKU-2"] == 7


def test_a_corrected_number_at_the_same_time_is_taken(env: Env) -> None:
    env.clock.advance(60)
    counts(env, "EAST,SKU-1,90")
    assert counts(env, "EAST,SKU-1,91").counts == {"counted": 1}
    assert on_hand(env) == {"EAST/SKU-1": 91}


def test_movements_after_the_count_stay(env: Env) -> None:
    env.clock.advance(120)
    stock.adjust(env, "EAST", "SKU-1", -5, reason="broken", by="lin")
    counts(env, "EAST,SKU-1,90", as_of=T0 + timedelta(seconds=60))
    assert on_hand(env) == {"EAST/SKU-1": 85}


def test_an_older_count_is_refused(env: Env) -> None:
    env.clock.advance(120)
    counts(env, "EAST,SKU-1,90")
    assert [i.reason for i in counts(env, "EAST,SKU-1,80", as_of=T0 + timedelta(seconds=60)).items] == ["older_count"]


def test_one_place_with_two_numbers_in_a_file_is_refused(env: Env) -> None:
    env.clock.advance(60)
    result = counts(env, "EAST,SKU-1,90", "EAST,SKU-1,91", "EAST,SKU-1,90")
    assert result.counts == {"counted": 1, "refused": 1} and result.items[0].reason == "twice_in_file"


def test_a_count_below_what_orders_hold_is_written_and_alarms(env: Env) -> None:
    ask = Ask(reservation_id="o:1", order_no="o", attempt=1, warehouse="EAST", items=(("SKU-1", 50),))
    assert env.stock.reserve([ask], run_id="t")[0].granted
    env.clock.advance(60)
    result = counts(env, "EAST,SKU-1,40")
    assert [(i.did, i.reason) for i in result.items] == [("differs", "below_held")]
    assert [a.severity for a in env.ledger.alerts()] == ["critical"]
    assert stock.levels(env)[0]["available"] == 0


def test_a_count_of_the_future_or_without_columns_is_refused(env: Env, tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        stock.import_counts(env, tmp_path / "x.csv", as_of=T0 + timedelta(days=1), by="lin")
    with pytest.raises(BadFile, match="no column qty"):
        counts(env, "EAST,SKU-1,1", header="warehouse,sku,pieces")


def test_a_dry_count_shows_both_numbers_and_writes_nothing(env: Env) -> None:
    env.clock.advance(60)
    before = books(env)
    result = counts(env, "EAST,SKU-1,90", "SOUTH,SKU-2,x", dry_run=True)
    assert [(i.ref, i.facts.get("on_hand")) for i in result.items] == [("EAST/SKU-1", 100), ("counts.csv:3", None)]
    assert books(env) == before and not (env.root / "counts.errors.csv").exists()


# ------------------------------------------------------------------ adjust, transfer


def test_an_adjustment_with_a_key_happens_once_and_never_below_zero(env: Env) -> None:
    for _ in range(2):
        stock.adjust(env, "EAST", "SKU-1", -30, reason="broken", by="lin", key="k1")
    assert on_hand(env) == {"EAST/SKU-1": 70}
    assert stock.adjust(env, "EAST", "SKU-1", -71, reason="broken", by="lin").exit_code == 3
    assert on_hand(env) == {"EAST/SKU-1": 70}
    with pytest.raises(BadRequest):
        stock.adjust(env, "EAST", "SKU-1", 0, reason="x", by="lin")


def move(env: Env, qty: int = 40, key: str = "t1", target: str = "SOUTH") -> Any:
    return stock.transfer(env, "EAST", target, "SKU-1", qty, reason="move", by="lin", key=key)


def test_a_transfer_moves_pieces_once_per_key(env: Env) -> None:
    assert move(env).counts == {"transferred": 1}
    assert move(env).counts == {"same": 1}
    assert on_hand(env) == {"EAST/SKU-1": 60, "SOUTH/SKU-1": 40}


def test_a_transfer_of_more_than_is_free_moves_nothing(env: Env) -> None:
    result = move(env, 101)
    assert [(i.did, i.reason) for i in result.items] == [("refused", "below_zero")]
    assert on_hand(env) == {"EAST/SKU-1": 100}


@pytest.mark.parametrize(("qty", "target"), [(0, "SOUTH"), (-1, "SOUTH"), (1, "EAST"), (1, "NOWHERE")])
def test_a_transfer_that_makes_no_sense_is_refused(env: Env, qty: int, target: str) -> None:
    with pytest.raises(BadRequest):
        move(env, qty, target=target)


@pytest.mark.parametrize("name", [stock.INTENDED, stock.SENT, stock.ARRIVED])
@pytest.mark.parametrize("how", ["again", "sweep"])
def test_a_transfer_killed_half_way_arrives(env: Env, name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with killed_at(name, monkeypatch):
        move(env)
    env.clock.advance(61)
    if how == "again":
        move(env)
    stock.alerts(env)
    assert on_hand(env) == {"EAST/SKU-1": 60, "SOUTH/SKU-1": 40}
    assert env.ledger.due_tasks("stock_transfer", limit=9, lease_s=1, worker="t") == []


# ------------------------------------------------------------------ alerts


def test_low_stock_raises_one_alert_per_place(env: Env) -> None:
    assert stock.alerts(env, below=100).items == []
    result = stock.alerts(env, below=101)
    assert [i.ref for i in result.items] == ["EAST/SKU-1"] and result.exit_code == 0
    stock.alerts(env, below=101)
    assert [(a.key, a.count) for a in env.ledger.alerts()] == [("stock:EAST:SKU-1", 1)]


def test_an_alert_closes_when_there_is_enough_again_and_opens_anew(env: Env) -> None:
    stock.adjust(env, "EAST", "SKU-1", -60, reason="x", by="lin")
    stock.alerts(env)
    stock.adjust(env, "EAST", "SKU-1", 60, reason="x", by="lin")
    assert stock.alerts(env).counts == {"recovered": 1}
    assert env.ledger.alerts() == []
    stock.adjust(env, "EAST", "SKU-1", -60, reason="x", by="lin")
    stock.alerts(env)
    assert [a.key for a in env.ledger.alerts()] == ["stock:EAST:SKU-1"]


def test_defective_pieces_are_outside_of_what_is_available(env: Env) -> None:
    env.stock.move(
        [StockMove(key="d", kind="defective", warehouse="EAST", sku="SKU-1", defective=3, at=T0)], run_id="t"
    )
    assert [(x["on_hand"], x["available"], x["defective"]) for x in stock.levels(env)] == [(100, 100, 3)]
