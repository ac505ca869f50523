"""push: documents become orders once, changes follow the table, and a bad one never stops its batch."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.documents import OrderDocument, RefundDocument
from jobs import gaps, push
from jobs.env import Env
from jobs.rules.numbers import order_no
from jobs.storing import store
from stores.records import Progress, RefundState
from tests.documents import SELLER, T0, line_document, order_document, pulled, refund_document
from tests.factories import open_env

NUMBER = order_no("taobao", SELLER, "3890012345678901234")


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(
        tmp_path, shops={"tmall": {"platform": "taobao", "seller_id": SELLER, "app_key": "k", "app_secret": "s"}}
    )
    yield made
    made.close()


def put(env: Env, *documents: OrderDocument | RefundDocument) -> None:
    for kind in ("orders", "refunds"):
        items = [pulled(d) for d in documents if isinstance(d, OrderDocument) == (kind == "orders")]
        if items:
            store(env, "tmall", SimpleNamespace(name="taobao"), kind, items)  # type: ignore[arg-type]


def test_a_paid_document_becomes_a_created_order_that_claims_its_demand(env: Env) -> None:
    put(env, order_document())
    result = push.push(env)
    full = env.orders.load([NUMBER])[NUMBER]
    assert result.counts["added"] == 1
    assert full.order.progress == Progress.CREATED
    assert full.order.unexplained_minor == 0
    assert [(s.sku, s.qty, s.value_minor) for s in full.ship_lines] == [("SKU-1", 2, 9_000)]
    assert env.stock.demand() == {"SKU-1": 2}


def test_pushing_twice_equals_pushing_once(env: Env) -> None:
    put(env, order_document())
    push.push(env)
    before = list(env.orders.dump())
    put(env, order_document())
    assert push.push(env).counts == {}
    env.inbox.replay([f"orders:taobao:{SELLER}:3890012345678901234"])
    push.push(env)
    assert list(env.orders.dump()) == before


def test_a_late_payment_moves_an_unpaid_order_on(env: Env) -> None:
    put(env, order_document(status="unpaid", paid_at=None, paid_minor=0))
    push.push(env)
    assert env.stock.demand() == {}
    put(env, order_document(modified_at=T0))
    push.push(env)
    assert env.orders.heads([NUMBER])[NUMBER].progress == Progress.CREATED
    assert env.stock.demand() == {"SKU-1": 2}


def test_an_older_document_is_recorded_and_ignored(env: Env) -> None:
    put(env, order_document(modified_at=T0))
    push.push(env)
    put(env, order_document(modified_at=T0 - timedelta(hours=1), status="unpaid"))
    push.push(env)
    assert env.orders.heads([NUMBER])[NUMBER].progress == Progress.CREATED


def test_the_same_time_with_other_content_is_a_change(env: Env) -> None:
    put(env, order_document())
    push.push(env)
    put(env, order_document(seller_remark="加赠小样"))
    push.push(env)
    assert env.orders.load([NUMBER])[NUMBER].seller_remark == "加赠小样"


def test_a_closed_order_gives_its_demand_back(env: Env) -> None:
    put(env, order_document())
    push.push(env)
    put(env, order_document(status="cancelled", status_raw="TRADE_CLOSED", modified_at=T0))
    push.push(env)
    assert env.orders.heads([NUMBER])[NUMBER].progress == Progress.CANCELLED
    assert env.stock.demand() == {}
    assert all(s.status == "closed" for s in env.orders.load([NUMBER])[NUMBER].ship_lines)


def test_a_bad_document_is_parked_with_its_reason_and_the_others_go_on(env: Env) -> None:
    put(env, order_document(), order_document(platform_order_no="x" * 30), order_document(platform_order_no="77"))
    result = push.push(env)
    assert result.counts["added"] == 2
    assert result.exit_code == 3
    assert [(i.did, i.reason) for i in result.items] == [("parked", "number_unencodable")]
    assert [e.reason for e in env.inbox.parked()] == ["number_unencodable"]


def test_a_refund_that_comes_before_its_order_waits_for_it(env: Env) -> None:
    put(env, refund_document())
    assert push.push(env).counts["waiting"] == 1
    put(env, order_document())
    push.push(env)
    order = env.orders.heads([NUMBER])[NUMBER]
    assert order.refund_state == RefundState.ASKED
    assert order.held == 1


def test_a_withdrawn_refund_lets_the_order_move_again(env: Env) -> None:
    put(env, order_document(), refund_document())
    push.push(env)
    put(env, refund_document(status="closed", modified_at=T0 + timedelta(minutes=1)))
    push.push(env)
    order = env.orders.heads([NUMBER])[NUMBER]
    assert (order.refund_state, order.held) == (RefundState.NONE, 0)


def test_a_dry_run_names_what_it_would_add_and_writes_nothing(env: Env) -> None:
    put(env, order_document())
    result = push.push(env, dry_run=True)
    assert [(i.did, i.facts["order_no"]) for i in result.items] == [("added", NUMBER)]
    assert env.orders.load([NUMBER]) == {}


def test_a_line_that_appears_later_gets_the_next_line_number(env: Env) -> None:
    put(env, order_document())
    push.push(env)
    more = (line_document(), line_document(platform_line_no="9002", code="SKU-2", qty=1, paid_minor=0, unit_minor=0))
    put(env, order_document(lines=more, modified_at=T0))
    push.push(env)
    assert [(x.line_no, x.platform_line_no) for x in env.orders.load([NUMBER])[NUMBER].lines] == [
        (1, "9001"),
        (2, "9002"),
    ]
    assert env.stock.demand() == {"SKU-1": 2, "SKU-2": 1}


@pytest.mark.parametrize("name", [push.ADDED, push.WANTED])
def test_a_push_killed_in_a_gap_is_finished_by_the_next_one(
    env: Env, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(at: str) -> None:
        if at == name:
            raise Killed

    put(env, order_document())
    monkeypatch.setattr(gaps, "hook", kill)
    with pytest.raises(Killed):
        push.push(env)
    monkeypatch.setattr(gaps, "hook", None)
    env.clock.advance(env.settings.push.lease + 1)
    push.push(env)
    assert env.stock.demand() == {"SKU-1": 2}
    assert [s.reason for s in env.orders.history(NUMBER)] == ["pushed"]
    assert env.inbox.counts() == {("tmall", "orders", "pushed"): 1}
