"""Reading statements: containers, encodings, torn rows, cells that cannot be read, layouts of one's own."""

import gzip
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest

from adapters.statements import Layout, NotReadable, all_layouts
from adapters.statements.cells import Reader, amount_reader, decimal_of, fits, plain, time_reader
from adapters.statements.layout import load
from adapters.statements.reading import Line, Parked, statements

HEAD = "商户订单号,发生时间,收入金额（+元）,支出金额（-元）,账务类型,备注,业务描述"
ROW = "260301-1,2026-03-01 09:00:00,150.00,0.00,交易收入,,0010002|交易收入-订单收入"
PDD = [all_layouts()["pdd"]]


def read(path: Path, layouts: list[Layout] = PDD) -> tuple[list[Line], list[Parked]]:
    lines: list[Line] = []
    parked: list[Parked] = []
    for statement in statements(path, layouts):
        lines += [Line(*row) for batch in statement.batches() for row in batch]
        parked += statement.parked
    return lines, parked


def write(folder: Path, *rows: str, encoding: str = "gb18030", end: str = "\r\n") -> Path:
    path = folder / "a.csv"
    path.write_bytes(end.join([HEAD, *rows, ""]).encode(encoding))
    return path


# ------------------------------------------------------------------ containers


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_encodings_and_line_ends_are_found_out(tmp_path: Path, encoding: str, end: str) -> None:
    lines, parked = read(write(tmp_path, ROW, encoding=encoding, end=end))
    assert ([x.amount_minor for x in lines], parked) == ([15_000], [])


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters_are_found_out(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{HEAD}\n{ROW}\n".replace(",", delimiter), encoding="utf-8")
    assert len(read(path)[0]) == 1


def test_gzip_and_zip_are_unpacked_and_the_same_table_has_the_same_hash(tmp_path: Path) -> None:
    path = write(tmp_path, ROW)
    packed, zipped = tmp_path / "a.csv.gz", tmp_path / "a.zip"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with zipfile.ZipFile(zipped, "w") as z:
        z.writestr("readme.txt", "nothing here")
        z.write(path, "b.csv")
    hashes = set()
    for file in (path, packed, zipped):
        for statement in statements(file, PDD):
            hashes.add(statement.hash)
            assert sum(map(len, statement.batches())) == 1
    assert len(hashes) == 1


def test_a_spreadsheet_is_read_and_a_number_that_lost_its_end_is_no_reference(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(HEAD.split(","))
    book.active.append(["260301-1", "2026-03-01 09:00:00", 0.1, 0, "", "", "0010002|x"])
    book.active.append([1234567890123456789, "2026-03-01 09:00:00", 1, 0, "", "", "0010002|x"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    lines, parked = read(path)
    assert [x.amount_minor for x in lines] == [10]
    assert [(p.row_no, p.column, p.reason) for p in parked] == [(3, "order", "damaged")]


def test_a_json_answer_is_read_wherever_its_list_is(tmp_path: Path) -> None:
    rows = [{"flow_id": "1", "funds_type": 1, "flow_type": 1, "amount": 5, "bookkeeping_time": "2026-03-01 09:00:00"}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"errcode": 0, "data": {"list": rows}}), encoding="utf-8")
    assert [x.amount_minor for x in read(path, [all_layouts()["wechat_shop"]])[0]] == [5]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"PK\x03\x04broken", "damaged"),
        (b"\x1f\x8bbroken", "damaged"),
        (b"a,b,c\n1,2,3\n", "no layout fits"),
        (b"{broken", "no JSON"),
        (b"\x00\x01\x02", "no layout fits"),
    ],
)
def test_what_is_no_statement_is_refused_with_the_reason(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    with pytest.raises(NotReadable, match=why):
        read(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotReadable, match="No such file"):
        read(tmp_path / "nothing.csv")


# ------------------------------------------------------------------ rows


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (ROW.replace("150.00", "15O.00"), "amount", "amount"),
        (ROW.replace("150.00", "150.001"), "amount", "amount"),
        (ROW.replace("150.00", "1e3"), "amount", "amount"),
        (ROW.replace("150.00", "１５０"), "amount", "amount"),
        (ROW.replace("150.00", "").replace("0.00,交", ",交"), "收入金额（+元）+支出金额（-元）", "no_amount"),
        (ROW.replace("09:00:00", "25:00:00"), "发生时间", "time"),
        (ROW.replace("2026-03-01 ", "2026-02-30 "), "发生时间", "time"),
        (ROW.replace("260301-1", "260301 1"), "order", "reference"),
        (ROW.replace("260301-1", "9" * 80), "order", "reference"),
        (ROW.rpartition(",")[0], "", "cells"),
        (ROW + ",more", "", "cells"),
    ],
)
def test_a_cell_that_cannot_be_read_parks_its_row_alone(tmp_path: Path, row: str, column: str, reason: str) -> None:
    lines, parked = read(write(tmp_path, ROW, row, ROW.replace("260301-1", "260301-2")))
    assert [x.order_ref for x in lines] == ["260301-1", "260301-2"]
    assert [(p.row_no, p.column, p.reason) for p in parked] == [(3, column, reason)]


