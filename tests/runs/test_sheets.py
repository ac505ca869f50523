"""Sheets: what people save is read, what is written runs no formula, and a file is there whole or not at all."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import sheets
from jobs.errors import BadFile

NAMES = {"sku": "sku", "商品编码": "sku", "qty": "qty", "数量": "qty"}


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
def test_rows_come_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / name
    assert sheets.write(path, ("sku", "qty", "remark"), [("00123", 2, "毛衣"), ("B", None, "")]) == 2
    sheet = sheets.read(path, NAMES, need=("sku", "qty"))
    assert [(r.line, r.cells) for r in sheet.rows] == [
        (2, {"sku": "00123", "qty": "2", "remark": "毛衣"}), (3, {"sku": "B", "qty": "", "remark": ""})
    ]  # fmt: skip
    assert [p.name for p in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx"])
@pytest.mark.parametrize("text", ['=HYPERLINK("x")', "+86 138", "-1+1", "@SUM(A1)", "\t=1"])
def test_a_text_that_looks_like_a_formula_is_harmless_and_reads_back_as_it_was(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    sheets.write(path, ("sku", "remark"), [("A", text)])
    if name.endswith("csv"):
        assert f"'{text}" in path.read_text(encoding="utf-8-sig").replace('""', '"')
    else:
        book = openpyxl.load_workbook(path)
        assert book.worksheets[0].cell(2, 2).data_type == "s"
        book.close()
    assert sheets.read(path, NAMES).rows[0].cells["remark"] == text.strip()


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_in_the_usual_encodings_and_separators_is_read(tmp_path: Path, coding: str, mark: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(f'商品编码{mark}备注\n="0012"{mark}毛衣\n{mark}\n'.encode(coding))
    assert [r.cells for r in sheets.read(path, NAMES).rows] == [{"sku": "0012", "备注": "毛衣"}]


def test_a_number_with_more_digits_than_a_spreadsheet_keeps_is_marked(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page: Any = book.active
    for row in (["sku", "qty"], [123456789012345, 1.0], [1234567890123456789, 2.5], [True, None]):
        page.append(row)
    book.save(tmp_path / "list.xlsx")
    rows = sheets.read(tmp_path / "list.xlsx", NAMES).rows
    assert [(r.cells["sku"], r.cells["qty"], r.bad) for r in rows] == [
        ("123456789012345", "1", {}), ("1234567890123457024", "2.5", {"sku": "digits_lost"}), ("true", "", {})
    ]  # fmt: skip


def test_files_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file"):
        sheets.read(tmp_path / "none.csv", NAMES)
    (tmp_path / "bad.xlsx").write_bytes(b"no book")
    with pytest.raises(BadFile, match="no spreadsheet"):
        sheets.read(tmp_path / "bad.xlsx", NAMES)
    (tmp_path / "list.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BadFile, match="no column sku; found: a, b"):
        sheets.read(tmp_path / "list.csv", NAMES, need=("sku",))
    (tmp_path / "odd.csv").write_bytes(b"sku\n\xff\xff\xff")
    with pytest.raises(BadFile, match="neither UTF-8 nor GBK"):
        sheets.read(tmp_path / "odd.csv", NAMES)
    (tmp_path / "torn.csv").write_text('sku\n"half', encoding="utf-8")
    with pytest.raises(BadFile, match="line 2"):
        sheets.read(tmp_path / "torn.csv", NAMES)


def test_errors_go_beside_the_file_and_vanish_when_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("sku,qty\nA,x\nB,1\n", encoding="utf-8")
    sheet = sheets.read(path, NAMES)
    errors = sheets.write_errors(path, sheet, [(sheet.rows[0], "bad_qty")])
    assert errors == tmp_path / "counts.errors.csv"
    assert errors.read_text(encoding="utf-8-sig").splitlines() == ["sku,qty,reason", "A,x,bad_qty"]
    again = sheets.read(errors, NAMES)
    assert sheets.write_errors(path, again, []) is None and not errors.exists()


def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    sheets.write(tmp_path / "a.csv", ("name",), [("张三",)], private=True)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o600


@given(st.text(max_size=30))
def test_no_written_cell_starts_like_a_formula(text: str) -> None:
    made = sheets.safe(text)
    assert isinstance(made, str) and not made.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    # ``="0012"`` is how others write a text, and is unwrapped
    assert text.strip().startswith('="') or sheets.plain(made) == sheets.plain(text)
