"""WeChat Pay: what each address does. Source: see wechatpay.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox.pay import keys
from adapters.sandbox.pay import wechatpay_bills as bills
from adapters.sandbox.pay import wechatpay_trees as trees
from adapters.sandbox.pay.fault import Fault
from adapters.sandbox.pay.merchants import Merchant
from adapters.sandbox.pay.post import split
from adapters.sandbox.pay.state import Payment
from adapters.sandbox.wire import Request, decode, token_text

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

#: status, body, and what it is: json (signed), gzip or text (neither is)
Answer = tuple[int, bytes, str]
_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_WEEK = 7 * 86400
_TYPES = {"jsapi": "JSAPI", "native": "NATIVE", "h5": "MWEB", "app": "APP"}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was let in. `now` is the caller's clock; what happens, happens at the world's."""

    till: Till
    merchant: Merchant
    request_id: str
    request: Request
    base: str
    now: int

    def body(self) -> dict[str, Any]:
        found = decode(self.request.body)
        if not isinstance(found, dict):
            raise Fault(400, "PARAM_ERROR", "请求体不是合法的JSON")
        if any(ord(c) > 0xFFFF for c in self.request.body.decode("utf-8", "replace")):
            raise Fault(400, "PARAM_ERROR", "请求体含有不支持的字符")
        return found


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One address and what may be done there."""

    pattern: re.Pattern[str]
    methods: dict[str, Callable[..., Answer]]


def wrong(field: str, value: object, text: str, location: str = "body") -> Fault:
    """400 PARAM_ERROR for a field."""
    return Fault(400, "PARAM_ERROR", text, field=f"/{field}", value=value, location=location)


def _text(body: dict[str, Any], name: str, most: int, *, least: int = 1) -> str:
    found = body.get(name, "")
    if not isinstance(found, str) or not least <= len(found) <= most:
        raise wrong(name, found, f"输入源“/body/{name}”映射到字段必填性规则校验失败")
    return found


def _json(tree: object, status: int = 200) -> Answer:
    return status, msgspec.json.encode(tree), "json"


def _fen(value: object, field: str) -> int:
    if type(value) is not int or value < 1:
        raise wrong(field, value, f"输入源“/body/{field}”映射到数值字段规则校验失败")
    return value


def _mine(call: Call, mchid: object, location: str) -> None:
    if mchid != call.merchant.merchant_id:
        raise wrong("mchid", mchid, "商户号与请求签名的商户号不一致", location)


# --- start, query, close


def start(call: Call, kind: str) -> Answer:
    """POST /v3/pay/transactions/{jsapi,native,h5,app}."""
    body = call.body()
    _mine(call, body.get("mchid"), "body")
    if body.get("appid") != call.merchant.app_id:
        raise Fault(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试")
    number = _text(body, "out_trade_no", 32)
    if not _NUMBER.fullmatch(number):
        raise wrong("out_trade_no", number, "商户订单号格式错误")
    amount = body.get("amount")
    if not isinstance(amount, dict):
        raise wrong("amount", amount, "输入源“/body/amount”映射到字段必填性规则校验失败")
    if amount.get("currency", "CNY") != "CNY":
        raise wrong("amount/currency", amount["currency"], "仅支持CNY")
    payment = Payment(
        channel="wechatpay",
        no=number,
        method=_TYPES[kind],
        title=_text(body, "description", 127),
        total=_fen(amount.get("total"), "amount/total"),
        notify_url=_notify_url(_text(body, "notify_url", 255)),
        attach=_text(body, "attach", 128, least=0),
        payer=_payer(body, kind),
        created=call.till.world.now,
        expires=_expires(call, body),
        handle=f"wx{token_text(34, call.till.world.seed, number)}",
    )
    word, kept = call.till.start(payment)
    if word == "paid":
        raise Fault(400, "ORDERPAID", "该订单已支付")
    if word == "closed":
        raise Fault(400, "ORDER_CLOSED", "订单已关闭")
    if word == "differs":
        raise Fault(400, "INVALID_REQUEST", "请求参数与此前同一订单号的下单不一致")
    return _json(trees.started(kept, kind))


def _notify_url(url: str) -> str:
    found = split(url)
    near = found is not None and found.hostname in ("127.0.0.1", "localhost", "::1")
    if found is None or found.query or (found.scheme != "https" and not near):
        raise wrong("notify_url", url, "通知地址必须是不带参数的https地址")
    return url


def _payer(body: dict[str, Any], kind: str) -> str:
    if kind == "h5":
        scene = body.get("scene_info")
        h5 = scene.get("h5_info") if isinstance(scene, dict) else None
        if not isinstance(scene, dict) or not scene.get("payer_client_ip") or not isinstance(h5, dict):
            raise wrong("scene_info", scene, "H5支付必须上传场景信息")
    if kind != "jsapi":
        return ""
    payer = body.get("payer")
    openid = payer.get("openid") if isinstance(payer, dict) else None
    if not isinstance(openid, str) or not openid:
        raise wrong("payer/openid", openid, "JSAPI支付必须传openid")
    return openid


def _expires(call: Call, body: dict[str, Any]) -> int:
    if "time_expire" not in body:
        return call.till.world.now + _WEEK
    text = _text(body, "time_expire", 64)
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise wrong("time_expire", text, "time_expire不是rfc3339格式")
    # a caller by the real clock means as long from now as he says
    left = int(end.timestamp()) - call.now
    if left <= 0:
        raise wrong("time_expire", text, "time_expire已过期")
    return call.till.world.now + min(left, _WEEK)


def query(call: Call, number: str) -> Answer:
    """GET /v3/pay/transactions/out-trade-no/{no}?mchid=."""
    return _queried(call, call.till.payments.get(("wechatpay", number)))


def query_by_trade(call: Call, trade_no: str) -> Answer:
    """GET /v3/pay/transactions/id/{transaction_id}?mchid=."""
    return _queried(call, call.till.trades.get(("wechatpay", trade_no)))


def _queried(call: Call, payment: Payment | None) -> Answer:
    _mine(call, call.request.params().get("mchid"), "query")
    if payment is None:
        raise Fault(404, "ORDER_NOT_EXIST", "订单不存在")
    return _json(trees.payment(call.till, call.merchant, payment))


def close(call: Call, number: str) -> Answer:
    """POST /v3/pay/transactions/out-trade-no/{no}/close."""
    _mine(call, call.body().get("mchid"), "body")
    payment = call.till.payments.get(("wechatpay", number))
    if payment is None:
        raise Fault(404, "ORDER_NOT_EXIST", "订单不存在")
    word = call.till.close(payment)
    if word == "paid":
        raise Fault(400, "ORDERPAID", "该订单已支付")
    if word == "already":
        raise Fault(400, "ORDER_CLOSED", "订单已关闭")
    return 204, b"", "json"


# --- refunds


def refund(call: Call) -> Answer:
    """POST /v3/refund/domestic/refunds."""
    body = call.body()
    number, amount = _text(body, "out_refund_no", 64), body.get("amount")
    if not isinstance(amount, dict) or amount.get("currency") != "CNY":
        raise wrong("amount", amount, "输入源“/body/amount”映射到字段必填性规则校验失败")
    payment = _refunded_payment(call, body)
    asked, total = _fen(amount.get("refund"), "amount/refund"), _fen(amount.get("total"), "amount/total")
    if total != payment.total:
        raise Fault(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
    url = _text(body, "notify_url", 256, least=0)
    funds = _text(body, "funds_account", 32, least=0)
    word, back = call.till.give_back(
        payment,
        number,
        asked,
        reason=_text(body, "reason", 80, least=0),
        notify_url=_notify_url(url) if url else "",
        funds=funds or "UNSETTLED",
    )
    if word in _REFUSALS or back is None:
        raise Fault(*_REFUSALS[word])
    return _json(trees.refund(call.till, back))


_REFUSALS = {
    "differs": (400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"),
    "not_paid": (400, "INVALID_REQUEST", "订单未支付，不能退款"),
    "too_much": (400, "INVALID_REQUEST", "申请退款金额大于可退金额"),
    "too_many": (403, "RULE_LIMIT", "部分退款次数超过限制"),
    "not_enough": (403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"),
}


def _refunded_payment(call: Call, body: dict[str, Any]) -> Payment:
    trade_no, number = body.get("transaction_id"), body.get("out_trade_no")
    if not trade_no and not number:
        raise wrong("out_trade_no", number, "transaction_id和out_trade_no必须有一个")
    till = call.till
    found = till.trades.get(("wechatpay", str(trade_no))) if trade_no else till.payments.get(("wechatpay", str(number)))
    if found is None:
        raise Fault(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    return found


def refund_query(call: Call, number: str) -> Answer:
    """GET /v3/refund/domestic/refunds/{out_refund_no}."""
    back = call.till.backs.get(("wechatpay", number))
    if back is None:
        raise Fault(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return _json(trees.refund(call.till, back))


# --- certificates


def certificates(call: Call) -> Answer:
    """GET /v3/certificates: the platform certificate, sealed."""
    merchant, till = call.merchant, call.till
    nonce, plain = token_text(12, till.world.seed, call.request_id), merchant.certificate().encode()
    sealed = {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": "certificate",
        "ciphertext": keys.seal(merchant.api_v3_key, nonce, "certificate", plain),
    }
    start, end = merchant.lives
    row = {
        "serial_no": merchant.certificate_serial,
        "effective_time": trees.rfc(start),
        "expire_time": trees.rfc(end),
        "encrypt_certificate": sealed,
    }
    return _json({"data": [row]})


def _route(pattern: str, **methods: Callable[..., Answer]) -> Route:
    return Route(pattern=re.compile(pattern), methods=dict(methods))


ROUTES = (
    _route(r"/v3/pay/transactions/(jsapi|native|h5|app)", POST=start),
    _route(r"/v3/pay/transactions/out-trade-no/([^/]+)", GET=query),
    _route(r"/v3/pay/transactions/out-trade-no/([^/]+)/close", POST=close),
    _route(r"/v3/pay/transactions/id/([^/]+)", GET=query_by_trade),
    _route(r"/v3/refund/domestic/refunds", POST=refund),
    _route(r"/v3/refund/domestic/refunds/([^/]+)", GET=refund_query),
    _route(r"/v3/certificates", GET=certificates),
    _route(r"/v3/bill/tradebill", GET=bills.trade),
    _route(r"/v3/bill/fundflowbill", GET=bills.funds),
    _route(r"/v3/billdownload/file", GET=bills.download),
)
