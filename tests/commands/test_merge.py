"""oms merge"""

from __future__ import annotations

from collections.abc import Callable

from tests.commands.conftest import Shell

At = Callable[[str], Shell]


def test_a_plan_lists_parcels_and_makes_none(at: At) -> None:
    oms = at("sourced")
    said = oms("merge", "plan", "--json")
    assert said.document["dry_run"] and said.document["items"]
    assert oms("parcel", "list", "--json").lines == []


def test_a_run_fixes_what_the_plan_said(at: At) -> None:
    oms = at("sourced")
    planned = {i["ref"] for i in oms("merge", "plan", "--json").document["items"] if i["did"] == "merged"}
    assert oms("merge", "run").code == 0
    assert {p["parcel_no"] for p in oms("parcel", "list", "--limit", "500", "--json").lines} == planned


def test_undo_brings_the_orders_back_to_sourced(at: At) -> None:
    oms = at("merged")
    parcel = oms("parcel", "list", "--state", "planned", "--json").lines[0]
    assert oms("merge", "undo", parcel["parcel_no"], "--reason", "address", "--by", "anna").code == 0
    for number in parcel["members"]:
        assert oms("order", "show", number, "--json").document["order"]["progress"] == "sourced"
    assert oms("parcel", "show", parcel["parcel_no"], "--json").document["parcel"]["state"] == "void"


def test_an_unknown_parcel_cannot_be_undone_or_split(at: At) -> None:
    oms = at("merged")
    assert oms("merge", "undo", "P-NOWHERE", "--reason", "x").code == 32
    assert oms("merge", "split", "P-NOWHERE", "123").code == 32
