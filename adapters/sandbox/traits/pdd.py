"""Pinduoduo in the world. An order sells one sku and has its day in its number; lists show it once it is confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sandbox.traits import DAY_S, Traits
from adapters.sandbox.wire import beijing

if TYPE_CHECKING:
    from adapters.sandbox.state import Order


def order_no(number: int, created: int) -> str:
    return f"{beijing(created)[2:10].replace('-', '')}-{number:015d}"


def listed(order: Order) -> bool:
    """Only what is paid and whose group is complete is confirmed."""
    return order.paid_at > 0 and order.hold != "group_unfinished"


TRAITS = Traits(
    alias="pdd",
    seller_id="400000001",
    app_key="exampleclient01",
    listing_base=1_500_000_000_001,
    product_base=610_000_000_001,
    refund_base=8_100_000_001,
    order_base=101,
    script_base=900_000_000_000_017,
    order_no=order_no,
    token_life=(DAY_S, 30 * DAY_S),
    handed=True,
    carriers={"SF": "44", "YTO": "85", "ZTO": "115", "YUNDA": "121", "STO": "1", "EMS": "118", "JD": "120"},
    most_lines=1,
    risk_control=True,
    price_changes=True,
    # amounts are JSON numbers in every answer: no fault
    number_money=True,
    listed=listed,
)
