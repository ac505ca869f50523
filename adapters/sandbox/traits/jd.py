"""JD."""

from __future__ import annotations

from adapters.sandbox.traits import Traits, dashed

TRAITS = Traits(
    alias="jd",
    seller="10000001",
    key="EXAMPLEAPPKEY",
    usual=3,
    first_order=298_765_432_101,
    first_script=310_000_000_017,
    first_never=399_000_000_000,
    first_refund=970_000_001,
    first_listing=10_050_000_000_001,
    first_product=10_020_000_000_001,
    line_no=dashed,
    holds=("group_unfinished", "risk_control"),
    settles=True,
    parts=False,
    hides_unpaid=True,
    strict=True,
    faults=frozenset({"wrong_total", "token_expired"}),
    token_s=30 * 86400,
    refresh_s=30 * 86400,
    handed=True,
    carriers={"SF": "467", "YTO": "463", "ZTO": "1499", "YUNDA": "1327", "STO": "470", "EMS": "465", "JD": "2087"},
)
