"""WeChat shop: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import FakeWechat


class TestWechatShop(PlatformContract):
    fake = FakeWechat
    told_wait_s = 60.0

    def without_lines(self, raw: str, empty: str) -> bytes:
        payload = json.loads(raw)
        payload["order_detail"]["product_infos"] = json.loads(empty)
        return json.dumps(payload).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["order_detail"]["product_infos"][0]
        return line
