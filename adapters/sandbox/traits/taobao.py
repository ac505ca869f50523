"""Taobao and Tmall."""

from __future__ import annotations

from adapters.sandbox.traits import Traits

TRAITS = Traits(
    alias="tmall",
    seller="2200000000001",
    key="12129701",
    usual=1,
    first_order=3_890_012_345_678_900_011,
    first_script=3_900_000_000_000_000_017,
    first_never=4_990_000_000_000_000_000,
    first_refund=180_000_000_000_000_001,
    first_listing=4_800_000_000_001,
    first_product=620_000_000_001,
    lone_line=True,
    lone_items=True,
    presale=True,
    price_changes=True,
    holds=("group_unfinished", "risk_control"),
    unique_waybills=True,
    faults=frozenset({"single_object", "wrong_total", "token_expired"}),
    token_s=30 * 86400,
    refresh_s=60 * 86400,
    handed=True,
    carriers={"SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YUNDA", "STO": "STO", "EMS": "EMS", "JD": "JD"},
)
