"""Vipshop (VOP), marketplace shops: one address, system parameters in the query, the arguments as JSON in the body.

Source: the official PHP SDK and three public implementations (signature, envelope), the C# SDK's comments (cancel
applications: at most 24 hours, within 90 days; statuses), the gateway's table of errors. Lists of orders tell a total, those
of cases whether there are more, those of applications nothing. JITX is not spoken here.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import vipshop as trees
from adapters.sandbox.state import Order, Refund
from adapters.sandbox.wire import Asked, Request, Response, answer, beijing, decode, from_beijing
from adapters.sandbox.world import World
from adapters.sandbox.writes import vipshop as writes
from adapters.sandbox.writes.vipshop import SOV, STOCK, Method, Refusal, inside, missing, need, wrong

RATE = (50.0, 100)
_ASC = "vipapis.marketplace.asc.AscService"
_OAUTH = "vipapis.oauth.OauthService"
_DAY = 86400
_SKEW_S = 600


def sign(params: Mapping[str, str], body: str, secret: str) -> str:
    """Sign as VOP does: sorted names and values of the system parameters, then the body, HMAC-MD5 in capitals."""
    text = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign" and params[name]) + body
    return hmac.new(secret.encode(), text.encode(), "md5").hexdigest().upper()


def _method(request: Request) -> str:
    query = request.params()
    return f"{query.get('service', '')}.{query.get('method', '')}"


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    method, args = _method(request), decode(request.body)
    inner = args.get("request") if isinstance(args, dict) else None
    ships = inner.get("ships") if isinstance(inner, dict) else None
    first = ships[0] if isinstance(ships, list) and ships else {}
    return Asked(
        method=method,
        key=f"{method}|{request.body.decode('utf-8', 'replace')}",
        write=method in writes.METHODS,
        order=str(first.get("order_id", "")) if isinstance(first, dict) else "",
    )


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled: the one code for too much is that of the day; a moment's is said as a service that is down."""
    return _error(Refusal("vipapis.base-api.error", "服务繁忙"))


def _error(refusal: Refusal) -> Response:
    return answer({"returnCode": refusal.code, "returnMessage": refusal.message})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    method = _method(request)
    try:
        _check(world, request, method)
        args = decode(request.body)
        if not isinstance(args, dict):
            raise wrong("body")
        call = Call(world=world, platform="vipshop", request_id=request_id, method=method)
        return answer({"returnCode": "0", "result": METHODS[method](call, args)})
    except Refusal as refusal:
        return _error(refusal)


def _check(world: World, request: Request, method: str) -> None:
    """Who asks, when, and for what. The clock's tolerance is not documented; ten minutes here."""
    shop, query = world.shops["vipshop"], request.params()
    body = request.body.decode("utf-8", "replace")
    for name in ("service", "method", "version", "timestamp", "format", "appKey", "sign"):
        if not query.get(name):
            raise missing(name)
    token = world.tokens["vipshop"].check(query.get("accessToken", ""), world.now)
    stamp = query["timestamp"]
    rules = (
        (request.path != "/" or method not in METHODS or query["version"] != "1.0.0", "vipapis.path.Error"),
        (query["format"].lower() != "json", "vipapis.parameter-notmatch"),
        (query["appKey"] != shop.app_key, "vipapis.appkey-not-exist"),
        (not stamp.isdigit() or abs(int(stamp) - world.now) > _SKEW_S, "vipapis.parameter-notmatch"),
        (query["sign"] != sign(query, body, shop.app_secret), "vipapis.sign-not-match"),
        (token != "ok" and not method.startswith(_OAUTH), "vipapis.oauth-invalidate-failure"),
    )
    for failed, code in rules:
        if failed:
            raise Refusal(code, code.partition(".")[2])


