"""Youzan's dialect: its tokens and envelopes, its bounds, its shapes, and what may be done to it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.state import Order
from adapters.sandbox.wire import Request, beijing
from tests.sandbox.callers import Caller, arm, gate_of, place
from tests.sandbox.test_shapes import SHAPES, rich, walk

SOLD, TRADE = "youzan.trades.sold.get/4.0.4", "youzan.trade.get/4.0.2"
CASES, CASE = "youzan.trade.refund.search/3.0.1", "youzan.trade.refund.get/3.0.1"


class Youzan(Caller):
    platform = "youzan"

    def post(self, path: str, body: dict[str, Any], **query: str) -> Any:
        raw = json.dumps(body, ensure_ascii=False).encode()
        return self.send(Request(path=path, query=urlencode(query), body=raw))

    def call(self, method: str, **args: object) -> Any:
        return self.post(f"/api/{method}", args, access_token=self.access)

    def token(self, **args: object) -> Any:
        keys = {"client_id": self.shop.app_key, "client_secret": self.shop.app_secret}
        return self.post("/auth/token", {**keys, **args})

    def sold(self, **args: object) -> Any:
        span = {"start_update": beijing(self.world.now - 900), "end_update": beijing(self.world.now + 900)}
        return self.call(SOLD, **{**span, "page_no": 1, "page_size": 100, **args})

    def trade(self, order: Order) -> Any:
        return self.call(TRADE, tid=order.no)["data"]

    def ship(self, order: Order, waybill: str, oids: str = "", carrier: str = "7") -> int:
        args = {"tid": order.no, "is_no_express": 0, "out_stype": carrier, "out_sid": waybill}
        told = self.call("youzan.logistics.online.confirm/3.0.0", **args, **({"oids": oids} if oids else {}))
        code: int = told["code"]
        return code

    def answer(self, method: str, no: str, **args: object) -> int:
        version = self.call(CASE, refund_id=no)["data"]["version"]
        told = self.call(f"youzan.trade.{method}/3.0.0", **{"refund_id": no, "version": version, **args})
        code: int = told["code"]
        return code


@pytest.fixture
def shop() -> Youzan:
    return Youzan(gate_of(platforms=("youzan",)))


# --- tokens and envelopes


def test_the_token_counts_in_the_query_only(shop: Youzan) -> None:
    span = {"start_update": beijing(shop.world.now - 9), "end_update": beijing(shop.world.now)}
    good = shop.post(f"/api/{SOLD}", span, access_token=shop.access)
    assert (good["code"], good["success"]) == (200, True) and good["trace_id"]
    codes = {
        "body": shop.post(f"/api/{SOLD}", {**span, "access_token": shop.access}),
        "other": shop.post(f"/api/{SOLD}", span, access_token=shop.access + "x"),
        "method": shop.post("/api/youzan.trades.sold.get/9.9.9", span, access_token=shop.access),
        "path": shop.post(f"/{SOLD}", span, access_token=shop.access),
    }
    told = {name: reply["gw_err_resp"]["err_code"] for name, reply in codes.items()}
    assert told == {"body": 4201, "other": 4203, "method": 4001, "path": 4001}


def test_tokens_are_had_by_the_shop_by_code_and_by_refresh(shop: Youzan) -> None:
    silent = shop.token(authorize_type="silent", grant_id=int(shop.shop.seller_id), refresh=True)["data"]
    assert silent["expires"] == (shop.world.now + 7 * 86400) * 1000
    assert (silent["authority_id"], silent["access_token"] != shop.access) == (shop.shop.seller_id, True)
    fresh = shop.token(authorize_type="refresh_token", refresh_token=silent["refresh_token"])["data"]
    shop.access = fresh["access_token"]
    assert shop.sold()["code"] == 200
    shop.world.advance(shop.world.now + 7 * 86400)
    assert shop.sold()["gw_err_resp"]["err_code"] == 4202
    assert shop.token(authorize_type="authorization_code", code=f"code-{shop.shop.seller_id}")["code"] == 200
    wrong: tuple[dict[str, object], ...] = (
        {"authorize_type": "silent", "grant_id": "1"},
        {"authorize_type": "authorization_code", "code": "x"},
        {"authorize_type": "refresh_token", "refresh_token": "x"},
        {"authorize_type": "x"},
    )
    assert [shop.token(**words)["code"] for words in wrong] == [1103] * 4
    assert shop.token(authorize_type="silent", grant_id=shop.shop.seller_id, client_secret="x")["code"] == 1004


# --- shapes


def test_answers_have_the_sampled_shape(shop: Youzan) -> None:
    rich(shop)
    order = place(shop.world, "youzan")
    assert shop.ship(order, "SF0000000000001") == 200
    shop.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    seen = walk(shop.sold(), "", {})
    sampled = json.loads((SHAPES / "youzan.json").read_text(encoding="utf-8"))
    assert {p: set(t.split("|")) for p, t in sampled.items()}.keys() == seen.keys()
    # what the sample happens not to have: a discount on items, an order that has no words of the seller's
    more = {"data.full_order_info_list[].order_promotion.item_discount_fee": {"text"}}
    differ = {p: seen[p] ^ set(t.split("|")) for p, t in sampled.items() if seen[p] != set(t.split("|"))}
    assert differ == more


def test_a_number_begins_with_its_second(shop: Youzan) -> None:
    order = place(shop.world, "youzan")
    stamp = "".join(c for c in beijing(order.created) if c.isdigit())
    assert order.no.startswith(f"E{stamp}") and len(order.no) == 24


# --- lists


def test_lists_are_newest_first_and_whole(shop: Youzan) -> None:
    orders = []
    for _ in range(3):
        shop.world.advance(shop.world.now + 1)
        orders.append(place(shop.world, "youzan"))
    first, last = shop.sold(page_size=2)["data"], shop.sold(page_size=2, page_no=2)["data"]
    rows = [
        r["full_order_info"]["order_info"]["tid"] for r in first["full_order_info_list"] + last["full_order_info_list"]
    ]
    assert rows == [o.no for o in reversed(orders)] and first["total_results"] == 3
    assert shop.trade(orders[0]) == last["full_order_info_list"][0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"page_size": 101}, 106100114),
        ({"page_no": 101, "page_size": 1}, 106100114),
        ({"page_no": 0}, 106100114),
        ({"page_no": "1"}, 5001),
        ({"start_update": "2025-11-20"}, 5001),
        ({"start_update": "2025-01-01 00:00:00"}, 106100114),
        ({"end_update": ""}, 106100114),
    ],
)
def test_what_is_out_of_bounds_is_refused(shop: Youzan, change: dict[str, Any], code: int) -> None:
    told = shop.sold(**change)
    assert (told.get("gw_err_resp") or {}).get("err_code", told.get("code")) == code


def test_case_lists_take_seconds_and_reach_three_thousand_rows(shop: Youzan) -> None:
    order = place(shop.world, "youzan")
    shop.world.happen(order, "refund_asked", {}, why="script")
    now = shop.world.now
    told = shop.call(CASES, update_time_start=now - 9, update_time_end=now, page_no=1, page_size=100)["data"]
    (row,) = told["refunds"]
    assert (told["total"], row["tid"], row["status"], row["return_goods"]) == (1, order.no, "WAIT_SELLER_AGREE", False)
    assert shop.call(CASES, update_time_start=now * 1000, update_time_end=now * 1000)["code"] == 106100114
    assert (
        shop.call(CASES, update_time_start=now - 9, update_time_end=now, page_no=31, page_size=100)["code"] == 106100114
    )
    assert shop.call(CASE, refund_id="1")["code"] == 106100110


# --- orders and telling


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"paid_at": "never"}, "WAIT_BUYER_PAY"),
        ({"hold": "group_unfinished"}, "WAIT_CONFIRM"),
        ({}, "WAIT_SELLER_SEND_GOODS"),
    ],
)
def test_each_state_has_its_word(shop: Youzan, wanted: dict[str, Any], word: str) -> None:
    order = place(shop.world, "youzan", **wanted)
    assert shop.trade(order)["full_order_info"]["order_info"]["status"] == word


def test_money_adds_up_as_the_page_says(shop: Youzan) -> None:
    order = place(
        shop.world, "youzan", freight=600, lines=[{"sku": "SKU-1001-A", "qty": 2, "unit": 5000, "item_off": 500, "shop_off": 300, "adjust": -200}]
    )  # fmt: skip
    told = shop.trade(order)
    pay, less = told["full_order_info"]["pay_info"], told["order_promotion"]
    assert (pay["total_fee"], pay["post_fee"], pay["payment"]) == ("100.00", "6.00", "96.00")
    assert (less["item_discount_fee"], less["order_discount_fee"], less["adjust_fee"]) == ("5.00", "3.00", "-2.00")


def test_a_seller_memo_does_not_move_the_time_of_update(shop: Youzan) -> None:
    order = place(shop.world, "youzan")
    before = shop.trade(order)["full_order_info"]["order_info"]["update_time"]
    shop.world.advance(shop.world.now + 60)
    assert shop.call("youzan.trade.memo.update/3.0.0", tid=order.no, memo="m", flag=2)["code"] == 200
    told = shop.trade(order)["full_order_info"]
    assert (told["order_info"]["update_time"], told["remark_info"]["trade_memo"]) == (before, "m")


def test_an_order_is_shipped_by_lines_or_whole(shop: Youzan) -> None:
    a, b = shop.world.catalogue.listings["youzan"][2:4]
    order = place(shop.world, "youzan", lines=[{"listing": a.listing, "qty": 2}, {"listing": b.listing}])
    first, second = (x.no for x in order.lines)
    assert shop.ship(order, "SF0000000000001", first) == 200
    told = shop.trade(order)
    assert told["full_order_info"]["order_info"]["status"] == "WAIT_SELLER_SEND_GOODS"
    (pack,) = told["delivery_order"]
    assert (pack["oids"], pack["express_state"]) == ([{"oid": first}], 1)
    assert shop.ship(order, "SF0000000000002", first) == 102570020
    assert shop.ship(order, "SF0000000000003", "1") == 102570007
    assert shop.ship(order, "SF0000000000003", second, carrier="999") == 105000016
    assert shop.ship(order, "bad", second) == 105000003
    assert shop.ship(order, "SF0000000000003") == 200
    assert shop.trade(order)["full_order_info"]["order_info"]["status"] == "WAIT_BUYER_CONFIRM_GOODS"
    told = shop.call("youzan.logistics.online.confirm/3.0.0", tid="E1", out_stype="7", out_sid="SF0000000000001")
    assert (told["code"], told["message"]) == (5000, "trade not found")


def test_levels_are_set_and_added_to(shop: Youzan) -> None:
    listings = shop.world.catalogue.listings["youzan"]
    plain = next(x for x in listings if x.has_variants)
    lone = next(x for x in listings if not x.has_variants)

    def tell(item: str, sku: int, quantity: object, kind: int = 0) -> Any:
        told = shop.call(
            "youzan.item.quantity.update/3.0.0", item_id=int(item), sku_id=sku, quantity=quantity, type=kind
        )
        return told.get("code") or told["gw_err_resp"]["err_code"]

    assert tell(plain.product, int(plain.listing), 7) == tell(plain.product, int(plain.listing), -2, 1) == 200
    assert shop.world.levels["youzan", plain.listing] == 5
    assert tell(lone.product, 0, 3) == 200 and shop.world.levels["youzan", lone.listing] == 3
    wrong = [
        tell(plain.product, 1, 7),
        tell(plain.product, 0, 7),
        tell(lone.product, 0, -1),
        tell(lone.product, 0, "7"),
    ]
    assert wrong == [106000003, 106000003, 106100114, 5001]


def test_cases_are_answered_under_their_version(shop: Youzan) -> None:
    order = place(shop.world, "youzan")
    shop.ship(order, "SF0000000000001")
    shop.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    (no,) = order.refunds
    where = {"name": "n", "mobile": "1", "address": "a"}
    assert shop.answer("refund.agree", no) == 106100115, "its goods are not back"
    assert shop.answer("returngoods.agree", no) == 106100114, "without an address"
    assert shop.answer("returngoods.agree", no, version=1, **where) == 106100115
    assert shop.answer("returngoods.agree", no, **where) == 200
    assert shop.answer("refund.refuse", no) == 106100115
    shop.world.advance(shop.world.now + 7 * 3600)
    told = shop.call(CASE, refund_id=no)["data"]
    assert told["status"] == "WAIT_SELLER_CONFIRM_GOODS" and told["logistics"]["logistics_no"]
    assert shop.answer("refund.agree", no) == 200
    told = shop.trade(order)
    assert (told["refund_order"][0]["refund_state"], told["full_order_info"]["order_info"]["refund_state"]) == (60, 12)


def test_a_refusal_ends_a_case(shop: Youzan) -> None:
    order = place(shop.world, "youzan")
    shop.world.happen(order, "refund_asked", {}, why="script")
    assert shop.trade(order)["full_order_info"]["order_info"]["refund_state"] == 11
    assert shop.answer("refund.refuse", order.refunds[0], remark="已发货") == 200
    assert shop.trade(order)["full_order_info"]["order_info"]["refund_state"] == 0


# --- faults


def test_faults_are_played_in_its_own_words(shop: Youzan) -> None:
    order = place(shop.world, "youzan")
    arm(shop.world, "throttled", platform="youzan")
    assert shop.sold() == {"msg": "请求被限流", "code": 500100004}
    arm(shop.world, "null_list", platform="youzan")
    empty = {"start_update": "2025-11-01 00:00:00", "end_update": "2025-11-01 00:00:01"}
    assert shop.sold(**empty)["data"]["full_order_info_list"] is None
    arm(shop.world, "wrong_total", platform="youzan")
    assert shop.sold()["data"]["total_results"] == 2
    arm(shop.world, "duplicates", platform="youzan")
    assert len(shop.sold()["data"]["full_order_info_list"]) == 2
    arm(shop.world, "float_money", platform="youzan", order=order.no)
    assert type(shop.trade(order)["full_order_info"]["pay_info"]["payment"]) is float
    for mode, path in (("money", ("pay_info", "payment")), ("time", ("order_info", "update_time"))):
        arm(shop.world, "unreadable_order", platform="youzan", order=order.no, mode=mode)
        assert shop.trade(order)["full_order_info"][path[0]][path[1]] in ("abc", "not-a-time")
    arm(shop.world, "token_expired", platform="youzan")
    assert shop.sold()["gw_err_resp"]["err_code"] == 4202
