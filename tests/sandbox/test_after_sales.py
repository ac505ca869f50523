"""Refunds: how they are listed, answered, go on by themselves, and what they do to the order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sandbox.state import Order, Refund
from adapters.sandbox.wire import beijing
from tests.sandbox.callers import REFUND_FIELDS, Caller, Douyin, Jd, Taobao, Wechat, gate_of, place
from tests.sandbox.test_shipping import CALLERS, caller_of, notice


def asked(caller: Caller, *, shipped: bool = False, **args: Any) -> tuple[Order, Refund]:
    """An order with an open refund."""
    order = place(caller.world, caller.platform, freight=600)
    if shipped:
        notice(caller, order.no)
    assert caller.world.happen(order, "refund_asked", args, why="script")
    return order, caller.world.refunds[caller.platform, order.refunds[0]]


def listed(caller: Caller) -> list[dict[str, Any]]:
    """Refunds of the world's whole time as the platform lists them."""
    start, end = caller.world.start, caller.world.now
    if isinstance(caller, Taobao):
        words = {"start_modified": beijing(start), "end_modified": beijing(end), "fields": REFUND_FIELDS}
        found: list[dict[str, Any]] = caller.call("taobao.refunds.receive.get", **words)["refunds"]["refund"]
        return found
    if isinstance(caller, Wechat):
        reply = caller.call("/channels/ec/aftersale/getaftersalelist", begin_update_time=start, end_update_time=end)
        get = "/channels/ec/aftersale/getaftersaleorder"
        return [
            caller.call(get, after_sale_order_id=no)["after_sale_order"] for no in reply["after_sale_order_id_list"]
        ]
    if isinstance(caller, Jd):
        span = {"applyTimeStart": beijing(start), "applyTimeEnd": beijing(end), "pageIndex": 1, "pageSize": 50}
        rows: list[dict[str, Any]] = caller.call("jingdong.pop.afs.soa.refundapply.queryPageList", **span)[
            "queryResult"
        ]["result"]
        words = {"buId": caller.shop.seller_id, "applyTimeBegin": beijing(start), "applyTimeEnd": beijing(end)}
        return rows + caller.call("jingdong.asc.query.list", **words)["pageResult"]["data"]
    assert isinstance(caller, Douyin)
    words = {"update_start_time": start, "update_end_time": end + 1, "order_by": ["update_time asc"], "size": 100}
    items: list[dict[str, Any]] = caller.call("/afterSale/List", **words)["data"]["items"]
    return items


STATUS = {
    "taobao": lambda r: r["status"],
    "wechat_shop": lambda r: r["status"],
    "jd": lambda r: r["status"],
    "douyin": lambda r: (r["aftersale_info"]["aftersale_status"], r["aftersale_info"]["refund_status"]),
}
AMOUNT = {
    "taobao": lambda r: r["refund_fee"],
    "wechat_shop": lambda r: r["refund_info"]["amount"],
    "jd": lambda r: r["applyRefundSum"],
    "douyin": lambda r: r["aftersale_info"]["refund_amount"],
}
BEFORE = {
    "taobao": ("WAIT_SELLER_AGREE", "SUCCESS"),
    "wechat_shop": ("MERCHANT_PROCESSING", "MERCHANT_REFUND_SUCCESS"),
    "jd": (0, 3),
    "douyin": ((6, 1), (12, 3)),
}


@pytest.mark.parametrize("platform", CALLERS)
def test_a_refund_before_shipping_pays_everything_back_by_itself(platform: str) -> None:
    caller = caller_of(platform)
    order, refund = asked(caller, answer_after=600)
    (row,) = listed(caller)
    fen = order.payable
    assert AMOUNT[platform](row) == (f"{fen // 100}.{fen % 100:02d}" if platform == "taobao" else fen)
    assert STATUS[platform](row) == BEFORE[platform][0]
    caller.world.advance(caller.world.now + 600)
    (row,) = listed(caller)
    assert STATUS[platform](row) == BEFORE[platform][1]
    assert (order.state, order.cancel, refund.by) == ("cancelled", "refunded", "platform")


CLOSED = {"taobao": "TRADE_CLOSED", "wechat_shop": 200, "jd": "TRADE_CANCELED", "douyin": (4, 21)}


@pytest.mark.parametrize("platform", CALLERS)
def test_an_order_paid_back_whole_is_closed_in_the_platforms_word(platform: str) -> None:
    caller = caller_of(platform)
    order, _ = asked(caller, answer_after=1)
    caller.world.advance(caller.world.now + 1)
    if isinstance(caller, Taobao):
        told: Any = caller.call("taobao.trade.fullinfo.get", tid=order.no, fields="status")["trade"]["status"]
    elif isinstance(caller, Wechat):
        told = caller.order(order.no)["order"]["status"]
    elif isinstance(caller, Jd):
        ask = {"order_id": order.no, "optional_fields": "orderState"}
        told = caller.call("jingdong.pop.order.enGet", **ask)["orderDetailInfo"]["orderInfo"]["orderState"]
    else:
        assert isinstance(caller, Douyin)
        detail = caller.call("/order/orderDetail", shop_order_id=order.no)["data"]["shop_order_detail"]
        told = (detail["order_status"], detail["main_status"])
    assert told == CLOSED[platform]


