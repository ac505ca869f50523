"""Ship notices change the order, are written as effects, and a second one gets each platform's own answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.callers import CALLERS, Caller, Douyin, Jd, Taobao, Wechat, gate_of, place

WAYBILL = "SF0000000000001"


def notice(caller: Caller, no: str, waybill: str = WAYBILL, carrier: str = "") -> Any:
    """Ship a whole order the platform's simplest way."""
    if isinstance(caller, Taobao):
        words = {"tid": no, "out_sid": waybill, "company_code": carrier or "SF"}
        return caller.call("taobao.logistics.offline.send", **words)
    if isinstance(caller, Wechat):
        box = {"delivery_id": carrier or "SF", "waybill_id": waybill, "deliver_type": 1}
        return caller.call("/channels/ec/order/delivery/send", order_id=no, delivery_list=[box])
    if isinstance(caller, Jd):
        words = {"orderId": no, "logiCoprId": carrier or "467", "logiNo": waybill}
        reply = caller.call("jingdong.pop.order.shipment", **words)
        return reply.get("sopjosshipment_result", reply)
    assert isinstance(caller, Douyin)
    words = {"order_id": no, "company_code": carrier or "shunfeng", "logistics_code": waybill}
    return caller.call("/order/logisticsAdd", **words)


def verdict(reply: Any) -> tuple[bool, str]:
    """(accepted, the platform's code or words)."""
    if "shipping" in reply:
        return reply["shipping"]["is_success"], ""
    if "errcode" in reply:
        return reply["errcode"] == 0, str(reply["errcode"])
    if "success" in reply:
        return reply["success"], reply["chineseErrCode"]
    return reply.get("code") == 10000, reply.get("sub_code", "")


def caller_of(platform: str, **wish: object) -> Caller:
    return CALLERS[platform](gate_of(platforms=(platform,), **wish))


@pytest.mark.parametrize("platform", CALLERS)
def test_a_notice_ships_the_order_and_is_an_effect(platform: str) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform, lines=[{"sku": "SKU-1001-A", "qty": 2}, {"code": "SET-01"}])
    caller.world.advance(caller.world.now + 60)
    assert verdict(notice(caller, order.no))[0]
    assert (order.state, order.modified) == ("shipped", caller.world.now)
    (effect,) = caller.world.book.of("effect", effect="ship")
    assert effect["order"] == order.no
    assert effect["request_id"] == caller.outcome.request_id  # type: ignore[union-attr]
    wanted: dict[str, int] = {}
    for line in order.lines:
        for sku, n in line.listing.pieces(line.qty).items():
            wanted[sku] = wanted.get(sku, 0) + n
    assert effect["pieces"] == wanted
    assert effect["parcels"][0]["waybill"] == WAYBILL


REPEATS = {
    "taobao": "isv.logistics-offline-service-error:B04",
    "wechat_shop": "606034",
    "jd": "订单已出库,不能重复出库",
    "douyin": "isv.business-failed:2010",
}


@pytest.mark.parametrize("platform", CALLERS)
def test_the_same_notice_again_is_refused_in_the_platforms_words_and_changes_nothing(platform: str) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform)
    notice(caller, order.no)
    version = order.version
    accepted, code = verdict(notice(caller, order.no))
    assert not accepted
    assert code == REPEATS[platform]
    assert order.version == version
    assert len(caller.world.book.of("effect", effect="ship")) == 1
    assert len(caller.world.book.of("repeat", effect="ship")) == 1


def test_taobao_says_b04_to_a_repeat_and_b60_to_a_bad_waybill() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    order, other = place(caller.world, "taobao"), place(caller.world, "taobao")
    assert notice(caller, order.no, "12")["sub_code"] == "isv.logistics-offline-service-error:B60"
    assert notice(caller, order.no, carrier="NOPE")["sub_code"] == "isv.logistics-offline-service-error:B56"
    notice(caller, order.no)
    repeat = notice(caller, order.no)
    assert (repeat["code"], repeat["sub_code"]) == (15, "isv.logistics-offline-service-error:B04")
    # the waybill of somebody else's parcel
    assert notice(caller, other.no)["sub_code"] == "isv.logistics-offline-service-error:B60"
    assert notice(caller, "1")["sub_code"] == "isv.logistics-offline-service-error:B01"


def test_orders_of_one_place_may_share_a_waybill() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    orders = [place(caller.world, "taobao", buyer="b1") for _ in range(3)]
    assert all(verdict(notice(caller, o.no))[0] for o in orders)
    assert caller.world.book.of("suspect") == []


