"""JD (JOS, POP merchants): one gateway, system parameters beside one JSON text with the business parameters.

Source: the developer guide of open.jd.com (signature, six minutes of clock difference, OAuth) as digested in public
notes, and the published code table. Base URL: …/routerjson; tokens at …/oauth2/access_token and …/oauth2/refresh_token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import jd as trees
from adapters.sandbox.state import Order, Refund
from adapters.sandbox.statements import jd as bills
from adapters.sandbox.wire import Asked, Request, Response, answer, beijing, decode, from_beijing
from adapters.sandbox.world import World
from adapters.sandbox.writes import jd as writes
from adapters.sandbox.writes.jd import Refusal, need, verdict

RATE = (200.0, 400)
_SKEW_S = 360
_DAY = 86400
_MONTH = 31 * _DAY
_PARAM = "360buy_param_json"
_LAST_PAGE = 100
Method = Callable[[Call, dict[str, Any]], dict[str, Any]]


def sign(params: Mapping[str, str], secret: str) -> str:
    """Sign as JOS does: sorted names and values between two secrets, `sign` and empty ones left out."""
    text = "".join(f"{k}{params[k]}" for k in sorted(params) if k and k != "sign" and params[k])
    return hashlib.md5(f"{secret}{text}{secret}".encode()).hexdigest().upper()


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    form = request.form()
    if "/oauth2/" in request.path:
        return Asked(method=f"token{request.path}", key=request.path)
    method, args = form.get("method", ""), decode(form.get(_PARAM, "").encode())
    named = args if isinstance(args, dict) else {}
    return Asked(
        method=method,
        key=f"{method}|{form.get(_PARAM)}",
        write=method in writes.METHODS,
        order=str(named.get("order_id") or named.get("orderId") or ""),
    )


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return _error(Refusal(2, "限制调用次数", "call limit"))


def _error(refusal: Refusal) -> Response:
    body = {"code": str(refusal.code), "zh_desc": refusal.zh}
    if refusal.en:
        body["en_desc"] = refusal.en
    return answer({"error_response": body})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    form = request.form()
    if "/oauth2/" in request.path:
        return _token(world, request.path, form, request_id)
    method = form.get("method", "")
    try:
        _check(world, form)
        args = decode(form.get(_PARAM, "{}").encode())
        if not isinstance(args, dict):
            raise Refusal(63, "360buy_param_json格式错误", "bad JSON")
        call = Call(world=world, platform="jd", request_id=request_id, method=method)
        found = METHODS[method](call, args)
    except Refusal as refusal:
        return _error(refusal)
    return answer({method.replace(".", "_") + "_responce": {"code": "0", **found}})


def _check(world: World, form: Mapping[str, str]) -> None:
    """Who asks, when, and for what."""
    shop, box = world.shops["jd"], world.tokens["jd"]
    token = box.check(form.get("access_token", ""), world.now)
    rules: tuple[tuple[bool, int, str, str], ...] = (
        (not form.get("method"), 14, "缺少方法名参数", "missing method"),
        (form.get("method") not in METHODS, 15, "不存在的方法名", "no such method"),
        (not form.get("app_key"), 20, "缺少app_key参数", "missing app_key"),
        (form.get("app_key") != shop.app_key, 21, "无效app_key", "invalid app_key"),
        (form.get("v") != "2.0", 50, "版本错误", "v is 2.0"),
        (not _timely(form.get("timestamp", ""), world.now), 8, "时间戳无效", "invalid timestamp"),
        (not form.get("sign"), 11, "缺少签名参数", "missing sign"),
        (form.get("sign") != sign(form, shop.app_secret), 12, "无效签名", "invalid sign"),
        (token == "missing", 18, "缺少access_token参数", "missing access_token"),
        (token != "ok", 19, "无效access_token", ""),
    )
    for wrong, code, zh, en in rules:
        if wrong:
            raise Refusal(code, zh, en)


def _timely(text: str, now: int) -> bool:
    try:
        return abs(from_beijing(text) - now) <= _SKEW_S
    except ValueError:
        return False


def _token(world: World, path: str, form: Mapping[str, str], request_id: str) -> Response:
    """A token for the code of the authorisation page, or for a refresh token within the last 24 hours of its life."""
    shop, box = world.shops["jd"], world.tokens["jd"]
    if form.get("app_key") != shop.app_key or form.get("app_secret") != shop.app_secret:
        return answer({"code": 400, "msg": "app_key or app_secret is wrong", "requestId": request_id})
    if path.endswith("/refresh_token"):
        old = box.by_refresh(form.get("refresh_token", ""))
        good = old is not None and (old.early or old.expires - _DAY <= world.now) and world.now < old.expires
        good = good and form.get("grant_type") == "refresh_token"
    else:
        good = form.get("grant_type") == "authorization_code" and form.get("code") == f"code-{shop.seller_id}"
    if not good:
        return answer({"code": 401, "msg": "the token cannot be had this way now", "requestId": request_id})
    token = box.issue(world.now)
    world.book.write("effect", effect="token", platform="jd", grant=form["grant_type"], request_id=request_id)
    return answer(
        {
            "access_token": token.access,
            "expires_in": token.expires - token.issued,
            "refresh_token": token.refresh,
            "scope": "snsapi_base",
            "open_id": "ExampleOpenId",
            "uid": shop.seller_id,
            "xid": "o*ExampleXid",
        }
    )


# --- reading


def _number(args: dict[str, Any], name: str, default: int) -> int:
    try:
        return int(args.get(name) or default)
    except (TypeError, ValueError) as error:
        raise Refusal(61, f"参数{name}错误", f"{name} is no number") from error


def _span(args: dict[str, Any], first: str, last: str) -> tuple[int, int] | None:
    """Start and end, None when neither is given."""
    texts = [args.get(first), args.get(last)]
    if not any(texts):
        return None
    try:
        start, end = (from_beijing(str(t)) for t in texts)
    except ValueError as error:
        raise Refusal(61, f"参数{first}或{last}错误", f"{first} or {last} is no time") from error
    if end < start:
        raise Refusal(61, f"{last}早于{first}", f"{last} is before {first}")
    return start, end


def _fields(args: dict[str, Any]) -> frozenset[str]:
    wanted = frozenset(f.strip() for f in str(args.get("optional_fields") or "").split(",") if f.strip())
    if not wanted:
        raise Refusal(68, "optional_fields错误", "optional_fields is wrong")
    return wanted


def search(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.pop.order.search and enSearch: orders that reached production, by creation or modification."""
    fields, states = _fields(args), [s for s in str(args.get("order_state") or "").split(",") if s]
    if not states or any(s != "ALL" and s not in trees.STATES for s in states):
        raise Refusal(61, "order_state错误", "order_state is wrong")
    start, end = _order_span(call, args, states)
    page, size = _number(args, "page", 1), _number(args, "page_size", 50)
    if not 1 <= page <= _LAST_PAGE or not 1 <= size <= 100:
        raise Refusal(61, "page或page_size错误", "page or page_size is out of bounds")
    by = "created" if str(args.get("dateType")) == "1" else "modified"
    window = call.window_key(beijing(start), beijing(end), by, args.get("order_state"), args.get("sortType"))
    found = _found(call, start, end, by, states, window)
    if pages.shift(call, window, found, size):
        found = _found(call, start, end, by, states, window)
    if str(args.get("sortType")) == "1":
        found.reverse()
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda o: o.no)
    rows: list[Any] | None = [_encode(call, o, fields) for o in cut]
    if not rows and pages.as_null(call, window):
        rows = None
    total = pages.total(call, window, len(found))
    return {"searchorderinfo_result": {"apiResult": verdict(None), "orderTotal": total, "orderInfoList": rows}}


