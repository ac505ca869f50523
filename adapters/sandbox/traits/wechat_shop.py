"""WeChat Channels shop."""

from __future__ import annotations

from adapters.sandbox.traits import Traits

TRAITS = Traits(
    alias="wechat",
    seller="wx00000000000000aa",
    key="wx00000000000000aa",
    usual=2,
    first_order=3_731_530_234_568_901_120,
    first_script=3_740_000_000_000_000_017,
    first_never=4_990_000_000_000_000_000,
    first_refund=2_000_000_600_000_001,
    first_listing=1_850_000_001,
    first_product=10_000_251_000_001,
    line_no=lambda no, i: f"pu-{no[-12:]}-{i}",
    price_changes=True,
    faults=frozenset({"token_expired"}),
    token_s=7200,
    refresh_s=0,
    carriers={"SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YD", "STO": "STO", "EMS": "EMS", "JD": "JD"},
)
