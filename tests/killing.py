"""Killing a run at one of its gaps, and racing runs in processes of their own."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobs import gaps

ROOT = Path(__file__).parent.parent


class Killed(BaseException):
    """The process ended here. No job catches it, as none would run on after SIGKILL."""


@contextmanager
def at_gap(name: str, act: Callable[[], object], times: int = 1) -> Iterator[None]:
    """Call `act` when the run inside passes the gap for the n-th time; it must pass it. Can be nested.

    While `act` runs no gap is watched, so that it may be a run of its own.
    """
    outer, left = gaps.hook, times

    def hook(passed: str) -> None:
        nonlocal left
        if passed == name:
            left -= 1
            if left == 0:
                watching, gaps.hook = gaps.hook, None
                try:
                    act()
                finally:
                    gaps.hook = watching
        if outer is not None:
            outer(passed)

    gaps.hook = hook
    try:
        yield
    finally:
        gaps.hook = outer
    assert left <= 0, f"the run never passed {name}"


@contextmanager
def killed_at(name: str, times: int = 1) -> Iterator[None]:
    """The run inside dies when it passes the gap for the n-th time."""

    def die() -> None:
        raise Killed(name)

    with at_gap(name, die, times):
        try:
            yield
        except Killed:
            return
    raise AssertionError(f"the run never passed {name}")


_RACER = """
import sys, time
from pathlib import Path
from tests.factories import open_env
folder, me, others = Path(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
env = open_env(folder)
env.orders, env.stock, env.ledger
(folder / f"{me}.ready").touch()
until = time.monotonic() + 60
while not all((folder / f"{o}.ready").exists() for o in others):
    assert time.monotonic() < until, "the others did not come"
    time.sleep(0.002)
{act}
env.close()
"""


def race(folder: Path, acts: Sequence[str]) -> None:
    """Run statements over one office in a process each, started together. They know `env`."""
    names = [f"racer-{n}" for n in range(len(acts))]
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _RACER.replace("{act}", act), str(folder), name, ",".join(names)],
            cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )
        for name, act in zip(names, acts, strict=True)
    ]  # fmt: skip
    try:
        for racer in racers:
            _, said = racer.communicate(timeout=60)
            assert racer.returncode == 0, said
    finally:
        # One that waits for a racer that died would wait for ever.
        for racer in racers:
            racer.kill()
            racer.communicate()