def test_a_quote_that_was_never_closed_takes_no_other_row_with_it(tmp_path: Path) -> None:
    torn = ROW.replace("交易收入,", '"交易收入,', 1)
    rows = [ROW.replace("260301-1", f"260301-{n}") for n in range(2, 40)]
    lines, parked = read(write(tmp_path, torn, *rows))
    assert len(lines) == 38 and [(p.row_no, p.reason) for p in parked] == [(2, "cells")]


def test_a_cell_that_goes_over_lines_is_one_cell(tmp_path: Path) -> None:
    lines, parked = read(write(tmp_path, ROW.replace("交易收入,", '"交易\r\n收入",', 1), ROW.replace("-1,", "-2,")))
    assert [x.order_ref for x in lines] == ["260301-1", "260301-2"] and parked == []


def test_a_damaged_byte_parks_the_row_whose_number_it_hit(tmp_path: Path) -> None:
    path = write(tmp_path, ROW, ROW.replace("260301-1", "260301-X"))
    path.write_bytes(path.read_bytes().replace(b"260301-X", b"260301-\xff"))
    lines, parked = read(path)
    assert len(lines) == 1 and [(p.row_no, p.reason) for p in parked] == [(3, "damaged")]


def test_parts_that_do_not_add_up_to_their_row_are_parked(tmp_path: Path) -> None:
    names = "request_no,settle_time,shop_order_id,settle_amount,real_pay_amount,platform_service_fee"
    rows = ["1,2026-03-01 09:00:00,5,95,100,-5", "2,2026-03-01 09:00:00,6,96,100,-5"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([names, *rows]), encoding="utf-8")
    lines, parked = read(path, [all_layouts()["douyin_settle"]])
    assert [(x.kind, x.amount_minor) for x in lines] == [("goods", 100), ("service_fee", -5)]
    assert [(p.row_no, p.reason) for p in parked] == [(3, "sum_differs")]


def test_a_direction_that_disagrees_with_the_sign_is_parked(tmp_path: Path) -> None:
    names = "订单编号,单据编号,费用项,金额,收支方向,费用结算时间"
    rows = ["1,1,货款,-5.00,收入,2026-03-01 09:00:00", "2,2,货款,5.00,左,2026-03-01 09:00:00"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([names, *rows]), encoding="utf-8")
    lines, parked = read(path, [all_layouts()["jd"]])
    assert lines == [] and [p.reason for p in parked] == ["direction_disagrees", "direction"]


def test_a_file_of_which_no_row_fits_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path, *[ROW.replace("2026-03-01 09:00:00", "soon")] * 60)
    with pytest.raises(NotReadable, match=r"does not fit: row 2, 发生时间: time"):
        read(path)


def test_a_persons_account_is_neither_kept_nor_parked(tmp_path: Path) -> None:
    names = f"{HEAD},对方账号"
    path = tmp_path / "a.csv"
    path.write_text(
        f"{names}\n{ROW},zhang@example.com\n{ROW.replace('150.00', 'x')},zhang@example.com\n", encoding="utf-8"
    )
    lines, parked = read(path)
    assert "zhang" not in lines[0].raw and "zhang" not in str(parked)


def test_a_row_says_the_same_in_csv_and_spreadsheet(tmp_path: Path) -> None:
    names = "flow_id,funds_type,flow_type,amount,bookkeeping_time"
    path, book = tmp_path / "a.csv", openpyxl.Workbook()
    path.write_text(f"{names}\n7,1,1,500,2026-03-01 09:00:00\n", encoding="utf-8")
    assert book.active is not None
    book.active.append(names.split(","))
    book.active.append(["7", 1, 1, 500, "2026-03-01 09:00:00"])
    book.save(tmp_path / "a.xlsx")
    layout = [all_layouts()["wechat_shop"]]
    assert read(path, layout)[0][0].fingerprint == read(tmp_path / "a.xlsx", layout)[0][0].fingerprint


