"""Many trials over one day: the day is played once more, and before each of its steps the trials of that step are made
in forks, some at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.kill.day import Day
from tests.kill.forked import preload
from tests.kill.played import Played
from tests.kill.trial import Counted, Fork, Known, Outcome, Unkilled, Wish, answer, attempt, fork, play

#: forks at work at a time
ABREAST = 2
#: step, what its first run does when it comes through → the events it is killed at, numbered from 1
Choice = Callable[[int, Counted], Sequence[int]]
#: (text, done, all)
Say = Callable[[str, int, int], None]


class CampaignFailed(Exception):
    """A fork that was to play or to count ended with an error, or the day is not the same twice."""


class Made(NamedTuple):
    """One trial that was made: where it was killed, and what became of it."""

    seam: str
    what: str
    #: the platform had accepted an effect, and nothing was written here yet
    in_the_gap: bool
    outcome: Outcome


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder with a short name (a socket's path has a limit), in memory where there is such a place."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="oms-kill-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Campaign:
    """Makes trials over a day."""

    def __init__(
        self, day: Day, folder: Path, *, whole: bool = False, say: Say | None = None,
        wrong: Callable[[Made], None] | None = None,
    ) -> None:  # fmt: skip
        self.day, self.folder, self.whole = day, folder, whole
        self._say = say or (lambda _text, _done, _all: None)
        #: told of each day that came out otherwise, as soon as it is known
        self._wrong = wrong or (lambda _made: None)
        self._played = Played(day, folder / "day")
        self._known: Known = {}
        self._count = 0
        self.made: list[Made] = []

    def unkilled(self) -> Unkilled:
        """Set the office up and play the day in a fork, unkilled.

        Raises:
            CampaignFailed: the day does not come through.
        """
        preload()
        self._played.set_up()
        found: Unkilled = _in_a_fork(lambda: play(self._played, self.folder / "unkilled"), Unkilled)
        return found

    def run(self, unkilled: Unkilled, choose: Choice, steps: Sequence[int]) -> list[Made]:
        """Make the chosen trials of these steps.

        Raises:
            CampaignFailed: a run that is not killed does not come through, or the day is not the same twice.
        """
        door = self._played.open_door()
        for k in range(max(steps) + 1):
            self._say(self.day.steps[k].job, k, len(self.day.steps))
            if k in steps:
                self._trials(k, unkilled, choose)
            self._played.prepare(k)
            self._played.step(k, door)
            if self._played.state() != unkilled.states[k]:
                raise CampaignFailed(f"step {k}, {self.day.steps[k].job}: the day is not the same twice")
        door.close()
        return self.made

    def _trials(self, k: int, unkilled: Unkilled, choose: Choice) -> None:
        """First a run that comes through and is run again, which also counts the events; then the chosen ones."""
        twice: Outcome = _in_a_fork(lambda: self._attempt(Wish(k, 0), unkilled), Outcome)
        self._keep(Made("none", "came through", False, twice))
        at_work: list[tuple[int, Fork]] = []
        for n in choose(k, twice.counted):
            if len(at_work) == ABREAST:
                self._take(twice.counted, *at_work.pop(0))
            at_work.append((n, fork(lambda n=n: self._attempt(Wish(k, n), unkilled))))
            self._count += 1
        for n, forked in at_work:
            self._take(twice.counted, n, forked)

    def _take(self, counted: Counted, n: int, forked: Fork) -> None:
        said = answer(forked)
        if not isinstance(said, Outcome):
            said = Outcome(Wish(0, n), "?", wrong=(str(said),))
        self._keep(Made(*counted.events[n - 1], n in counted.accepted, said))

    def _keep(self, made: Made) -> None:
        self._known.update(made.outcome.learnt)
        if made.outcome.wrong:
            self._wrong(made)
        self.made.append(made._replace(outcome=made.outcome._replace(learnt={}, counted=Counted())))

    def _attempt(self, wish: Wish, unkilled: Unkilled) -> Outcome:
        folder = self.folder / f"t{self._count}"
        known = {} if self.whole else self._known
        return attempt(self._played, wish, unkilled, folder, known=known, whole=self.whole)


def _in_a_fork(work: Callable[[], object], kind: type) -> Any:
    said = answer(fork(work))
    if not isinstance(said, kind):
        raise CampaignFailed(str(said))
    return said
