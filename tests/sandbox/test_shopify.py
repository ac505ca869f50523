"""Shopify's dialect: the token, the shape of its answers, its lists and their faults, and what it may be told."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.control import arm as arm_by_control
from adapters.sandbox.payloads.shopify import LOCATION, item_gid
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Request, iso
from tests.sandbox.callers import Caller, Stalled, arm, gate_of, place
from tests.sandbox.test_shapes import SHAPES, walk

WAYBILL = "SF0000000000001"
_MONEY = "{ shopMoney { amount currencyCode } }"
_BOTH = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
#: the query of the documents
DOCUMENTED = f"""query OrdersPage($first: Int!, $after: String, $q: String) {{
  orders(first: $first, after: $after, query: $q, sortKey: UPDATED_AT) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{
      id legacyResourceId name createdAt processedAt updatedAt cancelledAt cancelReason closedAt test
      displayFinancialStatus displayFulfillmentStatus returnStatus
      currencyCode presentmentCurrencyCode taxesIncluded note tags sourceName
      customAttributes {{ key value }}
      customer {{ id legacyResourceId displayName defaultEmailAddress {{ emailAddress }} defaultPhoneNumber {{ phoneNumber }} }}
      shippingAddress {{ name firstName lastName company address1 address2 city province provinceCode zip countryCodeV2 phone }}
      subtotalPriceSet {_BOTH} totalDiscountsSet {_MONEY} totalShippingPriceSet {_MONEY} totalTaxSet {_MONEY}
      totalPriceSet {_BOTH} totalReceivedSet {_MONEY} totalRefundedSet {_MONEY} netPaymentSet {_MONEY} currentTotalPriceSet {_MONEY}
      lineItems(first: 50) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{
          id sku title variantTitle quantity currentQuantity refundableQuantity unfulfilledQuantity isGiftCard
          originalUnitPriceSet {_MONEY} discountedTotalSet {_MONEY} totalDiscountSet {_MONEY}
          discountAllocations {{ allocatedAmountSet {{ shopMoney {{ amount }} }} }}
          taxLines {{ title rate priceSet {{ shopMoney {{ amount }} }} }}
          variant {{ id legacyResourceId inventoryItem {{ id }} }}
        }}
      }}
      transactions(first: 10) {{ id kind status gateway processedAt amountSet {_MONEY} }}
      refunds(first: 10) {{
        id createdAt processedAt note totalRefundedSet {_MONEY}
        refundLineItems(first: 50) {{ nodes {{
          quantity restockType subtotalSet {{ shopMoney {{ amount }} }} totalTaxSet {{ shopMoney {{ amount }} }} lineItem {{ id sku }}
        }} }}
      }}
    }}
  }}
}}"""
FULFIL = """mutation Ship($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
  fulfillment { id status trackingInfo(first: 5) { company number } } userErrors { field message }
} }"""
OPEN = """query Open($id: ID!) { order(id: $id) { fulfillmentOrders(first: 20) { nodes {
  id status lineItems(first: 50) { nodes { id remainingQuantity lineItem { id sku } } }
} } } }"""
LEVELS = """mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) { inventoryAdjustmentGroup { id } userErrors { field message code } }
}"""
RETURNS = """query R($id: ID!) { order(id: $id) { returnStatus displayFinancialStatus returns(first: 5) { nodes {
  id status reverseFulfillmentOrders(first: 1) { nodes { reverseDeliveries(first: 1) { nodes { deliverable {
    ... on ReverseDeliveryShippingDeliverable { tracking { number carrierName } } } } } } }
} } refunds(first: 5) { id return { id } totalRefundedSet { shopMoney { amount } } } } }"""


class Shopify(Caller):
    platform = "shopify"

    def token(self, **changes: str) -> Any:
        words = {
            "grant_type": "client_credentials",
            "client_id": self.shop.app_key,
            "client_secret": self.shop.app_secret,
            **changes,
        }
        reply = self.send(Request(path="/admin/oauth/access_token", body=urlencode(words).encode()))
        self.access = reply.get("access_token", self.access)
        return reply

    def post(self, query: str, path: str = "/admin/api/2026-10/graphql.json", **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        return self.send(Request(path=path, body=body, headers={"x-shopify-access-token": self.access}))

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a good answer."""
        reply = self.post(query, **variables)
        assert "errors" not in reply, reply["errors"]
        return reply["data"]

    def page(self, size: int = 100, after: str | None = None, query: str = DOCUMENTED) -> Any:
        q = f"updated_at:>='{iso(self.world.start)}' AND updated_at:<='{iso(self.world.now)}'"
        return self.ask(query, first=size, after=after, q=q)["orders"]

    def row(self, order: Order) -> Any:
        return next(n for n in self.page()["nodes"] if n["id"].endswith(order.no))

    def ship(self, order: Order, waybill: str = WAYBILL, company: str = "SF Express", lines: Any = None) -> list[str]:
        """Ship through the order's fulfilment order; the messages of user errors."""
        (held,) = self.ask(OPEN, id=f"gid://shopify/Order/{order.no}")["order"]["fulfillmentOrders"]["nodes"]
        part: dict[str, Any] = {"fulfillmentOrderId": held["id"]}
        if lines is not None:
            part["fulfillmentOrderLineItems"] = [
                {"id": held["lineItems"]["nodes"][i]["id"], "quantity": n} for i, n in lines
            ]
        told = {"lineItemsByFulfillmentOrder": [part], "trackingInfo": {"company": company, "number": waybill}}
        return [e["message"] for e in self.ask(FULFIL, f=told)["fulfillmentCreate"]["userErrors"]]


