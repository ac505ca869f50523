"""Shopify: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import pytest

from adapters.core.wire import Call
from adapters.documents import OrderDocument
from adapters.errors import (
    BadAnswer,
    NotAuthorised,
    PagingLoop,
    Refused,
    Retryable,
    Unsupported,
)
from adapters.platforms._shopify_orders import FINANCIAL, FULFILMENT
from adapters.platforms._shopify_wire import CODES
from adapters.platforms.shopify import RESTORE, VERSION
from adapters.ports import AccessToken
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_shopify import FakeShopify, bag, error
from tests.adapters.fakes import BIG
from tests.adapters.kit import NOON, Rig, items


class TestShopify(PlatformContract):
    fake = FakeShopify
    told_wait_s = 2.0
    ship_reads = 1
    level_reads = 2

    def without_lines(self, raw: str, empty: str) -> bytes:
        payload = json.loads(raw)
        payload["lineItems"]["nodes"] = json.loads(empty)
        return json.dumps(payload).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["lineItems"]["nodes"][0]
        return line


def order(**change: Any) -> OrderDocument:
    """The one order of a small world, changed; `line__x` changes its line."""
    world = FakeShopify(1)
    payload = world.payload(world.rows[0])
    line = {k.removeprefix("line__"): v for k, v in change.items() if k.startswith("line__")}
    payload["lineItems"]["nodes"][0].update(line)
    payload.update({k: v for k, v in change.items() if not k.startswith("line__")})
    with Rig("shopify", world) as rig:
        item = rig.adapter.translate("orders", json.dumps(payload).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


# ================================================================ states


def wanted(financial: str, fulfilment: str) -> str:
    """The status by the documents' rules, written down once more."""
    if financial in ("VOIDED", "EXPIRED"):
        return "cancelled"
    if financial in ("PENDING", "AUTHORIZED", "PARTIALLY_PAID"):
        return "unpaid"
    return {"PARTIALLY_FULFILLED": "partly_shipped", "FULFILLED": "shipped"}.get(
        fulfilment, "cancelled" if financial == "REFUNDED" else "paid"
    )


@pytest.mark.parametrize(("financial", "fulfilment"), list(product(FINANCIAL, FULFILMENT)))
def test_each_pair_of_states_has_its_word(financial: str, fulfilment: str) -> None:
    doc = order(displayFinancialStatus=financial, displayFulfillmentStatus=fulfilment)
    assert doc.status == wanted(financial, fulfilment)
    assert doc.status_raw == f"{financial}/{fulfilment}"


def test_the_tables_are_those_of_the_schema() -> None:
    assert set(FINANCIAL) == set(
        "AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED".split()  # noqa: SIM905
    )
    assert set(FULFILMENT) == set(
        "FULFILLED FULFILLMENT_NOT_REQUIRED IN_PROGRESS ON_HOLD OPEN PARTIALLY_FULFILLED PENDING_FULFILLMENT "  # noqa: SIM905
        "REQUEST_DECLINED RESTOCKED SCHEDULED UNFULFILLED".split()
    )


@pytest.mark.parametrize(
    "change", [{"displayFinancialStatus": "NEW"}, {"displayFulfillmentStatus": "NEW"}, {"displayFinancialStatus": None}]
)
def test_an_unknown_state_is_kept_and_doubted(change: dict[str, Any]) -> None:
    doc = order(**change)
    assert doc.status == "unknown"
    assert [d.raw for d in doc.doubts if d.why == "unknown_status"] == [doc.status_raw.replace("None", "")]


def test_a_cancelled_order_is_cancelled_whatever_else_it_says() -> None:
    doc = order(cancelledAt="2025-11-20T03:00:00Z", displayFulfillmentStatus="FULFILLED")
    assert (doc.status, doc.lines[0].status) == ("cancelled", "closed")
    assert doc.ended_at is not None


def test_a_closed_order_that_was_shipped_is_completed() -> None:
    closed = {"closedAt": "2025-11-20T03:00:00Z"}
    assert order(displayFulfillmentStatus="FULFILLED", **closed).status == "completed"
    assert order(displayFulfillmentStatus="UNFULFILLED", **closed).status == "paid"


