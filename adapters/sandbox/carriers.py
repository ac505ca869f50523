"""Carriers: one code of the sandbox's own, and what a waybill looks like. What each platform calls them stands in `traits`.

The waybill patterns are the sandbox's own, in the spirit of Taobao's `reg_mail_no`.
"""

from __future__ import annotations

import re

import msgspec

from adapters.sandbox import traits


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier."""

    code: str
    name: str
    pattern: str
    example: str

    def takes(self, waybill: str) -> bool:
        """Whether this could be one of its waybills."""
        return re.fullmatch(self.pattern, waybill) is not None

    def at(self, platform: str) -> str:
        """What a platform calls it."""
        return traits.find(platform).carriers[self.code]


CARRIERS = (
    Carrier(code="SF", name="顺丰速运", pattern=r"SF[0-9]{10,15}|[0-9]{12}", example="SF0000000000001"),
    Carrier(code="YTO", name="圆通速递", pattern=r"YT[0-9]{10,15}|[0-9]{10,18}", example="YT0000000000001"),
    Carrier(code="ZTO", name="中通快递", pattern=r"ZT[0-9]{10,15}|[0-9]{10,18}", example="78000000000001"),
    Carrier(code="YUNDA", name="韵达快递", pattern=r"YD[0-9]{10,15}|[0-9]{10,18}", example="4300000000001"),
    Carrier(code="STO", name="申通快递", pattern=r"ST[0-9]{10,15}|[0-9]{10,18}", example="7700000000001"),
    Carrier(code="EMS", name="邮政EMS", pattern=r"[A-Z]{2}[0-9]{9}[A-Z]{2}|[0-9]{13}", example="EA000000001CN"),
    Carrier(code="JD", name="京东快递", pattern=r"JD[A-Z0-9]{8,18}|[0-9]{12,15}", example="JDVA00000000001"),
)


def find(platform: str, code: str) -> Carrier | None:
    """The carrier a platform calls `code`, None if it knows none."""
    return next((c for c in CARRIERS if c.at(platform) == code), None)


def of(code: str) -> Carrier:
    """The carrier of one of the sandbox's own codes."""
    return next(c for c in CARRIERS if c.code == code)
