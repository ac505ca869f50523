"""Douyin shop: a path per call, the business parameters as one canonical JSON text in the body, the rest in the query.

Source: the API call guide and the signature article of op.jinritemai.com as digested in public notes, the error codes
of the method pages. `method` is the path with dots; the token rides unsigned in the query.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import douyin as trees
from adapters.sandbox.state import Order
from adapters.sandbox.statements import douyin as bills
from adapters.sandbox.wire import Asked, Request, Response, answer, beijing, decode, digest, from_beijing
from adapters.sandbox.world import World
from adapters.sandbox.writes import douyin as writes
from adapters.sandbox.writes.douyin import Refusal, invalid, need

RATE = (300.0, 600)
_SKEW_S = 600
_DAY = 86400
_DEEPEST = 50_000
_MESSAGES = {
    20000: "系统错误",
    30001: "权限不足",
    40001: "缺少必选参数",
    40002: "缺少必选参数",
    40003: "非法的参数",
    40004: "非法的参数",
    50001: "获取Token失败",
    50002: "业务处理失败",
    60000: "平台限流",
    70000: "API已下线",
}
Method = Callable[[Call, dict[str, Any]], Any]


def sign(app_key: str, secret: str, method: str, body: str, timestamp: str, kind: str) -> str:
    """Sign as the platform does; the HMAC's message keeps the secret on both sides."""
    text = f"{secret}app_key{app_key}method{method}param_json{body}timestamp{timestamp}v2{secret}"
    if kind == "hmac-sha256":
        return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hashlib.md5(text.encode()).hexdigest()


def canonical(body: str) -> bool:
    """Whether a body is written as the platform wants: keys sorted at every level, no spaces, nothing escaped."""
    try:
        # whole numbers are written without .0
        read = json.loads(body, parse_float=lambda text: int(float(text)) if float(text).is_integer() else float(text))
    except ValueError:
        return False
    return (
        isinstance(read, dict) and json.dumps(read, sort_keys=True, ensure_ascii=False, separators=(",", ":")) == body
    )


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    path, args = request.path, decode(_param_json(request).encode())
    named = args if isinstance(args, dict) else {}
    return Asked(
        method=path,
        key=f"{path}|{_param_json(request)}",
        write=path in writes.METHODS,
        order=str(named.get("order_id") or named.get("shop_order_id") or ""),
    )


def _param_json(request: Request) -> str:
    return request.body.decode("utf-8", "replace") or request.params().get("param_json", "")


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return _error(world, Refusal(60000, "isp.traffic-limited:1", "请求过于频繁"), request_id)


def _envelope(world: World, request_id: str, code: int, msg: str, sub_code: str, sub_msg: str) -> dict[str, Any]:
    stamp = beijing(world.now).translate({ord(c): None for c in "-: "})
    log_id = f"{stamp}{digest('log', request_id) % 10**18:018d}"
    return {"code": code, "msg": msg, "sub_code": sub_code, "sub_msg": sub_msg, "log_id": log_id}


def _error(world: World, refusal: Refusal, request_id: str) -> Response:
    msg = _MESSAGES[refusal.code]
    return answer(_envelope(world, request_id, refusal.code, msg, refusal.sub_code, refusal.sub_msg))


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    if request.path.startswith("/download/"):
        found_file = bills.fetched(world, request.path)
        return Response(body=found_file or b"expired", status=200 if found_file else 404, content_type="text/csv")
    try:
        args = _check(world, request)
        call = Call(world=world, platform="douyin", request_id=request_id, method=request.path)
        found = (_TOKENS.get(request.path) or METHODS[request.path])(call, args)
    except Refusal as refusal:
        return _error(world, refusal, request_id)
    return answer({**_envelope(world, request_id, 10000, "success", "", ""), "data": found})


def _check(world: World, request: Request) -> dict[str, Any]:
    """Who asks, when, and for what; returns the business parameters."""
    shop, query, body = world.shops["douyin"], request.params(), _param_json(request)
    if request.path not in METHODS and request.path not in _TOKENS:
        raise Refusal(70000, "isp.api-service-off", "no such api")
    for name in ("method", "app_key", "timestamp", "v", "sign"):
        if not query.get(name):
            raise Refusal(40001, "isv.parameter-missing", f"{name} is missing")
    kind = query.get("sign_method", "md5")
    rules: tuple[tuple[bool, int, str], ...] = (
        (query["app_key"] != shop.app_key, 30001, "isv.app-permissions-insufficient"),
        (query["method"] != request.path[1:].replace("/", "."), 40003, "isv.parameter-format-invalid"),
        (query["v"] != "2" or kind not in ("md5", "hmac-sha256"), 40003, "isv.parameter-format-invalid"),
        (not _timely(query["timestamp"], world.now), 40003, "isv.timestamp-invalid"),
        (not _signed(query, shop.app_secret, body, kind), 40003, "isv.signature-invalid"),
    )
    for wrong, code, sub_code in rules:
        if wrong:
            raise Refusal(code, sub_code, sub_code.partition(".")[2])
    if request.path not in _TOKENS:
        _check_token(world, query.get("access_token", ""))
    read: dict[str, Any] = json.loads(body)
    return read


