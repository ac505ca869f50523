"""A small scripted Vipshop."""

from __future__ import annotations

from typing import Any

from tests.adapters.fakes import BIG, Fake, Row, local, read_local
from tests.adapters.kit import Reply, Seen

SOV = "vipapis.marketplace.delivery.SovDeliveryService"


def failed(code: str, message: str = "m") -> dict[str, Any]:
    return {"returnCode": code, "returnMessage": message}


def good(result: Any) -> dict[str, Any]:
    return {"returnCode": "0", "result": result}


class FakeVipshop(Fake):
    platform = "vipshop"
    token_expired: Reply = failed("vipapis.oauth-invalidate-failure")
    # no word of its own for a moment's too many calls
    throttled_2s: Reply = failed("vipapis.base-api.error")
    busy: Reply = failed("vipapis.base-api.error")
    refused: Reply = failed("vipapis.sign-not-match")
    unknown_code: Reply = failed("vipapis.sov.never-heard-of")

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.applications: dict[str, dict[str, Any]] = {}
        self.lines_of: list[list[str]] = []

    def head(self, row: Row) -> dict[str, Any]:
        return {k: v for k, v in self.payload(row).items() if k != "order_products"}

    def payload(self, row: Row) -> dict[str, Any]:
        product = {"sku_id": "51", "spu_id": "71", "num": "1", "price": "10.00", "goods_line_money": "10.00"}
        return {
            "order_id": str(row.number), "status": "22" if row.shipped else "10", "total_fee": "10.00", "post_fee": "0.00",
            "discount_fee": "0.00", "ex_discount_fee": "0.00", "payable_fee": "10.00", "created": "2025-11-20 09:00:00",
            "store_add_time": "2025-11-20 09:03:00", "last_update_time": local(row.modified), "order_products": [product],
            **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"payable_fee": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"order_id": float(BIG)}

    def renews(self, seen: Seen) -> bool:
        return seen.query["method"] == "refreshToken"

    def __call__(self, seen: Seen) -> Reply:
        asked = seen.json.get("request", {})
        match seen.query["method"]:
            case "refreshToken":
                return good({"access_token": "token-2", "refresh_token": "refresh-2", "expires_in": 86400})
            case "getOrders" if "order_ids" in asked:
                self.details += asked["order_ids"]
                rows = [r for no in asked["order_ids"] if (r := self.find(no)) is not None]
                return good({"total": len(rows), "orders": [self.head(r) for r in rows]})
            case "getOrders":
                start, end = read_local(asked["query_start_time"]), read_local(asked["query_end_time"])
                rows, total = self.select(start, end, asked["page"] - 1, asked["limit"])
                return good({"total": total, "orders": [self.head(r) for r in rows] or None})
            case "getOrderDetail":
                self.lines_of.append(seen.json["order_ids"])
                rows = [r for no in seen.json["order_ids"] if (r := self.find(no)) is not None]
                lines = [{"order_id": str(r.number), "order_products": self.payload(r)["order_products"]} for r in rows]
                return good(lines)
            case "ship":
                (ship, *_) = asked["ships"]
                row = self.find(ship["order_id"])
                assert row is not None
                if row.shipped:
                    told = [{"ship": ship, "result_desc": "订单已发货"}]
                    return good({"success_num": 0, "fail_num": 1, "fail_data": told})
                row.shipped += [(s["carrier_code"], p["transport_no"]) for s in asked["ships"] for p in s["packages"]]
                self.effects.append(asked)
                return good({"success_num": 1, "fail_num": 0, "fail_data": []})
            case "updateSkuStock":
                level = seen.json["updateSkuStockRequest"]
                if level["sku_id"] == "666":
                    return good({"success": False, "over_sell_quantity": 0})
                self.effects.append(level)
                return good({"success": True, "over_sell_quantity": 0})
            case "getSkuStock":
                stocks = [
                    {"sku_id": "51", "leaving_stock": n, "warehouse": w} for n, w in ((4, "VIP_NH"), (3, "VIP_SH"))
                ]
                return good({"sku_stocks": stocks if seen.json["getSkuStockRequest"]["sku_id"] == "51" else None})
            case "batchGetCancelInfo":
                return good(
                    {"cancelInfos": [a for no, a in self.applications.items() if asked.get("apply_sn") in (None, no)]}
                )
            case "auditCancelApply":
                self.effects.append(asked)
                return good(None)
            case other:
                raise AssertionError(other)
