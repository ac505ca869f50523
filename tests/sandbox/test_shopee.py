"""Shopee's dialect: signatures, tokens, lists, shapes, what it takes and what it refuses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.dialects import shopee
from adapters.sandbox.faults import ONLY
from adapters.sandbox.gate import Gate
from adapters.sandbox.payloads.shopee import number
from adapters.sandbox.state import Order
from adapters.sandbox.tokens import Token
from adapters.sandbox.wire import Request
from adapters.sandbox.world import Shop
from tests.sandbox.callers import Caller, arm, gate_of, make, place
from tests.sandbox.test_shapes import SHAPES, walk

LIST, DETAIL = "/api/v2/order/get_order_list", "/api/v2/order/get_order_detail"
RETURNS, SHIP, STOCK = "/api/v2/returns/get_return_list", "/api/v2/logistics/ship_order", "/api/v2/product/update_stock"
REFRESH, FIRST = "/api/v2/auth/access_token/get", "/api/v2/auth/token/get"
SF = "SF0000000000001"
FIELDS = (
    "buyer_user_id,buyer_username,estimated_shipping_fee,recipient_address,actual_shipping_fee,goods_to_declare,note,"
    "note_update_time,item_list,pay_time,dropshipper,dropshipper_phone,split_up,buyer_cancel_reason,cancel_by,cancel_reason,"
    "actual_shipping_fee_confirmed,buyer_cpf_id,fulfillment_flag,pickup_done_time,package_list,shipping_carrier,"
    "payment_method,total_amount,invoice_data"
)


class Shopee(Caller):
    platform = "shopee"

    def query(self, path: str, public: bool = False) -> dict[str, str]:
        now, own = str(self.world.now), () if public else (self.access, self.shop.seller_id)
        signed = shopee.sign(self.shop.app_secret, self.shop.app_key, path, now, *own)
        words = {} if public else {"access_token": self.access, "shop_id": self.shop.seller_id}
        return {"partner_id": self.shop.app_key, "timestamp": now, "sign": signed, **words}

    def get(self, path: str, **args: object) -> Any:
        query = {**{k: str(v) for k, v in args.items()}, **self.query(path)}
        return self.send(Request(method="GET", path=path, query=urlencode(query)))

    def post(self, path: str, public: bool = False, **args: object) -> Any:
        body = json.dumps(args).encode()
        return self.send(Request(path=path, query=urlencode(self.query(path, public)), body=body))

    def list(self, start: int, end: int, **args: object) -> Any:
        asked = {
            "time_range_field": "update_time",
            "page_size": 100,
            "cursor": "",
            "response_optional_fields": "order_status",
        }
        return self.get(
            LIST, **{**asked, "request_order_status_pending": "true", "time_from": start, "time_to": end, **args}
        )

    def all(self, **args: object) -> list[Any]:
        rows = self.list(self.world.now - 86400, self.world.now, **args)["response"]["order_list"]
        return [(r["order_sn"], r["order_status"]) for r in rows]

    def order(self, no: str, fields: str = FIELDS) -> Any:
        return self.get(DETAIL, order_sn_list=no, response_optional_fields=fields)["response"]["order_list"][0]

    def ship(self, no: str, waybill: str = SF) -> Any:
        return self.post(SHIP, order_sn=no, non_integrated={"tracking_number": waybill})


def caller_of(**wish: object) -> Shopee:
    return Shopee(gate_of(platforms=("shopee",), **wish))


# ================================================================ signing

KEY = "6b657965786d706c65303132333435363738396162636465666768696a6b6c6d"
TOKEN = "4c6f6e67546f6b656e4578616d706c65"
QUERY = {
    "partner_id": "1007890", "timestamp": "1788400000", "access_token": TOKEN, "shop_id": "600112233",
    "sign": "b88dbeea7820861e82db343a91e776f4e04e8e6103b16eb1bdee26e657685049", "time_range_field": "update_time",
    "time_from": "1788300000", "time_to": "1788400000", "page_size": "20",
}  # fmt: skip


@pytest.fixture
def asker() -> Shopee:
    """A shop with the keys of the worked example, at its time."""
    world = make(platforms=("shopee",), start="2020-01-01T00:00:00+08:00").world
    old = world.shops["shopee"]
    world.shops["shopee"] = Shop(
        alias=old.alias, platform="shopee", seller_id="600112233", app_key="1007890", app_secret=KEY, home=old.home
    )
    at = 1788400000
    world.tokens["shopee"].tokens = [
        Token(access=TOKEN, refresh="r", issued=at, expires=at + 14400, refresh_expires=at + 86400)
    ]
    world.advance(at)
    return Shopee(Gate(world))


def test_signs_as_printed() -> None:
    official = "57615053704d6470644f554a78656d50484143644964436a5568777544524579"
    shop = ("2001887", "/api/v2/shop/get_shop_info", "1655714431", "59777174636562737266615546704c6d", "14701711")
    public = ("2001887", "/api/v2/public/get_shops_by_partner", "1655714431")
    assert shopee.sign(official, *shop) == "b914bea03c13799deb036bb9d10e689f5a6bade160c44af568646f1ef7d796c1"
    assert shopee.sign(official, *public) == "60ab8c4a535009ab33b8a0029ee18a667ef6eaeb16481ed3d573a5059122d4df"
    told = shopee.sign(KEY, "1007890", REFRESH, "1788400000")
    assert told == "7c5afbf14d17171f5dde59c4d16a4fc9d6014b8e4f4664394b0b9bb89d7d2779"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, ""), ({"page_size": "21"}, ""), ({"sign": QUERY["sign"].upper()}, "error_sign"), ({"sign": QUERY["sign"][:-1]}, "error_sign"),
        ({"sign": ""}, "error_param"), ({"partner_id": "1007891"}, "error_param"), ({"partner_id": ""}, "error_param"), ({"shop_id": "600112234"}, "error_sign"),
        ({"shop_id": ""}, "error_param"), ({"access_token": TOKEN + "0"}, "error_sign"), ({"access_token": ""}, "error_param"),
        ({"timestamp": "1788400001"}, "error_sign"), ({"timestamp": "1788400301"}, "error_param"), ({"timestamp": "1788399699"}, "error_param"), ({"timestamp": "x"}, "error_param"),
    ],
)  # fmt: skip
def test_one_altered_trait_is_refused_and_what_is_not_signed_may_change(
    asker: Shopee, change: dict[str, str], error: str
) -> None:
    reply = asker.send(Request(method="GET", path=LIST, query=urlencode({**QUERY, **change})))
    assert reply["error"] == error


def test_the_path_is_signed_and_the_method_counts(asker: Shopee) -> None:
    other = asker.send(Request(method="GET", path=RETURNS, query=urlencode(QUERY)))
    posted = asker.send(Request(method="POST", path=LIST, query=urlencode(QUERY)))
    unknown = asker.send(Request(method="GET", path="/api/v2/order/nothing", query=urlencode(QUERY)))
    assert [r["error"] for r in (other, posted, unknown)] == ["error_sign", "error_param", "error_not_found"]


# ================================================================ tokens


def test_a_refresh_token_is_good_once() -> None:
    caller = caller_of()
    first = caller.world.tokens["shopee"].latest
    assert first is not None
    ids = {"partner_id": int(caller.shop.app_key), "shop_id": int(caller.shop.seller_id)}
    refresh = first.refresh
    caller.world.advance(caller.world.now + 4 * 3600)
    assert caller.list(caller.world.now - 60, caller.world.now)["error"] == "error_auth"
    fresh = caller.post(REFRESH, public=True, refresh_token=refresh, **ids)
    assert (fresh["error"], fresh["expire_in"], "response" in fresh) == ("", 14400, False)
    assert caller.post(REFRESH, public=True, refresh_token=refresh, **ids)["error"] == "error_auth"
    caller.access = fresh["access_token"]
    assert caller.list(caller.world.now - 60, caller.world.now)["error"] == ""
    text = {k: str(v) for k, v in ids.items()}
    assert caller.post(REFRESH, public=True, refresh_token=fresh["refresh_token"], **text)["error"] == "error_param"
    assert caller.post(FIRST, public=True, code="other", **ids)["error"] == "error_auth"
    assert caller.post(FIRST, public=True, code=f"code-{caller.shop.seller_id}", **ids)["access_token"]


# ================================================================ lists


def test_a_cursor_is_an_offset_and_ends_with_more() -> None:
    caller = caller_of()
    made = []
    for _ in range(5):
        made.append(place(caller.world, "shopee").no)
        caller.world.advance(caller.world.now + 60)
    start, end, seen, cursor, flags = caller.world.start, caller.world.now, [], "", []
    while True:
        page = caller.list(start, end, page_size=2, cursor=cursor)["response"]
        seen += [r["order_sn"] for r in page["order_list"]]
        flags.append(page["more"])
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == made[::-1] and flags == [True, True, False]
    by_creation = caller.list(start, end, time_range_field="create_time")["response"]["order_list"]
    assert {r["order_sn"] for r in by_creation} == set(made)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"time_to": 15 * 86400}, ""), ({"time_to": 15 * 86400 + 1}, "order.order_list_invalid_time"), ({"time_to": -1}, "order.order_list_invalid_time"),
        ({"time_to": "x"}, "error_param"), ({"page_size": 101}, "error_param"), ({"page_size": 0}, "error_param"), ({"cursor": "x"}, "error_param"),
        ({"time_range_field": "pay_time"}, "error_param"),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused(change: dict[str, Any], error: str) -> None:
    caller = caller_of()
    start = caller.world.start
    end = change.pop("time_to", 60)
    assert caller.list(start, start + end if isinstance(end, int) else end, **change)["error"] == error


def test_pending_orders_are_listed_when_asked_for_and_states_filter() -> None:
    caller = caller_of()
    held, unpaid, paid = (
        place(caller.world, "shopee", **w) for w in ({"hold": "risk_control"}, {"paid_at": "never"}, {})
    )
    assert dict(caller.all()) == {held.no: "PENDING", unpaid.no: "UNPAID", paid.no: "READY_TO_SHIP"}
    assert held.no not in dict(caller.all(request_order_status_pending="false"))
    assert caller.all(order_status="READY_TO_SHIP") == [(paid.no, "READY_TO_SHIP")]
    (row,) = caller.list(caller.world.start, caller.world.now, order_status="UNPAID", response_optional_fields="")[
        "response"
    ]["order_list"]
    assert row == {"order_sn": unpaid.no, "booking_sn": ""}


def test_details_hold_what_was_asked_for_and_what_is_found() -> None:
    caller = caller_of()
    order = place(caller.world, "shopee")
    bare = caller.order(order.no, "")
    assert "item_list" not in bare and "total_amount" not in bare and bare["order_status"] == "READY_TO_SHIP"
    assert set(caller.order(order.no, "pay_time")) - set(bare) == {"pay_time"}
    found = caller.get(DETAIL, order_sn_list=f"NONE,{order.no}")["response"]["order_list"]
    assert [o["order_sn"] for o in found] == [order.no]
    assert caller.get(DETAIL, order_sn_list="NONE")["error"] == "error_not_found"
    assert caller.get(DETAIL, order_sn_list=",".join(["X"] * 51))["error"] == "error_param"
    assert caller.get(DETAIL)["error"] == "error_param"


# ================================================================ trees


def test_answers_have_the_sampled_shape() -> None:
    caller = caller_of(countries=("shopee=VN",))
    listings = [x for x in caller.world.catalogue.listings["shopee"] if x.has_variants]
    lines = [
        {"listing": listings[0].listing, "qty": 2, "item_off": 2000},
        {"listing": listings[1].listing, "gift": True, "unit": 0},
    ]
    order = place(caller.world, "shopee", lines=lines, freight=15000, remark="giao giờ hành chính")
    numbers = {"int": "number", "float": "number"}
    seen = walk(caller.get(DETAIL, order_sn_list=order.no, response_optional_fields=FIELDS), "", {})
    found = {path: "|".join(sorted({numbers.get(t, t) for t in types})) for path, types in seen.items()}
    sampled = json.loads((SHAPES / "shopee.json").read_text(encoding="utf-8"))
    assert found == sampled
    tree = caller.order(order.no)
    assert (tree["currency"], tree["region"], tree["total_amount"]) == ("VND", "VN", order.payable)
    assert isinstance(tree["total_amount"], int) and order.payable == 2 * listings[0].unit - 2000 + 15000


def test_amounts_have_the_digits_of_the_country_and_vouchers_are_in_the_total_alone() -> None:
    caller = caller_of()
    listing = next(x for x in caller.world.catalogue.listings["shopee"] if x.has_variants)
    line = {"listing": listing.listing, "qty": 3, "unit": 1099, "item_off": 100, "shop_off": 200, "platform_off": 50}
    tree = caller.order(place(caller.world, "shopee", lines=[line], freight=149).no)
    (item,) = tree["item_list"]
    assert (item["model_original_price"], item["model_discounted_price"]) == (10.99, 10.66)
    assert (tree["total_amount"], tree["estimated_shipping_fee"], tree["currency"]) == (30.96, 1.49, "SGD")
    assert "shopee" not in ONLY["float_money"]
    home = caller.shop.home
    assert [json.dumps(number(n, home)) for n in (0, 5, 110, 123456)] == ["0.0", "0.05", "1.1", "1234.56"]


def test_an_item_without_variants_has_model_0() -> None:
    caller = caller_of()
    lone = next(x for x in caller.world.catalogue.listings["shopee"] if not x.has_variants)
    (item,) = caller.order(place(caller.world, "shopee", lines=[{"listing": lone.listing}]).no)["item_list"]
    assert (item["model_id"], item["item_id"], item["model_sku"], item["item_sku"]) == (
        0,
        int(lone.product),
        "",
        lone.code,
    )


def test_receivers_are_masked() -> None:
    caller = caller_of()
    order = place(caller.world, "shopee")
    where = caller.order(order.no)["recipient_address"]
    assert order.receiver.name not in where["name"] and "*" in where["name"] and "*" in where["phone"]
    assert order.receiver.detail not in where["full_address"]


@pytest.mark.parametrize(
    ("mode", "field", "value"),
    [("money", "total_amount", "abc"), ("id", "order_sn", None), ("time", "update_time", "not-a-time")],
)
def test_an_unreadable_order_stays_so_until_it_is_healed(mode: str, field: str, value: str | None) -> None:
    caller = caller_of()
    order = place(caller.world, "shopee")
    good = caller.order(order.no)
    arm(caller.world, "unreadable_order", platform="shopee", order=order.no, mode=mode)
    bad = caller.order(order.no)
    assert bad.get(field) == value
    assert {k: v for k, v in bad.items() if k != field} == {k: v for k, v in good.items() if k != field}
    assert caller.world.faults.heal() == 1
    assert caller.order(order.no) == good


def test_faults_speak_in_the_platforms_own_words() -> None:
    caller = caller_of()
    start = caller.world.start
    arm(caller.world, "throttled")
    assert caller.list(start, caller.world.now)["error"] == "error_rate_limit"
    order = place(caller.world, "shopee")
    arm(caller.world, "duplicates")
    assert [no for no, _ in caller.all()] == [order.no] * 2
    arm(caller.world, "null_list")
    assert caller.list(start - 60, start - 30)["response"]["order_list"] is None
    arm(caller.world, "token_expired")
    assert caller.list(start, caller.world.now)["error"] == "error_auth"


# ================================================================ writing


def test_a_notice_ships_the_whole_order_and_its_repeat_is_refused() -> None:
    caller = caller_of()
    order = place(caller.world, "shopee", lines=[{"sku": "SKU-1001-A", "qty": 3}])
    assert caller.ship(order.no)["error"] == ""
    assert (order.state, order.lines[0].shipped_qty, order.parcels[0].carrier) == ("shipped", 3, "SF")
    assert caller.ship(order.no)["error"] == "logistics.error_status_limit"
    effects = caller.world.book.of("effect", effect="ship")
    assert len(effects) == len(caller.world.book.of("repeat", effect="ship")) == 1
    tree = caller.order(order.no)
    assert (tree["order_status"], tree["package_list"][0]["logistics_status"]) == ("SHIPPED", "LOGISTICS_PICKUP_DONE")
    assert caller.get("/api/v2/logistics/get_tracking_number", order_sn=order.no)["response"]["tracking_number"] == SF
    assert SF not in json.dumps(tree)


@pytest.mark.parametrize(
    ("words", "waybill", "error"),
    [
        ({"paid_at": "never"}, SF, "logistics.error_status_limit"), ({"hold": "risk_control"}, SF, "logistics.error_status_limit"),
        ({}, "x", "logistics.tracking_number_invalid"), ({}, "", "logistics.tracking_number_invalid"),
    ],
)  # fmt: skip
def test_what_may_not_be_shipped_is_refused_and_stays(words: dict[str, Any], waybill: str, error: str) -> None:
    caller = caller_of()
    order = place(caller.world, "shopee", **words)
    state = order.state
    assert caller.ship(order.no, waybill)["error"] == error
    assert order.state == state and caller.world.book.of("effect", effect="ship") == []
    assert caller.ship("NONE")["error"] == "error_not_found"
    assert caller.post(SHIP, order_sn=order.no)["error"] == "error_param"
    assert caller.post(SHIP, order_sn=order.no, dropoff={}, non_integrated={})["error"] == "error_param"
    assert caller.post(SHIP, order_sn=order.no, dropoff={})["error"] == "logistics.error_param"


def test_levels_are_set_by_model_and_a_part_may_fail() -> None:
    caller = caller_of()
    listings = caller.world.catalogue.listings["shopee"]
    one = next(x for x in listings if x.has_variants)
    rows = [
        {"model_id": int(one.listing), "seller_stock": [{"stock": 7}]},
        {"model_id": 5, "seller_stock": [{"stock": 1}]},
    ]
    told = caller.post(STOCK, item_id=int(one.product), stock_list=rows)
    assert told["error"] == "" and told["response"]["success_list"] == [{"model_id": int(one.listing), "stock": 7}]
    assert [r["model_id"] for r in told["response"]["failure_list"]] == [5]
    assert caller.world.levels["shopee", one.listing] == 7
    lone = next(x for x in listings if not x.has_variants)
    zero = [{"model_id": 0, "seller_stock": [{"stock": 3}]}]
    assert caller.post(STOCK, item_id=int(lone.product), stock_list=zero)["response"]["failure_list"] == []
    assert caller.world.levels["shopee", lone.listing] == 3
    assert caller.post(STOCK, item_id=1, stock_list=zero)["error"] == "product.error_item_not_found"
    assert caller.post(STOCK, item_id=int(one.product), stock_list=[])["error"] == "error_param"


def test_a_note_is_written() -> None:
    caller = caller_of()
    order = place(caller.world, "shopee")
    assert caller.post("/api/v2/order/set_note", order_sn=order.no, note="VIP")["error"] == ""
    assert caller.order(order.no)["note"] == "VIP"


# ================================================================ cancellations and returns


def counts(caller: Shopee, order: Order) -> tuple[str, int, int, int]:
    tree = caller.order(order.no)
    item = tree["item_list"][0]
    return tree["order_status"], item["cancel_requested_qty"], item["cancelled_qty"], item["active_qty"]


def test_a_wish_to_cancel_shows_in_the_order_and_ends_with_its_money_back() -> None:
    caller = caller_of()
    order = place(caller.world, "shopee", lines=[{"sku": "SKU-1001-A", "qty": 2}], freight=300)
    assert caller.world.happen(order, "refund_asked", {}, why="script")
    assert counts(caller, order) == ("IN_CANCEL", 2, 0, 2)
    assert order.refunds == []
    assert caller.ship(order.no)["error"] == "logistics.error_status_limit"
    caller.world.advance(caller.world.now + 2 * 3600)
    assert counts(caller, order) == ("CANCELLED", 0, 2, 0)
    assert order.refunds == [f"cancel-{order.no}"]
    assert caller.world.refunds["shopee", order.refunds[0]].amount == order.payable
    assert (
        caller.get(
            RETURNS, page_no=0, page_size=10, update_time_from=caller.world.start, update_time_to=caller.world.now
        )["response"]["return"]
        == []
    )


def test_a_wish_that_is_taken_back_leaves_the_order_as_it_was() -> None:
    caller = caller_of()
    order = place(caller.world, "shopee")
    caller.world.happen(order, "refund_asked", {}, why="script")
    assert caller.world.happen(order, "refund_withdrawn", {}, why="script")
    caller.world.advance(caller.world.now + 3 * 3600)
    assert counts(caller, order) == ("READY_TO_SHIP", 0, 0, 1)
    assert order.refunds == [] and caller.ship(order.no)["error"] == ""


def test_a_return_goes_its_way_and_the_order_is_over_with_everything_back() -> None:
    caller = caller_of()
    order = place(caller.world, "shopee")
    caller.ship(order.no)
    caller.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    seen: list[tuple[Any, ...]] = []
    for _ in range(24 * 6):
        caller.access = caller.world.tokens["shopee"].issue(caller.world.now).access
        words = {
            "page_no": 0,
            "page_size": 100,
            "update_time_from": caller.world.now - 86400,
            "update_time_to": caller.world.now,
        }
        (row,) = caller.get(RETURNS, **words)["response"]["return"]
        tree = caller.order(order.no)
        state = (
            row["status"],
            bool(row["tracking_number"]),
            tree["order_status"],
            tree["item_list"][0]["returned_qty"],
        )
        seen += [state] if not seen or state != seen[-1] else []
        caller.world.advance(caller.world.now + 600)
        if caller.world.now > caller.world.start + 80000:
            break
    assert seen == [
        ("REQUESTED", False, "TO_RETURN", 0), ("ACCEPTED", False, "TO_RETURN", 0), ("ACCEPTED", True, "TO_RETURN", 0),
        ("REFUND_PAID", True, "COMPLETED", 1),
    ]  # fmt: skip
    detail = caller.get("/api/v2/returns/get_return_detail", return_sn=row["return_sn"])
    assert detail["response"] == row
    assert caller.get("/api/v2/returns/get_return_detail", return_sn="NONE")["error"] == "error_not_found"


def test_returns_are_paged_from_zero() -> None:
    caller = caller_of()
    for _ in range(3):
        order = place(caller.world, "shopee")
        caller.ship(order.no, f"SF{int.from_bytes(order.no[-4:].encode()) % 10**13:013d}")
        caller.world.happen(order, "refund_asked", {"kind": "refund_only"}, why="script")
    words = {"page_size": 2, "create_time_from": caller.world.start, "create_time_to": caller.world.now}
    pages = [caller.get(RETURNS, page_no=n, **words)["response"] for n in (0, 1)]
    assert [(p["more"], len(p["return"])) for p in pages] == [(True, 2), (False, 1)]
    assert {r["return_solution"] for p in pages for r in p["return"]} == {1}
    assert (
        caller.get(RETURNS, page_no=0, page_size=2, create_time_from=0, create_time_to=10**9)["error"] == "error_param"
    )


def test_order_numbers_have_their_day_and_are_all_different() -> None:
    made = make(platforms=("shopee",), orders=80).world
    made.advance(made.end)
    numbers = [o.no for o in made.orders.values()]
    assert len(set(numbers)) == 80 and {n[:6] for n in numbers} == {"251120"} and {len(n) for n in numbers} == {14}
    assert {o.currency for o in made.orders.values()} == {"SGD"}
