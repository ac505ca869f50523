"""Taobao's calls that change something, and the small lists that belong to them.

Source: descriptions of taobao.logistics.offline.send (errors B01, B04, B60 as seen in public code), alibaba.ascp.
logistics.offline.send, taobao.skus.quantity.update, taobao.rp.refunds.agree, taobao.rp.returngoods.agree,
taobao.refund.refuse, taobao.top.oaid.merge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads import taobao as trees
from adapters.sandbox.state import Order
from adapters.sandbox.wire import beijing, decode

_SHIP = "isv.logistics-offline-service-error"
#: what the world says → sub_code, sub_msg
_SHIP_ERRORS = {
    "no_order": (f"{_SHIP}:B01", "订单不存在"),
    "already": (f"{_SHIP}:B04", "订单状态不对,该物流订单已经发货或者已关闭,不能重复发货"),
    "shipped": (f"{_SHIP}:B04", "订单状态不对,该物流订单已经发货或者已关闭,不能重复发货"),
    "closed": (f"{_SHIP}:B04", "订单状态不对,该物流订单已经发货或者已关闭,不能重复发货"),
    "not_paid": (f"{_SHIP}:B02", "订单状态不对"),
    "held": (f"{_SHIP}:B02", "订单状态不对"),
    "no_carrier": (f"{_SHIP}:B56", "没有选择物流公司"),
    "bad_waybill": (f"{_SHIP}:B60", "运单号不符合规则或已经被使用"),
    "waybill_used": (f"{_SHIP}:B60", "运单号不符合规则或已经被使用"),
    "no_line": (f"{_SHIP}:P38", "拆单校验未通过"),
    "line_closed": (f"{_SHIP}:P38", "拆单校验未通过"),
    "too_many": (f"{_SHIP}:P38", "拆单校验未通过"),
    "empty": (f"{_SHIP}:P01", "数据为空或格式不对"),
}


class Refusal(Exception):
    """The gateway or the service says no."""

    def __init__(self, code: int, msg: str, sub_code: str = "", sub_msg: str = "") -> None:
        super().__init__(f"{code} {msg} {sub_code}")
        self.code, self.msg, self.sub_code, self.sub_msg = code, msg, sub_code, sub_msg


def missing(name: str) -> Refusal:
    return Refusal(40, "Missing Required Arguments", f"isv.missing-parameter:{name}", f"{name} is missing")


def argument(name: str, why: str) -> Refusal:
    return Refusal(41, "Invalid Arguments", f"isv.invalid-parameter:{name}", why)


def remote(sub_code: str, sub_msg: str) -> Refusal:
    return Refusal(15, "Remote service error", sub_code, sub_msg)


def _need(form: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not form.get(name):
            raise missing(name)


def _ship(call: Call, no: str, boxes: Sequence[Box]) -> None:
    word = effects.ship(call.world, "taobao", no, boxes, call.request_id)
    if word != "done":
        raise remote(*_SHIP_ERRORS[word])


def _left(order: Order | None, lines: Sequence[str]) -> tuple[tuple[str, int], ...] | None:
    """All pieces still to be shipped of these lines; a line without any is asked for whole, so that it is refused."""
    if order is None or not lines:
        return None
    found = {x.no: x for x in order.lines}
    return tuple((no, (found[no].left or found[no].qty) if no in found else 1) for no in lines)


def offline_send(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.logistics.offline.send: the whole order, or with is_split the lines of sub_tid, in one parcel."""
    _need(form, "tid", "out_sid", "company_code")
    split = form.get("is_split") == "1"
    lines = [x for x in form.get("sub_tid", "").split(",") if x] if split else []
    if split and not 1 <= len(lines) <= 50:
        raise argument("sub_tid", "1 to 50 lines with is_split")
    order = call.world.find("taobao", form["tid"])
    box = Box(carrier=form["company_code"], waybill=form["out_sid"], lines=_left(order, lines))
    _ship(call, form["tid"], [box])
    return {"shipping": {"is_success": True}}


