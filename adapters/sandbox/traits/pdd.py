"""Pinduoduo. An order has its day in its number and sells one sku; lists show it once it is confirmed."""

from __future__ import annotations

from adapters.sandbox.traits import Traits, dashed
from adapters.sandbox.wire import beijing


def order_no(number: int, created: int) -> str:
    return f"{beijing(created)[2:10].replace('-', '')}-{number:015d}"


TRAITS = Traits(
    alias="pdd",
    seller="400000001",
    key="exampleclient01",
    first_order=101,
    first_script=900_000_000_000_017,
    first_refund=8_100_000_001,
    first_listing=1_500_000_000_001,
    first_product=610_000_000_001,
    order_no=order_no,
    line_no=dashed,
    one_sku=True,
    price_changes=True,
    holds=("group_unfinished", "risk_control"),
    hides_unpaid=True,
    hides_groups=True,
    number_money=True,
    faults=frozenset({"wrong_total", "token_expired"}),
    token_s=86400,
    refresh_s=30 * 86400,
    handed=True,
    carriers={"SF": "44", "YTO": "85", "ZTO": "115", "YUNDA": "121", "STO": "1", "EMS": "118", "JD": "120"},
)
