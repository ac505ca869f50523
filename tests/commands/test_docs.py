"""The command blocks and Python blocks of README and docs are run, in the order a reader would type them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

import jobs
from jobs.demo import picked, write_rows
from tests.commands.conftest import Shell
from tests.commands.day import WAREHOUSES, Day
from tests.house.source import ROOT

At = Callable[[str], Shell]
#: lines that are about the machine or the checkout, not about an office
OUTSIDE = ("sudo ", "make ")
#: done, or done in part: what is parked or differs depends on the day
FINE = (0, 3)


def lines(page: str) -> list[str]:
    """The typed lines of a page's console blocks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    return [x.removeprefix("$ ") for block in blocks for x in block.splitlines() if x.startswith("$ ")]


def python_blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


class Reader:
    """Someone who types what the docs say, and puts their own names where the docs have capitals or examples."""

    def __init__(self, folder: Path, day: Day) -> None:
        self.folder = folder
        self.day = day
        self.at = day.began

    def types(self, line: str) -> None:
        """Run one line in a shell; each is half a minute after the one before."""
        self.at += timedelta(seconds=30)
        env = {
            **os.environ,
            "OMS__CLOCK__START": self.at.isoformat(),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        words = self.own(line)
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {words}"], cwd=self.folder, env=env, capture_output=True, text=True
        )
        assert done.returncode in FINE, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"

    def own(self, line: str) -> str:
        """The line with this office's names."""
        line = line.replace("--warehouse main", f"--warehouse {WAREHOUSES[0]}").replace("/etc/cron.d/oms", "cron.txt")
        line = line.replace("--user oms", "--user tester")
        if "NUMBER" in line:
            with jobs.open(self.folder / "oms.toml") as office:
                line = line.replace("NUMBER", office.list_orders(limit=1)[0].order_no)
        return line

    def edits_settings(self) -> None:
        """Describe the shops, and bring the files that the warehouse would bring."""
        made = self.day.stage("empty")
        shutil.copy(made / "oms.toml", self.folder / "oms.toml")
        shutil.copy(made / "listings.csv", self.folder / "listings.csv")
        shutil.copy(made / "opening.csv", self.folder / "counts.csv")

    def packs(self) -> None:
        """Play the warehouse: a waybill for each parcel of the pick list."""
        rows = picked(self.folder / "picks.csv")
        assert rows
        write_rows(self.folder / "waybills.csv", ("parcel_no", "carrier", "waybill"), rows)


def test_the_quickstart_leads_from_an_empty_folder_to_shipped_orders(shell: Shell, day: Day) -> None:
    reader = Reader(shell.folder, day)
    for line in lines("docs/quickstart.md"):
        if line.startswith(OUTSIDE):
            continue
        if line.startswith("cd "):
            reader.folder = reader.folder / line.removeprefix("cd ")
            continue
        if line.startswith("oms stock import"):
            reader.edits_settings()
        if line.startswith("oms parcel import"):
            reader.packs()
        reader.types(line)
    with jobs.open(reader.folder / "oms.toml") as office:
        assert office.list_orders(progress=("shipped",))
        assert office.env.ledger.effects(kind="ship_notice", state="confirmed")


def test_the_commands_of_the_readme_run(shell: Shell, day: Day) -> None:
    reader = Reader(shell.folder, day)
    for line in lines("README.md"):
        if line.startswith(OUTSIDE):
            continue
        reader.types(line)
        if line.startswith("oms init"):
            reader.folder = reader.folder / "office"
            reader.edits_settings()


@pytest.mark.parametrize("page", ["docs/operating.md", "docs/scripting.md"])
def test_the_commands_of_a_page_run_in_an_office_at_work(page: str, at: At, day: Day) -> None:
    oms = at("sourced")
    typed = [x for x in lines(page) if not x.startswith(OUTSIDE)]
    assert typed
    if any("jq" in x for x in typed) and not shutil.which("jq"):
        pytest.skip("jq is not installed")
    reader = Reader(oms.folder, day)
    reader.at = day.began + timedelta(minutes=10)
    for line in typed:
        reader.types(line)


@pytest.mark.parametrize(
    "block", python_blocks("docs/scripting.md"), ids=lambda b: b.strip().splitlines()[-1].strip()[:30]
)
def test_the_python_of_the_scripting_page_runs(block: str, at: At, capsys: pytest.CaptureFixture[str]) -> None:
    at("pushed")
    if "audited" in block:
        with jobs.open("oms.toml") as office:
            office.audit_orders()
    exec(compile(block, "docs/scripting.md", "exec"), {})
    assert capsys.readouterr().out.strip()
