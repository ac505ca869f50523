"""Douyin's trees: the shop order with its sku orders, and the after-sale case.

Source: op.jinritemai.com pages of /order/searchList, /order/orderDetail, /afterSale/List as generated into public SDKs.
Money is integer fen, times are epoch seconds with 0 for what did not happen, order ids are text, sku and product ids
are numbers of 64 bits.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Parcel, Refund
from adapters.sandbox.wire import digest, mask, token_text

STATUS = {
    "unpaid": 1,
    "deposit": 1,
    "held": 105,
    "paid": 2,
    "partly_shipped": 101,
    "shipped": 3,
    "completed": 5,
    "cancelled": 4,
}
AFTERSALE_STATUS = {"asked": 6, "agreed": 7, "returned": 11, "done": 12, "refused": 27, "closed": 51}
AFTERSALE_TYPE = {"return": 0, "refund_only": 1, "before_shipping": 2}
REFUND_STATUS = {"asked": 1, "agreed": 1, "returned": 1, "done": 3, "refused": 0, "closed": 0}
_BROKEN = {"money": "pay_amount", "id": "order_id", "time": "update_time"}
_SHOP_NAME = "示例官方旗舰店"


def main_status(order: Order) -> int:
    if order.state == "deposit":
        return 103
    if order.state == "cancelled" and order.cancel == "refunded":
        return 22 if any(x.shipped_qty for x in order.lines) else 21
    return STATUS[order.state]


def order(order: Order, refunds: dict[str, Refund], shop_id: int) -> dict[str, Any]:
    """The shop order; `refunds`: by number, of its lines."""
    r, mark = order.receiver, (order.no, order.address_no)
    promotion = order.shop_off + order.platform_off + order.talent_off
    return {
        "order_id": order.no,
        "shop_id": shop_id,
        "shop_name": _SHOP_NAME,
        "order_level": 2,
        "order_type": 0,
        "trade_type": 1 if order.presale else 0,
        "biz": 2,
        "order_status": STATUS[order.state],
        "main_status": main_status(order),
        "create_time": order.created,
        "pay_time": order.paid_at,
        "update_time": order.modified,
        "ship_time": order.shipped_at,
        "finish_time": order.ended_at,
        "exp_ship_time": order.ship_by,
        "order_expire_time": 1800,
        "pay_type": 0 if order.cod else 2,
        "channel_payment_no": "",
        "order_amount": order.goods + order.freight + order.adjust,
        "pay_amount": order.payable,
        "post_amount": order.freight,
        "post_origin_amount": order.freight,
        "post_promotion_amount": 0,
        "promotion_amount": promotion,
        "promotion_shop_amount": order.shop_off,
        "promotion_platform_amount": order.platform_off,
        "promotion_talent_amount": order.talent_off,
        "promotion_pay_amount": order.channel_off,
        "modify_amount": order.adjust,
        "modify_post_amount": 0,
        "tax_amount": 0,
        "post_insurance_amount": 0,
        "buyer_words": order.remark,
        "seller_words": order.memo,
        "seller_remark_stars": order.flag,
        "doudian_open_id": "1@#" + token_text(24, "doudian", order.buyer),
        "open_address_id": "#" + token_text(20, "place", order.buyer, r.key),
        "encrypt_post_tel": f"$${token_text(24, 'tel', *mark)}*CgYIASAHKAE=$1$$",
        "encrypt_post_receiver": f"##{token_text(24, 'name', *mark)}*CgYIASAHKAE=#1##",
        "mask_post_receiver": mask(r.name, 1, 1),
        "mask_post_tel": f"{r.phone[0]}********{r.phone[-2:]}",
        "post_addr": {
            "province": _place(r.province, 2),
            "city": _place(r.city or "省直辖县级行政区划", 6),
            "town": _place(r.district, 6),
            "street": _place(r.town, 9),
            "encrypt_detail": f"##{token_text(40, 'detail', *mark)}*CgYIASAHKAE=#1##",
        },
        "logistics_info": [_parcel(order, p) for p in order.parcels],
        "sku_order_list": [_line(order, x, refunds) for x in order.lines],
    }


def _place(name: str, digits: int) -> dict[str, str]:
    return {"name": name, "id": str(digest("place", name))[:digits]}


def _line(order: Order, line: Line, refunds: dict[str, Refund]) -> dict[str, Any]:
    listing, refund = line.listing, refunds.get(line.refund_no)
    status = 4 if line.closed else 3 if line.shipped_qty and not line.left else STATUS[order.state]
    tree: dict[str, Any] = {
        "order_id": line.no,
        "parent_order_id": order.no,
        "order_level": 3,
        "order_type": 0,
        "order_status": STATUS[order.state] if order.state in ("completed", "cancelled") else status,
        "product_id": int(listing.product),
        "product_id_str": listing.product,
        "sku_id": int(listing.listing),
        "code": listing.code,
        "out_sku_id": "",
        "out_product_id": "0",
        "product_name": listing.title,
        "spec": [{"name": listing.variant[0], "value": listing.variant[1]}],
        "item_num": line.qty,
        "origin_amount": line.unit,
        "sum_amount": line.goods,
        "order_amount": line.goods + line.freight + line.adjust,
        "pay_amount": line.paid + line.freight,
        "post_amount": line.freight,
        "promotion_amount": line.off,
        "promotion_shop_amount": line.item_off + line.shop_off,
        "promotion_platform_amount": line.platform_off,
        "promotion_talent_amount": line.talent_off,
        "promotion_pay_amount": 0,
        "shop_cost_amount": line.item_off + line.shop_off,
        "platform_cost_amount": line.platform_off + line.talent_off,
        "given_product_type": "FREE" if line.gift else "",
        "goods_type": 0,
        "create_time": order.created,
        "pay_time": order.paid_at,
        "update_time": order.modified,
        "after_sale_info": {
            "after_sale_status": AFTERSALE_STATUS[refund.status] if refund else 0,
            "after_sale_type": AFTERSALE_TYPE[refund.kind] if refund else 0,
            "refund_status": REFUND_STATUS[refund.status] if refund else 0,
        },
    }
    return tree


def _parcel(order: Order, parcel: Parcel) -> dict[str, Any]:
    carrier = carriers.of(parcel.carrier)
    lines = [(order.line(no), qty) for no, qty in parcel.lines]
    return {
        "tracking_no": parcel.waybill,
        "company": carrier.at("douyin"),
        "company_name": carrier.name,
        "ship_time": parcel.at,
        "delivery_id": str(7_000_000_000_000_000_000 + digest("delivery", order.no, parcel.waybill) % 10**15),
        "product_info": [
            {"sku_order_id": x.no, "product_count": qty, "sku_id": int(x.listing.listing)}
            for x, qty in lines
            if x is not None
        ],
    }


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        for name in ("order_amount", "pay_amount", "post_amount", "promotion_amount"):
            tree[name] = float(tree[name])
    return spoil(tree, broken, _BROKEN)


def refund(refund: Refund, order: Order) -> dict[str, Any]:
    """One item of /afterSale/List."""
    line = order.line(refund.line_no) or order.lines[0]
    freight = refund.amount - line.paid if refund.amount > line.paid else 0
    return {
        "aftersale_info": {
            "aftersale_id": refund.no,
            "aftersale_type": AFTERSALE_TYPE[refund.kind],
            "aftersale_status": AFTERSALE_STATUS[refund.status],
            "aftersale_order_type": 1,
            "related_id": line.no,
            "apply_time": refund.created,
            "update_time": refund.modified,
            "refund_amount": refund.amount,
            "refund_post_amount": freight,
            "refund_status": REFUND_STATUS[refund.status],
            "got_pkg": 1 if refund.kind == "return" else 0,
            "return_logistics_code": refund.waybill,
            "return_logistics_company_name": "圆通速递" if refund.waybill else "",
            "reason": refund.reason,
        },
        "order_info": {
            "shop_order_id": order.no,
            "related_order_info": [
                {
                    "sku_order_id": line.no,
                    "order_status": STATUS[order.state],
                    "pay_amount": line.paid + line.freight,
                    "item_num": line.qty,
                    "after_sale_item_num": refund.qty,
                    "product_name": line.listing.title,
                    "shop_sku_code": line.listing.code,
                }
            ],
        },
        "text_part": {"reason_text": refund.reason, "aftersale_status_text": refund.status},
        "seller_logs": [],
    }


def detail(refund: Refund, order: Order) -> dict[str, Any]:
    """What /afterSale/Detail says."""
    done = refund.status == "done"
    return {
        "order_info": {
            "shop_order_id": int(order.no),
            "sku_order_infos": [{"sku_order_id": int(refund.line_no or order.no)}],
        },
        "process_info": {
            "after_sale_info": {
                "after_sale_id": int(refund.no),
                "after_sale_type": AFTERSALE_TYPE[refund.kind],
                "after_sale_status": AFTERSALE_STATUS[refund.status],
                "refund_status": REFUND_STATUS[refund.status],
                "refund_amount": refund.amount,
                "real_refund_amount": refund.amount if done else 0,
                "refund_time": refund.done_at,
                "apply_time": refund.created,
                "update_time": refund.modified,
                "after_sale_apply_count": refund.qty,
                "reason": refund.reason,
            },
            "logistics_info": {
                "return": {"tracking_no": refund.waybill, "company_name": "圆通速递" if refund.waybill else ""}
            },
        },
    }
