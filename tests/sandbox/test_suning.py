"""Suning's dialect: its signature, the shape of its answers, its lists, and what it may be told."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.dialects import suning
from adapters.sandbox.gate import Gate
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Request, beijing, from_beijing
from tests.sandbox.callers import Caller, arm, gate_of, place
from tests.sandbox.test_shapes import compare, rich
from tests.sandbox.test_signing import SECRET, world_of

KEY, METHOD, MOMENT = "a0000000000000000000000000000001", "suning.custom.ordmodtime.query", "2026-03-10 10:20:00"
BODY = (
    '{"sn_request":{"sn_body":{"orderQuery":{"startTime":"2026-03-10 00:00:00","endTime":"2026-03-10 23:59:59",'
    '"pageNo":"1","pageSize":"50"}}}}'
)
SECRET_PRINTED, PRINTED = "b0000000000000000000000000000002", "17d11948658800ab449e6b9b01962518"


class Suning(Caller):
    platform = "suning"

    def raw(self, body: str, path: str = "/api/http/sopRequest", **head: str) -> Any:
        headers = {name.lower(): value for name, value in head.items()}
        return self.send(Request(path=path, body=body.encode(), headers=headers))

    def head(self, method: str, body: str, **changes: str) -> dict[str, str]:
        moment = beijing(self.world.now)
        signed = suning.sign(self.shop.app_secret, method, moment, self.shop.app_key, "v1.2", body.encode())
        head = {
            "AppMethod": method,
            "AppRequestTime": moment,
            "AppKey": self.shop.app_key,
            "VersionNo": "v1.2",
            "Format": "json",
        }
        return {**head, "signInfo": signed, **changes}

    def call(self, method: str, name: str, _head: dict[str, str] | None = None, **args: object) -> Any:
        """The business body, or the code of the error."""
        body = json.dumps({"sn_request": {"sn_body": {name: args}}}, ensure_ascii=False)
        content = self.raw(body, **self.head(method, body, **(_head or {})))["sn_responseContent"]
        return content["sn_error"]["error_code"] if "sn_error" in content else content["sn_body"][name]

    def search(self, start: int, end: int, **args: object) -> Any:
        asked = {"startTime": beijing(start), "endTime": beijing(end), "pageNo": "1", "pageSize": "50", **args}
        return self.call(METHOD, "orderQuery", **asked)

    def ship(
        self, order: Order, *lines: str, waybill: str = "SF0000000000001", carrier: str = "S01", **more: object
    ) -> Any:
        named: dict[str, object] = {"orderLineNumbers": {"orderLineNumber": list(lines)}} if lines else {}
        words = {"orderCode": order.no, "expressNo": waybill, "expressCompanyCode": carrier, **named, **more}
        return self.call("suning.custom.orderdelivery.add", "orderDelivery", **words)


@pytest.fixture
def shop() -> Suning:
    return Suning(gate_of(platforms=("suning",)))


# ------------------------------------------------------------------ signature


def test_it_signs_as_the_worked_example_says() -> None:
    assert suning.sign(SECRET_PRINTED, METHOD, MOMENT, KEY, "v1.2", BODY.encode()) == PRINTED


@pytest.fixture
def signed() -> tuple[Suning, dict[str, str]]:
    caller = Suning(Gate(world_of("suning", KEY, "example-token", from_beijing(MOMENT))))
    return caller, caller.head(METHOD, BODY)


def test_a_request_is_taken_as_it_was_signed(signed: tuple[Suning, dict[str, str]]) -> None:
    caller, head = signed
    assert (
        head["signInfo"]
        == hashlib.md5(
            f"{SECRET}{METHOD}{MOMENT}{KEY}v1.2{base64.b64encode(BODY.encode()).decode()}".encode()
        ).hexdigest()
    )
    assert caller.raw(BODY, **head)["sn_responseContent"]["sn_error"]["error_code"].endswith("no-result")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"signInfo": ""}, "sys.check.header-param:forbidden"),
        ({"signInfo": "0" * 32}, "sys.check.header-param:forbidden"),
        ({"AppKey": KEY[:-1] + "2"}, "sys.check.header-param:forbidden"),
        ({"AppRequestTime": "2026-03-10 10:20:01"}, "sys.check.header-param:forbidden"),
        ({"AppRequestTime": "2026-03-10 10:30:01"}, "sys.check.request-apprequesttime:error"),
        ({"AppRequestTime": "2026-03-10 10:09:59"}, "sys.check.request-apprequesttime:error"),
        ({"AppRequestTime": "1773108000"}, "sys.check.request-apprequesttime:error"),
        ({"AppMethod": "suning.custom.ord.query"}, "sys.check.header-param:forbidden"),
        ({"AppMethod": "suning.custom.nothing.query"}, "sys.check.header-param:error"),
        ({"VersionNo": "v1.1"}, "sys.check.header-param:error"),
        ({"Format": "xml"}, "sys.check.header-param:error"),
        ({"access_token": "another"}, "sys.check.access-token:error"),
    ],
)
def test_one_altered_trait_is_refused(signed: tuple[Suning, dict[str, str]], change: dict[str, str], code: str) -> None:
    caller, head = signed
    assert caller.raw(BODY, **{**head, **change})["sn_responseContent"]["sn_error"]["error_code"] == code


def test_another_body_is_refused_under_the_same_signature(signed: tuple[Suning, dict[str, str]]) -> None:
    caller, head = signed
    for body in (BODY + " ", BODY.replace('"pageNo":"1"', '"pageNo":"2"'), BODY.replace(",", ", ")):
        told = caller.raw(body, **head)["sn_responseContent"]["sn_error"]["error_code"]
        assert told == "sys.check.header-param:forbidden"
    assert caller.access == "example-token"
    # the token is not signed
    told = caller.raw(BODY, **head, access_token="example-token")["sn_responseContent"]["sn_error"]["error_code"]
    assert told.endswith("no-result")


def test_a_token_is_had_for_the_code_and_for_its_refresh_token(shop: Suning) -> None:
    words = {"client_id": shop.shop.app_key, "client_secret": shop.shop.app_secret}

    def ask(**more: str) -> Any:
        return shop.send(Request(path="/api/oauth/token", body=urlencode({**words, **more}).encode()))

    first = ask(grant_type="authorization_code", code=f"code-{shop.shop.seller_id}")
    assert first["expires_in"] == 365 * 86400
    second = ask(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second["access_token"] != first["access_token"]
    assert ask(grant_type="refresh_token", refresh_token="x")["error"] == "invalid_grant"
    assert (
        ask(grant_type="refresh_token", refresh_token=first["refresh_token"], client_secret="x")["error"]
        == "invalid_client"
    )


# ------------------------------------------------------------------ reading


def test_answers_have_the_sampled_shape(shop: Suning) -> None:
    rich(shop)
    order = place(shop.world, "suning")
    assert shop.ship(order, order.lines[0].no)["sendresult"] == "Y"
    shop.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    body = json.dumps({"sn_request": {"sn_body": {"orderQuery": {
        "startTime": beijing(shop.world.start), "endTime": beijing(shop.world.start + 300), "pageNo": "1", "pageSize": "10",
    }}}})  # fmt: skip
    compare("suning", shop.raw(body, **shop.head(METHOD, body)))


def test_amounts_are_those_of_the_order_and_add_up(shop: Suning) -> None:
    rich(shop)
    (row,) = shop.search(shop.world.start, shop.world.now)
    order = shop.world.find("suning", row["orderCode"])
    assert order is not None

    def fen(text: str) -> int:
        return int(text.replace(".", "") or 0) // 1000

    lines = row["orderDetail"]
    assert fen(row["countMoney"]) == sum(fen(x["payAmount"]) for x in lines) == order.payable
    for line, true in zip(lines, order.lines, strict=True):
        goods = (
            fen(line["payAmount"])
            + fen(line["coupontotalMoney"])
            + fen(line["vouchertotalMoney"])
            - fen(line["transportFee"])
        )
        assert goods == true.goods
        coupons = sum(fen(p["payamount"]) for p in line["paymentList"] if p["paycode"] == "6901")
        assert coupons == fen(line["coupontotalMoney"])


def test_a_detail_lacks_the_time_of_the_change_and_an_unpaid_order_is_nowhere(shop: Suning) -> None:
    order = place(shop.world, "suning")
    unpaid = place(shop.world, "suning", paid_at="never")
    (row,) = shop.search(shop.world.start, shop.world.now)
    detail = shop.call("suning.custom.order.get", "orderGet", orderCode=order.no)
    assert row["orderDetail"][0].pop("orderLineStatusChangeTime") == beijing(order.modified)
    assert detail == row
    assert shop.call("suning.custom.order.get", "orderGet", orderCode=unpaid.no) == "biz.handler.data-get:no-result"
    assert shop.call("suning.custom.order.get", "orderGet", orderCode="x") == "biz.orderget.ordercode-format:error"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"startTime": ""}, "sys.check.request-params:error"),
        ({"endTime": "now"}, "biz.orderquery.startTime-format:error"),
        ({"endTime": "2025-11-21 00:00:01"}, "sys.check.query-time:outofrange"),
        ({"endTime": "2025-11-19 00:00:00"}, "sys.check.query-time:outofrange"),
        ({"startTime": "2025-08-01 00:00:00", "endTime": "2025-08-01 01:00:00"}, "sys.check.query-time:outofrange"),
        ({"pageSize": "101"}, "sys.check.page-param:error"),
        ({"pageNo": "0"}, "sys.check.page-param:error"),
        ({"pageNo": "one"}, "sys.check.page-param:error"),
        ({"orderLineStatus": "77"}, "sys.check.request-params:error"),
        ({}, "biz.handler.data-get:no-result"),
    ],
)
def test_a_list_says_what_is_wrong_with_the_question(shop: Suning, args: dict[str, str], code: str) -> None:
    asked = {
        "startTime": "2025-11-20 00:00:00",
        "endTime": "2025-11-21 00:00:00",
        "pageNo": "1",
        "pageSize": "50",
        **args,
    }
    assert shop.call(METHOD, "orderQuery", **asked) == code


def test_one_page_word_alone_gives_the_first_ten(shop: Suning) -> None:
    for _ in range(12):
        place(shop.world, "suning")
    words = {"startTime": beijing(shop.world.start), "endTime": beijing(shop.world.now)}
    assert len(shop.call(METHOD, "orderQuery", **words, pageSize="50")) == 10
    assert len(shop.call(METHOD, "orderQuery", **words, pageNo="2")) == 10
    assert len(shop.call(METHOD, "orderQuery", **words, pageNo="1", pageSize="50")) == 12


def test_an_empty_list_can_come_as_null_under_a_good_head(shop: Suning) -> None:
    arm(shop.world, "null_list", platform="suning")
    assert shop.search(shop.world.start, shop.world.now) is None
    assert shop.search(shop.world.start, shop.world.now) == "biz.handler.data-get:no-result"


def test_too_many_calls_are_told_in_words_for_busy(shop: Suning) -> None:
    arm(shop.world, "throttled", platform="suning")
    assert shop.search(shop.world.start, shop.world.now).endswith(":operate failed,retry later")


# ------------------------------------------------------------------ telling


def test_a_part_of_the_lines_makes_a_partly_shipped_order(shop: Suning) -> None:
    listings = [x.listing for x in shop.world.catalogue.listings["suning"]][:2]
    order = place(shop.world, "suning", lines=[{"listing": x, "qty": 2} for x in listings])
    first, second = order.lines
    assert shop.ship(order, first.no)["sendresult"] == "Y"
    (row,) = shop.search(shop.world.start, shop.world.now)
    assert (row["orderTotalStatus"], [x["orderLineStatus"] for x in row["orderDetail"]]) == ("21", ["20", "10"])
    assert [x["expressno"] for x in row["orderDetail"]] == ["SF0000000000001", ""]
    assert shop.ship(order, first.no) == "biz.orderDelivery.expressno-value:existence"
    assert shop.ship(order, first.no, waybill="SF0000000000002") == "biz.orderDelivery.productcode-value:repeat"
    products = {"sendDetail": {"productCode": second.listing.listing}}
    assert shop.ship(order, waybill="YT0000000000001", carrier="Y01", **products)["sendresult"] == "Y"
    assert (order.state, len(order.parcels)) == ("shipped", 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"carrier": "X99"}, "biz.orderDelivery.expresscompanycode-value:inexistence"),
        ({"waybill": "x"}, "sys.check.request-params:error"),
        ({"waybill": ""}, "sys.check.request-params:error"),
        ({"orderCode": "1"}, "biz.orderDelivery.ordercode-value:inexistence"),
    ],
)
def test_a_notice_that_is_wrong_is_refused(shop: Suning, change: dict[str, str], code: str) -> None:
    order = place(shop.world, "suning")
    assert shop.ship(order, order.lines[0].no, **change) == code  # type: ignore[arg-type]
    assert shop.ship(order) == "sys.check.request-params:error"
    assert shop.ship(order, "77") == "biz.orderDelivery.productcode-value:inexistence"
    assert not order.parcels


def test_a_level_is_a_target_and_can_be_read(shop: Suning) -> None:
    listing = shop.world.catalogue.listings["suning"][0]
    method = "suning.custom.inventory.modify"
    assert shop.call(method, "inventory", productCode=listing.listing, destInvNum="7")["result"] == "Y"
    assert shop.call(method, "inventory", itemCode=listing.code, destInvNum="9")["result"] == "Y"
    assert (
        shop.call(method, "inventory", productCode="1", destInvNum="9") == "biz.inventory.productcode-value:inexistence"
    )
    assert (
        shop.call(method, "inventory", productCode=listing.listing, destInvNum="-1") == "sys.check.request-params:error"
    )
    assert shop.call("suning.custom.newinventory.get", "newInventory", productCode=listing.listing)["invNum"] == "9"


def test_a_note_is_kept_with_its_flag(shop: Suning) -> None:
    order = place(shop.world, "suning")
    words = {"orderCode": order.no, "noteFlag": "1", "colorMarkFlag": "3", "noteContent": "加赠"}
    assert shop.call("suning.custom.ordernote.modify", "orderNote", **words)["result"] == "Y"
    assert (order.memo, order.flag) == ("加赠", 3)


# ------------------------------------------------------------------ returns


def asked_for(shop: Suning, *, shipped: bool) -> tuple[Order, str]:
    order = place(shop.world, "suning")
    if shipped:
        shop.ship(order, order.lines[0].no)
    shop.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    return order, order.refunds[0]


def listed(shop: Suning, **more: str) -> Any:
    words = {
        "startModified": beijing(shop.world.start),
        "endModified": beijing(shop.world.now),
        "pageNo": "1",
        "pageSize": "50",
    }
    return shop.call("suning.custom.refundlistinformation.query", "queryRefundlistinformation", **words, **more)


def test_money_asked_back_before_shipping_is_agreed_to(shop: Suning) -> None:
    order, number = asked_for(shop, shipped=False)
    (row,) = listed(shop)
    told = shop.call("suning.custom.refundinformation.query", "queryRefundinformation", returnApplyId=number)
    assert told == {"returnFlag": "Y", "data": row}
    assert (row["returnType"], row["onlyRefund"], row["returnStatusValue"]) == ("2", "1", "1")
    assert shop.search(shop.world.start, shop.world.now)[0]["orderDetail"][0]["returnOrderFlag"] == "1"
    assert shop.call("suning.custom.agreerefund.confirm", "confirmAgreerefund", returnApplyId=number)["result"] == "Y"
    (over,) = shop.search(shop.world.start, shop.world.now)
    assert (over["orderTotalStatus"], over["orderDetail"][0]["orderLineStatus"]) == ("40", "40")
    assert order.state == "cancelled"
    assert listed(shop, returnStatus="1") == "biz.handler.data-get:no-result"
    assert listed(shop, returnStatus="8")[0]["returnApplyId"] == number


def test_a_return_is_agreed_to_before_its_money_goes_back(shop: Suning) -> None:
    _, number = asked_for(shop, shipped=True)
    agree = {"returnApplyId": number, "invAddrId": "A1", "remark": "好"}
    too_early = shop.call("suning.custom.agreerefund.confirm", "confirmAgreerefund", returnApplyId=number)
    assert too_early == "biz.confirmAgreerefund.return-status:error"
    refused = shop.call("suning.custom.rejectrefund.modify", "modifyRejectrefund", returnApplyId=number, remark="不")
    assert refused == "biz.modifyRejectrefund.return-status:error"
    assert shop.call("suning.custom.agreereturn.confirm", "confirmAgreereturn", **agree)["result"] == "Y"
    assert listed(shop)[0]["returnStatusValue"] == "3"
    shop.world.advance(shop.world.now + 7 * 3600)
    assert listed(shop)[0]["returnStatusValue"] in ("4", "8")


def test_what_is_refused_shows_no_return_on_its_line(shop: Suning) -> None:
    _, number = asked_for(shop, shipped=True)
    assert (
        shop.call("suning.custom.rejectreturn.modify", "modifyRejectreturn", returnApplyId=number, remark="不")[
            "result"
        ]
        == "Y"
    )
    assert listed(shop)[0]["returnStatusValue"] == "2"
    assert shop.search(shop.world.start, shop.world.now)[0]["orderDetail"][0]["returnOrderFlag"] == "0"
    gone = shop.call("suning.custom.refundinformation.query", "queryRefundinformation", returnApplyId="1")
    assert gone == {"returnFlag": "N"}
