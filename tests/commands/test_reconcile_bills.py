"""oms reconcile bills"""

from __future__ import annotations

from tests.commands.conftest import Shell


def test_without_channels_there_is_nothing_to_compare(shell: Shell) -> None:
    said = shell("reconcile", "bills", "--json")
    assert (said.code, said.document["outcome"]) == (0, "done")


def test_a_channel_that_is_none_is_refused_with_those_there_are(shell: Shell) -> None:
    said = shell("reconcile", "bills", "--channel", "wx", "--json")
    assert said.code == 32
    assert "known: none" in said.told["message"]


def test_a_day_that_is_not_over_is_refused(shell: Shell) -> None:
    assert shell("reconcile", "bills", "--day", "today").code == 2
    assert shell("reconcile", "bills", "--day", "2026-10-05", "--since", "2026-10-01").code == 2
