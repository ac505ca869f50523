"""A mini program with a mall of its own: WeChat knows the payments, the mall the rest."""

from __future__ import annotations

from adapters.sandbox.traits import Traits, dashed

TRAITS = Traits(
    alias="miniprogram",
    seller="1900000001",
    key="wx00000000000000bb",
    first_order=2_603_101_201_050_001,
    first_script=2_703_101_201_050_001,
    first_refund=50_000_001,
    first_listing=880_000_001,
    first_product=990_000_001,
    order_no=lambda number, _created: f"M{number}",
    line_no=dashed,
    price_changes=True,
    holds=(),
    parts=False,
    asks=frozenset(),
    cancel_no=lambda order: f"refund-{order}",
    whole_refunds=True,
    hides_unpaid=True,
    faults=frozenset({"token_expired"}),
    token_s=7200,
    refresh_s=0,
    carriers={"SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YD", "STO": "STO", "EMS": "EMS", "JD": "JD"},
)
