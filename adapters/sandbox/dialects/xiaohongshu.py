"""Xiaohongshu: one URL, system and business parameters flat in one JSON object, an MD5 over four of them.

Source: the official pages of the open platform as copied with the API definitions of 2023 to 2025: system parameters,
signature, authorisation, rate limits, order list and detail, case list and detail. Codes of a refused token and of too
many calls are not published: here they are -1 with its words, and HTTP 429.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import xiaohongshu as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Asked, Request, Response, answer, decode
from adapters.sandbox.world import World
from adapters.sandbox.writes import xiaohongshu as writes
from adapters.sandbox.writes.xiaohongshu import Refusal, need

RATE = (100.0, 200)
PATH = "/ark/open_api/v3/common_controller"
#: not published; this sandbox's own
_SKEW_S = 600
_HALF_HOUR, _DAY = 1800, 86400
_SYSTEM = ("appId", "method", "version", "timestamp", "sign", "accessToken")
_TOKEN_WORDS = {
    "missing": "accessToken不能为空",
    "unknown": "accessToken不存在",
    "expired": "accessToken已过期",
}
#: methods whose answers come in a second envelope
_NESTED = ("afterSale.listAfterSaleInfos", "afterSale.getAfterSaleInfo")
Method = Callable[[Call, dict[str, Any]], Any]


def sign(app_id: str, secret: str, method: str, timestamp: str, version: str) -> str:
    """MD5 in small letters; business parameters and token are not in it."""
    text = f"{method}?appId={app_id}&timestamp={timestamp}&version={version}{secret}"
    return hashlib.md5(text.encode()).hexdigest()


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    body = decode(request.body)
    told = body if isinstance(body, dict) else {}
    method = str(told.get("method", ""))
    key = "|".join(f"{k}={told[k]}" for k in sorted(told) if k not in _SYSTEM)
    return Asked(
        method=method, key=f"{method}|{key}", write=method in writes.METHODS, order=str(told.get("orderId", ""))
    )


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return answer({"error_code": -1, "success": False, "error_msg": "请求过于频繁", "data": None}, 429)


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    nested = False
    try:
        body = _check(world, request)
        method = str(body["method"])
        call = Call(world=world, platform="xiaohongshu", request_id=request_id, method=method)
        nested = method in _NESTED
        found = (_TOKENS.get(method) or METHODS[method])(call, body)
    except Refusal as refusal:
        if nested:
            return _good({"code": refusal.code, "msg": refusal.text, "success": False, "data": None})
        return answer({"error_code": refusal.code, "success": False, "error_msg": refusal.text, "data": None})
    return _good({"code": 0, "msg": "成功", "success": True, "data": found} if nested else found)


def _good(data: Any) -> Response:
    return answer({"error_code": 0, "success": True, "error_msg": None, "data": data})


def _check(world: World, request: Request) -> dict[str, Any]:
    """Who asks, when, and for what."""
    shop, body = world.shops["xiaohongshu"], decode(request.body)
    if request.method != "POST" or request.path != PATH or not isinstance(body, dict):
        raise Refusal(-2000400, "请求格式错误")
    need(body, "appId", "method", "version", "timestamp", "sign")
    method, timestamp = str(body["method"]), str(body["timestamp"])
    true = sign(shop.app_key, shop.app_secret, method, timestamp, "2.0")
    rules = (
        (body["appId"] != shop.app_key, "appId 不存在"),
        (body["version"] != "2.0", "version 不支持"),
        (not timestamp.isdigit() or abs(int(timestamp) - world.now) > _SKEW_S, "timestamp 已失效"),
        (body["sign"] != true, "签名错误"),
        (method not in METHODS and method not in _TOKENS, "method 不存在"),
    )
    for wrong, words in rules:
        if wrong:
            raise Refusal(-2000400, words)
    if method not in _TOKENS:
        state = world.tokens["xiaohongshu"].check(str(body.get("accessToken") or ""), world.now)
        if state != "ok":
            raise Refusal(-1, _TOKEN_WORDS[state])
    return body


# --- tokens


def _get_token(call: Call, body: dict[str, Any]) -> Any:
    """oauth.getAccessToken: for the code of the authorisation page."""
    if body.get("code") != f"code-{call.world.shops['xiaohongshu'].seller_id}":
        raise Refusal(-2000400, "code 无效")
    return _issue(call, "code")


def _refresh(call: Call, body: dict[str, Any]) -> Any:
    """oauth.refreshToken: the same token as long as it has more than half an hour; its follower leaves it 5 minutes."""
    box = call.world.tokens["xiaohongshu"]
    old = box.by_refresh(str(body.get("refreshToken", "")))
    if old is None or call.world.now >= old.refresh_expires:
        raise Refusal(-2000400, "refreshToken 无效")
    if old is box.latest and box.alive(old, call.world.now) and box.alive(old, call.world.now + _HALF_HOUR):
        return _tell(call)
    told = _issue(call, "refresh_token")
    if box.alive(old, call.world.now):
        old.expires = call.world.now + 300
    return told


def _issue(call: Call, grant: str) -> Any:
    call.world.tokens["xiaohongshu"].issue(call.world.now)
    call.world.book.write("effect", effect="token", platform="xiaohongshu", grant=grant, request_id=call.request_id)
    return _tell(call)


def _tell(call: Call) -> Any:
    token, shop = call.world.tokens["xiaohongshu"].latest, call.world.shops["xiaohongshu"]
    assert token is not None
    return {
        "accessToken": token.access,
        "accessTokenExpiresAt": token.expires * 1000,
        "refreshToken": token.refresh,
        "refreshTokenExpiresAt": token.refresh_expires * 1000,
        "sellerId": shop.seller_id,
        "sellerName": "示例旗舰店",
    }


_TOKENS: dict[str, Method] = {"oauth.getAccessToken": _get_token, "oauth.refreshToken": _refresh}


# --- reading


def _int(body: dict[str, Any], name: str, default: int | None = None) -> int:
    found = body.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool):
        raise Refusal(-2000400, f"参数错误: {name}")
    return found


def _page(body: dict[str, Any], deepest: int) -> tuple[int, int]:
    page, size = _int(body, "pageNo", 1), _int(body, "pageSize", 50)
    if not 1 <= size <= 100 or page < 1 or page * size > deepest:
        raise Refusal(-2000400, "参数错误: pageNo, pageSize")
    return page, size


def _span(body: dict[str, Any], units: int) -> tuple[str, int, int]:
    """What the times are of, and both ends in seconds, inclusive."""
    kind, start, end = body.get("timeType"), _int(body, "startTime"), _int(body, "endTime")
    longest = {1: _DAY, 2: _HALF_HOUR}.get(kind or 0)
    if longest is None or end < start or (end - start) // units > longest:
        raise Refusal(-2000400, "参数错误: 时间范围")
    if not 10**9 <= start // units < 10**10:
        raise Refusal(-2000400, "参数错误: startTime 的单位")
    return ("created" if kind == 1 else "modified"), start // units, end // units


def order_list(call: Call, body: dict[str, Any]) -> Any:
    """order.getOrderList: newest first; times in seconds; a hundred pages at most."""
    page, size = _page(body, 10_000)
    if page > 100:
        raise Refusal(-2000400, "参数错误: pageNo")
    by, start, end = _span(body, 1)
    window = call.window_key(by, start, end, body.get("orderStatus", 0), body.get("orderType", 0))
    found = _found(call, body, by, start, end, window)
    if pages.shift(call, window, found, size):
        found = _found(call, body, by, start, end, window)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    rows: list[Any] | None = [trees.row(o, _refunds(call, o)) for o in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    total = pages.total(call, window, len(found))
    return {"total": total, "pageNo": page, "pageSize": size, "maxPageNo": -(-total // size), "orderList": rows}


def _found(call: Call, body: dict[str, Any], by: str, start: int, end: int, window: str) -> list[Order]:
    found = pages.visible(call, call.world.window("xiaohongshu", start, end, by=by), window)
    if body.get("orderStatus"):
        found = [o for o in found if trees.status(o) == body["orderStatus"]]
    if body.get("orderType"):
        found = [o for o in found if body["orderType"] == (2 if o.presale else 1)]
    return sorted(found, key=lambda o: (o.modified if by == "modified" else o.created, o.no), reverse=True)


def _refunds(call: Call, order: Order) -> list[Any]:
    return [call.world.refunds["xiaohongshu", no] for no in order.refunds]


def _order(call: Call, no: object) -> Order:
    found = call.world.find("xiaohongshu", str(no))
    if found is None:
        raise Refusal(-2000101, "包裹不存在")
    return found


def order_detail(call: Call, body: dict[str, Any]) -> Any:
    """order.getOrderDetail."""
    need(body, "orderId")

    def make(order: Order) -> dict[str, Any]:
        tree = trees.detail(order, _refunds(call, order), call.world.shops["xiaohongshu"].seller_id)
        return trees.spoilt(tree, *call.world.faults.of_order(order))

    return pages.encoded(call, _order(call, body["orderId"]), "detail", make)


def receiver_info(call: Call, body: dict[str, Any]) -> Any:
    """order.getOrderReceiverInfo: encrypted, only while the order waits for shipment; not matched: the address changed."""
    need(body, "receiverQueries")
    told = []
    for query in body["receiverQueries"]:
        need(query, "orderId", "openAddressId")
        order = _order(call, query["orderId"])
        if order.state not in ("paid", "partly_shipped"):
            raise Refusal(-2000400, "订单不在待发货状态")
        matched = query["openAddressId"] == trees.address_id(order)
        told.append(trees.receiver(order) if matched else {"orderId": order.no, "matched": False})
    return {"receiverInfos": told}


def case_list(call: Call, body: dict[str, Any]) -> Any:
    """afterSale.listAfterSaleInfos: oldest first; times in milliseconds."""
    page, size = _page(body, 50_000)
    if body.get("orderId"):
        found = _refunds(call, _order(call, body["orderId"]))
        window = call.window_key(body["orderId"])
    else:
        by, start, end = _span(body, 1000)
        found = call.world.refund_window("xiaohongshu", start, end, by=by)
        window = call.window_key(by, start, end, body.get("statuses"), body.get("returnTypes"))
    if body.get("statuses"):
        found = [r for r in found if trees.CASE_STATUS[r.status] in body["statuses"]]
    if body.get("returnTypes"):
        found = [r for r in found if trees.CASE_TYPE[r.kind] in body["returnTypes"]]
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda r: r.no)
    rows: list[Any] | None = [trees.case_row(r, call.world.orders["xiaohongshu", r.order_no]) for r in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    total = pages.total(call, window, len(found))
    return {"afterSaleBasicInfos": rows, "totalCount": total, "pageNo": page, "pageSize": size}


def case_detail(call: Call, body: dict[str, Any]) -> Any:
    """afterSale.getAfterSaleInfo."""
    need(body, "returnsId")
    refund = call.world.refunds.get(("xiaohongshu", str(body["returnsId"])))
    if refund is None:
        raise Refusal(-2000101, "售后单不存在")
    return trees.case(refund, call.world.orders["xiaohongshu", refund.order_no])


METHODS: dict[str, Method] = {
    "order.getOrderList": order_list,
    "order.getOrderDetail": order_detail,
    "order.getOrderReceiverInfo": receiver_info,
    "afterSale.listAfterSaleInfos": case_list,
    "afterSale.getAfterSaleInfo": case_detail,
    **writes.READS,
    **writes.METHODS,
}
