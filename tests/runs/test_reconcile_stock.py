"""reconcile stock: every tampering is found with its evidence, and a plan repairs exactly what it was made for."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobs import reconcile_stock
from jobs.env import Env
from jobs.errors import BadRequest, PlanOutdated
from stores.contracts import Change
from stores.records import Ask, Demand, Progress
from tests.factories import make_full_order, open_env, put_orders, put_stock


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    put_stock(made, {"EAST": {"SKU-1": 100}})
    yield made
    made.close()


def sourced(env: Env, number: str = "1") -> str:
    """An order whose two pieces are held in EAST."""
    no = put_orders(env, make_full_order(number=number))[0]
    intent = (("EAST", "SKU-1", 2),)
    steps: list[tuple[Progress, dict[str, Any]]] = [
        (Progress.AUDITED, {"intent": intent, "attempt": 1}),
        (Progress.SOURCED, {"intent": ()}),
    ]
    for to, columns in steps:
        full = env.orders.load([no])[no]
        lines = tuple(msgspec.structs.replace(s, warehouse="EAST") for s in full.ship_lines)
        change = Change(order_no=no, expect=full.order.version, to=to, reason="t", set=columns, ship_lines=lines)
        assert env.orders.apply([change], run_id="t")[0].ok
        ask = Ask(reservation_id=f"{no}:1", order_no=no, attempt=1, warehouse="EAST", items=(("SKU-1", 2),))
        assert env.stock.reserve([ask], run_id="t")[0].granted
    return no


def tamper(env: Env, sql: str) -> None:
    with sqlite3.connect(env.data / "stock.db") as c:
        c.execute(sql)
    c.close()


def reasons(env: Env) -> list[tuple[str, str]]:
    return [(i.reason, i.ref) for i in reconcile_stock.reconcile(env).items]


def repaired(env: Env, tmp_path: Path) -> dict[str, int]:
    plan = tmp_path / "plan.json"
    reconcile_stock.reconcile(env, plan_out=plan)
    return reconcile_stock.reconcile(env, apply=plan, by="lin").counts


def test_a_house_in_order_has_no_difference(env: Env) -> None:
    sourced(env)
    put_orders(env, make_full_order(number="2"))
    result = reconcile_stock.reconcile(env)
    assert (result.items, result.exit_code) == ([], 0)


@pytest.mark.parametrize(
    "change", ["on_hand = on_hand - 7", "on_hand = on_hand + 7", "held = held + 3", "held = held - 1"]
)
def test_a_counter_changed_behind_our_back_is_found_and_repaired(env: Env, tmp_path: Path, change: str) -> None:
    sourced(env)
    before = env.stock.levels()
    tamper(env, f"UPDATE stock SET {change}")
    assert reasons(env) == [("counter_not_journal", "EAST/SKU-1")]
    assert repaired(env, tmp_path) == {"repaired": 1}
    assert env.stock.levels() == before
    assert reasons(env) == []


def test_the_same_damage_done_twice_is_repaired_twice(env: Env, tmp_path: Path) -> None:
    for _ in range(2):
        tamper(env, "UPDATE stock SET on_hand = on_hand - 7")
        assert repaired(env, tmp_path) == {"repaired": 1}
        assert [x.on_hand for x in env.stock.levels()] == [100]


def test_a_lost_reservation_frees_the_counter_and_the_order_is_sourced_again(env: Env, tmp_path: Path) -> None:
    no = sourced(env)
    tamper(env, "DELETE FROM reservations")
    assert reasons(env) == [("held_not_reserved", "EAST/SKU-1"), ("order_without_stock", no)]
    assert repaired(env, tmp_path) == {"repaired": 2}
    assert [(x.on_hand, x.held) for x in env.stock.levels()] == [(100, 0)]
    assert env.orders.heads([no])[no].progress == Progress.AUDITED
    assert env.stock.demand() == {"SKU-1": 2}
    assert reasons(env) == []


def test_a_reservation_of_a_cancelled_order_is_given_back(env: Env, tmp_path: Path) -> None:
    no = sourced(env)
    version = env.orders.heads([no])[no].version
    env.orders.apply([Change(order_no=no, expect=version, to=Progress.CANCELLED, reason="t")], run_id="t")
    assert reasons(env) == [("reservation_of_no_order", f"{no}@EAST")]
    assert repaired(env, tmp_path) == {"repaired": 1}
    assert [x.held for x in env.stock.levels()] == [0]
    assert reasons(env) == []


def test_demand_of_an_order_that_is_not_there_is_taken_off(env: Env, tmp_path: Path) -> None:
    put_orders(env, make_full_order(number="2"))
    env.stock.want([Demand(order_no="GHOST", sku="SKU-1", qty=40)])
    assert reasons(env) == [("demand_of_no_order", "GHOST")]
    assert repaired(env, tmp_path) == {"repaired": 1}
    assert env.stock.demand() == {"SKU-1": 2}


def test_what_changed_since_the_plan_is_left_alone_and_told(env: Env, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    tamper(env, "UPDATE stock SET on_hand = on_hand - 7")
    reconcile_stock.reconcile(env, plan_out=plan)
    tamper(env, "UPDATE stock SET on_hand = on_hand - 1")
    result = reconcile_stock.reconcile(env, apply=plan, by="lin")
    assert [(i.did, i.reason) for i in result.items] == [("skipped", "changed_since")]
    assert [x.on_hand for x in env.stock.levels()] == [92]


def test_a_plan_applied_twice_acts_once_and_is_accounted_for(env: Env, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    tamper(env, "UPDATE stock SET on_hand = on_hand - 7")
    reconcile_stock.reconcile(env, plan_out=plan)
    reconcile_stock.reconcile(env, apply=plan, by="lin")
    again = reconcile_stock.reconcile(env, apply=plan, by="lin")
    assert [(i.did, i.reason) for i in again.items] == [("skipped", "gone")]
    assert [(a.who, a.facts["repaired"]) for a in env.ledger.audit_trail()] == [("lin", 0), ("lin", 1)]


def test_a_plan_edited_by_hand_is_refused(env: Env, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    tamper(env, "UPDATE stock SET on_hand = on_hand - 7")
    reconcile_stock.reconcile(env, plan_out=plan)
    held = json.loads(plan.read_text())
    held["items"][0]["do"]["on_hand"] = 7000
    plan.write_text(json.dumps(held))
    with pytest.raises(PlanOutdated):
        reconcile_stock.reconcile(env, apply=plan, by="lin")
    with pytest.raises(BadRequest):
        reconcile_stock.reconcile(env, apply=plan, plan_out=plan, by="lin")


def test_missing_demand_is_claimed_again_and_wrong_demand_put_right(env: Env, tmp_path: Path) -> None:
    lost, wrong = put_orders(env, make_full_order(number="1"), make_full_order(number="2"))
    env.stock.unwant([lost])
    env.stock.want([Demand(order_no=wrong, sku="SKU-1", qty=5)])
    assert reasons(env) == [("demand_differs", lost), ("demand_differs", wrong)]
    assert repaired(env, tmp_path) == {"repaired": 2}
    assert env.stock.demand() == {"SKU-1": 4}
    assert reasons(env) == []


def test_stock_held_beyond_what_the_lines_need_is_named_with_its_evidence(env: Env, tmp_path: Path) -> None:
    no = sourced(env)
    full = env.orders.load([no])[no]
    fewer = tuple(msgspec.structs.replace(s, qty=1) for s in full.ship_lines)
    change = Change(order_no=no, expect=full.order.version, reason="t", ship_lines=fewer)
    assert env.orders.apply([change], run_id="t")[0].ok
    [item] = reconcile_stock.reconcile(env).items
    assert (item.reason, item.ref, item.facts["beyond"]) == ("held_beyond_lines", no, {"EAST/SKU-1": 1})
    assert repaired(env, tmp_path) == {"repaired": 1}
    assert env.orders.heads([no])[no].progress == Progress.AUDITED
    assert (env.stock.levels()[0].held, env.stock.demand()) == (0, {"SKU-1": 1})


def test_an_order_at_the_warehouse_is_left_to_a_person(env: Env, tmp_path: Path) -> None:
    no = sourced(env)
    head = env.orders.heads([no])[no]
    env.orders.apply([Change(order_no=no, expect=head.version, to=Progress.MERGED, reason="t")], run_id="t")
    env.stock.release([(f"{no}:1", "EAST")], run_id="t")
    [item] = reconcile_stock.reconcile(env).items
    assert (item.reason, item.facts["repair"]) == ("order_without_stock", "")
    assert repaired(env, tmp_path) == {}
