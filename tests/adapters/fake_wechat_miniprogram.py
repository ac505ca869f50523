"""A small scripted WeChat with the payments of a mini program, and its mall."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.adapters.fakes import BIG, Fake, Row
from tests.adapters.kit import Reply, Seen

MALL_URL = "https://mall.example.com/oms"


def failed(code: int) -> dict[str, Any]:
    return {"errcode": code, "errmsg": f"m rid: mp-{code}"}


class FakeMiniprogram(Fake):
    platform = "wechat_miniprogram"
    newest_first = True
    token_expired: Reply = failed(42001)
    throttled_2s: Reply = failed(45011)
    busy: Reply = failed(-1)
    refused: Reply = failed(10060014)
    unknown_code: Reply = failed(987654321)

    def payload(self, row: Row) -> dict[str, Any]:
        parcels = [
            {"tracking_no": w, "express_company": c, "upload_time": int(row.modified.timestamp())}
            for c, w in row.shipped
        ]
        return {
            "transaction_id": f"42{row.number}", "merchant_trade_no": str(row.number), "merchant_id": "7700001", "description": "T恤*1",
            "paid_amount": 1000, "openid": "o1", "trade_create_time": int(row.modified.timestamp()) - 9, "pay_time": int(row.modified.timestamp()),
            "order_state": 2 if row.shipped else 1, "in_complaint": False,
            "shipping": {"delivery_mode": 1, "finish_shipping": True, "shipping_list": parcels} if parcels else {}, **row.change,
        }  # fmt: skip

    def mall(self, row: Row) -> dict[str, Any]:
        return {
            "number": str(row.number), "modified": int(row.modified.timestamp()), "payable": 1000, "freight": 200, "discounts": [{"kind": "coupon", "amount": 400}],
            "receiver": {"name": "张三", "phone": "13800000021", "province": "浙江省", "city": "杭州市", "district": "西湖区", "address": "示例路1号"},
            "lines": [{"line": f"{row.number}-0", "listing": "51", "product": "71", "code": "SKU-1", "title": "T恤", "qty": 2, "unit": 600, "paid": 800}],
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"paid_amount": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"merchant_trade_no": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        body = seen.json
        match seen.path:
            case "/cgi-bin/stable_token":
                return {"access_token": "token-2", "expires_in": 7200}
            case "/oms/orders":
                found = [r for r in map(self.find, body["numbers"]) if r is not None]
                return {"orders": [self.mall(r) for r in found]}
            case "/wxa/sec/order/get_order_list":
                span, at, size = body["pay_time_range"], int(body["last_index"] or 0), body["page_size"]
                start, end = (datetime.fromtimestamp(span[f"{x}_time"], UTC) for x in ("begin", "end"))
                part, total = self.select(start, end, at, size)
                rows = [self.payload(r) for r in part]
                if body.get("order_state"):
                    rows = [r for r in rows if r["order_state"] == body["order_state"]]
                more = (at + 1) * size < total
                return {
                    "errcode": 0,
                    "errmsg": "ok",
                    "order_list": rows or None,
                    "last_index": str(at + 1),
                    "has_more": more,
                }
            case "/wxa/sec/order/get_order":
                self.details.append(body["merchant_trade_no"])
                row = self.find(body["merchant_trade_no"])
                return failed(10060001) if row is None else {"errcode": 0, "errmsg": "ok", "order": self.payload(row)}
            case "/wxa/sec/order/upload_shipping_info":
                row = self.find(body["order_key"]["transaction_id"][2:])
                assert row is not None
                if row.shipped:
                    return failed(10060023)
                row.shipped += [(p["express_company"], p["tracking_no"]) for p in body["shipping_list"]]
                self.effects.append(body)
                return {"errcode": 0, "errmsg": "ok"}
            case other:
                raise AssertionError(other)
