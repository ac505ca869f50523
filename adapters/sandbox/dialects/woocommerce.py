"""WooCommerce: REST under /wp-json/wc/v3, OAuth 1.0a over plain HTTP, totals and links in the header.

Source: the REST authentication class of woocommerce/woocommerce (one-legged OAuth 1.0a; stamps within fifteen minutes, a
nonce once within that time), its order controllers, and woocommerce-rest-api-docs. Core has no rate limit: a host's 429 is
an HTML page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import woocommerce as trees
from adapters.sandbox.payloads.woocommerce import Writer
from adapters.sandbox.state import Order, Refund
from adapters.sandbox.wire import Asked, Request, Response, answer, decode
from adapters.sandbox.world import World
from adapters.sandbox.writes import woocommerce as writes
from adapters.sandbox.writes.woocommerce import Refusal, listing_of, no_order

RATE = (300.0, 600)
_PREFIX = "/wp-json/wc/v3"
_WINDOW_S = 900
_AUTH = "woocommerce_rest_authentication_error"
_SIGNED = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
_PAGE = b"<html><head><title>429 Too Many Requests</title></head><body><h1>Too Many Requests</h1></body></html>"


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    path = request.path.removeprefix(_PREFIX)
    query = {k: v for k, v in request.params().items() if not k.startswith(("oauth_", "consumer_"))}
    method = _method(request)
    order = re.match(r"/orders/(\d+)", path)
    template = re.sub(r"/\d+", "/{}", path)
    body = request.body.decode("utf-8", "replace")
    key = f"{method} {path}|{urlencode(sorted(query.items()))}|{body}"
    return Asked(method=f"{method} {template}", key=key, write=method != "GET", order=order[1] if order else "")


def _method(request: Request) -> str:
    return request.headers.get("x-http-method-override", "") or request.method


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return Response(status=429, body=_PAGE, content_type="text/html", headers={"retry-after": str(seconds)})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    call = Call(world=world, platform="woocommerce", request_id=request_id, method=asked(request).method)
    try:
        if not request.path.startswith(_PREFIX):
            raise Refusal(404, "rest_no_route", "No route was found matching the URL and request method.")
        _check(world, request)
        return _route(call, request, request.path.removeprefix(_PREFIX))
    except Refusal as no:
        return answer({"code": no.code, "message": no.message, "data": {"status": no.status}}, no.status)


# --- who asks


def base_string(method: str, url: str, params: Mapping[str, str]) -> str:
    """Method, address and sorted parameters; names and values are encoded, and then the whole once more."""

    def code(text: str) -> str:
        return quote(text, safe="-._~")

    pairs = "&".join(f"{code(k)}={code(v)}" for k, v in sorted(params.items()) if k != "oauth_signature")
    return f"{method}&{code(url)}&{code(pairs)}"


def sign(method: str, url: str, params: Mapping[str, str], secret: str) -> str:
    """The signature over a base string, keyed by the secret and an empty token secret."""
    kind = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}[params["oauth_signature_method"]]
    made = hmac.new(f"{secret}&".encode(), base_string(method, url, params).encode(), kind)
    return base64.b64encode(made.digest()).decode()


def _check(world: World, request: Request) -> None:
    shop, params = world.shops["woocommerce"], request.params()
    if request.headers.get("x-forwarded-proto") == "https":
        _check_pair(request, params, shop.app_key, shop.app_secret)
        return
    missing = [name for name in _SIGNED if not params.get(name)]
    if missing:
        raise Refusal(401, "woocommerce_rest_authentication_missing_parameter", f"Missing OAuth parameter {missing[0]}")
    if params["oauth_consumer_key"] != shop.app_key:
        raise Refusal(401, _AUTH, "Consumer key is invalid.")
    if params["oauth_signature_method"] not in ("HMAC-SHA1", "HMAC-SHA256"):
        raise Refusal(401, _AUTH, "Invalid signature - signature method is invalid.")
    path = request.target.partition("?")[0] or f"/woocommerce{request.path}"
    url = f"http://{request.headers.get('host', 'shop.example.com')}{path}"
    if not hmac.compare_digest(sign(request.method, url, params, shop.app_secret), params["oauth_signature"]):
        raise Refusal(401, _AUTH, "Invalid signature - provided signature does not match.")
    _check_stamp(world, params)


def _check_stamp(world: World, params: Mapping[str, str]) -> None:
    """The stamp is near the site's clock, and its nonce is new."""
    stamp = params["oauth_timestamp"]
    if not stamp.isdigit() or abs(int(stamp) - world.now) > _WINDOW_S:
        raise Refusal(401, _AUTH, "Invalid timestamp.")
    mark = ("woocommerce", f"nonce/{params['oauth_nonce']}")
    if mark in world.applied:
        raise Refusal(401, _AUTH, "Invalid nonce - nonce has already been used.")
    world.applied.add(mark)


