"""What a mini program tells WeChat: that a payment was shipped.

Source: wxa/sec/order/upload_shipping_info as modelled in public SDKs and the page 小程序发货信息管理服务; error codes as noted
there. WeChat is told no quantities: the first parcel takes all goods, further ones are named.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import wechat_miniprogram as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wechat import Refusal

_PLATFORM = "wechat_miniprogram"
_SHIP_ERRORS = {
    "no_order": (10060001, "支付单不存在"),
    "already": (10060023, "发货信息未更新"),
    "shipped": (10060002, "支付单已完成发货,无法继续发货"),
    "not_shipped": (10060004, "支付单处于不可发货的状态"),
    "closed": (10060004, "支付单处于不可发货的状态"),
    "not_paid": (10060001, "支付单不存在"),
    "no_carrier": (10060014, "参数错误"),
    "bad_waybill": (10060025, "运单号不合法"),
    "empty": (10060014, "参数错误"),
    "refunding": (10060004, "支付单处于不可发货的状态"),
}
_MOST = 15
Method = Callable[[Call, dict[str, Any]], dict[str, Any]]


def find(call: Call, body: dict[str, Any]) -> Order | None:
    """The payment that a body names by its transaction, or by merchant and trade number."""
    shop, merchant = call.world.shops[_PLATFORM], body.get("merchant_id") or body.get("mchid")
    if body.get("transaction_id"):
        wanted = str(body["transaction_id"])
        found = (o for (p, _), o in call.world.orders.items() if p == _PLATFORM and o.paid_at)
        return next((o for o in found if trees.transaction_id(o) == wanted), None)
    order = call.world.find(_PLATFORM, str(body.get("merchant_trade_no") or body.get("out_trade_no") or ""))
    return order if order is not None and order.paid_at and merchant == shop.seller_id else None


def upload(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/wxa/sec/order/upload_shipping_info: express; one parcel, or several in the split mode."""
    key, parcels = body.get("order_key"), body.get("shipping_list")
    if not isinstance(key, dict) or key.get("order_number_type") not in (1, 2):
        raise Refusal(268485194, "order_key不完整")
    if key["order_number_type"] == 2 and not key.get("transaction_id"):
        raise Refusal(268485195, "transaction_id为空")
    if body.get("logistics_type") != 1:
        raise Refusal(10060005, "物流类型有误")
    if body.get("delivery_mode") not in (1, 2):
        raise Refusal(268485224, "发货模式有误")
    if not isinstance(parcels, list) or not 1 <= len(parcels) <= _MOST:
        raise Refusal(10060014, "参数错误")
    if body["delivery_mode"] == 1 and len(parcels) != 1:
        raise Refusal(10060014, "参数错误")
    if body["delivery_mode"] == 2 and "is_all_delivered" not in body:
        raise Refusal(10060007, "分拆发货必须指明is_all_delivered")
    _timely(call, body.get("upload_time"))
    order = find(call, key)
    if order is None:
        raise Refusal(*_SHIP_ERRORS["no_order"])
    if (body.get("payer") or {}).get("openid") != trees.openid(order.buyer):
        raise Refusal(10060031, "该支付单与openid不匹配")
    for parcel in parcels:
        _described(parcel)
    _apply(call, order, [Box(carrier=str(p["express_company"]), waybill=str(p["tracking_no"])) for p in parcels])
    return {}


def _timely(call: Call, text: Any) -> None:
    try:
        at = datetime.fromisoformat(str(text))
        good = at.tzinfo is not None and "." in str(text) and abs(at.timestamp() - call.world.now) < 86400
    except ValueError:
        good = False
    if not good:
        raise Refusal(268485216, "上传时间非法,请按照RFC 3339格式填写")


def _described(parcel: dict[str, Any]) -> None:
    if not parcel.get("item_desc"):
        raise Refusal(10060008, "商品描述为空")
    if len(parcel["item_desc"]) > 120:
        raise Refusal(10060009, "商品描述太长")
    contact = (parcel.get("contact") or {}).get("receiver_contact", "")
    if parcel.get("express_company") == "SF" and "*" not in contact:
        raise Refusal(10060014, "顺丰必须填写联系方式,且须脱敏")


def _apply(call: Call, order: Order, boxes: list[Box]) -> None:
    known = {p.waybill for p in order.parcels}
    fresh = [b for b in boxes if b.waybill not in known]
    word = "done"
    if not order.parcels or not fresh:
        word = effects.ship(call.world, _PLATFORM, order.no, boxes[:1], call.request_id)
        fresh = [b for b in fresh if b.waybill != boxes[0].waybill]
    elif order.state != "partly_shipped":
        word = "shipped"
    if word == "done" and fresh:
        more = [Box(carrier=b.carrier, waybill=b.waybill, lines=()) for b in fresh]
        word = effects.add_parcels(call.world, _PLATFORM, order.no, more, call.request_id)
    if word != "done":
        raise Refusal(*_SHIP_ERRORS[word])


def carriers_of(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/cgi-bin/express/delivery/open_msg/get_delivery_list."""
    rows = [{"delivery_id": c.at(_PLATFORM), "delivery_name": c.name} for c in carriers.CARRIERS]
    return {"delivery_list": rows, "count": len(rows)}


def managed(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/wxa/sec/order/is_trade_managed."""
    return {"is_trade_managed": body.get("appid") == call.world.shops[_PLATFORM].app_key}


READS: dict[str, Method] = {
    "/cgi-bin/express/delivery/open_msg/get_delivery_list": carriers_of,
    "/wxa/sec/order/is_trade_managed": managed,
}
METHODS: dict[str, Method] = {"/wxa/sec/order/upload_shipping_info": upload}
