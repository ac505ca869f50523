"""Suning: one address for all calls; method, time, key, version and signature stand in the header, the body is signed in base64.

Source: API pages and OAuth page of open.suning.com, SDK request classes, error codes of public integration code. Base URL:
…/api/http/sopRequest; tokens at …/api/oauth/token. A list without anything in it is an error of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import suning as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wire import Asked, Request, Response, answer, beijing, decode, from_beijing
from adapters.sandbox.world import World
from adapters.sandbox.writes import suning as writes
from adapters.sandbox.writes.suning import Refusal, need

RATE = (50.0, 100)
_PATH, _TOKEN = "/api/http/sopRequest", "/api/oauth/token"
_SKEW_S = 600
_DAY = 86400
_OLDEST_S = 92 * _DAY
_NO_RESULT = "biz.handler.data-get:no-result"
_FORBIDDEN = "sys.check.header-param:forbidden"
_BUSY = "sys.handler.request:operate failed,retry later"


def sign(secret: str, method: str, moment: str, key: str, version: str, body: bytes) -> str:
    """Sign as Suning does: the parts one after the other, the body in base64."""
    text = secret + method + moment + key + version + base64.b64encode(body).decode()
    return hashlib.md5(text.encode()).hexdigest()


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    if request.path == _TOKEN:
        return Asked(method="token", key=f"token|{request.form().get('grant_type')}")
    method, (_, args) = request.headers.get("appmethod", ""), _body(request)
    return Asked(
        method=method,
        key=f"{method}|{request.body.decode('utf-8', 'replace')}",
        write=method in writes.METHODS,
        order=str(args.get("orderCode") or ""),
    )


def _body(request: Request) -> tuple[str, dict[str, Any]]:
    """The name of the business body and what is in it; empty when it is not built as it should be."""
    sent = decode(request.body)
    for name in ("sn_request", "sn_body"):
        sent = sent.get(name) if isinstance(sent, dict) else None
    if isinstance(sent, dict) and len(sent) == 1:
        name, args = next(iter(sent.items()))
        if isinstance(args, dict):
            return name, args
    return "", {}


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled: there is no word of its own for it."""
    return _error(_BUSY)


def _error(code: str) -> Response:
    return answer({"sn_responseContent": {"sn_error": {"error_code": code}}})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    if request.path == _TOKEN:
        return _token(world, request, request_id)
    method = request.headers.get("appmethod", "")
    try:
        _check(world, request, method)
        name, args = _body(request)
        wanted, act = METHODS[method]
        if name != wanted:
            raise Refusal("sys.check.request-params:error")
        call = Call(world=world, platform="suning", request_id=request_id, method=method)
        told = act(call, args)
    except Refusal as refusal:
        return _error(refusal.code)
    head = told.pop("sn_head", {"returnMessage": "biz.handler.data-get:success"})
    return answer({"sn_responseContent": {"sn_head": head, "sn_body": {wanted: told.get("rows", told)}}})


def _check(world: World, request: Request, method: str) -> None:
    """Who asks, when, and for what. A token is looked at where there is one: the shop's own key needs none."""
    shop, head = world.shops["suning"], request.headers
    moment, version = head.get("apprequesttime", ""), head.get("versionno", "")
    true = sign(shop.app_secret, method, moment, shop.app_key, version, request.body)
    token = head.get("access_token", "")
    rules = (
        (request.path != _PATH or method not in METHODS, "sys.check.header-param:error"),
        (head.get("format", "").lower() != "json", "sys.check.header-param:error"),
        (head.get("appkey") != shop.app_key, _FORBIDDEN),
        (not _timely(moment, world.now), "sys.check.request-apprequesttime:error"),
        (version != "v1.2", "sys.check.header-param:error"),
        (head.get("signinfo") != true, _FORBIDDEN),
        (token and world.tokens["suning"].check(token, world.now) != "ok", "sys.check.access-token:error"),
    )
    for wrong, code in rules:
        if wrong:
            raise Refusal(code)


def _timely(text: str, now: int) -> bool:
    try:
        return abs(from_beijing(text) - now) <= _SKEW_S
    except ValueError:
        return False


def _token(world: World, request: Request, request_id: str) -> Response:
    """A token for the code of the authorisation page, or for a refresh token."""
    shop, box, form = world.shops["suning"], world.tokens["suning"], request.form()
    if form.get("client_id") != shop.app_key or form.get("client_secret") != shop.app_secret:
        return answer({"error": "invalid_client"}, 401)
    grant = form.get("grant_type")
    old = box.by_refresh(form.get("refresh_token", ""))
    good = grant == "authorization_code" and form.get("code") == f"code-{shop.seller_id}"
    good = good or (grant == "refresh_token" and old is not None and world.now < old.refresh_expires)
    if not good:
        return answer({"error": "invalid_grant"}, 400)
    token = box.issue(world.now)
    world.book.write("effect", effect="token", platform="suning", grant=grant, request_id=request_id)
    left = token.expires - token.issued
    return answer(
        {
            "access_token": token.access,
            "token_type": "bearer",
            "expires_in": left,
            "refresh_token": token.refresh,
            "re_expires_in": left,
            "scope": "item,category,order",
            "suning_user_name": shop.seller_id,
        }
    )