def _check_pair(request: Request, params: Mapping[str, str], key: str, secret: str) -> None:
    """Over TLS: the pair itself, in the header or in the query."""
    given = (params.get("consumer_key", ""), params.get("consumer_secret", ""))
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    if kind == "Basic":
        user, _, word = base64.b64decode(rest).decode("utf-8", "replace").partition(":")
        given = (user, word)
    if given[0] != key:
        raise Refusal(401, _AUTH, "Consumer key is invalid.")
    if given[1] != secret:
        raise Refusal(401, _AUTH, "Consumer secret is invalid.")


# --- what is asked


def _route(call: Call, request: Request, path: str) -> Response:
    method, body = _method(request), decode(request.body) if request.body else {}
    if not isinstance(body, dict):
        raise Refusal(400, "rest_invalid_json", "Invalid JSON body passed.")
    for verbs, pattern, act in _ROUTES:
        found = re.fullmatch(pattern, path)
        if found is not None and method in verbs:
            made: Response = act(call, request, body, method, *found.groups())
            return made
    raise Refusal(404, "rest_no_route", "No route was found matching the URL and request method.")


def _writer(call: Call) -> Writer:
    return Writer(call.world.shops["woocommerce"].home)


def _find(call: Call, no: str) -> Order:
    order = call.world.find("woocommerce", no)
    if order is None:
        raise no_order()
    return order


def _refunds(call: Call, order: Order) -> list[Refund]:
    found = [call.world.refunds["woocommerce", no] for no in order.refunds]
    return sorted((r for r in found if r.status == "done"), key=lambda r: (-r.done_at, r.no))


def _encode(call: Call, order: Order) -> Any:
    def make(order: Order) -> dict[str, Any]:
        return trees.spoilt(_writer(call).order(order, _refunds(call, order)), *call.world.faults.of_order(order))

    return pages.encoded(call, order, "order", make)