@pytest.fixture
def shop() -> Shopify:
    return lived(orders=0)


def lived(orders: int, **wish: Any) -> Shopify:
    caller = Shopify(gate_of(platforms=("shopify",), orders=orders, **wish))
    if orders:
        caller.world.advance(caller.world.end - 3600)
    caller.access = caller.world.tokens["shopify"].issue(caller.world.now).access
    return caller


def two_lines(caller: Shopify, **words: Any) -> Order:
    listings = [x.listing for x in caller.world.catalogue.listings["shopify"]][:2]
    return place(caller.world, "shopify", lines=[{"listing": x, "qty": 2} for x in listings], **words)


# ================================================================ who asks


def test_the_token_of_the_grant_opens_the_door_and_no_other_does(shop: Shopify) -> None:
    reply = shop.token()
    assert (reply["expires_in"], "refresh_token" in reply) == (86399, False)
    true = shop.access
    assert shop.page()["nodes"] == []
    for altered in ("", true[:-1], true + "1", true.swapcase()):
        shop.access = altered
        assert shop.post(DOCUMENTED, first=1)["errors"].startswith("[API] Invalid API key or access token")


@pytest.mark.parametrize("change", [{"client_id": "x"}, {"client_secret": "x"}, {"grant_type": "password"}])
def test_the_grant_wants_each_word_right(shop: Shopify, change: dict[str, str]) -> None:
    assert "access_token" not in shop.token(**change)


def test_a_token_ends_after_a_day(shop: Shopify) -> None:
    shop.token()
    shop.world.advance(shop.world.now + 86401)
    assert isinstance(shop.post(DOCUMENTED, first=1)["errors"], str)


def test_the_version_that_served_is_told(shop: Shopify) -> None:
    for asked, served in (("2026-07", "2026-07"), ("2020-01", "2026-01")):
        shop.post("{ location { id } }", path=f"/admin/api/{asked}/graphql.json")
        assert shop.outcome is not None
        assert shop.outcome.response.headers["x-shopify-api-version"] == served


@pytest.mark.parametrize(
    ("query", "code"),
    [("{ orders(first: 1) { nodes { idd } } }", "undefinedField"), ("{ orders(first: 500) { nodes { id } } }", "argumentLiteralsIncompatible"),
     ('{ orders(first: 1, after: "x") { nodes { id } } }', "argumentLiteralsIncompatible"),
     ('{ orders(first: 1, query: "updated_at:>yesterday") { nodes { id } } }', "argumentLiteralsIncompatible")],
)  # fmt: skip
def test_what_the_schema_does_not_know_is_an_error_under_http_200(shop: Shopify, query: str, code: str) -> None:
    two_lines(shop)
    assert shop.post(query)["errors"][0]["extensions"]["code"] == code


