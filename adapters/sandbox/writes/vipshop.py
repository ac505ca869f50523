"""Vipshop's calls that change something.

Source: request classes of the official SDKs (ship, updateSkuStock, increaseSkuStock, auditCancelApply). A notice that fails
comes back as a count under a good code; the codes of the services themselves are this sandbox's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox import effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call
from adapters.sandbox.state import Order

SOV = "vipapis.marketplace.delivery.SovDeliveryService"
STOCK = "vipapis.marketplace.inventory.InventoryService"
_SHIP_ERRORS = {
    "no_order": "订单不存在",
    "already": "订单已发货",
    "shipped": "订单已发货",
    "closed": "订单已取消",
    "not_paid": "订单状态不允许发货",
    "held": "订单状态不允许发货",
    "refunding": "订单取消申请中",
    "no_carrier": "承运商编码不存在",
    "bad_waybill": "运单号格式错误",
    "no_line": "商品不在订单中",
    "line_closed": "商品已取消",
    "too_many": "商品数量错误",
    "empty": "包裹为空",
    "partial": "订单商品未全部发货",
}


class Refusal(Exception):
    """The gateway or a service says no."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message = code, message


def missing(name: str) -> Refusal:
    return Refusal("vipapis.miss-parameter", f"缺少参数{name}")


def wrong(name: str) -> Refusal:
    return Refusal("vipapis.parameter-notmatch", f"参数{name}错误")


def need(args: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if args.get(name) in (None, "", []):
            raise missing(name)


def inside(args: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object that a method's one argument is."""
    found = args.get(name)
    if not isinstance(found, dict):
        raise missing(name)
    return found


def ship(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """ship: several orders, each whole, in one or more packages; the ships of one order are one notice."""
    ships = inside(args, "request").get("ships")
    if not isinstance(ships, list) or not all(isinstance(s, dict) for s in ships) or not ships:
        raise missing("ships")
    by_order: dict[str, list[dict[str, Any]]] = {}
    for one in ships:
        need(one, "order_id", "carrier_code", "carrier_name", "package_type", "packages")
        by_order.setdefault(str(one["order_id"]), []).append(one)
    failed = []
    for no, parts in by_order.items():
        word = _ship(call, no, parts)
        failed += [{"ship": part, "result_desc": _SHIP_ERRORS[word]} for part in parts] if word != "done" else []
    good = [{"order_id": s["order_id"]} for s in ships if not any(f["ship"] is s for f in failed)]
    return {"success_num": len(good), "success_data": good, "fail_num": len(failed), "fail_data": failed}


def _ship(call: Call, no: str, parts: list[dict[str, Any]]) -> str:
    order = call.world.find("vipshop", no)
    boxes = [
        Box(carrier=str(part["carrier_code"]), waybill=str(package.get("transport_no", "")), lines=_packed(order, package))
        for part in parts
        for package in part["packages"]
    ]  # fmt: skip
    told: dict[str, int] = {}
    for box in boxes:
        for line, qty in box.lines or ():
            told[line] = told.get(line, 0) + qty
    if order is not None and any(x.left > told.get(x.no, 0) for x in order.lines):
        return "partial"
    return effects.ship(call.world, "vipshop", no, boxes, call.request_id)


def _packed(order: Order | None, package: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Lines of a package, which names skus."""
    goods = package.get("package_product_list") or []
    lines = {x.listing.listing: x.no for x in order.lines} if order is not None else {}
    return tuple((lines.get(str(g.get("sku_id")), "?"), int(g.get("amount") or 0)) for g in goods)


def set_level(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """updateSkuStock: the total."""
    return _level(call, inside(args, "updateSkuStockRequest"), delta=False)


def add_level(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """increaseSkuStock: a difference, once per batch_no."""
    asked = inside(args, "increaseSkuStockRequest")
    need(asked, "batch_no")
    return _level(call, asked, delta=True)


def _level(call: Call, asked: Mapping[str, Any], *, delta: bool) -> dict[str, Any]:
    need(asked, "sku_id")
    try:
        qty = int(asked["quantity"])
    except (KeyError, TypeError, ValueError) as error:
        raise wrong("quantity") from error
    key = str(asked.get("batch_no") or "") if delta else ""
    word = effects.level(call.world, "vipshop", str(asked["sku_id"]), qty, call.request_id, delta=delta, key=key)
    return {"success": word in ("done", "repeated"), "over_sell_quantity": 0}


def audit(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """auditCancelApply: 2 passes, 3 does not and wants an opinion of 5 to 255 characters."""
    asked = inside(args, "request")
    need(asked, "apply_sn", "audit_status")
    opinion = str(asked.get("opinion") or "")
    if asked["audit_status"] not in (2, 3) or (asked["audit_status"] == 3 and not 5 <= len(opinion) <= 255):
        raise wrong("audit_status")
    no = str(asked["apply_sn"])
    refund = call.world.refunds.get(("vipshop", no))
    if refund is None or refund.kind != "before_shipping":
        raise Refusal("vipapis.sov.cancel-apply-not-exist", "取消申请单不存在")
    act = "agree" if asked["audit_status"] == 2 else "refuse"
    word = effects.answer_refund(call.world, "vipshop", no, act, call.request_id, reason=opinion)
    if word != "done":
        raise Refusal("vipapis.sov.cancel-apply-audited", "取消申请单已审核")
    return {"apply_sn": no}


Method = Callable[[Call, dict[str, Any]], Any]
METHODS: dict[str, Method] = {
    f"{SOV}.ship": ship,
    f"{SOV}.auditCancelApply": audit,
    f"{STOCK}.updateSkuStock": set_level,
    f"{STOCK}.increaseSkuStock": add_level,
}
