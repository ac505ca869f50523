"""Taobao / Tmall (TOP): one gateway, flat form, `method` names the call.

Source: the official page on calling the API (signature, common parameters, ten minutes of clock difference), the error
code table, and the descriptions of the methods below. Base URL: …/router/rest; the token call is …/token.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import taobao as trees
from adapters.sandbox.state import Order
from adapters.sandbox.statements import taobao as bills
from adapters.sandbox.wire import Asked, Request, Response, answer, beijing, from_beijing
from adapters.sandbox.world import Shop, World
from adapters.sandbox.writes import taobao as writes
from adapters.sandbox.writes.taobao import Refusal, argument, missing

RATE = (200.0, 400)
_SKEW_S = 600
_DAY = 86400
_COMMON = (
    "method",
    "app_key",
    "session",
    "timestamp",
    "format",
    "v",
    "sign_method",
    "sign",
    "simplify",
    "partner_id",
    "target_app_key",
)
_PAGE = ("page_no", "page_size", "use_has_next", "fields")
Method = Callable[[Call, Mapping[str, str]], Any]


def sign(params: Mapping[str, str], secret: str) -> str:
    """Sign as TOP does: sorted names and values, `sign` and empty ones left out."""
    text = "".join(f"{k}{params[k]}" for k in sorted(params) if k and k != "sign" and params[k])
    if params.get("sign_method") == "hmac":
        return hmac.new(secret.encode(), text.encode(), hashlib.md5).hexdigest().upper()
    if params.get("sign_method") == "hmac-sha256":
        return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
    return hashlib.md5(f"{secret}{text}{secret}".encode()).hexdigest().upper()


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    form = request.form()
    if request.path.endswith("/token"):
        return Asked(method="token", key=f"token|{form.get('grant_type')}")
    method = form.get("method", "")
    business = "|".join(f"{k}={form[k]}" for k in sorted(form) if k not in _COMMON)
    return Asked(method=method, key=f"{method}|{business}", write=method in writes.METHODS, order=form.get("tid", ""))


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    refusal = Refusal(
        7,
        "App Call Limited",
        "accesscontrol.limited-by-api-access-count",
        f"This ban will last for {seconds} more seconds",
    )
    return _error(refusal, request_id)


def _error(refusal: Refusal, request_id: str) -> Response:
    body: dict[str, Any] = {"code": refusal.code, "msg": refusal.msg}
    if refusal.sub_code:
        body["sub_code"], body["sub_msg"] = refusal.sub_code, refusal.sub_msg
    return answer({"error_response": {**body, "request_id": request_id}})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    form = request.form()
    if request.path.endswith("/token"):
        return _token(world, form, request_id)
    method = form.get("method", "")
    try:
        _check(world, world.shops["taobao"], form)
        call = Call(world=world, platform="taobao", request_id=request_id, method=method)
        found = METHODS[method](call, form)
    except Refusal as refusal:
        return _error(refusal, request_id)
    simple = form.get("simplify") == "true"
    if simple:
        return answer({**found, "request_id": request_id})
    name = method.removeprefix("taobao.").replace(".", "_") + "_response"
    return answer({name: {**found, "request_id": request_id}})


def _check(world: World, shop: Shop, form: Mapping[str, str]) -> None:
    """Who asks, when, and for what; raises Refusal with the gateway's own codes."""
    rules: tuple[tuple[bool, int, str], ...] = (
        (not form.get("method"), 21, "Missing Method"),
        (form.get("method") not in METHODS, 22, "Invalid Method"),
        (form.get("format") != "json", 23, "Invalid Format"),
        (not form.get("app_key"), 28, "Missing App Key"),
        (form.get("app_key") != shop.app_key, 29, "Invalid App Key"),
        (not form.get("timestamp"), 30, "Missing Timestamp"),
        (not _timely(form.get("timestamp", ""), world.now), 31, "Invalid Timestamp"),
        (not form.get("v"), 32, "Missing Version"),
        (form.get("v") != "2.0", 33, "Invalid Version"),
        (form.get("sign_method", "") not in ("md5", "hmac", "hmac-sha256"), 40, "Missing Required Arguments"),
        (not form.get("sign"), 24, "Missing Signature"),
        (form.get("sign") != sign(form, shop.app_secret), 25, "Invalid Signature"),
    )
    for wrong, code, msg in rules:
        if wrong:
            raise Refusal(code, msg)
    state = world.tokens["taobao"].check(form.get("session", ""), world.now)
    if state == "missing":
        raise Refusal(26, "Missing Session")
    if state != "ok":
        raise Refusal(
            27,
            "Invalid Session",
            "session-expired" if state == "expired" else "invalid-sessionkey",
            "session is not valid",
        )