# --- reading


def _span(call: Call, args: dict[str, Any], first: str, last: str, longest: int) -> tuple[int, int]:
    need(args, first, last)
    try:
        start, end = (from_beijing(str(args[name])) for name in (first, last))
    except ValueError as error:
        raise Refusal(f"biz.orderquery.{first}-format:error") from error
    if end < start or end - start > longest or start < call.world.now - _OLDEST_S:
        raise Refusal("sys.check.query-time:outofrange")
    return start, end


def _page(args: dict[str, Any]) -> tuple[int, int]:
    """Number and size of the page; both must be sent, else those of the first one hold."""
    if not args.get("pageNo") or not args.get("pageSize"):
        return 1, 10
    try:
        page, size = int(args["pageNo"]), int(args["pageSize"])
    except (TypeError, ValueError) as error:
        raise Refusal("sys.check.page-param:error") from error
    if not 1 <= page <= 99_999 or not 1 <= size <= 100:
        raise Refusal("sys.check.page-param:error")
    return page, size


def _listed(call: Call, window: str, rows: list[Any], page: int, size: int, true: int) -> dict[str, Any]:
    """The rows of a page; none at all is an error, but for a server that sends null instead."""
    if not rows and not pages.as_null(call, window):
        raise Refusal(_NO_RESULT)
    total = pages.total(call, window, true)
    head = {
        "pageNo": str(page),
        "pageTotal": str(-(-total // size)),
        "totalSize": str(total),
        "returnMessage": "biz.handler.data-get:success",
    }
    return {"sn_head": head, "rows": rows or None}


def orders(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.ordmodtime.query and ord.query: paid orders by modification, at most a day."""
    start, end = _span(call, args, "startTime", "endTime", _DAY)
    page, size = _page(args)
    wanted = str(args.get("orderLineStatus") or "")
    if wanted not in ("", "10", "20", "30", "40"):
        raise Refusal("sys.check.request-params:error")
    window = call.window_key(beijing(start), beijing(end), wanted)
    found = _found(call, start, end, wanted, window)
    if pages.shift(call, window, found, size):
        found = _found(call, start, end, wanted, window)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    return _listed(call, window, [_encode(call, o, changes=True) for o in cut], page, size, len(found))


def _found(call: Call, start: int, end: int, wanted: str, window: str) -> list[Order]:
    found = pages.visible(call, [o for o in call.world.window("suning", start, end) if o.paid_at], window)
    return [o for o in found if not wanted or any(trees.line_state(o, x) == wanted for x in o.lines)]


def _encode(call: Call, order: Order, *, changes: bool) -> Any:
    faults = call.world.faults
    return pages.encoded(
        call, order, f"changes={changes}", lambda o: trees.spoilt(trees.order(o, changes=changes), *faults.of_order(o))
    )


def order(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.order.get: one order, without the times of its lines' changes."""
    need(args, "orderCode")
    if not str(args["orderCode"]).isdigit():
        raise Refusal("biz.orderget.ordercode-format:error")
    found = call.world.find("suning", str(args["orderCode"]))
    if found is None or not found.paid_at:
        raise Refusal(_NO_RESULT)
    return {"rows": _encode(call, found, changes=False)}


def refunds(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.refundlistinformation.query: applications by modification, at most thirty days."""
    start, end = _span(call, args, "startModified", "endModified", 30 * _DAY)
    page, size = _page(args)
    found = call.world.refund_window("suning", start, end)
    wanted = str(args.get("returnStatus") or "")
    found = [r for r in found if not wanted or trees.RETURN_STATUS[r.status] == wanted]
    window = call.window_key(beijing(start), beijing(end), wanted)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda r: r.no)
    rows = [trees.application(r, call.world.orders["suning", r.order_no]) for r in cut]
    return _listed(call, window, rows, page, size, len(found))


def refund(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.refundinformation.query."""
    need(args, "returnApplyId")
    found = call.world.refunds.get(("suning", str(args["returnApplyId"])))
    if found is None:
        return {"returnFlag": "N"}
    return {"returnFlag": "Y", "data": trees.application(found, call.world.orders["suning", found.order_no])}


def stock(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.newinventory.get: what is published now."""
    need(args, "productCode")
    level = call.world.levels.get(("suning", str(args["productCode"])), 0)
    return {"productCode": str(args["productCode"]), "invNum": str(level)}


METHODS: dict[str, tuple[str, Callable[[Call, dict[str, Any]], dict[str, Any]]]] = {
    "suning.custom.ordmodtime.query": ("orderQuery", orders),
    "suning.custom.ord.query": ("orderQuery", orders),
    "suning.custom.order.get": ("orderGet", order),
    "suning.custom.refundlistinformation.query": ("queryRefundlistinformation", refunds),
    "suning.custom.refundinformation.query": ("queryRefundinformation", refund),
    "suning.custom.newinventory.get": ("newInventory", stock),
    **writes.METHODS,
}
