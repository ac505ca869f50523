"""Each platform's own way of cutting, counting and limiting a list."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from adapters.sandbox.wire import beijing
from tests.sandbox.callers import Douyin, Jd, Taobao, Wechat, gate_of, place

_DAY = 86400


def lived(platform: str, orders: int = 130) -> Any:
    gate = gate_of(platforms=(platform,), orders=orders)
    gate.world.advance(gate.world.end)
    return gate


# --- taobao


@pytest.fixture(scope="module")
def tmall() -> Taobao:
    return Taobao(lived("taobao"))


def tids(reply: dict[str, Any]) -> list[int]:
    return [t["tid"] for t in reply.get("trades", {}).get("trade", [])]


def test_taobao_comes_newest_first_and_counts_only_when_asked(tmall: Taobao) -> None:
    start, end = tmall.world.start, tmall.world.end
    counted = tmall.trades(start, end, page_no=1, page_size=50)
    assert counted["total_results"] == 130
    assert "has_next" not in counted
    times = [t["modified"] for t in counted["trades"]["trade"]]
    assert times == sorted(times, reverse=True)
    flags = [tmall.trades(start, end, page_no=n, page_size=50, use_has_next="true") for n in (1, 2, 3)]
    assert [f["has_next"] for f in flags] == [True, True, False]
    assert "total_results" not in flags[0]
    assert len({t for f in flags for t in tids(f)}) == 130


def test_taobao_leaves_an_empty_list_out(tmall: Taobao) -> None:
    reply = tmall.trades(tmall.world.start - _DAY, tmall.world.start - 1)
    assert reply["total_results"] == 0
    assert "trades" not in reply


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"end_modified": "2025-11-21 00:00:01"}, "isv.invalid-parameter:end_modified"),
        ({"end_modified": "2025-11-19 00:00:00"}, "isv.invalid-parameter:end_modified"),
        (
            {"start_modified": "2025-08-01 00:00:00", "end_modified": "2025-08-01 01:00:00"},
            "isv.invalid-parameter:start_modified",
        ),
        ({"start_modified": "yesterday"}, "isv.invalid-parameter:start_modified"),
        ({"start_modified": ""}, "isv.missing-parameter:start_modified"),
        ({"page_size": "101"}, "isv.invalid-parameter:page_size"),
        ({"page_no": "0"}, "isv.invalid-parameter:page_no"),
        ({"fields": ""}, "isv.missing-parameter:fields"),
    ],
)
def test_taobao_refuses_what_is_out_of_bounds(tmall: Taobao, change: dict[str, str], sub_code: str) -> None:
    params = {"start_modified": "2025-11-20 00:00:00", "end_modified": "2025-11-21 00:00:00", "fields": "tid", **change}
    reply = tmall.call("taobao.trades.sold.increment.get", **params)
    assert reply["sub_code"] == sub_code


def test_taobao_both_ends_of_a_window_are_inside(tmall: Taobao) -> None:
    order = next(iter(tmall.world.window("taobao", tmall.world.start, tmall.world.end)))
    assert int(order.no) in tids(tmall.trades(order.modified, order.modified))
    assert int(order.no) not in tids(tmall.trades(order.modified + 1, order.modified + 60))


def test_taobao_gives_only_the_fields_asked_for(tmall: Taobao) -> None:
    few = tmall.trades(tmall.world.start, tmall.world.end, fields="tid,modified,orders.oid,oaid")
    assert {tuple(sorted(t)) for t in few["trades"]["trade"]} == {("modified", "orders", "tid")}
    assert {tuple(o) for t in few["trades"]["trade"] for o in t["orders"]["order"]} == {("oid",)}
    five = "tid,receiver_name,receiver_address,created,receiver_mobile,receiver_phone"
    assert all(t["oaid"] for t in tmall.trades(tmall.world.start, tmall.world.end, fields=five)["trades"]["trade"])


def test_taobao_drops_wrappers_under_simplify(tmall: Taobao) -> None:
    params = tmall.params(
        "taobao.trades.sold.increment.get",
        fields="tid,orders",
        start_modified=beijing(tmall.world.start),
        end_modified=beijing(tmall.world.end),
        simplify="true",
    )
    reply = tmall.post(tmall.sign(params))
    assert isinstance(reply["trades"], list)
    assert isinstance(reply["trades"][0]["orders"], list)


def test_taobao_detail_adds_ids_as_text(tmall: Taobao) -> None:
    order = next(iter(tmall.world.orders.values()))
    detail = tmall.call("taobao.trade.fullinfo.get", tid=order.no, fields="tid,tid_str,orders")["trade"]
    assert detail["tid_str"] == order.no == str(detail["tid"])
    assert tmall.call("taobao.trade.fullinfo.get", tid="1", fields="tid")["sub_code"] == "isv.trade-not-exist"


# --- wechat


@pytest.fixture(scope="module")
def wechat() -> Wechat:
    return Wechat(lived("wechat_shop"))


def test_wechat_cursor_leads_through_all_ids_once(wechat: Wechat) -> None:
    key, ids, calls = "", [], 0
    while True:
        reply = wechat.ids(wechat.world.start, wechat.world.end, page_size=50, next_key=key)
        ids += reply["order_id_list"]
        key, calls = reply["next_key"], calls + 1
        if not reply["has_more"]:
            break
    assert calls == 3
    assert len(ids) == len(set(ids)) == 130


def test_wechat_cursor_is_only_good_for_its_own_query(wechat: Wechat) -> None:
    key = wechat.ids(wechat.world.start, wechat.world.end, page_size=10)["next_key"]
    assert wechat.ids(wechat.world.start, wechat.world.end - 1, page_size=10, next_key=key)["errcode"] == 40097
    assert wechat.ids(wechat.world.start, wechat.world.end, next_key="nonsense")["errcode"] == 40097
    assert (
        wechat.ids(wechat.world.start, wechat.world.end, next_key=base64.b64encode(b"{}").decode())["errcode"] == 40097
    )


@pytest.mark.parametrize(
    "change",
    [
        {"page_size": 101},
        {"page_size": 0},
        {"update_time_range": {"start_time": 1, "end_time": 2 + 7 * _DAY}},
        {"update_time_range": {"start_time": 2, "end_time": 1}},
        {"update_time_range": {"start_time": "1", "end_time": "2"}},
        {"update_time_range": None},
    ],
)
def test_wechat_refuses_what_is_out_of_bounds(wechat: Wechat, change: dict[str, Any]) -> None:
    reply = wechat.ids(wechat.world.start, wechat.world.end, **change)
    assert reply["errcode"] == 40097
    assert "order_id_list" not in reply
    assert " rid: " in reply["errmsg"]


def test_wechat_filters_by_status_and_creation(wechat: Wechat) -> None:
    span = {"start_time": wechat.world.start, "end_time": wechat.world.end}
    reply = wechat.ids(0, 0, update_time_range=None, create_time_range=span, status=250)
    cancelled = [o.no for o in wechat.world.orders.values() if o.cancel in ("timeout", "buyer")]
    assert sorted(reply["order_id_list"]) == sorted(cancelled)


def test_wechat_says_what_is_wrong_with_a_request(wechat: Wechat) -> None:
    from adapters.sandbox.wire import Request

    path = "/channels/ec/order/get"
    good = f"access_token={wechat.access}"
    asks = {
        40066: Request(path="/channels/ec/order/gets", body=b"{}", query=good),
        44002: Request(path=path, query=good),
        47001: Request(path=path, body=b"{", query=good),
        41001: Request(path=path, body=b'{"order_id":"1"}'),
        40001: Request(path=path, body=b'{"order_id":"1"}', query="access_token=no"),
        100002: Request(path=path, body=b'{"order_id":"1"}', query=good),
    }
    assert {code: wechat.send(ask)["errcode"] for code, ask in asks.items()} == {code: code for code in asks}


# --- jd


@pytest.fixture(scope="module")
def jos() -> Jd:
    return Jd(lived("jd"))


def numbers(reply: dict[str, Any]) -> list[str]:
    return [o["orderId"] for o in reply["searchorderinfo_result"]["orderInfoList"]]


def test_jd_sorts_as_told_and_hides_what_was_never_paid(jos: Jd) -> None:
    paid = [o for o in jos.world.orders.values() if o.paid_at]
    assert len(paid) < len(jos.world.orders)
    start, end = jos.world.start, jos.world.end
    up = jos.search(start, end, page_size="100")
    down = jos.search(start, end, page_size="100", sortType="1")
    rows = [r["modified"] for r in up["searchorderinfo_result"]["orderInfoList"]]
    assert rows == sorted(rows)
    more = jos.search(start, end, page_size="100", page="2")
    assert numbers(down) == (numbers(up) + numbers(more))[::-1][:100]
    assert up["searchorderinfo_result"]["orderTotal"] == len(paid) == len(numbers(up)) + len(numbers(more))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"optional_fields": ""}, "68"),
        ({"page_size": "101"}, "61"),
        ({"page": "101"}, "61"),
        ({"order_state": "NO_SUCH"}, "61"),
        ({"start_date": "2025-10-01 00:00:00"}, "61"),
        ({"start_date": "", "end_date": ""}, "61"),
        ({"start_date": "soon"}, "61"),
    ],
)
def test_jd_refuses_what_is_out_of_bounds(jos: Jd, change: dict[str, Any], code: str) -> None:
    assert jos.search(jos.world.start, jos.world.end, **change)["code"] == code


def test_jd_dates_may_be_left_out_for_what_waits_alone(jos: Jd) -> None:
    reply = jos.search(0, 0, start_date=None, end_date=None, order_state="WAIT_SELLER_STOCK_OUT", page_size="100")
    assert reply["code"] == "0"
    assert {o["orderState"] for o in reply["searchorderinfo_result"]["orderInfoList"]} == {"WAIT_SELLER_STOCK_OUT"}


def test_jd_gives_only_the_fields_asked_for_and_the_number(jos: Jd) -> None:
    reply = jos.search(jos.world.start, jos.world.end, optional_fields="modified")
    assert {tuple(sorted(o)) for o in reply["searchorderinfo_result"]["orderInfoList"]} == {("modified", "orderId")}


def test_jd_detail_of_an_unknown_order_is_a_business_error_under_code_zero(jos: Jd) -> None:
    reply = jos.call("jingdong.pop.order.enGet", order_id="1", optional_fields="orderId")
    assert reply["code"] == "0"
    assert reply["orderDetailInfo"]["apiResult"]["success"] is False


def test_jd_list_of_the_paid_amount_arrives_late() -> None:
    caller = Jd(gate_of(platforms=("jd",)))
    order = place(caller.world, "jd", events=[{"after_s": 600, "name": "settled"}])
    ask = {"order_id": order.no, "optional_fields": "actualPay,shouldPay"}
    told = caller.call("jingdong.pop.order.enGet", **ask)["orderDetailInfo"]["orderInfo"]
    assert (told["actualPay"], told["shouldPay"]) == ("", caller_yuan(order.payable))
    caller.world.advance(caller.world.now + 600)
    told = caller.call("jingdong.pop.order.enGet", **ask)["orderDetailInfo"]["orderInfo"]
    assert told["actualPay"] == caller_yuan(order.payable)


def caller_yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


# --- douyin


@pytest.fixture(scope="module")
def doudian() -> Douyin:
    return Douyin(lived("douyin"))


def test_douyin_pages_count_from_zero(doudian: Douyin) -> None:
    pages = [doudian.search(doudian.world.start, doudian.world.end, page=n)["data"] for n in (0, 1, 2, 3)]
    assert [len(p["shop_order_list"]) for p in pages] == [50, 50, 30, 0]
    assert {p["total"] for p in pages} == {130}
    times = [o["update_time"] for p in pages for o in p["shop_order_list"]]
    assert times == sorted(times)
    newest = doudian.search(doudian.world.start, doudian.world.end, order_asc=False)["data"]["shop_order_list"]
    assert newest[0]["update_time"] == times[-1]


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"page": -1}, "isv.parameter-invalid:10035"),
        ({"size": 101}, "isv.parameter-invalid:20008"),
        ({"page": 1000}, "isv.parameter-invalid:20013"),
        ({"update_time_start": 0, "update_time_end": 0}, "isv.parameter-invalid:20011"),
        ({"update_time_start": 1_763_600_000, "update_time_end": 1_763_600_000}, "isv.parameter-invalid:20011"),
        ({"update_time_start": 1_700_000_000}, "isv.parameter-invalid:20022"),
        ({"combine_status": [{"order_status": "2"}, {"order_status": "3"}]}, "isv.parameter-invalid:20012"),
        ({"order_by": "pay_time"}, "isv.parameter-format-invalid"),
    ],
)
def test_douyin_refuses_what_is_out_of_bounds(doudian: Douyin, change: dict[str, Any], sub_code: str) -> None:
    assert doudian.search(doudian.world.start, doudian.world.end, **change)["sub_code"] == sub_code


def test_douyin_filters_by_combined_status(doudian: Douyin) -> None:
    wanted = doudian.search(doudian.world.start, doudian.world.end, combine_status=[{"order_status": "1,4"}])["data"]
    assert {o["order_status"] for o in wanted["shop_order_list"]} <= {1, 4}
    assert wanted["total"] == sum(
        1 for o in doudian.world.orders.values() if o.state in ("unpaid", "deposit", "cancelled")
    )


def test_douyin_remark_changes_do_not_move_the_update_time() -> None:
    caller = Douyin(gate_of(platforms=("douyin",)))
    order = place(caller.world, "douyin")
    before = order.modified
    caller.world.advance(caller.world.now + 60)
    assert (
        caller.call("/order/addOrderRemark", order_id=order.no, remark="老客户", is_add_star="true", star="5")["data"]
        is True
    )
    detail = caller.call("/order/orderDetail", shop_order_id=order.no)["data"]["shop_order_detail"]
    assert (detail["update_time"], detail["seller_words"], detail["seller_remark_stars"]) == (before, "老客户", 5)


# --- ciphers


def test_the_cipher_of_one_place_differs_per_order_or_repeats_as_each_platform_does() -> None:
    gate = gate_of()
    two = {p: [place(gate.world, p, buyer="b1"), place(gate.world, p, buyer="b1")] for p in gate.world.shops}
    other = {p: place(gate.world, p, buyer="b2") for p in gate.world.shops}
    tmall, wechat, jos, doudian = Taobao(gate), Wechat(gate), Jd(gate), Douyin(gate)
    five = "tid,receiver_name,receiver_address,created,receiver_mobile,receiver_phone"

    def told(no: str, platform: str) -> Any:
        if platform == "taobao":
            return tmall.call("taobao.trade.fullinfo.get", tid=no, fields=five)["trade"]["oaid"]
        if platform == "wechat_shop":
            return wechat.order(no)["order"]["order_detail"]["delivery_info"]["address_info"]["hash_code"]
        if platform == "jd":
            ask = {"order_id": no, "optional_fields": "consigneeInfo"}
            return jos.call("jingdong.pop.order.enGet", **ask)["orderDetailInfo"]["orderInfo"]["consigneeInfo"][
                "fullname"
            ]
        return doudian.call("/order/orderDetail", shop_order_id=no)["data"]["shop_order_detail"]["open_address_id"]

    for platform, repeats in {"taobao": False, "wechat_shop": True, "jd": False, "douyin": True}.items():
        first, second = (told(o.no, platform) for o in two[platform])
        assert (first == second) is repeats, platform
        assert told(other[platform].no, platform) not in (first, second)


def test_taobao_groups_orders_of_one_place_by_their_oaids() -> None:
    caller = Taobao(gate_of(platforms=("taobao",)))
    orders = [place(caller.world, "taobao", buyer=b) for b in ("b1", "b2", "b1")]
    moved = place(caller.world, "taobao", buyer="b1", receiver={"key": "elsewhere"})
    import json

    from adapters.sandbox.payloads.taobao import oaid

    pairs = [{"oaid": oaid(o), "tid": o.no} for o in (*orders, moved)]
    groups = caller.call("taobao.top.oaid.merge", merge_list=json.dumps(pairs))["tid_list"]["string"]
    assert {frozenset(g.split(",")) for g in groups} == {
        frozenset({orders[0].no, orders[2].no}),
        frozenset({orders[1].no}),
        frozenset({moved.no}),
    }
    wrong = [{"oaid": oaid(orders[1]), "tid": orders[0].no}]
    assert caller.call("taobao.top.oaid.merge", merge_list=json.dumps(wrong))["sub_code"] == "isv.oaid-not-match"
    many = json.dumps(pairs * 26)
    assert caller.call("taobao.top.oaid.merge", merge_list=many)["sub_code"] == "isv.invalid-parameter:merge_list"