def ascp_send(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """alibaba.ascp.logistics.offline.send: several parcels, also of parts of a line."""
    _need(form, "tid", "consign_pkgs")
    packs = decode(form["consign_pkgs"].encode())
    if not isinstance(packs, list) or not all(isinstance(p, dict) for p in packs):
        raise argument("consign_pkgs", "a list of parcels as JSON")
    boxes = []
    for pack in packs:
        goods = pack.get("goods") or []
        lines = tuple((str(g.get("sub_tid", "")), int(g.get("num", 0))) for g in goods)
        boxes.append(
            Box(carrier=str(pack.get("company_code", "")), waybill=str(pack.get("out_sid", "")), lines=lines or None)
        )
    _ship(call, form["tid"], boxes)
    return {"result": {"success": True}}


def skus_quantity(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.skus.quantity.update: type 1 sets, 2 adds; at most 20 pairs, all or none."""
    _need(form, "num_iid")
    by_code = bool(form.get("outerid_quantities"))
    text = form.get("outerid_quantities") or form.get("skuid_quantities") or ""
    pairs = [p.rpartition(":") for p in text.split(";") if p]
    if not 1 <= len(pairs) <= 20:
        raise argument("skuid_quantities", "1 to 20 pairs of id:quantity")
    listings = [x for x in call.world.catalogue.listings["taobao"] if x.product == form["num_iid"] and x.has_variants]
    asked: list[tuple[str, int]] = []
    for name, _, qty in pairs:
        listing = next((x for x in listings if name == (x.code if by_code else x.listing)), None)
        if listing is None:
            raise remote("isv.sku-not-exist", f"sku {name} 不存在")
        asked.append((listing.listing, _qty(qty)))
    return _levels(call, form, asked)


def item_quantity(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.item.quantity.update: an item without variants, or one sku of an item."""
    _need(form, "num_iid", "quantity")
    wanted = form.get("sku_id") or form["num_iid"]
    return _levels(call, form, [(wanted, _qty(form["quantity"]))])


def _qty(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argument("quantity", "not a number") from error


def _levels(call: Call, form: Mapping[str, str], asked: Sequence[tuple[str, int]]) -> dict[str, Any]:
    delta = form.get("type", "1") == "2"
    if not delta and any(qty < 0 for _, qty in asked):
        raise argument("quantity", "negative")
    for listing, qty in asked:
        if effects.level(call.world, "taobao", listing, qty, call.request_id, delta=delta) != "done":
            raise remote("isv.item-not-exist", "商品不存在")
    rows = [{"sku_id": x, "quantity": call.world.levels["taobao", x]} for x, _ in asked]
    return {"item": {"num_iid": int(form["num_iid"]), "modified": beijing(call.world.now), "skus": {"sku": rows}}}


def item_skus(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.item.skus.get: what is published now."""
    _need(form, "num_iids")
    wanted = form["num_iids"].split(",")
    rows = [
        {
            "sku_id": int(x.listing),
            "num_iid": int(x.product),
            "outer_id": x.code,
            "quantity": call.world.levels.get(("taobao", x.listing), 0),
        }
        for x in call.world.catalogue.listings["taobao"]
        if x.product in wanted
    ]
    return {"skus": {"sku": rows}}


def agree(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.rp.refunds.agree: `refund_id|amount in fen|version|phase`, several with commas; money goes back."""
    _need(form, "refund_infos")
    results = []
    for info in form["refund_infos"].split(","):
        no, _, rest = info.partition("|")
        results.append({"refund_id": no, **_agree_one(call, no, rest.split("|"))})
    good = sum(1 for r in results if r["succ"])
    code = "OP_SUCC" if good == len(results) else "SOME_OP_SUCC" if good else "OP_FAILURE_UE"
    return {
        "succ": good == len(results),
        "msg_code": code,
        "message": "",
        "results": {"refund_mapping_result": results},
    }


def _agree_one(call: Call, no: str, rest: Sequence[str]) -> dict[str, Any]:
    refund = call.world.refunds.get(("taobao", no))
    if refund is None:
        return {"succ": False, "message": "退款不存在"}
    if len(rest) < 2 or rest[0] != str(refund.amount):
        return {"succ": False, "message": "退款金额不一致"}
    if refund.status not in ("done",) and rest[1] not in (str(refund.modified * 1000), str(refund.modified)):
        return {"succ": False, "message": "退款版本不一致"}
    act = "received" if refund.kind == "return" else "agree"
    word = effects.answer_refund(call.world, "taobao", no, act, call.request_id)
    return {"succ": word in ("done", "already"), "message": "" if word in ("done", "already") else "退款状态不支持"}


def agree_return(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.rp.returngoods.agree: the buyer may send the goods."""
    _need(form, "refund_id")
    _answered(call, form["refund_id"], "agree")
    return {"is_success": True}


def refuse(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.refund.refuse."""
    _need(form, "refund_id", "refuse_message")
    _answered(call, form["refund_id"], "refuse", form["refuse_message"])
    refund = call.world.refunds["taobao", form["refund_id"]]
    return {
        "refund": {
            "refund_id": refund.no,
            "status": trees.REFUND_STATUS[refund.status],
            "modified": beijing(refund.modified),
        }
    }


def _answered(call: Call, no: str, act: str, reason: str = "") -> None:
    word = effects.answer_refund(call.world, "taobao", no, act, call.request_id, reason=reason)
    if word == "no_refund":
        raise remote("isv.refund-not-exist", "退款不存在")
    if word == "bad_state":
        raise remote("isv.refund-status-error", "当前退款状态不支持此操作")


def merge(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.top.oaid.merge: groups of orders that go to the same receiver; at most 100 pairs."""
    _need(form, "merge_list")
    pairs = decode(form["merge_list"].encode())
    if not isinstance(pairs, list) or not 1 <= len(pairs) <= 100:
        raise argument("merge_list", "1 to 100 of oaid and tid as JSON")
    groups: dict[str, list[str]] = {}
    for pair in pairs:
        order = call.world.find("taobao", str(pair.get("tid", "")))
        if order is None or trees.oaid(order) != pair.get("oaid"):
            raise remote("isv.oaid-not-match", f"oaid 与订单 {pair.get('tid')} 不匹配")
        groups.setdefault(f"{order.buyer}|{order.receiver.key}", []).append(order.no)
    return {"tid_list": trees.nest("string", [",".join(g) for g in groups.values()], form.get("simplify") == "true")}


def companies(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.logistics.companies.get."""
    rows = [
        {"id": n, "code": c.at("taobao"), "name": c.name, "reg_mail_no": f"^({c.pattern})$"}
        for n, c in enumerate(carriers.CARRIERS, 500)
    ]
    return {"logistics_companies": trees.nest("logistics_company", rows, form.get("simplify") == "true")}


def set_memo(call: Call, form: Mapping[str, str]) -> dict[str, Any]:
    """taobao.trade.memo.update."""
    _need(form, "tid")
    order = call.world.find("taobao", form["tid"])
    if order is None:
        raise remote("isv.trade-not-exist", "交易订单不存在")
    call.world.happen(order, "memo", {"text": form.get("memo", ""), "flag": int(form.get("flag") or 0)}, why="effect")
    return {"trade": {"tid": int(order.no), "modified": beijing(order.modified)}}


Method = Callable[[Call, Mapping[str, str]], dict[str, Any]]
READS: dict[str, Method] = {
    "taobao.logistics.companies.get": companies,
    "taobao.item.skus.get": item_skus,
    "taobao.top.oaid.merge": merge,
}
METHODS: dict[str, Method] = {
    "taobao.logistics.offline.send": offline_send,
    "alibaba.ascp.logistics.offline.send": ascp_send,
    "taobao.skus.quantity.update": skus_quantity,
    "taobao.item.quantity.update": item_quantity,
    "taobao.rp.refunds.agree": agree,
    "taobao.rp.returngoods.agree": agree_return,
    "taobao.refund.refuse": refuse,
    "taobao.trade.memo.update": set_memo,
}
