"""Taobao and Tmall in the world. Tokens come from an authorisation page and live a month."""

from __future__ import annotations

from adapters.sandbox.traits import DAY_S, Traits, near

TRAITS = Traits(
    alias="tmall",
    seller_id="2200000000001",
    app_key="12129701",
    listing_base=4_800_000_000_001,
    product_base=620_000_000_001,
    refund_base=180_000_000_000_000_001,
    order_base=3_890_012_345_678_900_011,
    script_base=3_900_000_000_000_000_017,
    line_no=near,
    token_life=(30 * DAY_S, 60 * DAY_S),
    handed=True,
    carriers={code: code for code in ("SF", "YTO", "ZTO", "YUNDA", "STO", "EMS", "JD")},
    lone_items=True,
    presale=True,
    risk_control=True,
    price_changes=True,
    unique_waybills=True,
    lone_objects=True,
)
