"""WeChat shop's trees: the order of /channels/ec/order/get, and the after-sale order.

Source: developers.weixin.qq.com/doc/store/shop, order and after-sale pages, as sampled in public SDKs. Money is integer
fen, times are epoch seconds, ids are text.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Parcel, Receiver, Refund
from adapters.sandbox.wire import digest, mask, mask_phone, token_text

STATUS = {"unpaid": 10, "deposit": 10, "held": 13, "paid": 20, "partly_shipped": 21, "shipped": 30, "completed": 100}
_REFUND_STATUS = {
    "asked": "MERCHANT_PROCESSING",
    "done": "MERCHANT_REFUND_SUCCESS",
    "refused": "MERCHANT_REJECT_REFUND",
    "closed": "USER_CANCELD",
}
_RETURN_STATUS = {
    "asked": "MERCHANT_PROCESSING",
    "agreed": "USER_WAIT_RETURN",
    "returned": "MERCHANT_WAIT_RECEIPT",
    "done": "MERCHANT_RETURN_SUCCESS",
    "refused": "MERCHANT_REJECT_RETURN",
    "closed": "USER_CANCELD",
}
_BROKEN = {"money": "order_detail.price_info.order_price", "id": "order_id", "time": "update_time"}
_THUMB = "https://mmecimage.cn/p/wx00000000000000aa/example"


def status(order: Order) -> int:
    if order.state == "cancelled":
        return 200 if order.cancel == "refunded" else 250
    return STATUS[order.state]


def refund_status(refund: Refund) -> str:
    return (_RETURN_STATUS if refund.kind == "return" else _REFUND_STATUS)[refund.status]


def openid(buyer: str) -> str:
    return "o" + token_text(27, "openid", buyer)


def order(order: Order, refunds: list[Refund]) -> dict[str, Any]:
    """The order as the detail call tells it; `refunds`: its after-sale cases."""
    open_ones = [r for r in refunds if r.status in ("asked", "agreed", "returned")]
    tree: dict[str, Any] = {
        "order_id": order.no,
        "status": status(order),
        "create_time": order.created,
        "update_time": order.modified,
        "openid": openid(order.buyer),
        "unionid": "o" + token_text(27, "unionid", order.buyer),
        "order_detail": {
            "product_infos": [_product(order, x) for x in order.lines],
            "pay_info": _pay_info(order),
            "price_info": _price_info(order),
            "delivery_info": {
                "address_info": _address(order.receiver, order.buyer),
                "delivery_product_info": [_delivery(order, p) for p in order.parcels],
                "ship_done_time": order.shipped_at,
                "deliver_method": 0,
            },
            "ext_info": {
                "customer_notes": order.remark,
                "merchant_notes": order.memo,
                "confirm_receipt_time": order.ended_at if order.state == "completed" else 0,
                "order_scene": 2,
            },
            "settle_info": {"predict_commission_fee": order.payable * 2 // 100, "commission_fee": 0},
        },
        "aftersale_detail": {
            "aftersale_order_list": [{"aftersale_order_id": r.no, "status": 13} for r in open_ones],
            "on_aftersale_order_cnt": len(open_ones),
        },
    }
    if order.shop_off:
        tree["order_detail"]["coupon_info"] = {"user_coupon_id": _coupon(order)}
    return tree


def transaction_id(no: str) -> str:
    """The payment of an order at WeChat Pay."""
    return f"42000020{digest('pay', no):020d}"


def _coupon(order: Order) -> str:
    return str(301_000_000_000 + digest("coupon", order.no) % 10**9)


def _product(order: Order, line: Line) -> dict[str, Any]:
    """One product line; `real_price` is for the whole line."""
    listing, merchant = line.listing, line.item_off + line.shop_off
    tree: dict[str, Any] = {
        "product_id": listing.product,
        "sku_id": listing.listing,
        "sku_cnt": line.qty,
        "on_aftersale_sku_cnt": line.qty if line.refund == "asked" else 0,
        "finish_aftersale_sku_cnt": line.qty if line.refund == "full" else 0,
        "title": listing.title,
        "thumb_img": _THUMB,
        "sale_price": line.unit,
        "market_price": line.unit,
        "real_price": line.paid,
        "estimate_price": line.goods - line.off,
        "is_discounted": merchant > 0,
        "is_change_price": line.adjust != 0,
        "sku_code": listing.code,
        "out_product_id": "",
        "out_sku_id": "",
        "sku_attrs": [{"attr_key": listing.variant[0], "attr_value": listing.variant[1]}],
        "use_deduction": line.platform_off > 0,
        "deduction_price": line.platform_off,
        "merchant_discounted_price": merchant,
        "finder_discounted_price": 0,
        "product_unique_id": line.no,
    }
    if merchant:
        coupon = {
            "user_coupon_id": _coupon(order),
            "coupon_type": 1,
            "discounted_price": merchant,
            "coupon_id": "90001",
        }
        tree["order_product_coupon_info_list"] = [coupon]
    if line.adjust:
        tree["change_price"] = line.paid
    if line.gift:
        tree["is_free_gift"] = 1
    return tree


def _pay_info(order: Order) -> dict[str, Any]:
    """Before payment only the prepayment is known."""
    at = order.created + 5
    info: dict[str, Any] = {"prepay_id": f"up_wx{digest('prepay', order.no):032d}"[:37], "prepay_time": at}
    if order.paid_at:
        info["pay_time"] = order.paid_at
        info["transaction_id"] = transaction_id(order.no)
        info["payment_method"] = 1
    return info


def _price_info(order: Order) -> dict[str, Any]:
    """order_price = original_order_price − discounted_price − deduction_price − change_down_price."""
    return {
        "product_price": order.goods,
        "order_price": order.payable,
        "freight": order.freight,
        "original_order_price": order.goods + order.freight,
        "discounted_price": order.shop_off,
        "is_discounted": order.shop_off > 0,
        "estimate_price": order.payable - order.adjust,
        "change_down_price": -order.adjust,
        "change_freight": 0,
        "is_change_freight": False,
        "use_deduction": order.platform_off > 0,
        "deduction_price": order.platform_off,
        "merchant_receieve_price": order.payable,
        "merchant_discounted_price": order.shop_off,
        "finder_discounted_price": 0,
    }


def _address(r: Receiver, buyer: str) -> dict[str, Any]:
    return {
        "user_name": mask(r.name, 1, 2),
        "postal_code": r.zip,
        "province_name": r.province,
        "city_name": r.city or "省直辖县级行政区划",
        "county_name": r.district,
        "detail_info": "*" * len(r.detail),
        "house_number": "",
        "tel_number": mask_phone(r.phone),
        "hash_code": f"{digest('place', buyer, r.key):016x}{digest('place2', buyer, r.key):016x}",
        "use_tel_number": 1,
        "virtual_order_tel_number": "",
    }


def _delivery(order: Order, parcel: Parcel) -> dict[str, Any]:
    carrier = carriers.of(parcel.carrier)
    lines = [(order.line(no), qty) for no, qty in parcel.lines]
    return {
        "waybill_id": parcel.waybill,
        "delivery_id": carrier.at("wechat_shop"),
        "delivery_time": parcel.at,
        "deliver_type": 1,
        "product_infos": [
            {"product_id": x.listing.product, "sku_id": x.listing.listing, "product_cnt": qty}
            for x, qty in lines
            if x is not None
        ],
    }


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        prices = tree["order_detail"]["price_info"]
        for name in ("product_price", "order_price", "freight", "discounted_price"):
            prices[name] = float(prices[name])
    return spoil(tree, broken, _BROKEN)


def refund(refund: Refund, order: Order) -> dict[str, Any]:
    """The after-sale order."""
    line = order.line(refund.line_no) or order.lines[0]
    back = bool(refund.waybill)
    return {
        "after_sale_order_id": refund.no,
        "status": refund_status(refund),
        "type": "RETURN" if refund.kind == "return" else "REFUND",
        "openid": openid(order.buyer),
        "order_id": order.no,
        "product_info": {
            "product_id": line.listing.product,
            "sku_id": line.listing.listing,
            "count": refund.qty,
            "gift_product_list": [],
        },
        "refund_info": {"amount": refund.amount, "refund_reason": 3 if refund.by == "seller" else 4},
        "return_info": {
            "waybill_id": refund.waybill,
            "delivery_id": refund.carrier,
            "delivery_name": "圆通速递" if back else "",
        },
        "details": {"desc": "", "receive_product": refund.kind == "return", "media_id_list": []},
        "reason": "10000002",
        "reason_text": refund.reason,
        "create_time": refund.created,
        "update_time": refund.modified,
        "complete_time": refund.done_at,
        "deadline": 0,
        "refund_resp": {"code": "", "ret": 0, "message": ""},
    }
