"""Taobao: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import FakeTaobao


class TestTaobao(PlatformContract):
    fake = FakeTaobao
    told_wait_s = 2.0

    def without_lines(self, raw: str, empty: str) -> bytes:
        payload = json.loads(raw)
        payload["orders"]["order"] = json.loads(empty)
        return json.dumps(payload).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["orders"]["order"][0]
        return line
