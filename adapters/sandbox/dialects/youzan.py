"""Youzan: JSON over POST, the method and its version in the path, an access token in the query, no signature.

Source: doc.youzanyun.com, pages on authorisation, envelopes and error codes, orders and shipping, after-sales. HTTP is
always 200; the gateway, the service and the limiter each have an envelope of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import youzan as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Asked, Request, Response, answer, decode, from_beijing
from adapters.sandbox.world import World
from adapters.sandbox.writes import youzan as writes
from adapters.sandbox.writes.youzan import Refusal, need

#: not published; this sandbox's own
RATE = (100.0, 200)
_TOKEN = "/auth/token"
_DAY = 86400
_TOKEN_ERRORS = {"missing": (4201, "token 缺失"), "unknown": (4203, "token 不存在"), "expired": (4202, "token 已过期")}
_TEXT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
Method = Callable[[Call, dict[str, Any]], Any]


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    body = decode(request.body)
    told = body if isinstance(body, dict) else {}
    method = request.path.removeprefix("/api/")
    key = "|".join(f"{k}={told[k]}" for k in sorted(told) if k != "client_secret")
    return Asked(method=method, key=f"{method}|{key}", write=method in writes.METHODS, order=str(told.get("tid", "")))


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return answer({"msg": "请求被限流", "code": 500100004})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    trace = f"yz7-0a000001-{world.now}-{request_id}"
    try:
        body = decode(request.body)
        if request.method != "POST" or not isinstance(body, dict):
            raise Refusal(5001, "参数转换失败", gateway=True)
        method = request.path.removeprefix("/api/")
        call = Call(world=world, platform="youzan", request_id=request_id, method=method)
        if request.path == _TOKEN:
            return answer({"success": True, "code": 200, "data": _token(call, body)})
        if not request.path.startswith("/api/") or method not in METHODS:
            raise Refusal(4001, "api 不存在", gateway=True)
        state = world.tokens["youzan"].check(request.params().get("access_token", ""), world.now)
        if state != "ok":
            raise Refusal(*_TOKEN_ERRORS[state], gateway=True)
        found = METHODS[method](call, body)
    except Refusal as refusal:
        if refusal.gateway:
            fault = {"trace_id": trace, "err_msg": refusal.text, "err_code": refusal.code}
            return answer({"gw_err_resp": fault})
        return answer(
            {"trace_id": trace, "code": refusal.code, "data": None, "success": False, "message": refusal.text}
        )
    return answer({"trace_id": trace, "code": 200, "data": found, "success": True, "message": "successful"})


# --- tokens


def _token(call: Call, body: dict[str, Any]) -> Any:
    """/auth/token: for an own app by its shop, for others by the code of the authorisation page, then by refresh."""
    shop, box = call.world.shops["youzan"], call.world.tokens["youzan"]
    if body.get("client_id") != shop.app_key or body.get("client_secret") != shop.app_secret:
        raise Refusal(1004, "client_id 或 client_secret 错误")
    grant = str(body.get("authorize_type", ""))
    if grant == "refresh_token":
        old = box.by_refresh(str(body.get("refresh_token", "")))
        good = old is not None and call.world.now < old.refresh_expires
    else:
        good = (grant == "silent" and str(body.get("grant_id")) == shop.seller_id) or (
            grant == "authorization_code" and body.get("code") == f"code-{shop.seller_id}"
        )
    if not good:
        raise Refusal(1103, "授权无效")
    token = box.issue(call.world.now)
    call.world.book.write("effect", effect="token", platform="youzan", grant=grant, request_id=call.request_id)
    return {
        "access_token": token.access,
        "expires": token.expires * 1000,
        "scope": "multi_store shop item trade logistics",
        "authority_id": shop.seller_id,
        "refresh_token": token.refresh,
    }


# --- reading


def _page(body: dict[str, Any], deepest: int) -> tuple[int, int]:
    page, size = body.get("page_no", 1), body.get("page_size", 20)
    if not isinstance(page, int) or not isinstance(size, int):
        raise Refusal(5001, "参数转换失败: page_no, page_size", gateway=True)
    if not 1 <= page <= 100 or not 1 <= size <= 100 or page * size > deepest:
        raise Refusal(106100114, "page_no, page_size 超出范围")
    return page, size


def _span(body: dict[str, Any], by: str) -> tuple[int, int] | None:
    first, last = body.get(f"start_{by}"), body.get(f"end_{by}")
    if not first and not last:
        return None
    if not first or not last:
        raise Refusal(106100114, f"start_{by} 与 end_{by} 需成对传入")
    if not _TEXT.fullmatch(str(first)) or not _TEXT.fullmatch(str(last)):
        raise Refusal(5001, f"参数转换失败: start_{by}", gateway=True)
    start, end = from_beijing(str(first)), from_beijing(str(last))
    if end < start or end - start > 93 * _DAY:
        raise Refusal(106100114, "时间跨度不能超过3个月")
    return start, end


def sold(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trades.sold.get: whole trades, newest first; a hundred pages at most."""
    page, size = _page(body, 10_000)
    update, create = _span(body, "update"), _span(body, "created")
    if update is None and create is None:
        create = (call.world.now - 90 * _DAY, call.world.now)
    window = call.window_key(update, create, body.get("status", ""), body.get("tid", ""))
    found = _found(call, body, update, create, window)
    if pages.shift(call, window, found, size):
        found = _found(call, body, update, create, window)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    rows: list[Any] | None = [_encode(call, o) for o in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    return {"total_results": pages.total(call, window, len(found)), "full_order_info_list": rows}


def _found(
    call: Call, body: dict[str, Any], update: tuple[int, int] | None, create: tuple[int, int] | None, window: str
) -> list[Order]:
    span, by = (update, "modified") if update else (create, "created")
    assert span is not None
    found = pages.visible(call, call.world.window("youzan", *span, by=by), window)
    if update and create:
        found = [o for o in found if create[0] <= o.created <= create[1]]
    if body.get("status"):
        found = [o for o in found if trees.status(o) == body["status"]]
    if body.get("tid"):
        found = [o for o in found if o.no == body["tid"]]
    return sorted(found, key=lambda o: (o.modified if update else o.created, o.no), reverse=True)


def _encode(call: Call, order: Order) -> Any:
    def make(order: Order) -> dict[str, Any]:
        tree = trees.trade(order, [call.world.refunds["youzan", no] for no in order.refunds])
        return trees.spoilt(tree, *call.world.faults.of_order(order))

    return pages.encoded(call, order, "trade", make)


def trade(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.get."""
    need(body, "tid")
    found = call.world.find("youzan", str(body["tid"]))
    if found is None:
        raise Refusal(5000, "trade not found")
    return _encode(call, found)


def cases(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.refund.search: by epoch seconds of creation or update, the last three months unless told."""
    page, size = _page(body, 3000)
    by, start, end = "created", call.world.now - 90 * _DAY, call.world.now
    for name, kind in (("create", "created"), ("update", "modified")):
        first, last = body.get(f"{name}_time_start"), body.get(f"{name}_time_end")
        if first is None and last is None:
            continue
        if not isinstance(first, int) or not isinstance(last, int) or not 10**9 <= first <= last < 10**10:
            raise Refusal(106100114, f"{name}_time_start 与 {name}_time_end 需为秒")
        by, start, end = kind, first, last
    found = call.world.refund_window("youzan", start, end, by=by)
    if body.get("status"):
        found = [r for r in found if trees.CASE_STATUS[r.status] == body["status"]]
    window = call.window_key(by, start, end, body.get("status"))
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda r: r.no)
    rows: list[Any] | None = [trees.case_row(r, call.world.orders["youzan", r.order_no]) for r in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    return {"total": pages.total(call, window, len(found)), "refunds": rows}


def case(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.refund.get."""
    need(body, "refund_id")
    refund = call.world.refunds.get(("youzan", str(body["refund_id"])))
    if refund is None:
        raise Refusal(106100110, "退款单不存在")
    return trees.case(refund, call.world.orders["youzan", refund.order_no])


METHODS: dict[str, Method] = {
    "youzan.trades.sold.get/4.0.4": sold,
    "youzan.trade.get/4.0.2": trade,
    "youzan.trade.refund.search/3.0.1": cases,
    "youzan.trade.refund.get/3.0.1": case,
    **writes.READS,
    **writes.METHODS,
}
