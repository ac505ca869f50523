"""Douyin shop."""

from __future__ import annotations

from adapters.sandbox.traits import Traits

TRAITS = Traits(
    alias="douyin",
    seller="7700001",
    key="6800000000000000001",
    usual=4,
    first_order=6_920_000_000_000_000_101,
    first_script=6_930_000_000_000_000_017,
    first_never=7_990_000_000_000_000_000,
    first_refund=7_300_000_000_000_000_101,
    first_listing=3_400_000_000_000_001,
    first_product=3_650_000_000_000_000_001,
    lone_line=True,
    presale=True,
    talents=True,
    holds=("group_unfinished", "risk_control"),
    strict=True,
    silent=frozenset({"memo"}),
    faults=frozenset({"wrong_total", "token_expired"}),
    token_s=7 * 86400,
    refresh_s=14 * 86400,
    carriers={
        "SF": "shunfeng",
        "YTO": "yuantong",
        "ZTO": "zhongtong",
        "YUNDA": "yunda",
        "STO": "shentong",
        "EMS": "ems",
        "JD": "jd",
    },
)