def answer(caller: Caller, refund: Refund, act: str) -> bool:
    """Say agree, refuse or received the platform's way; True when it was accepted."""
    if isinstance(caller, Taobao):
        if act == "refuse":
            words = {"refund_id": refund.no, "refuse_message": "已发货"}
            return "refund" in caller.call("taobao.refund.refuse", **words)
        if act == "agree" and refund.kind == "return":
            return caller.call("taobao.rp.returngoods.agree", refund_id=refund.no).get("is_success", False) is True
        info = f"{refund.no}|{refund.amount}|{refund.modified * 1000}|onsale"
        return caller.call("taobao.rp.refunds.agree", refund_infos=info)["succ"] is True
    if isinstance(caller, Wechat):
        path = "rejectapply" if act == "refuse" else "acceptapply"
        more = {"address_id": "1"} if act == "agree" else {}
        reply = caller.call(f"/channels/ec/aftersale/{path}", after_sale_order_id=refund.no, **more)
        return reply["errcode"] == 0
    if isinstance(caller, Jd):
        words = {"id": int(refund.no), "checkUserName": "op", "remark": "ok", "status": 2 if act == "refuse" else 1}
        more = {"rejectType": 1} if act == "refuse" else {}
        reply = caller.call("jingdong.pop.afs.soa.refundapply.replyRefund", **words, **more)
        return reply["replyResult"]["success"] is True
    assert isinstance(caller, Douyin)
    first = {"before_shipping": 201, "refund_only": 201, "return": 101}[refund.kind]
    kind = 111 if act == "received" else first + (1 if act == "refuse" else 0)
    reply = caller.call("/afterSale/operate", type=kind, items=[{"aftersale_id": refund.no, "remark": "x"}])
    return reply["code"] == 10000


@pytest.mark.parametrize("platform", CALLERS)
def test_the_seller_agrees_and_the_money_goes_back_once(platform: str) -> None:
    caller = caller_of(platform)
    order, refund = asked(caller)
    assert answer(caller, refund, "agree")
    assert (refund.status, refund.by, order.state) == ("done", "seller", "cancelled")
    answer(caller, refund, "agree")
    assert len(caller.world.book.of("effect", effect="refund")) == 1
    assert len(caller.world.book.of("event", event="refunded")) == 1
    # its own deadline finds nothing left to do
    caller.world.advance(caller.world.now + 86400)
    assert len(caller.world.book.of("event", event="refunded")) == 1


@pytest.mark.parametrize("platform", CALLERS)
def test_the_seller_refuses_and_the_order_goes_on(platform: str) -> None:
    caller = caller_of(platform)
    order, refund = asked(caller)
    assert answer(caller, refund, "refuse")
    assert (refund.status, order.state, order.lines[0].refund) == ("refused", "paid", "none")
    assert not answer(caller, refund, "agree")


@pytest.mark.parametrize("platform", ["taobao", "wechat_shop", "douyin"])
def test_a_return_is_agreed_sent_and_paid_on_receipt(platform: str) -> None:
    caller = caller_of(platform)
    order, refund = asked(caller, shipped=True, kind="return")
    assert refund.kind == "return"
    assert answer(caller, refund, "agree")
    assert refund.status == "agreed"
    caller.world.advance(caller.world.now + 6 * 3600)
    assert (refund.status, bool(refund.waybill)) == ("returned", True)
    if isinstance(caller, Wechat):
        # its tokens live two hours
        caller.token()
    (back,) = caller.world.book.of("event", event="goods_back")
    assert back["pieces"] == order.lines[0].listing.pieces(1)
    assert answer(caller, refund, "received")
    assert (refund.status, order.state, order.cancel) == ("done", "cancelled", "refunded")
    assert caller.world.book.of("event", event="refunded")[0]["pieces"] == back["pieces"]


@pytest.mark.parametrize("platform", CALLERS)
def test_a_return_that_nobody_answers_goes_its_way(platform: str) -> None:
    caller = caller_of(platform)
    _, refund = asked(caller, shipped=True, kind="return")
    seen = [refund.status]
    for _ in range(24):
        caller.world.advance(caller.world.now + 3600)
        seen += [refund.status] if refund.status != seen[-1] else []
    assert seen == ["asked", "agreed", "returned", "done"]
    row = listed(caller)[0] if platform == "jd" else None
    assert row is None or (row["serviceStatus"], row["customerExpect"]) == (10010, 10)


