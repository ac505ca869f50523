"""JD's trees: the order of pop.order.enSearch, the refund application, the service order.

Source: open.jd.com pages of the POP order and after-sale interfaces as digested in public notes, and real order JSON.
Money is yuan text, times are Beijing text, nearly every scalar is text; times that did not happen are a sentinel.
"""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Refund
from adapters.sandbox.wire import beijing, digest, token_text, yuan

NEVER = "0001-01-01 00:00:00"
STATES = (
    "WAIT_SELLER_STOCK_OUT",
    "WAIT_SEND_CODE",
    "WAIT_SELLER_DELIVERY",
    "PAUSE",
    "POP_ORDER_PAUSE",
    "LOCKED",
    "WAIT_GOODS_RECEIVE_CONFIRM",
    "DELIVERY_RETURN",
    "FINISHED_L",
    "TRADE_CANCELED",
    "UN_KNOWN",
)
_REMARKS = {
    "WAIT_SELLER_STOCK_OUT": "等待出库",
    "PAUSE": "暂停",
    "LOCKED": "锁定",
    "WAIT_GOODS_RECEIVE_CONFIRM": "等待确认收货",
    "FINISHED_L": "完成",
    "TRADE_CANCELED": "取消",
}
_BROKEN = {"money": "orderTotalPrice", "id": "orderId", "time": "modified"}
_MONEY = ("orderTotalPrice", "orderSellerPrice", "sellerDiscount", "freightPrice", "shouldPay", "orderPayment")
APPLY_STATUS = {"asked": 0, "done": 3, "refused": 2, "closed": 2}
SERVICE_STATUS = {"asked": 10001, "agreed": 10009, "returned": 10005, "done": 10010, "refused": 10004, "closed": 10011}


def state(order: Order) -> str:
    if order.state == "cancelled":
        return "TRADE_CANCELED"
    if order.state == "completed":
        return "FINISHED_L"
    if order.state == "shipped":
        return "WAIT_GOODS_RECEIVE_CONFIRM"
    if any(x.refund == "asked" for x in order.lines):
        return "LOCKED"
    return "PAUSE" if order.state == "held" else "WAIT_SELLER_STOCK_OUT"


def order(order: Order, *, cipher: bool, vender_id: str) -> dict[str, Any]:
    """The order; `cipher`: receiver as cipher text (enSearch, enGet)."""
    told = state(order)
    return {
        "orderId": order.no,
        "venderId": vender_id,
        "orderType": "22",
        "payType": "1-货到付款" if order.cod else "4-在线支付",
        "orderTotalPrice": yuan(order.goods),
        "orderSellerPrice": yuan(order.goods - order.shop_off + order.adjust),
        "sellerDiscount": yuan(order.shop_off - order.adjust),
        "freightPrice": yuan(order.freight),
        "balanceUsed": "0.00",
        "orderPayment": yuan(order.payable),
        "shouldPay": yuan(order.payable),
        "actualPay": yuan(order.payable) if order.settled else "",
        "orderState": told,
        "orderStateRemark": _REMARKS[told],
        "deliveryType": "任意时间",
        "orderRemark": order.remark,
        "venderRemark": order.memo,
        "orderStartTime": beijing(order.created),
        "paymentConfirmTime": beijing(order.paid_at) if order.paid_at and not order.cod else NEVER,
        "modified": beijing(order.modified),
        "orderEndTime": beijing(order.ended_at) if order.ended_at else NEVER,
        "pin": f"jd_{order.buyer[:2]}***{order.buyer[-2:]}",
        "open_id_buyer": token_text(20, "jd open id", order.buyer),
        "xid_buyer": "o*" + token_text(12, "jd xid", order.buyer),
        "parentOrderId": "0",
        "directParentOrderId": "0",
        "waybill": "|".join(",".join(w) for w in _waybills(order).values()),
        "logisticsId": "|".join(_waybills(order)),
        "storeOrder": "",
        "orderSource": "移动端订单",
        "returnOrder": "0",
        "idSopShipmenttype": 67,
        "invoiceInfo": "不需要开具发票",
        "vatInfo": [],
        "consigneeInfo": _consignee(order, cipher),
        "itemInfoList": [_item(order, i, x) for i, x in enumerate(order.lines)],
        "couponDetailList": _coupons(order),
    }


def _waybills(order: Order) -> dict[str, list[str]]:
    """Carrier id → waybills."""
    found: dict[str, list[str]] = {}
    for parcel in order.parcels:
        carrier = carriers.of(parcel.carrier)
        found.setdefault(carrier.at("jd"), []).append(parcel.waybill)
    return found


