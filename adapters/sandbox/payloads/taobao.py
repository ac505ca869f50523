"""Taobao's trees: Trade with its Orders, and Refund.

Source: the descriptions of taobao.trades.sold.increment.get, taobao.trade.fullinfo.get and taobao.refunds.receive.get.
Money is yuan text, times are Beijing text, `tid` and `oid` are JSON numbers beyond 2^53.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Refund
from adapters.sandbox.wire import beijing, mask, mask_phone, token_text, yuan

#: without all of these in `fields` there is no oaid
OAID_NEEDS = frozenset({"receiver_name", "receiver_address", "created", "receiver_mobile", "receiver_phone"})
STATUS = {
    "unpaid": "WAIT_BUYER_PAY",
    "deposit": "WAIT_BUYER_PAY",
    "held": "PAID_FORBID_CONSIGN",
    "paid": "WAIT_SELLER_SEND_GOODS",
    "partly_shipped": "SELLER_CONSIGNED_PART",
    "shipped": "WAIT_BUYER_CONFIRM_GOODS",
    "completed": "TRADE_FINISHED",
}
REFUND_STATUS = {
    "asked": "WAIT_SELLER_AGREE",
    "agreed": "WAIT_BUYER_RETURN_GOODS",
    "returned": "WAIT_SELLER_CONFIRM_GOODS",
    "done": "SUCCESS",
    "refused": "SELLER_REFUSE_BUYER",
    "closed": "CLOSED",
}
_BROKEN = {"money": "payment", "id": "tid", "time": "modified"}


def nest(name: str, items: Iterable[Any], simplify: bool) -> Any:
    """A list as TOP nests it: {"order": [...]}, or the bare list under simplify."""
    return list(items) if simplify else {name: list(items)}


def oaid(order: Order) -> str:
    """The receiver's id: another one for each order, also of the same receiver."""
    return "1" + token_text(51, "oaid", order.no, order.address_no)


def status(order: Order) -> str:
    if order.state == "cancelled":
        return "TRADE_CLOSED" if order.cancel == "refunded" else "TRADE_CLOSED_BY_TAOBAO"
    return STATUS[order.state]


def trade(order: Order, seller_nick: str, statuses: dict[str, str], *, full: bool, simplify: bool) -> dict[str, Any]:
    """The whole Trade; `statuses`: line no → refund status; `full`: as fullinfo tells it."""
    r = order.receiver
    first = order.lines[0].listing
    tree: dict[str, Any] = {
        "tid": int(order.no),
        "status": status(order),
        "type": "step" if order.presale else "cod" if order.cod else "fixed",
        "seller_nick": seller_nick,
        "buyer_nick": mask(order.buyer, 1, 2) + order.buyer[-1],
        "buyer_open_uid": f"AA{token_text(18, 'uid', order.buyer)}",
        "created": beijing(order.created),
        "modified": beijing(order.modified),
        "price": yuan(order.lines[0].unit),
        "num": sum(x.qty for x in order.lines),
        "num_iid": int(first.product),
        "total_fee": yuan(order.goods),
        "discount_fee": yuan(sum(x.shop_off + x.platform_off for x in order.lines)),
        "adjust_fee": yuan(order.adjust),
        "post_fee": yuan(order.freight),
        "payment": yuan(order.payable),
        "received_payment": yuan(order.payable if order.state == "completed" else 0),
        "shipping_type": "express",
        "has_buyer_message": bool(order.remark),
        "seller_flag": order.flag,
        "receiver_name": mask(r.name, 1, 2),
        "receiver_mobile": mask_phone(r.phone),
        "receiver_state": r.province,
        "receiver_district": r.district,
        "receiver_address": mask(r.detail, 3, 2) + "号***",
        "receiver_zip": r.zip,
        "oaid": oaid(order),
        "is_part_consign": order.state == "partly_shipped",
        "orders": nest("order", [line_tree(order, x, statuses, full=full) for x in order.lines], simplify),
    }
    optional = {
        "pay_time": beijing(order.paid_at) if order.paid_at else "",
        "consign_time": beijing(order.shipped_at) if order.shipped_at else "",
        "end_time": beijing(order.ended_at) if order.ended_at else "",
        "buyer_message": order.remark,
        "seller_memo": order.memo,
        # towns directly under a province have their name in the district alone
        "receiver_city": r.city,
        "receiver_town": r.town,
        "platform_subsidy_fee": yuan(order.platform_off) if order.platform_off else "",
        "tid_str": order.no if full else "",
    }
    tree.update({k: v for k, v in optional.items() if v})
    promotions = _promotions(order)
    if promotions:
        tree["promotion_details"] = nest("promotion_detail", promotions, simplify)
    if order.presale:
        tree["step_trade_status"] = _step(order)
        tree["step_paid_fee"] = yuan(order.paid if order.paid_at else order.deposit if order.state == "deposit" else 0)
    return tree


def _step(order: Order) -> str:
    if order.paid_at:
        return "FRONT_PAID_FINAL_PAID"
    return "FRONT_PAID_FINAL_NOPAID" if order.state == "deposit" or order.deposit else "FRONT_NOPAID_FINAL_NOPAID"


