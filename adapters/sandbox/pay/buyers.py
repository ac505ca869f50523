"""What buyers do with a payment that was started: decided by the seed and the payment's number, played by the clock.

- ``prompt``: pays within minutes
- ``slow``: pays in the second half of the time he has, but within 100 minutes, when the seller may have given up or begun
  a second payment of the order
- ``late``: pays in the very moment the seller closes it (the close is refused: it is paid); who shows an Alipay code
  that nobody scanned yet and closes it sees it paid afterwards; never closed, it is paid half a minute before its end,
  or after a day
- ``never``: does not pay; half of them at least scan the code
"""

from __future__ import annotations

from adapters.sandbox.pay.state import Payment
from adapters.sandbox.wire import chance, digest

#: share of each in a hundred
MIX = {"prompt": 70, "slow": 12, "late": 8, "never": 10}
_DAY = 86400
_SLOWEST_S = 6000
#: seconds between the scan of a code and the payment
_SCAN_S = 12


def plan_of(seed: int, payment: Payment) -> str:
    """What the buyer of a payment means to do."""
    at = digest(seed, "buyer", *payment.key) % 100
    for name, percent in MIX.items():
        if at < percent:
            return name
        at -= percent
    return "never"


def pays_at(seed: int, payment: Payment) -> int:
    """When he pays if nothing comes between; 0: not at all."""
    n = digest(seed, "pays at", *payment.key)
    if payment.plan == "prompt":
        return payment.created + 20 + n % 220
    if payment.plan == "slow":
        most = min(payment.expires - payment.created, _SLOWEST_S)
        return payment.created + most // 2 + n % max(1, most * 9 // 20)
    if payment.plan == "late":
        return max(payment.created + 20, min(payment.expires - 30, payment.created + _DAY))
    return 0


def scans_at(seed: int, payment: Payment, pays: int) -> int:
    """When he scans an Alipay code; 0: not at all."""
    if pays:
        return max(payment.created + 1, pays - _SCAN_S)
    return payment.created + 60 if chance(seed, "scans", *payment.key) < 0.5 else 0


def coupon_of(seed: int, payment: Payment) -> tuple[str, int]:
    """The coupon he uses: kind and amount; about a fifth of them have one."""
    at = chance(seed, "coupon", *payment.key)
    kind = "NOCASH" if at < 0.14 else "CASH" if at < 0.2 else ""
    amount = payment.total * (3 + digest(seed, "coupon amount", *payment.key) % 8) // 100
    return (kind, amount) if kind and amount and payment.total - amount > 0 else ("", 0)
