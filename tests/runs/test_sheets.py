"""Sheets: what is written is read back, as CSV and as xlsx, and no cell becomes a formula."""

from pathlib import Path

import pytest

from jobs import sheets
from jobs.errors import BadFile


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_rows_come_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / name
    sheets.write(path, ("sku", "qty", "remark"), [{"sku": "00123", "qty": 2, "remark": "毛衣"}, {"sku": "B"}])
    assert sheets.read(path, ("sku",)) == [
        {"sku": "00123", "qty": "2", "remark": "毛衣"}, {"sku": "B", "qty": "", "remark": ""}
    ]  # fmt: skip
    assert [p.name for p in path.parent.iterdir()] == [name]


def test_a_text_that_looks_like_a_formula_is_made_harmless(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    sheets.write(path, ("remark",), [{"remark": '=HYPERLINK("x")'}])
    assert sheets.read(path, ())[0]["remark"].startswith("'=")


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "gbk"])
def test_csv_in_the_usual_encodings_is_read(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes('parcel_no,备注\n="0012",毛衣\n,\n'.encode(coding))
    assert sheets.read(path, ("parcel_no",)) == [{"parcel_no": "0012", "备注": "毛衣"}]


def test_files_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        sheets.read(tmp_path / "none.csv", ())
    (tmp_path / "bad.xlsx").write_bytes(b"no book")
    with pytest.raises(BadFile, match="not a spreadsheet"):
        sheets.read(tmp_path / "bad.xlsx", ())
    (tmp_path / "list.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BadFile, match="'sku' is missing"):
        sheets.read(tmp_path / "list.csv", ("sku",))