def _orders(call: Call, request: Request, body: dict[str, Any], method: str) -> Response:
    """GET orders: by creation or modification, ends exclusive, pages from 1."""
    q = request.params()
    page, size = _int(q, "page", 1), _int(q, "per_page", 10)
    if page < 1 or not 1 <= size <= 100:
        raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): per_page")
    if q.get("orderby", "date") not in ("date", "modified", "id") or q.get("order", "desc") not in ("asc", "desc"):
        raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): orderby")
    window = call.window_key(
        *(
            f"{k}={q[k]}"
            for k in sorted(q)
            if k not in ("page", "per_page") and not k.startswith(("oauth_", "consumer_"))
        )
    )
    found = _found(call, q, window)
    if pages.shift(call, window, found, size):
        found = _found(call, q, window)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    rows: list[Any] | None = [_encode(call, o) for o in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    total = pages.total(call, window, len(found))
    last = max(-(-len(found) // size), 1)
    headers = {"x-wp-total": str(total), "x-wp-totalpages": str(-(-total // size))}
    links = [(page - 1, "prev")] if page > 1 else []
    links += [(page + 1, "next")] if page < last else []
    if links:
        rest = {k: v for k, v in q.items() if k not in ("page",) and not k.startswith(("oauth_", "consumer_"))}
        base = f"https://shop.example.com{_PREFIX}/orders"
        headers["link"] = ", ".join(f'<{base}?{urlencode({**rest, "page": n})}>; rel="{rel}"' for n, rel in links)
    made = answer(rows)
    return Response(status=200, body=made.body, headers=headers)


def _found(call: Call, q: Mapping[str, str], window: str) -> list[Order]:
    gmt = q.get("dates_are_gmt", "false") == "true"
    clock = UTC if gmt else call.world.shops["woocommerce"].home.clock
    by = "modified" if "modified_after" in q or "modified_before" in q else "created"
    names = ("modified_after", "modified_before") if by == "modified" else ("after", "before")
    low = _at(q, names[0], clock) + 1 if names[0] in q else 0
    high = _at(q, names[1], clock) - 1 if names[1] in q else 2**40
    orders = pages.visible(call, call.world.window("woocommerce", low, high, by=by), window)
    states = set(q.get("status", "any").split(","))
    found = [o for o in orders if "any" in states or trees.status(o) in states]
    key = {"modified": lambda o: (o.modified, int(o.no)), "id": lambda o: (int(o.no), 0)}.get(
        q.get("orderby", "date"), lambda o: (o.created, int(o.no))
    )
    return sorted(found, key=key, reverse=q.get("order", "desc") == "desc")


def _int(q: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(q.get(name, default))
    except ValueError as error:
        raise Refusal(400, "rest_invalid_param", f"Invalid parameter(s): {name}") from error


def _at(q: Mapping[str, str], name: str, clock: Any) -> int:
    try:
        read = datetime.fromisoformat(q[name])
    except ValueError as error:
        raise Refusal(400, "rest_invalid_param", f"Invalid parameter(s): {name}") from error
    return int((read if read.tzinfo else read.replace(tzinfo=clock)).timestamp())


def _order(call: Call, request: Request, body: dict[str, Any], method: str, no: str) -> Response:
    order = _find(call, no)
    if method != "GET":
        writes.update_order(call, order, body)
    return answer(_encode(call, order))


def _notes(call: Call, request: Request, body: dict[str, Any], method: str, no: str) -> Response:
    return answer(writes.add_note(call, _find(call, no), body), 201)


def _refund_list(call: Call, request: Request, body: dict[str, Any], method: str, no: str) -> Response:
    order = _find(call, no)
    return answer([_writer(call).refund(order, r) for r in _refunds(call, order)])


def _refund(call: Call, request: Request, body: dict[str, Any], method: str, no: str, refund: str) -> Response:
    order = _find(call, no)
    found = next((r for r in _refunds(call, order) if r.no == f"{no}-{refund}"), None)
    if found is None:
        raise Refusal(404, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.")
    return answer(_writer(call).refund(order, found))


def _product(
    call: Call, request: Request, body: dict[str, Any], method: str, product: str, variation: str = ""
) -> Response:
    listing = listing_of(call, product, variation)
    return answer(writes.set_stock(call, listing, body) if method != "GET" else writes.product(call, listing))


def _batch(call: Call, request: Request, body: dict[str, Any], method: str, product: str = "") -> Response:
    return answer(writes.batch(call, product, body))


_ROUTES: tuple[tuple[tuple[str, ...], str, Any], ...] = (
    (("GET",), r"/orders", _orders),
    (("GET", "PUT", "POST"), r"/orders/(\d+)", _order),
    (("POST",), r"/orders/(\d+)/notes", _notes),
    (("GET",), r"/orders/(\d+)/refunds", _refund_list),
    (("GET",), r"/orders/(\d+)/refunds/(\d+)", _refund),
    (("POST",), r"/products/batch", _batch),
    (("POST",), r"/products/(\d+)/variations/batch", _batch),
    (("GET", "PUT", "POST"), r"/products/(\d+)", _product),
    (("GET", "PUT", "POST"), r"/products/(\d+)/variations/(\d+)", _product),
)
