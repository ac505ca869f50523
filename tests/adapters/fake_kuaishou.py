"""A small scripted Kuaishou shop."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.adapters.fakes import BIG, Fake, Row
from tests.adapters.kit import NOON, Reply, Seen

CREATED = int((NOON - timedelta(hours=3)).timestamp()) * 1000


def failed(result: int, message: str = "no", **more: Any) -> dict[str, Any]:
    return {"result": result, "error_msg": message, "requestId": f"ks-{result}", **more}


def good(data: Any) -> dict[str, Any]:
    return {"result": 1, "code": "1", "msg": "success", "error_msg": "SUCCESS", "requestId": "ks-1", "data": data}


def asked(seen: Seen) -> dict[str, Any]:
    """The business arguments of a request."""
    found: dict[str, Any] = json.loads((seen.query or seen.form)["param"])
    return found


class FakeKuaishou(Fake):
    platform = "kuaishou"
    token_expired: Reply = failed(28, "access_token已过期")
    throttled_2s: Reply = failed(14, "Exceed qps limit")
    busy: Reply = failed(100200500, "server_error")
    refused: Reply = failed(2001, "no", code="807000")
    unknown_code: Reply = failed(987654)
    cursor_stuck = False
    level = 4

    def payload(self, row: Row) -> dict[str, Any]:
        base = {
            "oid": row.number, "status": 40 if row.shipped else 30, "createTime": CREATED, "payTime": CREATED + 9000,
            "updateTime": int(row.modified.timestamp()) * 1000, "expressFee": 0, "discountFee": 0, "totalFee": 1000,
        }  # fmt: skip
        return {
            "orderBaseInfo": base,
            "orderItemInfo": {"skuId": 51, "itemId": 71, "skuNick": "A", "num": 1, "price": 1000},
            "orderLogisticsInfo": [{"expressCode": int(c), "expressNo": w} for c, w in row.shipped],
            "orderAddress": {"desensitiseConsignee": "林*"},
            **{name: {**base, **value} if name == "orderBaseInfo" else value for name, value in row.change.items()},
        }

    def broken(self) -> dict[str, Any]:
        return {"orderBaseInfo": {"expressFee": "ten"}}

    def float_id(self) -> dict[str, Any]:
        return {"orderBaseInfo": {"oid": float(BIG)}}

    def __call__(self, seen: Seen) -> Reply:
        if seen.path == "/oauth2/refresh_token":
            return {
                "result": 1,
                "access_token": "token-2",
                "refresh_token": "refresh-2",
                "expires_in": 172800,
                "open_id": "7700001",
            }
        args = asked(seen)
        match seen.path:
            case "/open/order/cursor/list":
                size, at = args["pageSize"], int(args["cursor"] or 0)
                start, end = (datetime.fromtimestamp(args[n] / 1000, UTC) for n in ("beginTime", "endTime"))
                rows, total = self.select(start, end, at, size)
                cursor = (
                    "1"
                    if self.page_ignored or self.cursor_stuck
                    else str(at + 1)
                    if (at + 1) * size < total
                    else "nomore"
                )
                return good({"cursor": cursor, "pageSize": size, "orderList": [self.payload(r) for r in rows] or None})
            case "/open/order/detail":
                self.details.append(str(args["oid"]))
                row = self.find(args["oid"])
                return failed(2001, "订单不存在") if row is None else good(self.payload(row))
            case "/open/seller/order/fee/detail":
                return good(
                    {"oid": args["orderId"], "buyerPay": 1000, "platformBearAmount": 0, "merchantBearAmount": 0}
                )
            case "/open/seller/order/goods/deliver" | "/open/order/goods/split/deliver":
                row = self.find(args.get("orderId") or args["mainOrderId"])
                assert row is not None
                if row.shipped:
                    return failed(21, "订单已发货")
                packs = args.get("deliveryItemInfoList") or [args]
                row.shipped += [(str(p["expressCode"]), p["expressNo"]) for p in packs]
                self.effects.append((seen.path, args))
                return good(None)
            case "/open/item/sku/stock/update":
                if args["skuId"] == 666:
                    return self.refused
                self.effects.append(args)
                return good(None)
            case "/open/item/get":
                skus = [{"kwaiSkuId": s, "skuStock": self.level} for s in (51, 52)]
                return good({"itemId": args["kwaiItemId"], "skuInfos": skus})
            case other:
                raise AssertionError(other)