# ================================================================ what it answers


def test_answers_have_the_sampled_shape(shop: Shopify) -> None:
    listings = [x.listing for x in shop.world.catalogue.listings["shopify"]][:2]
    lines = [{"listing": listings[0], "qty": 2, "item_off": 100, "shop_off": 50}, {"listing": listings[1]}]
    rich = place(
        shop.world, "shopify", buyer="b3", lines=lines, freight=490, remark="Ring", receiver={"province": "Central"}
    )
    gone = place(shop.world, "shopify", lines=lines)
    shop.ship(gone)
    shop.world.happen(gone, "refund_asked", {"kind": "refund_only", "line": 0}, why="script")
    shop.world.advance(shop.world.now + 12 * 3600)
    asked = {"first": 10, "q": f"updated_at:>='{iso(shop.world.start)}'"}
    seen: dict[str, set[str]] = {}
    walk(shop.post(DOCUMENTED, **asked), "", seen)
    sampled = json.loads((SHAPES / "shopify.json").read_text(encoding="utf-8"))
    # lists that are empty here, and what is null there where an object may be
    unlike = {
        p
        for p in sampled
        if "customAttributes" in p or p.endswith((".tags[]", "actualQueryCost", ".customer", ".variant"))
    }
    assert {p for p in sampled if p not in unlike} == {p for p in seen if p not in unlike}
    for path in seen.keys() - unlike:
        may = set(sampled[path].split("|")) | ({"null"} if path.split(".")[-1] in NULLABLE else set())
        may |= {"int", "float"} if "extensions" in path or path.endswith("rate") else set()
        may |= {"text"} if may == {"null"} else set()
        assert seen[path] <= may, (path, seen[path], may)
    assert rich.payable == sum(x.paid for x in rich.lines) + 490


#: what may be null here besides what is null in the sample
NULLABLE = {"closedAt", "note", "defaultPhoneNumber", "endCursor", "customer", "address2", "sku", "variantTitle"}


def test_amounts_are_decimals_without_padding(shop: Shopify) -> None:
    order = two_lines(shop, freight=490)
    row = shop.row(order)
    assert row["totalShippingPriceSet"]["shopMoney"] == {"amount": "4.9", "currencyCode": "SGD"}
    assert round(float(row["totalPriceSet"]["shopMoney"]["amount"]) * 100) == order.payable


def test_a_shop_in_japan_has_whole_yen() -> None:
    caller = lived(orders=0, countries=("shopify=JP",))
    order = two_lines(caller, freight=500)
    assert caller.row(order)["totalPriceSet"]["shopMoney"] == {"amount": f"{order.payable}.0", "currencyCode": "JPY"}


def test_pages_follow_the_cursor_oldest_first() -> None:
    caller = lived(orders=60)
    caller.world.advance(caller.world.now + 3600)
    seen: list[Any] = []
    after = None
    while True:
        page = caller.page(size=7, after=after)
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len({n["id"] for n in seen}) == len(seen) == 60
    assert [n["updatedAt"] for n in seen] == sorted(n["updatedAt"] for n in seen)


def test_ends_of_a_window_are_inside_or_not_as_asked(shop: Shopify) -> None:
    order = two_lines(shop)
    at = iso(order.modified)
    for term, found in ((f">='{at}'", 1), (f"<='{at}'", 1), (f">'{at}'", 0), (f"<'{at}'", 0)):
        reply = shop.ask(
            "query Q($q: String) { orders(first: 5, query: $q, sortKey: UPDATED_AT) { nodes { id } } }",
            q=f"updated_at:{term}",
        )
        assert len(reply["orders"]["nodes"]) == found, term


