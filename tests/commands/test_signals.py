"""Signals, logging and quiet: how a command behaves when nobody looks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from jobs.results import Result
from oms_cli.office import done, given
from tests.commands.conftest import Shell

At = Callable[[str], Shell]


@pytest.fixture
def silent_platform() -> Iterator[socket.socket]:
    """A platform that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_asked_to_stop_writes_its_record_and_says_by_which_signal(
    at: At, silent_platform: socket.socket, signum: signal.Signals, code: int
) -> None:
    oms = at("empty")
    toml = oms.folder / "oms.toml"
    port = silent_platform.getsockname()[1]
    lines = [
        f'base_url = "http://127.0.0.1:{port}"' if x.startswith("base_url") else x
        for x in toml.read_text().splitlines()
    ]
    toml.write_text("\n".join(lines))
    env = {**os.environ, "OMS__RETRY__WAITS": "[]", "OMS__RETRY__TIMEOUT": "1s"}
    words = [sys.executable, "-m", "oms_cli", "sync", "orders", "--json"]
    with subprocess.Popen(
        words, cwd=oms.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        call, _ = silent_platform.accept()
        with call:
            run.send_signal(signum)
            run.communicate(timeout=30)
    assert run.returncode == code
    assert oms("jobs", "history", "--limit", "1", "--json").lines[0]["outcome"] == "interrupted"
    assert oms("jobs", "locks", "--json").lines == []


def test_an_interrupted_result_takes_the_code_of_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "signum", int(signal.SIGINT))
    assert done(Result(job="push orders", outcome="interrupted"), json=True) == 130


def test_counts_are_one_line_of_log_where_the_level_asks_for_it(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("synced")
    monkeypatch.setenv("OMS__LOG__LEVEL", "info")
    said = oms("push", "orders")
    lines = [x for x in said.err.splitlines() if "push orders · done" in x]
    assert said.out == ""
    assert len(lines) == 1 and "added=" in lines[0] and "run=" in lines[0]


def test_a_fine_run_is_silent_where_nobody_looks(at: At) -> None:
    assert at("synced")("push", "orders") == (0, "", "")


def test_no_address_of_a_call_is_logged_even_at_debug(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("empty")
    monkeypatch.setenv("OMS__LOG__LEVEL", "debug")
    said = oms("sync", "orders")
    assert "session=" not in said.err and "sign=" not in said.err
