"""Carriers: one code of the sandbox's own, the code each platform gives them, and what a waybill looks like.

Sources: the platforms' carrier lists as far as known (JD ids from public adapters); the waybill patterns are the
sandbox's own, in the spirit of Taobao's `reg_mail_no`.
"""

from __future__ import annotations

import re

import msgspec

from adapters.sandbox import traits


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier. `codes`: platform → code (JD: the number as text)."""

    code: str
    name: str
    pattern: str
    example: str
    codes: dict[str, str]

    def takes(self, waybill: str) -> bool:
        """Whether this could be one of its waybills."""
        return re.fullmatch(self.pattern, waybill) is not None


def _carrier(code: str, name: str, pattern: str, example: str) -> Carrier:
    codes = {p: traits.of(p).carriers[code] for p in traits.names() if code in traits.of(p).carriers}
    return Carrier(code=code, name=name, pattern=pattern, example=example, codes=codes)


CARRIERS = (
    _carrier("SF", "顺丰速运", r"SF[0-9]{10,15}|[0-9]{12}", "SF0000000000001"),
    _carrier("YTO", "圆通速递", r"YT[0-9]{10,15}|[0-9]{10,18}", "YT0000000000001"),
    _carrier("ZTO", "中通快递", r"ZT[0-9]{10,15}|[0-9]{10,18}", "78000000000001"),
    _carrier("YUNDA", "韵达快递", r"YD[0-9]{10,15}|[0-9]{10,18}", "4300000000001"),
    _carrier("STO", "申通快递", r"ST[0-9]{10,15}|[0-9]{10,18}", "7700000000001"),
    _carrier("EMS", "邮政EMS", r"[A-Z]{2}[0-9]{9}[A-Z]{2}|[0-9]{13}", "EA000000001CN"),
    _carrier("JD", "京东快递", r"JD[A-Z0-9]{8,18}|[0-9]{12,15}", "JDVA00000000001"),
)


def find(platform: str, code: str) -> Carrier | None:
    """The carrier a platform calls `code`, None if it knows none."""
    return next((c for c in CARRIERS if c.codes.get(platform) == code), None)
