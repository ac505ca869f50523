"""`--follow`: workers as processes of their own, over a real Redis server."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Shell
from tests.servers import redis

At = Callable[[str], Shell]
WORKERS = (("order", "audit"), ("order", "audit"), ("order", "source"), ("order", "source"))
WAIT_S = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    if not redis.found():
        pytest.skip("redis-server is not installed")
    with redis.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Shell, tuple[str, ...]], subprocess.Popen[str]]]:
    """Starts workers; those that are left are killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(oms: Shell, words: tuple[str, ...]) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "oms_cli", *words, "--follow", "--json"]
        started.append(
            subprocess.Popen(line, cwd=oms.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def standing(oms: Shell, progress: str) -> int:
    return len(oms("order", "list", "--progress", progress, "--limit", "1000", "--json").lines)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.1)


def test_workers_share_what_comes_and_survive_a_kill(
    at: At, server: redis.Server, crew: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = standing(at("sourced"), "sourced")
    oms = at("synced")
    monkeypatch.setenv("OMS__STORES__BUS", server.empty())
    monkeypatch.setenv("OMS__FOLLOW__SWEEP", "1h")
    workers = [crew(oms, words) for words in WORKERS]
    until(lambda: len([r for r in oms("jobs", "history", "--json").lines if r["outcome"] == "running"]) == 4)
    # one of the stage dies; the other is enough
    workers[0].send_signal(signal.SIGKILL)
    assert oms("push", "orders", "--json").code == 0
    until(lambda: standing(oms, "sourced") == wanted)
    assert wanted > 10
    for worker in workers[1:]:
        worker.send_signal(signal.SIGTERM)
    ended = [(w.communicate(timeout=WAIT_S), w.returncode) for w in workers[1:]]
    assert [code for _, code in ended] == [0, 0, 0], ended
    records = [r for r in oms("jobs", "history", "--json").lines if r["job"] in ("order audit", "order source")]
    done = [r for r in records if r["outcome"] == "done"]
    assert len(done) == 3
    assert sum(r["counts"].get("sourced", 0) for r in done) == standing(oms, "sourced")


@pytest.mark.parametrize(
    "words",
    [
        ("push", "orders", "--limit", "3"),
        ("order", "audit", "--dry-run"),
        ("order", "source", "1"),
        ("merge", "run", "--limit", "2"),
    ],
)
def test_a_worker_takes_no_choice_but_the_shop(oms: Shell, words: tuple[str, ...]) -> None:
    said = oms(*words, "--follow", "--json")
    assert said.code == 2 and "takes --shop only" in said.told["message"]


def test_without_a_bus_following_says_what_to_write(oms: Shell) -> None:
    said = oms("order", "audit", "--follow", "--json")
    assert said.code == 2 and "[stores]" in said.told["message"]


def test_a_signal_ends_a_worker_that_waits(
    at: At, crew: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    oms = at("synced")
    monkeypatch.setenv("OMS__STORES__BUS", f"sqlite:{tmp_path / 'bus.db'}")
    worker = crew(oms, ("push", "orders"))
    until(lambda: bool(oms("order", "list", "--json").lines))
    worker.send_signal(signal.SIGINT)
    out, err = worker.communicate(timeout=WAIT_S)
    assert (worker.returncode, err) == (0, "") and '"added"' in out
