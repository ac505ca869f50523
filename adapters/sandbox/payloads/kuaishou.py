"""Kuaishou's trees: the order with its gifts inside, its fees, the refund and the item.

Source: the API pages of open.order.cursor.list, open.seller.order.fee.detail, open.seller.order.refund.pcursor.list and
open.item.get as generated into public SDKs. Money is integer fen, times are milliseconds with 0 for what did not
happen, ids are numbers. A receiver is not told while something forbids shipping.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.goods import Listing
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Parcel, Refund
from adapters.sandbox.wire import digest, mask_phone, token_text

_BROKEN = {"money": "orderBaseInfo.expressFee", "id": "orderBaseInfo.oid", "time": "orderBaseInfo.updateTime"}
_STATUS = {
    "unpaid": 10,
    "deposit": 10,
    "held": 30,
    "paid": 30,
    "partly_shipped": 30,
    "shipped": 40,
    "completed": 70,
    "cancelled": 80,
}
_HOLDS = {"group_unfinished": [1], "risk_control": [2]}
_REFUNDS = {
    ("before_shipping", "asked"): 10, ("refund_only", "asked"): 10, ("return", "asked"): 11, ("return", "agreed"): 30,
    ("return", "returned"): 40,
}  # fmt: skip
_ENDS = {"done": 60, "refused": 70, "closed": 70}
_WAYS = {"before_shipping": 10, "refund_only": 10, "return": 1}
_FLAGS = {1: "red", 2: "yellow", 3: "green", 4: "blue", 5: "purple"}
_SELLER = 1_900_000_000


def ms(at: int) -> int:
    return at * 1000


def refund_status(refund: Refund) -> int:
    return _ENDS.get(refund.status) or _REFUNDS.get((refund.kind, refund.status), 50)


def status(order: Order, line: Line) -> int:
    """One number of an order: as soon as one piece of it has left it counts as shipped."""
    if order.state in ("cancelled", "completed"):
        return _STATUS[order.state]
    return 40 if line.shipped_qty else _STATUS[order.state]


def view(order: Order) -> int:
    """The orderViewStatus the order is listed under, 5 and 6 apart."""
    return {10: 2, 30: 3, 40: 4, 70: 6, 80: 7}[status(order, order.lines[0])]


def order(order: Order, refunds: Mapping[str, Refund], seller_open_id: str) -> dict[str, Any]:
    """One order; `refunds`: by number, of its lines."""
    main, *gifts = order.lines
    newest = sorted((refunds[no] for no in order.refunds), key=lambda r: (r.created, r.no), reverse=True)
    return {
        "orderBaseInfo": {
            "oid": int(order.no),
            "status": status(order, main),
            "createTime": ms(order.created),
            "payTime": ms(order.paid_at),
            "updateTime": ms(order.modified),
            "sendTime": ms(order.shipped_at),
            "recvTime": ms(order.ended_at) if order.state == "completed" else 0,
            "refundTime": ms(newest[0].created) if newest else 0,
            "buyerOpenId": "f18" + token_text(22, "buyer", order.buyer),
            "buyerNick": "用**",
            "buyerImage": "",
            "sellerOpenId": seller_open_id,
            "sellerNick": "示例旗舰店",
            "expressFee": order.freight,
            "discountFee": order.shop_off + order.platform_off,
            "totalFee": order.goods - order.shop_off,
            "remark": order.remark,
            "payType": 1,
            "payChannel": "WECHAT",
            "cpsType": 1,
            "preSale": 1 if order.presale else 0,
            "coType": 0,
            "commentStatus": 0,
            "riskCode": 10001 if order.hold == "risk_control" else 0,
            "disableDeliveryReasonCode": _HOLDS.get(order.hold, []),
            "multiplePiecesNo": 0,
            "allActivityType": [],
            "orderLabels": [],
            "priorityDelivery": False,
            "remindShipmentSign": 0,
            "remindShipmentTime": 0,
            "theDayOfDeliverGoodsTime": 2,
            "promiseTimeStampOfDelivery": ms(order.ship_by),
            "validPromiseShipmentTimeStamp": ms(order.ship_by),
        },
        "orderItemInfo": _item(order, main),
        "orderRefundList": [{"refundId": int(r.no), "refundStatus": refund_status(r)} for r in newest],
        "orderLogisticsInfo": _tracks(order, main),
        "orderNote": {"sellerNote": [], "orderNoteInfo": _notes(order)},
        "orderAddress": _address(order),
        "orderStepInfo": {"orderPaymentStatus": {"payStepType": 0, "orderPayStatus": 0}, "orderPaymentSteps": []},
        "orderCpsInfo": None,
        "orderDeliveryInfo": None,
        "subOrderInfo": [_gift(order, x) for x in gifts],
    }


def _item(order: Order, line: Line) -> dict[str, Any]:
    listing = line.listing
    return {
        "skuId": int(listing.listing),
        "relSkuId": 0,
        "skuDesc": ";".join(listing.variant),
        "skuNick": listing.code,
        "itemId": int(listing.product),
        "relItemId": 0,
        "itemTitle": listing.title,
        "itemLinkUrl": f"https://app.kwaixiaodian.com/merchant/shop/detail?id={listing.product}",
        "itemPicUrl": "https://u1-example.kwaizt.com/item.jpg",
        "num": line.qty,
        "originalPrice": listing.unit,
        "discountFee": 0,
        "price": line.unit,
        "itemType": 1,
        "goodsCode": "",
        "warehouseCode": "",
        "orderItemId": 10_000_000_000 + digest("item", line.no) % 10**9,
    }


def _gift(order: Order, line: Line) -> dict[str, Any]:
    return {
        "subOrderBaseInfo": {
            "oid": int(line.no),
            "status": status(order, line),
            "sendTime": ms(order.shipped_at) if line.shipped_qty else 0,
            "updateTime": ms(order.modified),
            "recvTime": ms(order.ended_at) if order.state == "completed" else 0,
        },
        "subOrderItemInfo": _item(order, line),
        "subOrderLogisticsInfo": _tracks(order, line),
        "subOrderType": 2,
    }


def _tracks(order: Order, line: Line) -> list[dict[str, Any]]:
    return [_track(order, p) for p in order.parcels if any(no == line.no for no, _ in p.lines)]


def _track(order: Order, parcel: Parcel) -> dict[str, Any]:
    return {
        "expressNo": parcel.waybill,
        "expressCode": int(carriers.of(parcel.carrier).at("kuaishou")),
        "logisticsId": 99_000_000 + digest("track", order.no, parcel.waybill) % 10**6,
    }


def _notes(order: Order) -> list[dict[str, Any]]:
    if not order.memo:
        return []
    flag = f"{_FLAGS[order.flag]}_flag_tag_order" if order.flag in _FLAGS else ""
    return [{"createTime": ms(order.modified), "note": order.memo, "flagTagCode": flag, "operatorName": "店长"}]


def _address(order: Order) -> dict[str, Any]:
    r, mark = order.receiver, (order.no, order.address_no)
    told: dict[str, Any] = {
        "encryptedConsignee": f"##{token_text(20, 'name', *mark)}==##",
        "desensitiseConsignee": f"{r.name[0]}*",
        "encryptedMobile": f"##{token_text(20, 'tel', *mark)}==##",
        "desensitiseMobile": mask_phone(r.phone),
        "provinceCode": digest("place", r.province) % 1_000_000,
        "province": r.province,
        "cityCode": digest("place", r.city or r.district) % 1_000_000,
        "city": r.city or r.district,
        "districtCode": digest("place", r.district) % 1_000_000,
        "district": r.district,
        "townCode": digest("place", r.town) % 1_000_000_000,
        "town": r.town,
        "encryptedAddress": f"##{token_text(30, 'detail', *mark)}==##",
        "desensitiseAddress": "**路**号",
    }
    return told if not order.hold else {name: 0 if isinstance(value, int) else "" for name, value in told.items()}


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        base = tree["orderBaseInfo"]
        for name in ("expressFee", "discountFee", "totalFee"):
            base[name] = float(base[name])
        tree["orderItemInfo"]["price"] = float(tree["orderItemInfo"]["price"])
    return spoil(tree, broken, _BROKEN)


def fees(order: Order) -> dict[str, Any]:
    """What open.seller.order.fee.detail says: who bears the discounts, and what the buyer pays."""
    main, total = order.lines[0], order.goods - order.shop_off
    outer = [
        {
            "type": 1000,
            "subType": kind,
            "discountFee": fen,
            "template": 0,
            "bearInfoList": [{"bearer": who, "bearAmount": fen}],
        }
        for kind, who, fen in ((1001, 1, order.shop_off), (1002, 2, order.platform_off))
        if fen
    ]
    return {
        "oid": int(order.no),
        "sellerId": _SELLER,
        "totalFee": total,
        "discountFee": order.shop_off + order.platform_off,
        "expressFee": order.freight,
        "platformAllowance": order.platform_off,
        "sellerRecv": total + order.freight,
        "buyerPay": total + order.freight - order.platform_off,
        "marketingInfoOuters": outer,
        "productFeeInfoOuters": [
            {
                "id": int(order.no) + 1,
                "oid": int(order.no),
                "skuId": int(main.listing.listing),
                "originalPrice": main.listing.unit,
                "price": main.unit,
                "num": main.qty,
                "discountFee": order.shop_off + order.platform_off,
                "productMarketingInfoOuters": outer,
            }
        ],
        "platformBearAmount": order.platform_off,
        "merchantBearAmount": order.shop_off,
    }


def refund(refund: Refund, order: Order) -> dict[str, Any]:
    """One element of refundOrderInfoList."""
    listing = order.lines[0].listing
    return {
        "refundId": int(refund.no),
        "oid": int(order.no),
        "skuId": int(listing.listing),
        "relSkuId": 0,
        "skuNick": listing.code,
        "itemId": int(listing.product),
        "relItemId": 0,
        "handlingWay": _WAYS[refund.kind],
        "refundType": 1,
        "refundFee": refund.amount,
        "refundReason": 1,
        "refundReasonDesc": refund.reason,
        "refundDesc": "",
        "status": refund_status(refund),
        "negotiateStatus": {"asked": 1, "refused": 3}.get(refund.status, 2),
        "receiptStatus": 2 if refund.kind == "return" else 1,
        "logisticsId": digest("back", refund.no) % 10**8 if refund.waybill else 0,
        "submitTime": ms(refund.created),
        "createTime": ms(refund.created),
        "updateTime": ms(refund.modified),
        "negotiateUpdateTime": ms(refund.modified),
        "endTime": ms(refund.done_at),
        "expireTime": 0,
    }


def item(listings: list[Listing], levels: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """What open.item.get says of an item: its skus with what is shown of each."""
    return {
        "itemId": int(listings[0].product),
        "relItemId": 0,
        "title": listings[0].title,
        "skuInfos": [
            {
                "kwaiSkuId": int(x.listing),
                "relSkuId": 0,
                "skuStock": levels.get(("kuaishou", x.listing), 0),
                "skuSalePrice": x.unit,
                "isValid": 1,
                "specification": ";".join(x.variant),
                "skuNick": x.code,
                "kwaiItemId": int(x.product),
            }
            for x in listings
        ],
    }
