"""Shopify: a shop in Singapore. Refunds are the merchant's own; what buyers ask for here are returns of what has shipped."""

from __future__ import annotations

from adapters.sandbox.traits import Traits

TRAITS = Traits(
    alias="shopify",
    seller="example-brand",
    key="0123456789abcdef0123456789abcdef",
    country="SG",
    first_order=6_123_456_790_001,
    first_script=6_223_456_790_001,
    first_never=8_123_456_790_001,
    first_refund=9_000_000_001,
    first_listing=44_000_000_000_001,
    first_product=7_900_000_000_001,
    # a return's number is told with an R, as it may be that of another refund
    refund_no=lambda n, kind, _order: f"R{n}" if kind == "return" else str(n),
    holds=("risk_control",),
    asks=frozenset({"return"}),
    faults=frozenset({"token_expired"}),
    token_s=86400,
    refresh_s=0,
    carriers={
        "SF": "SF Express",
        "YTO": "YTO Express",
        "ZTO": "ZTO Express",
        "YUNDA": "Yunda Express",
        "STO": "STO Express",
        "EMS": "China Post",
        "JD": "JD Logistics",
    },
)