def test_each_state_has_its_words(shop: Shopify) -> None:
    unpaid = two_lines(shop, paid_at="never")
    held = two_lines(shop, hold="risk_control")
    paid = two_lines(shop)
    part, sent = two_lines(shop), two_lines(shop)
    assert shop.ship(part, lines=[(0, 2)]) == shop.ship(sent, waybill="SF0000000000002") == []
    words = {
        o.no: (shop.row(o)["displayFinancialStatus"], shop.row(o)["displayFulfillmentStatus"])
        for o in (unpaid, held, paid, part, sent)
    }
    assert list(words.values()) == [
        ("PENDING", "UNFULFILLED"), ("PAID", "ON_HOLD"), ("PAID", "UNFULFILLED"), ("PAID", "PARTIALLY_FULFILLED"), ("PAID", "FULFILLED"),
    ]  # fmt: skip
    shop.world.happen(unpaid, "cancelled", {}, why="script")
    assert (shop.row(unpaid)["displayFinancialStatus"], bool(shop.row(unpaid)["cancelledAt"])) == ("VOIDED", True)
    shop.world.advance(shop.world.now + 86000)
    assert shop.row(sent)["closedAt"]


# ================================================================ faults


def played(caller: Caller, name: str) -> list[dict[str, Any]]:
    return caller.world.book.of("fault", fault=name)


