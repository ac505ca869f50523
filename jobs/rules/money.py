"""Money adds up: goods + freight + tax + charges + Σ adjustments + unexplained = payable. Minor units, signed."""

from __future__ import annotations

from decimal import Decimal


def unexplained(*, goods: int, freight: int, tax: int, charges: int, adjustments: int, payable: int) -> int:
    """The rest no named part explains; 0 when the money adds up."""
    return payable - (goods + freight + tax + charges + adjustments)


def receivable(*, paid: int, subsidy: int, refunded: int) -> int:
    """What should reach us: paid by the buyer, plus what the platform adds, less what went back."""
    return paid + subsidy - refunded


def refund_room(*, paid: int, refunded: int) -> int:
    """How much may still be refunded; never negative."""
    return max(paid - refunded, 0)


#: digits behind the point, where they are not two (ISO 4217)
_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}


def digits(currency: str) -> int:
    """How many digits a currency has behind the point."""
    return _DIGITS.get(currency, 2)


def amount(minor: int, currency: str) -> Decimal:
    """An amount as people and spreadsheets write it, exact: 12345 fen are 123.45."""
    return Decimal(minor).scaleb(-digits(currency))
