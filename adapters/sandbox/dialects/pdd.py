"""Pinduoduo: one router for all calls, a flat form (or a flat JSON object) of which everything is signed.

Source: the official API call guide (idStr 8EC06C399636041E) as copied into public code, the pages of the order and
refund lists, and the published table of error codes. Lists hold what is confirmed, newest change first; their windows
are half an hour. Where the documents leave the error code of a wrong parameter open, 10001 is meant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import pdd as trees
from adapters.sandbox.state import Order
from adapters.sandbox.tokens import Token
from adapters.sandbox.wire import Asked, Request, Response, answer, decode
from adapters.sandbox.world import World
from adapters.sandbox.writes import pdd as writes
from adapters.sandbox.writes.pdd import PARAMETER, Method, Refusal, need, number

RATE = (50.0, 100)
_SKEW_S = 600
_SPAN_S = 1800
_OLDEST_S = 90 * 86400
#: parameters without which the same request is the same request
_PASSING = frozenset({"sign", "timestamp", "access_token", "client_id", "data_type", "version"})


def sign(params: Mapping[str, str], secret: str) -> str:
    """Sign as the platform does: sorted names and values between two secrets, all but `sign`."""
    text = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign")
    return hashlib.md5(f"{secret}{text}{secret}".encode()).hexdigest().upper()


def _params(request: Request) -> dict[str, str]:
    """The parameters as they are signed, from a form or a flat JSON object."""
    sent = decode(request.body) if request.body.lstrip()[:1] == b"{" else None
    if not isinstance(sent, dict):
        return request.form()
    return {name: _text(value) for name, value in sent.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    params = _params(request)
    method = params.get("type", "")
    key = "|".join(f"{name}={params[name]}" for name in sorted(params) if name not in _PASSING)
    return Asked(method=method, key=key, write=method in writes.METHODS, order=params.get("order_sn", ""))


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return _error(Refusal(70031, "调用过于频繁,请调整调用频率"), request_id)


def _error(refusal: Refusal, request_id: str) -> Response:
    told = {
        "error_code": refusal.code,
        "error_msg": "业务服务错误" if refusal.sub_code else refusal.message,
        "sub_code": refusal.sub_code,
        "sub_msg": refusal.message,
        "request_id": request_id,
    }
    return answer({"error_response": told})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    params = _params(request)
    method = params.get("type", "")
    try:
        _check(world, params)
        call = Call(world=world, platform="pdd", request_id=request_id, method=method)
        return answer((_TOKENS.get(method) or METHODS[method])(call, params))
    except Refusal as refusal:
        return _error(refusal, request_id)


def _check(world: World, params: Mapping[str, str]) -> None:
    """Who asks, when, and for what."""
    shop, method = world.shops["pdd"], params.get("type", "")
    need(params, "type", "client_id", "timestamp", "sign")
    token = world.tokens["pdd"].check(params.get("access_token", ""), world.now) if method not in _TOKENS else "ok"
    rules: tuple[tuple[bool, int, str], ...] = (
        (method not in METHODS and method not in _TOKENS, PARAMETER, "type不存在"),
        (params["client_id"] != shop.app_key, 20032, "client_id错误"),
        (params.get("data_type", "JSON") != "JSON" or params.get("version", "V1") != "V1", PARAMETER, "data_type错误"),
        (abs(number(params, "timestamp") - world.now) > _SKEW_S, 10017, "timestamp与服务器时间相差超过10分钟"),
        (params["sign"] != sign(params, shop.app_secret), 20004, "签名sign校验失败"),
        (token in ("missing", "unknown"), 20032, "access_token错误"),
        (token == "expired", 10019, "access_token已过期"),
    )
    for wrong, code, message in rules:
        if wrong:
            raise Refusal(code, message)


# --- tokens


def _create(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.pop.auth.token.create: for the code of the authorisation page; a new authorisation voids older tokens."""
    shop, box = call.world.shops["pdd"], call.world.tokens["pdd"]
    if args.get("code") != f"code-{shop.seller_id}":
        raise Refusal(PARAMETER, "code错误")
    box.tokens.clear()
    return {"pop_auth_token_create_response": _tell(call, "authorization_code")}