def test_throttled_says_how_long(shop: Shopify) -> None:
    arm(shop.world, "throttled")
    reply = shop.post(DOCUMENTED, first=1)
    assert reply["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = reply["extensions"]["cost"]
    status = cost["throttleStatus"]
    assert (cost["requestedQueryCost"] - status["currentlyAvailable"]) / status["restoreRate"] == 1.0
    assert "errors" not in shop.post(DOCUMENTED, first=1)


def test_a_lost_answer_has_had_its_effect_and_a_502_has_not(shop: Shopify) -> None:
    order = two_lines(shop)
    arm(shop.world, "http_5xx", method="Ship")
    with pytest.raises(Stalled):
        shop.ship(order)
    assert order.state == "paid"
    arm(shop.world, "answer_lost", method="Ship", order=order.no)
    with pytest.raises(Stalled):
        shop.ship(order)
    assert order.state == "shipped"
    (fault,) = played(shop, "answer_lost")
    assert (fault["order"], fault["write"]) == (order.no, True)


def test_an_expired_token_is_refused_before_anything_happens(shop: Shopify) -> None:
    order = two_lines(shop)
    arm_by_control(shop.world, {"name": "token_expired", "platform": "shopify"})
    assert isinstance(shop.post(OPEN, id=f"gid://shopify/Order/{order.no}")["errors"], str)
    shop.token()
    assert shop.ship(order) == []


def test_an_order_comes_twice_and_the_cursor_moves_on_when_one_changes() -> None:
    caller = lived(orders=40)
    arm(caller.world, "duplicates")
    rows = Counter(n["id"] for n in caller.page()["nodes"])
    (fault,) = played(caller, "duplicates")
    assert [i for i, n in rows.items() if n == 2] == [f"gid://shopify/Order/{fault['order']}"]
    caller.world.faults._counts.clear()
    arm(caller.world, "shifting_pages")
    first = caller.page(size=10)
    caller.page(size=10, after=first["pageInfo"]["endCursor"])
    (shifted,) = played(caller, "shifting_pages")
    assert caller.page()["nodes"][-1]["id"].endswith(shifted["order"])


def test_a_late_order_is_hidden_from_lists_but_not_from_its_own_query(shop: Shopify) -> None:
    arm(shop.world, "late_visible", times=2)
    order = two_lines(shop, paid_at="never")
    assert shop.page()["nodes"] == []
    assert shop.ask(OPEN, id=f"gid://shopify/Order/{order.no}")["order"] is not None
    shop.world.advance(order.visible_from)
    assert len(shop.page()["nodes"]) == 1


def test_an_empty_list_may_be_null(shop: Shopify) -> None:
    arm(shop.world, "null_list")
    assert shop.page()["nodes"] is None
    assert len(played(shop, "null_list")) == 1


@pytest.mark.parametrize(
    ("mode", "read"),
    [("money", lambda r: r["totalPriceSet"]["shopMoney"]["amount"]), ("id", lambda r: r["legacyResourceId"]), ("time", lambda r: r["updatedAt"])],
)  # fmt: skip
def test_an_unreadable_order_stays_so_until_it_is_healed(shop: Shopify, mode: str, read: Any) -> None:
    order = two_lines(shop)
    good = read(shop.row(order))
    arm(shop.world, "unreadable_order", platform="shopify", order=order.no, mode=mode)
    assert [read(shop.row(order)) for _ in range(2)] == [{"money": "abc", "id": None, "time": "not-a-time"}[mode]] * 2
    assert [(f["order"], f["mode"]) for f in played(shop, "unreadable_order")] == [(order.no, mode)]
    shop.world.faults.heal()
    assert read(shop.row(order)) == good


def test_a_spoilt_amount_that_was_not_asked_for_is_not_played(shop: Shopify) -> None:
    order = two_lines(shop)
    arm(shop.world, "float_money", platform="shopify", order=order.no)
    shop.page(
        query="query Q($first: Int!, $after: String, $q: String) { orders(first: $first, after: $after, query: $q, sortKey: UPDATED_AT) { nodes { id } } }"
    )
    assert played(shop, "float_money") == []
    assert isinstance(shop.row(order)["totalPriceSet"]["shopMoney"]["amount"], float)
    assert len(played(shop, "float_money")) == 1


# ================================================================ what it is told


def test_parts_ship_apart_and_what_is_gone_is_refused(shop: Shopify) -> None:
    order = two_lines(shop)
    assert shop.ship(order, lines=[(0, 2), (1, 1)]) == []
    assert order.state == "partly_shipped"
    assert shop.ship(order, waybill="SF0000000000002", lines=[(0, 1)]) == [
        "Invalid fulfillment order line item quantity requested."
    ]
    assert shop.ship(order, waybill="SF0000000000003") == []
    assert [dict(p.lines) for p in order.parcels] == [
        {order.lines[0].no: 2, order.lines[1].no: 1},
        {order.lines[1].no: 1},
    ]
    assert shop.ship(order, waybill="SF0000000000003") != []
    assert (len(shop.world.book.of("effect", effect="ship")), len(shop.world.book.of("repeat", effect="ship"))) == (
        2,
        1,
    )


@pytest.mark.parametrize("case", ["unpaid", "held", "waybill", "company"])
def test_what_may_not_be_shipped_is_refused_and_stays(shop: Shopify, case: str) -> None:
    words: dict[str, Any] = {"unpaid": {"paid_at": "never"}, "held": {"hold": "risk_control"}}.get(case, {})
    order = two_lines(shop, **words)
    state = order.state
    assert shop.ship(order, "x" if case == "waybill" else WAYBILL, "Nobody" if case == "company" else "SF Express")
    assert (order.state, len(shop.world.book.of("refusal", effect="ship"))) == (state, 1)


def level(listing: str, qty: Any, **more: Any) -> dict[str, Any]:
    return {
        "inventoryItemId": item_gid(listing),
        "locationId": LOCATION,
        "quantity": qty,
        "changeFromQuantity": None,
        **more,
    }


def test_levels_are_set_all_or_none_and_a_key_works_once(shop: Shopify) -> None:
    a, b = (x.listing for x in shop.world.catalogue.listings["shopify"][:2])

    def told(key: str, *rows: Any, **more: Any) -> list[str]:
        given = {"name": "available", "reason": "correction", "quantities": list(rows), **more}
        return [e["code"] for e in shop.ask(LEVELS, input=given, key=key)["inventorySetQuantities"]["userErrors"]]

    assert told("k1", level(a, 7), level(b, 0)) == []
    assert told("k1", level(a, 7), level(b, 0)) == []
    assert len(shop.world.book.of("effect", effect="level")) == 2
    assert told("k1", level(a, 8)) == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]
    assert told("k2", level(a, 9, changeFromQuantity=6)) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert told("k3", level(a, 9, changeFromQuantity=7)) == []
    assert told("k4", level(a, 1), level("1", 1)) == ["INVALID_INVENTORY_ITEM"]
    assert told("k5", level(a, -1)) == ["INVALID_QUANTITY_NEGATIVE"]
    assert told("k6", level(a, 1, locationId="gid://shopify/Location/1")) == ["INVALID_LOCATION"]
    assert told("k7", level(a, 1), name="sold") == ["INVALID_NAME"]
    assert told("k8", level(a, 1), reason="whim") == ["INVALID_REASON"]
    assert (shop.world.levels["shopify", a], shop.world.levels["shopify", b]) == (9, 0)
    read = 'query L($id: ID!, $p: ID!) { productVariant(id: $id) { inventoryItem { inventoryLevel(locationId: $p) { quantities(names: ["available"]) { name quantity } } } } }'
    shown = shop.ask(read, id=f"gid://shopify/ProductVariant/{a}", p=LOCATION)["productVariant"]["inventoryItem"]
    assert shown["inventoryLevel"]["quantities"] == [{"name": "available", "quantity": 9}]


