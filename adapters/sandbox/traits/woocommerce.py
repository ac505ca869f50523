"""WooCommerce: a site in the United States, tax on top. It knows no goods under way, and its buyers can ask for nothing."""

from __future__ import annotations

from adapters.sandbox.traits import Traits

TRAITS = Traits(
    alias="woo",
    seller="shop.example.com",
    key=f"ck_{'0' * 38}a1",
    country="US",
    first_order=1_700_001,
    first_script=2_700_001,
    first_refund=9_000_001,
    first_listing=40_000_001,
    first_product=30_000_001,
    lone_items=True,
    # a refund is known by its order's number and its own
    refund_no=lambda n, _kind, order: f"{order}-{n}",
    holds=(),
    asks=frozenset(),
    ends_shipped=True,
    faults=frozenset({"wrong_total"}),
    token_s=0,
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
