"""Vipshop. A line has no number but its sku's; before shipping only the whole order is cancelled."""

from __future__ import annotations

from adapters.sandbox.traits import Traits, dashed

TRAITS = Traits(
    alias="vipshop",
    seller="550",
    key="a1b2c3d4",
    first_order=26_031_073_153_001,
    first_script=26_930_000_000_017,
    first_refund=2_603_100_001,
    first_listing=1_850_000_001,
    first_product=10_000_251_001,
    line_no=dashed,
    refund_no=lambda n, _kind, _order: f"AS{n}",
    holds=(),
    parts=False,
    hides_unpaid=True,
    faults=frozenset({"wrong_total", "token_expired"}),
    token_s=30 * 86400,
    refresh_s=60 * 86400,
    handed=True,
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
