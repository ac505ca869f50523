"""A mini program: WeChat's order interface (JSON over POST, a token in the query), and the mall's own call beside it.

Source: developers.weixin.qq.com, getStableAccessToken and 小程序发货信息管理服务, wxa/sec/order as modelled in public SDKs; for
`/mall/orders` docs/platforms/wechat_miniprogram.md. Lists select by the time of payment alone.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from adapters.sandbox import pages, wechat
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import wechat_miniprogram as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wechat import Refusal
from adapters.sandbox.wire import Asked, Request, Response, answer, decode
from adapters.sandbox.world import World
from adapters.sandbox.writes import wechat_miniprogram as writes
from adapters.sandbox.writes.wechat_miniprogram import Method

RATE = (100.0, 200)
MALL = "/mall/orders"
_PLATFORM = "wechat_miniprogram"
_SKEW_S = 300
_MOST = 200


def mall_sign(secret: str, at: str, body: bytes) -> str:
    """Sign as the mall wants it: over time and body."""
    return hmac.new(secret.encode(), at.encode() + b"\n" + body, hashlib.sha256).hexdigest()


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    body = decode(request.body)
    told = body if isinstance(body, dict) else {}
    key = "|".join(f"{k}={told[k]}" for k in sorted(told) if k not in ("secret", "upload_time"))
    path = request.path
    order = str(told.get("merchant_trade_no") or "")
    return Asked(method=path, key=f"{path}|{key}", write=path in writes.METHODS, order=order)


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return wechat.error(wechat.throttled(), request_id)


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    if request.path == MALL:
        return _mall(world, request)
    try:
        if request.path != wechat.TOKEN and request.path not in METHODS:
            raise Refusal(40066, "invalid url")
        body = wechat.body_of(request)
        if request.path == wechat.TOKEN:
            return answer(wechat.token(world, _PLATFORM, body, request_id))
        wechat.check(world, _PLATFORM, request)
        call = Call(world=world, platform=_PLATFORM, request_id=request_id, method=request.path)
        return answer({"errcode": 0, "errmsg": "ok", **METHODS[request.path](call, body)})
    except Refusal as refusal:
        return wechat.error(refusal, request_id)


def _mall(world: World, request: Request) -> Response:
    """The mall's own call: orders by number; what it has not is left out."""
    at, sign = request.headers.get("x-oms-time", ""), request.headers.get("x-oms-sign", "")
    if not at.isdigit() or abs(int(at) - world.now) > _SKEW_S:
        return answer({"error": "time"}, 401)
    if not hmac.compare_digest(sign, mall_sign(world.shops[_PLATFORM].app_secret, at, request.body)):
        return answer({"error": "signature"}, 401)
    body = decode(request.body)
    numbers = body.get("numbers") if isinstance(body, dict) else None
    if request.method != "POST" or not isinstance(numbers, list) or len(numbers) > _MOST:
        return answer({"error": "numbers"}, 400)
    found = [world.find(_PLATFORM, str(n)) for n in numbers]
    return answer({"orders": [trees.mall(o) for o in found if o is not None]})


def order_list(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/wxa/sec/order/get_order_list: payments, by the time of payment, newest first."""
    size, state = body.get("page_size", 100), body.get("order_state")
    if not isinstance(size, int) or not 1 <= size <= 100:
        raise Refusal(10060014, "参数错误: page_size")
    if state is not None and state not in range(1, 7):
        raise Refusal(10060014, "参数错误: order_state")
    span = body.get("pay_time_range") or {}
    start, end = span.get("begin_time", 0), span.get("end_time", 2**40)
    if not isinstance(start, int) or not isinstance(end, int) or start > end:
        raise Refusal(10060014, "参数错误: pay_time_range")
    window = call.window_key(start, end, state, body.get("openid", ""))
    found = _found(call, start, end, state, str(body.get("openid") or ""), window)
    if pages.shift(call, window, found, size):
        found = _found(call, start, end, state, str(body.get("openid") or ""), window)
    if body.get("last_index"):
        after = wechat.unpack(window, str(body["last_index"]), "last_index")
        found = [o for o in found if (o.paid_at, o.no) < after]
    cut = pages.twice(call, window, found[:size], lambda o: o.no)
    rows: list[Any] | None = [_encode(call, o) for o in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    last = wechat.pack(window, cut[-1].paid_at, cut[-1].no) if cut else str(body.get("last_index") or "")
    return {"order_list": rows, "last_index": last, "has_more": len(found) > size}


def _found(call: Call, start: int, end: int, state: int | None, openid: str, window: str) -> list[Order]:
    orders = [
        o for (p, _), o in call.world.orders.items() if p == _PLATFORM and o.paid_at and start <= o.paid_at <= end
    ]
    orders = [o for o in orders if state in (None, trees.state(o)) and openid in ("", trees.openid(o.buyer))]
    return pages.visible(call, sorted(orders, key=lambda o: (o.paid_at, o.no), reverse=True), window)


def _encode(call: Call, order: Order) -> Any:
    def make(order: Order) -> dict[str, Any]:
        tree = trees.payment(order, call.world.shops[_PLATFORM].seller_id)
        return trees.spoilt(tree, *call.world.faults.of_order(order))

    return pages.encoded(call, order, "payment", make)


def order_get(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/wxa/sec/order/get_order."""
    order = writes.find(call, body)
    if order is None:
        raise Refusal(10060001, "支付单不存在")
    return {"order": _encode(call, order)}


METHODS: dict[str, Method] = {
    "/wxa/sec/order/get_order_list": order_list,
    "/wxa/sec/order/get_order": order_get,
    **writes.READS,
    **writes.METHODS,
}
