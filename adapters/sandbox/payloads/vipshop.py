"""Vipshop's trees: the order of SovDeliveryService, its products, the application to cancel, the after-sale case.

Source: field names and types of the readers of the official SDKs, and their comments. Nearly everything of an order is text;
amounts are yuan with two decimals, those of a case JSON numbers; receivers are codes.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Refund
from adapters.sandbox.wire import beijing, token_text, yuan

_BROKEN = {"money": "payable_fee", "id": "order_id", "time": "last_update_time"}
_MONEY = ("total_fee", "post_fee", "discount_fee", "ex_discount_fee", "payable_fee")
#: an order gets to the shop so long after it was paid
_ARRIVES_S = 20
AUDIT_STATUS = {"asked": 1, "done": 2, "refused": 3, "closed": 4}
CASE_STATUS = {"asked": "0", "agreed": "1", "returned": "1", "refused": "2", "done": "9", "closed": "10"}


def status(order: Order) -> str:
    """The code of an order; one that was paid back after it had left is a returned one."""
    if order.state == "cancelled":
        return "49" if any(x.shipped_qty for x in order.lines) else "97"
    return {"unpaid": "0", "shipped": "22", "completed": "60"}.get(order.state, "10")


def order(order: Order) -> dict[str, Any]:
    """The order without its products."""
    r, mark = order.receiver, (order.no, order.address_no)
    promotion = sum(x.platform_off for x in order.lines)
    return {
        "order_id": order.no,
        "status": status(order),
        "sales_channel": "VIP",
        "transport_day": "送货时间不限",
        "receiver_name": f"enc:{token_text(10, 'name', *mark)}",
        "receiver_address": f"enc:{token_text(20, 'address', *mark)}",
        "receiver_mobile": f"enc:{token_text(10, 'mobile', *mark)}",
        "receiver_phone": "",
        "receiver_zip": "",
        "receiver_district": r.district,
        "receiver_city": r.city,
        "receiver_state": r.province,
        "country_id": "1",
        "remark": order.remark,
        "invoice_title": "",
        "tax_pay_no": "",
        "invoice_amount": yuan(order.payable),
        "total_fee": yuan(order.goods),
        "post_fee": yuan(order.freight),
        "discount_fee": yuan(sum(x.off for x in order.lines) - promotion),
        "ex_discount_fee": yuan(promotion),
        "created": beijing(order.created),
        "store_add_time": beijing(order.paid_at + _ARRIVES_S) if order.paid_at else "",
        "old_order_id": "",
        "warehouse": "VIP_NH",
        "is_export": "0",
        "open_user_id": f"vipuser{token_text(10, 'vip user', order.buyer)}",
        "vipmoney": "0.00",
        "pay_type": "1",
        "invoice_deduct_money": "0.00",
        "payable_fee": yuan(order.payable),
        "invoice_type": "0",
        "vendor_memo": order.memo,
        "sales_warehouse": "VIP_NH",
        "shipping_method": 1,
        "last_update_time": beijing(order.modified),
    }


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        tree.update({name: float(tree[name]) for name in _MONEY})
    return spoil(tree, broken, _BROKEN)


def products(order: Order) -> dict[str, Any]:
    """What getOrderDetail tells of an order."""
    return {"order_id": order.no, "order_products": [_product(x) for x in order.lines]}


def _product(line: Line) -> dict[str, Any]:
    """What is taken off stands per piece beside the line's money, whole cents only."""
    listing, act, coupon = line.listing, line.item_off + line.shop_off, line.platform_off
    name, value = listing.variant
    return {
        "sku_id": listing.listing,
        "spu_id": listing.product,
        "outer_spu_id": listing.code.rpartition("-")[0],
        "outer_sku_id": listing.code,
        "num": str(line.qty),
        "title": listing.title,
        "size": value if name == "尺码" else "均码",
        "price": yuan(line.unit),
        "customization": "",
        "color": value if name == "颜色" else "",
        "goods_line_money": yuan(line.paid),
        "act_subtotal": yuan(act // line.qty),
        "coupon_subtotal": yuan(coupon // line.qty),
        "pay_subtotal": "0.00",
        "all_subtotal": yuan((act + coupon) // line.qty),
    }


def application(refund: Refund, order: Order) -> dict[str, Any]:
    """An application to cancel before shipping: no time, no amount."""
    return {
        "order_id": order.no,
        "apply_sn": refund.no,
        "reason_choice_remark": refund.reason,
        "audit_status": AUDIT_STATUS[refund.status],
        "order_status": status(order),
        "is_system": 0,
    }


def case(refund: Refund, order: Order) -> dict[str, Any]:
    """A case as getAscs lists it."""
    brief = {
        "order_id": order.no,
        "asc_sn": refund.no,
        "asc_type": 1,
        "asc_time": beijing(refund.created),
        "asc_status": CASE_STATUS[refund.status],
        "refund_status": "2" if refund.status == "done" else "1",
        "user_remark": refund.reason,
        "image_urls": [],
        "open_id": "",
    }
    return {"asc_brief": brief, "problem_order_sns": []}


def case_info(refund: Refund, order: Order) -> dict[str, Any]:
    """What getAscInfo tells of it."""
    line = order.line(refund.line_no)
    lines = [line] if line is not None else order.lines
    carrier = carriers.of(refund.carrier) if refund.carrier else None
    total = refund.amount / 100
    return {
        "transport_info": {
            "transport_no": refund.waybill,
            "carrier": carrier.name if carrier else "",
            "carriers_code": carrier.at("vipshop") if carrier else "",
            "delivery_time": "",
        },
        "refund_info": {
            "return_goods_money": total,
            "return_goods_fav": 0.0,
            "send_carriage": 0.0,
            "back_carriage": 0.0,
            "return_vipmoney": 0.0,
            "return_redpacket": 0.0,
            "return_amount": total,
            "return_type": "唯品支付",
            "refund_total": total,
        },
        "asc_products": [
            {
                "asc_product_id": f"{refund.no}{n:02d}",
                "sku_id": x.listing.listing,
                "good_name": x.listing.title,
                "quantity": x.qty,
                "price": x.unit / 100,
                "return_reason": refund.reason,
                "asc_product_status": CASE_STATUS[refund.status],
            }
            for n, x in enumerate(lines, 1)
        ],
    }
