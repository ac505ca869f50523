"""A small scripted Suning."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.fakes import BIG, Fake, Row, local, read_local
from tests.adapters.kit import Reply, Seen


def failed(code: str) -> dict[str, Any]:
    return {"sn_responseContent": {"sn_error": {"error_code": code}}}


def told(name: str, body: Any, total: int | None = None) -> dict[str, Any]:
    head = {"returnMessage": "ok"} if total is None else {"pageNo": "1", "totalSize": str(total)}
    return {"sn_responseContent": {"sn_head": head, "sn_body": {name: body}}}


class FakeSuning(Fake):
    platform = "suning"
    token_expired: Reply = failed("sys.check.access-token:expired")
    # no word of its own for too many calls
    throttled_2s: Reply = failed("biz.order.query:operate failed,retry later")
    busy: Reply = failed("sys.handler.order:operate failed,retry later")
    refused: Reply = failed("biz.orderget.ordercode-format:error")
    unknown_code: Reply = failed("biz.never.heard-of:it")

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self.cases: dict[str, dict[str, Any]] = {}

    def payload(self, row: Row) -> dict[str, Any]:
        carrier, waybill = row.shipped[0] if row.shipped else ("", "")
        line = {
            "productCode": "51", "unitPrice": "10.00000", "payAmount": "10.00000", "saleNum": "1.00000",
            "orderLineStatus": "20" if row.shipped else "10", "transportFee": "0.00000", "returnOrderFlag": "0",
            "coupontotalMoney": "0.00000", "vouchertotalMoney": "", "orderLineNumber": str(row.number + 1),
            "expresscompanycode": carrier, "expressno": waybill, "orderLineStatusChangeTime": local(row.modified),
        }  # fmt: skip
        return {
            "orderCode": str(row.number), "orderTotalStatus": line["orderLineStatus"], "orderTime": "2025-11-20 09:00:00",
            "orderSaleTime": "2025-11-20 09:00:20", "countMoney": "10.00000", "orderDetail": [line], **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"countMoney": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"orderCode": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        if seen.path == "/api/oauth/token":
            return {"access_token": "token-2", "refresh_token": "refresh-2", "expires_in": 86400}
        method = seen.headers["AppMethod"]
        ((name, body),) = seen.json["sn_request"]["sn_body"].items()
        match method:
            case "suning.custom.ordmodtime.query" | "suning.custom.ord.query":
                start, end = read_local(body["startTime"]), read_local(body["endTime"])
                rows, total = self.select(start, end, int(body["pageNo"]) - 1, int(body["pageSize"]))
                return (
                    told(name, [self.payload(r) for r in rows], total)
                    if rows
                    else failed("biz.handler.data-get:no-result")
                )
            case "suning.custom.order.get":
                self.details.append(body["orderCode"])
                row = self.find(body["orderCode"])
                return failed("biz.handler.data-get:no-result") if row is None else told(name, self.payload(row))
            case "suning.custom.orderdelivery.add":
                row = self.find(body["orderCode"])
                assert row is not None
                if row.shipped:
                    return failed("biz.orderDelivery.order-status:error")
                row.shipped.append((body["expressCompanyCode"], body["expressNo"]))
                self.effects.append(body)
                return told(name, {"sendresult": "Y"})
            case "suning.custom.inventory.modify":
                if body["productCode"] == "666":
                    return failed("biz.inventory.productcode-value:inexistence")
                self.effects.append(body)
                return told(name, {"result": "Y"})
            case "suning.custom.refundinformation.query":
                case_ = self.cases.get(body["returnApplyId"])
                return told(name, {"returnFlag": "N"} if case_ is None else {"returnFlag": "Y", "data": case_})
            case _:
                self.effects.append({"method": method, name: json.dumps(body, sort_keys=True)})
                return told(name, {"result": "Y"})
