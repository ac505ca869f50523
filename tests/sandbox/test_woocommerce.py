"""WooCommerce's dialect: signatures, the shape of its answers, its lists and their faults, and what it may be told."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.dialects import woocommerce as dialect
from adapters.sandbox.gate import Gate
from adapters.sandbox.goods import Catalogue
from adapters.sandbox.homes import home_of
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Request
from adapters.sandbox.world import Shop, World
from tests.sandbox.callers import Caller, Stalled, arm, gate_of, place
from tests.sandbox.test_shapes import SHAPES, walk

WAYBILL = "SF0000000000001"
KEY, SECRET = f"ck_{'0' * 38}a1", f"cs_{'0' * 38}b2"
PREFIX = "/wp-json/wc/v3"
SITE = f"http://shop.example.com{PREFIX}/orders"


class Woo(Caller):
    platform = "woocommerce"
    nonces = 0

    def signed(self, method: str, path: str, query: dict[str, Any]) -> dict[str, str]:
        Woo.nonces += 1
        told = {
            **{k: str(v) for k, v in query.items()}, "oauth_consumer_key": self.shop.app_key, "oauth_timestamp": str(self.world.now),
            "oauth_nonce": f"n{Woo.nonces}", "oauth_signature_method": "HMAC-SHA256",
        }  # fmt: skip
        url = f"http://shop.example.com/woocommerce{PREFIX}{path}"
        return {**told, "oauth_signature": dialect.sign(method, url, told, self.shop.app_secret)}

    def raw(self, method: str, path: str, query: dict[str, str], body: Any = None, **headers: str) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        return self.send(
            Request(method=method, path=f"{PREFIX}{path}", query=urlencode(query), body=data, headers=headers)
        )

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        return self.raw(method, path, self.signed(method, path, query), body)

    def orders(self, **query: Any) -> list[Any]:
        asked = {
            "modified_after": "2025-01-01T00:00:00",
            "dates_are_gmt": "true",
            "orderby": "modified",
            "order": "asc",
            "per_page": 100,
        }
        found = self.call("GET", "/orders", **{**asked, **query})
        return found or []

    @property
    def headers(self) -> dict[str, str]:
        assert self.outcome is not None
        return self.outcome.response.headers

    def ship(self, order: Order, waybills: str = WAYBILL, names: str = "SF Express") -> Any:
        meta = [{"key": "_tracking_number", "value": waybills}, {"key": "_tracking_provider", "value": names}]
        return self.call("PUT", f"/orders/{order.no}", {"status": "completed", "meta_data": meta})


def lived(orders: int = 0, **wish: Any) -> Woo:
    caller = Woo(gate_of(platforms=("woocommerce",), orders=orders, **wish))
    if orders:
        caller.world.advance(caller.world.end - 3600)
    return caller


@pytest.fixture
def shop() -> Woo:
    return lived()


def two_lines(caller: Woo, **words: Any) -> Order:
    listings = [x.listing for x in caller.world.catalogue.listings["woocommerce"] if x.has_variants][:2]
    return place(caller.world, "woocommerce", lines=[{"listing": x, "qty": 2} for x in listings], **words)


# ================================================================ who asks

VECTOR = {
    "dates_are_gmt": "true", "modified_after": "2026-08-20T00:00:00", "oauth_consumer_key": KEY, "oauth_nonce": "5f2c9d0b7a1e4c33",
    "oauth_signature_method": "HMAC-SHA256", "oauth_timestamp": "1787788800", "order": "asc", "orderby": "modified", "page": "1",
    "per_page": "100", "oauth_signature": "xClesED0blusro9D2WmKUmxqad0beGwWSIEqgoCdBx4=",
}  # fmt: skip


def site() -> Woo:
    """An empty site with the keys of the worked examples, at their time."""
    shop = Shop(alias="woo", platform="woocommerce", seller_id="s", app_key=KEY, app_secret=SECRET, home=home_of("US"))
    world = World(
        seed=1,
        start=1787788800,
        end=1787788800 + 86400,
        shops=[shop],
        catalogue=Catalogue(skus=[], listings={"woocommerce": []}),
    )
    return Woo(Gate(world, rate=1_000_000.0))


def vector(query: dict[str, str]) -> Any:
    request = Request(method="GET", path=f"{PREFIX}/orders", query=urlencode(query), target=f"{PREFIX}/orders?x")
    return site().send(request)


def test_the_worked_examples_are_let_in() -> None:
    assert vector(VECTOR) == []
    sha1 = {**VECTOR, "oauth_signature_method": "HMAC-SHA1", "oauth_signature": "nntX2Z7hlrMXGoSu1z4jBpuBKYc="}
    assert vector(sha1) == []
    two = {
        "search": "O'Neil & Söhne", "status[0]": "processing", "status[1]": "on-hold", "oauth_consumer_key": KEY,
        "oauth_nonce": "5f2c9d0b7a1e4c34", "oauth_signature_method": "HMAC-SHA256", "oauth_timestamp": "1787788801",
    }  # fmt: skip
    assert dialect.sign("GET", SITE, two, SECRET) == "I0PhE5DXW/nDPEnHx3qFCMYbAnCNpLdw3nwzN1WAzks="
    assert vector({**two, "oauth_signature": "I0PhE5DXW/nDPEnHx3qFCMYbAnCNpLdw3nwzN1WAzks="}) == []


def test_a_vector_with_any_part_altered_is_refused() -> None:
    for name in VECTOR:
        for altered in ({**VECTOR, name: VECTOR[name] + "1"}, {k: v for k, v in VECTOR.items() if k != name}):
            reply = vector(altered)
            assert reply["data"]["status"] == 401, (name, reply)
    assert vector({**VECTOR, "status": "any"})["message"] == "Invalid signature - provided signature does not match."


def test_a_stamp_and_a_nonce_are_good_for_a_quarter_of_an_hour(shop: Woo) -> None:
    query = shop.signed("GET", "/orders", {})
    assert shop.raw("GET", "/orders", query) == []
    assert shop.raw("GET", "/orders", query)["message"] == "Invalid nonce - nonce has already been used."
    late = shop.signed("GET", "/orders", {})
    shop.world.advance(shop.world.now + 901)
    assert shop.raw("GET", "/orders", late)["message"] == "Invalid timestamp."


def test_the_method_and_the_address_are_signed_and_the_body_is_not(shop: Woo) -> None:
    order = two_lines(shop)
    path = f"/orders/{order.no}"
    for method, where in (("GET", path), ("PUT", "/orders/1")):
        assert (
            shop.raw("PUT", path, shop.signed(method, where, {}), {})["code"] == "woocommerce_rest_authentication_error"
        )
    assert shop.raw("PUT", path, shop.signed("PUT", path, {}), {"status": "processing"})["status"] == "processing"


def test_over_tls_the_pair_itself_opens_the_door(shop: Woo) -> None:
    def ask(query: dict[str, str], pair: str = "") -> Any:
        headers = {"x-forwarded-proto": "https"}
        if pair:
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return shop.raw("GET", "/orders", query, **headers)

    key, secret = shop.shop.app_key, shop.shop.app_secret
    assert ask({}, f"{key}:{secret}") == ask({"consumer_key": key, "consumer_secret": secret}) == []
    assert ask({}, f"{key}x:{secret}")["message"] == "Consumer key is invalid."
    assert ask({}, f"{key}:{secret}x")["message"] == "Consumer secret is invalid."
    assert ask({})["message"] == "Consumer key is invalid."


# ================================================================ what it answers


def test_answers_have_the_sampled_shape(shop: Woo) -> None:
    listings = shop.world.catalogue.listings["woocommerce"]
    lines = [
        {"listing": listings[0].listing, "qty": 2, "item_off": 100, "shop_off": 55},
        {"listing": listings[1].listing},
    ]
    place(shop.world, "woocommerce", lines=lines, freight=1000, remark="Ring")
    done = place(shop.world, "woocommerce", lines=lines)
    shop.ship(done)
    shop.world.happen(done, "refund_asked", {"kind": "refund_only", "line": 0}, why="script")
    shop.world.advance(shop.world.now + 12 * 3600)
    seen = walk(shop.orders(), "", {})
    sampled = json.loads((SHAPES / "woocommerce.json").read_text(encoding="utf-8"))
    # lists that are empty here; ids of pictures; what a variation's product is called
    unlike = {
        p for p in {*sampled, *seen} if ".image." in p or p.endswith((".parent_name", ".sku")) or ".meta_data[]" in p
    }
    assert {p for p in sampled if p not in unlike} == {p for p in seen if p not in unlike}
    for path in seen.keys() - unlike:
        may = set(sampled[path].split("|"))
        # PHP writes a whole figure without a point
        may |= {"int", "float"} if path.endswith(("price", "nominal_amount", "rate_percent")) else set()
        may |= {"null"} if "date_paid" in path or "date_completed" in path else set()
        assert seen[path] <= may, (path, seen[path], may)


def test_money_is_text_without_tax_but_for_the_totals(shop: Woo) -> None:
    order = two_lines(shop, freight=1000)
    row = shop.orders()[0]
    cents = {k: round(float(row[k]) * 100) for k in ("total", "total_tax", "shipping_total", "discount_total")}
    assert (cents["total"], cents["total_tax"], cents["shipping_total"]) == (order.payable, order.tax, 1000)
    assert sum(round(float(x["subtotal"]) * 100) for x in row["line_items"]) + 1000 + order.tax == order.payable
    assert order.tax > 0 and row["prices_include_tax"] is False


def test_times_stand_on_the_sites_clock_and_as_gmt(shop: Woo) -> None:
    two_lines(shop)
    row = shop.orders()[0]
    assert (row["date_created_gmt"], row["date_created"]) == ("2025-11-19T16:00:00", "2025-11-19T08:00:00")


def test_the_ends_of_a_window_are_outside_of_it(shop: Woo) -> None:
    two_lines(shop)
    at = shop.orders()[0]["date_modified_gmt"]
    assert shop.orders(modified_after=at) == []
    assert shop.orders(modified_before=at) == []
    assert len(shop.orders(modified_after="2025-11-19T15:59:59", modified_before="2025-11-19T16:00:01")) == 1
    # without the word they are on the site's own clock
    assert len(shop.orders(modified_after="2025-11-19T07:59:59", dates_are_gmt="false")) == 1
    assert shop.orders(modified_after="2025-11-19T15:59:59", dates_are_gmt="false") == []


def test_pages_tell_their_total_and_the_way_to_the_next() -> None:
    caller = lived(orders=25)
    caller.world.advance(caller.world.end)
    seen = [row["id"] for n in (1, 2, 3) for row in caller.orders(page=n, per_page=10)]
    assert (caller.headers["x-wp-total"], caller.headers["x-wp-totalpages"]) == ("25", "3")
    assert caller.headers["link"].endswith('rel="prev"') and 'rel="next"' not in caller.headers["link"]
    assert len(set(seen)) == len(seen) == 25
    caller.orders(page=1, per_page=10)
    assert "page=2" in caller.headers["link"] and caller.headers["link"].endswith('rel="next"')
    assert caller.orders(page=4, per_page=10) == []
    assert caller.orders(per_page=101)["code"] == "rest_invalid_param"  # type: ignore[call-overload]


def test_each_state_has_its_word(shop: Woo) -> None:
    unpaid, paid, done = two_lines(shop, paid_at="never"), two_lines(shop), two_lines(shop)
    shop.ship(done)
    words = {str(r["id"]): r["status"] for r in shop.orders()}
    assert [words[o.no] for o in (unpaid, paid, done)] == ["pending", "processing", "completed"]
    shop.world.happen(unpaid, "cancelled", {}, why="script")
    assert shop.call("GET", f"/orders/{unpaid.no}")["status"] == "cancelled"
    assert [str(r["id"]) for r in shop.orders(status="processing,cancelled")] == [unpaid.no, paid.no]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/orders/1", "woocommerce_rest_shop_order_invalid_id"), ("DELETE", "/orders", "rest_no_route"), ("GET", "/coupons", "rest_no_route"),
     ("GET", "/products/1", "woocommerce_rest_product_invalid_id"), ("PUT", "/products/1/variations/2", "woocommerce_rest_product_invalid_id")],
)  # fmt: skip
def test_what_is_not_there_is_said_in_the_platforms_words(shop: Woo, method: str, path: str, code: str) -> None:
    assert shop.call(method, path)["code"] == code


# ================================================================ faults


def played(caller: Caller, name: str) -> list[dict[str, Any]]:
    return caller.world.book.of("fault", fault=name)


def test_throttled_is_a_page_of_the_host_with_a_time_to_wait(shop: Woo) -> None:
    arm(shop.world, "throttled")
    with pytest.raises(json.JSONDecodeError):
        shop.orders()
    assert shop.outcome is not None
    assert (shop.outcome.response.status, shop.headers["retry-after"]) == (429, "1")
    assert shop.orders() == []


def test_a_lost_answer_has_had_its_effect_and_a_502_has_not(shop: Woo) -> None:
    order = two_lines(shop)
    arm(shop.world, "http_5xx", method="PUT")
    with pytest.raises(Stalled):
        shop.ship(order)
    assert order.state == "paid"
    arm(shop.world, "answer_lost", order=order.no)
    with pytest.raises(Stalled):
        shop.ship(order)
    assert order.state == "completed"
    assert [(f["order"], f["write"]) for f in played(shop, "answer_lost")] == [(order.no, True)]


def test_a_total_is_wrong_twice_an_order_comes_twice_and_pages_shift() -> None:
    caller = lived(orders=40)
    arm(caller.world, "wrong_total", times=2)
    totals = []
    for _ in range(3):
        rows = caller.orders()
        totals.append(int(caller.headers["x-wp-total"]))
    assert totals[2] == len(rows) and totals[2] not in totals[:2]
    arm(caller.world, "duplicates")
    twice = Counter(r["id"] for r in caller.orders())
    assert [str(i) for i, n in twice.items() if n == 2] == [played(caller, "duplicates")[0]["order"]]
    caller.world.faults._counts.clear()
    arm(caller.world, "shifting_pages")
    caller.orders(per_page=10)
    caller.orders(per_page=10, page=2)
    assert str(caller.orders()[-1]["id"]) == played(caller, "shifting_pages")[0]["order"]


def test_a_late_order_is_hidden_from_lists_but_not_by_its_number(shop: Woo) -> None:
    arm(shop.world, "late_visible", times=2)
    order = two_lines(shop, paid_at="never")
    assert shop.orders() == []
    assert shop.call("GET", f"/orders/{order.no}")["status"] == "pending"
    shop.world.advance(order.visible_from)
    assert len(shop.orders()) == 1


def test_an_empty_list_may_be_null(shop: Woo) -> None:
    arm(shop.world, "null_list")
    assert shop.call("GET", "/orders") is None
    assert len(played(shop, "null_list")) == 1


@pytest.mark.parametrize(("mode", "name"), [("money", "total"), ("id", "id"), ("time", "date_modified_gmt")])
def test_an_unreadable_order_stays_so_until_it_is_healed(shop: Woo, mode: str, name: str) -> None:
    order = two_lines(shop)
    good = shop.orders()[0]
    arm(shop.world, "unreadable_order", platform="woocommerce", order=order.no, mode=mode)
    wrong = {"money": "abc", "id": None, "time": "not-a-time"}[mode]
    assert [shop.orders()[0].get(name) for _ in range(2)] == [wrong, wrong]
    assert [(f["order"], f["mode"]) for f in played(shop, "unreadable_order")] == [(order.no, mode)]
    shop.world.faults.heal()
    assert shop.orders()[0] == good


def test_float_money_is_a_json_number_of_the_same_amount(shop: Woo) -> None:
    order = two_lines(shop)
    arm(shop.world, "float_money", platform="woocommerce", order=order.no)
    total = shop.orders()[0]["total"]
    assert isinstance(total, float) and round(total * 100) == order.payable


# ================================================================ what it is told


def test_a_completed_order_keeps_its_waybills_and_a_repeat_changes_nothing(shop: Woo) -> None:
    order = two_lines(shop)
    told = shop.ship(order, f"{WAYBILL},YT0000000000002", "SF Express,YTO Express")
    meta = {m["key"]: m["value"] for m in told["meta_data"]}
    assert (told["status"], meta["_tracking_number"], meta["_tracking_provider"]) == (
        "completed", f"{WAYBILL},YT0000000000002", "SF Express,YTO Express",
    )  # fmt: skip
    assert (order.state, [p.carrier for p in order.parcels]) == ("completed", ["SF", "YTO"])
    version = order.version
    assert shop.ship(order, f"{WAYBILL},YT0000000000002", "SF Express,YTO Express")["status"] == "completed"
    assert order.version == version
    assert shop.ship(order, "SF0000000000009")["code"] == "woocommerce_rest_invalid_order"


@pytest.mark.parametrize("case", ["unpaid", "waybill", "company", "nothing"])
def test_what_may_not_be_shipped_is_refused_and_stays(shop: Woo, case: str) -> None:
    order = two_lines(shop, **({"paid_at": "never"} if case == "unpaid" else {}))
    state = order.state
    words = {"waybill": ("x", "SF Express"), "company": (WAYBILL, "Nobody"), "nothing": ("", "")}.get(
        case, (WAYBILL, "SF Express")
    )
    assert shop.ship(order, *words)["code"] == "woocommerce_rest_invalid_order"
    assert (order.state, len(shop.world.book.of("refusal", effect="ship"))) == (state, 1)


def test_put_may_come_as_a_post_with_the_word_in_its_header(shop: Woo) -> None:
    order = two_lines(shop)
    path = f"/orders/{order.no}"
    meta = [{"key": "_tracking_number", "value": WAYBILL}, {"key": "_tracking_provider", "value": "SF Express"}]
    headers = {"x-http-method-override": "PUT"}
    shop.raw("POST", path, shop.signed("POST", path, {}), {"status": "completed", "meta_data": meta}, **headers)
    assert order.state == "completed"


def test_a_note_is_kept(shop: Woo) -> None:
    order = two_lines(shop)
    assert (
        shop.call("POST", f"/orders/{order.no}/notes", {"note": "SF 1", "customer_note": True})["customer_note"] is True
    )
    assert shop.call("POST", f"/orders/{order.no}/notes", {})["code"] == "rest_missing_callback_param"


def test_levels_are_absolute_and_a_failed_entry_stops_no_other(shop: Woo) -> None:
    listings = shop.world.catalogue.listings["woocommerce"]
    lone = next(x for x in listings if not x.has_variants)
    kind = next(x for x in listings if x.has_variants)
    one = {"manage_stock": True, "stock_quantity": 7}
    assert shop.call("PUT", f"/products/{lone.product}", one)["stock_quantity"] == 7
    assert shop.call("PUT", f"/products/{kind.product}/variations/{kind.listing}", one)["stock_quantity"] == 7
    rows = [
        {"id": int(kind.listing), "manage_stock": True, "stock_quantity": 3},
        {"id": 1, "manage_stock": True, "stock_quantity": 3},
    ]
    told = shop.call("POST", f"/products/{kind.product}/variations/batch", {"update": rows})["update"]
    assert (told[0]["stock_quantity"], told[1]["error"]["code"]) == (3, "woocommerce_rest_product_invalid_id")
    assert shop.call("GET", f"/products/{kind.product}/variations/{kind.listing}")["stock_quantity"] == 3
    assert shop.world.levels == {("woocommerce", lone.listing): 7, ("woocommerce", kind.listing): 3}
    assert "more than 100" in shop.call("POST", "/products/batch", {"update": [{"id": 1}] * 101})["message"]


def test_a_refund_is_seen_when_it_is_paid_with_its_line_and_tax(shop: Woo) -> None:
    order = two_lines(shop)
    assert not shop.world.happen(order, "refund_asked", {"line": 0}, why="script")
    assert shop.call("GET", f"/orders/{order.no}/refunds") == []
    shop.world.advance(shop.world.now + 2 * 3600)
    (refund,) = shop.call("GET", f"/orders/{order.no}/refunds")
    line = order.lines[0]
    assert round(float(refund["amount"]) * 100) == line.paid + line.tax
    (told,) = refund["line_items"]
    assert (told["quantity"], round(float(told["total"]) * 100), told["meta_data"][0]["value"]) == (
        -2,
        -line.paid,
        line.no,
    )
    row = shop.orders()[0]
    assert (row["status"], row["refunds"][0]["total"]) == ("processing", f"-{refund['amount']}")
    assert shop.call("GET", f"/orders/{order.no}/refunds/{refund['id']}") == refund
    assert shop.call("GET", f"/orders/{order.no}/refunds/1")["code"] == "woocommerce_rest_invalid_order_refund_id"
    shop.world.happen(order, "refund_asked", {}, why="script")
    shop.world.advance(shop.world.now + 2 * 3600)
    assert shop.orders()[0]["status"] == "refunded"
