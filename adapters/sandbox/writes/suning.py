"""Suning's calls that change something.

Source: request classes of the SDK (orderDelivery, inventory, orderNote, confirmAgreerefund, confirmAgreereturn,
modifyRejectrefund, modifyRejectreturn) and the error codes of public integration code. A code names the call in its middle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox import effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call

_SHIP_ERRORS = {
    "no_order": "biz.orderDelivery.ordercode-value:inexistence",
    "already": "biz.orderDelivery.expressno-value:existence",
    "shipped": "biz.orderDelivery.order-status:error",
    "closed": "biz.shutdown.order.cannot.delivery",
    "not_paid": "biz.orderDelivery.order-status:error",
    "held": "biz.orderDelivery.order-status:error",
    "refunding": "biz.orderDelivery.order-status:error",
    "no_carrier": "biz.orderDelivery.expresscompanycode-value:inexistence",
    "bad_waybill": "sys.check.request-params:error",
    "no_line": "biz.orderDelivery.productcode-value:inexistence",
    "line_closed": "biz.shutdown.order.cannot.delivery",
    "too_many": "biz.orderDelivery.productcode-value:repeat",
    "empty": "sys.check.request-params:error",
}


class Refusal(Exception):
    """The gateway or the service says no."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def need(args: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if args.get(name) in (None, ""):
            raise Refusal("sys.check.request-params:error")


def _named(args: Mapping[str, Any], holder: str, name: str) -> list[str]:
    """Numbers inside an object: one as text, or a list of them."""
    inside = args.get(holder)
    found = inside.get(name) if isinstance(inside, dict) else None
    return [str(x) for x in found] if isinstance(found, list) else [str(found)] if found else []


def delivery(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.orderdelivery.add: whole lines, by line number or by product code, in one parcel."""
    need(args, "orderCode", "expressNo", "expressCompanyCode")
    numbers, products = _named(args, "orderLineNumbers", "orderLineNumber"), _named(args, "sendDetail", "productCode")
    if not numbers and not products:
        raise Refusal("sys.check.request-params:error")
    no = str(args["orderCode"])
    order = call.world.find("suning", no)
    lines = order.lines if order is not None else []
    numbers += [next((x.no for x in lines if x.listing.listing == p), p) for p in products]
    qtys = {x.no: x.left or x.qty for x in lines}
    box = Box(
        carrier=str(args["expressCompanyCode"]),
        waybill=str(args["expressNo"]),
        lines=tuple((n, qtys.get(n, 1)) for n in numbers),
    )
    word = effects.ship(call.world, "suning", no, [box], call.request_id)
    if word != "done":
        raise Refusal(_SHIP_ERRORS[word])
    return {"orderCode": no, "sendresult": "Y"}


def note(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.ordernote.modify."""
    need(args, "orderCode", "noteFlag", "colorMarkFlag", "noteContent")
    order = call.world.find("suning", str(args["orderCode"]))
    if order is None:
        raise Refusal("biz.orderNote.ordercode-value:inexistence")
    memo = {"text": str(args["noteContent"]), "flag": int(args["colorMarkFlag"])}
    call.world.happen(order, "memo", memo, why="effect")
    return {"result": "Y"}


def inventory(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.inventory.modify: the target of one listing."""
    need(args, "destInvNum")
    listings = call.world.catalogue.listings["suning"]
    wanted = str(args.get("productCode") or "")
    if not wanted and args.get("itemCode"):
        wanted = next((x.listing for x in listings if x.code == str(args["itemCode"])), "")
    text = str(args["destInvNum"])
    if not text.isdigit():
        raise Refusal("sys.check.request-params:error")
    word = effects.level(call.world, "suning", wanted, int(text), call.request_id)
    if word == "no_listing":
        raise Refusal("biz.inventory.productcode-value:inexistence")
    return {"result": "Y"}


def _answered(call: Call, args: dict[str, Any], act: str, name: str) -> dict[str, Any]:
    word = effects.answer_refund(
        call.world, "suning", str(args["returnApplyId"]), act, call.request_id, reason=str(args.get("remark", ""))
    )
    if word == "no_refund":
        raise Refusal(f"biz.{name}.returnapplyid-value:inexistence")
    if word != "done":
        raise Refusal(f"biz.{name}.return-status:error")
    return {"result": "Y"}


def _kind(call: Call, args: dict[str, Any]) -> tuple[str, str]:
    refund = call.world.refunds.get(("suning", str(args["returnApplyId"])))
    return (refund.kind, refund.status) if refund is not None else ("", "")


def agree_refund(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.agreerefund.confirm: the money goes back; of a return once its goods are there."""
    need(args, "returnApplyId")
    kind, status = _kind(call, args)
    if kind == "return" and status != "returned":
        raise Refusal("biz.confirmAgreerefund.return-status:error")
    return _answered(call, args, "received" if kind == "return" else "agree", "confirmAgreerefund")


def agree_return(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.agreereturn.confirm: the buyer may send the goods."""
    need(args, "returnApplyId", "invAddrId", "remark")
    if _kind(call, args)[0] not in ("return", ""):
        raise Refusal("biz.confirmAgreereturn.return-status:error")
    return _answered(call, args, "agree", "confirmAgreereturn")


def reject_refund(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.rejectrefund.modify."""
    need(args, "returnApplyId", "remark")
    if _kind(call, args) == ("return", "asked"):
        raise Refusal("biz.modifyRejectrefund.return-status:error")
    return _answered(call, args, "refuse", "modifyRejectrefund")


def reject_return(call: Call, args: dict[str, Any]) -> dict[str, Any]:
    """suning.custom.rejectreturn.modify."""
    need(args, "returnApplyId", "remark")
    if _kind(call, args) not in (("return", "asked"), ("", "")):
        raise Refusal("biz.modifyRejectreturn.return-status:error")
    return _answered(call, args, "refuse", "modifyRejectreturn")


Method = Callable[[Call, dict[str, Any]], dict[str, Any]]
#: method → name of its body, and what it does
METHODS: dict[str, tuple[str, Method]] = {
    "suning.custom.orderdelivery.add": ("orderDelivery", delivery),
    "suning.custom.ordernote.modify": ("orderNote", note),
    "suning.custom.inventory.modify": ("inventory", inventory),
    "suning.custom.agreerefund.confirm": ("confirmAgreerefund", agree_refund),
    "suning.custom.agreereturn.confirm": ("confirmAgreereturn", agree_return),
    "suning.custom.rejectrefund.modify": ("modifyRejectrefund", reject_refund),
    "suning.custom.rejectreturn.modify": ("modifyRejectreturn", reject_return),
}