@pytest.mark.parametrize("platform", ["wechat_shop", "jd", "douyin"])
def test_a_waybill_of_another_receiver_is_suspect(platform: str) -> None:
    caller = caller_of(platform)
    for buyer in ("b1", "b2"):
        notice(caller, place(caller.world, platform, buyer=buyer).no)
    (suspect,) = caller.world.book.of("suspect")
    assert suspect["why"] == "waybill_of_another_receiver"


@pytest.mark.parametrize("platform", CALLERS)
@pytest.mark.parametrize("case", ["unpaid", "held", "cancelled", "carrier", "waybill"])
def test_what_may_not_be_shipped_is_refused_and_stays(platform: str, case: str) -> None:
    caller = caller_of(platform)
    words: dict[str, Any] = {"unpaid": {"paid_at": "never"}, "held": {"hold": "group_unfinished"}}.get(case, {})
    order = place(caller.world, platform, **words)
    if case == "cancelled":
        caller.world.happen(order, "refund_asked", {"answer_after": 1}, why="script")
        caller.world.advance(caller.world.now + 1)
    state = order.state
    carrier = "1" if case == "carrier" else ""
    assert not verdict(notice(caller, order.no, "x" if case == "waybill" else WAYBILL, carrier))[0]
    assert order.state == state
    assert caller.world.book.of("effect", effect="ship") == []
    assert len(caller.world.book.of("refusal", effect="ship")) == 1


@pytest.mark.parametrize(
    ("platform", "ships"), [("taobao", True), ("wechat_shop", True), ("jd", False), ("douyin", False)]
)
def test_a_line_whose_money_is_asked_back_ships_only_where_the_platform_lets_it(platform: str, ships: bool) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform)
    caller.world.happen(order, "refund_asked", {}, why="script")
    assert verdict(notice(caller, order.no))[0] is ships
    refund = caller.world.refunds[platform, order.refunds[0]]
    assert refund.kind == ("refund_only" if ships else "before_shipping")


def three(caller: Caller) -> Any:
    skus = [x.code for x in caller.world.catalogue.listings[caller.platform] if x.has_variants][:3]
    return place(caller.world, caller.platform, lines=[{"sku": s, "qty": 2} for s in skus])


def test_taobao_ships_lines_apart_and_calls_it_partly_shipped() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    order = three(caller)
    words = {"tid": order.no, "company_code": "SF", "is_split": "1"}

    def told() -> Any:
        return caller.call("taobao.trade.fullinfo.get", tid=order.no, fields="status,orders,is_part_consign")["trade"]

    first = {**words, "out_sid": WAYBILL, "sub_tid": f"{order.lines[0].no},{order.lines[2].no}"}
    assert verdict(caller.call("taobao.logistics.offline.send", **first))[0]
    assert told()["status"] == "SELLER_CONSIGNED_PART"
    assert told()["is_part_consign"] is True
    lines = [o["status"] for o in told()["orders"]["order"]]
    assert lines == ["WAIT_BUYER_CONFIRM_GOODS", "WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS"]
    assert caller.call("taobao.logistics.offline.send", **first)["sub_code"].endswith(":B04")
    again = {**first, "out_sid": "SF0000000000002"}
    assert caller.call("taobao.logistics.offline.send", **again)["sub_code"].endswith(":P38")
    rest = {**words, "out_sid": "SF0000000000003", "sub_tid": order.lines[1].no}
    assert verdict(caller.call("taobao.logistics.offline.send", **rest))[0]
    assert told()["status"] == "WAIT_BUYER_CONFIRM_GOODS"


def test_taobao_new_chain_ships_parts_of_a_line() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    order = three(caller)
    goods = [{"sub_tid": order.lines[0].no, "num": 1}]
    packs = [{"out_sid": WAYBILL, "company_code": "SF", "goods": goods}]
    reply = caller.call("alibaba.ascp.logistics.offline.send", tid=order.no, consign_pkgs=json.dumps(packs))
    assert reply["result"]["success"] is True
    assert (order.lines[0].shipped_qty, order.state) == (1, "partly_shipped")


