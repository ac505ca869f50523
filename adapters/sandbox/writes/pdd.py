"""Pinduoduo's calls that change something, and the small lists that belong to them.

Source: the pages of pdd.logistics.online.send, pdd.order.upload.extra.logistics, pdd.goods.quantity.update and
pdd.logistics.companies.get as generated into public SDKs. Business refusals are error 50001; the sub_codes behind it
are this sandbox's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call
from adapters.sandbox.wire import decode

BUSINESS = 50001
PARAMETER = 10001
_SHIP_ERRORS = {
    "no_order": ("30001", "订单不存在"),
    "already": ("30010", "订单已发货,不能重复发货"),
    "shipped": ("30010", "订单已发货,不能重复发货"),
    "not_shipped": ("30011", "订单未发货,不能添加额外运单"),
    "closed": ("30012", "订单已关闭"),
    "not_paid": ("30013", "订单未成交"),
    "held": ("30014", "订单审核中,不能发货"),
    "no_carrier": ("30020", "快递公司不存在"),
    "bad_waybill": ("30021", "运单号格式错误"),
    "empty": ("30022", "没有可发的商品"),
}


class Refusal(Exception):
    """The gateway or the service says no."""

    def __init__(self, code: int, message: str, sub_code: str | None = None) -> None:
        super().__init__(f"{code} {sub_code} {message}")
        self.code, self.message, self.sub_code = code, message, sub_code


def need(args: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not args.get(name):
            raise Refusal(PARAMETER, f"参数{name}不能为空")


def number(args: Mapping[str, str], name: str, default: int | None = None) -> int:
    """A whole number of the form."""
    text = args.get(name, "")
    if not text and default is not None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise Refusal(PARAMETER, f"参数{name}不是数字") from error


def _shipped(word: str) -> dict[str, Any]:
    """Nothing when it was done, else a refusal in the platform's words."""
    if word != "done":
        sub_code, text = _SHIP_ERRORS[word]
        raise Refusal(BUSINESS, text, sub_code)
    return {}


def send(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.logistics.online.send: the whole order."""
    need(args, "order_sn", "logistics_id", "tracking_number")
    if number(args, "redelivery_type", 1) != 1:
        raise Refusal(PARAMETER, "redelivery_type错误")
    box = Box(carrier=args["logistics_id"], waybill=args["tracking_number"])
    _shipped(effects.ship(call.world, "pdd", args["order_sn"], [box], call.request_id))
    return {"logistics_online_send_response": {"is_success": True}}


def extra(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.order.upload.extra.logistics: further parcels of an order that was shipped."""
    need(args, "order_sn", "extra_track_list")
    if number(args, "extra_track_type", 1) not in (1, 2, 3):
        raise Refusal(PARAMETER, "extra_track_type错误")
    tracks = decode(args["extra_track_list"].encode())
    if not isinstance(tracks, list) or not all(isinstance(t, dict) for t in tracks):
        raise Refusal(PARAMETER, "extra_track_list错误")
    boxes = [
        Box(carrier=str(t.get("shipping_id", "")), waybill=str(t.get("tracking_number", "")), lines=()) for t in tracks
    ]
    _shipped(effects.add_parcels(call.world, "pdd", args["order_sn"], boxes, call.request_id))
    return {"upload_extra_logistics_response": {"success": True}}


def set_quantity(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.goods.quantity.update: 1 sets the whole, 2 adds; what would fall below zero is refused."""
    need(args, "goods_id", "quantity")
    kind, qty = number(args, "update_type", 1), number(args, "quantity")
    wanted = args.get("sku_id") or args.get("outer_id")
    listings = call.world.catalogue.listings["pdd"]
    found = next((x for x in listings if x.product == args["goods_id"] and wanted in (x.listing, x.code)), None)
    if kind not in (1, 2) or not wanted:
        raise Refusal(PARAMETER, "update_type、sku_id或outer_id错误")
    if found is None:
        raise Refusal(BUSINESS, "商品sku不存在", "40001")
    below = kind == 2 and call.world.levels.get(("pdd", found.listing), 0) + qty < 0
    if below or effects.level(call.world, "pdd", found.listing, qty, call.request_id, delta=kind == 2) != "done":
        raise Refusal(BUSINESS, "库存不能小于0", "40002")
    return {"goods_quantity_update_response": {"is_success": True}}


def set_note(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.order.note.update."""
    need(args, "order_sn", "note")
    order = call.world.find("pdd", args["order_sn"])
    if order is None:
        raise Refusal(BUSINESS, "订单不存在", "30001")
    call.world.happen(order, "memo", {"text": args["note"], "flag": number(args, "tag", order.flag)}, why="effect")
    return {"order_note_update_response": {"success": True}}


def companies(call: Call, args: Mapping[str, str]) -> dict[str, Any]:
    """pdd.logistics.companies.get."""
    rows = [
        {"id": int(c.at("pdd")), "logistics_company": c.name, "code": c.code, "available": 1} for c in carriers.CARRIERS
    ]
    return {"logistics_companies_get_response": {"logistics_companies": rows}}


Method = Callable[[Call, Mapping[str, str]], dict[str, Any]]
READS: dict[str, Method] = {"pdd.logistics.companies.get": companies}
METHODS: dict[str, Method] = {
    "pdd.logistics.online.send": send,
    "pdd.order.upload.extra.logistics": extra,
    "pdd.goods.quantity.update": set_quantity,
    "pdd.order.note.update": set_note,
}
