"""oms refund"""

from __future__ import annotations

from collections.abc import Callable

import pytest

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


OWN = """\
data = "data"
[shops.hotline]
platform = "own"
seller_id = "hotline"
"""


def an_own_order(shell: Shell) -> None:
    shell.settings(OWN)
    shell("order", "import", "--template", "orders.csv")
    path = shell.folder / "orders.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("EXAMPLE", "A1"), encoding="utf-8")
    assert shell("order", "import", "orders.csv").code == 0 and shell("push", "orders").code == 0


def test_a_refund_of_an_own_order_is_asked_for_shown_and_carried_out(shell: Shell) -> None:
    an_own_order(shell)
    words = ("refund", "request", "A1", "--kind", "before_shipping", "--line", "SKU-001=1", "--reason", "other")
    seen = shell(*words, "--dry-run", "--json").document
    assert seen["items"][0]["facts"]["amount"] == "94.00 CNY"
    assert shell("refund", "list", "--json").lines == []
    assert shell(*words, "--json").document["counts"] == {"asked": 1}
    assert shell(*words, "--json").document["counts"] == {"same": 1}
    assert shell("refund", "decide", "--json").document["counts"]["approved"] == 1
    [refund] = shell("refund", "list", "--json").lines
    assert (refund["status"], refund["authority"], refund["amount_minor"]) == ("approved", "us", 9_400)


@pytest.mark.parametrize(
    "words",
    [
        ("A1", "--kind", "before_shipping", "--reason", "mood"), ("A1", "--kind", "x", "--reason", "other"),
        ("A1", "--kind", "return", "--reason", "other"), ("A1", "--kind", "before_shipping", "--reason", "other", "--line", "SKU-001=0"),
        ("A1", "--kind", "before_shipping", "--reason", "other", "--amount", "999"),
    ],
)  # fmt: skip
def test_a_refund_that_cannot_be_asked_for_ends_with_a_hint(shell: Shell, words: tuple[str, ...]) -> None:
    an_own_order(shell)
    said = shell("refund", "request", *words)
    assert said.code == 2 and "oms " in said.err
    assert shell("refund", "request", "NOBODY", "--kind", "return", "--reason", "other").code == 32


def test_nothing_more_coming_goes_with_one_refund_only(shell: Shell) -> None:
    shell.settings(OWN)
    assert shell("refund", "receive", "--file", "x.csv", "--final").code == 2
    assert shell("refund", "receive", "RNONE", "--final").code == 32
