"""JD: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from typing import Any

from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import FakeJd


class TestJd(PlatformContract):
    fake = FakeJd

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "itemInfoList": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["itemInfoList"][0]
        return line
