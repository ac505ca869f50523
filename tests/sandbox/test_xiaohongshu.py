"""Xiaohongshu's dialect: its signature, its bounds, its shapes, its tokens, and what may be done to it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from adapters.sandbox.dialects import xiaohongshu
from adapters.sandbox.gate import Gate
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Request
from tests.sandbox.callers import Caller, arm, gate_of, place
from tests.sandbox.test_shapes import rich, shape, walk
from tests.sandbox.test_signing import world_of

SECRET = "example-secret"
AT = 1773108920


class Xiaohongshu(Caller):
    platform = "xiaohongshu"

    def body(self, method: str, **args: object) -> dict[str, Any]:
        now = str(self.world.now)
        sign = xiaohongshu.sign(self.shop.app_key, self.shop.app_secret, method, now, "2.0")
        head = {"appId": self.shop.app_key, "method": method, "version": "2.0", "timestamp": now, "sign": sign}
        return {**args, **head, "accessToken": self.access}

    def post(self, body: dict[str, Any], path: str = xiaohongshu.PATH) -> Any:
        return self.send(Request(path=path, body=json.dumps(body, ensure_ascii=False).encode()))

    def call(self, method: str, **args: object) -> Any:
        return self.post(self.body(method, **args))

    def orders(self, **args: object) -> Any:
        span = {"startTime": self.world.now - 900, "endTime": self.world.now + 900, "timeType": 2}
        return self.call("order.getOrderList", **{**span, "pageNo": 1, "pageSize": 100, **args})

    def detail(self, order: Order) -> Any:
        return self.call("order.getOrderDetail", orderId=order.no)["data"]

    def cases(self, **args: object) -> Any:
        span = {"startTime": (self.world.now - 900) * 1000, "endTime": (self.world.now + 900) * 1000, "timeType": 2}
        told = self.call("afterSale.listAfterSaleInfos", **{**span, "pageNo": 1, "pageSize": 100, **args})["data"]
        return told["data"]

    def deliver(self, order: Order, waybill: str, *skus: str, carrier: str = "shunfeng") -> int:
        part = {"unpack": True, "skuIdList": list(skus)} if skus else {"unpack": False}
        told = self.call(
            "order.orderDeliver", orderId=order.no, expressNo=waybill, expressCompanyCode=carrier, **part
        )  # fmt: skip
        code: int = told["error_code"]
        return code


@pytest.fixture
def red() -> Xiaohongshu:
    return Xiaohongshu(gate_of(platforms=("xiaohongshu",)))


# --- signing


@pytest.fixture
def signed() -> Xiaohongshu:
    return Xiaohongshu(Gate(world_of("xiaohongshu", "app000000000001", "example-token", AT)))


def test_it_signs_as_the_worked_example_says() -> None:
    got = xiaohongshu.sign("app000000000001", "secret_example_0001", "order.getOrderList", "1773108920", "2.0")
    assert got == "aff377b97486bc6e99eb68f2ad51931f"


@pytest.mark.parametrize(
    "change",
    [
        {"sign": "0" * 32},
        {"sign": ""},
        {"method": "order.getOrderDetail"},
        {"appId": "app000000000002"},
        {"version": "1.0"},
        {"timestamp": str(AT + 1)},
        {"timestamp": str(AT - 601)},
        {"timestamp": ""},
        {"accessToken": "example-tokem"},
        {"accessToken": ""},
    ],
)
def test_one_altered_trait_is_refused(signed: Xiaohongshu, change: dict[str, str]) -> None:
    body = {
        **signed.body("order.getOrderList", startTime=AT - 60, endTime=AT, timeType=2),
        "accessToken": "example-token",
    }
    assert signed.post(body)["error_code"] == 0
    refused = signed.post({**body, **change})
    assert refused["success"] is False and refused["error_code"] == (-1 if "accessToken" in change else -2000400)


def test_a_signature_over_more_than_the_four_is_refused(signed: Xiaohongshu) -> None:
    body = {
        **signed.body("order.getOrderList", startTime=AT - 60, endTime=AT, timeType=2),
        "accessToken": "example-token",
    }
    pairs = "&".join(f"{k}={body[k]}" for k in sorted(body) if k not in ("sign", "method"))
    body["sign"] = hashlib.md5(f"order.getOrderList?{pairs}{SECRET}".encode()).hexdigest()
    assert signed.post(body)["error_code"] == -2000400


# --- shapes


def test_answers_have_the_sampled_shape(red: Xiaohongshu) -> None:
    rich(red)
    order = place(red.world, "xiaohongshu")
    assert red.deliver(order, "SF0000000000001") == 0
    red.world.happen(order, "refund_asked", {}, why="script")
    other = next(o for o in red.world.orders.values() if o is not order)
    queries = [{"orderId": other.no, "openAddressId": red.detail(other)["openAddressId"]}]
    seen: dict[str, set[str]] = {}
    walk(red.orders(), "list", seen)
    for each in (order, other):
        walk(red.call("order.getOrderDetail", orderId=each.no), "detail", seen)
    walk(red.call("order.getOrderReceiverInfo", receiverQueries=queries, isReturn=False), "receiver", seen)
    assert seen == {p: {t} for p, t in shape("xiaohongshu").items()}


# --- lists


def test_lists_are_newest_first_and_tell_their_pages(red: Xiaohongshu) -> None:
    orders = [place(red.world, "xiaohongshu") for _ in range(3) if red.world.advance(red.world.now + 1) is not None]
    first, last = red.orders(pageSize=2)["data"], red.orders(pageSize=2, pageNo=2)["data"]
    rows = [r["orderId"] for r in first["orderList"] + last["orderList"]]
    assert rows == [o.no for o in reversed(orders)]
    assert (first["total"], first["maxPageNo"]) == (3, 2)
    assert all(no.startswith("P") for no in rows)


@pytest.mark.parametrize(
    "change",
    [
        {"pageSize": 101},
        {"pageNo": 0},
        {"pageNo": 101, "pageSize": 1},
        {"timeType": 3},
        {"timeType": None},
        {"startTime": AT - 1801, "endTime": AT},
        {"startTime": AT * 1000, "endTime": AT * 1000 + 5},
        {"startTime": AT, "endTime": AT - 1},
        {"timeType": 1, "startTime": AT - 86401, "endTime": AT},
        {"startTime": None},
    ],
)
def test_what_is_out_of_bounds_is_refused(signed: Xiaohongshu, change: dict[str, Any]) -> None:
    signed.access = "example-token"
    span = {"startTime": AT - 60, "endTime": AT, "timeType": 2, "pageNo": 1, "pageSize": 50}
    assert signed.call("order.getOrderList", **span)["error_code"] == 0
    assert signed.call("order.getOrderList", **{**span, **change})["error_code"] == -2000400


def test_the_case_list_takes_milliseconds_and_comes_in_a_second_envelope(red: Xiaohongshu) -> None:
    order = place(red.world, "xiaohongshu")
    red.world.happen(order, "refund_asked", {}, why="script")
    (row,) = red.cases()["afterSaleBasicInfos"]
    assert (row["orderId"], row["returnType"], row["status"]) == (order.no, 5, 1)
    assert red.call("afterSale.getAfterSaleInfo", returnsId="R0")["data"]["code"] == -2000101
    seconds = {"startTime": red.world.now - 9, "endTime": red.world.now, "timeType": 2, "pageNo": 1, "pageSize": 9}
    assert red.call("afterSale.listAfterSaleInfos", **seconds)["data"]["success"] is False


# --- orders


@pytest.mark.parametrize(
    ("wanted", "status"),
    [({"paid_at": "never"}, 1), ({"hold": "group_unfinished"}, 2), ({}, 4)],
)
def test_each_state_has_its_number(red: Xiaohongshu, wanted: dict[str, Any], status: int) -> None:
    assert red.detail(place(red.world, "xiaohongshu", **wanted))["orderStatus"] == status


def test_an_order_that_is_asked_back_says_so_twice(red: Xiaohongshu) -> None:
    order = place(red.world, "xiaohongshu")
    red.world.happen(order, "refund_asked", {}, why="script")
    told = red.detail(order)
    assert (told["cancelStatus"], told["orderAfterSalesStatus"], told["skuList"][0]["skuAfterSaleStatus"]) == (1, 2, 2)
    red.world.happen(order, "refund_withdrawn", {}, why="script")
    told = red.detail(order)
    assert (told["cancelStatus"], told["orderAfterSalesStatus"], told["skuList"][0]["skuAfterSaleStatus"]) == (0, 7, 7)


def test_the_address_id_is_the_places_and_changes_with_it(red: Xiaohongshu) -> None:
    one, two = (place(red.world, "xiaohongshu", buyer="b", receiver={"key": "b/0"}) for _ in range(2))
    assert red.detail(one)["openAddressId"] == red.detail(two)["openAddressId"]
    queries = [{"orderId": one.no, "openAddressId": "other"}]
    told = red.call("order.getOrderReceiverInfo", receiverQueries=queries)["data"]["receiverInfos"]
    assert told == [{"orderId": one.no, "matched": False}]


# --- telling


def test_an_order_is_shipped_whole_or_by_its_skus(red: Xiaohongshu) -> None:
    a, b = red.world.catalogue.listings["xiaohongshu"][2:4]
    order = place(red.world, "xiaohongshu", lines=[{"listing": a.listing, "qty": 2}, {"listing": b.listing}])
    assert red.deliver(order, "SF0000000000001", a.listing) == 0
    told = red.detail(order)
    assert (told["orderStatus"], told["unpack"]) == (5, True)
    (pack,) = told["simpleDeliveryOrderList"]
    assert (pack["expressTrackingNo"], pack["skuIdList"], pack["status"]) == ("SF0000000000001", [a.listing], 6)
    assert red.deliver(order, "SF0000000000002", a.listing) == -2000400
    assert red.deliver(order, "SF0000000000002") == 0
    assert [len(red.detail(order)[k]) for k in ("simpleDeliveryOrderList", "skuList")] == [2, 2]
    assert red.detail(order)["orderStatus"] == 6
    (first, second) = red.world.book.of("effect", effect="ship")
    assert [sum(q for _, q in e["parcels"][0]["lines"]) for e in (first, second)] == [2, 1]


def test_what_cannot_be_shipped_is_refused(red: Xiaohongshu) -> None:
    order = place(red.world, "xiaohongshu")
    assert red.deliver(order, "SF0000000000001", carrier="nobody") == -2000400
    assert red.deliver(order, "bad") == -2000400
    assert red.deliver(order, "SF0000000000001", "999") == -2000400
    assert red.call("order.orderDeliver", orderId="P1", expressNo="SF0000000000001", expressCompanyCode="shunfeng")["error_code"] == -2000101  # fmt: skip
    assert red.deliver(place(red.world, "xiaohongshu", paid_at="never"), "SF0000000000001") == -2000400
    assert red.world.book.of("effect", effect="ship") == []


def test_levels_are_set_added_to_and_read(red: Xiaohongshu) -> None:
    sku = red.world.catalogue.listings["xiaohongshu"][0].listing
    assert red.call("inventory.syncSkuStock", skuId=sku, qty=7)["data"]["skuStock"]["total"] == 7
    assert red.call("inventory.incSkuStock", skuId=sku, qty=-2)["data"]["skuStock"]["total"] == 5
    assert red.call("inventory.getSkuStock", skuId=sku)["data"]["skuStock"]["total"] == 5
    assert red.call("inventory.syncSkuStock", skuId="1", qty=7)["error_code"] == -2000400
    assert red.call("inventory.syncSkuStock", skuId=sku, qty=-1)["error_code"] == -2000400


def test_cases_are_answered_by_what_they_ask(red: Xiaohongshu) -> None:
    order = place(red.world, "xiaohongshu")
    red.deliver(order, "SF0000000000001")
    red.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    case = red.cases()["afterSaleBasicInfos"][0]["returnsId"]

    def audit(**args: object) -> int:
        code: int = red.call("afterSale.auditReturns", returnsId=case, **args)["error_code"]
        return code

    assert audit(action=1) == -2000400, "a return is not paid back at once"
    assert audit(action=2) == -2000400, "without an address"
    assert red.call("afterSale.confirmReceive", returnsId=case, action=1)["error_code"] == -2000400, "not back yet"
    assert audit(action=2, receiverInfo={"sellerAddressRecordId": 7}) == 0
    red.world.advance(red.world.now + 7 * 3600)
    told = red.call("afterSale.getAfterSaleInfo", returnsId=case)["data"]["data"]
    assert told["afterSaleInfo"]["status"] == 3 and told["logisticsInfo"]["afterSale"]["expressNo"]
    assert audit(action=3, reason=1) == -2000400, "the goods are back"
    assert red.call("afterSale.confirmReceive", returnsId=case, action=1)["error_code"] == 0
    info = red.call("afterSale.getAfterSaleInfo", returnsId=case)["data"]["data"]["afterSaleInfo"]
    assert (info["status"], info["refundStatus"], info["refundAmountYuan"]) == (4, 2, order.lines[0].paid / 100)


# --- tokens, faults


def test_a_refresh_changes_the_token_only_near_its_end(red: Xiaohongshu) -> None:
    box = red.world.tokens["xiaohongshu"]
    first = box.latest
    assert first is not None
    told = red.call("oauth.refreshToken", refreshToken=first.refresh)["data"]
    assert told["accessToken"] == first.access and told["accessTokenExpiresAt"] == first.expires * 1000
    red.world.advance(first.expires - 1700)
    fresh = red.call("oauth.refreshToken", refreshToken=first.refresh)["data"]["accessToken"]
    assert fresh != first.access
    assert red.orders()["error_code"] == 0, "the old one lives on for five minutes"
    red.world.advance(red.world.now + 301)
    assert red.orders()["error_msg"] == "accessToken已过期"
    red.access = fresh
    assert red.orders()["error_code"] == 0
    assert red.call("oauth.refreshToken", refreshToken="other")["error_code"] == -2000400
    assert red.call("oauth.getAccessToken", code="other")["error_code"] == -2000400


def test_faults_are_played_in_its_own_words(red: Xiaohongshu) -> None:
    order = place(red.world, "xiaohongshu")
    arm(red.world, "throttled", platform="xiaohongshu")
    red.orders()
    assert red.outcome is not None and red.outcome.response.status == 429
    arm(red.world, "null_list", platform="xiaohongshu")
    assert red.orders(startTime=red.world.now - 1000, endTime=red.world.now - 900)["data"]["orderList"] is None
    arm(red.world, "wrong_total", platform="xiaohongshu")
    assert red.orders()["data"]["total"] == 2
    arm(red.world, "duplicates", platform="xiaohongshu")
    assert [r["orderId"] for r in red.orders()["data"]["orderList"]] == [order.no, order.no]
    arm(red.world, "float_money", platform="xiaohongshu", order=order.no)
    assert type(red.detail(order)["totalPayAmount"]) is float
    arm(red.world, "unreadable_order", platform="xiaohongshu", order=order.no, mode="money")
    assert red.detail(order)["totalPayAmount"] == "abc"
    arm(red.world, "token_expired", platform="xiaohongshu")
    assert red.orders()["error_code"] == -1