def line_tree(order: Order, line: Line, statuses: dict[str, str], *, full: bool) -> dict[str, Any]:
    """One Order of a Trade. In a one-line trade `payment` holds the freight, otherwise neither freight nor the trade's discount."""
    listing = line.listing
    lone = len(order.lines) == 1
    off = line.shop_off + line.platform_off
    tree: dict[str, Any] = {
        "oid": int(line.no),
        "num_iid": int(listing.product),
        "outer_iid": listing.code if not listing.has_variants else f"SPU-{listing.product[-6:]}",
        "title": listing.title,
        "sku_properties_name": ":".join(listing.variant),
        "price": yuan(line.unit),
        "num": line.qty,
        "discount_fee": yuan(line.item_off),
        "adjust_fee": yuan(line.adjust),
        "total_fee": yuan(line.goods - line.item_off + line.adjust),
        "payment": yuan(order.payable if lone else line.paid + off),
        "divide_order_fee": yuan(line.paid),
        "status": _line_status(order, line),
        "refund_status": statuses.get(line.no, "NO_REFUND"),
        "seller_type": "B",
        "is_oversold": False,
    }
    if listing.has_variants:
        tree["sku_id"] = listing.listing
        tree["outer_sku_id"] = listing.code
    if off:
        tree["part_mjz_discount"] = yuan(off)
    if line.refund_no:
        tree["refund_id"] = line.refund_no
    if line.gift:
        tree["is_free_gift"] = True
    if full:
        tree["oid_str"] = line.no
    parcel = next((p for p in order.parcels if line.no in dict(p.lines)), None)
    if parcel is not None:
        carrier = carriers.of(parcel.carrier)
        tree["consign_time"] = beijing(parcel.at)
        tree["logistics_company"], tree["invoice_no"] = carrier.name, parcel.waybill
    return tree


def _line_status(order: Order, line: Line) -> str:
    if order.state == "cancelled":
        return status(order)
    if line.closed:
        return "TRADE_CLOSED"
    if order.state == "partly_shipped":
        return "WAIT_SELLER_SEND_GOODS" if line.left else "WAIT_BUYER_CONFIRM_GOODS"
    return status(order)


def _promotions(order: Order) -> list[dict[str, Any]]:
    found = [(int(x.no), "限时折扣", x.item_off) for x in order.lines if x.item_off]
    shop = sum(x.shop_off for x in order.lines)
    if shop:
        found.append((int(order.no), "店铺满减", shop))
    if order.platform_off:
        found.append((int(order.no), "跨店满减", order.platform_off))
    return [
        {
            "id": no,
            "promotion_name": name,
            "discount_fee": yuan(off),
            "promotion_desc": f"{name}:省{yuan(off)}元",
            "promotion_id": f"Tmall$example-{n}",
        }
        for n, (no, name, off) in enumerate(found, 1)
    ]


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults: one unreadable field, amounts as JSON floats."""
    if floats:
        for name in ("payment", "post_fee", "total_fee"):
            if isinstance(tree.get(name), str):
                tree[name] = float(tree[name])
    return spoil(tree, broken, _BROKEN)


def hidden(broken: str, fields: frozenset[str]) -> list[str]:
    """Order faults that these fields do not show."""
    shown = {"float_money": {"payment", "post_fee", "total_fee"}, "unknown_sku": {"orders"}}
    shown["unreadable_order"] = {_BROKEN.get(broken, "")}
    return [name for name, needs in shown.items() if not needs & fields]


def refund(refund: Refund, order: Order, *, full: bool) -> dict[str, Any]:
    """One Refund; `full` as taobao.refund.get tells it."""
    line = order.line(refund.line_no) or order.lines[0]
    listing = line.listing
    returned = refund.kind == "return"
    tree: dict[str, Any] = {
        "refund_id": refund.no,
        "tid": int(refund.order_no),
        "oid": int(refund.line_no or refund.order_no),
        "buyer_nick": mask(order.buyer, 1, 2) + order.buyer[-1],
        "total_fee": yuan(order.payable),
        "refund_fee": yuan(refund.amount),
        "payment": yuan(max(0, line.paid - refund.amount)),
        "status": REFUND_STATUS[refund.status],
        "order_status": status(order),
        "good_status": "BUYER_RETURNED_GOODS"
        if refund.waybill
        else "BUYER_RECEIVED"
        if returned
        else "BUYER_NOT_RECEIVED",
        "has_good_return": returned,
        "created": beijing(refund.created),
        "modified": beijing(refund.modified),
        "reason": refund.reason,
        "desc": "",
        "title": listing.title,
        "num": refund.qty,
        "refund_phase": "aftersale" if order.state == "completed" else "onsale",
        "refund_version": refund.modified * 1000,
        "sku": f"{listing.listing}|{':'.join(listing.variant)}",
        "outer_id": listing.code,
        "operation_contraint": "null",
        "dispute_type": "REFUND_AND_RETURN" if returned else "REFUND",
    }
    if refund.waybill:
        tree["company_name"], tree["sid"] = "圆通速递", refund.waybill
    if full:
        tree["num_iid"], tree["price"] = int(listing.product), yuan(line.unit)
        if refund.done_at:
            tree["end_time"] = beijing(refund.done_at)
    return tree
