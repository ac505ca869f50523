"""WooCommerce: how calls are signed, what errors mean, and what it pushes."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from adapters.core.signing import hmac_base64
from adapters.errors import NotAuthorised, NotVerified, Refused, Retryable, Unreadable
from adapters.platforms.woocommerce import AGAIN, oauth_base, oauth_query
from tests.adapters.fake_woocommerce import FakeWoo, trouble
from tests.adapters.kit import Rig
from tests.adapters.test_woocommerce import notice

# ================================================================ the wire

KEY, SECRET = f"ck_{'0' * 38}a1", f"cs_{'0' * 38}b2"
SITE = "http://shop.example.com/wp-json/wc/v3/orders"
QUERY = {
    "modified_after": "2026-08-20T00:00:00", "dates_are_gmt": "true", "orderby": "modified", "order": "asc", "per_page": "100", "page": "1",
}  # fmt: skip


def signed(kind: str, query: dict[str, str], at: int, nonce: str) -> str:
    got: str = oauth_query("GET", SITE, query, KEY, SECRET, at, nonce, kind)["oauth_signature"]
    return got


def test_signatures_are_those_of_the_worked_examples() -> None:
    one = ("5f2c9d0b7a1e4c33", 1787788800)
    assert signed("HMAC-SHA256", QUERY, one[1], one[0]) == "xClesED0blusro9D2WmKUmxqad0beGwWSIEqgoCdBx4="
    assert signed("HMAC-SHA1", QUERY, one[1], one[0]) == "nntX2Z7hlrMXGoSu1z4jBpuBKYc="
    two = {"search": "O'Neil & Söhne", "status[0]": "processing", "status[1]": "on-hold"}
    assert signed("HMAC-SHA256", two, 1787788801, "5f2c9d0b7a1e4c34") == "I0PhE5DXW/nDPEnHx3qFCMYbAnCNpLdw3nwzN1WAzks="


def test_the_base_string_is_that_of_the_documents() -> None:
    told = {"oauth_consumer_key": "abc123", "oauth_signature_method": "HMAC-SHA1"}
    assert oauth_base("GET", "http://www.example.com/wp-json/wc/v3/orders", told) == (
        "GET&http%3A%2F%2Fwww.example.com%2Fwp-json%2Fwc%2Fv3%2Forders&oauth_consumer_key%3Dabc123%26oauth_signature_method%3DHMAC-SHA1"
    )
    two = {"search": "O'Neil & Söhne", "status[1]": "on-hold", "status[0]": "processing"}
    assert oauth_base("GET", SITE, two).endswith(
        "&search%3DO%2527Neil%2520%2526%2520S%25C3%25B6hne%26status%255B0%255D%3Dprocessing%26status%255B1%255D%3Don-hold"
    )


def test_over_tls_the_key_pair_stands_in_the_header_or_in_the_query() -> None:
    pair = {"app_key": "ck_1", "secret": "cs_2", "seller_id": "shop.example.com/eu"}
    with Rig("woocommerce", FakeWoo(1), **pair) as rig:
        rig.pull()
        seen = rig.server.seen[0]
    assert str(seen.url).startswith("https://shop.example.com/eu/wp-json/wc/v3/orders?")
    assert seen.headers["authorization"] == f"Basic {base64.b64encode(b'ck_1:cs_2').decode()}"
    with Rig("woocommerce", FakeWoo(1), options={"auth": "query"}, **pair) as rig:
        rig.pull()
        seen = rig.server.seen[0]
    assert (seen.query["consumer_key"], seen.query["consumer_secret"], "authorization" in seen.headers) == (
        "ck_1",
        "cs_2",
        False,
    )


def test_over_plain_http_no_secret_is_sent() -> None:
    with Rig("woocommerce", FakeWoo(1), app_key=KEY, secret=SECRET, base_url="http://shop.example.com") as rig:
        rig.pull()
        seen = rig.server.seen[0]
    query = dict(seen.query)
    given = query.pop("oauth_signature")
    assert given == hmac_base64(f"{SECRET}&", oauth_base("GET", SITE, query).encode(), "sha256")
    assert SECRET not in str(seen.url) and "authorization" not in seen.headers
    assert query["oauth_signature_method"] == "HMAC-SHA256"
    assert len({s.query["oauth_nonce"] for s in rig.server.seen}) == len(rig.server.seen)


def test_a_put_may_be_sent_as_a_post() -> None:
    world = FakeWoo(1)

    def handler(seen: Any) -> Any:
        if seen.method == "POST":
            assert seen.headers["x-http-method-override"] == "PUT"
        return world(seen)

    with Rig("woocommerce", handler, options={"override_put": True}) as rig:
        assert rig.adapter.ship([notice(world.rows[0].number, "A1")])[0].outcome == "done"
        assert [s.method for s in rig.server.seen] == ["GET", "POST"]


AUTH = "woocommerce_rest_authentication_error"


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (401, AUTH, "Consumer key is invalid.", NotAuthorised), (401, AUTH, "Consumer secret is invalid.", NotAuthorised),
        (401, AUTH, "Invalid signature - provided signature does not match.", NotAuthorised),
        (401, AUTH, "The API key provided does not have write permissions.", NotAuthorised),
        (401, AUTH, AGAIN[0], Retryable), (401, AUTH, AGAIN[1], Retryable),
        (401, "woocommerce_rest_authentication_missing_parameter", "x", Refused),
        (401, "woocommerce_rest_cannot_view", "x", NotAuthorised), (403, "woocommerce_rest_cannot_edit", "x", NotAuthorised),
        (403, "woocommerce_rest_cannot_create", "x", NotAuthorised), (404, "rest_no_route", "x", Refused),
        (404, "woocommerce_rest_shop_order_invalid_id", "x", Refused), (400, "rest_invalid_param", "x", Refused),
        (400, "woocommerce_rest_invalid_coupon", "x", Refused), (500, "internal_server_error", "x", Retryable),
    ],
)  # fmt: skip
def test_each_error_is_what_the_documents_say(status: int, code: str, message: str, kind: type[Exception]) -> None:
    reply = trouble(code, status, message)
    with Rig("woocommerce", lambda _: httpx.Response(status, json=reply)) as rig, pytest.raises(kind) as caught:
        rig.pull()
    assert caught.value.code == (code if status < 500 else "500")  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [200, 403, 503])
def test_what_is_no_json_is_tried_again(status: int) -> None:
    with Rig("woocommerce", FakeWoo(2)) as rig:
        rig.server.next(httpx.Response(status, content=b"<b>Warning</b>: Undefined variable in x.php\n[]"))
        pull, _ = rig.pull()
        assert pull.report.proof == "counted"
        assert rig.clock.sleeps == [10.0]


def test_a_refused_stamp_is_sent_again_with_a_fresh_one() -> None:
    with Rig("woocommerce", FakeWoo(1), base_url="http://shop.example.com") as rig:
        rig.server.next(httpx.Response(401, json=trouble(AUTH, 401, AGAIN[1])))
        rig.pull()
        first, second = (s.query["oauth_nonce"] for s in rig.server.seen[:2])
    assert first != second


# ================================================================ pushed messages

HOOK = "whsec_example_1"
BODY = b'{"id":1727,"status":"processing","total":"26.15"}'
HEADERS = {
    "x-wc-webhook-signature": "6/U6/iZaSZURmo+U2hwaY2E7U5u41YAxTZMHqKWir2Q=", "X-WC-Webhook-Topic": "order.updated",
    "X-WC-Webhook-Source": "https://shop.example.com/", "X-WC-Webhook-Delivery-ID": "d-1",
}  # fmt: skip


@pytest.fixture
def shop() -> Any:
    with Rig("woocommerce", FakeWoo(), seller_id="shop.example.com") as rig:
        yield rig.adapter


def test_a_pushed_message_is_proven_and_says_what_it_is_about(shop: Any) -> None:
    push = shop.verify_push(HEADERS, BODY, ["other", HOOK])
    assert (push.topic, push.kind, push.number, push.delivery) == ("order.updated", "orders", "1727", "d-1")


@pytest.mark.parametrize(
    ("headers", "body", "secret", "reason"),
    [
        ({}, BODY, "another", "signature"), ({}, BODY + b"\n", HOOK, "signature"), ({}, BODY.replace(b"26.15", b"26.16"), HOOK, "signature"),
        ({"x-wc-webhook-signature": ""}, b"webhook_id=4", HOOK, "missing_header"), ({"X-WC-Webhook-Topic": ""}, BODY, HOOK, "missing_header"),
        ({"X-WC-Webhook-Source": "https://other.example.com/"}, BODY, HOOK, "other_merchant"),
    ],
)  # fmt: skip
def test_a_message_with_one_trait_altered_is_not_believed(
    shop: Any, headers: dict[str, str], body: bytes, secret: str, reason: str
) -> None:
    with pytest.raises(NotVerified) as caught:
        shop.verify_push({**HEADERS, **headers}, body, [secret])
    assert caught.value.reason == reason


def test_a_deleted_order_is_named_and_other_things_are_not(shop: Any) -> None:
    for topic, body, about in (
        ("order.deleted", b'{"id":5}', ("orders", "5")),
        ("product.updated", b'{"id":5}', ("", "")),
    ):
        headers = {**HEADERS, "X-WC-Webhook-Topic": topic, "x-wc-webhook-signature": hmac_base64(HOOK, body, "sha256")}
        push = shop.verify_push(headers, body, [HOOK])
        assert (push.kind, push.number) == about
    with pytest.raises(Unreadable):
        shop.verify_push({**HEADERS, "x-wc-webhook-signature": hmac_base64(HOOK, b"hello", "sha256")}, b"hello", [HOOK])
