"""Xiaohongshu's calls that change something, and the small lists that belong to them.

Source: the official definitions of order.orderDeliver, order.modifySellerMarkInfo, inventory.syncSkuStock and
incSkuStock, afterSale.auditReturns and confirmReceive (2023 to 2025). Only a few error codes are published: what is not
there is -2000101, every other refusal is -2000400 with its words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call

_SHIP_WORDS = {
    "already": "订单已发货,请勿重复发货",
    "shipped": "订单已发货,请勿重复发货",
    "closed": "订单已关闭",
    "not_paid": "订单未付款",
    "held": "订单处理中,暂不可发货",
    "no_carrier": "快递公司编码不正确",
    "bad_waybill": "快递单号格式不正确",
    "no_line": "skuIdList 中有订单外的商品",
    "line_closed": "商品已售后完成,不能发货",
    "too_many": "商品已发货",
    "refunding": "商品售后中,不能发货",
    "empty": "没有可发货的商品",
}


class Refusal(Exception):
    """The gateway or the service says no."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text = code, text


def need(body: dict[str, Any], *names: str) -> None:
    for name in names:
        if body.get(name) in (None, "", []):
            raise Refusal(-2000400, f"参数错误: {name} 不能为空")


def deliver(call: Call, body: dict[str, Any]) -> Any:
    """order.orderDeliver: the whole order, or with unpack some of its skus, each with all its pieces."""
    need(body, "orderId", "expressNo", "expressCompanyCode")
    no = str(body["orderId"])
    lines: tuple[tuple[str, int], ...] | None = None
    if body.get("unpack"):
        need(body, "skuIdList")
        lines = _lines(call, no, [str(sku) for sku in body["skuIdList"]])
    box = Box(carrier=str(body["expressCompanyCode"]), waybill=str(body["expressNo"]), lines=lines)
    word = effects.ship(call.world, "xiaohongshu", no, [box], call.request_id)
    if word == "no_order":
        raise Refusal(-2000101, "包裹不存在")
    if word != "done":
        raise Refusal(-2000400, _SHIP_WORDS[word])
    return {}


def _lines(call: Call, no: str, skus: list[str]) -> tuple[tuple[str, int], ...]:
    """The lines of these skus with all their pieces; an unknown sku is no line."""
    order = call.world.find("xiaohongshu", no)
    lines = {x.listing.listing: x for x in order.lines} if order is not None else {}
    return tuple((lines[sku].no, lines[sku].qty) if sku in lines else ("", 1) for sku in skus)


def mark(call: Call, body: dict[str, Any]) -> Any:
    """order.modifySellerMarkInfo."""
    need(body, "orderId", "operator")
    order = call.world.find("xiaohongshu", str(body["orderId"]))
    if order is None:
        raise Refusal(-2000101, "包裹不存在")
    flag = int(body.get("sellerMarkPriority") or order.flag)
    call.world.happen(order, "memo", {"text": str(body.get("sellerMarkNote", "")), "flag": flag}, why="effect")
    return {}


def companies(call: Call, body: dict[str, Any]) -> Any:
    """common.getExpressCompanyList."""
    rows = [
        {"expressCompanyId": n, "expressCompanyCode": c.at("xiaohongshu"), "expressCompanyName": c.name}
        for n, c in enumerate(carriers.CARRIERS, 1)
    ]
    return {"expressCompanyInfos": rows}


def sync_stock(call: Call, body: dict[str, Any]) -> Any:
    """inventory.syncSkuStock: the total of one sku."""
    return _stock(call, body, delta=False)


def inc_stock(call: Call, body: dict[str, Any]) -> Any:
    """inventory.incSkuStock: more or fewer of one sku."""
    return _stock(call, body, delta=True)


def _stock(call: Call, body: dict[str, Any], *, delta: bool) -> Any:
    need(body, "skuId")
    qty = body.get("qty")
    if not isinstance(qty, int) or isinstance(qty, bool):
        raise Refusal(-2000400, "参数错误: qty")
    word = effects.level(call.world, "xiaohongshu", str(body["skuId"]), qty, call.request_id, delta=delta)
    if word == "no_listing":
        raise Refusal(-2000400, "规格不存在")
    if word != "done":
        raise Refusal(-2000400, "库存不能小于0")
    return get_stock(call, body)


def get_stock(call: Call, body: dict[str, Any]) -> Any:
    """inventory.getSkuStock."""
    need(body, "skuId")
    sku = str(body["skuId"])
    if not any(x.listing == sku for x in call.world.catalogue.listings["xiaohongshu"]):
        raise Refusal(-2000400, "规格不存在")
    total = call.world.levels.get(("xiaohongshu", sku), 0)
    stock = {"available": total, "total": total, "occupiedQuantity": 0, "productChannelQuantity": 0}
    return {"skuId": sku, "apiVersion": "V1", "skuStock": stock}


def audit(call: Call, body: dict[str, Any]) -> Any:
    """afterSale.auditReturns: 1 pays back (not for returns), 2 lets the goods come back (returns only), 3 refuses."""
    need(body, "returnsId", "action")
    refund = call.world.refunds.get(("xiaohongshu", str(body["returnsId"])))
    if refund is None:
        raise Refusal(-2000101, "售后单不存在")
    action, sends_back = body["action"], refund.kind == "return"
    if action not in (1, 2, 3) or (action == 1 and sends_back) or (action == 2 and not sends_back):
        raise Refusal(-2000400, "操作类型与售后类型不符")
    if refund.status == "returned":
        raise Refusal(-2000400, "售后单状态不正确")
    if action == 2 and not (body.get("receiverInfo") or {}).get("sellerAddressRecordId"):
        raise Refusal(-2000400, "参数错误: sellerAddressRecordId 不能为空")
    return _answer(call, body, "refuse" if action == 3 else "agree")


def receive(call: Call, body: dict[str, Any]) -> Any:
    """afterSale.confirmReceive: 1 the goods are back, 2 they are refused."""
    need(body, "returnsId", "action")
    refund = call.world.refunds.get(("xiaohongshu", str(body["returnsId"])))
    if refund is None:
        raise Refusal(-2000101, "售后单不存在")
    if refund.status != "returned" or body["action"] not in (1, 2):
        raise Refusal(-2000400, "售后单状态不正确")
    return _answer(call, body, "received" if body["action"] == 1 else "refuse")


def _answer(call: Call, body: dict[str, Any], act: str) -> Any:
    if act == "refuse":
        need(body, "reason")
    words = str(body.get("description", ""))
    word = effects.answer_refund(
        call.world, "xiaohongshu", str(body["returnsId"]), act, call.request_id, reason=words
    )  # fmt: skip
    if word != "done":
        raise Refusal(-2000400, "售后单状态不正确")
    return {}


def reasons(call: Call, body: dict[str, Any]) -> Any:
    """afterSale.rejectReasons."""
    return {"rejectReasons": [{"reasonId": 1, "reasonName": "商品已发出"}, {"reasonId": 99, "reasonName": "其他"}]}


Method = Callable[[Call, dict[str, Any]], Any]
READS: dict[str, Method] = {
    "common.getExpressCompanyList": companies,
    "inventory.getSkuStock": get_stock,
    "afterSale.rejectReasons": reasons,
}
METHODS: dict[str, Method] = {
    "order.orderDeliver": deliver,
    "order.modifySellerMarkInfo": mark,
    "inventory.syncSkuStock": sync_stock,
    "inventory.incSkuStock": inc_stock,
    "afterSale.auditReturns": audit,
    "afterSale.confirmReceive": receive,
}
