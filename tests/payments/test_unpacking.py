"""What comes packed cannot fill the memory, whatever it says of itself."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
import zlib
from typing import Any

import pytest

from adapters.errors import Unreadable
from adapters.payments._unpacking import gunzip, unzip

MB = 1 << 20


def packed(files: dict[str, bytes], **how: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how.pop("method", zipfile.ZIP_DEFLATED)) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def refused(data: bytes, reason: str, *, zipped: bool, most: int = MB) -> None:
    with pytest.raises(Unreadable) as caught:
        unzip(data, most) if zipped else gunzip(data, most)
    assert caught.value.reason == reason


def test_what_fits_exactly_is_unpacked_and_one_byte_more_is_not() -> None:
    assert gunzip(gzip.compress(b"x" * MB), MB) == b"x" * MB
    assert unzip(packed({"a": b"x" * MB}), MB) == {"a": b"x" * MB}
    refused(gzip.compress(b"x" * (MB + 1)), "too_big", zipped=False)
    refused(packed({"a": b"x" * (MB + 1)}), "too_big", zipped=True)
    refused(packed({"a": b"x" * MB, "b": b"x"}), "too_big", zipped=True)


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(squeezer.compress(bytes(MB)) for _ in range(200)) + squeezer.flush()
    archive = packed({"a": bytes(64 * MB)})
    tracemalloc.start()
    refused(bomb, "too_big", zipped=False)
    refused(archive, "too_big", zipped=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MB


def test_a_size_that_the_archive_lies_about_is_not_believed() -> None:
    data = bytearray(packed({"a": b"x" * (2 * MB)}))
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(Unreadable):
        unzip(bytes(data), MB)


def test_many_parts_are_refused_as_one_large_part_is() -> None:
    refused(gzip.compress(b"x") * 65, "too_big", zipped=False)
    assert gunzip(gzip.compress(b"x") * 64, MB) == b"x" * 64
    refused(packed({str(n): b"x" for n in range(65)}), "too_big", zipped=True)


@pytest.mark.parametrize("cut", [1, 8, 30])
def test_what_is_cut_off_or_altered_is_damaged(cut: int) -> None:
    data = bytes(range(256)) * 40
    refused(gzip.compress(data)[:-cut], "damaged", zipped=False)
    refused(packed({"a": data})[:-cut], "damaged", zipped=True)
    altered = bytearray(packed({"a": data}, method=zipfile.ZIP_STORED))
    altered[60] ^= 1
    refused(bytes(altered), "damaged", zipped=True)


def test_archives_packed_in_unusual_ways_are_refused() -> None:
    refused(packed({"a": b"x"}, method=zipfile.ZIP_LZMA), "damaged", zipped=True)
    locked = bytearray(packed({"a": b"x"}))
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    refused(bytes(locked), "damaged", zipped=True)


def test_names_in_gbk_are_read_without_the_flag() -> None:
    from tests.payments.fake_alipay import gbk_zip

    assert unzip(gbk_zip({"20260901_业务明细.csv": b"x"}), MB) == {"20260901_业务明细.csv": b"x"}
    assert unzip(packed({"业务明细.csv": b"x"}), MB) == {"业务明细.csv": b"x"}, "names with the UTF-8 flag"
