"""oms parcel"""

from __future__ import annotations

from collections.abc import Callable

from jobs.demo import picked, write_rows
from tests.commands.conftest import Shell
from tests.commands.day import WAREHOUSES

At = Callable[[str], Shell]


def test_parcels_are_listed_and_shown(at: At) -> None:
    oms = at("merged")
    rows = oms("parcel", "list", "--state", "planned", "--json").lines
    assert rows and all(r["members"] for r in rows)
    shown = oms("parcel", "show", rows[0]["parcel_no"], "--json").document
    assert shown["parcel"]["parcel_no"] == rows[0]["parcel_no"]


def test_a_handover_writes_the_pick_list_and_is_not_given_twice(at: At) -> None:
    oms = at("merged")
    said = oms("parcel", "handover", "--warehouse", WAREHOUSES[0], "--out", "a.csv", "--by", "anna", "--json")
    assert said.code == 0
    parcels = {row["parcel_no"] for row in picked(oms.folder / "a.csv")}
    assert parcels == {p["parcel_no"] for p in oms("parcel", "list", "--state", "handed_over", "--json").lines}
    oms("parcel", "handover", "--warehouse", WAREHOUSES[0], "--out", "b.csv", "--by", "anna")
    assert not parcels & {row["parcel_no"] for row in picked(oms.folder / "b.csv")}


def test_a_pick_list_can_be_written_again(at: At) -> None:
    oms = at("merged")
    number = oms("parcel", "handover", "--warehouse", WAREHOUSES[0], "--out", "a.csv", "--json").document["facts"][
        "handover_no"
    ]
    assert oms("parcel", "export", number, "--out", "again.csv").code == 0
    assert picked(oms.folder / "again.csv") == picked(oms.folder / "a.csv")


def test_waybills_come_back_and_rows_with_errors_are_kept_apart(at: At) -> None:
    oms = at("handed_over")
    rows = [row for name in WAREHOUSES for row in picked(oms.folder / f"{name}.csv")]
    wrong = {"parcel_no": "P-NOWHERE", "carrier": "SF", "waybill": "SF0000000000001"}
    write_rows(oms.folder / "w.csv", ("parcel_no", "carrier", "waybill"), [*rows, wrong])
    said = oms("parcel", "import", "w.csv", "--json")
    assert said.code == 3
    assert "P-NOWHERE" in (oms.folder / "w.errors.csv").read_text(encoding="utf-8-sig")
    labelled = oms("parcel", "list", "--state", "labelled", "--limit", "500", "--json").lines
    assert {p["waybill"] for p in labelled} == {r["waybill"] for r in rows}


def test_a_file_that_is_no_list_of_waybills_is_refused(at: At) -> None:
    oms = at("handed_over")
    (oms.folder / "x.csv").write_text("a,b\n1,2\n")
    said = oms("parcel", "import", "x.csv")
    assert said.code == 33
    assert "parcel_no" in said.err


def test_shipping_takes_the_pieces_off_the_stock(at: At) -> None:
    oms = at("shipped")
    assert oms("order", "list", "--progress", "shipped", "--json").lines
    assert sum(x["held"] for x in oms("stock", "show", "--json").lines) == 0
    assert oms("parcel", "ship", "--json").document["counts"] == {}


def test_a_planned_parcel_stops_at_once(at: At) -> None:
    oms = at("merged")
    parcel = oms("parcel", "list", "--state", "planned", "--json").lines[0]["parcel_no"]
    assert oms("parcel", "stop", parcel, "--reason", "buyer cancelled", "--by", "anna").code == 0
    assert oms("parcel", "show", parcel, "--json").document["parcel"]["state"] in ("stopped", "void")
