"""oms settle: a group whose suppliers' part has tests of its own in test_settle_supplier.py."""

from __future__ import annotations

from tests.commands.conftest import Shell


def test_the_group_names_what_can_be_settled(shell: Shell) -> None:
    said = shell("settle", "--help")
    assert said.code == 0
    assert "supplier" in said.out
