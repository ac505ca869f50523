"""Shopify: what is told to it, what went back, and what it pushes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.core.signing import hmac_base64
from adapters.documents import LevelUpdate, NoticeParcel, RefundAnswer, RefundDocument, ShipNotice
from adapters.errors import NotVerified, Unreadable, Unsupported
from adapters.platforms.shopify import callback_signature
from tests.adapters.fake_shopify import FakeShopify
from tests.adapters.kit import NOON, SAMPLES, Rig, sample

SECRET = "shpss_0123456789abcdef0123456789abcdef"
BODY = b'{"id":6123456790001,"name":"#10231","total_price":"61.90"}'
SIGNATURE = "pjCYlEZ9wfRSaS4zVNcFKa84qvTHqdep9Ffn5XgeZik="


# ================================================================ returns and refunds


def parsed(name: str) -> list[Any]:
    with Rig("shopify", FakeShopify()) as rig:
        return [i.document for i in rig.adapter.parse("refunds", sample("shopify", name))]


def test_a_refund_of_a_return_is_told_by_its_return() -> None:
    numbers = [d.platform_refund_no for d in parsed("refunds_list")]
    assert numbers == ["R1234567890", "R1234567891", "R1234567892", "9000000000001", "9000000000002"]


def test_a_refund_of_two_lines_is_two_documents_that_make_its_sum() -> None:
    first, second = parsed("two_lines")
    assert (first.platform_refund_no, second.platform_refund_no) == ("9000000000003", "9000000000003-1")
    assert (first.platform_line_no, second.platform_line_no) == ("15000000000006", "15000000000007")
    # what is not for a line (here 4.61 of freight) goes with the first
    assert (first.amount_minor, second.amount_minor, first.kind) == (2750 - 1199, 1199, "before_shipping")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("REQUESTED", "asked"),
        ("OPEN", "approved"),
        ("DECLINED", "refused"),
        ("CANCELED", "closed"),
        ("CLOSED", "closed"),
        ("NEW", "unknown"),
    ],
)
def test_each_state_of_a_return_has_its_word(status: str, word: str) -> None:
    page = json.loads(sample("shopify", "refunds_list"))
    case = page["data"]["orders"]["nodes"][0]["returns"]["nodes"][0] | {"status": status}
    with Rig("shopify", FakeShopify()) as rig:
        doc = rig.adapter.translate("refunds", json.dumps(case).encode()).document
    assert isinstance(doc, RefundDocument) and doc.status == word
    assert any(d.why == "unknown_status" for d in doc.doubts) == (word == "unknown")


def test_a_case_that_cannot_be_read_keeps_its_number_and_the_others() -> None:
    page = json.loads(sample("shopify", "refunds_list"))
    page["data"]["orders"]["nodes"][0]["refunds"][0]["totalRefundedSet"] = "much"
    with Rig("shopify", FakeShopify()) as rig:
        got = rig.adapter.parse("refunds", json.dumps(page).encode())
    bad = next(i for i in got if i.document is None)
    assert (len(got), bad.number) == (5, "9000000000001")


def test_a_return_and_a_refund_are_looked_up_each_by_its_own_query() -> None:
    case = json.loads(sample("shopify", "refunds_detail"))["data"]["refund"]

    def handler(seen: Any) -> Any:
        query, number = seen.json["query"], seen.json["variables"]["id"]
        if "OneReturn" in query:
            assert number == "gid://shopify/Return/1234567890"
            return {"data": {"return": None}}
        assert number == "gid://shopify/Refund/9000000000001"
        return {"data": {"refund": case}}

    with Rig("shopify", handler, options={"detail_threads": 1}) as rig:
        got = rig.adapter.current(["9000000000001", "R1234567890"], "refunds")
    assert [i.error for i in got] == ["", "detail_failed"]


def test_only_returns_are_answered() -> None:
    world = FakeShopify()
    acts = [("a", "R12", "agree", ""), ("b", "R13", "refuse", "worn"), ("c", "9000000000001", "agree", "")]
    answers = [RefundAnswer(key=k, platform_refund_no=n, platform_order_no="1", act=a, reason=r) for k, n, a, r in acts]
    with Rig("shopify", world) as rig:
        got = [(r.outcome, r.code) for r in rig.adapter.answer_refunds(answers)]
    assert got == [("done", ""), ("refused", "INVALID_STATE"), ("refused", "no_return")]
    assert world.effects == [
        {"id": "gid://shopify/Return/12", "notifyCustomer": False},
        {"id": "gid://shopify/Return/13", "notifyCustomer": False, "declineReason": "OTHER", "declineNote": "worn"},
    ]


# ================================================================ shipping


def held(*lines: tuple[str, str, int, str, str]) -> dict[str, Any]:
    """An answer about fulfilment orders: (fulfilment order, its line, remaining, order line, location)."""
    nodes = [
        {
            "id": f"gid://shopify/FulfillmentOrder/{fo}", "status": "OPEN",
            "assignedLocation": {"location": {"id": f"gid://shopify/Location/{place}"}},
            "lineItems": {"nodes": [{
                "id": f"gid://shopify/FulfillmentOrderLineItem/{line}", "remainingQuantity": left, "lineItem": {"id": f"gid://shopify/LineItem/{of}"},
            }]},
        }
        for fo, line, left, of, place in lines
    ]  # fmt: skip
    return {"data": {"order": {"fulfillmentOrders": {"nodes": nodes}}}}


def told(rig: Rig, *parcels: tuple[str, tuple[tuple[str, int], ...]]) -> list[list[tuple[str, str, int]]]:
    """(fulfilment order, line, pieces) of each call that a notice makes."""
    made = tuple(
        NoticeParcel(carrier="SF", waybill=waybill, lines=tuple((no, "", "", qty) for no, qty in lines))
        for waybill, lines in parcels
    )
    calls = rig.adapter.ship_calls(ShipNotice(key="k", platform_order_no="1", parcels=made))
    return [
        [
            (part["fulfillmentOrderId"].rpartition("/")[2], row["id"].rpartition("/")[2], row["quantity"])
            for part in call.params["variables"]["f"]["lineItemsByFulfillmentOrder"]
            for row in part["fulfillmentOrderLineItems"]
        ]
        for call in calls
    ]


def test_parcels_draw_on_what_fulfilment_orders_still_hold() -> None:
    answer = held(("1", "11", 2, "900", "5"), ("2", "21", 1, "901", "5"))
    with Rig("shopify", lambda _: answer) as rig:
        got = told(rig, ("A", (("900", 1), ("901", 1))), ("B", (("900", 1),)))
    assert got == [[("1", "11", 1), ("2", "21", 1)], [("1", "11", 1)]]


def test_a_parcel_from_two_locations_is_two_fulfilments() -> None:
    answer = held(("1", "11", 1, "900", "5"), ("2", "21", 1, "900", "6"))
    with Rig("shopify", lambda _: answer) as rig:
        assert told(rig, ("A", (("900", 2),))) == [[("1", "11", 1)], [("2", "21", 1)]]


def test_what_nothing_holds_any_more_is_left_to_shopify_to_refuse() -> None:
    with Rig("shopify", lambda _: held(("1", "11", 0, "900", "5"))) as rig:
        assert told(rig, ("A", (("900", 2),))) == [[("1", "11", 2)]]
    with Rig("shopify", lambda _: held(("1", "11", 1, "900", "5"))) as rig:
        assert told(rig, ("A", (("900", 2),))) == [[("1", "11", 1), ("1", "11", 1)]]


def test_a_line_that_no_fulfilment_order_has_is_refused_before_anything_is_told() -> None:
    notice = ShipNotice(
        key="k", platform_order_no="1", parcels=(NoticeParcel(carrier="SF", waybill="A", lines=(("7", "", "", 1),)),)
    )
    with Rig("shopify", lambda _: held(("1", "11", 1, "900", "5"))) as rig:
        result = rig.adapter.ship([notice])[0]
    assert (result.outcome, result.code, len(rig.server.seen)) == ("refused", "no_line", 1)


# ================================================================ levels


def test_levels_go_in_one_call_with_a_key_of_the_effects() -> None:
    world = FakeShopify()
    updates = [LevelUpdate(key=f"level:{n}", listing_id=n, qty=3) for n in ("51", "52", "404")]
    with Rig("shopify", world, options={"location_id": "7"}) as rig:
        first = {r.key: (r.outcome, r.code) for r in rig.adapter.set_levels(updates)}
        rig.adapter.set_levels(updates)
        rig.adapter.set_levels([LevelUpdate(key="level:51b", listing_id="51", qty=3)])
    assert first == {"level:51": ("done", ""), "level:52": ("done", ""), "level:404": ("refused", "not_sent")}
    keys = [e["key"] for e in world.effects]
    assert keys[0] == keys[1] != keys[2], "the same again is the same, another publication is not"
    given = world.effects[0]["input"]
    assert given["quantities"][0] == {
        "inventoryItemId": "gid://shopify/InventoryItem/951", "locationId": "gid://shopify/Location/7", "quantity": 3,
        "changeFromQuantity": None,
    }  # fmt: skip
    assert (given["name"], given["reason"]) == ("available", "correction")


def test_inventory_items_are_looked_up_once() -> None:
    with Rig("shopify", FakeShopify()) as rig:
        for qty in (1, 2):
            rig.adapter.set_levels([LevelUpdate(key=f"k{qty}", listing_id="51", qty=qty)])
        names = [s.json["query"].split()[1].partition("(")[0] for s in rig.server.seen]
    assert names == ["Place", "Items", "Levels", "Levels"]


def test_levels_can_be_read_back() -> None:
    with Rig("shopify", FakeShopify()) as rig:
        assert rig.adapter.read_levels([LevelUpdate(key="k", listing_id="51", qty=1)]) == {"k": 17}


# ================================================================ statements


def booked(number: int, kind: str, amount: str, fee: str, net: str, order: int | None) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/ShopifyPaymentsBalanceTransaction/{number}", "type": kind, "test": False, "transactionDate": "2026-09-02T14:00:00Z",
        "amount": {"amount": amount, "currencyCode": "USD"}, "fee": {"amount": fee}, "net": {"amount": net}, "sourceId": 460709371,
        "sourceType": "CHARGE", "sourceOrderTransactionId": 1006917262,
        "associatedOrder": {"id": f"gid://shopify/Order/{order}"} if order else None,
        "associatedPayout": {"id": "gid://shopify/ShopifyPaymentsPayout/623721858", "status": "PAID"},
    }  # fmt: skip


def statement_page(rows: list[Any], cursor: str | None) -> Any:
    page = {"hasNextPage": cursor is not None, "endCursor": cursor or "end"}
    return {"data": {"shopifyPaymentsAccount": {"balanceTransactions": {"pageInfo": page, "nodes": rows}}}}


def test_a_statement_is_told_in_the_columns_of_its_rest_twin() -> None:
    pages = {None: statement_page([booked(1, "CHARGE", "115.0", "3.64", "111.36", 450789469)], "c1"),
             "c1": statement_page([booked(5, "TRANSFER", "-142.1", "0.0", "-142.1", None)], None)}  # fmt: skip
    with Rig("shopify", lambda seen: pages[seen.json["variables"]["after"]]) as rig:
        charge, payout = (json.loads(row) for row in rig.adapter.statement(NOON, NOON + timedelta(days=1)))
        asked = rig.server.seen[0].json["variables"]["q"]
    assert asked == "processed_at:>='2025-11-20T04:00:00Z' AND processed_at:<'2025-11-21T04:00:00Z'"
    assert charge == {
        "id": "1", "type": "charge", "test": False, "payout_id": "623721858", "payout_status": "paid", "currency": "USD", "amount": "115.0",
        "fee": "3.64", "net": "111.36", "source_id": "460709371", "source_type": "charge", "source_order_id": "450789469",
        "source_order_transaction_id": "1006917262", "processed_at": "2026-09-02T14:00:00Z",
    }  # fmt: skip
    assert (payout["type"], payout["source_order_id"], payout["net"]) == ("payout", None, "-142.1")
    twin = json.loads((SAMPLES.parent.parent / "settlement" / "samples" / "shopify.json").read_text())["transactions"][
        0
    ]
    assert set(charge) == set(twin)


def test_a_shop_of_other_gateways_has_no_statements_here() -> None:
    reply = {"data": {"shopifyPaymentsAccount": None}}
    with Rig("shopify", lambda _: reply) as rig, pytest.raises(Unsupported, match="Shopify Payments"):
        list(rig.adapter.statement(NOON, NOON + timedelta(days=1)))


# ================================================================ signatures


def test_the_callbacks_signature_is_that_of_the_documents() -> None:
    query = {
        "code": "0907a61c0c8d55e99db179b68161bc00", "shop": "some-shop.myshopify.com", "state": "0.6784241404160823",
        "timestamp": "1337178173",
    }  # fmt: skip
    assert callback_signature(query, "hush") == "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"
    assert callback_signature(query, SECRET) == "6827048360085f2686eb18486d56dcb4f68f0af95cf9dda47b083a3f46d8a320"
    more = {**query, "hmac": "x", "signature": "y"}
    assert callback_signature(more, "hush") == callback_signature(query, "hush")


HEADERS = {
    "x-shopify-topic": "orders/updated", "X-Shopify-Hmac-SHA256": SIGNATURE, "X-Shopify-Shop-Domain": "example-brand.myshopify.com",
    "X-SHOPIFY-WEBHOOK-ID": "w-1",
}  # fmt: skip


@pytest.fixture
def shop() -> Any:
    with Rig("shopify", FakeShopify(), seller_id="example-brand") as rig:
        yield rig.adapter


def test_a_pushed_message_is_proven_and_says_what_it_is_about(shop: Any) -> None:
    push = shop.verify_push(HEADERS, BODY, [SECRET])
    assert (push.topic, push.kind, push.number, push.delivery) == ("orders/updated", "orders", "6123456790001", "w-1")
    assert shop.verify_push(HEADERS, BODY, ["new", SECRET]).kind == "orders", "the older secret may sign for an hour"
    bare = {k.lower().removeprefix("x-"): v for k, v in HEADERS.items()}
    assert shop.verify_push(bare, BODY, [SECRET]).delivery == "w-1"


@pytest.mark.parametrize(
    ("headers", "body", "secret", "reason"),
    [
        ({}, BODY, "another", "signature"),
        ({}, BODY + b" ", SECRET, "signature"),
        ({}, BODY.replace(b"61.90", b"61.9"), SECRET, "signature"),
        ({"X-Shopify-Hmac-SHA256": SIGNATURE.lower()}, BODY, SECRET, "signature"),
        ({"X-Shopify-Hmac-SHA256": ""}, BODY, SECRET, "missing_header"),
        ({"X-Shopify-Shop-Domain": "other.myshopify.com"}, BODY, SECRET, "other_merchant"),
        ({"x-shopify-topic": ""}, BODY, SECRET, "missing_header"),
    ],
)
def test_a_message_with_one_trait_altered_is_not_believed(
    shop: Any, headers: dict[str, str], body: bytes, secret: str, reason: str
) -> None:
    with pytest.raises(NotVerified) as caught:
        shop.verify_push({**HEADERS, **headers}, body, [secret])
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("topic", "body", "about"),
    [
        ("refunds/create", b'{"id":9,"order_id":612}', ("refunds", "612")),
        ("returns/request", b'{"id":9,"order_id":612}', ("refunds", "612")),
        ("fulfillments/update", b'{"id":9,"order_id":612}', ("orders", "612")),
        ("orders/delete", b'{"id":612}', ("orders", "612")),
        ("inventory_levels/update", b'{"inventory_item_id":1}', ("", "")),
    ],
)
def test_each_topic_says_where_the_number_stands(shop: Any, topic: str, body: bytes, about: tuple[str, str]) -> None:
    signed = {**HEADERS, "x-shopify-topic": topic, "X-Shopify-Hmac-SHA256": hmac_base64(SECRET, body, "sha256")}
    push = shop.verify_push(signed, body, [SECRET])
    assert (push.kind, push.number) == about


def test_a_signed_message_that_is_no_json_is_unreadable(shop: Any) -> None:
    headers = {**HEADERS, "X-Shopify-Hmac-SHA256": hmac_base64(SECRET, b"hello", "sha256")}
    with pytest.raises(Unreadable):
        shop.verify_push(headers, b"hello", [SECRET])
