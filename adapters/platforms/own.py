"""Orders that no marketplace owns: of one's own shop, by telephone, written by hand. They come from files.

Source: none, there is no other side. `oms order import` reads the files; whatever would ask or tell a platform is
`Unsupported` by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from adapters.documents import Document
from adapters.errors import Unsupported
from adapters.platforms.base import Answer, Ask, Call, Capabilities, Page, Platform, Request, Scan, Verdict


class Own(Platform):
    """An own shop: what it sells is imported, and nobody is told of it."""

    name = "own"
    title = "Own orders (自有订单)"
    source = "No platform: orders of this kind come from files (docs/own-orders.md)."
    home = ""
    scans: ClassVar[Mapping[str, tuple[Scan, ...]]] = {}
    capabilities = Capabilities(remote=False, last_look=False)

    def request(self, call: Call, token: str) -> Request:
        raise self._nobody("calls")

    def verdict(self, call: Call, answer: Answer) -> Verdict:
        raise self._nobody("answers")

    def list_call(self, ask: Ask) -> Call:
        raise self._nobody(f"pulling {ask.kind}")

    def read_list(self, kind: str, body: bytes) -> Page:
        raise self._nobody(f"pulling {kind}")

    def document(self, kind: str, raw: bytes) -> Document:
        raise self._nobody(f"reading {kind}")

    def identify(self, kind: str, raw: bytes) -> tuple[str, datetime | None]:
        raise self._nobody(f"reading {kind}")

    def _nobody(self, what: str) -> Unsupported:
        """What cannot be done with a shop that has no platform behind it."""
        return Unsupported(f"{self.name}: {what}", shop=self.shop)
