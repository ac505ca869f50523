"""One job in a process of its own, forked from this one: everything is imported already, no database is open."""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import pkgutil
import signal
import tempfile
import traceback
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import adapters
import jobs
import jobs.settings
import sql
import stores
from tests.factories import FixedClock
from tests.kill.day import ENVIRONMENT, Step
from tests.kill.seams import Event, Seams, SeamTransport
from tests.kill.wire import Door


def preload() -> None:
    """Import what the jobs import on first use, and open an office once: a fork then has it all."""
    for package in (jobs, adapters, stores, sql):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrat" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "oms.toml")
        path.touch(mode=0o600)
        with jobs.open(path) as oms:
            oms.expire_orders()
            oms.push_orders()
            oms.stock_alerts()
    # what stands there is shared with all forks; the collector would copy it page by page
    gc.collect()
    gc.freeze()


class Ended(NamedTuple):
    """How a process ended: by its kill, or with what it has to say."""

    killed: bool
    outcome: str = ""
    events: tuple[Event, ...] = ()
    error: str = ""


def run(step: Step, office: Path, door: Door, at: datetime, *, die_at: int = 0) -> Ended:
    """Run a step's job in a fork of this process and answer its calls until it is gone."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        _work(step, office, door.path, at, die_at, theirs)
    os.close(theirs)
    try:
        said = door.serve_until(ours)
    finally:
        os.close(ours)
        _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Ended(killed=True)
    return Ended(False, *pickle.loads(said)) if said else Ended(False, error=f"ended with {status} and no word")


def _work(step: Step, office: Path, socket: Path, at: datetime, die_at: int, pipe: int) -> None:
    """What the child does; it never returns."""
    seams = Seams(die_at)
    outcome, error = "", ""
    try:
        os.chdir(office)
        os.environ.update(ENVIRONMENT)
        seams.install()
        with jobs.open("oms.toml", clock=FixedClock(at), transport=SeamTransport(str(socket), seams)) as oms:
            found = step.act(oms, office)
            outcome = found.outcome if found is not None else "done"
    except BaseException:
        error = traceback.format_exc()
    with os.fdopen(pipe, "wb") as out:
        out.write(pickle.dumps((outcome, tuple(seams.events), error)))
    os._exit(0)
