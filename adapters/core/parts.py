"""One thing of a platform as several documents: the whole beside the place of one part, so that its bytes stay as they came."""

from __future__ import annotations

import msgspec


class _Wrapped(msgspec.Struct):
    whole: msgspec.Raw = msgspec.Raw()
    place: int = 0


_decode = msgspec.json.Decoder(_Wrapped).decode


def wrap(whole: bytes, parts: int) -> list[bytes]:
    """One item for each part; of a whole with one part or none, the whole itself."""
    if parts < 2:
        return [whole]
    return [b'{"place":%d,"whole":%b}' % (place, whole) for place in range(parts)]


def unwrap(raw: bytes) -> tuple[bytes, int]:
    """The whole, and the place of the part it stands for."""
    wrapped = _decode(raw)
    return (bytes(wrapped.whole), wrapped.place) if bytes(wrapped.whole) else (raw, 0)


def numbered(number: str, place: int) -> str:
    """The number of a part: that of the whole for the first, with its place behind for the others."""
    return f"{number}-{place}" if place else number
