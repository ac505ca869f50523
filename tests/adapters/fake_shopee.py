"""A small scripted Shopee."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.adapters.fakes import BIG, Fake, Row
from tests.adapters.kit import NOON, Reply, Seen


def failed(error: str, message: str = "m") -> dict[str, Any]:
    return {"error": error, "message": message, "request_id": f"sp-{error}"}


def good(response: Any) -> dict[str, Any]:
    return {"error": "", "message": "", "request_id": "sp", "response": response}


class FakeShopee(Fake):
    platform = "shopee"
    newest_first = True
    token_expired: Reply = failed("error_auth", "Invalid access_token.")
    throttled_2s: Reply = failed("error_rate_limit")
    busy: Reply = failed("error_server")
    refused: Reply = failed("error_data")
    unknown_code: Reply = failed("zzz_new")

    def payload(self, row: Row) -> dict[str, Any]:
        created = int((NOON - timedelta(hours=3)).timestamp())
        return {
            "order_sn": str(row.number), "region": "SG", "currency": "SGD", "cod": False, "total_amount": 10.0,
            "order_status": "SHIPPED" if row.shipped else "READY_TO_SHIP", "estimated_shipping_fee": 0, "create_time": created,
            "update_time": int(row.modified.timestamp()), "pay_time": created + 9, "ship_by_date": created + 90000,
            "buyer_user_id": 258000101, "recipient_address": {"name": "A****e", "region": "SG"},
            "item_list": [
                {"item_id": 71, "model_id": 51, "order_item_id": row.number + 1, "model_quantity_purchased": 1,
                 "model_original_price": 10, "model_discounted_price": 10, "promotion_group_id": 0}
            ],
            **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"total_amount": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"order_sn": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        query, body = seen.query, seen.json
        match seen.path:
            case "/api/v2/auth/access_token/get":
                return {
                    "error": "", "message": "", "request_id": "sp", "access_token": "token-2", "refresh_token": "refresh-2",
                    "expire_in": 14400,
                }  # fmt: skip
            case "/api/v2/order/get_order_list":
                start, end = (datetime.fromtimestamp(int(query[f"time_{x}"]), UTC) for x in ("from", "to"))
                at, size = int(query["cursor"] or 0), int(query["page_size"])
                part, total = self.select(start, end, at, size)
                more = (at + 1) * size < total
                rows = [{"order_sn": str(r.number), "order_status": "READY_TO_SHIP", "booking_sn": ""} for r in part]
                return good({"more": more, "next_cursor": str(at + 1) if more else "", "order_list": rows or None})
            case "/api/v2/order/get_order_detail":
                numbers = query["order_sn_list"].split(",")
                self.details += numbers
                found = [r for r in map(self.find, numbers) if r is not None]
                return good({"order_list": [self.payload(r) for r in found]}) if found else failed("error_not_found")
            case "/api/v2/logistics/ship_order":
                row = self.find(body["order_sn"])
                assert row is not None
                if row.shipped:
                    return failed("logistics.error_status_limit")
                row.shipped.append(("SF", body["non_integrated"]["tracking_number"]))
                self.effects.append(body)
                return good({})
            case "/api/v2/product/update_stock":
                models = [(r["model_id"], r["seller_stock"][0]["stock"]) for r in body["stock_list"]]
                taken = [{"model_id": m, "stock": n} for m, n in models if m != 666]
                refused = [{"model_id": m, "failed_reason": "no"} for m, _ in models if m == 666]
                self.effects.append(body)
                return good({"success_list": taken, "failure_list": refused})
            case other:
                raise AssertionError(other)
