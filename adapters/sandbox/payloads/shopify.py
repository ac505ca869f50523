"""Shopify's trees: the order, its returns and refunds, its fulfilments and fulfilment orders.

Source: the published Admin GraphQL schema 2026-10 and the orders query of shopify.dev. Amounts are decimal text without
padding, ids are global ids, times ISO in UTC. A return that was paid back has a refund beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.graphql import connection, first
from adapters.sandbox.homes import Home, decimal
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Parcel, Refund
from adapters.sandbox.wire import digest, iso
from adapters.sandbox.world import World

RETURN_STATUS = {
    "asked": "REQUESTED",
    "agreed": "OPEN",
    "returned": "OPEN",
    "done": "CLOSED",
    "refused": "DECLINED",
    "closed": "CANCELED",
}
#: inventory items are numbered as variants, so much higher
ITEM = 2_000_000_000_000
LOCATION = "gid://shopify/Location/70000000001"
_BROKEN = {"money": "totalPriceSet.shopMoney.amount", "time": "updatedAt"}


def gid(kind: str, number: object) -> str:
    return f"gid://shopify/{kind}/{number}"


def number(text: str) -> str:
    """The number at the end of a global id."""
    return text.rpartition("/")[2]


def item_gid(listing: str) -> str:
    return gid("InventoryItem", int(listing) + ITEM)


class Writer:
    """Writes trees of one shop."""

    def __init__(self, world: World, request_id: str) -> None:
        self._world, self._request_id = world, request_id
        self._home: Home = world.shops["shopify"].home

    # --- small parts

    def amount(self, minor: int) -> str:
        """A decimal without padding, but with one digit behind the point."""
        text = decimal(minor, self._home.digits)
        if "." not in text:
            return f"{text}.0"
        text = text.rstrip("0")
        return f"{text}0" if text.endswith(".") else text

    def bag(self, minor: int, *, floats: bool = False) -> dict[str, Any]:
        told: Any = float(self.amount(minor)) if floats else self.amount(minor)
        money = {"__typename": "MoneyV2", "amount": told, "currencyCode": self._home.currency}
        return {"__typename": "MoneyBag", "shopMoney": money, "presentmentMoney": dict(money)}

    # --- the order

    def order(self, order: Order) -> dict[str, Any]:
        """The order with all that belongs to it."""
        broken, floats = self._world.faults.of_order(order)
        refunds = [self._world.refunds[order.platform, no] for no in order.refunds]
        done = [r for r in refunds if r.status == "done"]
        back = sum(r.amount for r in done)
        received = order.paid
        tax = self._home.tax_of(order.payable) if self._home.tax_inside else order.tax

        def bag(minor: int) -> dict[str, Any]:
            return self.bag(minor, floats=bool(floats))

        tree: dict[str, Any] = {
            "__typename": "Order",
            "id": gid("Order", order.no),
            "legacyResourceId": order.no,
            "name": f"#{order.no[-6:]}",
            "createdAt": iso(order.created),
            "processedAt": iso(order.created),
            "updatedAt": iso(order.modified),
            "cancelledAt": iso(order.ended_at) if _is_cancelled(order) else None,
            "cancelReason": ("CUSTOMER" if order.cancel == "buyer" else "OTHER") if _is_cancelled(order) else None,
            "closedAt": iso(order.ended_at) if order.state == "completed" else None,
            "test": False,
            "displayFinancialStatus": financial(order, back),
            "displayFulfillmentStatus": fulfilment(order),
            "returnStatus": _return_status(refunds),
            "requiresShipping": True,
            "currencyCode": order.currency,
            "presentmentCurrencyCode": order.currency,
            "taxesIncluded": self._home.tax_inside,
            "note": order.remark or None,
            "tags": [],
            "sourceName": "web",
            "customAttributes": [],
            "customer": self._customer(order),
            "shippingAddress": _address(order),
            "subtotalPriceSet": bag(sum(x.paid for x in order.lines)),
            "totalDiscountsSet": bag(sum(x.off for x in order.lines)),
            "totalShippingPriceSet": bag(order.freight),
            "totalTaxSet": bag(tax),
            "totalPriceSet": bag(order.payable),
            "totalReceivedSet": bag(received),
            "totalRefundedSet": bag(back),
            "netPaymentSet": bag(received - back),
            "currentTotalPriceSet": bag(order.payable - back),
            "totalTipReceivedSet": bag(0),
            "originalTotalDutiesSet": None,
            "originalTotalAdditionalFeesSet": None,
            "lineItems": connection([self.line(order, x) for x in order.lines], "LineItemConnection"),
            "transactions": first(self._transactions(order, done)),
            "refunds": first([self.refund(order, r) for r in done]),
            "returns": connection([self.return_(order, r) for r in refunds if r.no.startswith("R")]),
            "fulfillments": first([self.fulfilment(order, p) for p in order.parcels]),
            "fulfillmentOrders": connection([self.fulfilment_order(order)], "FulfillmentOrderConnection"),
        }
        if broken == "id":
            tree["legacyResourceId"] = None
        else:
            tree = spoil(tree, broken, _BROKEN)
        total = tree["totalPriceSet"]

        def shown(args: Mapping[str, Any]) -> Any:
            # whoever asks for the total reads the whole order
            self._world.faults.served(order, self._request_id)
            return total

        tree["totalPriceSet"] = shown
        return tree

    def _customer(self, order: Order) -> dict[str, Any] | None:
        """One buyer in nine is a guest."""
        if digest("guest", order.buyer) % 9 == 0:
            return None
        no = 7_200_000_000_000 + digest("customer", order.buyer) % 10**9
        return {
            "__typename": "Customer",
            "id": gid("Customer", no),
            "legacyResourceId": str(no),
            "displayName": order.receiver.name,
            "defaultEmailAddress": {"__typename": "CustomerEmailAddress", "emailAddress": f"{order.buyer}@example.com"},
            "defaultPhoneNumber": None,
        }

    def _transactions(self, order: Order, done: list[Refund]) -> list[dict[str, Any]]:
        found = []
        if order.paid_at:
            found.append(self._transaction(order, "SALE", order.paid_at, order.payable))
        return found + [self._transaction(order, "REFUND", r.done_at, r.amount) for r in done]

    def _transaction(self, order: Order, kind: str, at: int, minor: int) -> dict[str, Any]:
        return {
            "__typename": "OrderTransaction",
            "id": gid("OrderTransaction", 8_100_000_000_000 + digest(order.no, kind, at) % 10**9),
            "kind": kind,
            "status": "SUCCESS",
            "gateway": "shopify_payments",
            "processedAt": iso(at),
            "amountSet": self.bag(minor),
        }

    # --- lines

    def line(self, order: Order, line: Line) -> dict[str, Any]:
        """A line item; discounts of every kind are spread over it as allocations."""
        listing, home = line.listing, self._home
        tax = home.tax_of(line.paid) if home.tax_inside else line.tax
        left = 0 if line.refund == "full" or (line.closed and not line.shipped_qty) else line.qty
        return {
            "__typename": "LineItem",
            "id": gid("LineItem", line.no),
            "sku": listing.code or None,
            "title": listing.title,
            "variantTitle": listing.variant[1],
            "quantity": line.qty,
            "currentQuantity": left,
            "refundableQuantity": left,
            "unfulfilledQuantity": line.left,
            "isGiftCard": False,
            "originalUnitPriceSet": self.bag(line.unit),
            "discountedTotalSet": self.bag(line.goods - line.item_off),
            "totalDiscountSet": self.bag(line.item_off),
            "discountAllocations": [
                {"__typename": "DiscountAllocation", "allocatedAmountSet": self.bag(off)}
                for off in (line.item_off, line.shop_off + line.platform_off)
                if off
            ],
            "taxLines": self._taxes(tax),
            "variant": {
                "__typename": "ProductVariant",
                "id": gid("ProductVariant", listing.listing),
                "legacyResourceId": listing.listing,
                "inventoryItem": {"__typename": "InventoryItem", "id": item_gid(listing.listing)},
                "product": {
                    "__typename": "Product",
                    "id": gid("Product", listing.product),
                    "legacyResourceId": listing.product,
                },
            },
        }

    def _taxes(self, tax: int) -> list[dict[str, Any]]:
        if not self._home.tax:
            return []
        return [{"__typename": "TaxLine", "title": "Tax", "rate": self._home.tax / 10_000, "priceSet": self.bag(tax)}]

    # --- what went back

    def _owner(self, order: Order) -> dict[str, Any]:
        return {
            "__typename": "Order",
            "id": gid("Order", order.no),
            "legacyResourceId": order.no,
            "name": f"#{order.no[-6:]}",
            "updatedAt": iso(order.modified),
            "currencyCode": order.currency,
            "taxesIncluded": self._home.tax_inside,
        }

    def refund(self, order: Order, refund: Refund) -> dict[str, Any]:
        """A refund as it stands beside its order, also that of a return."""
        returned = refund.no.startswith("R")
        no = str(int(refund.no[1:]) + 5) if returned else refund.no
        return {
            "__typename": "Refund",
            "id": gid("Refund", no),
            "legacyResourceId": no,
            "createdAt": iso(refund.created),
            "processedAt": iso(refund.done_at),
            "updatedAt": iso(refund.done_at),
            "note": refund.reason,
            "order": self._owner(order),
            "return": {"__typename": "Return", "id": gid("Return", refund.no[1:])} if returned else None,
            "totalRefundedSet": self.bag(refund.amount),
            "refundLineItems": connection([self._refunded(order, refund)]),
        }

    def _refunded(self, order: Order, refund: Refund) -> dict[str, Any]:
        line = order.line(refund.line_no) or order.lines[0]
        restock = {"before_shipping": "CANCEL", "return": "RETURN"}.get(refund.kind, "NO_RESTOCK")
        tax = self._home.tax_of(line.paid) if self._home.tax_inside else line.tax
        return {
            "__typename": "RefundLineItem",
            "quantity": refund.qty,
            "restockType": restock,
            "subtotalSet": self.bag(line.paid),
            "totalTaxSet": self.bag(tax),
            "lineItem": self.line(order, line),
        }

    def return_(self, order: Order, refund: Refund) -> dict[str, Any]:
        """What the buyer asked to send back."""
        line = order.line(refund.line_no) or order.lines[0]
        way = {
            "__typename": "ReverseDeliveryTrackingV2",
            "number": refund.waybill,
            "carrierName": refund.carrier,
            "url": None,
        }
        delivery = {
            "__typename": "ReverseDelivery",
            "deliverable": {"__typename": "ReverseDeliveryShippingDeliverable", "tracking": way},
        }
        back = {
            "__typename": "ReverseFulfillmentOrder",
            "status": "CLOSED" if refund.status == "done" else "OPEN",
            "reverseDeliveries": connection([delivery] if refund.waybill else []),
        }
        return {
            "__typename": "Return",
            "id": gid("Return", refund.no[1:]),
            "name": f"#{order.no[-6:]}-R{order.refunds.index(refund.no) + 1}",
            "status": RETURN_STATUS[refund.status],
            "createdAt": iso(refund.created),
            "closedAt": iso(refund.modified) if refund.status in ("done", "closed", "refused") else None,
            "requestApprovedAt": iso(refund.agreed_at) if refund.agreed_at else None,
            "totalQuantity": refund.qty,
            "order": self._owner(order),
            "returnLineItems": connection([self._returned(order, refund, line)]),
            "refunds": connection([self.refund(order, refund)] if refund.status == "done" else []),
            "reverseFulfillmentOrders": connection([back] if refund.status not in ("asked", "refused") else []),
        }

    def _returned(self, order: Order, refund: Refund, line: Line) -> dict[str, Any]:
        return {
            "__typename": "ReturnLineItem",
            "id": gid("ReturnLineItem", int(refund.no[1:]) + 3),
            "quantity": refund.qty,
            "returnReason": "UNWANTED",
            "returnReasonNote": refund.reason,
            "fulfillmentLineItem": {
                "__typename": "FulfillmentLineItem",
                "quantity": line.shipped_qty,
                "lineItem": self.line(order, line),
            },
        }

    # --- what leaves

    def fulfilment(self, order: Order, parcel: Parcel) -> dict[str, Any]:
        """A fulfilment: one parcel."""
        no = 5_100_000_000_000 + digest(order.no, parcel.waybill) % 10**9
        company = carriers.of(parcel.carrier).at(order.platform)
        moved = [
            {"__typename": "FulfillmentLineItem", "quantity": qty, "lineItem": self.line(order, line)}
            for line_no, qty in parcel.lines
            if (line := order.line(line_no)) is not None
        ]
        tracking = {"__typename": "FulfillmentTrackingInfo", "company": company, "number": parcel.waybill, "url": None}
        return {
            "__typename": "Fulfillment",
            "id": gid("Fulfillment", no),
            "status": "SUCCESS",
            "createdAt": iso(parcel.at),
            "trackingInfo": first([tracking]),
            "fulfillmentLineItems": connection(moved),
        }

    def fulfilment_order(self, order: Order) -> dict[str, Any]:
        """The one fulfilment order that each order has here, at the shop's one location."""
        over = not any(x.left for x in order.lines)
        status = "CLOSED" if over else "ON_HOLD" if order.state == "held" else "OPEN"
        return {
            "__typename": "FulfillmentOrder",
            "id": gid("FulfillmentOrder", f"7{order.no}"),
            "status": status,
            "assignedLocation": {
                "__typename": "FulfillmentOrderAssignedLocation",
                "location": {"__typename": "Location", "id": LOCATION},
            },
            "lineItems": connection(
                [
                    {
                        "__typename": "FulfillmentOrderLineItem",
                        "id": gid("FulfillmentOrderLineItem", f"8{x.no}"),
                        "remainingQuantity": x.left,
                        "totalQuantity": x.qty,
                        "lineItem": self.line(order, x),
                    }
                    for x in order.lines
                ]
            ),
        }


