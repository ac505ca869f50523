"""Signing and verifying of Alipay's classic gateway: the sorted string, the inner object as it was sent, forms as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

import msgspec

from adapters.errors import NotVerified

#: fields of one notification; theirs have about thirty
MOST_FIELDS = 200

_decode_top = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def request_text(params: Mapping[str, str]) -> str:
    """The string to sign for a request: all parameters but `sign` and empty ones, sorted, not encoded."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "sign" and params[name] != "")


def notice_text(fields: Sequence[tuple[bytes, bytes]], *, with_empty: bool) -> bytes:
    """The string a notification's signature covers; two official pages disagree on empty values."""
    kept = [f for f in fields if f[0] not in (b"sign", b"sign_type") and (with_empty or f[1])]
    return b"&".join(name + b"=" + value for name, value in sorted(kept))


def form(body: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of a form as bytes, so that a signature over another charset holds too.

    Raises:
        NotVerified: malformed, doubled_field (two readers could read it differently).
    """
    parts = body.strip().split(b"&")
    if len(parts) > MOST_FIELDS or not all(b"=" in part for part in parts):
        raise NotVerified("malformed", "not a form")
    pairs = (part.replace(b"+", b" ").partition(b"=") for part in parts)
    fields = [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]
    if len({name for name, _ in fields}) != len(fields):
        raise NotVerified("doubled_field", "a field comes twice")
    return fields


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: its inner object exactly as sent, and the signature over it (empty: unsigned)."""

    inner: bytes
    sign: str
    #: it came under the name of the call, not as ``error_response``
    is_own: bool


def open_envelope(body: bytes, method: str) -> Envelope:
    """Find the inner object of an answer to a call.

    Raises:
        ValueError (also msgspec's): no envelope of this call.
    """
    top = _decode_top(body)
    name = f"{method.replace('.', '_')}_response"
    found = name if name in top else "error_response"
    if found not in top:
        raise ValueError("neither an answer to this call nor an error")
    inner = bytes(top[found])
    if not inner.startswith(b"{"):
        raise ValueError("the answer holds no object")
    return Envelope(inner=inner, sign=_decode_text(top["sign"]) if "sign" in top else "", is_own=found == name)
