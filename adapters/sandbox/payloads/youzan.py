"""Youzan's trees: the trade of the list and the detail, a row of the case list, the case's detail.

Source: doc.youzanyun.com (orders, after-sales), the official generated models and a captured answer in public clients.
Amounts are yuan as text with two decimals, times are Beijing's as text with "" for what did not happen; null, "null"
and "" all stand for nothing, as in the captured answer.
"""

from __future__ import annotations

import json
from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Parcel, Refund
from adapters.sandbox.wire import beijing, digest, token_text, yuan

STATUS = {
    "unpaid": "WAIT_BUYER_PAY",
    "deposit": "WAIT_BUYER_PAY",
    "held": "WAIT_CONFIRM",
    "paid": "WAIT_SELLER_SEND_GOODS",
    "partly_shipped": "WAIT_SELLER_SEND_GOODS",
    "shipped": "WAIT_BUYER_CONFIRM_GOODS",
    "completed": "TRADE_SUCCESS",
    "cancelled": "TRADE_CLOSED",
}
_WORDS = {
    "WAIT_BUYER_PAY": "待付款",
    "WAIT_CONFIRM": "待确认",
    "WAIT_SELLER_SEND_GOODS": "待发货",
    "WAIT_BUYER_CONFIRM_GOODS": "已发货",
    "TRADE_SUCCESS": "交易完成",
    "TRADE_CLOSED": "交易关闭",
}
CASE_STATUS = {
    "asked": "WAIT_SELLER_AGREE",
    "agreed": "WAIT_BUYER_RETURN_GOODS",
    "returned": "WAIT_SELLER_CONFIRM_GOODS",
    "done": "SUCCESS",
    "refused": "SELLER_REFUSE_BUYER",
    "closed": "CLOSED",
}
_REFUND_STATE = {"asked": 1, "agreed": 20, "returned": 30, "done": 60, "refused": 50, "closed": 50}
_CLOSE = {"timeout": 1, "buyer": 4, "refunded": 2}
_REASON = {"before_shipping": 12, "refund_only": 53, "return": 104}
_BROKEN = {
    "money": "full_order_info.pay_info.payment",
    "id": "full_order_info.order_info.tid",
    "time": "full_order_info.order_info.update_time",
}
_FLOATS = ("total_fee", "post_fee", "payment")


def status(order: Order) -> str:
    return STATUS[order.state]


def open_id(buyer: str) -> str:
    return "yz" + token_text(20, "open", buyer)


def _time(at: int) -> str:
    return beijing(at) if at else ""


def trade(order: Order, refunds: list[Refund]) -> dict[str, Any]:
    """One element of full_order_info_list, and what youzan.trade.get says."""
    return {
        "full_order_info": {
            "child_info": None,
            "address_info": _address(order),
            "remark_info": {
                "buyer_message": order.remark,
                "star": order.flag or None,
                "trade_memo": order.memo or None,
            },
            "pay_info": {
                "outer_transactions": [f"42000020{digest('pay', order.no):020d}"] if order.paid_at else [],
                "post_fee": yuan(order.freight),
                "phase_payments": [],
                "total_fee": yuan(order.goods),
                "payment": yuan(order.payable),
                "transaction": [f"260310{digest('trade', order.no) % 10**12:012d}"] if order.paid_at else [],
                "deduction_pay": 0,
                "deduction_real_pay": 0,
            },
            "buyer_info": {
                "outer_user_id": "o" + token_text(24, "outer", order.buyer),
                "buyer_phone": _cipher("bp", order),
                "fans_type": 9,
                "buyer_id": 1_266_260_000 + digest("buyer", order.buyer) % 10_000,
                "fans_id": 814_710_000 + digest("fans", order.buyer) % 10_000,
                "fans_nickname": _cipher("fn", order),
                "yz_open_id": open_id(order.buyer),
            },
            "orders": [_line(x) for x in order.lines],
            "source_info": {
                "is_offline_order": False,
                "book_key": "00000000-0000-0000-0000-000000000000",
                "biz_source": "null",
                "source": {"platform": "wx", "wx_entrance": "direct_buy"},
                "order_mark": None,
            },
            "order_info": _info(order, refunds),
        },
        "order_promotion": _promotion(order),
        "refund_order": [_refund_order(order, r) for r in refunds],
        "delivery_order": [_delivery(order, p) for p in order.parcels],
        "qr_info": None,
    }


