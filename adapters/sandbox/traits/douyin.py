"""The Douyin shop in the world. The app is the shop's own: it gets its first token by a call."""

from __future__ import annotations

from adapters.sandbox.traits import DAY_S, Traits, near

TRAITS = Traits(
    alias="douyin",
    seller_id="7700001",
    app_key="6800000000000000001",
    listing_base=3_400_000_000_000_001,
    product_base=3_650_000_000_000_000_001,
    refund_base=7_300_000_000_000_000_101,
    order_base=6_920_000_000_000_000_101,
    script_base=6_930_000_000_000_000_017,
    line_no=near,
    token_life=(7 * DAY_S, 14 * DAY_S),
    carriers={
        "SF": "shunfeng",
        "YTO": "yuantong",
        "ZTO": "zhongtong",
        "YUNDA": "yunda",
        "STO": "shentong",
        "EMS": "ems",
        "JD": "jd",
    },
    presale=True,
    risk_control=True,
    talents=True,
    strict_refunds=True,
    # flag and remark changes
    silent=frozenset({"memo"}),
)