def _refresh(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.pop.auth.token.refresh."""
    old = call.world.tokens["pdd"].by_refresh(args.get("refresh_token", ""))
    if old is None or call.world.now >= old.refresh_expires:
        raise Refusal(PARAMETER, "refresh_token错误或已过期")
    return {"pop_auth_token_refresh_response": _tell(call, "refresh_token")}


def _tell(call: Call, grant: str) -> dict[str, Any]:
    token: Token = call.world.tokens["pdd"].issue(call.world.now)
    call.world.book.write("effect", effect="token", platform="pdd", grant=grant, request_id=call.request_id)
    return {
        "access_token": token.access,
        "expires_in": token.expires - token.issued,
        "expires_at": token.expires,
        "refresh_token": token.refresh,
        "refresh_token_expires_in": token.refresh_expires - token.issued,
        "refresh_token_expires_at": token.refresh_expires,
        "owner_id": call.world.shops["pdd"].seller_id,
        "owner_name": "示例官方旗舰店",
        "scope": ["pdd.order.number.list.increment.get"],
    }


_TOKENS: dict[str, Method] = {"pdd.pop.auth.token.create": _create, "pdd.pop.auth.token.refresh": _refresh}


# --- reading


def _span(call: Call, args: Mapping[str, str]) -> tuple[int, int]:
    need(args, "start_updated_at", "end_updated_at")
    start, end = number(args, "start_updated_at"), number(args, "end_updated_at")
    if not 0 <= end - start <= _SPAN_S:
        raise Refusal(PARAMETER, "开始与结束时间间隔不能超过30分钟")
    if start < call.world.now - _OLDEST_S:
        raise Refusal(PARAMETER, "只能查询最近三个月内的订单")
    return start, end


def _page(args: Mapping[str, str]) -> tuple[int, int]:
    page, size = number(args, "page", 1), number(args, "page_size", 100)
    if page < 1 or not 1 <= size <= 100:
        raise Refusal(PARAMETER, "page或page_size错误")
    return page, size


def increment(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.order.number.list.increment.get: what is confirmed, by the time of its last change."""
    need(args, "is_lucky_flag", "order_status", "refund_status")
    (start, end), (page, size) = _span(call, args), _page(args)
    states, refunds = number(args, "order_status"), number(args, "refund_status")
    if states not in (1, 2, 3, 5) or refunds not in (1, 2, 3, 4, 5) or number(args, "is_lucky_flag") not in (0, 1, 2):
        raise Refusal(PARAMETER, "order_status或refund_status错误")
    window = call.window_key(start, end, states, refunds, args.get("trade_type", ""))
    found = _found(call, start, end, states, refunds, window)
    if pages.shift(call, window, found, size):
        found = _found(call, start, end, states, refunds, window)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    rows: list[Any] | None = [_encode(call, o) for o in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    head: dict[str, Any] = {"has_next": len(found) > page * size}
    if args.get("use_has_next") != "true":
        head = {"total_count": pages.total(call, window, len(found))}
    return {"order_sn_increment_get_response": {**head, "order_sn_list": rows}}


def _found(call: Call, start: int, end: int, states: int, refunds: int, window: str) -> list[Order]:
    found = pages.visible(call, [o for o in call.world.window("pdd", start, end) if _confirmed(o)], window)
    if states != 5:
        found = [o for o in found if trees.order_status(o) == states]
    if refunds != 5:
        found = [o for o in found if trees.refund_status(o, _refunds(call, o)) == refunds]
    return found[::-1]


def _confirmed(order: Order) -> bool:
    """Paid, and its group complete: the rest is not delivered."""
    return trees.confirm_status(order) == 1


def _refunds(call: Call, order: Order) -> dict[str, Any]:
    return {no: call.world.refunds["pdd", no] for no in order.refunds}


def _encode(call: Call, order: Order) -> Any:
    def make(order: Order) -> dict[str, Any]:
        return trees.spoilt(trees.order(order, _refunds(call, order)), call.world.faults.of_order(order)[0])

    return pages.encoded(call, order, "order", make)


def information(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.order.information.get."""
    need(args, "order_sn")
    order = call.world.find("pdd", args["order_sn"])
    if order is None or not _confirmed(order):
        raise Refusal(PARAMETER, "订单不存在")
    return {"order_info_get_response": {"order_info": _encode(call, order)}}


def refund_list(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.refund.list.increment.get: 1 and 1 for all of them."""
    need(args, "after_sales_status", "after_sales_type")
    (start, end), (page, size) = _span(call, args), _page(args)
    kind, status = number(args, "after_sales_type"), number(args, "after_sales_status")
    found = call.world.refund_window("pdd", start, end)[::-1]
    rows = [trees.refund(r, call.world.orders["pdd", r.order_no]) for r in found]
    rows = [r for r in rows if kind in (1, r["after_sales_type"]) and status in (1, r["after_sales_status"])]
    window = call.window_key(start, end, kind, status)
    cut: list[Any] | None = pages.twice(call, window, rows[(page - 1) * size : page * size], lambda r: str(r["id"]))
    if not cut and pages.as_null(call, window):
        cut = None
    total = pages.total(call, window, len(rows))
    return {"refund_increment_get_response": {"total_count": total, "refund_list": cut}}


METHODS: dict[str, Method] = {
    "pdd.order.number.list.increment.get": increment,
    "pdd.order.information.get": information,
    "pdd.refund.list.increment.get": refund_list,
    **writes.READS,
    **writes.METHODS,
}
