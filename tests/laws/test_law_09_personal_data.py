"""Law 9: personal data is one record type: masked, sealed, found by keyed hash; revealing it is written down."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import orders, push
from jobs.env import Env
from jobs.errors import BadRequest
from jobs.rules.numbers import order_no
from jobs.storing import store
from tests.documents import SELLER, order_document, pulled
from tests.factories import open_env

NUMBER = order_no("taobao", SELLER, "3890012345678901234")


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(
        tmp_path, shops={"tmall": {"platform": "taobao", "seller_id": SELLER, "app_key": "k", "app_secret": "s"}}
    )
    store(
        made,
        "tmall",
        SimpleNamespace(name="taobao"),
        "orders",
        [pulled(order_document(buyer_remark="请打 13900000009 找王五"))],
    )  # type: ignore[arg-type]
    push.push(made)
    yield made
    made.close()


def test_no_file_of_the_data_folder_shows_a_receiver(env: Env) -> None:
    held = b"".join(p.read_bytes() for p in env.data.rglob("*") if p.is_file())
    for text in ("张三", "13800000001", "示例路1号", "13900000009"):
        assert text.encode() not in held


def test_an_order_is_found_by_name_and_phone_through_their_hashes(env: Env) -> None:
    assert [o.order_no for o in orders.search(env, name="张三")] == [NUMBER]
    assert [o.order_no for o in orders.search(env, phone="13800000001")] == [NUMBER]
    assert orders.search(env, phone="13800000002") == []


def test_showing_an_order_hides_the_receiver_and_revealing_is_written_down(env: Env) -> None:
    assert "receiver" not in orders.show(env, NUMBER)
    assert env.ledger.audit_trail(ref=NUMBER) == []
    assert orders.show(env, NUMBER, reveal=True, by="li")["receiver"]["name"] == "张三"
    assert [(a.who, a.act) for a in env.ledger.audit_trail(ref=NUMBER)] == [("li", "reveal")]


def test_nobody_reveals_without_a_name(env: Env) -> None:
    with pytest.raises(BadRequest, match="needs a name"):
        orders.show(env, NUMBER, reveal=True)


def test_a_receiver_is_masked_wherever_it_is_printed(env: Env) -> None:
    who = env.orders.receivers([NUMBER])[NUMBER]
    assert "张三" not in repr(who) + str(who) + f"{who}"
