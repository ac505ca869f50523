"""Kuaishou's messages: base64 of AES in CBC, which only who has the app's message key can have written or can read.

Source: the official page on messages, as copied into a public SDK; see kuaishou.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from adapters.core.fields import FieldError, Scalar, ident_or, text, truth
from adapters.core.push import Push
from adapters.errors import NotVerified, Unreadable

_BLOCK = 16


class Message(msgspec.Struct):
    eventId: Scalar = None
    bizId: Scalar = None
    event: Scalar = None
    #: JSON inside text
    info: Scalar = None
    test: Scalar = None


class Info(msgspec.Struct):
    oid: Scalar = None
    orderId: Scalar = None
    refundId: Scalar = None


#: beginning of an event's name → what it is about
KINDS = {"kwaishop_order_": "orders", "kwaishop_aftersales_": "refunds"}


def opened(body: bytes, keys: Sequence[str]) -> Push:
    """Open a message with the first of the keys that fits, and say what it is about.

    A heartbeat (`test`) is about nothing.

    Raises:
        NotVerified: no key opens it. Unreadable: it opens and is no message.
    """
    try:
        sealed = base64.b64decode(body.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise NotVerified("decrypt", "not base64") from None
    if not sealed or len(sealed) % _BLOCK:
        raise NotVerified("decrypt", "not whole blocks")
    for key in keys:
        plain = _open(sealed, key)
        if plain is not None:
            return _read(plain)
    raise NotVerified("decrypt", "no key opens it")


def _open(sealed: bytes, key: str) -> bytes | None:
    """The JSON object inside, None when this key does not open it: what a wrong one gives is padded wrongly or no JSON."""
    try:
        cipher = Cipher(algorithms.AES(base64.b64decode(key, validate=True)), modes.CBC(bytes(_BLOCK))).decryptor()
        padded = cipher.update(sealed) + cipher.finalize()
        unpadder = PKCS7(_BLOCK * 8).unpadder()
        plain = unpadder.update(padded) + unpadder.finalize()
    except (binascii.Error, ValueError):
        return None
    return plain if plain[:1] == b"{" and plain[-1:] == b"}" else None


def _read(plain: bytes) -> Push:
    try:
        message = msgspec.json.decode(plain, type=Message)
        event = text(message.event)
        kind = next((kind for start, kind in KINDS.items() if event.startswith(start)), "")
        if truth(message.test, "test"):
            return Push(topic=event or "heartbeat", delivery=text(message.eventId))
        info = msgspec.json.decode(text(message.info) or "{}", type=Info)
        told = info.refundId if kind == "refunds" else info.oid or info.orderId
        # what bizId is for a refund is not told
        number = ident_or(told, "info") or (ident_or(message.bizId, "bizId") if kind == "orders" else "")
    except (msgspec.MsgspecError, FieldError, ValueError) as error:
        raise Unreadable("not_json", type(error).__name__) from None
    return Push(topic=event, kind=kind, number=number, delivery=text(message.eventId))