@pytest.mark.parametrize(
    "returned", ["RETURN_REQUESTED", "IN_PROGRESS", "INSPECTION_COMPLETE", "RETURNED", "RETURN_FAILED"]
)
def test_a_return_stands_beside_the_order(returned: str) -> None:
    assert order(displayFulfillmentStatus="FULFILLED", returnStatus=returned).status == "shipped"


@pytest.mark.parametrize(
    ("change", "hold"),
    [({"displayFulfillmentStatus": "ON_HOLD"}, "paused"), ({"displayFulfillmentStatus": "SCHEDULED"}, "scheduled"),
     ({"test": True}, "test_order"), ({}, ""), ({"displayFulfillmentStatus": "ON_HOLD", "displayFinancialStatus": "PENDING"}, "")],
)  # fmt: skip
def test_what_may_not_be_fulfilled_yet_is_held(change: dict[str, Any], hold: str) -> None:
    assert order(**change).platform_hold == hold


# ================================================================ money, lines, places


def test_money_held_is_not_money_received() -> None:
    doc = order(displayFinancialStatus="AUTHORIZED", totalReceivedSet=bag("0.0"), transactions=[
        {"kind": "AUTHORIZATION", "status": "SUCCESS", "processedAt": "2025-11-20T01:00:00Z"},
    ])  # fmt: skip
    assert (doc.paid_minor, doc.paid_at, doc.payable_minor) == (0, None, 1000)


def test_a_part_payment_is_what_was_received() -> None:
    assert order(displayFinancialStatus="PARTIALLY_PAID", totalReceivedSet=bag("4.0")).paid_minor == 400


def test_the_first_payment_that_went_through_counts() -> None:
    doc = order(transactions=[
        {"kind": "SALE", "status": "FAILURE", "processedAt": "2025-11-20T01:00:00Z"},
        {"kind": "CAPTURE", "status": "SUCCESS", "processedAt": "2025-11-20T03:00:00Z"},
        {"kind": "SALE", "status": "SUCCESS", "processedAt": "2025-11-20T02:00:00Z"},
        {"kind": "REFUND", "status": "SUCCESS", "processedAt": "2025-11-20T00:30:00Z"},
    ])  # fmt: skip
    assert doc.paid_at is not None and doc.paid_at.hour == 2


def test_tax_inside_the_prices_is_not_added_again() -> None:
    assert order().tax_minor == 0
    on_top = order(taxesIncluded=False, totalPriceSet=bag("10.83"))
    assert on_top.tax_minor == 83
    assert not [d for d in on_top.doubts if d.why == "sum_differs"]


def test_what_does_not_add_up_is_marked() -> None:
    doc = order(totalPriceSet=bag("11.0"))
    assert [(d.field, d.raw) for d in doc.doubts if d.why == "sum_differs"] == [("payable_minor", "100")]


def test_an_amount_in_another_currency_is_refused() -> None:
    world = FakeShopify(1)
    payload = world.payload(world.rows[0])
    payload["totalPriceSet"]["shopMoney"]["currencyCode"] = "USD"
    with Rig("shopify", world) as rig:
        item = rig.adapter.translate("orders", json.dumps(payload).encode())
    assert item.error == "bad_currency" and item.number == str(BIG)


def test_a_float_amount_is_read_and_marked() -> None:
    doc = order(totalPriceSet={"shopMoney": {"amount": 10.0, "currencyCode": "SGD"}})
    assert doc.payable_minor == 1000
    assert any(d.why == "float_money" for d in doc.doubts)


def refund_of(world_line: int) -> list[dict[str, Any]]:
    return [
        {"refundLineItems": {"nodes": [{"quantity": 1, "lineItem": {"id": f"gid://shopify/LineItem/{world_line}"}}]}}
    ]


