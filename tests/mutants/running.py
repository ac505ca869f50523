"""Copies of the checkout in which one line is broken, and the tests run against them.

A copy wins over the installed product because it is first on PYTHONPATH and is the working directory; `check_place`
asks an interpreter in the copy where it finds each package.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutants.listed import ROOT, BadMutant, Mutant, mutated

PACKAGES = ("oms_cli", "jobs", "adapters", "stores", "sql")
#: what tests read beside the packages
BESIDE = ("tests", "docs", "cron.d", "README.md", "Makefile", "pyproject.toml")
#: file's beginning → folders of tests that are likeliest to notice; the rest of the fast ones follow
NEAR = {
    "adapters/sandbox/": ("tests/sandbox",),
    "adapters/": ("tests/adapters", "tests/rules"),
    "jobs/rules/": ("tests/rules", "tests/runs"),
    "jobs/": ("tests/runs", "tests/rules"),
    "stores/": ("tests/stores",),
}
ALL = ("tests/adapters", "tests/rules", "tests/stores", "tests/runs", "tests/laws", "tests/sandbox", "tests/commands")
#: a mutant may never end; no test takes as long as this
PATIENCE_S = 600.0
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.M)


class Verdict(NamedTuple):
    """What became of one mutant. `outcome`: killed, survived or broken (the tests could not even run)."""

    name: str
    outcome: str
    #: first failing node id, or what is wrong
    by: str
    seconds: float


@contextmanager
def copy_of(root: Path = ROOT) -> Iterator[Path]:
    """A copy of packages and tests in a folder that goes away. Modification times stay, so that bytecode is reused."""
    with TemporaryDirectory(prefix="oms-mutant-") as folder:
        place = Path(folder)
        skip = shutil.ignore_patterns(".hypothesis", ".pytest_cache", "*.db")
        for name in (*PACKAGES, *BESIDE):
            if (root / name).is_dir():
                shutil.copytree(root / name, place / name, ignore=skip)
            elif (root / name).exists():
                shutil.copy2(root / name, place / name)
        yield place


def check_place(place: Path) -> None:
    """Make sure that the copy is what runs.

    Raises:
        RuntimeError: some package would come from elsewhere.
    """
    ask = f"import {', '.join(PACKAGES)}; print(*(m.__file__ for m in ({', '.join(PACKAGES)},)), sep='\\n')"
    told = subprocess.run(
        [sys.executable, "-c", ask], cwd=place, env=_surroundings(place), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    elsewhere = [path for path in told if not Path(path).resolve().is_relative_to(place.resolve())]
    if elsewhere or len(told) != len(PACKAGES):
        raise RuntimeError(f"not the copy is tested but {elsewhere}")


def _surroundings(place: Path) -> dict[str, str]:
    """Environment of a run: the copy first, and no bytecode of a broken file is ever written."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OMS_", "PYTEST_"))}
    return {**kept, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}


def pytest(place: Path, what: Sequence[str], *more: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy; nothing of the checkout is touched."""
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "-rfE", *more, *what]
    return subprocess.run(
        words, cwd=place, env=_surroundings(place), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def run(mutant: Mutant, *, what: Sequence[str] = ()) -> Verdict:
    """Break one line in a copy and run `what`, or the test that killed it before, or all tests near it."""
    began = time.monotonic()
    with copy_of() as place:
        broken = place / mutant.file
        try:
            text = mutated(mutant, broken.read_text(encoding="utf-8"))
        except (BadMutant, OSError) as error:
            return Verdict(mutant.name, "broken", str(error), time.monotonic() - began)
        broken.write_text(text, encoding="utf-8")
        # Bytecode is known by second and size; both may be those of the whole file.
        os.utime(broken, (time.time() + 60, time.time() + 60))
        outcome, by = _judge(place, what or ([mutant.killed_by] if mutant.killed_by else _near(place, mutant)))
    return Verdict(mutant.name, outcome, by, time.monotonic() - began)


def _near(place: Path, mutant: Mutant) -> list[str]:
    first = next((folders for start, folders in NEAR.items() if mutant.file.startswith(start)), ())
    return [f for f in dict.fromkeys((*first, *ALL)) if (place / f).exists()]


def _judge(place: Path, what: Sequence[str]) -> tuple[str, str]:
    try:
        done = pytest(place, what, "-x")
    except subprocess.TimeoutExpired:
        return "killed", "it never ended"
    failed = _FAILED.search(done.stdout)
    if done.returncode == 1 and failed:
        return "killed", failed.group(1)
    if done.returncode == 0:
        return "survived", ", ".join(what)
    return "broken", (done.stdout + done.stderr)[-600:]
