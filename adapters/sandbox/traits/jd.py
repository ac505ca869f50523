"""JD (POP merchants) in the world. Its lists never show what was not paid; carriers have numbers from public adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sandbox.traits import DAY_S, Traits

if TYPE_CHECKING:
    from adapters.sandbox.state import Order


def listed(order: Order) -> bool:
    return order.paid_at > 0


TRAITS = Traits(
    alias="jd",
    seller_id="10000001",
    app_key="EXAMPLEAPPKEY",
    listing_base=10_050_000_000_001,
    product_base=10_020_000_000_001,
    refund_base=970_000_001,
    order_base=298_765_432_101,
    script_base=310_000_000_017,
    token_life=(30 * DAY_S, 30 * DAY_S),
    handed=True,
    carriers={
        "SF": "467",
        "YTO": "463",
        "ZTO": "1499",
        "YUNDA": "1327",
        "STO": "470",
        "EMS": "465",
        "JD": "2087",
    },
    risk_control=True,
    settles_late=True,
    whole_refunds=True,
    strict_refunds=True,
    listed=listed,
)
