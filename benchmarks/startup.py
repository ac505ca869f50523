"""`oms --help` against an empty Typer app that prints its help, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import figures
from benchmarks.measuring import Cost, Figure, timed

BOUND = 1.5
ROOT = Path(__file__).parent.parent
#: runs that make one repetition
RUNS = 3
#: its help is plain text, as ours is: with rich it would take half as long again
EMPTY = """
import typer
app = typer.Typer(rich_markup_mode=None, add_completion=False)
@app.callback()
def main() -> None: ...
@app.command()
def one() -> None: ...
app()
"""


def measure(repeat: int) -> Figure:
    """Start both in turns."""
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as name:
        empty = Path(name, "empty.py")
        empty.write_text(EMPTY, encoding="utf-8")
        theirs = [sys.executable, str(empty), "--help"]
        ours = [sys.executable, "-m", "oms_cli", "--help"]
        # the first start of each reads files from the disk
        _start(theirs)
        _start(ours)
        floor_costs, our_costs = [], []
        for _ in range(repeat):
            floor_costs.append(_started(theirs))
            our_costs.append(_started(ours))
    return Figure(
        name="help", what="oms --help", against="an empty Typer app's --help, plain text",
        bound=BOUND, ours=tuple(our_costs), floor=tuple(floor_costs), units=RUNS, unit="start", near=figures.TYPER_HELP,
    )  # fmt: skip


def _started(command: list[str]) -> Cost:
    def act() -> None:
        for _ in range(RUNS):
            _start(command)

    return timed(act)


def _start(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert b"Usage" in done.stdout
