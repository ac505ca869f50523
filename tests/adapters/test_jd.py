"""JD: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from adapters.core.fields import FieldError
from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundAnswer, ShipNotice
from adapters.errors import BadAnswer, Refused, Retryable, Unsupported
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import BIG, FakeJd, local
from tests.adapters.kit import NOON, Rig, items


class TestJd(PlatformContract):
    fake = FakeJd

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "itemInfoList": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["itemInfoList"][0]
        return line


# ================================================================ traps of this protocol


def order(**change: Any) -> OrderDocument:
    world = FakeJd(1)
    with Rig("jd", world) as rig:
        item = rig.adapter.translate("orders", json.dumps({**world.payload(world.rows[0]), **change}).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def test_both_spellings_of_the_response_key_are_read() -> None:
    world = FakeJd(1)
    inner = {
        "code": "0",
        "searchorderinfo_result": {
            "apiResult": {"success": True},
            "orderTotal": 1,
            "orderInfoList": [world.payload(world.rows[0])],
        },
    }
    with Rig("jd", world) as rig:
        for name in ("jingdong_pop_order_enSearch_responce", "jingdong_pop_order_enSearch_response"):
            assert [i.number for i in rig.adapter.parse("orders", json.dumps({name: inner}).encode())] == [str(BIG)]


@pytest.mark.parametrize("told", [False, "false"])
def test_a_business_error_under_a_good_code_is_an_error(told: Any) -> None:
    result = {"apiResult": {"success": told, "englishErrCode": "date.error", "chineseErrCode": "日期错误"}}
    reply = {"jingdong_pop_order_enSearch_responce": {"code": "0", "searchorderinfo_result": result}}
    with Rig("jd", lambda _: reply) as rig, pytest.raises(Refused, match="日期错误") as caught:
        rig.pull()
    assert caught.value.code == "date.error"


@pytest.mark.parametrize(
    ("code", "kind"),
    [("66", Retryable), ("43", Retryable), ("12", Refused), ("68", Refused), ("88", Refused), ("999", BadAnswer)],
)
def test_gateway_codes_say_what_to_do(code: str, kind: type[Exception]) -> None:
    reply = {"error_response": {"code": code, "zh_desc": "x"}}
    with Rig("jd", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind):
        rig.pull()


def test_a_timeout_behind_the_gateway_may_have_shipped() -> None:
    world = FakeJd(1)
    with Rig("jd", world) as rig:
        rig.server.next({"error_response": {"code": "65", "zh_desc": "超时"}})
        assert rig.adapter.ship([TestJd().notice(world.rows[0].number)])[0].outcome == "unknown"
        assert len(rig.server.seen) == 1


def test_pages_go_back_to_front_by_modification_oldest_first() -> None:
    world = FakeJd(120)
    with Rig("jd", world) as rig:
        rig.pull()
        asked = [json.loads(parse_qs(s.body.decode())["360buy_param_json"][0]) for s in rig.server.seen]
    assert [a["page"] for a in asked] == ["1", "3", "2", "1", "1"]
    assert {(a["dateType"], a["sortType"], a["order_state"]) for a in asked} == {("0", "0", "ALL")}
    assert all(a["optional_fields"] for a in asked)


def test_a_window_with_too_many_rows_is_halved() -> None:
    world = FakeJd(240)
    world.bias = 5000

    def honest_when_small(seen: Any) -> Any:
        body = json.loads(seen.form["360buy_param_json"])
        world.bias = (
            5000
            if body["start_date"] == local(NOON - timedelta(hours=2))
            and body["end_date"] == local(NOON - timedelta(hours=1))
            else 0
        )
        return world(seen)

    with Rig("jd", honest_when_small) as rig:
        pull, batches = rig.pull()
    assert pull.report.proof == "counted"
    assert pull.report.distinct == 240 == len({i.number for i in items(batches)})


def test_sentinel_dates_are_no_times() -> None:
    doc = order(paymentConfirmTime="0001-01-01 00:00:00", orderEndTime="1970-01-01 00:00:00")
    assert (doc.paid_at, doc.ended_at, doc.paid_minor) == (None, None, 0)


def test_what_was_paid_falls_back_as_documented_and_says_so() -> None:
    doc = order(actualPay="")
    assert doc.paid_minor == 1000
    assert any(d.field == "paid_minor" and d.why == "derived" for d in doc.doubts)
    assert order(actualPay="9.99").paid_minor == 999
    assert order(shouldPay="", actualPay=None, orderPayment="10.00").payable_minor == 1000


def test_coupons_of_the_shop_are_not_counted_twice() -> None:
    doc = order(
        sellerDiscount="3.00", shouldPay="6.50", actualPay="6.50",
        couponDetailList=[{"couponType": "100-店铺优惠", "couponPrice": "3.00"}, {"couponType": "39-京豆优惠", "couponPrice": "0.50"}],
    )  # fmt: skip
    assert [(a.kind, a.minor, a.borne_by) for a in doc.adjustments] == [
        ("seller_discount", -300, "merchant"), ("beans", -50, "platform"),
    ]  # fmt: skip
    assert not any(d.why == "sum_differs" for d in doc.doubts)


@pytest.mark.parametrize(
    ("word", "status", "hold"),
    [("WAIT_SELLER_STOCK_OUT", "paid", ""), ("LOCKED", "paid", "locked"), ("PAUSE", "paid", "paused"), ("DELIVERY_RETURN", "shipped", ""),
     ("FINISHED_L", "completed", ""), ("TRADE_CANCELED", "cancelled", ""), ("UN_KNOWN", "unknown", "")],
)  # fmt: skip
def test_each_state_has_its_word(word: str, status: str, hold: str) -> None:
    doc = order(orderState=word)
    assert (doc.status, doc.platform_hold) == (status, hold)


def test_a_cipher_text_receiver_counts_as_masked_and_never_merges() -> None:
    doc = order(
        consigneeInfo={"fullname": "AAS/x==", "fullAddress": "AAS/y==", "mobile": "138*******0", "province": "江苏"}
    )
    assert doc.receiver.masked and doc.merge_key == ""


def test_vat_info_as_a_list_or_an_object_disturbs_nothing() -> None:
    assert order(vatInfo=[]).payable_minor == order(vatInfo={"a": 1}).payable_minor == 1000


def test_one_notice_names_all_waybills_of_a_whole_order() -> None:
    parcels = tuple(
        NoticeParcel(carrier=c, waybill=w, lines=()) for c, w in (("SF", "S1"), ("YTO", "Y1"), ("SF", "S2"))
    )
    with Rig("jd", FakeJd()) as rig:
        (call,) = rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no="311000000001", parcels=parcels))
        assert call.params == {"orderId": 311000000001, "logiCoprId": "467|463", "logiNo": "S1,S2|Y1"}
        with pytest.raises(FieldError):
            rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no="1", parcels=parcels, complete=False))
        part = rig.adapter.ship([ShipNotice(key="n", platform_order_no="1", parcels=parcels, complete=False)])
    assert (part[0].outcome, part[0].code) == ("refused", "partial_unsupported")


def test_a_repeat_of_the_same_levels_carries_the_same_key() -> None:
    updates = [LevelUpdate(key=f"k{i}", listing_id=str(i), product_id="71", qty=i) for i in range(31)]
    world = FakeJd()
    with Rig("jd", world) as rig:
        rig.adapter.set_levels(updates)
        rig.adapter.set_levels(updates)
    keys = [e["req"]["stockRfId"] for e in world.effects]
    assert [len(e["req"]["skuStocks"]) for e in world.effects] == [30, 1, 30, 1]
    assert keys[:2] == keys[2:] and keys[0] != keys[1]


def test_refund_applications_and_service_cases_are_three_scans() -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def handler(seen: Any) -> Any:
        body = json.loads(seen.form["360buy_param_json"])
        asked.append((seen.query["method"], body))
        if seen.query["method"] == "jingdong.asc.query.list":
            return {"jingdong_asc_query_list_responce": {"code": "0", "pageResult": {"totalCount": 0, "data": None}}}
        result = {"success": True, "totalCount": 0, "result": None}
        return {"jingdong_pop_afs_soa_refundapply_queryPageList_responce": {"code": "0", "queryResult": result}}

    with Rig("jd", handler) as rig:
        for scan in rig.adapter.scans["refunds"]:
            pull, _ = rig.pull("refunds", scan.name)
            assert pull.report.proof == "counted"
    names = [next(k for k in body if k.endswith(("Start", "Begin"))) for _, body in asked]
    assert names == ["applyTimeStart", "checkTimeStart", "applyTimeBegin", "applyTimeBegin", "applyTimeBegin"]
    assert asked[-1][1]["buId"] == "7700001"
    # Service cases have no filter by modification: the last fortnight is read again.
    assert asked[2][1]["applyTimeBegin"] == local(NOON - timedelta(hours=2, days=15))


def test_a_service_case_is_answered_elsewhere() -> None:
    world = FakeJd()
    answers = [
        RefundAnswer(key="a", platform_refund_no="551", platform_order_no="1", act="refuse", reason="已出库"),
        RefundAnswer(key="b", platform_refund_no="S88", platform_order_no="1", act="agree"),
    ]
    with Rig("jd", world) as rig:
        got = rig.adapter.answer_refunds(answers)
    assert [(r.outcome, r.code) for r in got] == [("done", ""), ("refused", "service_case")]
    assert world.effects[0]["status"] == 2 and world.effects[0]["rejectType"] == 5


def test_the_last_look_at_a_refund_is_not_there() -> None:
    with Rig("jd", FakeJd()) as rig, pytest.raises(Unsupported, match="jd"):
        rig.adapter.current(["1"], kind="refunds")


def test_a_token_is_renewed_only_within_its_last_day() -> None:
    with Rig("jd", FakeJd()) as rig:
        assert rig.tokens.token is not None and rig.tokens.token.expires_at is not None
        end = rig.tokens.token.expires_at
        rig.clock.set(end - timedelta(hours=25))
        rig.adapter.current(["1"])
        assert rig.tokens.made == 0
        rig.clock.set(end - timedelta(hours=22))
        rig.adapter.current(["1"])
        assert rig.tokens.made == 1
        asked = next(s for s in rig.server.seen if "oauth2" in s.path)
    assert asked.query["grant_type"] == "refresh_token" and asked.query["refresh_token"] == "refresh-1"