def test_a_line_paid_back_is_full_and_one_edited_away_is_closed() -> None:
    back = order(line__currentQuantity=0, line__unfulfilledQuantity=0, refunds=refund_of(BIG + 1))
    assert (back.lines[0].refund, back.lines[0].status) == ("full", "closed")
    edited = order(line__currentQuantity=0, line__unfulfilledQuantity=0)
    assert (edited.lines[0].refund, edited.lines[0].status) == ("", "closed")


def test_a_line_that_left_and_was_paid_back_stays_shipped() -> None:
    world = FakeShopify(1)
    world.rows[0].shipped = [("SF Express", "SF1")]
    payload = world.payload(world.rows[0])
    payload["lineItems"]["nodes"][0].update(currentQuantity=0)
    payload |= {"refunds": refund_of(BIG + 1), "displayFinancialStatus": "REFUNDED"}
    with Rig("shopify", world) as rig:
        doc = rig.adapter.translate("orders", json.dumps(payload).encode()).document
    assert isinstance(doc, OrderDocument)
    assert (doc.status, doc.lines[0].status, doc.lines[0].refund) == ("shipped", "shipped", "full")


def test_a_guest_has_no_merge_key() -> None:
    assert order().merge_key.startswith("72|")
    assert order(customer=None).merge_key == order(customer=None).buyer_id == ""


def test_a_digital_order_has_no_receiver() -> None:
    doc = order(shippingAddress=None, requiresShipping=False)
    assert (doc.receiver.name, doc.flags, doc.merge_key) == ("", ("virtual",), "")


# ================================================================ lists and details


def test_a_page_asks_for_the_window_by_update_and_follows_the_cursor() -> None:
    world = FakeShopify(25)
    with Rig("shopify", world) as rig:
        pull, batches = rig.pull()
        asked = [s.json["variables"] for s in rig.server.seen]
    assert asked[0] == {
        "first": 10,
        "after": None,
        "q": "updated_at:>='2025-11-20T02:00:00Z' AND updated_at:<='2025-11-20T03:00:00Z'",
    }
    assert [a["after"] for a in asked] == [None, "1", "2"] * 2
    assert "sortKey: UPDATED_AT" in rig.server.seen[0].json["query"]
    assert (len(items(batches)), pull.report.proof) == (25, "exhausted")


def test_a_cursor_that_stands_still_is_noticed() -> None:
    world = FakeShopify(25)
    world.cursor_stuck = True
    with Rig("shopify", world) as rig, pytest.raises(PagingLoop):
        rig.pull()


def test_an_order_with_more_lines_than_a_page_is_read_whole() -> None:
    world = FakeShopify(3)
    many = world.payload(world.rows[1])["lineItems"]
    world.rows[1].change = {"lineItems": {**many, "pageInfo": {"hasNextPage": True}}}

    def handler(seen: Any) -> Any:
        if "OneOrder" in seen.json.get("query", ""):
            whole = {
                **world.payload(world.rows[1]),
                "lineItems": {"pageInfo": {"hasNextPage": False}, "nodes": many["nodes"] * 60},
            }
            return {"data": {"order": whole}}
        return world(seen)

    with Rig("shopify", handler) as rig:
        _, batches = rig.pull()
    documents = [i.document for i in items(batches)]
    assert sorted(len(d.lines) for d in documents if isinstance(d, OrderDocument)) == [1, 1, 60]


def test_a_light_pull_asks_for_heads_only() -> None:
    with Rig("shopify", FakeShopify(3)) as rig:
        rig.pull(light=True)
        assert all("lineItems" not in s.json["query"] for s in rig.server.seen)


# ================================================================ the wire


def test_the_token_stands_in_its_header_and_the_version_in_the_path() -> None:
    with Rig("shopify", FakeShopify(1), seller_id="example-brand") as rig:
        rig.pull()
        seen = rig.server.seen[0]
    assert str(seen.url) == f"https://example-brand.myshopify.com/admin/api/{VERSION}/graphql.json"
    assert (seen.headers["x-shopify-access-token"], seen.headers["content-type"]) == ("token-1", "application/json")


def test_another_version_than_asked_for_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    world = FakeShopify(1)

    def old(seen: Any) -> Any:
        return httpx.Response(200, json=world(seen), headers={"X-Shopify-API-Version": "2026-01"})

    with Rig("shopify", old) as rig:
        rig.pull()
    assert "was served by 2026-01" in caplog.text


