"""A small scripted Youzan, see `tests.adapters.fakes`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.adapters.fakes import Fake, Row, local, read_local
from tests.adapters.kit import NOON, Reply, Seen


def good(data: Any) -> dict[str, Any]:
    return {"trace_id": "yz-1", "code": 200, "success": True, "message": "successful", "data": data}


def bad(code: int, message: str = "x") -> dict[str, Any]:
    return {"trace_id": "yz-9", "code": code, "success": False, "message": message, "data": None}


def gateway(code: int) -> dict[str, Any]:
    return {"gw_err_resp": {"trace_id": "yz-g", "err_msg": "x", "err_code": code}}


class FakeYouzan(Fake):
    platform = "youzan"
    newest_first = True
    token_expired: Reply = gateway(4202)
    throttled_2s: Reply = {"msg": "请求被限流", "code": 500100004}
    busy: Reply = gateway(5002)
    refused: Reply = bad(106100114)
    unknown_code: Reply = bad(987654)
    #: answers of the case detail, by number
    cases: dict[str, dict[str, Any]]

    def payload(self, row: Row) -> dict[str, Any]:
        oid = str(row.number + 1)
        delivery = [
            {"express_state": 1, "oids": [{"oid": oid}], "dists": [{"express_info": {"express_id": int(c), "express_no": w}}]}
            for c, w in row.shipped
        ]  # fmt: skip
        tree: dict[str, Any] = {
            "full_order_info": {
                "order_info": {
                    "tid": str(row.number), "status": "WAIT_BUYER_CONFIRM_GOODS" if row.shipped else "WAIT_SELLER_SEND_GOODS",
                    "created": "2025-11-20 09:00:00", "pay_time": "2025-11-20 09:01:00", "update_time": local(row.modified),
                    "success_time": "", "refund_state": 0,
                },
                "pay_info": {"total_fee": "10.00", "post_fee": "0.00", "payment": "10.00"},
                "address_info": {"receiver_name": "$rn==$1$", "receiver_tel": "$rt==$1$", "delivery_address": "$ra==$1$"},
                "buyer_info": {"yz_open_id": "yz1", "buyer_id": 0},
                "orders": [
                    {"oid": oid, "item_id": 71, "sku_id": 51, "num": 1, "price": "10.00", "payment": "10.00", "title": "t",
                     "outer_sku_id": "C", "outer_item_id": "I", "sku_properties_name": "[]", "is_present": False}
                ],
            },
            "order_promotion": {"order_discount_fee": None, "adjust_fee": "0.00", "item_discount_fee": None},
            "refund_order": [], "delivery_order": delivery,
        }  # fmt: skip
        for path, value in row.change.items():
            *way, last = path.split(".")
            inner = tree
            for step in way:
                inner = inner[step]
            inner[last] = value
        return tree

    def broken(self) -> dict[str, Any]:
        return {"full_order_info.pay_info.payment": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"full_order_info": {"order_info": {"tid": 4.12e18}}}

    def __call__(self, seen: Seen) -> Reply:
        body, method = seen.json, seen.path.removeprefix("/api/")
        match method:
            case "/auth/token":
                ends = int((NOON + timedelta(days=7)).timestamp() * 1000)
                told = {"access_token": "token-2", "expires": ends, "refresh_token": "refresh-2"}
                return {"success": True, "code": 200, "data": {**told, "scope": "x", "authority_id": "7700001"}}
            case "youzan.trades.sold.get/4.0.4":
                part, total = self.select(
                    read_local(body["start_update"]), read_local(body["end_update"]), body["page_no"] - 1, body["page_size"]
                )  # fmt: skip
                return good({"total_results": total, "full_order_info_list": [self.payload(r) for r in part] or None})
            case "youzan.trade.get/4.0.2":
                self.details.append(body["tid"])
                row = self.find(body["tid"])
                return bad(5000, "trade not found") if row is None else good(self.payload(row))
            case "youzan.logistics.online.confirm/3.0.0":
                row = self.find(body["tid"])
                assert row is not None
                if row.shipped:
                    return bad(102570020)
                row.shipped.append((body["out_stype"], body["out_sid"]))
                self.effects.append(body)
                return good({"is_success": True})
            case "youzan.item.quantity.update/3.0.0":
                if body["sku_id"] == 666:
                    return self.refused
                self.effects.append(body)
                return good({"is_success": True})
            case "youzan.trade.refund.get/3.0.1":
                return good(self.cases[body["refund_id"]]) if body["refund_id"] in self.cases else bad(106100110)
            case "youzan.trade.refund.search/3.0.1":
                start, end = (datetime.fromtimestamp(body[f"update_time_{x}"], UTC) for x in ("start", "end"))
                rows = [c for c in self.cases.values() if start <= read_local(c["modified"]) <= end]
                return good({"total": len(rows), "refunds": [{"refund_id": c["refund_id"]} for c in rows] or None})
            case _:
                assert method.startswith(("youzan.trade.refund.", "youzan.trade.returngoods.")), method
                self.effects.append((method, body))
                return good({"is_success": True})