def test_wechat_ships_several_parcels_and_parts() -> None:
    caller = Wechat(gate_of(platforms=("wechat_shop",)))
    order = three(caller)

    def box(waybill: str, *parts: tuple[int, int]) -> dict[str, Any]:
        infos = [
            {"product_id": order.lines[i].listing.product, "sku_id": order.lines[i].listing.listing, "product_cnt": n}
            for i, n in parts
        ]
        return {"delivery_id": "SF", "waybill_id": waybill, "deliver_type": 1, "product_infos": infos}

    send = "/channels/ec/order/delivery/send"
    reply = caller.call(send, order_id=order.no, delivery_list=[box(WAYBILL, (0, 2)), box("SF0000000000002", (1, 1))])
    assert reply["errcode"] == 0
    told = caller.order(order.no)["order"]
    assert told["status"] == 21
    assert len(told["order_detail"]["delivery_info"]["delivery_product_info"]) == 2
    too_many = caller.call(send, order_id=order.no, delivery_list=[box("SF0000000000003", (1, 2))])
    assert too_many["errcode"] == 40097
    caller.call(send, order_id=order.no, delivery_list=[box("SF0000000000003", (1, 1), (2, 2))])
    assert caller.order(order.no)["order"]["status"] == 30


def test_jd_ships_a_whole_order_with_several_waybills() -> None:
    caller = Jd(gate_of(platforms=("jd",)))
    order = three(caller)
    words = {"orderId": int(order.no), "logiCoprId": "467|463", "logiNo": f"{WAYBILL},SF0000000000002|YT0000000000001"}
    assert verdict(caller.call("jingdong.pop.order.shipment", **words)["sopjosshipment_result"])[0]
    ask = {"order_id": order.no, "optional_fields": "orderState,waybill,logisticsId"}
    told = caller.call("jingdong.pop.order.enGet", **ask)["orderDetailInfo"]["orderInfo"]
    assert told["orderState"] == "WAIT_GOODS_RECEIVE_CONFIRM"
    assert (told["logisticsId"], told["waybill"]) == (words["logiCoprId"], words["logiNo"])
    uneven = {"orderId": order.no, "logiCoprId": "467|463", "logiNo": WAYBILL}
    assert caller.call("jingdong.pop.order.shipment", **uneven)["code"] == "61"
    assert not verdict(caller.call("jingdong.pop.order.shipment", **words)["sopjosshipment_result"])[0]
    (effect,) = caller.world.book.of("effect", effect="ship")
    assert sum(effect["pieces"].values()) == sum(sum(x.listing.pieces(x.qty).values()) for x in order.lines)


def test_douyin_packs_are_all_or_nothing_and_known_by_their_request_id() -> None:
    caller = Douyin(gate_of(platforms=("douyin",)))
    order = three(caller)

    def pack(waybill: str, *parts: tuple[int, int]) -> dict[str, Any]:
        infos = [{"shipped_order_id": order.lines[i].no, "shipped_num": n} for i, n in parts]
        return {"logistics_code": waybill, "company_code": "shunfeng", "shipped_order_info": infos}

    add = "/order/logisticsAddMultiPack"
    words: dict[str, Any] = {"order_id": order.no, "request_id": "k1"}
    caller.world.happen(order, "refund_asked", {"line": 2}, why="script")
    bad = [pack(WAYBILL, (0, 2)), pack("SF0000000000002", (2, 1))]
    assert caller.call(add, **words, pack_list=bad)["sub_code"] == "isv.business-failed:2033"
    assert order.state == "paid"
    good = [pack(WAYBILL, (0, 2)), pack("SF0000000000002", (1, 1))]
    assert caller.call(add, **words, pack_list=good)["code"] == 10000
    assert order.state == "partly_shipped"
    assert caller.call(add, **words, pack_list=good)["code"] == 10000
    assert len(caller.world.book.of("effect", effect="ship")) == 1
    assert len(caller.world.book.of("repeat", effect="ship")) == 1


@pytest.mark.parametrize("platform", CALLERS)
def test_a_shipped_order_completes_by_itself_after_a_while(platform: str) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform)
    notice(caller, order.no)
    caller.world.advance(caller.world.now + 3600)
    assert order.state == "shipped"
    caller.world.advance(caller.world.now + 24 * 3600)
    assert order.state == "completed"
    assert order.ended_at > order.shipped_at


def test_carriers_are_listed_with_the_rule_for_their_waybills() -> None:
    gate = gate_of()
    listed = Taobao(gate).call("taobao.logistics.companies.get")["logistics_companies"]["logistics_company"]
    assert {"SF", "YTO", "ZTO"} <= {c["code"] for c in listed}
    assert all(c["reg_mail_no"].startswith("^(") for c in listed)
    wechat = Wechat(gate).call("/channels/ec/order/deliverycompanylist/get")["company_list"]
    assert {"SF", "YD"} <= {c["delivery_id"] for c in wechat}
    jos = Jd(gate).call("360buy.get.vender.all.delivery.company")["logistics_companies"]["logistics_list"]
    assert {467, 463} <= {c["id"] for c in jos}
    assert {"shunfeng", "zhongtong"} <= {c["code"] for c in Douyin(gate).call("/order/logisticsCompanyList")["data"]}
