"""JD's calls that change something, and the small lists that belong to them.

Source: open.jd.com pages of jingdong.pop.order.shipment, jingdong.ware.stock.sku.set, refundapply.replyRefund as known
from public SDKs. A business refusal is gateway code "0" with success false.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call

_SHIP_ERRORS = {
    "no_order": ("订单不存在", "order does not exist"),
    "already": ("订单已出库,不能重复出库", "order has been shipped"),
    "shipped": ("订单已出库,不能重复出库", "order has been shipped"),
    "closed": ("订单已取消", "order is cancelled"),
    "not_paid": ("订单未付款", "order is not paid"),
    "held": ("订单已暂停", "order is paused"),
    "no_carrier": ("物流公司ID错误", "logistics company is wrong"),
    "bad_waybill": ("运单号不符合规则", "waybill is malformed"),
    "refunding": ("订单已锁定", "order is locked"),
    "no_line": ("商品不存在", "no such item"),
    "line_closed": ("商品已取消", "item is cancelled"),
    "too_many": ("数量不符", "quantity is wrong"),
    "empty": ("运单号为空", "waybill is empty"),
}


class Refusal(Exception):
    """The gateway says no."""

    def __init__(self, code: int, zh: str, en: str = "") -> None:
        super().__init__(f"{code} {zh}")
        self.code, self.zh, self.en = code, zh, en


def need(args: dict[str, Any], *names: str) -> None:
    for name in names:
        if args.get(name) in (None, ""):
            raise Refusal(60, f"参数{name}不能为空", f"{name} is missing")


def verdict(problem: tuple[str, str] | None) -> dict[str, Any]:
    """The business half of a reply."""
    zh, en = problem or ("", "")
    return {"success": problem is None, "englishErrCode": en, "chineseErrCode": zh, "numberCode": 1 if problem else 0}


def shipment(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.pop.order.shipment: the whole order; carriers joined by |, waybills by | and within one by comma."""
    need(args, "orderId", "logiCoprId", "logiNo")
    groups = str(args["logiNo"]).split("|")
    ids = str(args["logiCoprId"]).split("|")
    if len(groups) != len(ids):
        raise Refusal(61, "物流公司与运单号数量不一致", "carriers and waybills differ in number")
    pairs = [(c, w) for c, group in zip(ids, groups, strict=True) for w in group.split(",") if w]
    # JD ships an order as a whole: the goods are in the first parcel, further waybills only go with it
    boxes = [Box(carrier=c, waybill=w, lines=None if n == 0 else ()) for n, (c, w) in enumerate(pairs)]
    word = effects.ship(call.world, "jd", str(args["orderId"]), boxes, call.request_id)
    return {"sopjosshipment_result": verdict(None if word == "done" else _SHIP_ERRORS[word])}


def companies(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """360buy.get.vender.all.delivery.company."""
    rows = [{"id": int(c.at("jd")), "name": c.name, "description": "", "sequence": "0"} for c in carriers.CARRIERS]
    return {"logistics_companies": {"vender_id": call.world.shops["jd"].seller_id, "logistics_list": rows}}


def set_remark(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.pop.order.modifyVenderRemark."""
    need(args, "order_id")
    order = call.world.find("jd", str(args["order_id"]))
    if order is None:
        return {"modifyvenderremark_result": verdict(_SHIP_ERRORS["no_order"])}
    memo = {"text": str(args.get("remark", ""))[:500], "flag": int(args.get("flag") or 0)}
    call.world.happen(order, "memo", memo, why="effect")
    return {"modifyvenderremark_result": verdict(None)}


def set_stock(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.ware.stock.sku.set: at most 30 skus; the reply lists failures only; a known stockRfId changes nothing."""
    req = args.get("req")
    if not isinstance(req, dict) or not isinstance(req.get("skuStocks"), list) or not req.get("stockRfId"):
        raise Refusal(60, "参数req不正确", "req is wrong")
    if not 1 <= len(req["skuStocks"]) <= 30:
        raise Refusal(60, "skuStocks最多30个", "at most 30 skus")
    failures = []
    for n, stock in enumerate(req["skuStocks"]):
        word = _stock(call, stock, f"{req['stockRfId']}/{n}")
        if word not in ("done", "repeated"):
            failures.append(
                {"data": stock.get("skuId"), "message": "sku不存在" if word == "no_listing" else "库存数错误"}
            )
    return {"returnType": {"success": not failures, "obj": {"updateStockResult": failures}}}


def _stock(call: Call, stock: dict[str, Any], key: str) -> str:
    full, more = stock.get("stockNum"), stock.get("incrStockNum")
    delta = full is None and more is not None
    try:
        qty = int(more if delta else full)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "negative"
    return effects.level(call.world, "jd", str(stock.get("skuId")), qty, call.request_id, delta=delta, key=key)


def find_stock(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.stock.read.findSkuStock: what is published now."""
    need(args, "skuId")
    qty = call.world.levels.get(("jd", str(args["skuId"])), 0)
    return {"skuStocks": [{"skuId": int(args["skuId"]), "storeId": 0, "stockNum": qty}]}


def reply_refund(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """jingdong.pop.afs.soa.refundapply.replyRefund: status 1 approves, 2 refuses (wants a remark and a rejectType)."""
    need(args, "id", "status", "checkUserName")
    status = str(args["status"])
    if status not in ("1", "2"):
        raise Refusal(61, "status错误", "status is 1 or 2")
    if status == "2":
        need(args, "remark", "rejectType")
    act = "agree" if status == "1" else "refuse"
    no = str(args["id"])
    refund = call.world.refunds.get(("jd", no))
    if refund is not None and refund.kind == "return":
        return {"replyResult": verdict(("退款单不存在", "no such application"))}
    word = effects.answer_refund(call.world, "jd", no, act, call.request_id, reason=str(args.get("remark", "")))
    problem = {"no_refund": ("退款单不存在", "no such application"), "bad_state": ("退款单状态错误", "wrong state")}
    problem["already"] = ("退款单已审核", "already reviewed")
    return {"replyResult": verdict(problem.get(word))}


Method = Callable[[Call, dict[str, Any]], dict[str, Any]]
READS: dict[str, Method] = {
    "360buy.get.vender.all.delivery.company": companies,
    "jingdong.stock.read.findSkuStock": find_stock,
}
METHODS: dict[str, Method] = {
    "jingdong.pop.order.shipment": shipment,
    "jingdong.pop.order.modifyVenderRemark": set_remark,
    "jingdong.ware.stock.sku.set": set_stock,
    "jingdong.pop.afs.soa.refundapply.replyRefund": reply_refund,
}