def _timely(text: str, now: int) -> bool:
    try:
        return abs(from_beijing(text) - now) <= _SKEW_S and len(text) == 19
    except ValueError:
        return False


def _token(world: World, form: Mapping[str, str], request_id: str) -> Response:
    """A new access token for a refresh token, or for the code that the authorisation page would hand out."""
    shop, box = world.shops["taobao"], world.tokens["taobao"]
    if form.get("client_id") != shop.app_key or form.get("client_secret") != shop.app_secret:
        return answer({"error": "invalid_client", "error_description": "client_id or client_secret is wrong"}, 400)
    if form.get("grant_type") == "refresh_token":
        old = box.by_refresh(form.get("refresh_token", ""))
        good = old is not None and world.now < old.refresh_expires
    else:
        good = form.get("grant_type") == "authorization_code" and form.get("code") == f"code-{shop.seller_id}"
    if not good:
        return answer({"error": "invalid_grant", "error_description": "refresh_token or code is not valid"}, 400)
    token = box.issue(world.now)
    world.book.write("effect", effect="token", platform="taobao", grant=form["grant_type"], request_id=request_id)
    life = token.expires - token.issued
    return answer(
        {
            "access_token": token.access,
            "token_type": "Bearer",
            "refresh_token": token.refresh,
            "expires_in": life,
            "re_expires_in": token.refresh_expires - token.issued,
            "r1_expires_in": life,
            "r2_expires_in": life,
            "w1_expires_in": life,
            "w2_expires_in": life,
            "taobao_user_id": shop.seller_id,
            "taobao_user_nick": "%E7%A4%BA%E4%BE%8B%E6%97%97%E8%88%B0%E5%BA%97",
        }
    )


# --- reading


def _fields(form: Mapping[str, str]) -> frozenset[str]:
    wanted = frozenset(f.strip() for f in form.get("fields", "").split(",") if f.strip())
    if not wanted:
        raise missing("fields")
    return wanted


