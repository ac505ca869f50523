"""Shopee's trees: the order of get_order_detail and the return of get_return_list.

Source: the platform's v2 specifications and recorded answers as published with public SDKs. Amounts are JSON numbers in
the shop's currency, whole where it has no decimals; times are epoch seconds, 0 for what did not happen. An order names
no voucher and no waybill. A model price is for one piece: what cannot be told by the piece is in total_amount alone.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.homes import Home
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Receiver, Refund
from adapters.sandbox.wire import digest

_STATUS = {
    "unpaid": "UNPAID",
    "held": "PENDING",
    "paid": "READY_TO_SHIP",
    "partly_shipped": "READY_TO_SHIP",
    "shipped": "SHIPPED",
    "completed": "COMPLETED",
    "cancelled": "CANCELLED",
}
_RETURN_STATUS = {
    "asked": "REQUESTED",
    "agreed": "ACCEPTED",
    "returned": "ACCEPTED",
    "done": "REFUND_PAID",
    "refused": "CLOSED",
    "closed": "CANCELLED",
}
_BROKEN = {"money": "total_amount", "id": "order_sn", "time": "update_time"}


def status(order: Order) -> str:
    if order.cancelling:
        return "IN_CANCEL"
    if any(x.refund == "asked" for x in order.lines) and order.state in ("shipped", "completed"):
        return "TO_RETURN"
    if order.state == "cancelled" and any(x.shipped_qty for x in order.lines):
        # everything came back: the returns tell that, the order is over
        return "COMPLETED"
    return _STATUS[order.state]


def number(amount: int, home: Home) -> int | float:
    """An amount as the platform writes it: a JSON number with at most the currency's decimals."""
    return amount if not home.digits else float(home.text(amount))


def user_id(buyer: str) -> int:
    return 258_000_000 + digest("shopee buyer", buyer) % 10**6


def order(order: Order, refunds: dict[str, Refund], home: Home) -> dict[str, Any]:
    """The order; `refunds`: by number, of its lines."""
    cancelled = status(order) == "CANCELLED"
    return {
        "order_sn": order.no,
        "region": home.country,
        "currency": order.currency,
        "cod": order.cod,
        "total_amount": number(order.payable, home),
        "order_status": status(order),
        "shipping_carrier": "Standard Delivery",
        "payment_method": "Cash on Delivery" if order.cod else "Credit Card/Debit Card",
        "estimated_shipping_fee": number(order.freight, home),
        "message_to_seller": order.remark,
        "create_time": order.created,
        "update_time": order.modified,
        "pay_time": order.paid_at,
        "days_to_ship": 2,
        "ship_by_date": order.ship_by,
        "buyer_user_id": user_id(order.buyer),
        "buyer_username": f"buyer_{user_id(order.buyer)}",
        "recipient_address": _address(order.receiver),
        "actual_shipping_fee": 0,
        "actual_shipping_fee_confirmed": False,
        "goods_to_declare": False,
        "note": order.memo,
        "note_update_time": order.modified if order.memo else 0,
        "dropshipper": None,
        "dropshipper_phone": None,
        "split_up": False,
        "buyer_cancel_reason": "CHANGE_OF_MIND" if order.cancelling else "",
        "cancel_by": ("buyer" if order.cancel in ("buyer", "refunded") else "system") if cancelled else "",
        "cancel_reason": order.cancel if cancelled else "",
        "buyer_cpf_id": None,
        "fulfillment_flag": "fulfilled_by_local_seller",
        "pickup_done_time": order.shipped_at,
        "item_list": [_item(order, x, refunds.get(x.refund_no), home) for x in order.lines],
        "package_list": [_package(order)] if order.paid_at or order.cod else [],
        "invoice_data": None,
        "checkout_shipping_carrier": "Standard Delivery",
        "reverse_shipping_fee": 0.0,
    }


