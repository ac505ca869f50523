"""Suning's trees: the order of suning.custom.ordmodtime.query and order.get, the return of refundinformation.query.

Source: a real answer of suning.custom.order.get (2019), the page of refundinformation.query, field use in public code.
Every scalar is text; amounts and pieces have five decimals; payAmount has the line's share of the freight in it. The
empty fields of invoices, car services and donations are shortened.
"""

from __future__ import annotations

from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Refund
from adapters.sandbox.wire import beijing, mask, mask_phone, yuan

_BROKEN = {"money": "countMoney", "id": "orderCode", "time": "orderTime"}
_MONEY = ("payAmount", "transportFee", "coupontotalMoney", "vouchertotalMoney")
#: banktypecode of a coupon of the shop, and of one of the platform
_SHOP, _PLATFORM = "10006", "10004"
RETURN_STATUS = {"asked": "1", "refused": "2", "agreed": "3", "returned": "4", "closed": "7", "done": "8"}
_RETURN_WORDS = {
    "1": "退款待处理", "2": "已拒绝退款", "3": "待买家发货", "4": "待商家收货", "7": "退款关闭", "8": "退款成功",
}  # fmt: skip


def state(order: Order) -> str:
    words = {"partly_shipped": "21", "shipped": "20", "completed": "30", "cancelled": "40"}
    return words.get(order.state, "10")


def line_state(order: Order, line: Line) -> str:
    """A line that left stays sent, also when its money went back later; one that never left is closed."""
    if line.closed:
        return "40"
    if line.left:
        return "10"
    return "30" if order.state == "completed" else "20"


def _five(fen: int) -> str:
    return yuan(fen) + "000"


def order(order: Order, *, changes: bool) -> dict[str, Any]:
    """The order; `changes`: with the times of the lines' last change, as lists by modification have them."""
    r = order.receiver
    return {
        "orderCode": order.no,
        "userName": mask(order.buyer, 2, 7) + order.buyer[-2:],
        "customerName": mask(r.name, 1, 2),
        "provinceCode": "190",
        "cityCode": "025",
        "districtCode": "0250499",
        "customerAddress": f"{r.province}{r.city}{r.district}{r.detail}",
        "mobNum": mask_phone(r.phone),
        "orderSaleTime": beijing(order.paid_at) if order.paid_at else "",
        "evaluationMark": "0",
        "invoiceHead": "",
        "orderTotalStatus": state(order),
        "provinceName": r.province,
        "cityName": r.city,
        "districtName": r.district,
        "sellerOrdRemark": order.memo,
        "buyerOrdRemark": order.remark,
        "invoiceType": "02",
        "invoice": "",
        "vatTaxpayerNumber": "",
        "payType": "",
        "payTotalAmount": "",
        "needinvoiceflag": "N",
        "isCanModifyTransportFee": "N",
        "guideAccountNo": "",
        "orderTime": beijing(order.created),
        "colorMarkFlags": str(order.flag),
        "phoneNum": "",
        "zipCode": "",
        "deliveryArea": "0250499",
        "detailAddress": f"{r.town}{r.detail}",
        "countMoney": _five(order.payable),
        "sumDonationAmt": "0.00",
        "orderDetail": [_line(order, i, x, changes) for i, x in enumerate(order.lines)],
    }


def _line(order: Order, i: int, line: Line, changes: bool) -> dict[str, Any]:
    listing = line.listing
    parcel = next((p for p in order.parcels if line.no in dict(p.lines)), None)
    coupons = [(_SHOP, line.shop_off), (_PLATFORM, line.platform_off)]
    used = [(code, off) for code, off in coupons if off]
    paid = _five(line.paid + line.freight)
    tree = {
        "productCode": listing.listing,
        "productName": f"{listing.title} {listing.variant[1]}",
        "unitPrice": _five(line.unit),
        "payAmount": paid,
        "saleNum": f"{line.qty}.00000",
        "orderLineStatus": line_state(order, line),
        "transportFee": _five(line.freight),
        "returnOrderFlag": "0" if line.refund == "none" else "1",
        "coupontotalMoney": _five(line.shop_off + line.platform_off),
        # what the shop takes off a line by itself comes as a voucher
        "vouchertotalMoney": _five(line.item_off) if line.item_off else "",
        "invCode": "",
        "orderLineNumber": line.no,
        "itemCode": listing.code,
        "receivezipCode": "",
        "hwgFlag": "",
        "disType": "",
        "orderchannel": "MOBILE|01|01|9.5.170|20000",
        "prmtcode": "",
        "bLineNumber": f"3{line.no[1:]}",
        "expresscompanycode": carriers.of(parcel.carrier).at("suning") if parcel else "",
        "expressno": parcel.waybill if parcel else "",
        "phoneIdentifyCode": "",
        "payorderid": "",
        "packageorderid": "",
        "fpsdeliveryflag": "0",
        "activitytype": "",
        "reservedepositamount": "",
        "reservebalanceamount": "",
        "reservestatus": "",
        "orderPayCode": "01",
        "isProsupplierDelivery": "0",
        "paymentList": [*(_payment("6901", code, _five(off)) for code, off in used), _payment("4148", "", paid)],
        "couponList": [{"coupontype": code, "sharelimit": _five(off)} for code, off in used if code == _SHOP],
        "orderChannels": [{"orderChannelCode": "2"}],
        "activityTypes": [],
        "payTypes": [],
        "deliveryTime": beijing(parcel.at) if parcel else "",
        "sendType": "1",
        "complainFlag": "0",
        "logisticsOrderId": "",
        "orderTagList": "",
    }
    if changes:
        tree["orderLineStatusChangeTime"] = beijing(order.modified)
    return tree


def _payment(paycode: str, bank: str, amount: str) -> dict[str, str]:
    return {
        "paycode": paycode,
        "banktypecode": bank,
        "payamount": amount,
        "offLinePayFlag": "",
        "alipayPayNo": "",
    }


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        tree["countMoney"] = float(tree["countMoney"])
        for line in tree["orderDetail"]:
            line.update({name: float(line[name] or 0) for name in _MONEY})
    return spoil(tree, broken, _BROKEN)


def application(refund: Refund, order: Order) -> dict[str, Any]:
    """One return application, as its detail tells it."""
    line = order.line(refund.line_no) or order.lines[0]
    status = RETURN_STATUS[refund.status]
    kinds = {"before_shipping": "2", "refund_only": "3"}
    return {
        "returnApplyId": refund.no,
        "orderNo": order.no,
        "customer": mask(order.buyer, 2, 7) + order.buyer[-2:],
        "commodityName": line.listing.title,
        "commodityCode": line.listing.listing,
        "supplierCommodityCode": line.listing.code,
        "returnType": kinds.get(refund.kind, "4"),
        "onlyRefund": "0" if refund.kind == "return" else "1",
        "applyComplain": "0",
        "ctrFlag": "0",
        "returnMoney": yuan(refund.amount),
        "dealMoney": yuan(line.paid + line.freight),
        "returnReason": refund.reason,
        "returnDesc": "",
        "applyTime": beijing(refund.created),
        "operateTime": beijing(refund.modified),
        "statusPassTime": beijing(refund.agreed_at) if refund.agreed_at else "",
        "returnStatusValue": status,
        "returnStatusDesc": _RETURN_WORDS[status],
        "expressCompanyCode": carriers.of(refund.carrier).at("suning") if refund.carrier else "",
        "expressNo": refund.waybill,
        "orderLineNumber": refund.line_no,
    }
