"""The lines that `oms jobs cron` writes fire in a real cron daemon, and leave their run records. Takes up to two minutes, most
of it waiting for the clock's next full minute."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import jobs
from jobs.api import Oms
from jobs.catalogue import CATALOGUE
from tests.cron.daemon import check_rights, daemon, running
from tests.debian import NotToBeHad

OMS = Path(sys.executable).with_name("oms")
EVERY_MINUTE = {j.name for j in CATALOGUE if j.schedule == "* * * * *"}
#: a full minute, and the time that the jobs of a busy machine take
PATIENCE_S = 180.0


def oms(folder: Path, *words: str) -> str:
    """What a command prints that a person types in this folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OMS")}
    done = subprocess.run([str(OMS), *words], cwd=folder, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ended(office: Oms) -> dict[str, Any]:
    """The newest run record of each job that has come to its end."""
    return {run.job: run for run in office.job_history() if run.ended_at}


@pytest.fixture
def cron(request: pytest.FixtureRequest) -> Path:
    try:
        check_rights()
        assert request.config.cache is not None
        return daemon(request.config.cache.mkdir("debian-cron"))
    except NotToBeHad as reason:
        pytest.skip(str(reason))


def test_the_lines_of_cron_d_fire_in_a_real_cron_daemon_and_leave_run_records(cron: Path, tmp_path: Path) -> None:
    # blanks and percent signs mean something in these files
    office = tmp_path / "the office 5%"
    oms(tmp_path, "init", str(office))
    table = oms(office, "jobs", "cron", "--user", getpass.getuser())
    assert len([x for x in table.splitlines() if x[:1].isdigit() or x.startswith("*")]) == len(CATALOGUE)
    with jobs.open(office / "oms.toml") as opened, running(cron, tmp_path / "cron", table) as run:
        assert opened.job_history() == []
        until = time.monotonic() + PATIENCE_S
        while not ended(opened).keys() >= EVERY_MINUTE and time.monotonic() < until:
            time.sleep(0.5)
        assert (run / "crond.pid").read_text().strip().isdigit(), "this was not the daemon that was started here"
    told = [json.loads(line) for line in oms(office, "jobs", "history", "--json").splitlines()]
    assert {r["job"] for r in told} >= EVERY_MINUTE, (tmp_path / "cron" / "said.txt").read_text()
    assert {r["outcome"] for r in told if r["job"] in EVERY_MINUTE} == {"done"}
    assert os.getpid() not in {r["pid"] for r in told}