def test_inventory_wants_the_idempotency_key(shop: Shopify) -> None:
    bare = LEVELS.replace("@idempotent(key: $key)", "").replace(", $key: String!", "")
    assert shop.post(bare, input={"quantities": []})["errors"][0]["extensions"]["code"] == "missingRequiredArguments"


def returned(caller: Shopify) -> tuple[Order, str]:
    order = place(caller.world, "shopify")
    caller.ship(order)
    caller.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    return order, caller.ask(RETURNS, id=f"gid://shopify/Order/{order.no}")["order"]["returns"]["nodes"][0]["id"]


def answer(caller: Shopify, name: str, **given: Any) -> list[str]:
    text = f"mutation A($input: X!) {{ {name}(input: $input) {{ return {{ id status }} userErrors {{ code }} }} }}"
    return [e["code"] for e in caller.ask(text, input=given)[name]["userErrors"]]


def test_a_return_is_approved_sent_back_and_refunded(shop: Shopify) -> None:
    order, gid = returned(shop)
    assert answer(shop, "returnApproveRequest", id=gid) == []
    assert answer(shop, "returnApproveRequest", id=gid) == ["INVALID_STATE"]
    assert answer(shop, "returnApproveRequest", id="gid://shopify/Return/1") == ["NOT_FOUND"]
    shop.world.advance(shop.world.now + 6 * 3600)
    told = shop.ask(RETURNS, id=f"gid://shopify/Order/{order.no}")["order"]
    (case,) = told["returns"]["nodes"]
    way = case["reverseFulfillmentOrders"]["nodes"][0]["reverseDeliveries"]["nodes"][0]["deliverable"]["tracking"]
    assert (told["returnStatus"], case["status"], bool(way["number"])) == ("IN_PROGRESS", "OPEN", True)
    shop.world.advance(shop.world.now + 12 * 3600)
    told = shop.ask(RETURNS, id=f"gid://shopify/Order/{order.no}")["order"]
    assert (told["returnStatus"], told["displayFinancialStatus"]) == ("RETURNED", "REFUNDED")
    assert [r["return"]["id"] for r in told["refunds"]] == [gid]


def test_a_return_is_declined_with_a_reason_of_the_list(shop: Shopify) -> None:
    order, gid = returned(shop)
    text = "mutation A($input: X!) { returnDeclineRequest(input: $input) { return { status } userErrors { code } } }"
    assert "errors" in shop.post(text, input={"id": gid, "declineReason": "MOOD"})
    assert answer(shop, "returnDeclineRequest", id=gid, declineReason="OTHER", declineNote="worn") == []
    assert order.lines[0].refund == "none"


def test_what_a_buyer_asks_before_shipping_is_seen_when_it_is_paid(shop: Shopify) -> None:
    order = two_lines(shop)
    assert not shop.world.happen(order, "refund_asked", {"line": 0}, why="script")
    assert shop.row(order)["refunds"] == []
    shop.world.advance(shop.world.now + 2 * 3600)
    (refund,) = shop.row(order)["refunds"]
    assert refund["refundLineItems"]["nodes"][0]["restockType"] == "CANCEL"
    assert shop.row(order)["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert [n["currentQuantity"] for n in shop.row(order)["lineItems"]["nodes"]] == [0, 2]