def _only(tree: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """What was asked for; `orders.x` asks for x of each line, and the oaid wants its five fields."""
    heads = {f.partition(".")[0] for f in fields}
    kept = {k: v for k, v in tree.items() if k in heads or k == "oaid"}
    if not fields >= trees.OAID_NEEDS:
        kept.pop("oaid", None)
    parts = {f.partition(".")[2] for f in fields if f.startswith("orders.")}
    if parts and "orders" in kept and "orders" not in fields:
        lines = kept["orders"]
        cut = [
            {k: v for k, v in x.items() if k in parts} for x in (lines if isinstance(lines, list) else lines["order"])
        ]
        kept["orders"] = cut if isinstance(lines, list) else {"order": cut}
    return kept


def _encode(call: Call, order: Order, form: Mapping[str, str], *, full: bool) -> Any:
    fields, simple = _fields(form), form.get("simplify") == "true"

    def make(order: Order) -> dict[str, Any]:
        statuses = {x.no: trees.REFUND_STATUS[_refund_of(call.world, x.refund_no)] for x in order.lines if x.refund_no}
        tree = trees.trade(order, "示例旗舰店", statuses, full=full, simplify=simple)
        tree = trees.spoilt(tree, *call.world.faults.of_order(order))
        kept = _only(tree, fields)
        if not simple and len(order.lines) == 1 and "orders" in kept and order.no in lone:
            kept["orders"] = {"order": kept["orders"]["order"][0]}
        return kept

    lone = {order.no} if len(order.lines) == 1 and pages.as_object(call, f"lone|{order.no}") else set()
    form_key = f"{form['fields']}|{simple}|{full}|{len(lone)}"
    return pages.encoded(call, order, form_key, make, hidden=trees.hidden(call.world.faults.of_order(order)[0], fields))


def _refund_of(world: World, no: str) -> str:
    return world.refunds["taobao", no].status


def _window(call: Call, form: Mapping[str, str]) -> tuple[int, int, int, int]:
    """start, end, page, size of a list call, checked."""
    start, end = _time(form, "start_modified"), _time(form, "end_modified")
    if end < start or end - start > _DAY:
        raise argument("end_modified", "the span is at most one day")
    if start < call.world.now - 92 * _DAY:
        raise argument("start_modified", "only the last three months")
    page, size = _number(form, "page_no", 1), _number(form, "page_size", 40)
    if page < 1:
        raise argument("page_no", "pages count from 1")
    if not 1 <= size <= 100:
        raise argument("page_size", "1 to 100")
    return start, end, page, size


def _time(form: Mapping[str, str], name: str) -> int:
    if not form.get(name):
        raise missing(name)
    try:
        return from_beijing(form[name])
    except ValueError as error:
        raise argument(name, str(error)) from error


def _number(form: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(form.get(name) or default)
    except ValueError as error:
        raise argument(name, "not a number") from error


def increment(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.trades.sold.increment.get: newest first."""
    start, end, page, size = _window(call, form)
    _fields(form)
    window = call.window_key(beijing(start), beijing(end), form.get("status", ""))
    found = _found(call, form, start, end, window)
    if pages.shift(call, window, found, size):
        found = _found(call, form, start, end, window)
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    rows: list[Any] = [_encode(call, o, form, full=False) for o in cut]
    return {**_many(call, form, "trades", "trade", rows, window), **_count(call, form, window, len(found), page * size)}


def _found(call: Call, form: Mapping[str, str], start: int, end: int, window: str) -> list[Order]:
    found = pages.visible(call, call.world.window("taobao", start, end), window)
    if form.get("status"):
        found = [o for o in found if trees.status(o) == form["status"]]
    return found[::-1]


def _count(call: Call, form: Mapping[str, str], window: str, count: int, seen: int) -> dict[str, Any]:
    if form.get("use_has_next") == "true":
        return {"has_next": count > seen}
    return {"total_results": pages.total(call, window, count)}


def _many(
    call: Call, form: Mapping[str, str], plural: str, single: str, rows: list[Any], window: str
) -> dict[str, Any]:
    """A list as TOP nests it; empty ones are absent."""
    simple = form.get("simplify") == "true"
    if not rows:
        return {plural: None if simple else {single: None}} if pages.as_null(call, window) else {}
    if len(rows) == 1 and not simple and pages.as_object(call, window):
        return {plural: {single: rows[0]}}
    return {plural: trees.nest(single, rows, simple)}


def fullinfo(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.trade.fullinfo.get."""
    if not form.get("tid"):
        raise missing("tid")
    _fields(form)
    order = call.world.find("taobao", form["tid"])
    if order is None:
        raise Refusal(15, "Remote service error", "isv.trade-not-exist", "交易订单不存在")
    return {"trade": _encode(call, order, form, full=True)}


def refunds(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.refunds.receive.get: newest first."""
    start, end, page, size = _window(call, form)
    fields = _fields(form)
    window = call.window_key(beijing(start), beijing(end), form.get("status", ""))
    found = call.world.refund_window("taobao", start, end)[::-1]
    if form.get("status"):
        found = [r for r in found if trees.REFUND_STATUS[r.status] == form["status"]]
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda r: r.no)
    trees_of = [trees.refund(r, call.world.orders["taobao", r.order_no], full=False) for r in cut]
    rows: list[Any] = [{k: v for k, v in t.items() if k in fields} for t in trees_of]
    return {
        **_many(call, form, "refunds", "refund", rows, window),
        **_count(call, form, window, len(found), page * size),
    }


def refund(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.refund.get."""
    fields = _fields(form)
    found = call.world.refunds.get(("taobao", form.get("refund_id", "")))
    if found is None:
        raise Refusal(15, "Remote service error", "isv.refund-not-exist", "退款不存在")
    tree = trees.refund(found, call.world.orders["taobao", found.order_no], full=True)
    return {"refund": {k: v for k, v in tree.items() if k in fields}}


def platform_time(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.time.get."""
    return {"time": beijing(call.world.now)}


METHODS: dict[str, Method] = {
    "taobao.trades.sold.increment.get": increment,
    "taobao.trade.fullinfo.get": fullinfo,
    "taobao.refunds.receive.get": refunds,
    "taobao.refund.get": refund,
    "taobao.time.get": platform_time,
    **writes.READS,
    **writes.METHODS,
    **bills.METHODS,
}
