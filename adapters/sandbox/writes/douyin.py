"""Douyin's calls that change something, and the small lists that belong to them.

Source: op.jinritemai.com pages of /order/logisticsAdd, /order/logisticsAddMultiPack, /sku/syncStock, /afterSale/operate
as generated into public SDKs. The numbers behind `isv.business-failed:` of ship errors are this sandbox's own; the
documents give the prefix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call

_SHIP_ERRORS = {
    "no_order": ("2001", "订单不存在"),
    "already": ("2010", "订单已发货,不能重复发货"),
    "shipped": ("2010", "订单已发货,不能重复发货"),
    "closed": ("2011", "订单已关闭"),
    "not_paid": ("2012", "订单未付款"),
    "held": ("2013", "订单风控中,不能发货"),
    "no_carrier": ("2020", "物流公司编码错误"),
    "bad_waybill": ("2021", "运单号格式错误"),
    "no_line": ("2030", "子订单不存在"),
    "line_closed": ("2031", "子订单已关闭"),
    "too_many": ("2032", "发货数量超过可发数量"),
    "refunding": ("2033", "订单售后中,不能发货"),
    "empty": ("2034", "包裹为空"),
}
_REFUND_ERRORS = {
    "no_refund": (20000, "isp.service-error:10000", "存在无效的售后单"),
    "bad_state": (50002, "isv.business-failed:20309541", "售后状态错误"),
    "already": (50002, "isv.business-failed:20309541", "售后状态错误"),
}
#: type of /afterSale/operate → act: 101/102 first answer of a return, 111/112 the second, 201/202 of a refund
_OPERATE = {101: "agree", 102: "refuse", 111: "received", 112: "refuse", 201: "agree", 202: "refuse"}


class Refusal(Exception):
    """The gateway or the service says no."""

    def __init__(self, code: int, sub_code: str, sub_msg: str) -> None:
        super().__init__(f"{code} {sub_code} {sub_msg}")
        self.code, self.sub_code, self.sub_msg = code, sub_code, sub_msg


def need(args: dict[str, Any], *names: str) -> None:
    for name in names:
        if args.get(name) in (None, "", []):
            raise Refusal(40002, "isv.parameter-missing", f"{name} is missing")


def invalid(number: int, why: str) -> Refusal:
    return Refusal(40004, f"isv.parameter-invalid:{number}", why)


def _ship(call: Call, no: str, boxes: list[Box]) -> None:
    word = effects.ship(call.world, "douyin", no, boxes, call.request_id)
    if word != "done":
        number, text = _SHIP_ERRORS[word]
        raise Refusal(50002, f"isv.business-failed:{number}", text)


def add(call: Call, args: dict[str, Any]) -> Any:
    """/order/logisticsAdd: the whole order in one parcel."""
    need(args, "order_id", "company_code", "logistics_code")
    box = Box(carrier=str(args["company_code"]), waybill=str(args["logistics_code"]))
    _ship(call, str(args["order_id"]), [box])
    return {"pack_id": f"P{args['order_id']}"}


def add_multi(call: Call, args: dict[str, Any]) -> Any:
    """/order/logisticsAddMultiPack: parcels of parts of an order, all or none; a known request_id changes nothing."""
    need(args, "order_id", "request_id", "pack_list")
    key = ("douyin", f"pack/{args['request_id']}")
    if key in call.world.applied:
        call.world.book.write(
            "repeat", effect="ship", platform="douyin", order=str(args["order_id"]), request_id=call.request_id
        )
        return {"pack_list": []}
    boxes = []
    for pack in args["pack_list"]:
        need(pack, "logistics_code", "company_code", "shipped_order_info")
        lines = tuple((str(i["shipped_order_id"]), int(i.get("shipped_num", 0))) for i in pack["shipped_order_info"])
        boxes.append(Box(carrier=str(pack["company_code"]), waybill=str(pack["logistics_code"]), lines=lines))
    _ship(call, str(args["order_id"]), boxes)
    call.world.applied.add(key)
    return {"pack_list": [{"pack_id": f"P{args['order_id']}-{n}"} for n, _ in enumerate(boxes)]}


def companies(call: Call, args: dict[str, Any]) -> Any:
    """/order/logisticsCompanyList."""
    return [{"id": n, "name": c.name, "code": c.at("douyin")} for n, c in enumerate(carriers.CARRIERS, 1)]


def set_remark(call: Call, args: dict[str, Any]) -> Any:
    """/order/addOrderRemark; it does not move the update time."""
    need(args, "order_id", "remark")
    order = call.world.find("douyin", str(args["order_id"]))
    if order is None:
        raise Refusal(50002, "isv.business-failed:2001", "订单不存在")
    flag = int(args.get("star") or 0) if str(args.get("is_add_star")).lower() == "true" else order.flag
    call.world.happen(order, "memo", {"text": str(args["remark"]), "flag": flag}, why="effect")
    return True


def sync_stock(call: Call, args: dict[str, Any]) -> Any:
    """/sku/syncStock: full or, with incremental, a delta; a known idempotent_id is refused."""
    need(args, "product_id", "stock_num") if args.get("stock_num") != 0 else need(args, "product_id")
    listing = _listing(call, args, str(args.get("sku_id") or args.get("code") or args.get("out_sku_id") or ""))
    _level(call, listing, args["stock_num"], args)
    return {}


def sync_stock_batch(call: Call, args: dict[str, Any]) -> Any:
    """/sku/syncStockBatch: skus of one product, all or none."""
    need(args, "product_id", "sku_sync_list")
    rows = [(_listing(call, args, str(x.get("sku_id", ""))), x.get("stock_num")) for x in args["sku_sync_list"]]
    if any(not isinstance(qty, int) or (qty < 0 and not args.get("incremental")) for _, qty in rows):
        raise invalid(40001, "stock_num is wrong")
    for n, (listing, qty) in enumerate(rows):
        _level(call, listing, qty, args, n)
    return {}


def _listing(call: Call, args: dict[str, Any], wanted: str) -> str:
    for x in call.world.catalogue.listings["douyin"]:
        if x.product == str(args["product_id"]) and wanted in (x.listing, x.code):
            return x.listing
    raise Refusal(50002, "isv.business-failed:2100", "sku不存在")


def _level(call: Call, listing: str, qty: Any, args: dict[str, Any], n: int = 0) -> None:
    delta = bool(args.get("incremental"))
    if delta and not args.get("idempotent_id"):
        raise Refusal(40002, "isv.parameter-missing", "idempotent_id is missing")
    key = f"{args['idempotent_id']}/{n}" if delta else ""
    word = effects.level(call.world, "douyin", listing, int(qty), call.request_id, delta=delta, key=key)
    if word == "repeated":
        raise invalid(40010, "idempotent_id was used")
    if word != "done":
        raise invalid(40001, "stock_num is wrong")


def stock_num(call: Call, args: dict[str, Any]) -> Any:
    """/sku/stockNum: what is published now."""
    wanted = str(args.get("sku_id") or args.get("code") or "")
    listing = next((x for x in call.world.catalogue.listings["douyin"] if wanted in (x.listing, x.code)), None)
    if listing is None:
        raise Refusal(50002, "isv.business-failed:2100", "sku不存在")
    return {"sku_id": int(listing.listing), "stock_num": call.world.levels.get(("douyin", listing.listing), 0)}


def operate(call: Call, args: dict[str, Any]) -> Any:
    """/afterSale/operate: answers of one kind for at most 20 cases, all or none."""
    need(args, "type", "items")
    act = _OPERATE.get(int(args["type"]))
    if act is None or len(args["items"]) > 20:
        raise invalid(11000, "type or items is wrong")
    if len(args["items"]) > 1:
        _all_open(call, args["items"])
    for item in args["items"]:
        need(item, "aftersale_id")
        reason = str(item.get("remark") or item.get("reason") or "")
        word = effects.answer_refund(
            call.world, "douyin", str(item["aftersale_id"]), act, call.request_id, reason=reason
        )
        if word != "done":
            raise Refusal(*_REFUND_ERRORS[word])
    return {
        "items": [{"aftersale_id": int(i["aftersale_id"]), "status_code": 0, "status_msg": ""} for i in args["items"]]
    }


def _all_open(call: Call, items: list[dict[str, Any]]) -> None:
    for item in items:
        refund = call.world.refunds.get(("douyin", str(item.get("aftersale_id"))))
        if refund is None:
            raise Refusal(*_REFUND_ERRORS["no_refund"])
        if refund.status not in ("asked", "agreed", "returned"):
            raise Refusal(*_REFUND_ERRORS["bad_state"])


Method = Callable[[Call, dict[str, Any]], Any]
READS: dict[str, Method] = {"/order/logisticsCompanyList": companies, "/sku/stockNum": stock_num}
METHODS: dict[str, Method] = {
    "/order/logisticsAdd": add,
    "/order/logisticsAddMultiPack": add_multi,
    "/order/addOrderRemark": set_remark,
    "/sku/syncStock": sync_stock,
    "/sku/syncStockBatch": sync_stock_batch,
    "/afterSale/operate": operate,
}
