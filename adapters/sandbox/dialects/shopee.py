"""Shopee v2: a path per call, partner, time, token, shop and signature in the query; neither query nor body is signed.

Source: the authorisation and signature pages of the open platform and its v2 specifications as published with public SDKs.
The cursor is the offset of the next row, as in the recorded answers; a list gives numbers, details come for at most 50.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import shopee as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Asked, Request, Response, answer, decode, digest
from adapters.sandbox.world import World
from adapters.sandbox.writes import shopee as writes
from adapters.sandbox.writes.shopee import Args, Method, Refusal, parameter

RATE = (100.0, 200)
_SKEW_S = 300
_SPAN_S = 15 * 86400
_PUBLIC = "/api/v2/auth/"
#: parameters without which the same request is the same request
_PASSING = frozenset({"sign", "timestamp", "access_token", "partner_id", "shop_id"})
#: fields of a detail that come unasked; the others come by name
_ALWAYS = frozenset(
    {
        "order_sn", "region", "currency", "cod", "order_status", "message_to_seller", "create_time", "update_time",
        "days_to_ship", "ship_by_date", "checkout_shipping_carrier", "reverse_shipping_fee",
    }
)  # fmt: skip


def sign(key: str, partner: str, path: str, timestamp: str, token: str = "", shop: str = "") -> str:
    """Sign as the platform does: the parts in a row; a public call has neither token nor shop."""
    text = f"{partner}{path}{timestamp}{token}{shop}"
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    query, body = request.params(), decode(request.body)
    told = body if isinstance(body, dict) else {}
    parts = [f"{k}={v}" for k, v in sorted(query.items()) if k not in _PASSING]
    parts += [f"{k}={told[k]}" for k in sorted(told) if k != "refresh_token"]
    order = str(told.get("order_sn") or query.get("order_sn") or "")
    path = request.path
    return Asked(method=path, key=f"{path}|{'|'.join(parts)}", write=path in writes.METHODS, order=order)


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return _error(Refusal("error_rate_limit", "Your request is too frequent, please try again later."), request_id)


def _id(request_id: str) -> str:
    return f"{digest('shopee', request_id):016x}{digest('request', request_id):016x}"


def _error(refusal: Refusal, request_id: str) -> Response:
    return answer({"error": refusal.error, "message": refusal.message, "request_id": _id(request_id)})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    path, query = request.path, request.params()
    head = {"error": "", "message": "", "request_id": _id(request_id)}
    try:
        _check(world, request, query)
        call = Call(world=world, platform="shopee", request_id=request_id, method=path)
        body = decode(request.body) if request.method == "POST" else dict(query)
        if not isinstance(body, dict):
            raise parameter("the body is no JSON object")
        if path in _TOKENS:
            return answer({**head, **_TOKENS[path](call, body)})
        return answer({**head, "response": METHODS[path](call, body)})
    except Refusal as refusal:
        return _error(refusal, request_id)


def _check(world: World, request: Request, query: dict[str, str]) -> None:
    """Who asks, when, and for what."""
    shop, path = world.shops["shopee"], request.path
    public = path.startswith(_PUBLIC)
    if path not in METHODS and path not in _TOKENS:
        raise Refusal("error_not_found", "The api path is not found.")
    post = path in writes.METHODS or path in _TOKENS
    if request.method != ("POST" if post else "GET"):
        raise parameter("wrong method")
    named = ("partner_id", "timestamp", "sign", *(() if public else ("access_token", "shop_id")))
    for name in named:
        if not query.get(name):
            raise parameter(f"{name} is missing")
    if query["partner_id"] != shop.app_key:
        raise Refusal("error_param", "Invalid partner_id.")
    if not query["timestamp"].isdigit() or abs(int(query["timestamp"]) - world.now) > _SKEW_S:
        raise Refusal("error_param", "Timestamp is expired.")
    own = () if public else (query["access_token"], query["shop_id"])
    if query["sign"] != sign(shop.app_secret, shop.app_key, path, query["timestamp"], *own):
        raise Refusal("error_sign", "Wrong sign.")
    if public:
        return
    if query["shop_id"] != shop.seller_id or world.tokens["shopee"].check(query["access_token"], world.now) != "ok":
        raise Refusal("error_auth", "Invalid access_token.")


# --- tokens


def _get(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/auth/token/get: for the code of the consent page."""
    shop = call.world.shops["shopee"]
    _partner(call, args)
    if args.get("code") != f"code-{shop.seller_id}":
        raise Refusal("error_auth", "Invalid code.")
    return _issue(call, "authorization_code")