# ------------------------------------------------------------------ cells


def test_amounts_are_exact_in_every_unit() -> None:
    major, yen, dinar = (amount_reader("major", n, ".") for n in (2, 0, 3))
    texts = ["1,234.56", "-0.05", "+7", "¥8.10", "", "-", "0.10000", ".5", "1,23.4", "--5", "1 000"]
    assert [major[t] for t in texts] == [123_456, -5, 700, 810, 0, 0, 10, None, None, None, None]
    assert (yen["1500"], yen["1.5"], dinar["1.234"]) == (1500, None, 1234)
    german = amount_reader("major", 2, ",")
    assert (german["1.234,56"], german["-185,18"], german["1234.56"]) == (123_456, -18_518, None)
    assert amount_reader("minor", 2, ".")["12.5"] is None
    assert major[str(10**15)] is None


def test_the_decimal_mark_is_that_of_the_files_first_amount() -> None:
    assert decimal_of(["", "1.234", "1.234,56"], 2) == ","
    assert decimal_of(["1,234.56"], 2) == "." == decimal_of(["7"], 2)


def test_times_are_of_their_zone_also_when_the_clock_changes() -> None:
    berlin = time_reader(("%Y-%m-%d %H:%M:%S",), "Europe/Berlin")
    assert berlin(["2026-07-01 02:00:00", "2026-01-01 01:00:00"]) == [1_782_864_000_000, 1_767_225_600_000]
    assert berlin(["1970-01-01 00:00:00", "2026-13-01 00:00:00", "20260301", "２０２６-03-01 09:00:00"]) == [None] * 4
    epoch = time_reader(("epoch_ms", "iso"), "UTC")
    assert epoch(["1772337600000", "2026-03-01T04:00:00+00:00", "2026-03-01T04:00:00"]) == [1_772_337_600_000] * 2 + [
        None
    ]


def test_a_reader_forgets_rather_than_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.statements.cells._MOST", 3)
    reader = Reader(len)
    assert [reader["x" * n] for n in range(10)] == list(range(10))
    assert len(reader) <= 3


def test_wrapped_ids_and_patterns_of_words_are_understood() -> None:
    assert [plain(t) for t in ("\t12 ", "'12", '="12"', "12")] == ["12"] * 4
    fit = fits(["退款*", "*补贴*", "a[b]", ""])
    assert [fit(t) for t in ("退款-原路", "平台补贴款", "a[b]", "", "b")] == [True, True, True, True, False]


# ------------------------------------------------------------------ layouts of one's own

OWN = """
name = "mine"
platform = "woocommerce"
title = "my bank"
version = 3
source = "the bank's own page"
need = ["Ref", "When", "Sum"]
zone = "Europe/Berlin"
currency = "EUR"
[fields]
ref = ["Ref"]
order = [{ column = "Ref", pattern = 'order-(\\d+)' }]
at = ["When"]
[[part]]
plus = ["Sum"]
[[kind]]
is = "goods"
"""


def test_a_layout_of_ones_own_is_found_in_the_folder_and_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN, encoding="utf-8")
    path = tmp_path / "a.csv"
    path.write_text("Ref,When,Sum\norder-77,2026-03-01,9.99\n", encoding="utf-8")
    found = all_layouts(tmp_path)
    lines, parked = read(path, [found["mine"]])
    assert [(x.ref, x.order_ref, x.amount_minor, x.currency) for x in lines] == [("order-77", "77", 999, "EUR")]
    assert parked == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('at = ["When"]', "", "fields.at is missing"),
        ('is = "goods"', 'is = "gold"', "kind 'gold' is not known"),
        ("Europe/Berlin", "Europe/Nowhere", "zone 'Europe/Nowhere'"),
        ("order-(\\d+)", "order (", "pattern"),
        ("order-(\\d+)", "order", "needs one group"),
        ('title = "my bank"', 'title = "my bank"\nfooters = ["x"]', "unknown field `footers`"),
        ('plus = ["Sum"]', "plus = 7", "Expected `array`"),
        ('title = "my bank"', 'title = "my bank"\nunit = "cents"', "unit = 'cents'"),
    ],
)
def test_a_wrong_layout_is_refused_with_its_place(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(NotReadable, match=r"layout mine.toml") as caught:
        load(path)
    assert why in str(caught.value)
