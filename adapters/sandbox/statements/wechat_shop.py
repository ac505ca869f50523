"""WeChat shop: a ledger asked flow by flow, and for a file the same details, one JSON object a line.

Source: the funds pages of the WeChat shop documentation as public SDKs give them (getfundsflowlist, getfundsflowdetail,
getbalance; kinds of flows 1 payment, 2 fee, 3 refund, 4 withdrawal, 11 platform's commission, 16 freight insurance, 99
shares). Amounts in fen without sign; flow_type says which way.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox.pages import Call
from adapters.sandbox.payloads.wechat_shop import transaction_id
from adapters.sandbox.statements.rows import Row, number
from adapters.sandbox.wire import beijing
from adapters.sandbox.writes.wechat_shop import Refusal, need

if TYPE_CHECKING:
    from adapters.sandbox.world import World

_TYPES = {
    "goods": (1, "订单支付收入"),
    "refund": (3, "退款"),
    "withdrawal": (4, "提现"),
    "commission": (11, "平台抽佣"),
    "service_fee": (16, "运费险"),
    "subsidy": (99, "平台优惠补贴"),
}


def flows_jsonl(world: World, day: str) -> tuple[str, bytes]:
    """The details of a day's flows, one a line."""
    lines = [msgspec.json.encode(_detail(r, left)) for r, left in world.statements.balances("wechat_shop", day)]
    return f"funds_flow_{day.replace('-', '')}.jsonl", b"".join(line + b"\n" for line in lines)


def _detail(row: Row, left: int) -> dict[str, Any]:
    kind, words = _TYPES[row.kind]
    return {
        "flow_id": row.ref,
        "funds_type": kind,
        "flow_type": 1 if row.amount > 0 else 2,
        "amount": abs(row.amount),
        "balance": left,
        "related_info_list": _related(row),
        "bookkeeping_time": beijing(row.at),
        "remark": words,
    }


def _related(row: Row) -> list[dict[str, Any]]:
    """What a flow belongs to: 1 an order, 2 an after-sale case, 3 a withdrawal."""
    empty = {"order_id": "", "aftersale_id": "", "withdraw_id": "", "transaction_id": ""}
    if row.kind == "withdrawal":
        return [{**empty, "related_type": 3, "withdraw_id": number(12, "withdraw", row.ref)}]
    if not row.order:
        return []
    own = {"order_id": row.order, "transaction_id": transaction_id(row.order)}
    if row.refund:
        return [{**empty, **own, "related_type": 2, "aftersale_id": row.refund}]
    return [{**empty, **own, "related_type": 1}]


def flow_list(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/funds/getfundsflowlist: numbers of flows booked in a window, oldest first, with a cursor."""
    start, end, size = body.get("start_time"), body.get("end_time"), body.get("page_size")
    if not isinstance(start, int) or not isinstance(end, int) or end < start:
        raise Refusal(40097, "invalid args: start_time, end_time")
    if not isinstance(size, int) or not 1 <= size <= 100:
        raise Refusal(40097, "invalid args: page_size")
    found = list(call.world.statements.between("wechat_shop", start, end))
    if body.get("transaction_id"):
        found = [r for r in found if any(x["transaction_id"] == body["transaction_id"] for x in _related(r))]
    page = body.get("page") or 1
    skip = _unpack(str(body["next_key"])) if body.get("next_key") else (int(page) - 1) * size
    cut = found[skip : skip + size]
    return {
        "flow_ids": [r.ref for r in cut],
        "has_more": len(found) > skip + size,
        "next_key": base64.b64encode(f"flows {skip + size}".encode()).decode(),
    }


def _unpack(key: str) -> int:
    try:
        word, _, skip = base64.b64decode(key, validate=True).decode().partition(" ")
        if word != "flows":
            raise ValueError(word)
        return int(skip)
    except (binascii.Error, ValueError) as error:
        raise Refusal(40097, "invalid args: next_key") from error


def flow_detail(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/funds/getfundsflowdetail."""
    need(body, "flow_id")
    statements = call.world.statements
    for day in statements.days:
        for row, left in statements.balances("wechat_shop", day):
            if row.ref == str(body["flow_id"]):
                return {"funds_flow": _detail(row, left)}
    raise Refusal(40097, "invalid args: flow_id")


def balance(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """/channels/ec/funds/getbalance: what stands on the account after the last day that is over."""
    days = call.world.statements.days
    told = call.world.statements.balances("wechat_shop", days[-1]) if days else []
    left = told[-1][1] if told else call.world.statements.opening("wechat_shop", days[-1]) if days else 0
    return {"balance_info": {"available_amount": left, "pending_amount": 0, "sub_mchid": "1600000001"}}


METHODS: Mapping[str, Callable[[Call, dict[str, Any]], dict[str, Any]]] = {
    "/channels/ec/funds/getfundsflowlist": flow_list,
    "/channels/ec/funds/getfundsflowdetail": flow_detail,
    "/channels/ec/funds/getbalance": balance,
}
