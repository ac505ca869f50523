"""WeChat Pay API v3: JSON under /v3, requests and answers signed with RSA, notifications sealed with the APIv3 key.

Where the real service is at the root of its host, the sandbox stands under a prefix: a signature over the path with or
without it counts. A request may be stamped by the world's clock or by the real one; the answer is stamped by the same.

Source: the vendor's guides (wechatpay-apiv3/wechatpay-skills) and pages on signing, certificates, notifications, order
query, refunds, bills and HTTP status codes of 2024-09 to 2026-09; starting a payment from memory of the vendor's pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.sandbox.pay import keys
from adapters.sandbox.pay import wechatpay_notices as notices
from adapters.sandbox.pay.fault import Fault
from adapters.sandbox.pay.merchants import Merchant
from adapters.sandbox.pay.wechatpay_routes import ROUTES, Call
from adapters.sandbox.wire import Asked, Request, Response, decode, digest, token_text
from adapters.sandbox.world import World

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

RATE = (100.0, 200)
PREFIX = "/wechatpay"
SCHEME = "WECHATPAY2-SHA256-RSA2048"
WINDOW_S = 300
WAITS = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
_PART = re.compile(r'(\w+)="([^"]*)"')
_PARTS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}

notice_id, told, tell, notice, acknowledged = (
    notices.notice_id,
    notices.told,
    notices.tell,
    notices.notice,
    notices.acknowledged,
)


def asked(request: Request) -> Asked:
    """See Dialect.asked."""
    body = decode(request.body) if request.body else None
    told_no = str(body.get("out_trade_no", "")) if isinstance(body, dict) else ""
    method = f"{request.method} {_route_name(request.path)}"
    key = f"{method}|{request.path}|{request.query}|{digest(request.body)}"
    return Asked(method=method, key=key, write=request.method == "POST", order=told_no)


def _route_name(path: str) -> str:
    return next((r.pattern.pattern for r in ROUTES if r.pattern.fullmatch(path)), path)


def throttled(world: World, request_id: str, seconds: int) -> Response:
    """See Dialect.throttled."""
    return _refused(world, request_id, Fault(429, "FREQUENCY_LIMITED", "频率超限，请稍后再试"))


def signing_text(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The text a request's signature is over."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The text the signature of an answer or notification is over."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def reply(world: World, request: Request, request_id: str) -> Response:
    """See Dialect.reply."""
    till = world.till
    assert till is not None
    route = next((r for r in ROUTES if r.pattern.fullmatch(request.path)), None)
    if route is None or request.method not in route.methods:
        # the real service says so with an empty body
        return Response(status=404 if route is None else 405, body=b"")
    try:
        now = check(till, request)
        key, key_id = _answering_key(till.merchants["wechatpay"], request)
        found = route.pattern.fullmatch(request.path)
        assert found is not None
        parts = [unquote(p) for p in found.groups()]
        call = Call(
            till=till,
            merchant=till.merchants["wechatpay"],
            request_id=request_id,
            request=request,
            base=_base(request),
            now=now,
        )
        status, body, kind = route.methods[request.method](call, *parts)
    except Fault as fault:
        world.book.write("money_refused", channel="wechatpay", code=fault.code, why=fault.text, request_id=request_id)
        return _refused(world, request_id, fault)
    headers = {"request-id": _request_no(request_id)}
    if kind == "json":
        headers.update(signed(key, key_id, now, token_text(32, world.seed, request_id, "nonce"), body))
    return Response(status=status, body=body, content_type=_TYPES[kind], headers=headers)


_TYPES = {"json": "application/json; charset=utf-8", "gzip": "application/x-gzip", "text": "text/plain; charset=utf-8"}


def signed(key: rsa.RSAPrivateKey, key_id: str, now: int, nonce: str, body: bytes) -> dict[str, str]:
    """The headers that sign a body."""
    return {
        "wechatpay-timestamp": str(now),
        "wechatpay-nonce": nonce,
        "wechatpay-signature": keys.sign(key, answer_text(str(now), nonce, body)),
        "wechatpay-serial": key_id,
        "wechatpay-signature-type": SCHEME,
    }


def _request_no(request_id: str) -> str:
    return f"{digest('wechatpay', request_id):020d}-{268500000 + digest(request_id) % 90000}"


def _refused(world: World, request_id: str, fault: Fault) -> Response:
    tree: dict[str, Any] = {"code": fault.code, "message": fault.text}
    if fault.field:
        tree["detail"] = {"field": fault.field, "value": fault.value, "issue": fault.text, "location": fault.location}
    headers = {"request-id": _request_no(request_id)}
    return Response(status=fault.status, body=msgspec.json.encode(tree), content_type=_TYPES["json"], headers=headers)


# --- who asks


def check(till: Till, request: Request) -> int:
    """Check agent, clock, merchant and signature of a request; returns the time by the caller's clock.

    Raises:
        Fault: it is refused.
    """
    merchant = till.merchants["wechatpay"]
    if not request.headers.get("user-agent"):
        raise Fault(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent")
    if request.method == "POST" and not request.content_type.startswith("application/json"):
        raise Fault(400, "INVALID_REQUEST", "Http头Content-Type不是application/json")
    words = _authorization(request.headers.get("authorization", ""))
    now = _clock(till, words["timestamp"])
    if words["mchid"] != merchant.merchant_id:
        raise Fault(401, "SIGN_ERROR", "商户号不存在或未配置")
    if words["serial_no"].upper() != merchant.serial.upper():
        raise Fault(401, "SIGN_ERROR", "商户证书序列号有误")
    texts = (
        signing_text(request.method, target, words["timestamp"], words["nonce_str"], request.body)
        for target in _targets(request)
    )
    if not any(keys.holds(merchant.own, text, words["signature"]) for text in texts):
        raise Fault(401, "SIGN_ERROR", "签名错误")
    return now


def _authorization(header: str) -> Mapping[str, str]:
    scheme, _, rest = header.partition(" ")
    found = dict(_PART.findall(rest))
    whole = ",".join(f'{k}="{v}"' for k, v in _PART.findall(rest))
    if scheme != SCHEME or found.keys() != _PARTS or rest != whole:
        raise Fault(401, "SIGN_ERROR", "Http头Authorization值格式错误")
    return found


def _clock(till: Till, timestamp: str) -> int:
    """The caller's now: by the world's clock or by the real one, whichever its stamp is near to."""
    if not timestamp.isdigit():
        raise Fault(401, "SIGN_ERROR", "Http头Authorization值格式错误")
    for now in (till.world.now, int(till.real())):
        if abs(int(timestamp) - now) <= WINDOW_S:
            return now
    raise Fault(401, "SIGN_ERROR", "签名时间戳与服务器时间相差过大")


def _targets(request: Request) -> list[str]:
    """The paths with query that the caller may have signed."""
    sent = request.target or request.path + (f"?{request.query}" if request.query else "")
    return [sent, sent.removeprefix(PREFIX)] if sent.startswith(f"{PREFIX}/") else [sent]


def _base(request: Request) -> str:
    host = request.headers.get("host", "")
    return f"http://{host}{PREFIX}" if host else "https://api.mch.weixin.qq.com"


def _answering_key(merchant: Merchant, request: Request) -> tuple[rsa.RSAPrivateKey, str]:
    """Answers are signed with the key the request asks for; without a word with the certificate's."""
    wanted = request.headers.get("wechatpay-serial", merchant.certificate_serial)
    if wanted == merchant.public_key_id:
        return merchant.theirs, wanted
    if wanted == merchant.certificate_serial:
        return merchant.certified, wanted
    raise Fault(400, "INVALID_REQUEST", "Wechatpay-Serial不存在")
