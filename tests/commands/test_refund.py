"""oms refund"""

from __future__ import annotations

from collections.abc import Callable

from tests.commands.conftest import Shell

At = Callable[[str], Shell]


def test_refunds_are_listed_and_can_be_narrowed(at: At) -> None:
    oms = at("pushed")
    rows = oms("refund", "list", "--json").lines
    assert rows
    undecided = oms("refund", "list", "--undecided", "--json").lines
    assert all(r["decision"] == "" for r in undecided)
    assert oms("refund", "list", "--shop", "nobody*", "--json").code == 32, "no shop is not all shops"


def test_simple_ones_are_decided_by_rule_and_only_once(at: At) -> None:
    oms = at("pushed")
    assert oms("refund", "decide", "--dry-run", "--json").document["dry_run"]
    assert oms("refund", "decide").code in (0, 3)
    decided = {r["refund_no"]: r["version"] for r in oms("refund", "list", "--json").lines}
    assert oms("refund", "decide").code in (0, 3)
    assert {r["refund_no"]: r["version"] for r in oms("refund", "list", "--json").lines} == decided


def test_a_refund_that_is_not_there_cannot_be_decided(at: At) -> None:
    oms = at("pushed")
    for words in (("approve", "R-NOWHERE"), ("reject", "R-NOWHERE", "--reason", "no")):
        assert oms("refund", *words, "--by", "anna").code == 32
    assert oms("refund", "receive", "R-NOWHERE", "--good", "S=1").code == 32


def test_pieces_must_be_whole_numbers(at: At) -> None:
    said = at("pushed")("refund", "receive", "R", "--good", "SKU=half")
    assert said.code == 2
    assert "whole number" in said.err


def test_nothing_named_is_a_usage_error(at: At) -> None:
    said = at("pushed")("refund", "approve")
    assert said.code == 2
    assert "REFUND" in said.err
