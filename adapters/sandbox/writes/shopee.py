"""Shopee's calls that change something, and the small ones that belong to them.

Source: v2 specifications of logistics.get_shipping_parameter, ship_order, get_tracking_number, order.set_note and
product.update_stock as published with public SDKs. The errors behind `logistics.` of a refused notice are this sandbox's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sandbox import carriers, effects
from adapters.sandbox.effects import Box
from adapters.sandbox.pages import Call

_SHIP_ERRORS = {
    "no_order": ("error_not_found", "Wrong parameters, detail: the order is not found."),
    "already": ("logistics.error_status_limit", "Your order's status does not allow to be shipped."),
    "shipped": ("logistics.error_status_limit", "Your order's status does not allow to be shipped."),
    "closed": ("logistics.error_status_limit", "The order is cancelled."),
    "not_paid": ("logistics.error_status_limit", "The order is not paid."),
    "held": ("logistics.error_status_limit", "The order is pending."),
    "refunding": ("logistics.error_status_limit", "The order is in cancel."),
    "bad_waybill": ("logistics.tracking_number_invalid", "Tracking number is invalid."),
    "no_carrier": ("logistics.tracking_number_invalid", "Tracking number is invalid."),
    "empty": ("logistics.error_status_limit", "There is nothing to ship."),
}
Args = dict[str, Any]
Method = Callable[[Call, Args], dict[str, Any]]


class Refusal(Exception):
    """The platform says no."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error} {message}")
        self.error, self.message = error, message


def parameter(why: str) -> Refusal:
    return Refusal("error_param", f"Wrong parameters, detail: {why}.")


def ship_order(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/logistics/ship_order: exactly one of pickup, dropoff, non_integrated; this shop has its own carriers."""
    no, ways = str(args.get("order_sn") or ""), {"pickup", "dropoff", "non_integrated"} & args.keys()
    if not no or len(ways) != 1:
        raise parameter("order_sn and one of pickup, dropoff, non_integrated")
    if ways != {"non_integrated"}:
        raise Refusal("logistics.error_param", "The logistics channel is not integrated.")
    waybill = str(args["non_integrated"].get("tracking_number") or "")
    found = next((c for c in carriers.CARRIERS if c.takes(waybill)), None)
    order = call.world.find("shopee", no)
    word = "refunding" if order is not None and order.cancelling else ""
    if not word:
        box = Box(carrier=found.at("shopee") if found is not None else "", waybill=waybill)
        word = effects.ship(call.world, "shopee", no, [box], call.request_id)
    if word != "done":
        raise Refusal(*_SHIP_ERRORS[word])
    return {}


def shipping_parameter(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/logistics/get_shipping_parameter."""
    if call.world.find("shopee", str(args.get("order_sn"))) is None:
        raise Refusal(*_SHIP_ERRORS["no_order"])
    return {"info_needed": {"non_integrated": ["tracking_number"]}, "dropoff": None, "pickup": None}


def tracking_number(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/logistics/get_tracking_number."""
    order = call.world.find("shopee", str(args.get("order_sn")))
    if order is None:
        raise Refusal(*_SHIP_ERRORS["no_order"])
    return {"tracking_number": order.parcels[0].waybill if order.parcels else "", "hint": ""}


def set_note(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/order/set_note."""
    order = call.world.find("shopee", str(args.get("order_sn")))
    if order is None:
        raise Refusal(*_SHIP_ERRORS["no_order"])
    call.world.happen(order, "memo", {"text": str(args.get("note", ""))}, why="effect")
    return {}


def update_stock(call: Call, args: Args) -> dict[str, Any]:
    """/api/v2/product/update_stock: models of one item; what is refused is listed under an empty error."""
    rows = args.get("stock_list")
    if not isinstance(args.get("item_id"), int) or not isinstance(rows, list) or not 1 <= len(rows) <= 50:
        raise parameter("item_id and 1 to 50 of stock_list")
    item, taken, refused = str(args["item_id"]), [], []
    if all(x.product != item for x in call.world.catalogue.listings["shopee"]):
        raise Refusal("product.error_item_not_found", "Product is not found.")
    for row in rows:
        model = row.get("model_id", 0)
        stock = row["seller_stock"][0]["stock"]
        word = effects.level(call.world, "shopee", _listing(call, item, model), int(stock), call.request_id)
        if word == "done":
            taken.append({"model_id": model, "stock": stock})
        else:
            refused.append({"model_id": model, "failed_reason": f"model: {word}"})
    return {"success_list": taken, "failure_list": refused}


def _listing(call: Call, item: str, model: int) -> str:
    """The listing of a model of this very item; empty: it has no such model."""
    for x in call.world.catalogue.listings["shopee"]:
        if x.product == item and (int(x.listing) if x.has_variants else 0) == model:
            return x.listing
    return ""


READS: dict[str, Method] = {
    "/api/v2/logistics/get_shipping_parameter": shipping_parameter,
    "/api/v2/logistics/get_tracking_number": tracking_number,
}
METHODS: dict[str, Method] = {
    "/api/v2/logistics/ship_order": ship_order,
    "/api/v2/order/set_note": set_note,
    "/api/v2/product/update_stock": update_stock,
}
