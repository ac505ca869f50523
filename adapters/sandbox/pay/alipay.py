"""Alipay's gateway: forms in, JSON out, every parameter signed with RSA2; bills by a link that is not signed.

The gateway is at /gateway.do, and at the prefix itself for callers to whom the whole address is a setting. A request
may be stamped by the world's clock or by the real one. What a buyer opens in a browser or an app (page, wap, app) comes
through the gateway too; it may be older than a request, until the order's own end.

Source: opendocs.alipay.com as quoted in public articles, alipay-sdk-python-all 3.7 and alipay-go (2026-09); windows of
the clock and starting a payment from memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from adapters.sandbox.pay import alipay_bills as bills
from adapters.sandbox.pay import alipay_notices as notices
from adapters.sandbox.pay import keys
from adapters.sandbox.pay.alipay_calls import CALLS, OPENED, Call, No
from adapters.sandbox.pay.merchants import Merchant
from adapters.sandbox.wire import Asked, Request, Response, decode, from_beijing
from adapters.sandbox.world import World

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

RATE = (100.0, 200)
PREFIX = "/alipay"
WINDOW_S = 300
WAITS = (240, 600, 600, 3600, 7200, 21600, 54000)
TYPE = "text/html;charset=utf-8"
GATEWAYS = ("/gateway.do", "/")
_NEEDED = ("app_id", "method", "charset", "sign_type", "sign", "timestamp", "version")

notice_id, told, tell, notice, acknowledged = (
    notices.notice_id,
    notices.told,
    notices.tell,
    notices.notice,
    notices.acknowledged,
)


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    form = _form(request)
    content = decode(form.get("biz_content", "").encode())
    number = str(content.get("out_trade_no", "")) if isinstance(content, dict) else ""
    method = form.get("method", request.path)
    write = method in CALLS and not method.endswith("query")
    return Asked(method=method, key=f"{method}|{form.get('biz_content', request.query)}", write=write, order=number)


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    no = No("40005", "isv.app-call-limited", "应用调用次数超限")
    return _html(json.dumps({"error_response": no.tree()}, separators=(",", ":")))


def signing_text(params: Mapping[str, str], leave: tuple[str, ...] = ("sign",)) -> bytes:
    """All parameters but `leave` and empty ones, sorted, as name=value joined with &."""
    return "&".join(f"{k}={v}" for k, v in sorted(params.items()) if v and k not in leave).encode()


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    till = world.till
    assert till is not None
    if request.path == bills.PATH:
        return bills.download(till, request)
    if request.path not in GATEWAYS:
        return Response(status=404, body=b"", content_type=TYPE)
    form, method = _form(request), ""
    try:
        method = _check(till, form)
        call = Call(till=till, merchant=till.merchants["alipay"], request_id=request_id, form=form, base=_base(request))
        if method in OPENED:
            return _html(OPENED[method](call))
        tree = {"code": "10000", "msg": "Success", **CALLS[method](call)}
    except No as no:
        world.book.write("money_refused", channel="alipay", code=no.sub_code, why=no.sub_msg, request_id=request_id)
        # what fails in business is an answer like others; what fails before is not signed
        signed = no.code == "40004"
        return _html(_envelope(till.merchants["alipay"], method, no.tree(), signed=signed))
    return _html(_envelope(till.merchants["alipay"], method, tree))


def _form(request: Request) -> dict[str, str]:
    found = request.params()
    if request.method == "POST":
        try:
            found.update(parse_qsl(request.body.decode("utf-8"), keep_blank_values=True))
        except UnicodeDecodeError:
            return found
    return found


def _envelope(merchant: Merchant, method: str, tree: dict[str, Any], *, signed: bool = True) -> str:
    """The answer; the signature is over the very text of the inner object."""
    name = f"{method.replace('.', '_')}_response" if method else "error_response"
    inner = json.dumps(tree, separators=(",", ":"))
    sign = f',"sign":"{keys.sign(merchant.theirs, inner.encode())}"' if signed else ""
    return f'{{"{name}":{inner}{sign}}}'


def _html(text: str) -> Response:
    return Response(body=text.encode(), content_type=TYPE)


def _base(request: Request) -> str:
    host = request.headers.get("host", "")
    return f"http://{host}{PREFIX}" if host else "http://dwbillcenter.alipay.com"


def _check(till: Till, form: Mapping[str, str]) -> str:
    """Check who asks; returns the method.

    Raises:
        No: the request is refused. The app comes before the signature.
    """
    merchant = till.merchants["alipay"]
    for name in _NEEDED:
        if not form.get(name):
            raise No("40001", f"isv.missing-{name.replace('_', '-')}", f"缺少{name}参数")
    if form["app_id"] != merchant.app_id:
        raise No("40002", "isv.invalid-app-id", "无效的AppID参数")
    method = form["method"]
    if method not in CALLS and method not in OPENED:
        raise No("40002", "isv.invalid-method", "不存在的方法名")
    for name, value in (("sign_type", "RSA2"), ("charset", "utf-8"), ("version", "1.0"), ("format", "JSON")):
        if form.get(name, value).lower() != value.lower():
            raise No("40002", f"isv.invalid-{name.replace('_', '-')}", f"无效的{name}参数")
    _timely(till, form["timestamp"], opened=method in OPENED)
    if not keys.holds(merchant.own, signing_text(form), form["sign"]):
        raise No("40002", "isv.invalid-signature", "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配")
    return method


def _timely(till: Till, text: str, *, opened: bool) -> None:
    try:
        stamp = from_beijing(text)
    except ValueError:
        raise No("40002", "isv.invalid-timestamp", "无效的timestamp参数") from None
    if not opened and all(abs(stamp - now) > WINDOW_S for now in (till.world.now, int(till.real()))):
        raise No("40002", "isv.invalid-timestamp", "时间戳超出允许范围")
