"""What the dialects share: a request, a response, and how the platforms write times and money."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import msgspec

#: all four platforms live in Beijing time and write it without an offset
BEIJING = timezone(timedelta(hours=8))
_TEXT = "%Y-%m-%d %H:%M:%S"
JSON = "application/json;charset=UTF-8"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request; `path` is what follows the platform's prefix, `query` the raw text after the question mark."""

    method: str = "POST"
    path: str = "/"
    query: str = ""
    body: bytes = b""
    content_type: str = ""
    #: the caller's own number of the request (header X-Request-Id)
    client: str = ""
    #: path and query exactly as they came, with the prefix (empty: nobody looks)
    target: str = ""
    #: header fields, names in small letters
    headers: dict[str, str] = {}

    def params(self) -> dict[str, str]:
        """Query parameters, decoded; the last one of a name wins."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def form(self) -> dict[str, str]:
        """Query and form parameters in one, as platforms with flat forms read them."""
        found = self.params()
        if self.body and self.body.lstrip()[:1] not in (b"{", b"["):
            found.update(parse_qsl(self.body.decode("utf-8"), keep_blank_values=True))
        return found


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP response."""

    status: int = 200
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = {}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, without time, page and signature.

    method: the platform's own name · key: equal for a repeat of the same request · write: it may change the world ·
    order: the order it names, if any.
    """

    method: str
    key: str
    write: bool = False
    order: str = ""


def answer(value: object, status: int = 200) -> Response:
    """Encode `value` as a JSON response."""
    return Response(status=status, body=msgspec.json.encode(value))


def digest(*parts: object) -> int:
    """Map `parts` to a stable number of 64 bits."""
    text = "\x1f".join(str(p) for p in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def chance(*parts: object) -> float:
    """Map `parts` to a stable number in [0, 1)."""
    return digest(*parts) / 2**64


def token_text(length: int, *parts: object) -> str:
    """Map `parts` to a stable text of letters and digits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    out: list[str] = []
    n = 0
    while len(out) < length:
        number = digest(n, *parts)
        for _ in range(10):
            number, rest = divmod(number, 62)
            out.append(alphabet[rest])
        n += 1
    return "".join(out[:length])


def yuan(fen: int) -> str:
    """Write fen as yuan text with two decimals."""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}"


def beijing(at: int) -> str:
    """Write epoch seconds as Beijing time text."""
    return datetime.fromtimestamp(at, BEIJING).strftime(_TEXT)


def from_beijing(text: str) -> int:
    """Read Beijing time text, also with milliseconds and +0800.

    Raises:
        ValueError: it is neither.
    """
    for form in (_TEXT, "%Y-%m-%d %H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%f"):
        try:
            read = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is put in below
        except ValueError:
            continue
        if read.tzinfo is None:
            read = read.replace(tzinfo=BEIJING)
        return int(read.timestamp())
    raise ValueError(f"{text!r} is not a time of the form {_TEXT}")


def iso(at: int) -> str:
    """Write epoch seconds as ISO text in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Read ISO text with an offset (or Z) as epoch seconds.

    Raises:
        ValueError: no ISO time, or without an offset.
    """
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write for example 2025-11-20T00:00:00+08:00")
    return int(read.timestamp())


def mask(text: str, keep: int, stars: int) -> str:
    """Keep the first characters, then stars."""
    return text[:keep] + "*" * stars


def mask_phone(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"


def decode(body: bytes) -> Any:
    """Read JSON, None when it is none."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
