"""The hand-over by file: a pick list out, waybills and stop answers back.

Source: our own layout, described in docs/warehouse-files.md; headers are also understood in the words Chinese warehouse
systems export (快递单号, 物流公司, …).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from adapters.warehouses.base import PickLine, Reply, UnreadableReply, Warehouse

#: 6 to 40 letters, digits and hyphens: what every carrier's numbers are made of
_WAYBILL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{5,39}")
_CARRIER = re.compile(r"[A-Za-z0-9_-]{1,32}")
#: words for the two answers to a stop request
_ANSWERS: Mapping[str, str] = {
    "stopped": "stopped", "stop": "stopped", "已拦截": "stopped", "拦截成功": "stopped", "未发货": "stopped",
    "too_late": "too_late", "too late": "too_late", "拦截失败": "too_late", "已发货": "too_late", "已出库": "too_late",
}  # fmt: skip
#: names of carriers as warehouses write them → our codes
_CARRIERS: Mapping[str, str] = {
    "顺丰": "SF", "顺丰速运": "SF", "圆通": "YTO", "圆通速递": "YTO", "中通": "ZTO", "中通快递": "ZTO", "韵达": "YUNDA",
    "韵达快递": "YUNDA", "申通": "STO", "申通快递": "STO", "邮政": "EMS", "ems": "EMS", "京东": "JD", "京东快递": "JD",
    "德邦": "DEPPON", "德邦快递": "DEPPON",
}  # fmt: skip


class FileWarehouse(Warehouse):
    """Pick list and replies as tables."""

    name = "file"
    title = "hand-over by file"
    source = "own layout"
    pick_columns = (
        "handover_no", "parcel_no", "warehouse", "carrier", "ship_by", "name", "phone", "province", "city", "district",
        "town", "address", "zip", "cipher", "sku", "title", "qty", "orders", "remark",
    )  # fmt: skip
    reply_columns: ClassVar[Mapping[str, str]] = {
        "parcel_no": "parcel_no", "parcel": "parcel_no", "包裹号": "parcel_no", "出库单号": "parcel_no",
        "发货单号": "parcel_no", "carrier": "carrier", "快递公司": "carrier", "物流公司": "carrier", "承运商": "carrier",
        "waybill": "waybill", "tracking": "waybill", "运单号": "waybill", "快递单号": "waybill", "物流单号": "waybill",
        "answer": "answer", "stop": "answer", "拦截结果": "answer",
    }  # fmt: skip

    def pick_row(self, line: PickLine) -> Sequence[object]:
        return [getattr(line, column) for column in self.pick_columns]

    def reply(self, cells: Mapping[str, str]) -> Reply:
        parcel_no = cells.get("parcel_no", "").upper()
        if not parcel_no:
            raise UnreadableReply("no_parcel_no")
        said = cells.get("answer", "").lower()
        answer = _ANSWERS.get(said, "")
        if said and not answer:
            raise UnreadableReply("unknown_answer")
        waybill = cells.get("waybill", "").replace(" ", "")
        if not answer and not waybill:
            raise UnreadableReply("no_waybill")
        if waybill and not _WAYBILL.fullmatch(waybill):
            raise UnreadableReply("bad_waybill")
        carrier = cells.get("carrier", "")
        carrier = _CARRIERS.get(carrier.lower(), carrier.upper())
        if carrier and not _CARRIER.fullmatch(carrier):
            raise UnreadableReply("unknown_carrier")
        return Reply(parcel_no=parcel_no, carrier=carrier, waybill=waybill, answer=answer)
