"""The WeChat Channels shop in the world. Tokens are had by a call and live two hours."""

from __future__ import annotations

from adapters.sandbox.traits import Traits


def line_no(no: str, i: int, of: int) -> str:
    return f"pu-{no[-12:]}-{i}"


TRAITS = Traits(
    alias="wechat",
    seller_id="wx00000000000000aa",
    app_key="wx00000000000000aa",
    listing_base=1_850_000_001,
    product_base=10_000_251_000_001,
    refund_base=2_000_000_600_000_001,
    order_base=3_731_530_234_568_901_120,
    script_base=3_740_000_000_000_000_017,
    line_no=line_no,
    token_life=(7200, 0),
    carriers={"SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YD", "STO": "STO", "EMS": "EMS", "JD": "JD"},
    price_changes=True,
    totals=False,
)
