"""Unpacking with limits: what comes packed may be made to fill the memory, so that no size in a file is believed."""

from __future__ import annotations

import io
import zipfile
import zlib

from adapters.errors import Unreadable

#: parts of one gzip stream, entries of one archive: bills have one or two
MOST_PARTS = 64
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def is_gzip(data: bytes) -> bool:
    return data[:2] == b"\x1f\x8b"


def is_zip(data: bytes) -> bool:
    return data[:2] == b"PK"


def gunzip(data: bytes, most: int) -> bytes:
    """Unpack a gzip stream to at most so many bytes.

    Raises:
        Unreadable: too_big, or damaged (also cut off).
    """
    parts: list[bytes] = []
    left, rest = most, data
    while rest:
        if len(parts) >= MOST_PARTS:
            raise Unreadable("too_big", "a gzip stream of too many parts")
        engine = zlib.decompressobj(31)
        try:
            part = engine.decompress(rest, left + 1)
        except zlib.error:
            raise Unreadable("damaged", "the gzip stream is damaged") from None
        left -= len(part)
        if left < 0:
            raise Unreadable("too_big", f"unpacks to more than {most} bytes")
        if not engine.eof:
            raise Unreadable("damaged", "the gzip stream is cut off")
        parts.append(part)
        rest = engine.unused_data.lstrip(b"\0")
    return b"".join(parts)


def unzip(data: bytes, most: int, names: str = "gb18030") -> dict[str, bytes]:
    """The files of an archive by name, in its order; `names`: encoding of names without the UTF-8 flag.

    Raises:
        Unreadable: too_big (all entries together), damaged, or packed in a way that bills are not (also encrypted).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data), metadata_encoding=names) as archive:
            return _entries(archive, most)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError):
        raise Unreadable("damaged", "the archive is damaged") from None


def _entries(archive: zipfile.ZipFile, most: int) -> dict[str, bytes]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MOST_PARTS:
        raise Unreadable("too_big", f"an archive of {len(infos)} files")
    found: dict[str, bytes] = {}
    left = most
    for info in infos:
        if info.compress_type not in _METHODS or info.flag_bits & 1:
            raise Unreadable("damaged", "an archive packed in an unknown way, or encrypted")
        with archive.open(info) as entry:
            content = entry.read(left + 1)
        left -= len(content)
        if left < 0:
            raise Unreadable("too_big", f"unpacks to more than {most} bytes")
        found[info.filename] = content
    return found
