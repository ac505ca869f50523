"""Kuaishou. An order sells one sku under the order's own number; a gift beside it has a number of its own."""

from __future__ import annotations

from adapters.sandbox.traits import Traits


def line_no(no: str, i: int) -> str:
    return no if i == 0 else str(int(no) + 3 + i * 7)


TRAITS = Traits(
    alias="kuaishou",
    seller="f0000seller",
    key="ks0000000000000001",
    two_secrets=True,
    first_order=2_607_000_000_000_001,
    first_script=2_700_000_000_000_017,
    first_refund=2_607_900_000_000_001,
    first_listing=1_850_000_001,
    first_product=10_000_251_001,
    line_no=line_no,
    one_sku=True,
    holds=("group_unfinished", "risk_control"),
    strict=True,
    faults=frozenset({"token_expired"}),
    token_s=2 * 86400,
    refresh_s=180 * 86400,
    handed=True,
    carriers={"SF": "4", "YTO": "6", "ZTO": "9", "YUNDA": "11", "STO": "3", "EMS": "7", "JD": "14"},
)
