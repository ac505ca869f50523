"""Money adds up: goods + freight + tax + charges + Σ adjustments + unexplained = payable. Minor units, signed."""

from __future__ import annotations


def unexplained(*, goods: int, freight: int, tax: int, charges: int, adjustments: int, payable: int) -> int:
    """The rest no named part explains; 0 when the money adds up."""
    return payable - (goods + freight + tax + charges + adjustments)


def receivable(*, paid: int, subsidy: int, refunded: int) -> int:
    """What should reach us: paid by the buyer, plus what the platform adds, less what went back."""
    return paid + subsidy - refunded


def refund_room(*, paid: int, refunded: int) -> int:
    """How much may still be refunded; never negative."""
    return max(paid - refunded, 0)
