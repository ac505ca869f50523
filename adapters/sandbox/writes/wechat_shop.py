"""WeChat shop's calls that change something, and the small lists that belong to them.

Source: the order, delivery, after-sale and product pages of the WeChat shop documentation as cited by public SDKs; the
code 606034 for an order that may not be shipped, the 1002xxxx codes of the after-sale pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call
from adapters.sandbox.state import Order
from adapters.sandbox.wechat import Refusal, need

_SHIP_ERRORS = {
    "no_order": (100002, "订单不存在"),
    "already": (606034, "该订单已发货,不能重复发货"),
    "shipped": (606034, "该订单已发货,不能重复发货"),
    "closed": (606034, "订单已关闭,不能发货"),
    "not_paid": (606034, "订单未付款,不能发货"),
    "held": (606034, "订单未成团,不能发货"),
    "no_carrier": (40097, "invalid delivery_id"),
    "bad_waybill": (6060456, "illegal waybill_id"),
    "no_line": (40097, "invalid product_infos"),
    "line_closed": (606034, "商品已全部售后,不能发货"),
    "too_many": (40097, "invalid product_cnt"),
    "refunding": (606034, "商品售后中,不能发货"),
    "empty": (40097, "invalid delivery_list"),
}


def send(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/order/delivery/send: several parcels, whole or in parts."""
    need(body, "order_id", "delivery_list")
    order = call.world.find("wechat_shop", str(body["order_id"]))
    boxes = [_box(order, d) for d in body["delivery_list"]]
    word = effects.ship(call.world, "wechat_shop", str(body["order_id"]), boxes, call.request_id)
    if word != "done":
        raise Refusal(*_SHIP_ERRORS[word])
    return {}


def _box(order: Order | None, delivery: dict[str, Any]) -> Box:
    need(delivery, "delivery_id", "waybill_id", "deliver_type")
    lines: list[tuple[str, int]] = []
    for product in delivery.get("product_infos") or []:
        lines += _spread(order, product)
    return Box(
        carrier=str(delivery["delivery_id"]), waybill=str(delivery["waybill_id"]), lines=tuple(lines) if lines else None
    )


def _spread(order: Order | None, product: dict[str, Any]) -> list[tuple[str, int]]:
    """Lay a count of one sku onto the order's lines of that sku, what is open first."""
    need(product, "product_id", "sku_id", "product_cnt")
    wanted = (str(product["product_id"]), str(product["sku_id"]))
    found = [x for x in order.lines if (x.listing.product, x.listing.listing) == wanted] if order else []
    if not found:
        return [("", int(product["product_cnt"]))]
    rest, laid = int(product["product_cnt"]), []
    found.sort(key=lambda x: -x.left)
    for line in found:
        # the last one takes what is too much as well, so that it is refused
        take = rest if line is found[-1] else min(rest, line.left)
        if take:
            laid.append((line.no, take))
        rest -= take
    return laid


def companies(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/order/deliverycompanylist/get and /new/get."""
    rows = [{"delivery_id": c.at("wechat_shop"), "delivery_name": c.name} for c in carriers.CARRIERS]
    return {"company_list": rows}


def notes(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/order/merchantnotes/update."""
    need(body, "order_id")
    order = call.world.find("wechat_shop", str(body["order_id"]))
    if order is None:
        raise Refusal(100002, "订单不存在")
    call.world.happen(order, "memo", {"text": str(body.get("merchant_notes", ""))}, why="effect")
    return {}


def set_stock(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/product/stock/update: diff_type 1 adds, 2 takes away, 3 sets."""
    need(body, "product_id", "sku_id", "diff_type")
    kind, num = body["diff_type"], body.get("num")
    if kind not in (1, 2, 3) or not isinstance(num, int) or num < 0:
        raise Refusal(40097, "invalid args: diff_type or num")
    _listing(call, body)
    qty = -num if kind == 2 else num
    effects.level(call.world, "wechat_shop", str(body["sku_id"]), qty, call.request_id, delta=kind != 3)
    return {}


def get_stock(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/product/stock/get."""
    need(body, "product_id", "sku_id")
    _listing(call, body)
    qty = call.world.levels.get(("wechat_shop", str(body["sku_id"])), 0)
    return {"data": {"normal_stock_num": qty, "limited_discount_stock_num": 0, "total_stock_num": qty}}


def _listing(call: Call, body: dict[str, Any]) -> None:
    wanted = (str(body["product_id"]), str(body["sku_id"]))
    if not any((x.product, x.listing) == wanted for x in call.world.catalogue.listings["wechat_shop"]):
        raise Refusal(40097, "invalid product_id or sku_id")


def accept(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/aftersale/acceptapply: pays a refund at once; of a return first agrees, then confirms the receipt."""
    need(body, "after_sale_order_id")
    no = str(body["after_sale_order_id"])
    refund = call.world.refunds.get(("wechat_shop", no))
    act = "agree"
    if refund is not None and refund.kind == "return":
        kind = body.get("accept_type") or (1 if refund.status == "asked" else 2)
        act = "agree" if kind == 1 else "received"
        if act == "agree" and not body.get("address_id"):
            raise Refusal(10021060, "缺少退货地址 address_id")
    _answered(effects.answer_refund(call.world, "wechat_shop", no, act, call.request_id))
    return {}


def reject(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/aftersale/rejectapply."""
    need(body, "after_sale_order_id")
    no, reason = str(body["after_sale_order_id"]), str(body.get("reject_reason", ""))
    _answered(effects.answer_refund(call.world, "wechat_shop", no, "refuse", call.request_id, reason=reason))
    return {}


def _answered(word: str) -> None:
    if word == "no_refund":
        raise Refusal(10021050, "售后单不存在")
    if word in ("bad_state", "already"):
        raise Refusal(10020001, "售后单状态不合法")


Method = Callable[[Call, dict[str, Any]], dict[str, Any]]
READS: dict[str, Method] = {
    "/channels/ec/order/deliverycompanylist/get": companies,
    "/channels/ec/order/deliverycompanylist/new/get": companies,
    "/channels/ec/product/stock/get": get_stock,
}
METHODS: dict[str, Method] = {
    "/channels/ec/order/delivery/send": send,
    "/channels/ec/order/merchantnotes/update": notes,
    "/channels/ec/product/stock/update": set_stock,
    "/channels/ec/aftersale/acceptapply": accept,
    "/channels/ec/aftersale/rejectapply": reject,
}
