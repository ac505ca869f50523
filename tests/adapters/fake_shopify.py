"""A small scripted Shopify: one GraphQL entry that knows documents by their names, and the token endpoint."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.adapters.fakes import BIG, Fake, Row
from tests.adapters.kit import NOON, Reply, Seen


def bag(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "SGD"}}


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def error(code: str, **more: Any) -> dict[str, Any]:
    return {"errors": [{"message": f"about {code}", "extensions": {"code": code}}], **more}


class FakeShopify(Fake):
    platform = "shopify"
    throttled_2s: Reply = error(
        "THROTTLED",
        extensions={"cost": {
            "requestedQueryCost": 196, "actualQueryCost": None,
            "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 46, "restoreRate": 100.0},
        }},
    )  # fmt: skip
    busy: Reply = error("INTERNAL_SERVER_ERROR")
    refused: Reply = error("SHOP_INACTIVE")
    unknown_code: Reply = error("SOMETHING_NEW")
    cursor_stuck = False

    @property
    def token_expired(self) -> Reply:  # type: ignore[override]
        return httpx.Response(
            401, json={"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}
        )

    def payload(self, row: Row) -> dict[str, Any]:
        sent = len(row.shipped)
        line = f"gid://shopify/LineItem/{row.number + 1}"
        fulfilments = [
            {
                "status": "SUCCESS", "trackingInfo": [{"company": company, "number": waybill}],
                "fulfillmentLineItems": {"nodes": [{"quantity": 1, "lineItem": {"id": line}}]},
            }
            for company, waybill in row.shipped
        ]  # fmt: skip
        return {
            "id": f"gid://shopify/Order/{row.number}", "legacyResourceId": str(row.number), "createdAt": iso(NOON - timedelta(hours=3)),
            "updatedAt": iso(row.modified), "cancelledAt": None, "closedAt": None, "test": False, "displayFinancialStatus": "PAID",
            "displayFulfillmentStatus": "FULFILLED" if sent else "UNFULFILLED", "returnStatus": "NO_RETURN", "requiresShipping": True,
            "currencyCode": "SGD", "taxesIncluded": True, "note": None, "customer": {"legacyResourceId": "72"},
            "shippingAddress": {
                "name": "Ada Example", "address1": "1 Sample Road", "city": "Singapore", "zip": "018956", "countryCodeV2": "SG", "phone": "+65",
            },
            "totalDiscountsSet": bag("0.0"), "totalShippingPriceSet": bag("0.0"), "totalTaxSet": bag("0.83"), "totalPriceSet": bag("10.0"),
            "totalReceivedSet": bag("10.0"), "totalRefundedSet": bag("0.0"),
            "transactions": [{"kind": "SALE", "status": "SUCCESS", "processedAt": iso(NOON - timedelta(hours=3))}],
            "refunds": [], "fulfillments": fulfilments,
            "lineItems": {"pageInfo": {"hasNextPage": False}, "nodes": [{
                "id": line, "sku": "S1", "title": "Tee", "variantTitle": None, "quantity": 1, "currentQuantity": 1,
                "unfulfilledQuantity": 0 if sent else 1, "isGiftCard": False, "originalUnitPriceSet": bag("10.0"),
                "discountAllocations": [], "variant": {"legacyResourceId": "51", "product": {"legacyResourceId": "71"}},
            }]},
            **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"totalPriceSet": bag("ten")}

    def float_id(self) -> dict[str, Any]:
        return {"legacyResourceId": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        if seen.path == "/admin/oauth/access_token":
            return {
                "access_token": "token-2",
                "refresh_token": "refresh-2",
                "expires_in": 3600,
                "refresh_token_expires_in": 7776000,
            }
        name = seen.json["query"].split()[1].partition("(")[0]
        return {"data": getattr(self, f"on_{name}")(seen.json["variables"]), "extensions": {}}

    def on_OrdersPage(self, given: dict[str, Any]) -> Any:
        start, end = (datetime.fromisoformat(text) for text in re.findall(r"'([^']+)'", given["q"]))
        at, size = int(given["after"] or 0), given["first"]
        part, total = self.select(start, end, at, size)
        more = (at + 1) * size < total or self.cursor_stuck
        page = {"hasNextPage": more, "endCursor": "1" if self.cursor_stuck else str(at + 1)}
        return {"orders": {"pageInfo": page, "nodes": [self.payload(r) for r in part] or None}}

    on_OrderHeads = on_OrdersPage

    def on_OneOrder(self, given: dict[str, Any]) -> Any:
        number = given["id"].rpartition("/")[2]
        self.details.append(number)
        row = self.find(number)
        return {"order": self.payload(row) if row is not None else None}

    def on_OpenFulfilmentOrders(self, given: dict[str, Any]) -> Any:
        row = self.find(given["id"].rpartition("/")[2])
        if row is None:
            return {"order": None}
        line = {"id": f"gid://shopify/LineItem/{row.number + 1}"}
        held = {
            "id": "gid://shopify/FulfillmentOrderLineItem/5",
            "remainingQuantity": 0 if row.shipped else 1,
            "lineItem": line,
        }
        order = {
            "id": f"gid://shopify/FulfillmentOrder/{row.number}", "status": "OPEN",
            "assignedLocation": {"location": {"id": "gid://shopify/Location/1"}}, "lineItems": {"nodes": [held]},
        }  # fmt: skip
        return {"order": {"fulfillmentOrders": {"nodes": [order]}}}

    def on_Ship(self, given: dict[str, Any]) -> Any:
        told = given["f"]
        (part,) = told["lineItemsByFulfillmentOrder"]
        row = self.find(part["fulfillmentOrderId"].rpartition("/")[2])
        assert row is not None
        if row.shipped:
            problem = {"field": ["fulfillment"], "message": "Invalid fulfillment order line item quantity requested."}
            return {"fulfillmentCreate": {"fulfillment": None, "userErrors": [problem]}}
        row.shipped.append((told["trackingInfo"]["company"], told["trackingInfo"]["number"]))
        self.effects.append(told)
        return {"fulfillmentCreate": {"fulfillment": {"id": "gid://shopify/Fulfillment/1"}, "userErrors": []}}

    def on_Place(self, given: dict[str, Any]) -> Any:
        return {"location": {"id": "gid://shopify/Location/1"}}

    def on_Items(self, given: dict[str, Any]) -> Any:
        numbers = [gid.rpartition("/")[2] for gid in given["ids"]]
        return {
            "nodes": [
                {"id": f"gid://shopify/ProductVariant/{n}", "legacyResourceId": n, "inventoryItem": {"id": f"gid://shopify/InventoryItem/9{n}"}}
                if n != "404" else None
                for n in numbers
            ]
        }  # fmt: skip

    def on_Levels(self, given: dict[str, Any]) -> Any:
        rows = given["input"]["quantities"]
        if any(row["inventoryItemId"].endswith("/9666") for row in rows):
            problem = {"field": ["input"], "message": "not stocked here", "code": "NON_MUTABLE_INVENTORY_ITEM"}
            return {"inventorySetQuantities": {"inventoryAdjustmentGroup": None, "userErrors": [problem]}}
        self.effects.append(given)
        return {
            "inventorySetQuantities": {
                "inventoryAdjustmentGroup": {"id": "gid://shopify/InventoryAdjustmentGroup/1"},
                "userErrors": [],
            }
        }

    def on_Level(self, given: dict[str, Any]) -> Any:
        level = {"quantities": [{"name": "available", "quantity": 17}]}
        return {"productVariant": {"id": given["id"], "inventoryItem": {"inventoryLevel": level}}}

    def on_Approve(self, given: dict[str, Any]) -> Any:
        self.effects.append(given["input"])
        return {"returnApproveRequest": {"return": {"id": given["input"]["id"], "status": "OPEN"}, "userErrors": []}}

    def on_Decline(self, given: dict[str, Any]) -> Any:
        self.effects.append(given["input"])
        problem = {"field": ["input", "id"], "message": "Return is not requested.", "code": "INVALID_STATE"}
        return {"returnDeclineRequest": {"return": None, "userErrors": [problem]}}
