"""One trial: a step of the day is killed at its n-th event and run again; then the day goes on as if nothing had been.

Each trial is a fork of the process that plays the day, so that it starts from the same office and the same world. It
ends as soon as the state is that of the unkilled day after the same step, since the rest is then the same, too; else
it plays on to the end of the day and compares the books.
"""

from __future__ import annotations

import os
import pickle
import shutil
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.kill.canon import Dump, differences, differing
from tests.kill.forked import Ended
from tests.kill.played import Played
from tests.kill.seams import ANSWERED, SENT, Event
from tests.kill.wire import Door


class Counted(NamedTuple):
    """The events of one run, and the numbers of those by which the platform has accepted an effect."""

    events: tuple[Event, ...] = ()
    accepted: frozenset[int] = frozenset()


class Unkilled(NamedTuple):
    """The day as it goes when nobody is killed."""

    #: after each step, table → digest
    states: tuple[dict[str, str], ...]
    #: of each step, as counted in its own run
    counted: tuple[Counted, ...]
    books: Dump


class Wish(NamedTuple):
    """Which step is killed at which event; 0: it comes through and is run again all the same."""

    step: int
    die_at: int


#: (step, digest of the state after it) → what was wrong with the books at the end of the day
Known = dict[tuple[int, str], tuple[str, ...]]


class Outcome(NamedTuple):
    """What became of a trial."""

    wish: Wish
    job: str
    killed: bool = False
    counted: Counted = Counted()
    #: after which step the state was that of the unkilled day; -1: only the books were compared
    joined: int = -1
    #: tables that still differed, step by step
    apart: tuple[tuple[str, ...], ...] = ()
    wrong: tuple[str, ...] = ()
    #: where this trial went a way of its own, for the trials to come
    learnt: Known = {}


def attempt(
    played: Played, wish: Wish, unkilled: Unkilled, folder: Path, *, known: Known, whole: bool = False
) -> Outcome:
    """Make a trial in this process, which must be a fork of its own.

    Args:
        known: states that earlier trials came through, with how their day ended.
        whole: play every trial to the end of the day, whatever its state.
    """
    mine = played.moved_to(folder)
    k = wish.step
    job = played.day.steps[k].job
    door = mine.open_door()
    try:
        mine.prepare(k)
        first = mine.first(k, door, die_at=wish.die_at)
        told = Outcome(wish, job, first.killed, count(first.events, door.effects))
        problem = _problem(first, wish)
        if problem:
            return told._replace(wrong=(problem,))
        return _to_the_end(mine, k, door, unkilled, told, known, whole)
    finally:
        door.close()
        shutil.rmtree(folder, ignore_errors=True)


def _to_the_end(
    mine: Played, k: int, door: Door, unkilled: Unkilled, told: Outcome, known: Known, whole: bool
) -> Outcome:
    """Run the step again and the rest of the day, until it is known how it ends."""
    apart: list[tuple[str, ...]] = []
    passed: list[tuple[int, str]] = []
    for at in range(k, len(mine.day.steps)):
        if at > k:
            mine.prepare(at)
        mine.step(at, door)
        state = mine.state()
        differ = tuple(differing(unkilled.states[at], state))
        if not differ and not whole:
            return told._replace(joined=at, apart=tuple(apart), learnt=dict.fromkeys(passed, ()))
        apart.append(differ)
        passed.append((at, repr(sorted(state.items()))))
        if passed[-1] in known:
            wrong = known[passed[-1]]
            return told._replace(apart=tuple(apart), wrong=wrong, learnt=dict.fromkeys(passed, wrong))
    wrong = tuple(differences(unkilled.books, mine.books()))
    return told._replace(apart=tuple(apart), wrong=wrong, learnt=dict.fromkeys(passed, wrong))


def count(events: Sequence[Event], effects: Sequence[int]) -> Counted:
    """The events of a run, with the effects of its requests in order."""
    accepted: set[int] = set()
    for seam in (SENT, ANSWERED):
        calls = [n for n, (found, _) in enumerate(events, 1) if found == seam]
        accepted |= {n for n, had in zip(calls, effects, strict=False) if had}
    return Counted(tuple(events), frozenset(accepted))


def _problem(first: Ended, wish: Wish) -> str:
    if first.error:
        return f"the first run failed by itself\n{first.error}"
    if wish.die_at and not first.killed:
        return f"the process was not killed: it has {len(first.events)} events"
    return ""


def play(played: Played, folder: Path) -> Unkilled:
    """The whole day in this process, unkilled."""
    mine = played.moved_to(folder)
    door = mine.open_door()
    states, counted = [], []
    try:
        for k in range(len(mine.day.steps)):
            mine.prepare(k)
            door.effects.clear()
            counted.append(count(mine.step(k, door).events, door.effects))
            states.append(mine.state())
        return Unkilled(tuple(states), tuple(counted), mine.books())
    finally:
        door.close()


# ------------------------------------------------------------------ forks


class Fork(NamedTuple):
    """A fork of this process at work."""

    pid: int
    pipe: int


def fork(work: object) -> Fork:
    """Do something in a fork; `work` is called without arguments and its answer pickled."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return Fork(pid, ours)
    os.close(ours)
    try:
        said: object = work()  # type: ignore[operator]
    except BaseException:
        said = traceback.format_exc()
    with os.fdopen(theirs, "wb") as out:
        pickle.dump(said, out)
    os._exit(0)


def answer(forked: Fork) -> object:
    """What a fork had to say, once it is gone."""
    with os.fdopen(forked.pipe, "rb") as said:
        found = said.read()
    os.waitpid(forked.pid, 0)
    return pickle.loads(found) if found else f"fork {forked.pid} ended without a word"
