"""oms warehouse"""

from __future__ import annotations

from tests.commands.conftest import Shell


def test_places_are_listed_by_priority(oms: Shell) -> None:
    assert [r["warehouse"] for r in oms("warehouse", "list", "--json").lines] == ["main", "south"]


def test_one_place_is_shown_with_its_defaults(oms: Shell) -> None:
    shown = oms("warehouse", "show", "south", "--json").document
    assert (shown["kind"], shown["carrier"], shown["priority"]) == ("store", "SF", 200)


def test_an_unknown_place_is_named_with_the_known_ones(oms: Shell) -> None:
    said = oms("warehouse", "show", "north")
    assert said.code == 32
    assert "known: main, south" in said.err