def _order_span(call: Call, args: dict[str, Any], states: list[str]) -> tuple[int, int]:
    span = _span(args, "start_date", "end_date")
    if span is None:
        if states != ["WAIT_SELLER_STOCK_OUT"]:
            raise Refusal(61, "start_date和end_date不能为空", "start_date and end_date are missing")
        span = (call.world.now - _MONTH, call.world.now)
    if span[1] - span[0] > _MONTH:
        raise Refusal(61, "时间跨度不能超过一个月", "the span is at most a month")
    return span


def _found(call: Call, start: int, end: int, by: str, states: list[str], window: str) -> list[Order]:
    orders = [o for o in call.world.window("jd", start, end, by=by) if o.paid_at]
    found = pages.visible(call, orders, window)
    return found if "ALL" in states else [o for o in found if trees.state(o) in states]


def _encode(call: Call, order: Order, fields: frozenset[str]) -> Any:
    faults, cipher = call.world.faults, "order.en" in call.method

    def make(order: Order) -> dict[str, Any]:
        tree = trees.order(order, cipher=cipher, vender_id=call.world.shops["jd"].seller_id)
        tree = trees.spoilt(tree, *faults.of_order(order))
        return {k: v for k, v in tree.items() if k in fields or k == "orderId"}

    form = f"{cipher}|{','.join(sorted(fields))}"
    return pages.encoded(call, order, form, make, hidden=trees.hidden(faults.of_order(order)[0], fields))