def refresh(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """OauthService.refreshToken: a new pair for a refresh token that still holds."""
    world, shop = call.world, call.world.shops["vipshop"]
    need(args, "refresh_token", "client_id", "client_secret", "request_client_ip")
    old = world.tokens["vipshop"].by_refresh(str(args["refresh_token"]))
    if args["client_id"] != shop.app_key or args["client_secret"] != shop.app_secret:
        raise Refusal("vipapis.appkey-not-exist", "client_id or client_secret is wrong")
    if old is None or world.now >= old.refresh_expires:
        raise Refusal("vipapis.oauth-invalidate-failure", "refresh_token is wrong")
    token = world.tokens["vipshop"].issue(world.now)
    world.book.write("effect", effect="token", platform="vipshop", grant="refresh_token", request_id=call.request_id)
    return {
        "access_token": token.access,
        "create_at": token.issued,
        "expires_in": token.expires - token.issued,
        "expires_time": token.expires,
        "is_expired": False,
        "refresh_token": token.refresh,
        "refresh_expires_time": token.refresh_expires,
        "status": 1,
    }


# --- reading


def _span(call: Call, asked: Mapping[str, Any], first: str, last: str, longest: int) -> tuple[int, int]:
    need(asked, first, last)
    try:
        start, end = (from_beijing(str(asked[name])) for name in (first, last))
    except ValueError as error:
        raise wrong(first) from error
    if end < start or (longest and (end - start > longest or start < call.world.now - 90 * _DAY)):
        raise wrong(last)
    return start, end


def _page(asked: Mapping[str, Any], most: int) -> tuple[int, int]:
    page, size = asked.get("page", 1), asked.get("limit", 20)
    if not isinstance(page, int) or not isinstance(size, int) or page < 1 or not 1 <= size <= most:
        raise wrong("page")
    return page, size


def orders(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """getOrders: by numbers, or by creation (1) or last change (2); without products."""
    asked = inside(args, "request")
    page, size = _page(asked, 200)
    if asked.get("order_ids"):
        found = [o for no in asked["order_ids"] if (o := call.world.find("vipshop", str(no))) and o.paid_at]
        return {"total": len(found), "orders": [_encode(call, o) for o in found[(page - 1) * size : page * size]]}
    start, end = _span(call, asked, "query_start_time", "query_end_time", 0)
    by = {1: "created", 2: "modified"}.get(asked.get("date_type", 1))
    if by is None:
        raise wrong("date_type")
    wanted = [str(s) for s in asked.get("status") or ()]
    window = call.window_key(beijing(start), beijing(end), by, wanted)
    found = _found(call, start, end, by, wanted, window)
    if pages.shift(call, window, found, size):
        found = _found(call, start, end, by, wanted, window)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    rows = [_encode(call, o) for o in cut]
    nothing = not rows and pages.as_null(call, window)
    return {"total": pages.total(call, window, len(found)), "orders": None if nothing else rows}


def _found(call: Call, start: int, end: int, by: str, wanted: list[str], window: str) -> list[Order]:
    listed = [o for o in call.world.window("vipshop", start, end, by=by) if o.paid_at]
    found = pages.visible(call, listed, window)
    return [o for o in found if not wanted or trees.status(o) in wanted]


def _encode(call: Call, order: Order) -> Any:
    faults = call.world.faults
    return pages.encoded(
        call, order, "order", lambda o: trees.spoilt(trees.order(o), *faults.of_order(o)), hidden=("unknown_sku",)
    )


def order_detail(call: Call, args: dict[str, Any]) -> list[dict[str, Any]]:
    """getOrderDetail: the products of up to fifty orders."""
    numbers = args.get("order_ids")
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= 50:
        raise wrong("order_ids")
    found = [o for no in numbers if (o := call.world.find("vipshop", str(no))) and o.paid_at]
    for order in found:
        call.world.faults.served(order, call.request_id, ("unreadable_order", "float_money"))
    return [trees.products(o) for o in found]


def order_status(call: Call, args: dict[str, Any]) -> list[dict[str, Any]]:
    """getOrderStatusById."""
    found = [call.world.find("vipshop", str(no)) for no in args.get("order_ids") or ()]
    return [{"order_id": o.no, "order_status": trees.status(o)} for o in found if o is not None]


def cancels(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """batchGetCancelInfo: applications by number, by order, or by when they were made: 24 hours at most."""
    asked = inside(args, "request")
    page, size = _page(asked, 100)
    named = str(asked.get("apply_sn") or ""), str(asked.get("order_id") or "")
    start, end = (0, call.world.now) if any(named) else _span(call, asked, "start_time", "end_time", _DAY)
    found = [
        r for r in _refunds(call, start, end, early=True) if named[0] in ("", r.no) and named[1] in ("", r.order_no)
    ]
    if asked.get("audit_status"):
        found = [r for r in found if trees.AUDIT_STATUS[r.status] == asked["audit_status"]]
    window = call.window_key(beijing(start), beijing(end), *named)
    cut = found[(page - 1) * size : page * size]
    if not any(named):
        cut = pages.twice(call, window, cut, lambda r: r.no)
    rows = [trees.application(r, call.world.orders["vipshop", r.order_no]) for r in cut]
    return {"cancelInfos": None if not rows and pages.as_null(call, window) else rows}


def cases(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """getAscs: cases by when they were made, or of one order."""
    asked = inside(args, "request")
    page, size = _page(asked, 100)
    number = str(asked.get("order_id") or "")
    start, end = (0, call.world.now) if number else _span(call, asked, "query_start_time", "query_end_time", 0)
    found = [r for r in _refunds(call, start, end, early=False) if number in ("", r.order_no)]
    window = call.window_key(beijing(start), beijing(end), number)
    cut = found[(page - 1) * size : page * size]
    if not number:
        cut = pages.twice(call, window, cut, lambda r: r.no)
    rows = [trees.case(r, call.world.orders["vipshop", r.order_no]) for r in cut]
    nothing = not rows and pages.as_null(call, window)
    return {"ascs": None if nothing else rows, "has_next": len(found) > page * size}


def _refunds(call: Call, start: int, end: int, *, early: bool) -> list[Refund]:
    found = call.world.refund_window("vipshop", start, end, by="created")
    return [r for r in found if (r.kind == "before_shipping") == early]


def case_info(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """getAscInfo."""
    asked = inside(args, "request")
    need(asked, "asc_sn")
    found = call.world.refunds.get(("vipshop", str(asked["asc_sn"])))
    if found is None or found.kind == "before_shipping":
        raise Refusal("vipapis.asc.not-exist", "售后申请单不存在")
    return trees.case_info(found, call.world.orders["vipshop", found.order_no])


def levels(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """getSkuStock: what is published now."""
    asked = inside(args, "getSkuStockRequest")
    need(asked, "sku_id")
    sku = str(asked["sku_id"])
    left = call.world.levels.get(("vipshop", sku), 0)
    return {
        "sku_stocks": [
            {
                "sku_id": sku,
                "leaving_stock": left,
                "cart_hold": 0,
                "order_hold": 0,
                "warehouse": str(asked.get("warehouse") or "VIP_NH"),
            }
        ]
    }


METHODS: dict[str, Method | Callable[[Call, dict[str, Any]], Any]] = {
    f"{_OAUTH}.refreshToken": refresh,
    f"{SOV}.getOrders": orders,
    f"{SOV}.getOrderDetail": order_detail,
    f"{SOV}.getOrderStatusById": order_status,
    f"{SOV}.batchGetCancelInfo": cancels,
    f"{_ASC}.getAscs": cases,
    f"{_ASC}.getAscInfo": case_info,
    f"{STOCK}.getSkuStock": levels,
    **writes.METHODS,
}
