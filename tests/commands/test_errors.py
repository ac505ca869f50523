"""An error says what, where, and the command to type next; as JSON under --json; with its exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from oms_cli import main as entry
from oms_cli.main import main
from tests.commands.conftest import Shell


def test_an_unknown_command_is_met_with_the_nearest_one(shell: Shell) -> None:
    said = shell("syncc")
    assert (said.code, said.out) == (2, "")
    assert "did you mean sync?" in said.err
    assert "next:  oms --help" in said.err


def test_a_wrong_option_names_the_command_whose_help_to_read(shell: Shell) -> None:
    said = shell("sync", "orders", "--bogus")
    assert said.code == 2
    assert "next:  oms sync orders --help" in said.err


def test_a_usage_error_is_a_json_document_under_json(shell: Shell) -> None:
    said = shell("order", "show", "--json")
    assert (said.code, said.out) == (2, "")
    assert said.told["error"] == "Usage"
    assert said.told["hint"] == "oms order show --help"


def test_a_group_alone_shows_its_help(shell: Shell) -> None:
    said = shell("merge")
    assert said.code == 2
    assert "oms merge [OPTIONS] COMMAND" in said.err


def test_an_error_of_ours_carries_code_hint_and_shop(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters.errors import TokenExpired

    def fail(_words: list[str]) -> int:
        raise TokenExpired("it ended", code="27", shop="tmall-one")

    monkeypatch.setattr(entry, "run", fail)
    said = shell("sync", "orders", "--json")
    assert said.code == 13
    assert said.told == {
        "error": "TokenExpired", "message": "The access token is no longer valid. · it ended · code 27", "exit_code": 13,
        "hint": "oms shop token SHOP", "shop": "tmall-one",
    }  # fmt: skip
    plain = shell("sync", "orders")
    assert "(shop tmall-one)" in plain.err and "next:  oms shop token SHOP" in plain.err


def test_a_fault_of_ours_ends_with_1_and_tells_where(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_words: list[str]) -> int:
        raise KeyError("x")

    monkeypatch.setattr(entry, "run", fail)
    assert shell("status").code == 1
    said = shell("status", "--json")
    assert (said.code, said.told["error"]) == (1, "KeyError")
    assert "test_errors.py:" in said.told["message"]


def test_a_reader_that_goes_away_ends_us_quietly(oms: Shell) -> None:
    line = f"{sys.executable} -m oms_cli config show --json; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({line}) | head -1"], cwd=oms.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr.strip() in ("0", "141")


def test_broken_pipe_is_128_plus_13(oms: Shell) -> None:
    line = f"{sys.executable} -m oms_cli config show --json; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({line}) | true"], cwd=oms.folder, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "141"


def test_the_version_is_printed(shell: Shell) -> None:
    from importlib.metadata import version

    assert shell("--version") == (0, f"oms {version('oms')}\n", "")


def test_wrong_words_before_the_command_are_refused(shell: Shell) -> None:
    said = shell("--set", "nonsense", "config", "show")
    assert said.code == 2
    assert "NAME=VALUE" in said.err


def test_main_gives_the_exit_code_of_the_command(shell: Shell) -> None:
    assert main(["config", "check"]) == 0
