"""Kuaishou's calls that change something, and reading an item's stock.

Source: the API pages of open.seller.order.goods.deliver, open.order.goods.split.deliver, open.item.sku.stock.update and
open.item.get as generated into public SDKs, and the shared return codes: 11 a refund runs, 21 the operation does not fit
the state (or the stock is too small), 2001 an argument is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sandbox import effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import kuaishou as trees

#: code of a wrong business argument
ARGUMENT = "807000"
_SHIP_ERRORS = {
    "already": (21, "订单已发货"),
    "shipped": (21, "订单已发货"),
    "closed": (21, "订单已关闭"),
    "not_paid": (21, "订单未付款"),
    "held": (21, "订单风控中或未成团,不可发货"),
    "refunding": (11, "订单存在进行中的退款,发货拦截"),
    "too_many": (21, "发货数量大于可发数量"),
    "line_closed": (21, "子订单已关闭"),
    "no_line": (2001, "子订单不存在"),
    "no_order": (2001, "订单不存在"),
    "no_carrier": (2001, "物流公司编码错误"),
    "bad_waybill": (2001, "运单号格式错误"),
    "empty": (2001, "包裹为空"),
}
_MOST = 9_999_999


class Refusal(Exception):
    """The gateway or the service says no."""

    def __init__(self, result: int, message: str, code: str = "") -> None:
        super().__init__(f"{result} {message}")
        self.result, self.message, self.code = result, message, code


def wrong(message: str) -> Refusal:
    return Refusal(2001, message, ARGUMENT)


def need(args: dict[str, Any], *names: str) -> None:
    for name in names:
        if args.get(name) in (None, "", []):
            raise wrong(f"参数{name}不能为空")


def number(args: dict[str, Any], name: str, default: int | None = None) -> int:
    found = args.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int):
        raise wrong(f"参数{name}类型错误")
    return found


def _ship(call: Call, no: str, boxes: list[Box]) -> None:
    word = effects.ship(call.world, "kuaishou", no, boxes, call.request_id)
    if word != "done":
        result, text = _SHIP_ERRORS[word]
        raise Refusal(result, text, ARGUMENT if result == 2001 else "")


def deliver(call: Call, args: dict[str, Any]) -> Any:
    """open.seller.order.goods.deliver: the order's own goods; gifts want the split call."""
    need(args, "orderId", "expressCode", "expressNo")
    no = str(number(args, "orderId"))
    order = call.world.find("kuaishou", no)
    line = order.lines[0] if order is not None else None
    known = line is not None and line.qty - line.shipped_qty == 0
    lines = None if line is None else ((line.no, line.qty if known else line.left),)
    _ship(call, no, [Box(carrier=str(number(args, "expressCode")), waybill=str(args["expressNo"]), lines=lines)])
    return None


def split(call: Call, args: dict[str, Any]) -> Any:
    """open.order.goods.split.deliver: pieces of the order and of its gifts in several parcels, all or none."""
    need(args, "mainOrderId", "deliveryItemInfoList", "deliveryStatus")
    boxes = []
    for package in args["deliveryItemInfoList"]:
        need(package, "expressCode", "expressNo", "deliveryGoodsInfoList")
        goods = package["deliveryGoodsInfoList"]
        lines = tuple((str(number(g, "oid")), number(g, "deliveryNum")) for g in goods)
        boxes.append(Box(carrier=str(number(package, "expressCode")), waybill=str(package["expressNo"]), lines=lines))
    for told in args["deliveryStatus"]:
        number(told, "oid"), number(told, "confirmDeliveryStatus")
    _ship(call, str(number(args, "mainOrderId")), boxes)
    return None


def add_note(call: Call, args: dict[str, Any]) -> Any:
    """open.seller.order.note.add."""
    need(args, "orderId", "note")
    order = call.world.find("kuaishou", str(number(args, "orderId")))
    if order is None or len(str(args["note"])) > 500:
        raise wrong("订单不存在或备注过长")
    memo = {"text": str(args["note"]), "flag": number(args, "flag", order.flag)}
    call.world.happen(order, "memo", memo, why="effect")
    return None


def update_stock(call: Call, args: dict[str, Any]) -> Any:
    """open.item.sku.stock.update: so many more (1) or less (2); never below zero."""
    need(args, "kwaiItemId", "skuId", "skuChangeStock", "changeType")
    listing, qty = str(number(args, "skuId")), number(args, "skuChangeStock")
    item, kind = str(number(args, "kwaiItemId")), number(args, "changeType")
    if not any(x.listing == listing and x.product == item for x in call.world.catalogue.listings["kuaishou"]):
        raise wrong("商品sku不存在")
    if kind not in (1, 2) or not 0 < qty < _MOST:
        raise wrong("changeType或skuChangeStock错误")
    if kind == 2 and call.world.levels.get(("kuaishou", listing), 0) < qty:
        raise Refusal(21, "库存不足")
    effects.level(call.world, "kuaishou", listing, qty if kind == 1 else -qty, call.request_id, delta=True)
    return None


def item(call: Call, args: dict[str, Any]) -> Any:
    """open.item.get."""
    need(args, "kwaiItemId")
    wanted = str(number(args, "kwaiItemId"))
    found = [x for x in call.world.catalogue.listings["kuaishou"] if x.product == wanted]
    if not found:
        raise wrong("商品不存在")
    return trees.item(found, call.world.levels)


Method = Callable[[Call, dict[str, Any]], Any]
READS: dict[str, Method] = {"open.item.get": item}
METHODS: dict[str, Method] = {
    "open.seller.order.goods.deliver": deliver,
    "open.order.goods.split.deliver": split,
    "open.seller.order.note.add": add_note,
    "open.item.sku.stock.update": update_stock,
}