def _signed(query: Mapping[str, str], secret: str, body: str, kind: str) -> bool:
    true = sign(query["app_key"], secret, query["method"], body, query["timestamp"], kind)
    return canonical(body) and query["sign"] == true


def _check_token(world: World, access: str) -> None:
    state = world.tokens["douyin"].check(access, world.now)
    errors = {
        "missing": (40001, "isv.access-token-missing"),
        "unknown": (40003, "isv.access-token-no-existed"),
        "expired": (40003, "isv.access-token-expired"),
    }
    if state != "ok":
        code, sub_code = errors[state]
        raise Refusal(code, sub_code, sub_code.partition(".")[2])


def _timely(text: str, now: int) -> bool:
    try:
        at = int(text) if text.isdigit() else from_beijing(text)
    except ValueError:
        return False
    return abs(at - now) <= _SKEW_S


# --- tokens


def _create(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/token/create: for a self-used app by its shop, otherwise for the code of the authorisation page."""
    shop = call.world.shops["douyin"]
    own = args.get("grant_type") == "authorization_self" and str(args.get("shop_id")) == shop.seller_id
    code = args.get("grant_type") == "authorization_code" and args.get("code") == f"code-{shop.seller_id}"
    if not own and not code:
        raise Refusal(50001, "dop.token-generate-failed:10001", "code or shop_id is wrong")
    return _issue(call, str(args["grant_type"]))


def _refresh(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/token/refresh: the same token while it is far from its end."""
    box = call.world.tokens["douyin"]
    old = box.by_refresh(str(args.get("refresh_token", "")))
    if args.get("grant_type") != "refresh_token" or old is None or call.world.now >= old.refresh_expires:
        raise Refusal(50001, "dop.token-generate-failed:10002", "refresh_token is over")
    if box.alive(old, call.world.now + 3600) and box.alive(old, call.world.now) and old is box.latest:
        return _tell(call)
    return _issue(call, "refresh_token")


def _issue(call: Call, grant: str) -> dict[str, Any]:
    call.world.tokens["douyin"].issue(call.world.now)
    call.world.book.write("effect", effect="token", platform="douyin", grant=grant, request_id=call.request_id)
    return _tell(call)


def _tell(call: Call) -> dict[str, Any]:
    token, shop = call.world.tokens["douyin"].latest, call.world.shops["douyin"]
    assert token is not None
    return {
        "access_token": token.access,
        "expires_in": token.expires - call.world.now,
        "refresh_token": token.refresh,
        "scope": "SCOPE",
        "shop_id": int(shop.seller_id),
        "shop_name": "示例官方旗舰店",
        "authority_id": "",
        "auth_subject_type": "MerchantShop",
    }


_TOKENS: dict[str, Method] = {"/token/create": _create, "/token/refresh": _refresh}


# --- reading


def _int(args: dict[str, Any], name: str, default: int) -> int:
    found = args.get(name, default)
    try:
        return int(found)
    except (TypeError, ValueError) as error:
        raise Refusal(40003, "isv.parameter-format-invalid", f"{name} is no number") from error


def _page(args: dict[str, Any]) -> tuple[int, int]:
    page, size = _int(args, "page", 0), _int(args, "size", 10)
    if page < 0:
        raise invalid(10035, "page is negative")
    if not 1 <= size <= 100:
        raise invalid(20008, "size is above 100")
    if (page + 1) * size > _DEEPEST:
        raise invalid(20013, "beyond 50000 rows")
    return page, size


def _span(call: Call, args: dict[str, Any], first: str, last: str) -> tuple[int, int] | None:
    if not args.get(first) and not args.get(last):
        return None
    start, end = _int(args, first, 0), _int(args, last, 0)
    if not start or not end or start >= end:
        raise invalid(20011, f"{first} and {last} are both needed and not equal")
    if start < call.world.now - 90 * _DAY:
        raise invalid(20022, "older than 90 days")
    return start, end


def search_list(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/order/searchList: pages from 0, by update or creation time, newest first unless order_asc."""
    page, size = _page(args)
    update, create = (
        _span(call, args, "update_time_start", "update_time_end"),
        _span(call, args, "create_time_start", "create_time_end"),
    )
    if update is None and create is None:
        raise invalid(20011, "no start time")
    order_by = args.get("order_by", "create_time")
    if order_by not in ("create_time", "update_time"):
        raise Refusal(40003, "isv.parameter-format-invalid", "order_by is create_time or update_time")
    combined = args.get("combine_status") or []
    if len(combined) > 1:
        raise invalid(20012, "more than one combine_status")
    window = call.window_key(update, create, combined, order_by, args.get("order_asc"))
    found = _found(call, update, create, combined, window)
    if pages.shift(call, window, found, size):
        found = _found(call, update, create, combined, window)
    by_update = order_by == "update_time"
    found.sort(key=lambda o: (o.modified if by_update else o.created, o.no), reverse=not args.get("order_asc"))
    cut = pages.twice(call, window, found[page * size : (page + 1) * size], lambda o: o.no)
    rows: list[Any] | None = [_encode(call, o) for o in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    return {"page": page, "size": size, "total": pages.total(call, window, len(found)), "shop_order_list": rows}


def _found(
    call: Call,
    update: tuple[int, int] | None,
    create: tuple[int, int] | None,
    combined: list[dict[str, Any]],
    window: str,
) -> list[Order]:
    span = update or create
    assert span is not None
    orders = call.world.window("douyin", *span, by="modified" if update else "created")
    found = pages.visible(call, orders, window)
    if update and create:
        found = [o for o in found if create[0] <= o.created <= create[1]]
    if combined:
        states = {s for s in str(combined[0].get("order_status", "")).split(",") if s}
        found = [o for o in found if not states or str(trees.STATUS[o.state]) in states]
    return found


def _encode(call: Call, order: Order) -> Any:
    def make(order: Order) -> dict[str, Any]:
        refunds = {no: call.world.refunds["douyin", no] for no in order.refunds}
        tree = trees.order(order, refunds, int(call.world.shops["douyin"].seller_id))
        return trees.spoilt(tree, *call.world.faults.of_order(order))

    return pages.encoded(call, order, "order", make)


def order_detail(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/order/orderDetail."""
    need(args, "shop_order_id")
    order = call.world.find("douyin", str(args["shop_order_id"]))
    if order is None:
        raise Refusal(50002, "isv.business-failed:2001", "订单不存在")
    return {"shop_order_detail": _encode(call, order)}


def aftersale_list(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/afterSale/List: by application time, or by update time together with its order."""
    page, size = _page(args)
    applied, updated = (
        _span(call, args, "start_time", "end_time"),
        _span(call, args, "update_start_time", "update_end_time"),
    )
    order_by = args.get("order_by") or []
    if updated and not any(str(o).startswith("update_time") for o in order_by):
        raise invalid(20030, "update_start_time wants order_by update_time")
    by = "modified" if updated else "created"
    start, end = updated or applied or (call.world.now - 180 * _DAY, call.world.now)
    found = call.world.refund_window("douyin", start, end, by=by)
    if any(str(o).endswith("desc") for o in order_by):
        found.reverse()
    window = call.window_key(start, end, by, order_by)
    cut = pages.twice(call, window, found[page * size : (page + 1) * size], lambda r: r.no)
    rows: list[Any] | None = [trees.refund(r, call.world.orders["douyin", r.order_no]) for r in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    total = pages.total(call, window, len(found))
    return {"has_more": len(found) > (page + 1) * size, "total": total, "page": page, "size": size, "items": rows}


def aftersale_detail(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """/afterSale/Detail."""
    need(args, "after_sale_id")
    refund = call.world.refunds.get(("douyin", str(args["after_sale_id"])))
    if refund is None:
        raise Refusal(20000, "isp.service-error:10000", "存在无效的售后单")
    return trees.detail(refund, call.world.orders["douyin", refund.order_no])


METHODS: dict[str, Method] = {
    "/order/searchList": search_list,
    "/order/orderDetail": order_detail,
    "/afterSale/List": aftersale_list,
    "/afterSale/Detail": aftersale_detail,
    **writes.READS,
    **writes.METHODS,
    **bills.METHODS,
}