def _consignee(order: Order, cipher: bool) -> dict[str, Any]:
    """Ciphers are another text for each order, also of the same receiver."""
    r, mark = order.receiver, (order.no, order.address_no)
    hidden = f"{r.phone[:3]}*******{r.phone[-1]}"
    city = r.city or "省直辖县级行政区划"
    return {
        "fullname": f"AAS/{token_text(30, 'name', *mark)}==" if cipher else r.name[:1] + "**",
        "fullAddress": f"AAS/{token_text(60, 'address', *mark)}==" if cipher else f"{r.province}{city}{r.district}***",
        "mobile": hidden,
        "telephone": hidden,
        "desen_mobile": token_text(12, "mobile", *mark),
        "desen_telephone": token_text(12, "telephone", *mark),
        "province": r.province.removesuffix("省"),
        "city": city,
        "county": r.district,
        "town": r.town,
        "provinceId": str(1 + digest(r.province) % 32),
        "cityId": str(100 + digest(r.province, city) % 900),
        "countyId": str(1000 + digest(city, r.district) % 9000),
        "townId": str(10000 + digest(r.district, r.town) % 90000),
    }


def _item(order: Order, i: int, line: Line) -> dict[str, Any]:
    listing = line.listing
    extra = {"skuUuid": f"1012_{token_text(12, 'uuid', order.no, i)}", "isVMI": 0}
    return {
        "skuId": listing.listing,
        "outerSkuId": listing.code,
        "skuName": f"{listing.title} {listing.variant[1]}",
        "jdPrice": yuan(line.unit),
        "itemTotal": str(line.qty),
        "wareId": listing.product,
        "productNo": f"SPU-{listing.product[-6:]}",
        "giftPoint": "0",
        "invoiceContentId": "",
        "newStoreId": "0",
        "itemExt": msgspec.json.encode(extra).decode(),
    }


def _coupons(order: Order) -> list[dict[str, Any]]:
    found = [(x.listing.listing, "30-单品促销优惠", x.item_off) for x in order.lines]
    found.append(("", "100-店铺优惠", sum(x.shop_off for x in order.lines)))
    found.append(("", "39-京豆优惠", order.platform_off))
    return [
        {"orderId": order.no, "skuId": sku, "couponType": kind, "couponPrice": yuan(off)}
        for sku, kind, off in found
        if off
    ]


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        for name in _MONEY:
            tree[name] = float(tree[name])
    return spoil(tree, broken, _BROKEN)


def hidden(broken: str, fields: frozenset[str]) -> list[str]:
    """Order faults that these fields do not show; the number is always told."""
    shown = {"float_money": set(_MONEY), "unknown_sku": {"itemInfoList"}}
    shown["unreadable_order"] = {_BROKEN.get(broken, "")}
    return [name for name, needs in shown.items() if not needs & (fields | {"orderId"})]


def application(refund: Refund, order: Order) -> dict[str, Any]:
    """A refund application before shipping; the amount is in fen."""
    checked = refund.modified if refund.status != "asked" else 0
    return {
        "id": int(refund.no),
        "orderId": order.no,
        "buyerId": f"jd_{order.buyer[:2]}***{order.buyer[-2:]}",
        "buyerName": order.receiver.name[:1] + "**",
        "applyRefundSum": refund.amount,
        "applyTime": beijing(refund.created),
        "checkTime": beijing(checked) if checked else None,
        "status": APPLY_STATUS[refund.status],
        "reason": refund.reason,
        "checkRemark": "用户撤销" if refund.status == "closed" else "",
        "systemId": 1,
    }


def service(refund: Refund, order: Order) -> dict[str, Any]:
    """A service order after shipping."""
    line = order.line(refund.line_no) or order.lines[0]
    return {
        "serviceId": int(refund.no),
        "applyId": int(refund.no) + 500_000_000,
        "orderId": int(order.no),
        "skuId": int(line.listing.listing),
        "wareId": int(line.listing.product),
        "serviceStatus": SERVICE_STATUS[refund.status],
        "customerExpect": 10 if refund.kind == "return" else 11,
        "applyTime": beijing(refund.created),
        "approveTime": beijing(refund.agreed_at) if refund.agreed_at else None,
        "approveResult": 1 if refund.agreed_at else None,
        "actualPayPrice": yuan(refund.amount),
        "serviceCount": refund.qty,
        "updateDate": beijing(refund.modified),
    }
