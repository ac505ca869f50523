"""The platforms' statement interfaces, paged and signed as their other calls, tell what the files tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.sandbox.gate import Gate
from adapters.sandbox.statements.files import statement_file
from adapters.sandbox.statements.rows import midnight, next_day
from adapters.sandbox.wire import Request, beijing, from_iso
from tests.sandbox import reading_statements as reading
from tests.sandbox.callers import Douyin, Jd, Taobao, Wechat, make
from tests.sandbox.reading_statements import Line
from tests.sandbox.selling import DAYS, sold

DAY = DAYS[0]
BILL_FIELDS = (
    "bid,account_id,trade_id,order_id,total_amount,amount,biz_time,pay_time,book_time,status,num_iid,alipay_outno,"
    "alipay_notice,obj_alipay_mail"
)
SETTLE_FIELDS = (
    "request_no settle_time shop_order_id order_id settle_amount pay_type_desc trade_type "
    "is_contains_refund_before_settle order_time product_id goods_count flow_type_desc order_type total_amount "
    "total_goods_amount post_amount shop_coupon refund_before_settle platform_coupon author_coupon zt_pay_promotion "
    "zr_pay_promotion real_pay_amount total_income platform_service_fee commission good_learn_channel_fee "
    "colonel_service_fee channel_promotion_fee other_sharing_amount total_outcome remark"
)
WALLET_FIELDS = (
    "orderId detailNo rfBusiType skuId skuName outTradeNo detailStatus happenTime billingTime finishTime deliveredTime "
    "feeName bal currency direction remark venderId billDate memo"
)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate(sold(orders=1200, seed=6, differences=0.1).world, rate=1_000_000.0)


def from_file(gate: Gate, platform: str, day: str = DAY) -> list[Line]:
    return reading.READERS[platform](statement_file(gate.world, platform, day)[1])


def window(day: str = DAY) -> dict[str, str]:
    return {"start_time": f"{day} 00:00:00", "end_time": f"{day} 23:59:59"}


# --- taobao


def bills(client: Taobao, **args: object) -> Iterator[dict[str, Any]]:
    asked = {"fields": BILL_FIELDS, "time_type": 1, "page_size": 40, **window(), **args}
    page, more = 0, True
    while more:
        page += 1
        reply = client.call("taobao.bill.bills.get", **asked, page_no=page)
        yield from reply.get("bills", {"bill_dto": []})["bill_dto"]
        more = reply["has_next"]


def test_taobao_bills_come_to_the_ledgers_sums_order_by_order_and_line_by_line(gate: Gate) -> None:
    told: dict[str, int] = defaultdict(int)
    found = list(bills(Taobao(gate)))
    assert len(found) > 80 and set(found[0]) == set(BILL_FIELDS.split(","))
    for bill in found:
        told[str(bill["trade_id"])] += bill["amount"]
        order = gate.world.find("taobao", str(bill["trade_id"]))
        if order is not None and bill["account_id"] == 1000:
            assert str(bill["order_id"]) in {x.no for x in order.lines}
    ledger: dict[str, int] = defaultdict(int)
    for line in from_file(gate, "taobao"):
        ledger[line.order] += line.amount + line.fees
    ledger.pop("")
    assert told == ledger
    assert any(b["amount"] < 0 and b["alipay_notice"] for b in found)


def test_taobao_bills_are_refused_beyond_a_day_and_found_by_order(gate: Gate) -> None:
    client = Taobao(gate)
    reply = client.call("taobao.bill.bills.get", fields=BILL_FIELDS, **{**window(), "end_time": f"{DAYS[1]} 12:00:00"})
    assert reply["sub_code"] == "isv.invalid-parameter:end_time"
    assert client.call("taobao.bill.bills.get", **window())["sub_code"] == "isv.missing-parameter:fields"
    reply = client.call("taobao.bill.bills.get", fields="bid", page_size=20, **window())
    assert reply["sub_code"] == "isv.invalid-parameter:page_size"
    one = next(bills(client))
    by_trade = client.call("taobao.bill.bills.get", fields=BILL_FIELDS, trade_id=one["trade_id"])["bills"]["bill_dto"]
    assert one in [{**b, "biz_time": b["book_time"]} for b in by_trade]


def test_taobao_bills_want_a_signature(gate: Gate) -> None:
    client = Taobao(gate)
    params = client.sign(client.params("taobao.bill.bills.get", fields=BILL_FIELDS, **window()))
    assert client.post({**params, "fields": "bid"})["error_response"]["code"] == 25


# --- jd


def wallet(client: Jd, day: str) -> tuple[list[dict[str, Any]], Any]:
    rows: list[dict[str, Any]] = []
    for page in range(1, 100):
        asked = {
            "start_date": f"{day} 00:00:00",
            "end_date": f"{day} 23:59:59",
            "type": "2",
            "member_id": "110960260003",
        }
        reply = client.call("store.qianbao.bill.detail.query", **asked, page=page)
        if not reply["success"]:
            return rows, reply
        rows += reply["data"]
    raise AssertionError("no end")


def test_jds_wallet_tells_the_settlement_sheets_rows_until_a_page_beyond_the_end(gate: Gate) -> None:
    rows, last = wallet(Jd(gate), DAY)
    assert last["resultCode"] == 10011 and len(rows) > 200
    read = [(r["detailNo"], r["orderId"], reading.fen(r["bal"]), not r["finishTime"]) for r in rows]
    assert read == [(x.ref, x.order, x.amount + x.fees, x.failed) for x in from_file(gate, "jd")]
    for row in rows:
        assert set(row) - {"skuNum", "refundSkuNum"} == set(WALLET_FIELDS.split())
        assert row["direction"] == ("1" if reading.fen(row["bal"]) > 0 else "2")
        assert row["detailStatus"] == ("15" if row["finishTime"] else "17")
        assert row["rfBusiType"] == ("1002" if "退货金额" in row["remark"] else "1001" if row["orderId"] else "1102")
    assert {r["rfBusiType"] for r in rows} == {"1001", "1002", "1102"}


def test_jds_wallet_has_no_data_for_a_day_that_is_not_over(gate: Gate) -> None:
    client = Jd(gate)
    assert wallet(client, "2025-11-23")[1]["resultCode"] == 10012
    reply = client.call(
        "store.qianbao.bill.detail.query", start_date=f"{DAY} 00:00:00", end_date=f"{DAY} 23:59:59", page=1
    )
    assert reply["code"] == "60"


# --- douyin


def cursor(client: Douyin, path: str, **args: object) -> Iterator[dict[str, Any]]:
    asked: dict[str, object] = {**window(), "size": 30, "time_type": 0, **args}
    while True:
        reply = client.call(path, **asked)["data"]
        assert reply["code"] == "100000"
        yield from reply["data"]
        if reply["is_end"] == 1:
            return
        asked |= {"start_index": reply["next_start_index"], "start_time": reply["next_start_time"]}


def test_douyins_fund_rows_are_the_files(gate: Gate) -> None:
    found = list(cursor(Douyin(gate), "/order/getShopAccountItem"))
    read = [
        (r["account_trade_no"], r["shop_order_id"], -r["account_amount"] if r["fund_flow"] else r["account_amount"])
        for r in found
    ]
    assert len(read) > 100
    assert sorted(read) == sorted((x.ref, x.order, x.amount + x.fees) for x in from_file(gate, "douyin"))
    assert {r["trans_scene"] for r in found if r["shop_order_id"]} == {"货款结算入账"}


def test_douyins_settlement_rows_are_the_files_rows_of_orders_and_add_up(gate: Gate) -> None:
    found = list(cursor(Douyin(gate), "/order/getSettleBillDetailV3"))
    lines = [x for x in from_file(gate, "douyin") if x.order]
    assert sorted((r["shop_order_id"], r["settle_amount"]) for r in found) == sorted(
        (x.order, x.amount + x.fees) for x in lines
    )
    for r in found:
        assert set(r) == set(SETTLE_FIELDS.split())
        assert r["settle_amount"] == r["total_income"] + r["total_outcome"] and r["total_outcome"] <= 0
        parts = ("real_pay_amount", "post_amount", "platform_coupon", "author_coupon", "zt_pay_promotion")
        assert r["total_income"] == sum(r[p] for p in parts) - r["refund_before_settle"]
        assert r["total_outcome"] == r["platform_service_fee"] + r["commission"]
    # a row that stands twice in the file has one number
    twice = len(lines) - len({x.ref for x in lines})
    assert len(found) - len({r["request_no"] for r in found}) == twice > 0


def test_douyin_tells_a_day_from_ten_in_the_morning_of_the_next() -> None:
    made = make(orders=200, seed=6)
    client = Douyin(Gate(made.world, rate=1_000_000.0))
    made.world.advance(from_iso("2025-11-21T09:59:00+08:00"))
    assert list(cursor(client, "/order/getShopAccountItem")) == []
    assert client.call("/order/downloadShopAccountItem", **window())["code"] == 50002
    made.world.advance(from_iso("2025-11-21T10:00:00+08:00"))
    assert list(cursor(client, "/order/getShopAccountItem"))


def test_douyins_file_is_asked_for_then_polled_then_fetched(gate: Gate) -> None:
    client = Douyin(gate)
    number = client.call("/order/downloadShopAccountItem", **window())["data"]["data"]["download_id"]
    polled = [
        client.call("/order/downloadShopAccountItemFile", download_id=number)["data"]["data"]["url"] for _ in (1, 2)
    ]
    assert polled[0] == "" and polled[1]
    path = polled[1].removeprefix(f"{gate.world.address}/douyin")
    fetched = gate.handle("douyin", Request(method="GET", path=path)).response
    assert fetched.body == statement_file(gate.world, "douyin", DAY)[1]
    assert gate.handle("douyin", Request(method="GET", path="/download/1x")).response.status == 404
    assert client.call("/order/downloadShopAccountItemFile", download_id="1")["code"] == 50002


# --- wechat_shop


def test_wechats_ledger_flow_by_flow_is_the_file(gate: Gate) -> None:
    client, ids, key = Wechat(gate), [], ""
    span = {"start_time": midnight(DAY), "end_time": midnight(next_day(DAY)) - 1}
    more = True
    while more:
        reply = client.call("/channels/ec/funds/getfundsflowlist", page_size=50, next_key=key, **span)
        ids += reply["flow_ids"]
        key, more = reply["next_key"], reply["has_more"]
    flows = [client.call("/channels/ec/funds/getfundsflowdetail", flow_id=n)["funds_flow"] for n in ids]
    lines = from_file(gate, "wechat_shop")
    assert len(ids) > 100 and ids == [x.ref for x in lines]
    assert [reading.wechat_flow(f) for f in flows] == lines


def test_wechats_balance_follows_from_the_flows(gate: Gate) -> None:
    left = 1_000_000 + sum(x.amount + x.fees for d in DAYS for x in from_file(gate, "wechat_shop", d))
    assert Wechat(gate).call("/channels/ec/funds/getbalance")["balance_info"]["available_amount"] == left


def test_wechats_ledger_is_asked_by_payment_too(gate: Gate) -> None:
    client = Wechat(gate)
    order = next(o for o in gate.world.orders.values() if o.platform == "wechat_shop" and o.cancel == "refunded")
    pay = client.order(order.no)["order"]["order_detail"]["pay_info"]["transaction_id"]
    span = {"start_time": midnight(DAY), "end_time": midnight("2025-11-23")}
    asked = {"page_size": 10, "transaction_id": pay, **span}
    ids = client.call("/channels/ec/funds/getfundsflowlist", **asked)["flow_ids"]
    flows = [client.call("/channels/ec/funds/getfundsflowdetail", flow_id=n)["funds_flow"] for n in ids]
    assert [f["funds_type"] for f in flows] == [1, *[3] * (len(flows) - 1)] and len(flows) > 1
    assert {f["related_info_list"][0]["order_id"] for f in flows} == {order.no}


def test_wechat_refuses_a_window_or_a_flow_that_is_none(gate: Gate) -> None:
    client = Wechat(gate)
    assert client.call("/channels/ec/funds/getfundsflowlist", page_size=10)["errcode"] == 40097
    asked = {"page_size": 10, "start_time": 1, "end_time": 2, "next_key": "eHg="}
    assert client.call("/channels/ec/funds/getfundsflowlist", **asked)["errcode"] == 40097
    assert client.call("/channels/ec/funds/getfundsflowdetail", flow_id="1")["errcode"] == 40097


def test_a_bills_window_is_written_in_beijing_time(gate: Gate) -> None:
    first = midnight(DAY) + 20 * 3600
    late = list(cursor(Douyin(gate), "/order/getShopAccountItem", start_time=beijing(first)))
    assert late and all(r["bill_time"] >= f"{DAY} 20:00:00" for r in late)
