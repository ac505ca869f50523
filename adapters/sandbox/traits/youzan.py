"""Youzan. An order's number begins with the second it was placed in; all discounts are the merchant's."""

from __future__ import annotations

from adapters.sandbox.traits import Traits
from adapters.sandbox.wire import beijing


def order_no(n: int, created: int) -> str:
    stamp = "".join(c for c in beijing(created) if c.isdigit())
    return f"E{stamp}{n:09d}"


def line_no(no: str, i: int) -> str:
    """A number of 64 bits, of the order's running number."""
    return str(2_607_387_350_000_000_001 + int(no[-9:]) * 100 + i * 7)


TRAITS = Traits(
    alias="youzan",
    seller="900001",
    key="0123456789abcdef01",
    first_order=10_600_001,
    first_script=910_600_001,
    first_refund=202_603_102_100_010_000_010_006,
    first_listing=36_200_001,
    first_product=457_846_001,
    order_no=order_no,
    line_no=line_no,
    lone_items=True,
    price_changes=True,
    faults=frozenset({"wrong_total", "token_expired"}),
    # seller memos leave the time of update alone
    silent=frozenset({"memo"}),
    token_s=7 * 86400,
    refresh_s=28 * 86400,
    handed=True,
    carriers={"SF": "7", "YTO": "2", "ZTO": "3", "YUNDA": "4", "STO": "1", "EMS": "11", "JD": "138"},
)
