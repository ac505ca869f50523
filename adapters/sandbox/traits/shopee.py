"""Shopee, in Singapore unless told otherwise."""

from __future__ import annotations

from adapters.sandbox.traits import Traits

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTUVWXYZ"


def order_no(number: int, created: int) -> str:
    """A day and eight letters or digits."""
    from adapters.sandbox.wire import beijing

    text, rest = "", number
    for _ in range(8):
        rest, at = divmod(rest, len(_ALPHABET))
        text = _ALPHABET[at] + text
    return f"{beijing(created)[2:10].replace('-', '')}{text}"


TRAITS = Traits(
    alias="shopee",
    seller="600112233",
    key="1007890",
    country="SG",
    first_order=30_000_000_101,
    first_script=900_000_000_017,
    first_refund=2_511_200_000_001,
    first_listing=10_000_101,
    first_product=2_600_144_043,
    order_no=order_no,
    line_no=lambda no, i: f"{int.from_bytes(no.encode()) % 10**10 + i}",
    lone_items=True,
    holds=("risk_control",),
    parts=False,
    asks=frozenset({"return", "refund_only"}),
    cancel_no=lambda order: f"cancel-{order}",
    strict=True,
    number_money=True,
    faults=frozenset({"token_expired"}),
    token_s=4 * 3600,
    refresh_s=30 * 86400,
    handed=True,
    carriers={"SF": "SF", "YTO": "YTO", "ZTO": "ZTO", "YUNDA": "YUNDA", "STO": "STO", "EMS": "EMS", "JD": "JD"},
)
