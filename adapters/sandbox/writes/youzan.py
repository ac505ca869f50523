"""Youzan's calls that change something, and the small lists that belong to them.

Source: doc.youzanyun.com (orders and shipping, after-sales, goods), public clients for the after-sale answers. The ship
codes are published without a meaning each; which one stands for what is this sandbox's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.goods import Listing
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import youzan as trees
from adapters.sandbox.state import Refund

_SHIP_ERRORS = {
    "already": (102570020, "订单已发货"),
    "shipped": (102570020, "订单已发货"),
    "closed": (102510001, "订单已关闭"),
    "not_paid": (102510001, "订单未付款"),
    "held": (102510001, "订单待确认"),
    "no_carrier": (105000016, "物流公司不存在"),
    "bad_waybill": (105000003, "物流单号错误"),
    "no_line": (102570007, "商品不存在"),
    "line_closed": (102570038, "商品已退款"),
    "too_many": (102570020, "商品已发货"),
    "refunding": (102570038, "商品退款中"),
    "empty": (102599996, "没有可发货的商品"),
}


class Refusal(Exception):
    """The service says no; `gateway`: in the gateway's envelope."""

    def __init__(self, code: int, text: str, *, gateway: bool = False) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text, self.gateway = code, text, gateway


def need(body: dict[str, Any], *names: str) -> None:
    for name in names:
        if body.get(name) in (None, "", []):
            raise Refusal(106100114, f"参数 {name} 不能为空")


def confirm(call: Call, body: dict[str, Any]) -> Any:
    """youzan.logistics.online.confirm: the whole trade, or the lines named, each with all its pieces."""
    need(body, "tid", "out_stype", "out_sid")
    no = str(body["tid"])
    order = call.world.find("youzan", no)
    if order is None:
        raise Refusal(5000, "trade not found")
    lines: tuple[tuple[str, int], ...] | None = None
    if body.get("oids"):
        known = {x.no: x.qty for x in order.lines}
        lines = tuple((oid, known.get(oid, 1)) for oid in str(body["oids"]).split(","))
    box = Box(carrier=str(body["out_stype"]), waybill=str(body["out_sid"]), lines=lines)
    word = effects.ship(call.world, "youzan", no, [box], call.request_id)
    if word != "done":
        raise Refusal(*_SHIP_ERRORS[word])
    return {"is_success": True}


def express(call: Call, body: dict[str, Any]) -> Any:
    """youzan.logistics.express.get."""
    return {"allExpress": [{"id": int(c.at("youzan")), "name": c.name} for c in carriers.CARRIERS]}


def memo(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.memo.update; it does not move the time of update."""
    need(body, "tid")
    order = call.world.find("youzan", str(body["tid"]))
    if order is None:
        raise Refusal(5000, "trade not found")
    flag = int(body.get("flag") or order.flag)
    call.world.happen(order, "memo", {"text": str(body.get("memo", "")), "flag": flag}, why="effect")
    return {"is_success": True}


def quantity(call: Call, body: dict[str, Any]) -> Any:
    """youzan.item.quantity.update: type 0 sets, 1 adds; an item without specifications has the sku 0."""
    need(body, "item_id")
    qty, kind = body.get("quantity"), body.get("type", 0)
    if not isinstance(qty, int) or isinstance(qty, bool) or kind not in (0, 1):
        raise Refusal(5001, "参数转换失败: quantity, type")
    listing = _listing(call, str(body["item_id"]), int(body.get("sku_id") or 0))
    word = effects.level(call.world, "youzan", listing.listing, qty, call.request_id, delta=kind == 1)
    if word != "done":
        raise Refusal(106100114, "库存不能小于0")
    return {"is_success": True}


def _listing(call: Call, item: str, sku: int) -> Listing:
    for x in call.world.catalogue.listings["youzan"]:
        if x.product == item and (x.listing == str(sku) if x.has_variants else sku == 0):
            return x
    raise Refusal(106000003, "商品不存在")


def _case(call: Call, body: dict[str, Any]) -> Refund:
    need(body, "refund_id", "version")
    refund = call.world.refunds.get(("youzan", str(body["refund_id"])))
    if refund is None:
        raise Refusal(106100110, "退款单不存在")
    if body["version"] != trees.version(refund):
        raise Refusal(106100115, "退款单版本已变更")
    return refund


def _answer(call: Call, refund: Refund, act: str, reason: str = "") -> Any:
    word = effects.answer_refund(call.world, "youzan", refund.no, act, call.request_id, reason=reason)
    if word != "done":
        raise Refusal(106100115, "退款单状态不正确")
    return {"is_success": True}


def agree(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.refund.agree: pays back; of a return once its goods are back."""
    refund = _case(call, body)
    if refund.kind != "return":
        return _answer(call, refund, "agree")
    if refund.status != "returned":
        raise Refusal(106100115, "退货未寄回")
    return _answer(call, refund, "received")


def refuse(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.refund.refuse."""
    refund = _case(call, body)
    if refund.status != "asked":
        raise Refusal(106100115, "退款单状态不正确")
    return _answer(call, refund, "refuse", str(body.get("remark", "")))


def take_back(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.returngoods.agree: the goods may come, to the address given."""
    refund = _case(call, body)
    need(body, "name", "mobile", "address")
    if refund.kind != "return" or refund.status != "asked":
        raise Refusal(106100115, "退款单状态不正确")
    return _answer(call, refund, "agree")


def not_back(call: Call, body: dict[str, Any]) -> Any:
    """youzan.trade.returngoods.refuse: the goods that came are not taken."""
    refund = _case(call, body)
    if refund.kind != "return" or refund.status != "returned":
        raise Refusal(106100115, "退款单状态不正确")
    return _answer(call, refund, "refuse", str(body.get("remark", "")))


Method = Callable[[Call, dict[str, Any]], Any]
READS: dict[str, Method] = {"youzan.logistics.express.get/3.0.0": express}
METHODS: dict[str, Method] = {
    "youzan.logistics.online.confirm/3.0.0": confirm,
    "youzan.trade.memo.update/3.0.0": memo,
    "youzan.item.quantity.update/3.0.0": quantity,
    "youzan.trade.refund.agree/3.0.0": agree,
    "youzan.trade.refund.refuse/3.0.0": refuse,
    "youzan.trade.returngoods.agree/3.0.0": take_back,
    "youzan.trade.returngoods.refuse/3.0.0": not_back,
}