def _cipher(mark: str, order: Order) -> str:
    """The same text for the same receiver: the platform does not say so, nobody may rely on it."""
    return f"${token_text(16, mark, order.receiver.key, order.receiver.phone)}==$1$"


def _address(order: Order) -> dict[str, Any]:
    r = order.receiver
    return {
        "self_fetch_info": "",
        "delivery_address": _cipher("ra", order),
        "delivery_start_time": None,
        "delivery_end_time": None,
        "delivery_postal_code": "",
        "receiver_name": _cipher("rn", order),
        "delivery_province": r.province,
        "delivery_city": r.city or "省直辖县级行政区划",
        "delivery_district": r.district,
        "address_extra": json.dumps({"areaCode": str(digest("place", r.district))[:6]}, separators=(",", ":")),
        "receiver_tel": _cipher("rt", order),
    }


def _line(line: Line) -> dict[str, Any]:
    listing = line.listing
    spec = [{"k": listing.variant[0], "k_id": 1, "v": listing.variant[1], "v_id": 11}] if listing.has_variants else []
    return {
        "is_cross_border": "null",
        "outer_item_id": listing.code,
        "discount_price": yuan(line.unit - line.item_off // line.qty),
        "item_type": 0,
        "num": line.qty,
        "oid": line.no,
        "title": listing.title,
        "fenxiao_payment": "0.00",
        "buyer_messages": "",
        "is_present": line.gift,
        "cross_border_trade_mode": "null",
        "price": yuan(line.unit),
        "sub_order_no": "null",
        "biz_item_attribute": "{}",
        "fenxiao_price": "0.00",
        "total_fee": yuan(line.goods - line.item_off),
        "alias": "3f000000000aa",
        "payment": yuan(line.paid),
        "is_pre_sale": "null",
        "outer_sku_id": listing.code if listing.has_variants else "",
        "sku_unique_code": "",
        "goods_url": "https://h5.youzan.com/v2/showcase/goods?alias=3f000000000aa",
        "customs_code": "null",
        "item_id": int(listing.product),
        "sku_id": int(listing.listing) if listing.has_variants else 0,
        "sku_properties_name": json.dumps(spec, ensure_ascii=False, separators=(",", ":")),
        "pic_path": "https://img.yzcdn.cn/upload_files/example.jpg",
        "pre_sale_type": "null",
        "points_price": "0",
        "seller_nick": None,
    }


def _info(order: Order, refunds: list[Refund]) -> dict[str, Any]:
    word = status(order)
    extra = (
        "buyer_name",
        "invoice_title",
        "cash",
        "settle_time",
        "parent_order_no",
        "purchase_order_no",
        "fx_order_no",
    )
    return {
        "consign_time": _time(order.shipped_at),
        "order_extra": {
            "is_from_cart": "true",
            "is_member": "true",
            "is_points_order": "0",
            **dict.fromkeys(extra),
        },
        "created": beijing(order.created),
        "offline_id": 0,
        "status_str": _WORDS[word],
        "expired_time": beijing(order.created + 3600),
        "success_time": _time(order.ended_at) if order.state == "completed" else "",
        "is_multi_store": False,
        "type": 0,
        "tid": order.no,
        "confirm_time": "",
        "pay_time": _time(order.paid_at),
        "update_time": beijing(order.modified),
        "pay_type_str": "WEIXIN_DAIXIAO",
        "is_retail_order": False,
        "activity_type": 1,
        "pay_type": 10,
        "team_type": 1 if order.hold == "group_unfinished" else 0,
        "refund_state": _refund_state(order),
        "close_type": _CLOSE.get(order.cancel, 3) if order.state == "cancelled" else 0,
        "status": word,
        "express_type": 0,
        "order_tags": {
            "is_virtual": None,
            "is_member": True,
            "is_secured_transactions": True,
            "is_payed": bool(order.paid_at),
            "is_refund": True if refunds else None,
        },
    }


def _refund_state(order: Order) -> int:
    """1, 11 open for a part or all; 2, 12 paid back in part or in all."""
    states = [x.refund for x in order.lines if not x.gift]
    if "asked" in states:
        return 11 if all(s == "asked" for s in states) else 1
    if "full" in states:
        return 12 if all(s == "full" for s in states) else 2
    return 0


def _promotion(order: Order) -> dict[str, Any]:
    """Discounts of items and of the order; what other platforms pay for is the merchant's here."""
    item = sum(x.item_off for x in order.lines)
    whole = sum(x.shop_off + x.platform_off for x in order.lines)
    told = {
        "promotion_type": "meetReduce",
        "sub_promotion_type": "",
        "coupon_id": "",
        "promotion_title": "满减",
        "promotion_condition": "",
        "promotion_type_name": "满减送",
        "promotion_content": "",
        "promotion_id": 4_295_450_001,
        "promotion_type_id": 101,
        "discount_fee": yuan(whole),
    }
    return {
        "item": None,
        "order_discount_fee": yuan(whole) if whole else None,
        "adjust_fee": yuan(order.adjust),
        "item_discount_fee": yuan(item) if item else None,
        "order": [told] if whole else None,
    }


def _refund_order(order: Order, refund: Refund) -> dict[str, Any]:
    oids = [refund.line_no] if refund.line_no else [x.no for x in order.lines]
    return {
        "refund_type": 1,
        "refund_fee": yuan(refund.amount),
        "refund_id": refund.no,
        "refund_state": _REFUND_STATE[refund.status],
        "oids": [{"oid": oid} for oid in oids],
    }


def _delivery(order: Order, parcel: Parcel) -> dict[str, Any]:
    return {
        "pk_id": 1_507_387_369_604_500_000 + digest("pack", order.no, parcel.waybill) % 10**8,
        "express_state": 1,
        "oids": [{"oid": no} for no, _ in parcel.lines],
        "express_type": 0,
        "dists": [
            {
                "dist_id": f"{''.join(c for c in beijing(parcel.at) if c.isdigit())}{digest(parcel.waybill) % 10**10:010d}",
                "create_time": beijing(parcel.at),
                "express_info": {
                    "express_id": int(carriers.of(parcel.carrier).at("youzan")),
                    "express_no": parcel.waybill,
                },
            }
        ],
    }


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The trade with the order's faults."""
    if floats:
        pay = tree["full_order_info"]["pay_info"]
        for name in _FLOATS:
            pay[name] = float(pay[name])
    return spoil(tree, broken, _BROKEN)


def case_row(refund: Refund, order: Order) -> dict[str, Any]:
    """One row of youzan.trade.refund.search."""
    return {
        "refund_id": refund.no,
        "status": CASE_STATUS[refund.status],
        "tid": order.no,
        "return_goods": refund.kind == "return",
        "reason": _REASON[refund.kind],
        "refund_fee": yuan(refund.amount),
        "created": beijing(refund.created),
        "modified": beijing(refund.modified),
    }


def version(refund: Refund) -> int:
    """The lock that answers carry: it moves with the case."""
    return refund.modified * 1000


def case(refund: Refund, order: Order) -> dict[str, Any]:
    """What youzan.trade.refund.get says."""
    line = order.line(refund.line_no) or order.lines[0]
    back = {
        "logistics_no": refund.waybill,
        "company_code": "2",
        "receiver": "",
        "mobile": "",
        "telephone": "",
        "address": "",
    }
    return {
        **case_row(refund, order),
        "oid": line.no,
        "item_id": int(line.listing.product),
        "cs_status": 1,
        "desc": refund.reason,
        "version": version(refund),
        "refund_type": "BUYER_APPLY_REFUND",
        "logistics": back if refund.waybill else None,
    }
