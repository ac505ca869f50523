"""A small scripted Pinduoduo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.adapters.fakes import BIG, Fake, Row, local
from tests.adapters.kit import Reply, Seen


def failed(code: int, sub: str | None = None) -> dict[str, Any]:
    told = {"error_code": code, "error_msg": "m", "sub_code": sub, "sub_msg": None, "request_id": f"pdd-{code}"}
    return {"error_response": told}


class FakePdd(Fake):
    platform = "pdd"
    newest_first = True
    token_expired: Reply = failed(10019)
    throttled_2s: Reply = failed(70031)
    busy: Reply = failed(52102)
    refused: Reply = failed(10001)
    unknown_code: Reply = failed(987654)

    def payload(self, row: Row) -> dict[str, Any]:
        first, *more = row.shipped or [("", "")]
        return {
            "order_sn": str(row.number), "order_status": 2 if row.shipped else 1, "confirm_status": 1, "refund_status": 1,
            "created_time": "2025-11-20 09:00:00", "pay_time": "2025-11-20 09:00:20", "updated_at": local(row.modified),
            "last_ship_time": "2025-11-22 09:00:20", "goods_amount": 10, "pay_amount": 10, "postage": 0,
            "logistics_id": int(first[0] or 0), "tracking_number": first[1],
            "extra_delivery_list": [{"logistics_id": int(c), "tracking_number": w} for c, w in more],
            "item_list": [{"goods_id": "71", "sku_id": "51", "goods_price": 10.0, "goods_count": 1}],
            **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"pay_amount": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"order_sn": float(BIG)}

    def renews(self, seen: Seen) -> bool:
        return "token" in seen.form["type"]

    def __call__(self, seen: Seen) -> Reply:
        form = seen.form
        match form["type"]:
            case "pdd.pop.auth.token.refresh":
                told = {
                    "access_token": "token-2",
                    "refresh_token": "refresh-2",
                    "expires_in": 86400,
                    "owner_id": "7700001",
                }
                return {"pop_auth_token_refresh_response": told}
            case "pdd.order.number.list.increment.get":
                start, end = (datetime.fromtimestamp(int(form[f"{x}_updated_at"]), UTC) for x in ("start", "end"))
                page, size = int(form["page"]) - 1, int(form["page_size"])
                rows, total = self.select(start, end, page, size)
                # half an hour is less than the contract's window: only where there is something it miscounts
                total = total if any(start <= r.modified <= end for r in self.rows) else 0
                head = (
                    {"total_count": total}
                    if form["use_has_next"] == "false"
                    else {"has_next": (page + 1) * size < total}
                )
                return {"order_sn_increment_get_response": {**head, "order_sn_list": [self.payload(r) for r in rows]}}
            case "pdd.order.information.get":
                self.details.append(form["order_sn"])
                row = self.find(form["order_sn"])
                return failed(10001) if row is None else {"order_info_get_response": {"order_info": self.payload(row)}}
            case "pdd.logistics.online.send":
                row = self.find(form["order_sn"])
                assert row is not None
                if row.shipped:
                    return failed(50001, "30010")
                row.shipped.append((form["logistics_id"], form["tracking_number"]))
                self.effects.append(form)
                return {"logistics_online_send_response": {"is_success": True}}
            case "pdd.goods.quantity.update":
                if form["sku_id"] == "666":
                    return {"goods_quantity_update_response": {"is_success": False}}
                self.effects.append(form)
                return {"goods_quantity_update_response": {"is_success": True}}
            case other:
                raise AssertionError(other)
