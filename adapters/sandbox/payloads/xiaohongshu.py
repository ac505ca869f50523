"""Xiaohongshu's trees: a row of the order list, the order's detail, a row of the case list, the case's detail.

Source: the official definitions of order.getOrderList, order.getOrderDetail, afterSale.listAfterSaleInfos and
afterSale.getAfterSaleInfo (2023 to 2025) as copied into public SDKs. Amounts of orders are fen and sums over a line's
pieces, those of cases are JSON numbers in yuan; times are epoch milliseconds with 0 for what did not happen.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Parcel, Refund
from adapters.sandbox.wire import digest, token_text

STATUS = {
    "unpaid": 1,
    "deposit": 1,
    "held": 2,
    "paid": 4,
    "partly_shipped": 5,
    "shipped": 6,
    "completed": 7,
}
CASE_STATUS = {"asked": 1, "agreed": 2, "returned": 3, "done": 4, "refused": 9, "closed": 5}
CASE_TYPE = {"return": 1, "refund_only": 4, "before_shipping": 5}
_REFUND_STATUS = {"asked": 201, "agreed": 301, "returned": 301, "done": 2, "refused": 302, "closed": 401}
#: 无售后, 售后处理中, 售后完成; of a case that ended without money: 拒绝, 取消
_AFTER_SALES = {"none": 1, "asked": 2, "full": 3}
_ENDED = {"refused": 4, "closed": 7}
_BROKEN = {"money": "totalPayAmount", "id": "orderId", "time": "updateTime"}
_FLOATS = ("totalPayAmount", "totalShippingFree", "totalMerchantDiscount", "totalRedDiscount")


def status(order: Order) -> int:
    if order.state == "cancelled":
        return 8 if order.cancel == "refunded" else 9
    return STATUS[order.state]


def user_id(buyer: str) -> str:
    return f"u{digest('user', buyer):023d}"


def address_id(order: Order) -> str:
    """Made from what the receiver is; it changes when the buyer changes the address."""
    return f"{digest('place', order.receiver.key):016x}{digest('place2', order.receiver.key):016x}"


def row(order: Order, refunds: list[Refund]) -> dict[str, Any]:
    """One row of the order list: no amounts, no lines."""
    r = order.receiver
    withdrawn = [x for x in refunds if x.kind == "before_shipping" and x.status == "asked"]
    wanted = {x.no for x in order.lines if not x.gift and not x.closed}
    return {
        "orderId": order.no,
        "orderType": 2 if order.presale else 1,
        "orderStatus": status(order),
        "orderAfterSalesStatus": _of_order(order, refunds),
        "cancelStatus": 1 if withdrawn and {x.line_no for x in withdrawn} == wanted else 0,
        "createdTime": order.created * 1000,
        "paidTime": order.paid_at * 1000,
        "updateTime": order.modified * 1000,
        "deliveryTime": order.shipped_at * 1000,
        "cancelTime": order.ended_at * 1000 if order.state == "cancelled" else 0,
        "finishTime": order.ended_at * 1000 if order.state == "completed" else 0,
        "promiseLastDeliveryTime": order.ship_by * 1000,
        "planInfoId": "601a0000000000000000fb49",
        "planInfoName": "包邮-默认模板",
        "receiverCountryId": "1",
        "receiverCountryName": "中国",
        "receiverProvinceId": str(digest("place", r.province))[:2],
        "receiverProvinceName": r.province,
        "receiverCityId": str(digest("place", r.city))[:4],
        "receiverCityName": r.city or "省直辖县级行政区划",
        "receiverDistrictId": str(digest("place", r.district))[:6],
        "receiverDistrictName": r.district,
        "customerRemark": order.remark,
        "sellerRemark": order.memo,
        "sellerRemarkFlag": order.flag or 1,
        "originalOrderId": "",
        "logistics": "red_auto",
        "orderTagList": [],
    }


def _of_order(order: Order, refunds: list[Refund]) -> int:
    """What its lines say: a case that is open first, then one that ended with money."""
    states = {_of_line(x, refunds) for x in order.lines}
    return next((s for s in (2, 3, 4, 7) if s in states), 1)


def _of_line(line: Line, refunds: list[Refund]) -> int:
    if line.refund != "none":
        return _AFTER_SALES[line.refund]
    ended = [_ENDED[x.status] for x in refunds if x.line_no == line.no and x.status in _ENDED]
    return ended[-1] if ended else _AFTER_SALES["none"]


def detail(order: Order, refunds: list[Refund], shop_id: str) -> dict[str, Any]:
    """The order as the detail tells it."""
    split = len(order.parcels) > 1 or order.state == "partly_shipped"
    first = order.parcels[0] if order.parcels else None
    return {
        **row(order, refunds),
        "presaleDeliveryStartTime": 0,
        "presaleDeliveryEndTime": 0,
        "skuList": [_sku(x, refunds) for x in order.lines],
        "totalNetWeightAmount": 500,
        "totalPayAmount": order.payable,
        "totalShippingFree": order.freight,
        "unpack": split,
        "expressTrackingNo": first.waybill if first else "",
        "expressCompanyCode": _carrier(first) if first else "",
        # always empty: a call of its own has them, encrypted
        "receiverName": "",
        "receiverPhone": "",
        "receiverAddress": "",
        "boundExtendInfo": None,
        "transferExtendInfo": None,
        "openAddressId": address_id(order),
        "simpleDeliveryOrderList": [_delivery(order, n, p) for n, p in enumerate(order.parcels)] if split else [],
        "totalDepositAmount": order.deposit,
        "totalMerchantDiscount": order.shop_off,
        "totalRedDiscount": order.platform_off,
        "merchantActualReceiveAmount": order.payable + order.platform_off,
        "totalChangePriceAmount": 0,
        "paymentType": 1,
        "shopId": shop_id,
        "shopName": "示例旗舰店",
        "whcode": "CPartner",
        "userId": user_id(order.buyer),
        "logisticsMode": 1,
        "outPromotionAmount": 0,
        "outTradeNo": f"20260310220{digest('trade', order.no) % 10**17:017d}" if order.paid_at else "",
    }


def _sku(line: Line, refunds: list[Refund]) -> dict[str, Any]:
    """One sku with all its pieces; discounts and what was paid are for the whole line."""
    listing, merchant = line.listing, line.item_off + line.shop_off
    return {
        "skuId": listing.listing,
        "skuName": listing.title,
        "erpcode": listing.code,
        "skuSpec": listing.variant[1],
        "skuImage": "https://qimg.example/sku.jpg",
        "skuQuantity": line.qty,
        "skuDetailList": [
            {
                "skuId": listing.listing,
                "erpCode": listing.code,
                "barcode": "6900000000001",
                "scSkuCode": "",
                "quantity": line.qty,
                "registerName": "",
                "skuName": listing.title,
                "pricePerSku": line.unit,
                "taxPerSku": 0,
                "paidAmountPerSku": line.paid // line.qty,
                "depositAmountPerSku": 0,
                "merchantDiscountPerSku": merchant // line.qty,
                "redDiscountPerSku": line.platform_off // line.qty,
                "rawPricePerSku": line.unit,
            }
        ],
        "totalPaidAmount": line.paid,
        "totalMerchantDiscount": merchant,
        "totalRedDiscount": line.platform_off,
        "totalTaxAmount": 0,
        "totalNetWeight": 500,
        "skuTag": 1 if line.gift else 0,
        "isChannel": False,
        "deliveryMode": 0,
        "kolId": "",
        "kolName": "",
        "skuAfterSaleStatus": _of_line(line, refunds),
        "itemId": listing.product,
        "itemName": listing.title,
    }


def _carrier(parcel: Parcel) -> str:
    return carriers.of(parcel.carrier).at("xiaohongshu")


def _delivery(order: Order, index: int, parcel: Parcel) -> dict[str, Any]:
    lines = [order.line(no) for no, _ in parcel.lines]
    return {
        "deliveryOrderIndex": index,
        "status": 7 if order.state == "completed" else 6,
        "expressTrackingNo": parcel.waybill,
        "expressCompanyCode": _carrier(parcel),
        "skuIdList": [x.listing.listing for x in lines if x is not None],
    }


def receiver(order: Order) -> dict[str, Any]:
    """The answer of order.getOrderReceiverInfo for one order: encrypted where it is personal."""
    r, mark = order.receiver, (order.no, order.address_no)
    return {
        "orderId": order.no,
        "matched": True,
        "receiverProvinceName": r.province,
        "receiverCityName": r.city,
        "receiverDistrictName": r.district,
        "receiverTownName": r.town,
        "receiverName": f"#{token_text(24, 'name', *mark)}#1#name==",
        "receiverPhone": f"#{token_text(24, 'phone', *mark)}#1#phone==",
        "receiverAddress": f"#{token_text(40, 'address', *mark)}#1#addr==",
    }


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The detail with the order's faults."""
    if floats:
        for name in _FLOATS:
            tree[name] = float(tree[name])
    return spoil(tree, broken, _BROKEN)


