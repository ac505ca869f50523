"""WeChat shop: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.core.wire import Call
from adapters.documents import LevelUpdate, OrderDocument, RefundAnswer, RefundDocument
from adapters.errors import PagingLoop, QuotaSpent, Refused
from adapters.ports import AccessToken
from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import BIG, FakeWechat
from tests.adapters.kit import NOON, FixedClock, Rig, items, sample


class TestWechatShop(PlatformContract):
    fake = FakeWechat

    def without_lines(self, raw: str, empty: str) -> bytes:
        payload = json.loads(raw)
        payload["order_detail"]["product_infos"] = json.loads(empty)
        return json.dumps(payload).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["order_detail"]["product_infos"][0]
        return line


# ================================================================ traps of this protocol


def order(path: str = "", **change: Any) -> OrderDocument:
    """The one order of a small world; `path` names the block under order_detail that the change goes into."""
    world = FakeWechat(1)
    payload = world.payload(world.rows[0])
    target = payload
    for name in ("order_detail", path) if path else ():
        target = target[name]
        if isinstance(target, list):
            target = target[0]
    target.update(change)
    with Rig("wechat_shop", world) as rig:
        item = rig.adapter.translate("orders", json.dumps(payload).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def test_ids_come_first_and_each_is_looked_up_once() -> None:
    world = FakeWechat(120)
    with Rig("wechat_shop", world) as rig:
        pull, batches = rig.pull()
        lists = [s.json["next_key"] for s in rig.server.seen if s.path.endswith("list/get")]
    assert lists == ["", "1", "", "1"], "the second pass proves that the cursor brings nothing new"
    assert sorted(world.details) == sorted(str(r.number) for r in world.rows)
    assert [len(b.items) for b in batches] == [100, 20]
    assert pull.report.proof == "exhausted"


def test_details_are_asked_for_side_by_side_and_stay_in_order() -> None:
    world = FakeWechat(40)
    with Rig("wechat_shop", world, options={"detail_threads": 4}) as rig:
        _, batches = rig.pull()
    assert [i.number for i in items(batches)] == [str(r.number) for r in world.rows]


def test_an_order_that_appears_between_the_passes_is_read_too() -> None:
    world = FakeWechat(30)
    late = world.rows.pop(3)
    world.before_list = [lambda: None, lambda: world.rows.append(late)]
    with Rig("wechat_shop", world) as rig:
        pull, batches = rig.pull()
    assert str(late.number) in {i.number for i in items(batches)}
    assert pull.report.proof == "exhausted"


def test_a_list_that_never_rests_proves_nothing() -> None:
    world = FakeWechat(10)

    def add() -> None:
        world.rows.append(type(world.rows[0])(BIG + 1000 + 2 * len(world.rows), world.rows[0].modified))

    world.before_list = [add] * 10
    with Rig("wechat_shop", world) as rig:
        pull, _ = rig.pull()
    assert pull.report.proof == "" and "something new" in pull.report.reason


def test_a_cursor_that_stands_still_is_noticed() -> None:
    world = FakeWechat(250)
    world.cursor_stuck = True
    with Rig("wechat_shop", world) as rig, pytest.raises(PagingLoop):
        rig.pull()


def test_reading_on_from_a_cursor_does_not_prove_the_window() -> None:
    world = FakeWechat(120)
    with Rig("wechat_shop", world) as rig:
        pull, batches = rig.pull(cursor="1")
    assert len(items(batches)) == 20
    assert pull.report.proof == "" and "cursor" in pull.report.reason


def test_a_detail_that_fails_keeps_the_others_and_leaves_the_window_open() -> None:
    world = FakeWechat(5)
    lost = world.rows[2]

    def handler(seen: Any) -> Any:
        if seen.path.endswith("order/get") and seen.json["order_id"] == str(lost.number):
            return {"errcode": 100002, "errmsg": "order not exist rid: r-9"}
        return world(seen)

    with Rig("wechat_shop", handler) as rig:
        pull, batches = rig.pull()
    got = {i.number: i for i in items(batches)}
    failed = got[str(lost.number)]
    assert failed.error == "detail_failed" and "100002" in failed.detail and "r-9" in failed.detail
    assert failed.modified_at is not None and failed.modified_at.year == 1970, "it must never look newer than the order"
    assert sum(i.document is not None for i in got.values()) == 4
    assert pull.report.proof == "" and "1 details" in pull.report.reason


def test_a_detail_that_works_the_second_time_closes_the_window() -> None:
    world = FakeWechat(5)
    failing = iter([True])

    def handler(seen: Any) -> Any:
        if seen.path.endswith("order/get") and next(failing, False):
            return {"errcode": 100002, "errmsg": "not yet"}
        return world(seen)

    with Rig("wechat_shop", handler, options={"detail_threads": 1}) as rig:
        pull, batches = rig.pull()
    assert pull.report.proof == "exhausted"
    assert {i.number for i in items(batches) if i.document} == {str(r.number) for r in world.rows}


@pytest.mark.parametrize(
    ("code", "status", "hold"),
    [(10, "unpaid", ""), (12, "paid", "gift_unclaimed"), (13, "paid", "group_unfinished"), (15, "paid", "group_unfinished"),
     (16, "paid", "not_accepted"), (17, "paid", ""), (20, "paid", ""), (21, "partly_shipped", ""), (30, "shipped", ""),
     (100, "completed", ""), (190, "cancelled", ""), (200, "cancelled", ""), (250, "cancelled", ""), (77, "unknown", "")],
)  # fmt: skip
def test_each_state_has_its_word(code: int, status: str, hold: str) -> None:
    doc = order(status=code)
    assert (doc.status, doc.platform_hold) == (status, hold)
    assert any(d.why == "unknown_status" for d in doc.doubts) == (status == "unknown")


def test_a_prepay_id_alone_is_no_payment() -> None:
    doc = order("pay_info", pay_time=0)
    assert (doc.paid_at, doc.paid_minor, doc.payable_minor) == (None, 0, 1000)


def test_money_is_whole_fen_and_a_float_is_marked() -> None:
    doc = order("price_info", order_price=1000.0)
    assert doc.payable_minor == 1000
    assert any(d.why == "float_money" for d in doc.doubts)


def test_amounts_with_a_comma_for_yuan_are_refused() -> None:
    world = FakeWechat(1)
    payload = world.payload(world.rows[0])
    payload["order_detail"]["price_info"]["order_price"] = "10.00"
    with Rig("wechat_shop", world) as rig:
        item = rig.adapter.translate("orders", json.dumps(payload).encode())
    assert item.error == "bad_money" and item.number == str(BIG)


def test_one_sku_in_two_lines_gets_two_numbers() -> None:
    world = FakeWechat(1)
    payload = world.payload(world.rows[0])
    payload["order_detail"]["product_infos"] *= 2
    with Rig("wechat_shop", world) as rig:
        doc = rig.adapter.translate("orders", json.dumps(payload).encode()).document
    assert isinstance(doc, OrderDocument)
    assert [n.platform_line_no for n in doc.lines] == ["51", "51#1"]


def test_no_merge_key_without_the_merchants_word() -> None:
    assert order("delivery_info", address_info={"hash_code": "h", "user_name": "林**"}).merge_key == ""
    world = FakeWechat(1)
    payload = world.payload(world.rows[0])
    payload["order_detail"]["delivery_info"]["address_info"]["hash_code"] = "h"
    with Rig("wechat_shop", world, options={"merge_by_hash_code": True}) as rig:
        doc = rig.adapter.translate("orders", json.dumps(payload).encode()).document
    assert isinstance(doc, OrderDocument) and doc.merge_key == "o1|h"


def test_a_refunded_line_is_full_and_one_in_a_case_is_asked() -> None:
    assert order("product_infos", finish_aftersale_sku_cnt=1).lines[0].refund == "full"
    assert order("product_infos", on_aftersale_sku_cnt=1, finish_aftersale_sku_cnt=1).lines[0].refund == "asked"


def test_refund_cases_are_listed_and_looked_up() -> None:
    case = json.loads(sample("wechat_shop", "refunds_detail"))

    def handler(seen: Any) -> Any:
        if seen.path.endswith("getaftersalelist"):
            assert set(seen.json) == {"begin_update_time", "end_update_time", "next_key"}
            return {
                "errcode": 0,
                "errmsg": "ok",
                "after_sale_order_id_list": [2000000700000001],
                "next_key": "",
                "has_more": False,
            }
        assert seen.json == {"after_sale_order_id": "2000000700000001"}
        return case

    start = datetime.fromtimestamp(1763606000, UTC)
    with Rig("wechat_shop", handler, clock=FixedClock(start + timedelta(hours=2))) as rig:
        pull, batches = rig.pull("refunds", start=start, end=start + timedelta(hours=1))
    (item,) = items(batches)
    assert isinstance(item.document, RefundDocument) and item.document.status == "goods_back"
    assert pull.report.proof == "exhausted"


def test_refunds_are_answered_by_the_two_calls_there_are() -> None:
    world = FakeWechat()
    answers = [
        RefundAnswer(key="a", platform_refund_no="1", platform_order_no="2", act="agree"),
        RefundAnswer(key="b", platform_refund_no="3", platform_order_no="4", act="refuse", reason="已发货"),
    ]
    with Rig("wechat_shop", world) as rig:
        assert [r.outcome for r in rig.adapter.answer_refunds(answers)] == ["done", "done"]
    assert [path.rpartition("/")[2] for path, _ in world.effects] == ["acceptapply", "rejectapply"]


def test_levels_can_be_read_back() -> None:
    with Rig("wechat_shop", FakeWechat()) as rig:
        assert rig.adapter.read_levels([LevelUpdate(key="k", listing_id="51", product_id="71", qty=1)]) == {"k": 17}


def test_levels_are_set_not_added() -> None:
    world = FakeWechat()
    with Rig("wechat_shop", world) as rig:
        rig.adapter.set_levels([LevelUpdate(key="k", listing_id="51", product_id="71", qty=9)])
    assert world.effects == [{"product_id": "71", "sku_id": "51", "diff_type": 3, "num": 9}]


def test_the_days_quota_stops_until_beijings_midnight() -> None:
    reply = {"errcode": 45009, "errmsg": "reach max api daily quota limit"}
    with Rig("wechat_shop", lambda _: reply) as rig, pytest.raises(QuotaSpent) as caught:
        rig.pull()
    assert caught.value.until == datetime(2025, 11, 20, 16, tzinfo=UTC)


def test_the_rid_is_kept_for_the_platforms_support() -> None:
    reply = {"errcode": 40097, "errmsg": "invalid rid: 6789-abcd-ef"}
    with Rig("wechat_shop", lambda _: reply) as rig, pytest.raises(Refused) as caught:
        rig.pull()
    assert caught.value.request_id == "6789-abcd-ef"


def test_the_first_token_comes_from_key_and_secret() -> None:
    with Rig("wechat_shop", FakeWechat(), stored=None, app_key="wx1") as rig:
        rig.pull()
        asked = rig.server.seen[0]
    assert asked.path == "/cgi-bin/stable_token"
    assert asked.json == {
        "grant_type": "client_credential",
        "appid": "wx1",
        "secret": "example-secret",
        "force_refresh": False,
    }
    assert rig.tokens.made == 1


def test_only_a_token_that_was_refused_early_is_replaced_by_force() -> None:
    world = FakeWechat()
    with Rig("wechat_shop", world) as rig:
        rig.server.next(world.token_expired)
        rig.pull()
        forced = [s.json["force_refresh"] for s in rig.server.seen if "token" in s.path]
        rig.clock.set(NOON + timedelta(seconds=7200 - 60))
        rig.tokens.token = AccessToken(access="token-3", expires_at=NOON + timedelta(seconds=7200))
        rig.adapter.renew_token()
        forced += [s.json["force_refresh"] for s in rig.server.seen if "token" in s.path][1:]
    assert forced == [True, False]


def test_text_is_sent_as_it_is() -> None:
    with Rig("wechat_shop", lambda _: {"errcode": 0}) as rig:
        rig.adapter.call(Call(api="/x", params={"note": "请发顺丰"}))
        assert "请发顺丰" in rig.server.seen[0].body.decode()
