"""Two processes of one job in one office: started together, without the lease, or the first one stopped in the middle."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from jobs import env as env_module
from jobs import gaps
from oms_cli.main import main
from oms_cli.reference import leaves
from stores.sqlite import SqliteDatabase
from tests.twice.books import Books, books, seen
from tests.twice.cases import CASES
from tests.twice.offices import Bazaar, Served, SharedClock, fork

#: a trial that takes longer hangs
PATIENCE_S = 60.0
#: longer than any lease of the settings, shorter than what a platform forgives a clock
PAST_LEASES_S = 150.0

#: held by a thread that writes: a process is not stopped then, since every other would wait for its lock on the file
WRITING = threading.RLock()

Arrange = Callable[[Path], None]


# every process is a fork of this one: what most of them need is imported once
COMMANDS = [path for path, _, _ in leaves()]
for name in ("encodings.idna", "httpcore", "jobs.effects", "jobs.moving"):
    importlib.import_module(name)


class Outcome(NamedTuple):
    """What a trial left behind; `codes`: how its processes ended."""

    books: Books
    seen: Counter[str]
    codes: list[int]
    said: str
    #: how often the platforms were told what they knew
    repeats: int


class Point(NamedTuple):
    """A place a run passes: a named gap, a committed write of a store, a request before and after; and the n-th time."""

    name: str
    nth: int


class Trial:
    """A copy of a case's office before a copy of the world."""

    def __init__(self, bazaar: Bazaar, name: str, folder: Path) -> None:
        self._case = case = CASES[name]
        self.folder, self.office, self.clock = folder, folder / "office", SharedClock(case.hour)
        shutil.copytree(case.office(bazaar, name), self.office)
        self._world = Served(bazaar, folder, case.hour)
        self._pids: list[int] = []

    def start(self, words: Sequence[str], arrange: Arrange = lambda office: None, go: int = -1) -> int:
        """Start `oms WORDS` in a process of its own, as arranged, when the pipe `go` is closed; returns its pid."""
        number = len(self._pids)

        def act() -> int:
            os.chdir(self.office)
            os.environ["OMS_CONFIG"] = str(self.office / "oms.toml")
            out = os.open(self.folder / f"said-{number}.txt", os.O_WRONLY | os.O_CREAT, 0o600)
            for stream in (1, 2):
                os.dup2(out, stream)
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            env_module.SystemClock = lambda start: self.clock  # type: ignore[assignment,misc]
            arrange(self.office)
            if go >= 0:
                os.read(go, 1)
            code = main([*words, "--json"])
            sys.stdout.flush()
            return code

        self._pids.append(fork(act))
        return self._pids[-1]

    def end(self, pid: int) -> int:
        """Wait for a process; returns its exit code, or -1 when it has stopped."""
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            ended, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if ended:
                return -1 if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise AssertionError(f"it hangs: {self.said()}")

    def said(self) -> str:
        texts = [p.read_text(encoding="utf-8") for p in sorted(self.folder.glob("said-*.txt"))]
        return "\n---\n".join(texts)[-4000:]

    def close(self, words: Sequence[str], codes: list[int]) -> Outcome:
        if self._case.again:
            codes = [*codes, self.end(self.start(words))]
        self._world.stop()
        entries = self._world.entries
        repeats = sum(e["kind"] == "repeat" for e in entries)
        out = Outcome(books(self.office, passing=self._case.passing), seen(entries), codes, self.said(), repeats)
        shutil.rmtree(self.folder)
        return out


# ------------------------------------------------------------------ the ways to run twice


def once(trial: Trial, words: Sequence[str]) -> tuple[Outcome, list[Point]]:
    """One run, and the points it passed."""
    log = trial.folder / "points.txt"

    def note(office: Path) -> None:
        watch(lambda name: _append(log, name))

    codes = [trial.end(trial.start(words, note))]
    passed = log.read_text(encoding="utf-8").split() if log.exists() else []
    points = [Point(name, passed[: n + 1].count(name)) for n, name in enumerate(passed)]
    return trial.close(words, codes), points


def together(trial: Trial, words: Sequence[str], arrange: Arrange = lambda office: None) -> Outcome:
    """Two runs that start at one moment."""
    wait, start = os.pipe()

    def ready(office: Path) -> None:
        os.close(start)  # only the test holds it now: closing it there starts both
        arrange(office)

    racers = [trial.start(words, ready, wait) for _ in range(2)]
    os.close(start)
    os.close(wait)
    return trial.close(words, [trial.end(pid) for pid in racers])


def overtaken(trial: Trial, words: Sequence[str], at: Point) -> Outcome:
    """The first run stops at a point, its leases end, the second runs to its end, then the first goes on."""
    first = trial.start(words, lambda office: watch(stopper(at)))
    assert trial.end(first) == -1, f"it never passed {at}: {trial.said()}"
    trial.clock.advance(PAST_LEASES_S)
    codes = [trial.end(trial.start(words))]
    os.kill(first, signal.SIGCONT)
    codes.append(trial.end(first))
    return trial.close(words, codes)


# ------------------------------------------------------------------ watching a run from inside


def watch(act: Callable[[str], None]) -> None:
    """Call `act` with the name of every point that this process passes."""
    gaps.hook = act
    write, send = SqliteDatabase.write, httpx.Client.send

    @contextmanager
    def written(self: SqliteDatabase, *, lasting: bool = True) -> Iterator[Any]:
        with WRITING, write(self, lasting=lasting) as connection:
            yield connection
        act(f"{self.store}.written")

    def sent(self: httpx.Client, *args: Any, **more: Any) -> httpx.Response:
        act("http.sending")
        answer = send(self, *args, **more)
        act("http.answered")
        return answer

    SqliteDatabase.write = written  # type: ignore[method-assign]
    httpx.Client.send = sent  # type: ignore[method-assign]


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def stopper(at: Point) -> Callable[[str], None]:
    """Stops the process when it passes the point."""
    left, lock = [at.nth], threading.Lock()

    def act(name: str) -> None:
        if name == at.name:
            with lock:
                left[0] -= 1
                stop = left[0] == 0
            if stop:
                with WRITING:
                    os.kill(os.getpid(), signal.SIGSTOP)
                    time.sleep(0.05)  # it reaches this thread and the others a moment later

    return act