def _address(r: Receiver) -> dict[str, Any]:
    """Masked, as in most countries."""
    stars = "*" * 6
    return {
        "name": f"{r.name[:1]}****{r.name[-1:]}",
        "phone": f"{stars}{r.phone[-2:]}",
        "town": r.town,
        "district": r.district,
        "city": r.city,
        "state": r.province,
        "region": r.country,
        "zipcode": r.zip,
        "full_address": ", ".join(p for p in (stars, r.town, r.district, r.city, r.province) if p),
    }


def model_of(line: Line) -> int:
    """Items without variants have model 0."""
    return int(line.listing.listing) if line.listing.has_variants else 0


def _item(order: Order, line: Line, refund: Refund | None, home: Home) -> dict[str, Any]:
    listing, kind = line.listing, refund.kind if refund is not None else ""
    returned = line.qty if line.refund == "full" and kind != "before_shipping" else 0
    cancelled = line.qty if line.refund == "full" and kind == "before_shipping" else 0
    return {
        "item_id": int(listing.product),
        "item_name": listing.title,
        "item_sku": listing.code if not listing.has_variants else "",
        "model_id": model_of(line),
        "model_name": listing.variant[1] if listing.has_variants else "",
        "model_sku": listing.code if listing.has_variants else "",
        "model_quantity_purchased": line.qty,
        "model_original_price": number(line.unit, home),
        "model_discounted_price": number(line.unit - line.item_off // line.qty, home),
        "wholesale": False,
        "weight": 0.2,
        "add_on_deal": line.gift,
        "main_item": False,
        "add_on_deal_id": 0,
        "promotion_type": "add_on_free_gift_sub" if line.gift else "product_promotion" if line.item_off else "",
        "promotion_id": 0,
        "order_item_id": int(line.no),
        "promotion_group_id": 0,
        "image_info": {"image_url": "https://cf.example.com/file/x"},
        "product_location_id": [f"{home.country}Z"],
        "is_prescription_item": False,
        "is_b2c_owned_item": False,
        "active_qty": line.qty - returned - cancelled,
        "cancel_requested_qty": line.qty if order.cancelling else 0,
        "cancelled_qty": cancelled,
        "return_requested_qty": line.qty if line.refund == "asked" else 0,
        "returned_qty": returned,
    }


def _package(order: Order) -> dict[str, Any]:
    gone = "LOGISTICS_DELIVERY_DONE" if order.state == "completed" else "LOGISTICS_PICKUP_DONE"
    return {
        "package_number": f"OFG{digest('package', order.no) % 10**15:015d}",
        "logistics_status": gone if order.parcels else "LOGISTICS_READY",
        "logistics_channel_id": 50021,
        "shipping_carrier": carriers.of(order.parcels[0].carrier).name if order.parcels else "Standard Delivery",
        "item_list": [
            {"item_id": int(x.listing.product), "model_id": model_of(x), "model_quantity": x.qty} for x in order.lines
        ],
        "parcel_chargeable_weight_gram": 400,
    }


def spoilt(tree: dict[str, Any], broken: str) -> dict[str, Any]:
    """The tree with the order's faults; that its amounts are JSON numbers is none."""
    return spoil(tree, broken, _BROKEN)


def refund(refund: Refund, order: Order, home: Home) -> dict[str, Any]:
    """One element of the return list."""
    line = order.line(refund.line_no) or order.lines[0]
    return {
        "return_sn": refund.no,
        "order_sn": order.no,
        "refund_amount": number(refund.amount, home),
        "currency": order.currency,
        "reason": "CHANGE_MIND" if refund.kind == "return" else "ITEM_MISSING",
        "text_reason": refund.reason,
        "status": _RETURN_STATUS[refund.status],
        "return_solution": 0 if refund.kind == "return" else 1,
        "item": [
            {
                "item_id": int(line.listing.product),
                "model_id": model_of(line),
                "name": line.listing.title,
                "amount": refund.qty,
                "item_price": number(line.unit, home),
                "variation_sku": line.listing.code,
                "item_sku": "",
            }
        ],
        "create_time": refund.created,
        "update_time": refund.modified,
        "needs_logistics": refund.kind == "return",
        "tracking_number": refund.waybill,
        "due_date": refund.created + 3 * 86400,
    }
