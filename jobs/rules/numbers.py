"""Our numbers: injective, fixed-width functions of what never changes.

An order number is ``seller_code`` (8) + the platform's order number padded to 26 + shard (3) = 37 characters. The
platform's number stays readable in it. `seller_code` is a digest of (platform, seller id); that no two sellers of one
back office share a code is checked where sellers are registered (`Ledger.register_seller`), so the whole is injective.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

SHARDS = 512
WIDTH = 37
_NUMBER = 26
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_PLAIN = re.compile(r"[1-9][0-9]{0,24}")
_OTHER = re.compile(r"[0-9A-Za-z-]{1,25}")


def base32(data: bytes, width: int) -> str:
    """`width` Crockford base32 characters of the leading bits of `data`."""
    n = int.from_bytes(data) >> len(data) * 8 - width * 5
    if width % 2 == 0:
        return "".join([_PAIRS[n >> at & 1023] for at in range(width * 5 - 10, -1, -10)])
    return "".join([_ALPHABET[n >> at & 31] for at in range(width * 5 - 5, -1, -5)])


@lru_cache(maxsize=4096)
def seller_code(platform: str, seller_id: str) -> str:
    """Eight characters that stand for one seller at one platform."""
    return base32(blake2b(f"{platform}\0{seller_id}".encode(), digest_size=8).digest(), 8)


def shard_of(text: str) -> str:
    """Three digits 000–511 from a digest of `text`."""
    return f"{int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) % SHARDS:03d}"


def padded(number: str) -> str:
    """A platform order number in exactly 26 characters, injective.

    Plain integers (no leading zero, at most 25 digits) are padded with zeros; all else with ``_``, which no platform
    number holds, so the two kinds never meet. Letters keep their case.

    Raises:
        ValueError: empty, longer than 25, or with other characters than letters, digits and ``-``.
    """
    if _PLAIN.fullmatch(number):
        return number.zfill(_NUMBER)
    if _OTHER.fullmatch(number):
        return number.rjust(_NUMBER, "_")
    raise ValueError(f"order number {number!r}: 1 to 25 letters, digits or hyphens are possible")


def order_no(platform: str, seller_id: str, platform_order_no: str) -> str:
    """Our order number.

    Raises:
        ValueError: the platform's number cannot be encoded; park the document.
    """
    head = seller_code(platform, seller_id) + padded(platform_order_no)
    return head + shard_of(head)


def refund_no(platform: str, seller_id: str, platform_refund_no: str, of_order_no: str) -> str:
    """Our refund number: ``R`` in front, the shard of its order behind, so that both live together."""
    return "R" + seller_code(platform, seller_id) + padded(platform_refund_no) + of_order_no[-3:]


def payment_no(of_order_no: str, attempt: int) -> str:
    """Number of the n-th attempt to collect an order's money: 20 characters, the order's shard behind."""
    return "Y" + base32(blake2b(f"{of_order_no}\0{attempt}".encode(), digest_size=10).digest(), 16) + of_order_no[-3:]


def back_no(of: str, of_payment_no: str, attempt: int) -> str:
    """Number of the n-th attempt to give money of a payment back: 20 characters, the order's shard behind.

    Args:
        of: refund number, or the reason why money came too late.
    """
    text = f"{of}\0{of_payment_no}\0{attempt}"
    return "B" + base32(blake2b(text.encode(), digest_size=10).digest(), 16) + of_payment_no[-3:]


def platform_number(number: str) -> str:
    """The platform's number inside one of our order numbers."""
    inner = number[8:34]
    return inner.lstrip("_") if inner.startswith("_") else inner.lstrip("0")


def is_order_no(text: str) -> bool:
    """True when `text` has the form of one of our order numbers (with its right shard)."""
    return len(text) == WIDTH and text[34:].isdigit() and shard_of(text[:34]) == text[34:]