OUTCOMES: dict[str, type[Exception]] = {
    "throttled": Retryable, "lost": Retryable, "retry": Retryable, "authorise": NotAuthorised, "final": Refused,
}  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_what_the_documents_say(code: str) -> None:
    with Rig("shopify", lambda _: error(code)) as rig, pytest.raises(OUTCOMES[CODES[code]]) as caught:
        rig.pull()
    assert caught.value.code == code  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (402, Refused), (403, NotAuthorised), (404, Refused), (406, Refused), (422, Refused), (423, Refused), (430, Retryable),
     (429, Retryable), (500, Retryable), (502, Retryable), (503, Retryable), (504, Retryable)],
)  # fmt: skip
def test_each_status_is_what_the_documents_say(status: int, kind: type[Exception]) -> None:
    for errors in ("no", {"order": ["Required parameter missing or invalid"]}):
        with Rig("shopify", lambda _, e=errors: httpx.Response(status, json={"errors": e})) as rig, pytest.raises(kind):
            rig.pull()


def test_a_decimal_retry_after_is_waited_for() -> None:
    for status in (429, 430):
        with Rig("shopify", FakeShopify(1)) as rig:
            rig.server.next(httpx.Response(status, json={"errors": "slow"}, headers={"Retry-After": "2.0"}))
            rig.pull()
            assert rig.clock.sleeps == [2.0]


def test_data_beside_errors_counts_as_failed() -> None:
    reply = {"data": {"orders": {"pageInfo": {"hasNextPage": False}, "nodes": []}}, **error("ACCESS_DENIED")}
    with Rig("shopify", lambda _: reply) as rig, pytest.raises(NotAuthorised):
        rig.pull()


def test_an_answer_without_data_and_errors_is_none_of_shopifys() -> None:
    with Rig("shopify", lambda _: {"hello": 1}) as rig, pytest.raises(Retryable):
        rig.pull()


@pytest.mark.parametrize(("plan", "restore"), RESTORE.items())
def test_a_plan_has_its_bucket_of_points(plan: str, restore: int) -> None:
    with Rig("shopify", FakeShopify(1), options={"plan": plan}) as rig:
        rig.pull()
        key, limit = rig.limiter.taken[0]
    assert (limit.points, limit.restore_per_s) == (20.0 * restore, restore)
    assert key.endswith(":graphql"), "all documents draw on one bucket"
    with pytest.raises(Unsupported):
        Rig("shopify", FakeShopify(), options={"plan": "giant"})


def test_an_own_app_asks_for_its_token_and_a_public_one_renews_it() -> None:
    with Rig("shopify", FakeShopify(), stored=None, app_key="client-1") as rig:
        rig.pull()
        form = rig.server.seen[0].form
    assert form == {"grant_type": "client_credentials", "client_id": "client-1", "client_secret": "example-secret"}
    old = AccessToken(access="token-1", refresh="refresh-1", expires_at=NOON)
    with Rig("shopify", FakeShopify(), stored=old) as rig:
        rig.pull()
        form = rig.server.seen[0].form
        assert (form["grant_type"], form["refresh_token"]) == ("refresh_token", "refresh-1")
        assert rig.tokens.token is not None and rig.tokens.token.refresh == "refresh-2", "it is used up by its use"
        assert rig.tokens.token.expires_at == NOON + timedelta(hours=1)


def test_a_refused_renewal_asks_for_the_merchant() -> None:
    reply = httpx.Response(400, json={"error": "invalid_client"})
    with Rig("shopify", lambda _: reply, stored=None) as rig, pytest.raises(NotAuthorised, match="invalid_client"):
        rig.adapter.renew_token()


def test_a_call_without_a_list_in_it_is_a_bad_answer() -> None:
    with Rig("shopify", lambda _: {"data": {"shop": {"name": "x"}}}) as rig:
        with pytest.raises(BadAnswer):
            rig.pull()
        assert rig.adapter.call(Call(api="x", params={})).status == 200
