"""Kuaishou: a path per method, a GET for what reads and a POST for what changes, business arguments as one JSON text.

Source: copies of the official pages on calling APIs, signing and authorising, the pages of the order and refund lists,
and the shared return codes. What the documents leave open (the codes of a wrong signature, of an ended token, of too many
calls) is this sandbox's own, under the words that they print.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from adapters.sandbox import pages
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import kuaishou as trees
from adapters.sandbox.state import Order, Refund
from adapters.sandbox.wire import Asked, Request, Response, answer, decode, digest
from adapters.sandbox.world import World
from adapters.sandbox.writes import kuaishou as writes
from adapters.sandbox.writes.kuaishou import ARGUMENT, Method, Refusal, need, number, wrong

RATE = (300.0, 600)
_SKEW_MS = 600_000
_DAY = 86400
_WEEK_MS = 7 * _DAY * 1000
_END = "nomore"
#: an old pair lives so long once it was renewed
_GRACE_S = 300
_SIGNED = ("access_token", "appkey", "method", "param", "signMethod", "timestamp", "version")
_PATHS = ("/oauth2/access_token", "/oauth2/refresh_token")
T = TypeVar("T", Order, Refund)


def sign(params: Mapping[str, str], secret: str) -> str:
    """Sign as the platform does: names and values with & between, the secret behind them, also inside the HMAC."""
    text = "&".join(f"{name}={params[name]}" for name in _SIGNED if name in params) + f"&signSecret={secret}"
    if params.get("signMethod") == "HMAC_SHA256":
        return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
    return hashlib.md5(text.encode()).hexdigest()


def _method(path: str) -> str:
    return path.strip("/").replace("/", ".")


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    if request.path in _PATHS:
        return Asked(method=f"token{request.path}", key=request.path)
    form, method = request.form(), _method(request.path)
    args = decode(form.get("param", "").encode())
    named = args if isinstance(args, dict) else {}
    no = next((str(named[name]) for name in ("oid", "orderId", "mainOrderId") if named.get(name)), "")
    return Asked(method=method, key=f"{method}|{form.get('param', '')}", write=method in writes.METHODS, order=no)


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return _error(Refusal(14, "Exceed qps limit, please try again later"), request_id)


def _error(refusal: Refusal, request_id: str) -> Response:
    told: dict[str, Any] = {"result": refusal.result, "error_msg": refusal.message}
    if refusal.code:
        told |= {"code": refusal.code, "msg": "业务参数错误", "sub_code": "", "sub_msg": refusal.message}
    return answer({**told, "requestId": request_id})


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    try:
        if request.path in _PATHS:
            return answer(_oauth(world, request, request_id))
        args = _check(world, request)
        call = Call(world=world, platform="kuaishou", request_id=request_id, method=_method(request.path))
        found = METHODS[call.method](call, args)
    except Refusal as refusal:
        return _error(refusal, request_id)
    told = {"result": 1, "code": "1", "msg": "success", "sub_code": "", "sub_msg": "", "error_msg": "SUCCESS"}
    return answer({**told, "requestId": request_id, "data": found})


def _check(world: World, request: Request) -> dict[str, Any]:
    """Who asks, when, and for what; returns the business arguments."""
    shop, form, method = world.shops["kuaishou"], request.form(), _method(request.path)
    if method not in METHODS:
        raise Refusal(2001, "method不存在", ARGUMENT)
    for name in (*_SIGNED, "sign"):
        if not form.get(name):
            raise Refusal(2001, f"{name}不能为空", ARGUMENT)
    rules = (
        (request.method != ("POST" if method in writes.METHODS else "GET"), "请求方式错误"),
        (form["method"] != method or form["version"] != "1", "method或version错误"),
        (form["appkey"] != shop.app_key, "appkey错误"),
        (not form["timestamp"].isdigit() or abs(int(form["timestamp"]) - world.now * 1000) > _SKEW_MS, "timestamp错误"),
        (form["signMethod"] not in ("MD5", "HMAC_SHA256"), "signMethod错误"),
        (form["sign"] != sign(form, shop.app_secret.split()[-1]), "签名错误"),
    )
    for bad, message in rules:
        if bad:
            raise Refusal(2001, message, ARGUMENT)
    state = world.tokens["kuaishou"].check(form["access_token"], world.now)
    if state != "ok":
        raise Refusal(28, "access_token已过期" if state == "expired" else "access_token无效")
    args = decode(form["param"].encode())
    if not isinstance(args, dict):
        raise Refusal(2001, "param不是JSON", ARGUMENT)
    return args


# --- tokens


def _oauth(world: World, request: Request, request_id: str) -> dict[str, Any]:
    """A pair for the code of the authorisation page, or for a refresh token; the old pair dies within minutes."""
    shop, box, form = world.shops["kuaishou"], world.tokens["kuaishou"], request.form()
    if form.get("app_id") != shop.app_key or form.get("app_secret") != shop.app_secret.split()[0]:
        raise Refusal(100200101, "unauthorized_client")
    grant = form.get("grant_type", "")
    if request.path.endswith("refresh_token"):
        old = box.by_refresh(form.get("refresh_token", ""))
        if grant != "refresh_token" or request.method != "POST":
            raise Refusal(100200104, "unsupported_grant_type")
        if old is None or world.now >= old.refresh_expires:
            raise Refusal(100200105, "invalid_grant")
        token = box.issue(world.now)
        # the right to renew ends with the authorisation, however often it was used
        token.refresh_expires = old.refresh_expires
        old.expires, old.refresh_expires = (
            min(old.expires, world.now + _GRACE_S),
            min(old.refresh_expires, world.now + _GRACE_S),
        )
    else:
        if grant != "code" or form.get("code") != f"code-{shop.seller_id}":
            raise Refusal(100200105, "invalid_grant")
        token = box.issue(world.now)
    world.book.write("effect", effect="token", platform="kuaishou", grant=grant, request_id=request_id)
    return {
        "result": 1,
        "access_token": token.access,
        "expires_in": token.expires - token.issued,
        "refresh_token": token.refresh,
        "refresh_token_expires_in": token.refresh_expires - world.now,
        "open_id": shop.seller_id,
        "scopes": ["merchant_order", "merchant_refund", "merchant_item"],
    }


# --- reading


def _span(call: Call, args: dict[str, Any], most_ms: int, codes: tuple[int, int, int]) -> tuple[int, int]:
    """Seconds that lie in the window; `codes`: wrong, too wide, too old."""
    need(args, "beginTime", "endTime")
    begin, end = number(args, "beginTime"), number(args, "endTime")
    bad, wide, old = codes
    for is_bad, code in (
        (end < begin, bad),
        (end - begin > most_ms, wide),
        (begin < (call.world.now - 90 * _DAY) * 1000, old),
    ):
        if is_bad:
            raise Refusal(code, "查询时间范围错误", ARGUMENT if code == 2001 else "")
    return -(-begin // 1000), end // 1000


def _size(args: dict[str, Any], most: int) -> int:
    size = number(args, "pageSize")
    if not 1 <= size <= most:
        raise wrong(f"pageSize最大{most}")
    return size


def _pack(window: str, at: int, no: str) -> str:
    return f"{digest(window) % 16**8:08x}.{at}.{no}"


def _after(window: str, cursor: str) -> tuple[int, str]:
    """The place a cursor stands at.

    Raises:
        Refusal: it is of another query.
    """
    mark, _, rest = cursor.partition(".")
    at, _, no = rest.partition(".")
    if mark != f"{digest(window) % 16**8:08x}" or not at.isdigit():
        raise wrong("cursor错误")
    return int(at), no


def _cut(found: Sequence[T], window: str, cursor: str, size: int, descending: bool) -> tuple[list[T], str]:
    """A page behind a cursor, and the cursor behind it."""
    rows = sorted(found, key=lambda x: (x.modified, x.no), reverse=descending)
    if cursor:
        place = _after(window, cursor)
        rows = [x for x in rows if ((x.modified, x.no) < place if descending else (x.modified, x.no) > place)]
    cut = rows[:size]
    more = len(rows) > size
    return cut, _pack(window, cut[-1].modified, cut[-1].no) if more else _END


def cursor_list(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """open.order.cursor.list: by update time, with a cursor."""
    start, end = _span(call, args, _WEEK_MS, (2001, 2001, 2001))
    size, status, sort = _size(args, 50), number(args, "orderViewStatus"), number(args, "sort")
    if (
        number(args, "queryType") != 2
        or sort not in (1, 2)
        or not 1 <= status <= 7
        or number(args, "cpsType") not in (0, 1, 2)
    ):
        raise wrong("queryType、sort、cpsType或orderViewStatus错误")
    if not isinstance(args.get("cursor"), str):
        raise wrong("cursor不能为空")
    window = call.window_key(start, end, status, sort, args["cpsType"])
    found = _found(call, start, end, status, window)
    if pages.shift(call, window, found, size):
        found = _found(call, start, end, status, window)
    cut, cursor = _cut(found, window, args["cursor"], size, sort == 1)
    rows: list[Any] | None = [_encode(call, o) for o in pages.twice(call, window, cut, lambda o: o.no)]
    if not rows and pages.as_null(call, window):
        rows = None
    span = {"beginTime": args["beginTime"], "endTime": args["endTime"]}
    return {"cursor": cursor, "pageSize": size, **span, "orderList": rows}


def _found(call: Call, start: int, end: int, status: int, window: str) -> list[Order]:
    found = pages.visible(call, call.world.window("kuaishou", start, end), window)
    return [o for o in found if status == 1 or trees.view(o) == status]


def _encode(call: Call, order: Order) -> Any:
    def make(order: Order) -> dict[str, Any]:
        refunds = {no: call.world.refunds["kuaishou", no] for no in order.refunds}
        tree = trees.order(order, refunds, call.world.shops["kuaishou"].seller_id)
        return trees.spoilt(tree, *call.world.faults.of_order(order))

    return pages.encoded(call, order, "order", make)


def _order(call: Call, args: dict[str, Any], name: str) -> Order:
    need(args, name)
    order = call.world.find("kuaishou", str(number(args, name)))
    if order is None:
        raise wrong("订单不存在")
    return order


def detail(call: Call, args: dict[str, Any]) -> Any:
    """open.order.detail."""
    return _encode(call, _order(call, args, "oid"))


def fee_detail(call: Call, args: dict[str, Any]) -> Any:
    """open.seller.order.fee.detail."""
    return trees.fees(_order(call, args, "orderId"))


def refund_list(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """open.seller.order.refund.pcursor.list: a day at most, with a cursor."""
    start, end = _span(call, args, _DAY * 1000, (300003, 300004, 300005))
    size, kind, sort = _size(args, 100), number(args, "type"), number(args, "sort")
    if (
        kind not in (8, 9)
        or sort not in (1, 2)
        or number(args, "queryType") != 2
        or not isinstance(args.get("pcursor"), str)
    ):
        raise wrong("type、sort、queryType或pcursor错误")
    found = call.world.refund_window("kuaishou", start, end)
    if kind == 8:
        found = [r for r in found if r.status in ("asked", "agreed", "returned")]
    window = call.window_key(start, end, kind, sort)
    cut, cursor = _cut(found, window, args["pcursor"], size, sort == 1)
    rows: list[Any] | None = [
        trees.refund(r, call.world.orders["kuaishou", r.order_no])
        for r in pages.twice(call, window, cut, lambda r: r.no)
    ]
    if not rows and pages.as_null(call, window):
        rows = None
    told = {"pcursor": cursor, "beginTime": args["beginTime"], "endTime": args["endTime"], "totalSize": len(found)}
    return {**told, "totalPage": -(-len(found) // size), "refundOrderInfoList": rows}


def refund_detail(call: Call, args: dict[str, Any]) -> Any:
    """open.seller.order.refund.detail."""
    need(args, "refundId")
    refund = call.world.refunds.get(("kuaishou", str(number(args, "refundId"))))
    if refund is None:
        raise wrong("退款单不存在")
    return trees.refund(refund, call.world.orders["kuaishou", refund.order_no])


METHODS: dict[str, Method] = {
    "open.order.cursor.list": cursor_list,
    "open.order.detail": detail,
    "open.seller.order.fee.detail": fee_detail,
    "open.seller.order.refund.pcursor.list": refund_list,
    "open.seller.order.refund.detail": refund_detail,
    **writes.READS,
    **writes.METHODS,
}
