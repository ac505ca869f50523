"""A Taobao of any number of orders that keeps none of them: each answer is made when it is asked for.

Order n was changed n seconds after the start, so that more orders take more time, at the same rate. It stands at the
seam where a socket would be (an httpx transport).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

import httpx
import msgspec

from benchmarks.office import T0, sku

_CHINA = timezone(timedelta(hours=8))
_FIRST = 3_800_000_000_000_000_000
_PLACES = (("浙江省", "杭州市", "西湖区"), ("广东省", "深圳市", "南山区"), ("四川省", "成都市", "武侯区"))
_encode = msgspec.json.Encoder().encode


class Market(httpx.BaseTransport):
    """Answers what the adapter's jobs ask."""

    def __init__(self, orders: int) -> None:
        self._orders = orders
        self._answers: dict[str, Callable[[dict[str, str]], Any]] = {
            "taobao.trades.sold.increment.get": self._listed,
            "taobao.trade.fullinfo.get": lambda p: {"trade": trade(int(p["tid"]) - _FIRST)},
            "taobao.refunds.receive.get": lambda p: {"total_results": 0},
            "taobao.logistics.offline.send": lambda p: {"shipping": {"is_success": True}},
            "taobao.top.oaid.merge": self._merged,
        }

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = {name: values[0] for name, values in parse_qs(request.read().decode()).items()}
        method = asked["method"]
        inner = self._answers[method](asked) if method in self._answers else {"request_id": "1"}
        name = method.removeprefix("taobao.").replace(".", "_") + "_response"
        return httpx.Response(200, content=_encode({name: inner}), headers={"content-type": "application/json"})

    def _listed(self, asked: dict[str, str]) -> dict[str, Any]:
        """Newest first, both ends inclusive, as Taobao does it."""
        low = max(_second(asked["start_modified"]), 0)
        high = min(_second(asked["end_modified"]), self._orders - 1)
        total, size = max(high - low + 1, 0), int(asked["page_size"])
        at = (int(asked["page_no"]) - 1) * size
        rows = [trade(n) for n in range(high - at, max(high - at - size, low - 1), -1)]
        ends = {"has_next": at + size < total} if asked["use_has_next"] == "true" else {"total_results": total}
        return {"trades": {"trade": rows}, **ends}

    def _merged(self, asked: dict[str, str]) -> dict[str, Any]:
        groups: dict[int, list[str]] = {}
        for pair in msgspec.json.decode(asked["merge_list"]):
            groups.setdefault(_buyer(int(pair["tid"]) - _FIRST), []).append(str(pair["tid"]))
        return {"tid_list": {"string": [",".join(numbers) for numbers in groups.values()]}}


def trade(n: int) -> dict[str, Any]:
    """The n-th order as the platform tells it."""
    buyer, at = _buyer(n), T0 + timedelta(seconds=n)
    province, city, district = _PLACES[buyer % 3]
    lines = [_line(n, i) for i in (1, 2)]
    goods = sum(int(float(x["price"])) * x["num"] for x in lines)
    return {
        "tid": _FIRST + n, "status": "WAIT_SELLER_SEND_GOODS", "type": "fixed", "created": _text(at - timedelta(minutes=2)),
        "pay_time": _text(at - timedelta(minutes=1)), "modified": _text(at), "post_fee": "0.00", "payment": f"{goods}.00",
        "buyer_nick": "t**1", "buyer_open_uid": f"AA{buyer:016d}", "receiver_name": "张**", "receiver_mobile": "*******1234",
        "receiver_state": province, "receiver_city": city, "receiver_district": district, "receiver_address": "文**路***号",
        "oaid": f"{n:048d}", "orders": {"order": lines},
    }  # fmt: skip


def _line(n: int, i: int) -> dict[str, Any]:
    unit = 40 + n * 37 % 200
    return {
        "oid": (_FIRST + n) * 10 % 10**18 + i, "num_iid": 620_000 + n * 31 % 1000, "sku_id": str(4_800_000 + n * 31 % 1000 + i),
        "outer_sku_id": sku(n * 31 + i * 397), "title": "夏季新款纯棉短袖 T 恤", "price": f"{unit}.00", "num": 1 + (n + i) % 2,
        "divide_order_fee": f"{unit * (1 + (n + i) % 2)}.00", "status": "WAIT_SELLER_SEND_GOODS", "refund_status": "NO_REFUND",
    }  # fmt: skip


def _buyer(n: int) -> int:
    """Three in ten orders come from the buyer of the one before."""
    return n - 1 if n % 10 in (2, 5, 8) else n


def _text(at: datetime) -> str:
    return f"{at.astimezone(_CHINA):%Y-%m-%d %H:%M:%S}"


def _second(text: str) -> int:
    at = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA)
    return int((at - T0).total_seconds())
