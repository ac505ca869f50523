"""A stage as a worker that stays: it runs its job when the bus tells of something to do, and now and then anyway.

An event only wakes the worker: what there is to do it claims from the stores, like every run. So a lost, doubled, late
or lying event does no harm, several workers share the load by their claims, and without the bus the sweeps go on. An
event is acknowledged after the work; that of a worker who died wakes another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from jobs import audit, merge, push, source
from jobs.env import Env, RunHandle
from jobs.errors import BadSettings
from jobs.results import Result
from jobs.telling import RECEIVED, topic
from stores.errors import StoreError
from stores.records import Progress

if TYPE_CHECKING:
    from stores.contracts import Bus, Event

#: events taken at once; one run works off whatever waits
TAKE = 1000
#: a wait for events looks this often whether it is time to stop
LOOK_S = 0.5
#: while the bus cannot be reached the stage is swept this often
BLIND_S = 5.0
#: rounds that may fail one after another, each after a longer pause; then the worker gives up and its supervisor decides
PATIENCE = 8
LONGEST_PAUSE_S = 30.0
#: a worker's result keeps the last of what an operator should see
KEPT = 200

_log = logging.getLogger("oms.follow")
Act = Callable[[Env, Sequence[str]], Result]


class Stage(NamedTuple):
    """What wakes a job, and the job."""

    topic: str
    act: Act


STAGES: Mapping[str, Stage] = {
    "push orders": Stage(RECEIVED, lambda env, shops: push.push(env, shops=shops)),
    "order audit": Stage(topic(Progress.CREATED), lambda env, shops: audit.audit(env, shops=shops)),
    "order source": Stage(topic(Progress.AUDITED), lambda env, shops: source.source(env, shops=shops)),
    "merge run": Stage(topic(Progress.SOURCED), lambda env, shops: merge.merge(env, shops=shops)),
}


def follow(env: Env, job: str, *, shops: Sequence[str] = ()) -> Result:
    """Run a stage of `STAGES` until SIGTERM or SIGINT. One run record stands for all of it.

    Raises:
        BadSettings: there is no bus to follow. StoreError: the stores failed `PATIENCE` times in a row.
    """
    bus = env.bus
    if bus is None:
        raise BadSettings(
            '--follow needs a bus: write for example  bus = "redis://localhost:6379/0"  under [stores]',
            hint="oms config show --origin",
        )
    with env.run(job, shops=shops, follow=True) as run, env.within(run):
        _Worker(env, run, bus, job, shops).work()
    return run.result


class _Worker:
    def __init__(self, env: Env, run: RunHandle, bus: Bus, job: str, shops: Sequence[str]) -> None:
        self._env, self._run, self._bus = env, run, bus
        self._stage, self._group, self._shops = STAGES[job], job, shops
        self._every = env.settings.follow.sweep
        self._swept = -self._every
        self._failed = 0

    def work(self) -> None:
        while not self._env.stop.is_set():
            events, every = self._events()
            if events or time.monotonic() - self._swept >= every:
                self._round([i for i, _ in events])
            self._run.beat()
        # whoever is told to stop after its chunk ended as it should
        self._run.result.outcome = "done"

    def _events(self) -> tuple[list[tuple[str, Event]], float]:
        """What the bus tells, and how often to sweep without it."""
        wait = max(0.0, min(LOOK_S, self._swept + self._every - time.monotonic()))
        try:
            return self._bus.take(self._stage.topic, self._group, limit=TAKE, wait_s=wait), self._every
        except StoreError as error:
            _log.warning("%s; %s sweeps every %.0f s", error, self._group, BLIND_S)
            self._run.result.count("bus_failed")
            self._env.stop.wait(LOOK_S)
            return [], min(BLIND_S, self._every)

    def _round(self, ids: Sequence[str]) -> None:
        try:
            self._stage.act(self._env, self._shops)
        except StoreError as error:
            self._failed += 1
            if self._failed >= PATIENCE:
                raise
            _log.warning("%s; %s tries again", error, self._group)
            self._run.result.count("failed_rounds")
            self._env.stop.wait(min(2.0**self._failed / 2, LONGEST_PAUSE_S))
            return
        self._failed, self._swept = 0, time.monotonic()
        self._run.result.count("rounds")
        del self._run.result.items[:-KEPT]
        try:
            self._bus.acknowledge(self._stage.topic, self._group, ids)
        except StoreError as error:
            # they wake a worker once more
            _log.warning("%s", error)
