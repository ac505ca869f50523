"""Douyin: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundDocument, ShipNotice
from adapters.errors import AdapterError, BadAnswer, NotAuthorised, Refused, Retryable, Throttled
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import BIG, FakeDouyin
from tests.adapters.kit import Rig, sample


class TestDouyin(PlatformContract):
    fake = FakeDouyin

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "sku_order_list": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["sku_order_list"][0]
        return line


# ================================================================ traps of this protocol


def order(**change: Any) -> OrderDocument:
    world = FakeDouyin(1)
    with Rig("douyin", world) as rig:
        item = rig.adapter.translate("orders", json.dumps({**world.payload(world.rows[0]), **change}).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def line(**change: Any) -> dict[str, Any]:
    base = {
        "order_id": str(BIG + 2),
        "order_status": 2,
        "product_id": 71,
        "sku_id": 51,
        "item_num": 1,
        "origin_amount": 1000,
        "pay_amount": 1000,
    }
    return {**base, **change}


def test_pages_count_from_zero_and_go_back_to_front() -> None:
    world = FakeDouyin(250)
    with Rig("douyin", world) as rig:
        rig.pull()
        asked = [(s.json["page"], s.json["size"], s.json["order_by"], s.json["order_asc"]) for s in rig.server.seen]
    assert asked == [(n, size, "update_time", True) for n, size in ((0, 100), (2, 100), (1, 100), (0, 100), (0, 1))]


def test_a_single_page_needs_one_call() -> None:
    with Rig("douyin", FakeDouyin(99)) as rig:
        pull, _ = rig.pull()
        assert pull.report.proof == "counted"
        assert len(rig.server.seen) == 1


def error(code: int, sub: str) -> dict[str, Any]:
    return {"code": code, "msg": "m", "sub_code": sub, "sub_msg": "s", "log_id": "log1"}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(40003, "isv.signature-invalid"), Refused),
        (error(40003, "isv.access-token-invalid"), Refused),
        (error(40004, "isv.parameter-invalid:20022"), Refused),
        (error(30001, "dop.authorization-closed"), NotAuthorised),
        (error(30001, "isv.app-permissions-insufficient"), Refused),
        (error(50001, "dop.token-generate-failed:1"), NotAuthorised),
        (error(20001, "isp.service-timeout-error:1103"), Retryable),
        (error(60000, "isp.traffic-limited:2"), Throttled),
        (error(70000, "isp.api-service-off"), Refused),
        (error(31337, "xyz.new"), BadAnswer),
        (error(80000, ""), Refused),
    ],
)
def test_the_sub_code_decides_first(reply: dict[str, Any], kind: type[AdapterError]) -> None:
    with Rig("douyin", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull()
    assert caught.value.request_id == "log1"


def test_the_same_code_with_an_expired_token_is_healed() -> None:
    world = FakeDouyin(1)
    with Rig("douyin", world) as rig:
        rig.server.next(error(40003, "isv.access-token-no-existed"))
        assert rig.pull()[0].report.proof
        assert rig.tokens.made == 1


@pytest.mark.parametrize(
    ("order_status", "main_status", "status", "hold"),
    [(1, 1, "unpaid", ""), (105, 105, "paid", "risk_control"), (2, 2, "paid", ""), (101, 101, "partly_shipped", ""), (3, 3, "shipped", ""),
     (5, 5, "completed", ""), (4, 4, "cancelled", ""), (1, 103, "unpaid", ""), (4, 21, "cancelled", ""), (2, 22, "cancelled", ""), (9, 9, "unknown", "")],
)  # fmt: skip
def test_each_state_has_its_word(order_status: int, main_status: int, status: str, hold: str) -> None:
    doc = order(order_status=order_status, main_status=main_status)
    assert (doc.status, doc.platform_hold) == (status, hold)


@pytest.mark.parametrize(
    ("info", "refund"),
    [
        ({"refund_status": 3, "after_sale_status": 12}, "full"),
        ({"refund_status": 5, "after_sale_status": 0}, "full"),
        ({"refund_status": 4, "after_sale_status": 28}, "asked"),
        ({"refund_status": 1, "after_sale_status": 51}, "asked"),
        ({"refund_status": 0, "after_sale_status": 6}, "asked"),
        ({"after_sale_status": 13}, "asked"),
        ({"refund_status": 0, "after_sale_status": 27}, "none"),
        ({"refund_status": 0, "after_sale_status": 12}, "none"),
        (None, "none"),
    ],
)
def test_the_money_of_a_case_decides_before_its_state(info: Any, refund: str) -> None:
    assert order(sku_order_list=[line(after_sale_info=info)]).lines[0].refund == refund


def test_a_lines_share_of_the_freight_is_taken_out() -> None:
    doc = order(sku_order_list=[line(pay_amount=1800, post_amount=800)], pay_amount=1800, post_amount=800)
    assert doc.lines[0].paid_minor == 1000
    assert not any(d.why == "sum_differs" for d in doc.doubts)


def test_town_is_the_district_and_street_the_town() -> None:
    places = {
        "province": {"name": "浙江省"},
        "city": {"name": "杭州市"},
        "town": {"name": "西湖区"},
        "street": {"name": "北山街道"},
    }
    where = order(post_addr=places).receiver
    assert (where.district, where.town) == ("西湖区", "北山街道")


def test_the_address_id_is_the_merge_key_and_needs_no_asking() -> None:
    doc = order(open_address_id="#same")
    assert (doc.merge_key, doc.merge_confirm) == ("#same", False)
    assert order(open_address_id="").merge_key == ""


def test_zero_times_are_not_set() -> None:
    doc = order(pay_time=0, finish_time=0, exp_ship_time=0)
    assert (doc.paid_at, doc.ended_at, doc.ship_by, doc.paid_minor) == (None, None, None, 0)


def test_amounts_not_named_in_the_sum_are_marked() -> None:
    doc = order(pay_amount=1050)
    assert any(d.why == "sum_differs" and d.raw == "50" for d in doc.doubts)


def test_what_platform_and_host_give_is_paid_on_top() -> None:
    doc = order(pay_amount=700, promotion_shop_amount=100, promotion_platform_amount=150, promotion_talent_amount=50)
    assert doc.subsidy_minor == 200
    assert [(a.minor, a.borne_by) for a in doc.adjustments] == [
        (-100, "merchant"),
        (-150, "platform"),
        (-50, "platform"),
    ]


def test_refund_cases_without_money_are_not_done() -> None:
    page = json.loads(sample("douyin", "refunds_list"))
    case = page["data"]["items"][1]
    case["aftersale_info"]["refund_status"] = 0
    with Rig("douyin", FakeDouyin()) as rig:
        doc = rig.adapter.translate("refunds", json.dumps(case).encode()).document
    assert isinstance(doc, RefundDocument) and doc.status == "closed"


def test_a_notice_names_its_lines_and_a_repeat_carries_the_same_request_id() -> None:
    parcels = (
        NoticeParcel(carrier="SF", waybill="S1", lines=(("11", "51", "71", 1),)),
        NoticeParcel(carrier="ZTO", waybill="Z1", lines=(("12", "52", "71", 2),)),
    )
    notice = ShipNotice(key="n", platform_order_no=str(BIG), parcels=parcels)
    with Rig("douyin", FakeDouyin()) as rig:
        (call,) = rig.adapter.ship_calls(notice)
        (again,) = rig.adapter.ship_calls(notice)
    assert call.api == "/order/logisticsAddMultiPack"
    assert call.params["request_id"] == again.params["request_id"]
    assert call.params["pack_list"][1] == {
        "company_code": "zhongtong", "logistics_code": "Z1", "shipped_order_info": [{"shipped_order_id": "12", "shipped_num": 2}],
    }  # fmt: skip


def test_a_notice_without_lines_ships_the_whole_order() -> None:
    parcel = NoticeParcel(carrier="SF", waybill="S1", lines=())
    with Rig("douyin", FakeDouyin()) as rig:
        (call,) = rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no="1", parcels=(parcel,)))
    assert (call.api, call.params) == (
        "/order/logisticsAdd",
        {"order_id": "1", "company_code": "shunfeng", "logistics_code": "S1"},
    )


def test_only_the_missing_parcel_is_told_again() -> None:
    world = FakeDouyin(1)
    row = world.rows[0]
    row.shipped = [("shunfeng", "S1")]
    row.change = {"order_status": 101, "main_status": 101}
    parcels = tuple(
        NoticeParcel(carrier="SF", waybill=w, lines=((str(row.number + 1), "51", "71", 1),)) for w in ("S1", "S2")
    )
    told: list[list[str]] = []

    def handler(seen: Any) -> Any:
        if not seen.path.endswith("MultiPack"):
            return world(seen)
        told.append([p["logistics_code"] for p in seen.json["pack_list"]])
        if len(told) == 1:
            return error(50002, "isv.business-failed:7")
        return {"code": 10000, "data": {}}

    with Rig("douyin", handler) as rig:
        result = rig.adapter.ship([ShipNotice(key="n", platform_order_no=str(row.number), parcels=parcels)])[0]
    assert result.outcome == "done"
    assert told == [["S1", "S2"], ["S2"]]


def test_levels_go_as_full_numbers_one_sku_alone_and_several_together() -> None:
    world = FakeDouyin()
    big = "3400000000000000001"
    updates = [
        LevelUpdate(key="a", listing_id=big, product_id="71", qty=3),
        LevelUpdate(key="b", listing_id="52", product_id="71", qty=4),
        LevelUpdate(key="c", listing_id="61", product_id="72", qty=5),
    ]
    with Rig("douyin", world) as rig:
        assert {r.outcome for r in rig.adapter.set_levels(updates)} == {"done"}
    batch, single = world.effects
    assert [s["sku_id"] for s in batch["sku_sync_list"]] == [int(big), 52]
    assert single == {"product_id": 72, "sku_id": 61, "stock_num": 5, "incremental": False}
    assert batch["incremental"] is False


def test_a_shops_own_app_gets_its_first_token_itself() -> None:
    def handler(seen: Any) -> Any:
        if seen.path == "/token/create":
            assert seen.json == {"grant_type": "authorization_self", "shop_id": "7700001"}
            assert "access_token" not in seen.query
            return {
                "code": 10000,
                "data": {"access_token": "t", "refresh_token": "r", "expires_in": 604800, "shop_id": "7700001"},
            }
        return FakeDouyin()(seen)

    with Rig("douyin", handler, stored=None, options={"self_use": True}) as rig:
        assert rig.pull()[0].report.proof
    with Rig("douyin", handler, stored=None) as rig, pytest.raises(NotAuthorised, match="authorise the app once"):
        rig.pull()