def get(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.pop.order.get and enGet."""
    need(args, "order_id")
    fields = _fields(args)
    order = call.world.find("jd", str(args["order_id"]))
    if order is None or not order.paid_at:
        problem = ("订单不存在", "order does not exist")
        return {"orderDetailInfo": {"apiResult": verdict(problem), "orderInfo": None}}
    return {"orderDetailInfo": {"apiResult": verdict(None), "orderInfo": _encode(call, order, fields)}}


def applications(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.pop.afs.soa.refundapply.queryPageList: by application or by review time."""
    span = _span(args, "applyTimeStart", "applyTimeEnd")
    checked = _span(args, "checkTimeStart", "checkTimeEnd")
    page, size = _number(args, "pageIndex", 1), _number(args, "pageSize", 50)
    if page < 1 or not 1 <= size <= 50:
        raise Refusal(61, "pageIndex或pageSize错误", "pageSize is at most 50")
    by = "modified" if checked else "created"
    start, end = checked or span or (call.world.now - _MONTH, call.world.now)
    found = [r for r in call.world.refund_window("jd", start, end, by=by) if r.kind == "before_shipping"]
    if checked:
        found = [r for r in found if r.status != "asked"]
    if args.get("status") not in (None, ""):
        found = [r for r in found if str(trees.APPLY_STATUS[r.status]) == str(args["status"])]
    window = call.window_key(beijing(start), beijing(end), by, args.get("status"))
    rows = _rows(call, window, found, page, size, trees.application)
    total = pages.total(call, window, len(found))
    return {"queryResult": {"success": True, "totalCount": total, "result": rows}}


def services(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.asc.query.list: service orders by application time."""
    need(args, "buId")
    if str(args["buId"]) != call.world.shops["jd"].seller_id:
        raise Refusal(71, "不属于该商家", "not this merchant's")
    start, end = _span(args, "applyTimeBegin", "applyTimeEnd") or (call.world.now - _MONTH, call.world.now)
    page, size = _number(args, "pageNumber", 1), _number(args, "pageSize", 50)
    if page < 1 or not 1 <= size <= 50:
        raise Refusal(61, "pageNumber或pageSize错误", "pageSize is at most 50")
    found = [r for r in call.world.refund_window("jd", start, end, by="created") if r.kind != "before_shipping"]
    window = call.window_key(beijing(start), beijing(end))
    rows = _rows(call, window, found, page, size, trees.service)
    return {"pageResult": {"totalCount": pages.total(call, window, len(found)), "data": rows}}


def _rows(
    call: Call, window: str, found: list[Refund], page: int, size: int, tree: Callable[[Refund, Order], dict[str, Any]]
) -> list[dict[str, Any]] | None:
    cut = pages.twice(call, window, found[(page - 1) * size : page * size], lambda r: r.no)
    if not cut and pages.as_null(call, window):
        return None
    return [tree(r, call.world.orders["jd", r.order_no]) for r in cut]


METHODS: dict[str, Method] = {
    "jingdong.pop.order.search": search,
    "jingdong.pop.order.enSearch": search,
    "jingdong.pop.order.get": get,
    "jingdong.pop.order.enGet": get,
    "jingdong.pop.afs.soa.refundapply.queryPageList": applications,
    "jingdong.asc.query.list": services,
    **writes.READS,
    **writes.METHODS,
    **bills.METHODS,
}
