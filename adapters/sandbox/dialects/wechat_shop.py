"""WeChat shop: JSON over POST, no signature, an access token in the query; ids in a list, then a detail per id.

Source: developers.weixin.qq.com, getStableAccessToken and the order and after-sale pages, and the common error codes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import wechat_shop as trees
from adapters.sandbox.state import Order
from adapters.sandbox.statements import wechat_shop as bills
from adapters.sandbox.wire import Asked, Request, Response, answer, decode, digest
from adapters.sandbox.world import World
from adapters.sandbox.writes import wechat_shop as writes
from adapters.sandbox.writes.wechat_shop import Refusal, need

RATE = (300.0, 600)
_DAY = 86400
_TOKEN = "/cgi-bin/stable_token"
#: a new token is handed out this long before the old one's end; both work meanwhile
_OVERLAP_S = 300
_TOKEN_ERRORS = {
    "missing": (41001, "access_token missing"),
    "unknown": (40001, "invalid credential, access_token is invalid or not latest"),
    "expired": (42001, "access_token expired"),
}
_AFTERSALE_PAGE = 50
Method = Callable[[Call, dict[str, Any]], dict[str, Any]]


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    body = decode(request.body)
    told = body if isinstance(body, dict) else {}
    key = "|".join(f"{k}={told[k]}" for k in sorted(told) if k != "secret")
    path = request.path
    return Asked(method=path, key=f"{path}|{key}", write=path in writes.METHODS, order=str(told.get("order_id", "")))


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return _error(Refusal(45011, "api minute-quota reach limit, please retry next minute"), request_id)


def _error(refusal: Refusal, request_id: str) -> Response:
    n = digest("rid", request_id)
    rid = f"{n >> 32:08x}-{n & 0xFFFFFFFF:08x}-{digest(request_id) & 0xFFFFFFFF:08x}"
    return answer({"errcode": refusal.code, "errmsg": f"{refusal.text} rid: {rid}"})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    try:
        if request.path != _TOKEN and request.path not in METHODS:
            raise Refusal(40066, "invalid url")
        body = _body(request)
        if request.path == _TOKEN:
            return answer(_token(world, body, request_id))
        state = world.tokens["wechat_shop"].check(request.params().get("access_token", ""), world.now)
        if state != "ok":
            raise Refusal(*_TOKEN_ERRORS[state])
        call = Call(world=world, platform="wechat_shop", request_id=request_id, method=request.path)
        return answer({"errcode": 0, "errmsg": "ok", **METHODS[request.path](call, body)})
    except Refusal as refusal:
        return _error(refusal, request_id)


def _body(request: Request) -> dict[str, Any]:
    if request.method != "POST":
        raise Refusal(43002, "require POST method")
    if not request.body:
        raise Refusal(44002, "empty post data")
    body = decode(request.body)
    if not isinstance(body, dict):
        raise Refusal(47001, "data format error")
    return body


def _token(world: World, body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """/cgi-bin/stable_token: the current token until shortly before its end; with force_refresh a new one at once."""
    shop, box = world.shops["wechat_shop"], world.tokens["wechat_shop"]
    if body.get("grant_type") != "client_credential":
        raise Refusal(40002, "invalid grant_type")
    if body.get("appid") != shop.app_key:
        raise Refusal(40013, "invalid appid")
    if body.get("secret") != shop.app_secret:
        raise Refusal(40125, "invalid appsecret")
    force = body.get("force_refresh") is True
    if force:
        _force(world)
    token = box.latest
    if token is None or force or not box.alive(token, world.now + _OVERLAP_S):
        token = box.issue(world.now)
        grant = "force" if force else "normal"
        world.book.write("effect", effect="token", platform="wechat_shop", grant=grant, request_id=request_id)
    return {"access_token": token.access, "expires_in": token.expires - world.now}


def _force(world: World) -> None:
    """Kill what lives; at most 20 times a day and at least 30 s apart."""
    box = world.tokens["wechat_shop"]
    today = [t for t in box.forced if t > world.now - _DAY]
    if len(today) >= 20:
        raise Refusal(45009, "reach max api daily quota limit")
    if today and world.now - today[-1] < 30:
        raise Refusal(45011, "api minute-quota reach limit, please retry next minute")
    box.forced.append(world.now)
    box.kill(world.now)


# --- reading


def _range(body: dict[str, Any], name: str) -> tuple[int, int] | None:
    found = body.get(name)
    if found is None:
        return None
    start, end = (found.get("start_time"), found.get("end_time")) if isinstance(found, dict) else (None, None)
    if not isinstance(start, int) or not isinstance(end, int) or end < start:
        raise Refusal(40097, f"invalid args: {name}")
    if end - start > 7 * _DAY:
        raise Refusal(40097, f"invalid args: {name} spans more than 7 days")
    return start, end


def _pack(window: str, at: int, no: str) -> str:
    raw = msgspec.json.encode([f"{digest(window):x}"[:8], at, no])
    return base64.b64encode(raw).decode()


def _unpack(window: str, key: str) -> tuple[int, str]:
    try:
        mark, at, no = msgspec.json.decode(base64.b64decode(key, validate=True))
    except (ValueError, msgspec.DecodeError) as error:
        raise Refusal(40097, "invalid args: next_key") from error
    if mark != f"{digest(window):x}"[:8]:
        raise Refusal(40097, "invalid args: next_key belongs to another query")
    return int(at), str(no)


def order_list(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/order/list/get: ids, oldest first, with a cursor."""
    update, create = _range(body, "update_time_range"), _range(body, "create_time_range")
    size = body.get("page_size")
    if update is None and create is None:
        raise Refusal(40097, "invalid args: create_time_range or update_time_range")
    if not isinstance(size, int) or not 1 <= size <= 100:
        raise Refusal(40097, "invalid args: page_size")
    window = call.window_key(update, create, body.get("status", ""), body.get("openid", ""))
    found = _found(call, body, update, create, window)
    if pages.shift(call, window, [o for _, o in found], size):
        found = _found(call, body, update, create, window)
    if body.get("next_key"):
        after = _unpack(window, str(body["next_key"]))
        found = [(at, o) for at, o in found if (at, o.no) > after]
    cut = found[:size]
    ids = pages.twice(call, window, [o.no for _, o in cut], str)
    key = _pack(window, cut[-1][0], cut[-1][1].no) if cut else str(body.get("next_key") or "")
    empty = None if not ids and pages.as_null(call, window) else ids
    return {"order_id_list": empty, "next_key": key, "has_more": len(found) > size}