def _yuan(fen: int) -> int | float:
    """A JSON number in yuan: shortest form, as the platform's own encoder writes it."""
    return fen // 100 if fen % 100 == 0 else fen / 100


def case_row(refund: Refund, order: Order) -> dict[str, Any]:
    """One row of the case list."""
    return {
        "returnsId": refund.no,
        "returnType": CASE_TYPE[refund.kind],
        "reasonId": 1,
        "reasonNameZh": refund.reason,
        "status": CASE_STATUS[refund.status],
        "userId": user_id(order.buyer),
        "orderId": order.no,
        "applyTime": refund.created * 1000,
        "updatedAt": refund.modified * 1000,
        "expireTime": (refund.modified + 48 * 3600) * 1000 if refund.status in ("asked", "returned") else -1,
        "desc": "",
        "returnsTag": 0,
        "expectedRefundAmountYuan": _yuan(refund.amount),
    }


def case(refund: Refund, order: Order) -> dict[str, Any]:
    """What afterSale.getAfterSaleInfo says."""
    line = order.line(refund.line_no) or order.lines[0]
    done, back = refund.status == "done", bool(refund.waybill)
    freight = max(0, refund.amount - line.paid)
    return {
        "afterSaleInfo": {
            **case_row(refund, order),
            "proofPhotos": [],
            "supportCarriageInsurance": False,
            "openAddressId": address_id(order),
            "skus": [
                {
                    "skuId": line.listing.listing,
                    "skuName": line.listing.title,
                    "image": "https://qimg.example/sku.jpg",
                    "price": _yuan(line.unit),
                    "boughtCount": line.qty,
                    "appliedCount": refund.qty,
                    "appliedTotalAmountYuan": _yuan(refund.amount - freight),
                    "scskucode": "",
                    "barcode": "6900000000001",
                    "variants": [{"name": line.listing.variant[0], "value": line.listing.variant[1]}],
                    "skuERPCode": line.listing.code,
                }
            ],
            "exchangeSKUs": [],
            "closeReasonZh": "",
            "appliedShipFeeAmountYuan": _yuan(freight),
            "appliedSkusAmountYuan": _yuan(refund.amount - freight),
            "refundAmountYuan": _yuan(refund.amount) if done else 0,
            "refundStatus": _REFUND_STATUS[refund.status],
            "cargoStatus": 2 if refund.kind == "refund_only" else 0,
            "refundTime": refund.done_at * 1000,
        },
        "logisticsInfo": {
            "afterSale": {
                "expressNo": refund.waybill,
                "expressCompanyCode": "yuantong" if back else "",
                "expressCompanyName": "圆通速递" if back else "",
            }
        },
    }
