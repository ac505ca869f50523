"""The dialect of a mini program: tokens, payments, the mall's call, what it takes and what it refuses."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.dialects import wechat_miniprogram as dialect
from adapters.sandbox.payloads import wechat_miniprogram as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wire import BEIJING, Request
from tests.sandbox.callers import Caller, arm, gate_of, place
from tests.sandbox.test_shapes import SHAPES, walk

NAME = "wechat_miniprogram"
LIST, DETAIL, SHIP = (f"/wxa/sec/order/{x}" for x in ("get_order_list", "get_order", "upload_shipping_info"))
SF, YT = "SF0000000000001", "YT0000000000001"


class Miniprogram(Caller):
    platform = NAME

    def token(self, **args: object) -> Any:
        words = {"grant_type": "client_credential", "appid": self.shop.app_key, "secret": self.shop.app_secret, **args}
        reply = self.send(Request(path="/cgi-bin/stable_token", body=json.dumps(words).encode()))
        self.access = reply.get("access_token", self.access)
        return reply

    def call(self, path: str, **args: object) -> Any:
        if not self.access:
            self.token()
        return self.send(
            Request(path=path, query=urlencode({"access_token": self.access}), body=json.dumps(args).encode())
        )

    def list(self, start: int, end: int, **args: object) -> Any:
        return self.call(LIST, **{"pay_time_range": {"begin_time": start, "end_time": end}, "last_index": "", **args})

    def payment(self, order: Order) -> Any:
        return self.call(DETAIL, transaction_id=trees.transaction_id(order))["order"]

    def parcels(self, *waybills: str) -> list[dict[str, Any]]:
        sf = {"contact": {"receiver_contact": "138****0021"}}
        return [
            {
                "tracking_no": w,
                "express_company": "SF" if w == SF else "YTO",
                "item_desc": "T",
                **(sf if w == SF else {}),
            }
            for w in waybills
        ]

    def ship(self, order: Order, *waybills: str, **change: object) -> int:
        body = {
            "order_key": {"order_number_type": 2, "transaction_id": trees.transaction_id(order)},
            "logistics_type": 1,
            "delivery_mode": 1 if len(waybills) == 1 else 2,
            "is_all_delivered": True,
            "shipping_list": self.parcels(*waybills),
            "upload_time": datetime.fromtimestamp(self.world.now, BEIJING).isoformat(timespec="milliseconds"),
            "payer": {"openid": trees.openid(order.buyer)},
        }
        code: int = self.call(SHIP, **{**body, **change})["errcode"]
        return code

    def mall(self, numbers: object, *, at: int | None = None, secret: str = "", body: bytes | None = None) -> Any:
        sent = json.dumps({"numbers": numbers}).encode()
        stamp = str(self.world.now if at is None else at)
        sign = dialect.mall_sign(secret or self.shop.app_secret, stamp, sent)
        headers = {"x-oms-time": stamp, "x-oms-sign": sign}
        return self.send(Request(path="/mall/orders", body=sent if body is None else body, headers=headers))


def caller_of(**wish: object) -> Miniprogram:
    return Miniprogram(gate_of(platforms=(NAME,), **wish))


# ================================================================ who asks


def test_tokens_are_the_apps_and_force_replaces_them() -> None:
    caller = caller_of()
    first = caller.token()
    assert first["expires_in"] == 7200 and caller.token()["access_token"] == first["access_token"]
    assert [caller.token(**w)["errcode"] for w in ({"appid": "x"}, {"secret": "x"}, {"grant_type": "x"})] == [
        40013,
        40125,
        40002,
    ]
    caller.world.advance(caller.world.now + 60)
    assert caller.token(force_refresh=True)["access_token"] != first["access_token"]
    assert caller.token(force_refresh=True)["errcode"] == 45011
    caller.access = first["access_token"]
    assert caller.list(0, 1)["errcode"] == 42001
    caller.access = "other"
    assert caller.list(0, 1)["errcode"] == 40001
    assert caller.send(Request(path=LIST, body=b"{}"))["errcode"] == 41001
    assert caller.send(Request(method="GET", path=LIST))["errcode"] == 43002
    assert caller.send(Request(path="/wxa/sec/order/nothing", body=b"{}"))["errcode"] == 40066


def test_the_mall_wants_its_time_and_bytes_signed() -> None:
    caller = caller_of()
    printed = "3eda0f9ca25d24f99f8048717aefe7463ef3141414cf550f6f49c084605e0277"
    assert dialect.mall_sign("key", "1763604300", b'{"numbers":["M1"]}') == printed
    order = place(caller.world, NAME)
    assert [o["number"] for o in caller.mall([order.no, "M0"])["orders"]] == [order.no]
    refused = [
        caller.mall([order.no], secret="other"), caller.mall([order.no], at=caller.world.now - 301), caller.mall([order.no], at=caller.world.now + 301),
        caller.mall([order.no], body=b'{"numbers":["M0"]}'), caller.mall("x"), caller.mall(["M0"] * 201),
    ]  # fmt: skip
    assert [r["error"] for r in refused] == ["signature", "time", "time", "signature", "numbers", "numbers"]
    bare = caller.send(Request(path="/mall/orders", body=b"{}"))
    assert bare["error"] == "time"


# ================================================================ payments


def test_lists_are_of_what_was_paid_newest_first_with_a_cursor() -> None:
    caller = caller_of()
    made = []
    for _ in range(5):
        made.append(place(caller.world, NAME).no)
        caller.world.advance(caller.world.now + 60)
    unpaid = place(caller.world, NAME, paid_at="never")
    seen, cursor, flags = [], "", []
    for _ in range(3):
        page = caller.list(caller.world.start, caller.world.now, page_size=2, last_index=cursor)
        seen += [o["merchant_trade_no"] for o in page["order_list"]]
        cursor = page["last_index"]
        flags.append(page["has_more"])
    assert seen == made[::-1] and flags == [True, True, False]
    assert (
        caller.list(caller.world.start, caller.world.start + 60, page_size=2)["order_list"][0]["merchant_trade_no"]
        == made[1]
    )
    after = caller.list(caller.world.start, caller.world.now, last_index=cursor)
    assert (after["order_list"], after["has_more"], after["last_index"]) == ([], False, cursor)
    assert caller.list(caller.world.start, caller.world.now - 1, last_index=cursor)["errcode"] == 40097
    assert caller.call(DETAIL, merchant_id=caller.shop.seller_id, merchant_trade_no=unpaid.no)["errcode"] == 10060001
    told = {o["order"]: o["listed"] for o in caller.world.all_orders()}
    assert not told[unpaid.no] and told[made[0]]


@pytest.mark.parametrize(
    "change",
    [{"page_size": 0}, {"page_size": 101}, {"order_state": 7}, {"pay_time_range": {"begin_time": 2, "end_time": 1}}],
)
def test_what_is_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    caller = caller_of()
    assert caller.list(1, 2, **change)["errcode"] == 10060014
    assert caller.list(1, 2, last_index="x")["errcode"] == 40097


def test_states_filter_and_a_payment_is_found_in_two_ways() -> None:
    caller = caller_of()
    world = caller.world
    paid, shipped = place(world, NAME), place(world, NAME)
    assert caller.ship(shipped, YT) == 0
    for state, wanted in ((1, [paid.no]), (2, [shipped.no]), (5, [])):
        rows = caller.list(world.start, world.now, order_state=state)["order_list"]
        assert [o["merchant_trade_no"] for o in rows] == wanted
    assert caller.call(DETAIL, merchant_id=caller.shop.seller_id, merchant_trade_no=paid.no)["order"] == caller.payment(
        paid
    )
    assert caller.call(DETAIL, merchant_id="1", merchant_trade_no=paid.no)["errcode"] == 10060001
    assert caller.call(DETAIL, transaction_id="1")["errcode"] == 10060001


def test_answers_have_the_sampled_shape() -> None:
    caller = caller_of()
    shipped, paid = place(caller.world, NAME, lines=[{"sku": "SKU-1001-A", "qty": 2}]), place(caller.world, NAME)
    assert caller.ship(shipped, SF, YT) == 0
    reply = caller.list(caller.world.start, caller.world.now)
    seen = walk(reply, "", {})
    assert {path: "|".join(sorted(types)) for path, types in seen.items()} == json.loads(
        (SHAPES / f"{NAME}.json").read_text(encoding="utf-8")
    )
    assert [o["shipping"] == {} for o in reply["order_list"]] == [
        o["merchant_trade_no"] == paid.no for o in reply["order_list"]
    ]
    assert caller.payment(shipped)["description"] == f"{shipped.lines[0].listing.title}*2"


def test_the_mall_tells_what_adds_up_to_the_payment() -> None:
    caller = caller_of()
    line = {
        "sku": "SKU-1001-A",
        "qty": 2,
        "unit": 5990,
        "item_off": 100,
        "shop_off": 1000,
        "platform_off": 505,
        "adjust": -100,
    }
    order = place(caller.world, NAME, lines=[line], freight=600, remark="快", memo="VIP")
    (told,) = caller.mall([order.no])["orders"]
    (sold,) = told["lines"]
    assert sold["qty"] * sold["unit"] + told["freight"] - sum(d["amount"] for d in told["discounts"]) == told["payable"]
    assert told["payable"] == caller.payment(order)["paid_amount"] == sold["paid"] + 600
    assert {d["kind"] for d in told["discounts"]} == {"item", "coupon", "points", "price_change"}
    assert (told["receiver"]["phone"], told["remark"], told["note"]) == (order.receiver.phone, "快", "VIP")


@pytest.mark.parametrize(
    ("mode", "field", "value"),
    [("money", "paid_amount", "abc"), ("id", "merchant_trade_no", None), ("time", "pay_time", "not-a-time")],
)
def test_an_unreadable_payment_stays_so_until_it_is_healed(mode: str, field: str, value: str | None) -> None:
    caller = caller_of()
    order = place(caller.world, NAME)
    good = caller.payment(order)
    arm(caller.world, "unreadable_order", platform=NAME, order=order.no, mode=mode)
    bad = caller.payment(order)
    assert bad.get(field) == value
    assert {k: v for k, v in bad.items() if k != field} == {k: v for k, v in good.items() if k != field}
    assert caller.world.faults.heal() == 1
    assert caller.payment(order) == good


def test_faults_speak_in_the_platforms_own_words() -> None:
    caller = caller_of()
    start = caller.world.start
    caller.token()
    arm(caller.world, "throttled")
    assert caller.list(start, caller.world.now)["errcode"] == 45011
    order = place(caller.world, NAME)
    arm(caller.world, "duplicates")
    assert [o["merchant_trade_no"] for o in caller.list(start, caller.world.now)["order_list"]] == [order.no] * 2
    arm(caller.world, "null_list")
    assert caller.list(start - 60, start - 30)["order_list"] is None
    arm(caller.world, "float_money", platform=NAME, order=order.no)
    assert isinstance(caller.payment(order)["paid_amount"], float)
    arm(caller.world, "token_expired")
    assert caller.list(start, caller.world.now)["errcode"] == 42001


# ================================================================ shipping and refunds


def test_the_first_parcel_takes_all_and_further_ones_are_named() -> None:
    caller = caller_of()
    order = place(caller.world, NAME, lines=[{"sku": "SKU-1001-A", "qty": 3}])
    assert caller.ship(order, SF, YT) == 0
    shipping = caller.payment(order)["shipping"]
    assert (shipping["delivery_mode"], shipping["finish_shipping"]) == (2, True)
    assert [p["tracking_no"] for p in shipping["shipping_list"]] == [SF, YT]
    assert [sum(e["pieces"].values()) for e in caller.world.book.of("effect", effect="ship")] == [3, 0]
    assert caller.ship(order, SF, YT) == 10060023
    assert caller.ship(order, "YT0000000000009") == 10060002
    assert len(order.parcels) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order_key": {}}, 268485194), ({"order_key": {"order_number_type": 2}}, 268485195), ({"order_key": {"order_number_type": 2, "transaction_id": "1"}}, 10060001),
        ({"logistics_type": 3}, 10060005), ({"delivery_mode": 3}, 268485224), ({"shipping_list": []}, 10060014), ({"shipping_list": [{}] * 16}, 10060014),
        ({"shipping_list": [{"express_company": "YTO", "tracking_no": YT}]}, 10060008), ({"shipping_list": [{"express_company": "YTO", "tracking_no": YT, "item_desc": "长" * 121}]}, 10060009),
        ({"shipping_list": [{"express_company": "SF", "tracking_no": SF, "item_desc": "T"}]}, 10060014), ({"shipping_list": [{"express_company": "X", "tracking_no": YT, "item_desc": "T"}]}, 10060014),
        ({"shipping_list": [{"express_company": "YTO", "tracking_no": "x", "item_desc": "T"}]}, 10060025), ({"upload_time": "2025-11-20 00:00:00"}, 268485216),
        ({"upload_time": "2025-11-20T00:00:00+08:00"}, 268485216), ({"payer": {"openid": "o"}}, 10060031), ({"payer": None}, 10060031),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_notice_is_told_by_its_code(change: dict[str, Any], code: int) -> None:
    caller = caller_of()
    order = place(caller.world, NAME)
    assert caller.ship(order, YT, **change) == code
    assert order.state == "paid" and caller.world.book.of("effect", effect="ship") == []


def test_a_split_notice_says_whether_it_is_the_last_and_one_parcel_is_no_split() -> None:
    caller = caller_of()
    order = place(caller.world, NAME)
    body = {
        "order_key": {"order_number_type": 1, "mchid": caller.shop.seller_id, "out_trade_no": order.no},
        "logistics_type": 1,
        "delivery_mode": 2,
    }
    words = {**body, "upload_time": "2025-11-20T00:00:00.000+08:00", "payer": {"openid": trees.openid(order.buyer)}}
    assert caller.call(SHIP, **words, shipping_list=caller.parcels(YT))["errcode"] == 10060007
    assert caller.ship(order, SF, YT, delivery_mode=1) == 10060014
    assert caller.call(SHIP, **words, is_all_delivered=True, shipping_list=caller.parcels(YT))["errcode"] == 0
    assert order.state == "shipped"


@pytest.mark.parametrize("shipped", [False, True])
def test_money_goes_back_whole_and_shows_in_the_state_alone(shipped: bool) -> None:
    caller = caller_of()
    order = place(
        caller.world, NAME, lines=[{"sku": "SKU-1001-A", "qty": 1}, {"sku": "SKU-1001-B", "qty": 1}], freight=600
    )
    if shipped:
        caller.ship(order, YT)
    assert not caller.world.happen(order, "refund_asked", {"line": 0}, why="script")
    assert caller.payment(order)["order_state"] == (2 if shipped else 1)
    caller.world.advance(caller.world.now + 3600 * 4)
    assert caller.world.refunds[NAME, f"refund-{order.no}"].amount == order.payable
    caller.access = caller.world.tokens[NAME].issue(caller.world.now).access
    assert caller.payment(order)["order_state"] == 5
    other = "YT0000000000009"
    assert caller.ship(order, other) == (10060002 if shipped else 10060004)


def test_the_small_calls_answer() -> None:
    caller = caller_of()
    rows = caller.call("/cgi-bin/express/delivery/open_msg/get_delivery_list")["delivery_list"]
    assert {"SF", "YTO", "YD"} <= {r["delivery_id"] for r in rows}
    assert caller.call("/wxa/sec/order/is_trade_managed", appid=caller.shop.app_key)["is_trade_managed"] is True
    assert caller.call("/wxa/sec/order/is_trade_managed", appid="x")["is_trade_managed"] is False
