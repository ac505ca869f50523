"""Xiaohongshu. An order's lines have no numbers of their own: pieces of one sku are one line, told by the sku's id."""

from __future__ import annotations

from adapters.sandbox.traits import Traits, dashed

TRAITS = Traits(
    alias="xiaohongshu",
    seller="65a0000000000000000000a1",
    key="app000000000001",
    first_order=731_530_234_568_901_121,
    first_script=741_530_234_568_901_137,
    first_refund=7_488_183_140_002_901,
    # 24 digits, as the platform's ids have
    first_listing=650_000_000_000_000_000_000_101,
    first_product=640_000_000_000_000_000_000_001,
    order_no=lambda n, _created: f"P{n}",
    line_no=dashed,
    refund_no=lambda n, _kind, _order: f"R{n}",
    faults=frozenset({"wrong_total", "token_expired"}),
    token_s=7 * 86400,
    refresh_s=14 * 86400,
    handed=True,
    carriers={
        "SF": "shunfeng",
        "YTO": "yuantong",
        "ZTO": "zto",
        "YUNDA": "yunda",
        "STO": "shentong",
        "EMS": "ems",
        "JD": "jd",
    },
)