def _found(
    call: Call, body: dict[str, Any], update: tuple[int, int] | None, create: tuple[int, int] | None, window: str
) -> list[tuple[int, Order]]:
    """(sort time, order) of the query, oldest first."""
    by = "modified" if update else "created"
    span = update or create
    assert span is not None
    found = pages.visible(call, call.world.window("wechat_shop", *span, by=by), window)
    if update and create:
        found = [o for o in found if create[0] <= o.created <= create[1]]
    if body.get("status"):
        found = [o for o in found if trees.status(o) == body["status"]]
    if body.get("openid"):
        found = [o for o in found if trees.openid(o.buyer) == body["openid"]]
    return [(o.modified if update else o.created, o) for o in found]


def order_get(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/order/get."""
    need(body, "order_id")
    found = call.world.find("wechat_shop", str(body["order_id"]))
    if found is None:
        raise Refusal(100002, "订单不存在")

    def make(order: Order) -> dict[str, Any]:
        refunds = [call.world.refunds["wechat_shop", no] for no in order.refunds]
        return trees.spoilt(trees.order(order, refunds), *call.world.faults.of_order(order))

    return {"order": pages.encoded(call, found, "detail", make)}


def aftersale_list(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/aftersale/getaftersalelist: ids within at most 24 hours."""
    span, by = _aftersale_span(body)
    if span[1] - span[0] > _DAY or span[1] < span[0]:
        raise Refusal(10020004, "非法的时间区间,不得大于24小时")
    window = call.window_key(span, by)
    found = [
        (r.modified if by == "modified" else r.created, r)
        for r in call.world.refund_window("wechat_shop", *span, by=by)
    ]
    if body.get("next_key"):
        after = _unpack(window, str(body["next_key"]))
        found = [(at, r) for at, r in found if (at, r.no) > after]
    cut = found[:_AFTERSALE_PAGE]
    ids = pages.twice(call, window, [r.no for _, r in cut], str)
    key = _pack(window, cut[-1][0], cut[-1][1].no) if cut else str(body.get("next_key") or "")
    empty = None if not ids and pages.as_null(call, window) else ids
    return {"after_sale_order_id_list": empty, "next_key": key, "has_more": len(found) > _AFTERSALE_PAGE}


def _aftersale_span(body: dict[str, Any]) -> tuple[tuple[int, int], str]:
    for by, word in (("modified", "update"), ("created", "create")):
        start, end = body.get(f"begin_{word}_time"), body.get(f"end_{word}_time")
        if isinstance(start, int) and isinstance(end, int):
            return (start, end), by
    raise Refusal(40097, "invalid args: begin_update_time, end_update_time")


def aftersale_get(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/aftersale/getaftersaleorder."""
    need(body, "after_sale_order_id")
    found = call.world.refunds.get(("wechat_shop", str(body["after_sale_order_id"])))
    if found is None:
        raise Refusal(10021050, "售后单不存在")
    return {"after_sale_order": trees.refund(found, call.world.orders["wechat_shop", found.order_no])}


METHODS: dict[str, Method] = {
    "/channels/ec/order/list/get": order_list,
    "/channels/ec/order/get": order_get,
    "/channels/ec/aftersale/getaftersalelist": aftersale_list,
    "/channels/ec/aftersale/getaftersaleorder": aftersale_get,
    **writes.READS,
    **writes.METHODS,
    **bills.METHODS,
}
