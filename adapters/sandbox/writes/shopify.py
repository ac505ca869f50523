"""Shopify's mutations.

Source: the published Admin GraphQL schema 2026-10. The words of user errors are this sandbox's own where the schema has
no codes for them; an idempotency key is obligatory for inventory since 2026-04.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from adapters.sandbox import effects
from adapters.sandbox.effects import Box
from adapters.sandbox.graphql import GraphqlError
from adapters.sandbox.pages import Call
from adapters.sandbox.payloads.shopify import ITEM, LOCATION, Writer, number
from adapters.sandbox.state import Order
from adapters.sandbox.wire import digest

_SHIP_ERRORS = {
    "already": "Invalid fulfillment order line item quantity requested.",
    "shipped": "Invalid fulfillment order line item quantity requested.",
    "too_many": "Invalid fulfillment order line item quantity requested.",
    "line_closed": "Invalid fulfillment order line item quantity requested.",
    "no_line": "Fulfillment order line item does not exist.",
    "no_order": "Fulfillment order does not exist.",
    "held": "Fulfillment order is on hold.",
    "closed": "Fulfillment order has an invalid status.",
    "not_paid": "The order has not been paid.",
    "no_carrier": "Tracking company is not known to this sandbox.",
    "bad_waybill": "Tracking number is not one of the company's.",
    "empty": "Fulfillment order line items cannot be empty.",
}
Mutation = Callable[[Call, Writer, Mapping[str, Any]], dict[str, Any]]


def _error(message: str, *field: str, code: str = "") -> dict[str, Any]:
    return {"__typename": "UserError", "field": list(field) or None, "message": message, "code": code or None}


def fulfil(call: Call, writer: Writer, args: Mapping[str, Any]) -> dict[str, Any]:
    """fulfillmentCreate: one parcel of some or all lines of one order."""
    given = args.get("fulfillment") or {}
    parts = given.get("lineItemsByFulfillmentOrder")
    if not isinstance(parts, list) or not parts:
        raise GraphqlError("missingRequiredArguments", "lineItemsByFulfillmentOrder is required")
    orders = {number(part["fulfillmentOrderId"])[1:] for part in parts}
    no = orders.pop()
    order = call.world.find("shopify", no)
    tracking = given.get("trackingInfo") or {}
    rows = [row for part in parts for row in part.get("fulfillmentOrderLineItems") or ()]
    lines = tuple((number(row["id"])[1:], int(row["quantity"])) for row in rows) or None
    box = Box(carrier=str(tracking.get("company")), waybill=str(tracking.get("number")), lines=lines)
    word = "no_order" if orders else effects.ship(call.world, "shopify", no, [box], call.request_id)
    if word != "done" or order is None:
        return {"__typename": "Payload", "fulfillment": None, "userErrors": [_error(_SHIP_ERRORS[word], "fulfillment")]}
    return {"__typename": "Payload", "fulfillment": writer.fulfilment(order, order.parcels[-1]), "userErrors": []}


def set_quantities(call: Call, writer: Writer, args: Mapping[str, Any]) -> dict[str, Any]:
    """inventorySetQuantities: all or none; the same key again with the same input changes nothing."""
    given, key = args.get("input") or {}, (args.get("@idempotent") or {}).get("key")
    if not key:
        raise GraphqlError("missingRequiredArguments", "The @idempotent directive is required for this mutation")
    found = _quantities(call, given)
    if isinstance(found, dict):
        return {"__typename": "Payload", "inventoryAdjustmentGroup": None, "userErrors": [found]}
    mark = f"key/{key}/"
    seen = next((k for p, k in call.world.applied if p == "shopify" and k.startswith(mark)), "")
    told = f"{mark}{digest(msgspec.json.encode(given, order='sorted')):x}"
    if seen and seen != told:
        error = _error("The key was used with other parameters.", code="IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
        return {"__typename": "Payload", "inventoryAdjustmentGroup": None, "userErrors": [error]}
    for listing, qty in found:
        if seen:
            call.world.book.write(
                "repeat", effect="level", platform="shopify", listing=listing, qty=qty, request_id=call.request_id
            )
        else:
            effects.level(call.world, "shopify", listing, qty, call.request_id)
    call.world.applied.add(("shopify", told))
    group = {
        "__typename": "InventoryAdjustmentGroup",
        "id": f"gid://shopify/InventoryAdjustmentGroup/{digest(told) % 10**10}",
    }
    return {"__typename": "Payload", "inventoryAdjustmentGroup": group, "userErrors": []}


def _quantities(call: Call, given: Mapping[str, Any]) -> list[tuple[str, int]] | dict[str, Any]:
    """(listing, pieces) of each entry, or what is wrong with one."""
    if given.get("name") not in ("available", "on_hand"):
        return _error("The quantity name is invalid.", "input", "name", code="INVALID_NAME")
    if given.get("reason") != "correction":
        return _error("The reason is invalid.", "input", "reason", code="INVALID_REASON")
    rows = given.get("quantities") or []
    if not 1 <= len(rows) <= 250:
        raise GraphqlError("argumentLiteralsIncompatible", "quantities: between 1 and 250")
    known = {x.listing for x in call.world.catalogue.listings["shopify"]}
    found: list[tuple[str, int]] = []
    for place, row in enumerate(rows):
        where = ("input", "quantities", str(place))
        listing = str(int(number(str(row["inventoryItemId"]))) - ITEM)
        if listing not in known:
            return _error("The inventory item could not be found.", *where, code="INVALID_INVENTORY_ITEM")
        if row.get("locationId") != LOCATION:
            return _error("The location could not be found.", *where, code="INVALID_LOCATION")
        if not isinstance(row.get("quantity"), int) or row["quantity"] < 0:
            return _error("The quantity can't be negative.", *where, code="INVALID_QUANTITY_NEGATIVE")
        if "changeFromQuantity" not in row:
            raise GraphqlError("missingRequiredArguments", "changeFromQuantity must be given, if only as null")
        expected = row["changeFromQuantity"]
        if expected is not None and expected != call.world.levels.get(("shopify", listing), 0):
            return _error("The quantity has changed.", *where, code="CHANGE_FROM_QUANTITY_STALE")
        found.append((listing, row["quantity"]))
    return found


def _answer(call: Call, writer: Writer, no: str, act: str, reason: str) -> dict[str, Any]:
    word = effects.answer_refund(call.world, "shopify", no, act, call.request_id, reason=reason)
    refund = call.world.refunds.get(("shopify", no))
    if word != "done" or refund is None:
        code, text = (
            ("NOT_FOUND", "Return does not exist.")
            if word == "no_refund"
            else ("INVALID_STATE", "Return is not requested.")
        )
        return {"__typename": "Payload", "return": None, "userErrors": [_error(text, "input", "id", code=code)]}
    order: Order = call.world.orders["shopify", refund.order_no]
    return {"__typename": "Payload", "return": writer.return_(order, refund), "userErrors": []}


def approve(call: Call, writer: Writer, args: Mapping[str, Any]) -> dict[str, Any]:
    """returnApproveRequest: the buyer may send the goods."""
    return _answer(call, writer, f"R{number(str((args.get('input') or {}).get('id')))}", "agree", "")


def decline(call: Call, writer: Writer, args: Mapping[str, Any]) -> dict[str, Any]:
    """returnDeclineRequest."""
    given = args.get("input") or {}
    if given.get("declineReason") not in ("FINAL_SALE", "OTHER", "RETURN_PERIOD_ENDED"):
        raise GraphqlError("argumentLiteralsIncompatible", "declineReason is no ReturnDeclineReason")
    return _answer(call, writer, f"R{number(str(given.get('id')))}", "refuse", str(given.get("declineNote") or ""))


MUTATIONS: dict[str, Mutation] = {
    "fulfillmentCreate": fulfil,
    "inventorySetQuantities": set_quantities,
    "returnApproveRequest": approve,
    "returnDeclineRequest": decline,
}
