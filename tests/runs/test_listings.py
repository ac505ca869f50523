"""Listings become SKUs; pieces and money are not lost on the way, and a file that cannot be used says where."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import BadFile
from jobs.listings import Listings, read
from tests.documents import line_document
from tests.factories import open_env

HEAD = "platform,listing,sku,qty,share\n"


def listings(folder: Path, text: str, *, code_is_sku: bool = True) -> Listings:
    (folder / "listings.csv").write_text(text, encoding="utf-8")
    env = open_env(folder, products={"listings": "listings.csv", "code_is_sku": code_is_sku})
    made = Listings.open(env)
    env.close()
    return made


def test_a_mapped_listing_wins_over_a_mapped_code_and_both_over_the_code_itself(tmp_path: Path) -> None:
    made = listings(tmp_path, HEAD + "taobao,480001,BY-ID,1,\ntaobao,CODE-1,BY-CODE,1,\n")
    line = line_document(listing_id="480001", code="CODE-1", qty=2, paid_minor=900)
    assert made.expand("taobao", line) == [("BY-ID", 2, 900)]
    assert made.expand("taobao", line_document(listing_id="480002", code="CODE-1", qty=2, paid_minor=900)) == [
        ("BY-CODE", 2, 900)
    ]
    assert made.expand("taobao", line_document(listing_id="480002", code="CODE-2", qty=2, paid_minor=900)) == [
        ("CODE-2", 2, 900)
    ]
    assert not made.unmapped


def test_a_row_without_a_platform_is_for_all_and_a_platforms_own_wins(tmp_path: Path) -> None:
    made = listings(tmp_path, HEAD + ",C,ANY,1,\njd,C,JD-ONLY,1,\n")
    line = line_document(listing_id="", code="C", qty=1, paid_minor=1)
    assert [made.expand(p, line)[0][0] for p in ("taobao", "jd")] == ["ANY", "JD-ONLY"]


def test_a_bundle_is_several_skus_that_share_the_money_by_their_weights(tmp_path: Path) -> None:
    made = listings(tmp_path, HEAD + "taobao,B,SKU-1,1,0.6\ntaobao,B,SKU-2,2,0.4\n")
    line = line_document(listing_id="B", qty=3, paid_minor=10_001)
    assert made.expand("taobao", line) == [("SKU-1", 3, 6_001), ("SKU-2", 6, 4_000)]


def test_an_unmapped_listing_keeps_its_pieces_and_money_and_is_counted(tmp_path: Path) -> None:
    made = listings(tmp_path, HEAD, code_is_sku=False)
    line = line_document(listing_id="480003", code="C", qty=2, paid_minor=900)
    assert made.expand("taobao", line) == [("", 2, 900)]
    made.expand("taobao", line)
    assert made.unmapped == {("taobao", "480003", "C"): 2}


def test_without_a_file_the_merchants_code_is_the_sku(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    made = Listings.open(env)
    assert made.expand("taobao", line_document(code="SKU-9", qty=1, paid_minor=5)) == [("SKU-9", 1, 5)]
    assert made.expand("taobao", line_document(code="", qty=1, paid_minor=5)) == [("", 1, 5)]
    env.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("listing,sku\nA,B\n", "no column qty"),
        (HEAD + "taobao,A,B,0,\n", "row 2: qty '0'"),
        (HEAD + "taobao,A,B,x,\n", "row 2: qty 'x'"),
        (HEAD + "taobao,A,B,1,\ntaobao,A,B,1,\n", "row 3: B stands twice"),
        (HEAD + "taobao,A,,1,\n", "row 2: sku is empty"),
        (HEAD + "taobao,,B,1,\n", "row 2: listing is empty"),
        (HEAD + "taobao,A,B,1,-1\n", "row 2: share '-1'"),
        (HEAD + "taobao,A,B,1,nan\n", "row 2: share 'nan'"),
        (HEAD + "taobao,A,B,1,half\n", "row 2: share 'half'"),
        (HEAD + "taobao,A,B,1,0.1234567\n", "row 2: share '0.1234567'"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_row(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        listings(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"gone\.csv"):
        read(tmp_path / "gone.csv")


def test_empty_rows_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    assert listings(tmp_path, "\ufeff" + HEAD + ",,,,\n,A,B,2,\n").parts("jd", "A", "") == (("B", 2, 1_000_000),)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 100)), min_size=1, max_size=5), st.integers(1, 9),
    st.integers(0, 10**8),
)  # fmt: skip
def test_expanding_keeps_money_and_multiplies_pieces(parts: list[tuple[int, int]], qty: int, paid: int) -> None:
    made = Listings({("", "L"): tuple((f"S{i}", q, w) for i, (q, w) in enumerate(parts))}, code_is_sku=False)
    rows = made.expand("jd", line_document(listing_id="L", code="", qty=qty, paid_minor=paid))
    assert sum(value for _, _, value in rows) == paid
    assert [pieces for _, pieces, _ in rows] == [q * qty for q, _ in parts]