def test_a_withdrawn_refund_leaves_the_order_as_it_was() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    order, refund = asked(caller)
    assert caller.world.happen(order, "refund_withdrawn", {}, why="script")
    assert (refund.status, order.lines[0].refund, order.state) == ("closed", "none", "paid")
    assert not caller.world.happen(order, "refund_withdrawn", {}, why="script")


def test_part_of_an_order_is_paid_back_and_the_rest_ships() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    listings = [x.listing for x in caller.world.catalogue.listings["taobao"]][:2]
    order = place(caller.world, "taobao", lines=[{"listing": x} for x in listings], freight=600)
    caller.world.happen(order, "refund_asked", {"line": 0, "answer_after": 60}, why="script")
    caller.world.advance(caller.world.now + 60)
    refund = caller.world.refunds["taobao", order.refunds[0]]
    assert (refund.amount, order.state, order.lines[0].closed) == (order.lines[0].paid, "paid", True)
    lines = caller.call("taobao.trade.fullinfo.get", tid=order.no, fields="orders")["trade"]["orders"]["order"]
    assert [(x["status"], x["refund_status"]) for x in lines] == [
        ("TRADE_CLOSED", "SUCCESS"),
        ("WAIT_SELLER_SEND_GOODS", "NO_REFUND"),
    ]
    notice(caller, order.no)
    assert order.state == "shipped"
    (effect,) = caller.world.book.of("effect", effect="ship")
    assert effect["pieces"] == order.lines[1].listing.pieces(1)


def test_taobao_agrees_only_to_the_right_amount_and_version() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    _, refund = asked(caller)
    for info in (
        f"{refund.no}|{refund.amount + 1}|{refund.modified * 1000}",
        f"{refund.no}|{refund.amount}|1",
        "9|1|1",
    ):
        reply = caller.call("taobao.rp.refunds.agree", refund_infos=info)
        assert (reply["succ"], reply["msg_code"]) == (False, "OP_FAILURE_UE")
    assert refund.status == "asked"


def test_wechat_return_wants_an_address_and_jd_a_reason() -> None:
    gate = gate_of()
    wechat, jos = Wechat(gate), Jd(gate)
    _, back = asked(wechat, shipped=True, kind="return")
    reply = wechat.call("/channels/ec/aftersale/acceptapply", after_sale_order_id=back.no)
    assert reply["errcode"] == 10021060
    _, refund = asked(jos)
    words = {"id": refund.no, "checkUserName": "op", "status": 2, "remark": "no"}
    assert jos.call("jingdong.pop.afs.soa.refundapply.replyRefund", **words)["code"] == "60"


def test_wechat_lists_after_sales_of_a_day_at_most() -> None:
    caller = Wechat(gate_of(platforms=("wechat_shop",)))
    path = "/channels/ec/aftersale/getaftersalelist"
    assert caller.call(path, begin_update_time=0, end_update_time=86401)["errcode"] == 10020004
    assert caller.call(path, begin_update_time=0)["errcode"] == 40097
    assert caller.call(path, begin_create_time=0, end_create_time=86400)["after_sale_order_id_list"] == []


def test_douyin_wants_the_order_by_beside_update_times() -> None:
    caller = Douyin(gate_of(platforms=("douyin",)))
    words = {"update_start_time": caller.world.now, "update_end_time": caller.world.now + 1}
    assert caller.call("/afterSale/List", **words)["code"] == 40004
    order, refund = asked(caller)
    detail = caller.call("/afterSale/Detail", after_sale_id=refund.no)["data"]["process_info"]["after_sale_info"]
    assert detail["real_refund_amount"] == 0
    answer(caller, refund, "agree")
    detail = caller.call("/afterSale/Detail", after_sale_id=refund.no)["data"]["process_info"]["after_sale_info"]
    assert (detail["real_refund_amount"], detail["refund_time"]) == (order.payable, caller.world.now)


def test_jd_knows_only_the_whole_order_before_shipping() -> None:
    caller = Jd(gate_of(platforms=("jd",)))
    listings = [x.listing for x in caller.world.catalogue.listings["jd"]][:2]
    order = place(caller.world, "jd", lines=[{"listing": x} for x in listings], freight=600)
    caller.world.happen(order, "refund_asked", {}, why="script")
    assert len(order.refunds) == 1
    assert listed(caller)[0]["applyRefundSum"] == order.payable
    ask = {"order_id": order.no, "optional_fields": "orderState"}
    assert caller.call("jingdong.pop.order.enGet", **ask)["orderDetailInfo"]["orderInfo"]["orderState"] == "LOCKED"


def test_the_refund_on_a_page_of_taobao_is_a_known_shape() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    asked(caller)
    (row,) = listed(caller)
    assert isinstance(row["refund_id"], str)
    assert isinstance(row["tid"], int)
    assert isinstance(row["has_good_return"], bool)
    assert json.dumps(row["refund_version"]).isdigit()
