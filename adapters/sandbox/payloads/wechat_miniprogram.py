"""The trees of a mini program: the payment as WeChat tells it, and the order as the mall does.

Source: wxa/sec/order/get_order_list as sampled in public SDKs; amounts are integer fen, times epoch seconds, what was not
shipped has an empty `shipping`. The mall's tree is that of docs/platforms/wechat_miniprogram.md.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order
from adapters.sandbox.wire import digest, mask_phone, token_text

_STATE = {"paid": 1, "partly_shipped": 2, "shipped": 2, "completed": 3, "cancelled": 5}
_BROKEN = {"money": "paid_amount", "id": "merchant_trade_no", "time": "pay_time"}


def state(order: Order) -> int:
    return _STATE[order.state]


def transaction_id(order: Order) -> str:
    return f"42000020{digest('mini pay', order.no) % 10**20:020d}"


def openid(buyer: str) -> str:
    return "o" + token_text(27, "mini openid", buyer)


def description(order: Order) -> str:
    return "；".join(f"{x.listing.title}*{x.qty}" for x in order.lines)[:120]


def payment(order: Order, merchant: str) -> dict[str, Any]:
    """One payment."""
    return {
        "transaction_id": transaction_id(order),
        "merchant_trade_no": order.no,
        "merchant_id": merchant,
        "sub_merchant_id": "",
        "description": description(order),
        "paid_amount": order.payable,
        "openid": openid(order.buyer),
        "trade_create_time": order.created,
        "pay_time": order.paid_at,
        "order_state": state(order),
        "in_complaint": False,
        "shipping": _shipping(order) if order.parcels else {},
    }


def _shipping(order: Order) -> dict[str, Any]:
    return {
        "delivery_mode": 1 if len(order.parcels) == 1 else 2,
        "logistics_type": 1,
        "finish_shipping": True,
        "finish_shipping_count": 1,
        "goods_desc": description(order),
        "shipping_list": [
            {
                "tracking_no": p.waybill,
                "express_company": carriers.of(p.carrier).at("wechat_miniprogram"),
                "goods_desc": description(order),
                "upload_time": p.at,
                "contact": {"receiver_contact": mask_phone(order.receiver.phone)} if p.carrier == "SF" else {},
            }
            for p in order.parcels
        ],
    }


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        tree["paid_amount"] = float(tree["paid_amount"])
    return spoil(tree, broken, _BROKEN)


# ------------------------------------------------------------------ the mall


def mall(order: Order) -> dict[str, Any]:
    """One order as the mall tells it; a discount of nothing is left out."""
    r = order.receiver
    off = {
        "item": sum(x.item_off for x in order.lines),
        "coupon": sum(x.shop_off for x in order.lines),
        "points": order.platform_off,
        "price_change": -order.adjust,
    }
    return {
        "number": order.no,
        "modified": order.modified,
        "ship_by": order.ship_by,
        "payable": order.payable,
        "freight": order.freight,
        "discounts": [{"kind": kind, "amount": amount} for kind, amount in off.items() if amount],
        "remark": order.remark,
        "note": order.memo,
        "receiver": {
            "name": r.name,
            "phone": r.phone,
            "province": r.province,
            "city": r.city,
            "district": r.district,
            "town": r.town,
            "address": r.detail,
            "zip": r.zip,
        },
        "lines": [_line(x) for x in order.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    listing = line.listing
    return {
        "line": line.no,
        "listing": listing.listing,
        "product": listing.product,
        "code": listing.code,
        "title": listing.title,
        "variant": ":".join(listing.variant),
        "qty": line.qty,
        "unit": line.unit,
        "paid": line.paid,
        "gift": line.gift,
    }
