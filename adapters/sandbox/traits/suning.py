"""Suning. The shop's own key is enough; whoever has authorised an app may carry a token for a year."""

from __future__ import annotations

from adapters.sandbox.traits import Traits


def line_no(no: str, i: int) -> str:
    return f"00{int(no) % 10**9:09d}{i + 1:03d}"


TRAITS = Traits(
    alias="suning",
    seller="70000001",
    key="a0000000000000000000000000000001",
    first_order=46_073_415_302,
    first_script=46_900_000_017,
    first_refund=8_800_000_001,
    first_listing=10_668_919_671,
    first_product=10_668_000_001,
    line_no=line_no,
    holds=(),
    hides_unpaid=True,
    faults=frozenset({"wrong_total"}),
    token_s=365 * 86400,
    refresh_s=365 * 86400,
    carriers={"SF": "S01", "YTO": "Y01", "ZTO": "Z01", "YUNDA": "Y02", "STO": "S02", "EMS": "E01", "JD": "J01"},
)
