"""WooCommerce's calls that change something.

Source: the order, note and product controllers of woocommerce/woocommerce. Core completes any order and keeps any meta
data; that this site wants a waybill of a known carrier for a paid order (`woocommerce_rest_invalid_order`) is the sandbox's own.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import effects
from adapters.sandbox.effects import Box
from adapters.sandbox.goods import Listing
from adapters.sandbox.pages import Call
from adapters.sandbox.state import Order

_WORDS = {
    "no_carrier": "Unknown tracking provider.",
    "bad_waybill": "The tracking number is none of that provider.",
    "not_paid": "The order has not been paid.",
    "held": "The order is on hold.",
    "closed": "The order is cancelled.",
    "shipped": "The order was completed with other parcels.",
    "empty": "There is nothing to complete.",
}


class Refusal(Exception):
    """The site says no: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def no_order() -> Refusal:
    return Refusal(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")


def update_order(call: Call, order: Order, body: dict[str, Any]) -> None:
    """PUT orders/{id}: the status, and meta data by key."""
    wanted = body.get("status")
    if wanted not in (None, "completed", "processing", "on-hold", "pending", "cancelled"):
        raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): status")
    if wanted != "completed":
        return
    meta = {str(m.get("key")): m.get("value") for m in body.get("meta_data") or [] if isinstance(m, dict)}
    numbers = [n for n in str(meta.get("_tracking_number") or "").split(",") if n]
    names = [n for n in str(meta.get("_tracking_provider") or "").split(",") if n]
    boxes = [
        Box(carrier=names[i] if i < len(names) else "", waybill=n, lines=None if i == 0 else ())
        for i, n in enumerate(numbers)
    ]
    word = effects.ship(call.world, "woocommerce", order.no, boxes, call.request_id)
    if word not in ("done", "already"):
        raise Refusal(400, "woocommerce_rest_invalid_order", _WORDS.get(word, word))


def add_note(call: Call, order: Order, body: dict[str, Any]) -> dict[str, Any]:
    """POST orders/{id}/notes."""
    if not body.get("note"):
        raise Refusal(400, "rest_missing_callback_param", "Missing parameter(s): note")
    call.world.happen(order, "memo", {"text": str(body["note"])}, why="effect")
    return {"id": 7, "author": "system", "note": str(body["note"]), "customer_note": bool(body.get("customer_note"))}


def listing_of(call: Call, product: str, variation: str = "") -> Listing:
    """The listing that a product, or one of its variations, is."""
    wanted = (product, variation or product)
    for listing in call.world.catalogue.listings["woocommerce"]:
        if (listing.product, listing.listing) == wanted:
            return listing
    raise Refusal(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")


def set_stock(call: Call, listing: Listing, body: dict[str, Any]) -> dict[str, Any]:
    """PUT of a product or variation: the quantity is absolute."""
    qty = body.get("stock_quantity")
    if qty is not None and body.get("manage_stock"):
        if not isinstance(qty, int):
            raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): stock_quantity")
        effects.level(call.world, "woocommerce", listing.listing, max(qty, 0), call.request_id)
    return product(call, listing)


def product(call: Call, listing: Listing) -> dict[str, Any]:
    """As much of a product or variation as is looked at here."""
    qty = call.world.levels.get(("woocommerce", listing.listing))
    return {
        "id": int(listing.listing),
        "name": listing.title,
        "sku": listing.code,
        "manage_stock": qty is not None,
        "stock_quantity": qty or 0,
        "stock_status": "instock" if qty else "outofstock",
    }


def batch(call: Call, product_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST …/batch: each entry for itself; a failed one bears an error under HTTP 200."""
    rows = body.get("update") or []
    if len(rows) > 100:
        raise Refusal(
            413, "woocommerce_rest_request_entity_too_large", "Unable to accept more than 100 items for this request."
        )
    out: list[dict[str, Any]] = []
    for row in rows:
        wanted = str(row.get("id"))
        try:
            listing = listing_of(call, product_id or wanted, wanted)
            out.append(set_stock(call, listing, row))
        except Refusal as no:
            out.append(
                {"id": row.get("id"), "error": {"code": no.code, "message": no.message, "data": {"status": no.status}}}
            )
    return {"update": out}
