"""Douyin: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import FakeDouyin


class TestDouyin(PlatformContract):
    fake = FakeDouyin

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "sku_order_list": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["sku_order_list"][0]
        return line
