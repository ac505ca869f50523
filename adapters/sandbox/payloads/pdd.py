"""Pinduoduo's trees: the order with its one article and its gifts, and the after-sale case.

Source: the pages of pdd.order.number.list.increment.get and pdd.refund.list.increment.get as generated into public SDKs
and published samples. Money is yuan as a JSON number, times are Beijing text with "" for what did not happen, ids of
articles are text and those of gifts numbers. The receiver is there only while the order waits for shipping.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Parcel, Refund
from adapters.sandbox.wire import beijing, digest, token_text

_BROKEN = {"money": "pay_amount", "id": "order_sn", "time": "updated_at"}
#: (kind, status) → after_sales_status; a return whose goods are on their way stands with the merchant again
_CASES = {
    ("before_shipping", "asked"): 2,
    ("refund_only", "asked"): 2,
    ("return", "asked"): 3,
    ("return", "agreed"): 7,
    ("return", "returned"): 3,
}
_ENDS = {"done": 10, "refused": 6, "closed": 11}
_TYPES = {"before_shipping": 2, "refund_only": 2, "return": 3}
_TAGS = {1: "红色", 2: "黄色", 3: "绿色", 4: "蓝色", 5: "紫色"}
_UNIT = "2" * 28


def amount(fen: int) -> int | float:
    """Yuan as the platform writes it: a number without more decimals than it needs."""
    return fen // 100 if fen % 100 == 0 else fen / 100


def time(at: int) -> str:
    return beijing(at) if at else ""


def case_status(refund: Refund) -> int:
    return _ENDS.get(refund.status) or _CASES.get((refund.kind, refund.status), 4)


def order_status(order: Order) -> int:
    if order.state == "completed":
        return 3
    return 2 if order.parcels else 1


def refund_status(order: Order, refunds: dict[str, Refund]) -> int:
    """1 none, 2 asked, 3 being refunded, 4 refunded."""
    line = order.lines[0]
    if line.refund == "full":
        return 4
    refund = refunds.get(line.refund_no) if line.refund == "asked" else None
    return 1 if refund is None else 2 if refund.status == "asked" else 3


def confirm_status(order: Order) -> int:
    if order.state == "cancelled" and not order.paid_at:
        return 2
    return 1 if order.paid_at and order.hold != "group_unfinished" else 0


def order(order: Order, refunds: dict[str, Refund]) -> dict[str, Any]:
    """One order; `refunds`: by number, of its lines."""
    first = order.parcels[0] if order.parcels else None
    sold = [x for x in order.lines if not x.gift]
    latest = max((refunds[no] for no in order.refunds), key=lambda r: r.created, default=None)
    confirmed = confirm_status(order)
    return {
        "order_sn": order.no,
        "order_status": order_status(order),
        "confirm_status": confirmed,
        "group_status": 0 if order.hold == "group_unfinished" else 1,
        "refund_status": refund_status(order, refunds),
        "after_sales_status": case_status(latest) if latest is not None else 0,
        "trade_type": 0,
        "is_lucky_flag": 1,
        "risk_control_status": 1 if order.hold == "risk_control" else 0,
        "is_pre_sale": 0,
        "is_stock_out": 0,
        "stock_out_handle_status": -1,
        "mkt_biz_type": 0,
        "created_time": time(order.created),
        "pay_time": time(order.paid_at),
        "confirm_time": time(order.released_at or order.paid_at + 4) if confirmed == 1 else "",
        "shipping_time": time(order.parcels[0].at) if order.parcels else "",
        "receive_time": time(order.ended_at) if order.state == "completed" else "",
        "updated_at": time(order.modified),
        "last_ship_time": time(order.ship_by),
        "goods_amount": amount(order.goods + order.adjust),
        "discount_amount": amount(order.shop_off + order.platform_off),
        "platform_discount": amount(order.platform_off),
        "seller_discount": amount(order.shop_off),
        "capital_free_discount": 0,
        "order_change_amount": amount(-order.adjust),
        "duo_duo_pay_reduction": 0,
        "postage": amount(order.freight),
        "pay_amount": amount(order.payable),
        "pay_type": "WEIXIN",
        "pay_no": f"42{digest('pay', order.no) % 10**26:026d}",
        "inner_transaction_id": f"XP{_UNIT}",
        "logistics_id": int(_carrier(first)) if first else 0,
        "tracking_number": first.waybill if first else "",
        **_receiver(order),
        "open_address_id": token_text(28, "place", order.buyer, order.receiver.key),
        "buyer_memo": order.remark,
        "remark": order.memo,
        "remark_tag": order.flag or None,
        "remark_tag_name": _TAGS.get(order.flag),
        "item_list": [_article(x) for x in sold],
        "gift_list": [_gift(x) for x in order.lines if x.gift],
        "card_info_list": [],
        "extra_delivery_list": [
            {"logistics_id": int(_carrier(p)), "tracking_number": p.waybill} for p in order.parcels[1:]
        ],
        "order_tag_list": [{"name": "no_trace_delivery", "value": 0}],
        "service_fee_detail": [],
        "promotion_detail_list": [],
        "step_order_info": None,
        "order_depot_info": {"depot_type": None},
    }


def _carrier(parcel: Parcel) -> str:
    return carriers.of(parcel.carrier).at("pdd")


def _receiver(order: Order) -> dict[str, Any]:
    r, mark = order.receiver, (order.no, order.address_no)
    shown = order.state == "paid"
    told: dict[str, Any] = {
        "country": "中国",
        "province": r.province,
        "province_id": digest("place", r.province) % 100,
        "city": r.city or r.district,
        "city_id": digest("place", r.city or r.district) % 1000,
        "town": r.district,
        "town_id": digest("place", r.district) % 10000,
        "receiver_name": f"~{token_text(24, 'name', *mark)}~0~",
        "receiver_phone": f"${token_text(24, 'tel', *mark)}$0$",
        "receiver_address": f"~{token_text(40, 'detail', *mark)}~0~",
        "address": "",
        "receiver_name_mask": f"{r.name[0]}*",
        "receiver_phone_mask": f"{r.phone[0]}********{r.phone[-2:]}",
        "receiver_address_mask": f"{r.detail[:3]}***",
    }
    return told if shown else {name: 0 if isinstance(value, int) else "" for name, value in told.items()}


def _goods(line: Line) -> dict[str, Any]:
    listing = line.listing
    return {
        "outer_id": listing.code,
        "outer_goods_id": "",
        "goods_name": listing.title,
        "goods_spec": ",".join(listing.variant),
        "goods_count": line.qty,
        "goods_img": f"https://img.example.invalid/{listing.product}.jpeg",
    }


def _article(line: Line) -> dict[str, Any]:
    ids = {"goods_id": line.listing.product, "sku_id": line.listing.listing}
    return {**ids, **_goods(line), "goods_price": amount(line.unit)}


def _gift(line: Line) -> dict[str, Any]:
    """A gift has its list price, which nobody pays."""
    ids = {"goods_id": int(line.listing.product), "sku_id": int(line.listing.listing)}
    return {**ids, **_goods(line), "goods_price": amount(line.listing.unit)}


def spoilt(tree: dict[str, Any], broken: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    return spoil(tree, broken, _BROKEN)


def refund(refund: Refund, order: Order) -> dict[str, Any]:
    """One element of refund_list."""
    line = order.lines[0]
    return {
        "id": int(refund.no),
        "order_sn": order.no,
        "after_sales_type": _TYPES[refund.kind],
        "after_sales_status": case_status(refund),
        "refund_amount": amount(refund.amount),
        "order_amount": amount(order.payable),
        "discount_amount": amount(order.shop_off + order.platform_off),
        "goods_price": amount(line.unit),
        "goods_number": refund.qty,
        "goods_id": int(line.listing.product),
        "sku_id": line.listing.listing,
        "outer_id": line.listing.code,
        "outer_goods_id": "",
        "created_time": time(refund.created),
        "updated_time": time(refund.modified),
        "confirm_time": time(order.released_at or order.paid_at + 4),
        "tracking_number": refund.waybill,
        "shipping_name": "圆通速递" if refund.waybill else "",
        "speed_refund_flag": 0,
        "speed_refund_status": None,
        "user_shipping_status": 2 if refund.kind == "return" else 1,
        "dispute_refund_status": 0,
        "after_sale_reason": refund.reason,
        "refund_operator_role": 0,
    }