def financial(order: Order, back: int) -> str:
    if not order.paid_at:
        return "VOIDED" if order.state == "cancelled" else "PENDING"
    if not back:
        return "PAID"
    return "REFUNDED" if back >= order.payable or order.cancel == "refunded" else "PARTIALLY_REFUNDED"


def fulfilment(order: Order) -> str:
    sent, left = any(x.shipped_qty for x in order.lines), any(x.left for x in order.lines)
    if sent:
        return "PARTIALLY_FULFILLED" if left else "FULFILLED"
    return "ON_HOLD" if order.state == "held" else "UNFULFILLED"


def _is_cancelled(order: Order) -> bool:
    """What was paid back after it left is no cancelled order here."""
    return order.state == "cancelled" and not any(x.shipped_qty for x in order.lines)


def _return_status(refunds: list[Refund]) -> str:
    found = {r.status for r in refunds if r.no.startswith("R")}
    for states, word in (
        (("asked",), "RETURN_REQUESTED"),
        (("agreed", "returned"), "IN_PROGRESS"),
        (("done",), "RETURNED"),
    ):
        if found & set(states):
            return word
    return "NO_RETURN"


def _address(order: Order) -> Mapping[str, Any]:
    r = order.receiver
    given, _, family = r.name.partition(" ")
    return {
        "__typename": "MailingAddress",
        "name": r.name,
        "firstName": given,
        "lastName": family,
        "company": None,
        "address1": r.detail.partition(", ")[0],
        "address2": r.detail.partition(", ")[2] or None,
        "city": r.city,
        "province": r.province or None,
        "provinceCode": None,
        "zip": r.zip,
        "countryCodeV2": r.country,
        "phone": r.phone,
    }