def _refresh(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/auth/access_token/get: a refresh token is good once."""
    _partner(call, args)
    box = call.world.tokens["shopee"]
    old = box.by_refresh(str(args.get("refresh_token") or ""))
    if old is None or call.world.now >= old.refresh_expires:
        raise Refusal("error_auth", "Invalid refresh_token.")
    old.refresh = ""
    return _issue(call, "refresh_token")


def _partner(call: Call, args: Args) -> None:
    shop = call.world.shops["shopee"]
    if args.get("partner_id") != int(shop.app_key) or args.get("shop_id") != int(shop.seller_id):
        raise parameter("partner_id and shop_id are numbers")


def _issue(call: Call, grant: str) -> dict[str, Any]:
    token = call.world.tokens["shopee"].issue(call.world.now)
    call.world.book.write("effect", effect="token", platform="shopee", grant=grant, request_id=call.request_id)
    return {
        "access_token": token.access,
        "refresh_token": token.refresh,
        "expire_in": token.expires - token.issued,
    }


_TOKENS: dict[str, Method] = {"/api/v2/auth/token/get": _get, "/api/v2/auth/access_token/get": _refresh}


# --- reading


def _int(args: Args, name: str, default: int | None = None) -> int:
    found = args.get(name, default)
    try:
        return int(found)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise parameter(f"{name} is no number") from error


def _size(args: Args) -> int:
    size = _int(args, "page_size")
    if not 1 <= size <= 100:
        raise parameter("page_size is between 1 and 100")
    return size


def order_list(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/order/get_order_list: numbers in a window of at most 15 days."""
    by, start, end = args.get("time_range_field"), _int(args, "time_from"), _int(args, "time_to")
    if by not in ("create_time", "update_time"):
        raise parameter("time_range_field")
    if not 0 <= end - start <= _SPAN_S:
        raise Refusal("order.order_list_invalid_time", "Start time must be earlier than end time and diff in 15days.")
    size, wanted = _size(args), args.get("order_status", "")
    pending = args.get("request_order_status_pending") == "true"
    window = call.window_key(by, start, end, wanted, pending)
    found = _found(call, by, start, end, wanted, pending, window)
    if pages.shift(call, window, found, size):
        found = _found(call, by, start, end, wanted, pending, window)
    at = _int({"cursor": args.get("cursor") or 0}, "cursor")
    cut = pages.twice(call, window, found[at : at + size], lambda o: o.no)
    named = args.get("response_optional_fields") == "order_status"
    rows: list[Any] | None = [
        {"order_sn": o.no, **({"order_status": trees.status(o)} if named else {}), "booking_sn": ""} for o in cut
    ]
    if not rows and pages.as_null(call, window):
        rows = None
    more = at + size < len(found)
    return {"more": more, "next_cursor": str(at + size) if more else "", "order_list": rows}


def _found(
    call: Call, by: str, start: int, end: int, wanted: str, pending: bool, window: str
) -> list[Order]:  # fmt: skip
    orders = call.world.window("shopee", start, end, by="modified" if by == "update_time" else "created")
    shown = [o for o in orders if pending or trees.status(o) != "PENDING"]
    if wanted:
        shown = [o for o in shown if trees.status(o) == wanted]
    return pages.visible(call, shown, window)[::-1]


def order_detail(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/order/get_order_detail: what is not found is left out, unless nothing is found."""
    numbers = [n for n in str(args.get("order_sn_list", "")).split(",") if n]
    if not 1 <= len(numbers) <= 50:
        raise parameter("order_sn_list has 1 to 50 numbers")
    asked_for = _ALWAYS | set(str(args.get("response_optional_fields", "")).split(","))
    found = [o for n in numbers if (o := call.world.find("shopee", n)) is not None]
    if not found:
        raise Refusal("error_not_found", "Wrong parameters, detail: the order is not found.")
    return {"order_list": [_encode(call, o, frozenset(asked_for)) for o in found]}


def _encode(call: Call, order: Order, fields: frozenset[str]) -> Any:
    def make(order: Order) -> dict[str, Any]:
        refunds = {no: call.world.refunds["shopee", no] for no in order.refunds}
        tree = trees.order(order, refunds, call.world.shops["shopee"].home)
        cut = {name: value for name, value in tree.items() if name in fields}
        return trees.spoilt(cut, call.world.faults.of_order(order)[0])

    hidden = () if "item_list" in fields else ("unknown_sku",)
    return pages.encoded(call, order, f"detail {digest(*sorted(fields))}", make, hidden=hidden)


def return_list(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/returns/get_return_list: pages from 0, newest change first. Cancellations are none."""
    by = "modified" if "update_time_from" in args else "created"
    word = "update" if by == "modified" else "create"
    start, end = _int(args, f"{word}_time_from"), _int(args, f"{word}_time_to")
    if not 0 <= end - start <= _SPAN_S:
        raise parameter("the window is at most 15 days")
    page, size = _int(args, "page_no"), _size(args)
    window = call.window_key(by, start, end)
    found = [r for r in call.world.refund_window("shopee", start, end, by=by) if r.kind != "before_shipping"][::-1]
    cut = pages.twice(call, window, found[page * size : (page + 1) * size], lambda r: r.no)
    rows: list[Any] | None = [_return(call, r) for r in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    return {"more": len(found) > (page + 1) * size, "return": rows}


def _return(call: Call, refund: Any) -> dict[str, Any]:
    world = call.world
    return trees.refund(refund, world.orders["shopee", refund.order_no], world.shops["shopee"].home)


def return_detail(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/returns/get_return_detail."""
    found = call.world.refunds.get(("shopee", str(args.get("return_sn"))))
    if found is None or found.kind == "before_shipping":
        raise Refusal("error_not_found", "Wrong parameters, detail: the return is not found.")
    return _return(call, found)


METHODS: dict[str, Method] = {
    "/api/v2/order/get_order_list": order_list,
    "/api/v2/order/get_order_detail": order_detail,
    "/api/v2/returns/get_return_list": return_list,
    "/api/v2/returns/get_return_detail": return_detail,
    **writes.READS,
    **writes.METHODS,
}
