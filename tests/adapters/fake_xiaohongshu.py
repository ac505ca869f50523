"""A small scripted Xiaohongshu, see `tests.adapters.fakes`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.adapters.fakes import Fake, Row
from tests.adapters.kit import NOON, Reply, Seen


def good(data: Any) -> dict[str, Any]:
    return {"error_code": 0, "success": True, "error_msg": None, "data": data}


def bad(code: int, message: str = "x") -> dict[str, Any]:
    return {"error_code": code, "success": False, "error_msg": message, "data": None}


def nested(data: Any, code: int = 0) -> dict[str, Any]:
    return good({"code": code, "success": code == 0, "msg": "m", "data": data})


class FakeXiaohongshu(Fake):
    platform = "xiaohongshu"
    newest_first = True
    token_expired: Reply = bad(-1, "accessToken已过期")
    throttled_2s: Reply = httpx.Response(429)
    busy: Reply = bad(-2000500)
    refused: Reply = bad(-2000400)
    unknown_code: Reply = bad(-987654)

    def payload(self, row: Row) -> dict[str, Any]:
        created = int((NOON - timedelta(hours=3)).timestamp() * 1000)
        carrier, waybill = row.shipped[0] if row.shipped else ("", "")
        return {
            "orderId": str(row.number), "orderType": 1, "orderStatus": 6 if row.shipped else 4, "cancelStatus": 0,
            "createdTime": created, "paidTime": created + 9000, "updateTime": int(row.modified.timestamp() * 1000),
            "totalPayAmount": 1000, "totalShippingFree": 0, "totalMerchantDiscount": 0, "totalRedDiscount": 0,
            "expressTrackingNo": waybill, "expressCompanyCode": carrier, "simpleDeliveryOrderList": [],
            "openAddressId": "a1", "userId": "u1",
            "skuList": [
                {"skuId": "51", "itemId": "71", "skuName": "n", "erpcode": "C", "skuQuantity": 1, "totalPaidAmount": 1000,
                 "totalMerchantDiscount": 0, "totalRedDiscount": 0, "skuTag": 0, "skuAfterSaleStatus": 1}
            ],
            **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"totalPayAmount": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"orderId": 4.12e18}

    def __call__(self, seen: Seen) -> Reply:
        body = seen.json
        match body["method"]:
            case "oauth.refreshToken":
                ends = int((NOON + timedelta(days=7)).timestamp() * 1000)
                told = {"accessToken": "token-2", "accessTokenExpiresAt": ends, "refreshToken": "refresh-2"}
                return good({**told, "refreshTokenExpiresAt": ends, "sellerId": "7700001", "sellerName": "s"})
            case "order.getOrderList":
                part, total = self.select(
                    datetime.fromtimestamp(body["startTime"], UTC), datetime.fromtimestamp(body["endTime"], UTC),
                    body["pageNo"] - 1, body["pageSize"],
                )  # fmt: skip
                rows = [{"orderId": str(r.number), "updateTime": int(r.modified.timestamp() * 1000)} for r in part]
                page = {"pageNo": body["pageNo"], "pageSize": body["pageSize"], "maxPageNo": 1}
                return good({"total": total, **page, "orderList": rows or None})
            case "order.getOrderDetail":
                self.details.append(body["orderId"])
                row = self.find(body["orderId"])
                return bad(-2000101, "包裹不存在") if row is None else good(self.payload(row))
            case "order.orderDeliver":
                row = self.find(body["orderId"])
                assert row is not None
                if row.shipped:
                    return self.refused
                row.shipped.append((body["expressCompanyCode"], body["expressNo"]))
                self.effects.append(body)
                return good({})
            case "inventory.syncSkuStock":
                if body["skuId"] == "666":
                    return self.refused
                self.effects.append(body)
                return good({"skuId": body["skuId"]})
            case "inventory.getSkuStock":
                return good({"skuId": body["skuId"], "skuStock": {"available": 9, "total": 17}})
            case "afterSale.auditReturns" | "afterSale.confirmReceive":
                self.effects.append(body)
                return good("")
            case other:
                raise AssertionError(other)
