"""parcel ship: stock leaves once, orders move, notices are written; a kill anywhere in between changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from adapters.core.shapes import ShipCapability
from jobs import orders, ship
from jobs.env import Env
from stores.records import ParcelState, Progress
from tests.factories import open_env
from tests.fulfilment import FakePlatform, books, document, install, killed_at, labelled, number_of, waybill
from tests.killing import at_gap


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def level(env: Env, sku: str, warehouse: str = "EAST") -> tuple[int, int]:
    found = env.stock.levels(skus=[sku], warehouses=[warehouse])[0]
    return found.on_hand, found.held


def test_a_labelled_parcel_takes_its_pieces_out_of_stock_and_moves_its_order(env: Env, platform: FakePlatform) -> None:
    parcel = labelled(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 1)))[0]
    assert level(env, "SKU-1") == (100, 2)
    result = ship.ship(env)
    assert result.counts == {"shipped": 1}
    full = env.orders.load([number_of("1")])[number_of("1")]
    assert full.order.progress == Progress.SHIPPED
    assert [s.shipped_qty for s in full.ship_lines] == [2, 1]
    assert {x.status for x in full.lines} == {"shipped"}
    assert (level(env, "SKU-1"), level(env, "SKU-2")) == ((98, 0), (99, 0))
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.SHIPPED


def test_there_is_a_record_per_order_line_and_one_group_per_notice(env: Env, platform: FakePlatform) -> None:
    parcel = labelled(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 1)))[0]
    ship.ship(env)
    effects = env.ledger.effects(kind="ship_notice")
    assert [e.key for e in effects] == [f"ship:{number_of('1')}:{n}:{parcel.parcel_no}" for n in (1, 2)]
    assert len({e.group for e in effects}) == 1
    assert {(e.payload["waybill"], e.payload["platform_line_no"], e.payload["qty"]) for e in effects} == {
        (waybill(parcel), "1-1", 2), (waybill(parcel), "1-2", 1)
    }  # fmt: skip


def test_shipping_twice_equals_shipping_once(env: Env, platform: FakePlatform) -> None:
    labelled(env, platform, document("1"))
    ship.ship(env)
    before = books(env)
    assert ship.ship(env).counts == {}
    assert books(env) == before


def test_two_orders_in_one_parcel_get_a_notice_each(env: Env, platform: FakePlatform) -> None:
    same = {"merge_key": "k", "buyer_id": "b"}
    parcels = labelled(env, platform, document("1", **same), document("2", **same))
    assert [len(p.members) for p in parcels] == [2]
    ship.ship(env)
    assert {e.ref for e in env.ledger.effects(kind="ship_notice")} == {number_of("1"), number_of("2")}
    assert len({e.group for e in env.ledger.effects(kind="ship_notice")}) == 2


SPLIT = {"EAST": {"SKU-1": 10}, "SOUTH": {"SKU-2": 10}}


def test_an_order_of_two_parcels_is_partly_shipped_until_the_second_left(env: Env, platform: FakePlatform) -> None:
    first, second = labelled(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 2)), levels=SPLIT)
    ship.ship(env, parcels=[first.parcel_no])
    assert env.orders.heads([number_of("1")])[number_of("1")].progress == Progress.PARTLY_SHIPPED
    ship.ship(env, parcels=[second.parcel_no])
    assert env.orders.heads([number_of("1")])[number_of("1")].progress == Progress.SHIPPED
    assert {e.group for e in env.ledger.effects(kind="ship_notice")} == {
        f"ship:{number_of('1')}:{p.parcel_no}" for p in (first, second)
    }


def test_a_platform_that_takes_no_parts_gets_one_group_for_the_order(env: Env) -> None:
    platform = install(env, FakePlatform(ship=ShipCapability(partial=False)))
    labelled(env, platform, document("1", ("SKU-1", 2), ("SKU-2", 2)), levels=SPLIT)
    ship.ship(env)
    assert {e.group for e in env.ledger.effects(kind="ship_notice")} == {f"ship:{number_of('1')}"}


def test_a_parcel_of_a_cancelled_order_is_refused_and_alarmed(env: Env, platform: FakePlatform) -> None:
    from stores.contracts import Change

    parcel = labelled(env, platform, document("1"))[0]
    head = env.orders.heads([number_of("1")])[number_of("1")]
    change = Change(order_no=head.order_no, expect=head.version, to=Progress.CANCELLED, reason="test")
    assert env.orders.apply([change], run_id="t")[0].ok
    result = ship.ship(env)
    assert [(i.ref, i.did, i.reason) for i in result.items] == [(parcel.parcel_no, "refused", "order_is_cancelled")]
    assert [a.key for a in env.ledger.alerts()] == [f"ship:{parcel.parcel_no}"]
    assert level(env, "SKU-1") == (100, 2)


def test_a_parcel_whose_order_is_changed_meanwhile_waits_and_is_told_with_the_next_run(
    env: Env, platform: FakePlatform
) -> None:
    parcel, other = labelled(env, platform, document("1"), document("2"))

    def touched() -> None:
        orders.hold(env, [number_of("1")], by="li")
        orders.release(env, [number_of("1")], by="li")

    with at_gap(ship.COMMITTED, touched):
        result = ship.ship(env)
    mine = parcel if parcel.members == (number_of("1"),) else other
    assert result.counts == {"shipped": 1, "waiting": 1}
    assert env.orders.parcels([mine.parcel_no])[mine.parcel_no].state == ParcelState.LABELLED
    assert [e.ref for e in env.ledger.effects(kind="ship_notice")] == [number_of("2")]
    ship.ship(env)
    assert {(e.ref, e.state) for e in env.ledger.effects(kind="ship_notice")} == {
        (number_of("1"), "intent"), (number_of("2"), "intent")
    }  # fmt: skip
    assert level(env, "SKU-1") == (96, 0)


def test_a_dry_run_names_the_parcels_and_writes_nothing(env: Env, platform: FakePlatform) -> None:
    parcel = labelled(env, platform, document("1"))[0]
    before = books(env)
    assert [(i.ref, i.did) for i in ship.ship(env, dry_run=True).items] == [(parcel.parcel_no, "shipped")]
    assert books(env) == before


def test_named_parcels_that_cannot_leave_are_told(env: Env, platform: FakePlatform) -> None:
    parcel = labelled(env, platform, document("1"))[0]
    ship.ship(env)
    result = ship.ship(env, parcels=[parcel.parcel_no, "PNOSUCH"])
    assert result.counts == {"same": 1, "refused": 1}


@pytest.mark.parametrize("name", [ship.COMMITTED, ship.MOVED, ship.NOTICED])
def test_a_ship_killed_in_a_gap_is_finished_by_the_next_one(
    env: Env, platform: FakePlatform, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    documents = [document("1", ("SKU-1", 2), ("SKU-2", 2)), document("2")]
    labelled(env, platform, *documents, levels={"EAST": {"SKU-1": 10}, "SOUTH": {"SKU-2": 10}})
    with killed_at(name, monkeypatch):
        ship.ship(env)
    ship.ship(env)
    other = open_env(tmp_path / "unkilled")
    labelled(other, install(other, FakePlatform()), *documents, levels={"EAST": {"SKU-1": 10}, "SOUTH": {"SKU-2": 10}})
    ship.ship(other)
    assert books(env) == books(other)
    other.close()
