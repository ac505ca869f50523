"""Vipshop's dialect: its signature, the shape of its answers, its lists, and what it may be told."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.dialects import vipshop
from adapters.sandbox.gate import Gate
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Request, beijing
from tests.sandbox.callers import Caller, arm, gate_of, place
from tests.sandbox.test_shapes import compare, rich
from tests.sandbox.test_signing import SECRET, world_of

SOV = "vipapis.marketplace.delivery.SovDeliveryService"
ASC = "vipapis.marketplace.asc.AscService"
STOCK = "vipapis.marketplace.inventory.InventoryService"
QUERY = {
    "accessToken": "ATEXAMPLE0001", "appKey": "a1b2c3d4", "format": "json", "method": "getOrders", "service": SOV,
    "timestamp": "1773108920", "version": "1.0.0",
}  # fmt: skip
BODY = (
    '{"request":{"query_start_time":"2026-03-10 00:00:00","query_end_time":"2026-03-10 23:59:59","limit":200,"page":1}}'
)


class Vipshop(Caller):
    platform = "vipshop"

    def post(self, query: dict[str, str], body: str, path: str = "/") -> Any:
        return self.send(Request(path=path, query=urlencode(query), body=body.encode()))

    def query(self, api: str, body: str, **changes: str) -> dict[str, str]:
        service, _, method = api.rpartition(".")
        words = {
            "service": service, "method": method, "version": "1.0.0", "timestamp": str(self.world.now), "format": "json",
            "appKey": self.shop.app_key, "accessToken": self.access, **changes,
        }  # fmt: skip
        return {**words, "sign": vipshop.sign(words, body, self.shop.app_secret)}

    def raw(self, api: str, **args: object) -> Any:
        body = json.dumps(args, ensure_ascii=False)
        return self.post(self.query(api, body), body)

    def call(self, api: str, **args: object) -> Any:
        """The result, or the code of the error."""
        told = self.raw(api, request=args)
        return told["result"] if told["returnCode"] == "0" else told["returnCode"]

    def search(self, start: int, end: int, **args: object) -> Any:
        asked = {
            "query_start_time": beijing(start),
            "query_end_time": beijing(end),
            "date_type": 2,
            "limit": 100,
            "page": 1,
        }
        return self.call(f"{SOV}.getOrders", **{**asked, **args})

    def ship(self, order: Order, **changes: object) -> Any:
        goods = [{"sku_id": x.listing.listing, "amount": x.left} for x in order.lines]
        package = {"transport_no": "SF0000000000001", "package_product_list": goods}
        ship = {
            "order_id": order.no,
            "carrier_code": "shunfeng",
            "carrier_name": "顺丰速运",
            "package_type": 1,
            "packages": [package],
        }
        return self.call(f"{SOV}.ship", ships=[{**ship, **changes}])


@pytest.fixture
def shop() -> Vipshop:
    return Vipshop(gate_of(platforms=("vipshop",)))


# ------------------------------------------------------------------ signature


def test_it_signs_as_the_worked_example_says() -> None:
    assert vipshop.sign(QUERY, BODY, "vop_secret_example_01") == "E1E6D1D863BE0CA67B658DE766B12292"


@pytest.fixture
def signed() -> tuple[Vipshop, dict[str, str]]:
    caller = Vipshop(Gate(world_of("vipshop", "a1b2c3d4", "ATEXAMPLE0001", 1773108920)))
    return caller, {**QUERY, "sign": vipshop.sign(QUERY, BODY, SECRET)}


def test_a_request_is_taken_as_it_was_signed_in_any_order(signed: tuple[Vipshop, dict[str, str]]) -> None:
    caller, query = signed
    assert caller.post(query, BODY) == {"returnCode": "0", "result": {"total": 0, "orders": []}}
    assert caller.post(dict(reversed(query.items())), BODY)["returnCode"] == "0"
    language = {**QUERY, "language": "zh"}
    assert caller.post({**language, "sign": vipshop.sign(language, BODY, SECRET)}, BODY)["returnCode"] == "0"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": "0" * 32}, "vipapis.sign-not-match"),
        ({"accessToken": "ATEXAMPLE0002"}, "vipapis.sign-not-match"),
        ({"timestamp": "1773108921"}, "vipapis.sign-not-match"),
        ({"timestamp": "1773109521"}, "vipapis.parameter-notmatch"),
        ({"timestamp": "2026-03-10 10:15:20"}, "vipapis.parameter-notmatch"),
        ({"appKey": "a1b2c3d5"}, "vipapis.appkey-not-exist"),
        ({"format": "xml"}, "vipapis.parameter-notmatch"),
        ({"method": "getorders"}, "vipapis.path.Error"),
        ({"method": "getOrderDetail"}, "vipapis.sign-not-match"),
        ({"version": "2.0.0"}, "vipapis.path.Error"),
        ({"language": "zh"}, "vipapis.sign-not-match"),
    ],
)
def test_one_altered_trait_is_refused(
    signed: tuple[Vipshop, dict[str, str]], change: dict[str, str], code: str
) -> None:
    caller, query = signed
    assert caller.post({**query, **change}, BODY)["returnCode"] == code


def test_a_parameter_left_out_or_another_body_is_refused(signed: tuple[Vipshop, dict[str, str]]) -> None:
    caller, query = signed
    for name in query:
        told = caller.post({k: v for k, v in query.items() if k != name}, BODY)["returnCode"]
        assert told == ("vipapis.sign-not-match" if name == "accessToken" else "vipapis.miss-parameter")
    for body in (BODY + " ", BODY.replace('"page":1', '"page":2'), BODY.replace(",", ", ")):
        assert caller.post(query, body)["returnCode"] == "vipapis.sign-not-match"
    lower = {**query, "sign": query["sign"].lower()}
    assert caller.post(lower, BODY)["returnCode"] == "vipapis.sign-not-match"


def test_a_token_is_renewed_by_its_refresh_token(shop: Vipshop) -> None:
    old = shop.world.tokens["vipshop"].latest
    assert old is not None
    words = {
        "refresh_token": old.refresh, "client_id": shop.shop.app_key, "client_secret": shop.shop.app_secret,
        "request_client_ip": "192.0.2.7",
    }  # fmt: skip
    api = "vipapis.oauth.OauthService.refreshToken"
    shop.access = ""
    new = shop.raw(api, **words)["result"]
    assert new["expires_in"] == 30 * 86400
    assert shop.raw(api, **{**words, "refresh_token": "x"})["returnCode"] == "vipapis.oauth-invalidate-failure"
    assert shop.raw(api, **{**words, "client_secret": "x"})["returnCode"] == "vipapis.appkey-not-exist"
    assert shop.search(shop.world.start, shop.world.now) == "vipapis.oauth-invalidate-failure"
    shop.access = new["access_token"]
    assert shop.search(shop.world.start, shop.world.now)["total"] == 0


# ------------------------------------------------------------------ reading


def test_answers_have_the_sampled_shape(shop: Vipshop) -> None:
    rich(shop)
    order = place(shop.world, "vipshop")
    assert shop.ship(order)["success_num"] == 1
    shop.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    span = {"query_start_time": beijing(shop.world.start), "query_end_time": beijing(shop.world.now)}
    heads = shop.raw(f"{SOV}.getOrders", request={**span, "date_type": 2, "limit": 10, "page": 1})
    numbers = [o["order_id"] for o in heads["result"]["orders"]]
    lines = shop.raw(f"{SOV}.getOrderDetail", order_ids=numbers)
    cases = shop.raw(f"{ASC}.getAscs", request={**span, "limit": 10, "page": 1, "operator": "oms"})
    compare("vipshop", {"orders": heads, "lines": lines, "cases": cases})


def test_amounts_are_those_of_the_order_and_add_up(shop: Vipshop) -> None:
    rich(shop)
    (head,) = shop.search(shop.world.start, shop.world.now)["orders"]
    order = shop.world.find("vipshop", head["order_id"])
    (told,) = shop.raw(f"{SOV}.getOrderDetail", order_ids=[head["order_id"]])["result"]
    assert order is not None

    def fen(text: str) -> int:
        return int(text.replace(".", ""))

    off = fen(head["discount_fee"]) + fen(head["ex_discount_fee"])
    assert fen(head["total_fee"]) - off + fen(head["post_fee"]) == fen(head["payable_fee"]) == order.payable
    products = told["order_products"]
    assert sum(fen(p["price"]) * int(p["num"]) for p in products) == fen(head["total_fee"])
    assert sum(fen(p["goods_line_money"]) for p in products) + fen(head["post_fee"]) == order.payable


def test_orders_are_listed_by_the_time_that_is_asked_for(shop: Vipshop) -> None:
    order = place(shop.world, "vipshop")
    place(shop.world, "vipshop", paid_at="never")
    shop.world.advance(shop.world.now + 600)
    shop.world.happen(order, "touched", {}, why="script")
    late = shop.world.now
    assert shop.search(late - 60, late)["total"] == 1
    assert shop.search(late - 60, late, date_type=1)["total"] == 0
    assert shop.search(shop.world.start, late, date_type=1)["total"] == 1
    assert shop.search(shop.world.start, late, status=["22"])["total"] == 0
    assert shop.search(shop.world.start, late, status=["10", "22"])["total"] == 1
    by_number = shop.call(f"{SOV}.getOrders", order_ids=[order.no, "1"], limit=50, page=1)
    assert [o["order_id"] for o in by_number["orders"]] == [order.no]
    assert shop.raw(f"{SOV}.getOrderStatusById", order_ids=[order.no])["result"] == [
        {"order_id": order.no, "order_status": "10"}
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"query_start_time": ""}, "vipapis.miss-parameter"),
        ({"query_end_time": "now"}, "vipapis.parameter-notmatch"),
        ({"query_end_time": "2025-11-01 00:00:00"}, "vipapis.parameter-notmatch"),
        ({"date_type": 3}, "vipapis.parameter-notmatch"),
        ({"limit": 201}, "vipapis.parameter-notmatch"),
        ({"page": 0}, "vipapis.parameter-notmatch"),
        ({"page": "1"}, "vipapis.parameter-notmatch"),
    ],
)
def test_a_list_says_what_is_wrong_with_the_question(shop: Vipshop, change: dict[str, object], code: str) -> None:
    assert shop.search(shop.world.start, shop.world.now, **change) == code


def test_details_are_at_most_fifty_and_an_argument_is_wrapped(shop: Vipshop) -> None:
    api = f"{SOV}.getOrderDetail"
    assert shop.raw(api, order_ids=[str(n) for n in range(51)])["returnCode"] == "vipapis.parameter-notmatch"
    assert shop.raw(api, order_ids=[])["returnCode"] == "vipapis.parameter-notmatch"
    assert shop.raw(api, order_ids=["1"])["result"] == []
    assert shop.raw(f"{SOV}.getOrders", order_ids=["1"])["returnCode"] == "vipapis.miss-parameter"


def test_too_many_calls_are_told_as_a_service_that_is_down(shop: Vipshop) -> None:
    arm(shop.world, "throttled", platform="vipshop")
    assert shop.search(shop.world.start, shop.world.now) == "vipapis.base-api.error"


# ------------------------------------------------------------------ telling


def test_a_notice_ships_the_whole_order_in_packages_of_several_carriers(shop: Vipshop) -> None:
    listings = [x.listing for x in shop.world.catalogue.listings["vipshop"]][:2]
    order = place(shop.world, "vipshop", lines=[{"listing": x, "qty": 2} for x in listings])
    half = [{"transport_no": "SF0000000000001", "package_product_list": [{"sku_id": listings[0], "amount": 2}]}]
    told = shop.ship(order, packages=half)
    assert (told["success_num"], told["fail_num"], told["fail_data"][0]["result_desc"]) == (0, 1, "订单商品未全部发货")
    other = [{"transport_no": "YT0000000000001", "package_product_list": [{"sku_id": listings[1], "amount": 2}]}]
    head = {"order_id": order.no, "carrier_name": "n", "package_type": 1}
    ships = [
        {**head, "carrier_code": "shunfeng", "packages": half},
        {**head, "carrier_code": "yuantong", "packages": other},
    ]
    assert shop.call(f"{SOV}.ship", ships=ships)["success_num"] == 2
    assert (order.state, [p.carrier for p in order.parcels]) == ("shipped", ["SF", "YTO"])
    again = shop.call(f"{SOV}.ship", ships=ships)
    assert (again["fail_num"], again["fail_data"][0]["result_desc"]) == (2, "订单已发货")
    assert shop.search(shop.world.start, shop.world.now)["orders"][0]["status"] == "22"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order_id": "1"}, "订单不存在"),
        ({"carrier_code": "pigeon"}, "承运商编码不存在"),
        ({"packages": [{"transport_no": "x", "package_product_list": []}]}, "订单商品未全部发货"),
    ],
)
def test_a_notice_that_is_wrong_fails_under_a_good_code(shop: Vipshop, change: dict[str, object], words: str) -> None:
    order = place(shop.world, "vipshop")
    told = shop.ship(order, **change)
    assert (told["fail_num"], told["fail_data"][0]["result_desc"]) == (1, words)
    assert shop.ship(order, carrier_name="") == "vipapis.miss-parameter"
    assert not order.parcels


def test_levels_are_totals_or_differences_that_count_once(shop: Vipshop) -> None:
    sku = shop.world.catalogue.listings["vipshop"][0].listing

    def set_to(sku_id: str, quantity: object) -> Any:
        return shop.raw(f"{STOCK}.updateSkuStock", updateSkuStockRequest={"sku_id": sku_id, "quantity": quantity})

    def add(**more: object) -> Any:
        return shop.raw(f"{STOCK}.increaseSkuStock", increaseSkuStockRequest={"sku_id": sku, "quantity": -2, **more})

    assert set_to(sku, 9)["result"]["success"] is True
    assert set_to("1", 9)["result"]["success"] is False
    assert set_to(sku, "many")["returnCode"] == "vipapis.parameter-notmatch"
    assert add()["returnCode"] == "vipapis.miss-parameter"
    assert [add(batch_no="b1")["result"]["success"] for _ in range(2)] == [True, True]
    told = shop.raw(f"{STOCK}.getSkuStock", getSkuStockRequest={"sku_id": sku})["result"]
    assert told["sku_stocks"][0]["leaving_stock"] == 7


# ------------------------------------------------------------------ refunds


def cancels(shop: Vipshop, **args: object) -> Any:
    span = {"start_time": beijing(shop.world.start), "end_time": beijing(shop.world.now)}
    told = shop.call(f"{SOV}.batchGetCancelInfo", **{**span, "page": 1, "limit": 50, **args})
    return told if isinstance(told, str) else told["cancelInfos"]


def test_an_application_cancels_a_whole_order_once_it_is_audited(shop: Vipshop) -> None:
    order = place(shop.world, "vipshop")
    shop.world.happen(order, "refund_asked", {}, why="script")
    (row,) = cancels(shop)
    assert (row["order_id"], row["audit_status"], row["order_status"]) == (order.no, 1, "10")
    assert cancels(shop, audit_status=2) == []
    assert cancels(shop, apply_sn=row["apply_sn"], start_time=None) == [row]
    audit = f"{SOV}.auditCancelApply"
    assert shop.call(audit, apply_sn=row["apply_sn"], audit_status=3, opinion="短") == "vipapis.parameter-notmatch"
    assert shop.call(audit, apply_sn="x", audit_status=2) == "vipapis.sov.cancel-apply-not-exist"
    assert shop.call(audit, apply_sn=row["apply_sn"], audit_status=2) == {"apply_sn": row["apply_sn"]}
    (over,) = cancels(shop)
    assert (over["audit_status"], over["order_status"]) == (2, "97")
    assert shop.call(audit, apply_sn=row["apply_sn"], audit_status=2) == "vipapis.sov.cancel-apply-audited"


def test_applications_are_asked_for_by_the_day(shop: Vipshop) -> None:
    shop.world.advance(shop.world.start + 86401)
    assert cancels(shop) == "vipapis.parameter-notmatch"
    assert cancels(shop, start_time=beijing(shop.world.start + 1)) == []


def test_a_case_is_listed_by_when_it_was_made_and_tells_its_money_apart(shop: Vipshop) -> None:
    order = place(shop.world, "vipshop")
    shop.ship(order)
    shop.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    span = {"query_start_time": beijing(shop.world.start), "query_end_time": beijing(shop.world.now)}
    told = shop.call(f"{ASC}.getAscs", **span, limit=10, page=1)
    (case,) = told["ascs"]
    brief = case["asc_brief"]
    assert (brief["asc_type"], brief["asc_status"], told["has_next"]) == (1, "0", False)
    assert cancels(shop) == []
    info = shop.call(f"{ASC}.getAscInfo", asc_sn=brief["asc_sn"])
    refund = shop.world.refunds["vipshop", brief["asc_sn"]]
    assert round(info["refund_info"]["refund_total"] * 100) == refund.amount
    assert [p["sku_id"] for p in info["asc_products"]] == [order.lines[0].listing.listing]
    assert info["transport_info"]["transport_no"] == ""
    shop.world.advance(shop.world.now + 8 * 3600)
    assert shop.call(f"{ASC}.getAscInfo", asc_sn=brief["asc_sn"])["transport_info"]["carriers_code"] == "yuantong"
    assert shop.call(f"{ASC}.getAscInfo", asc_sn="x") == "vipapis.asc.not-exist"
    shop.world.advance(shop.world.now + 24 * 3600)
    late = shop.call(
        f"{ASC}.getAscs",
        **{**span, "query_start_time": span["query_end_time"], "query_end_time": beijing(shop.world.now)},
        limit=10,
        page=1,
    )
    assert late["ascs"][0]["asc_brief"]["asc_status"] == "9"
    assert shop.search(shop.world.start, shop.world.now)["orders"][0]["status"] == "49"
