"""Two of every scheduled job change nothing twice: our books and what the platforms saw are as after one run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest

from jobs import catalogue
from tests.twice.books import Books, books, differences
from tests.twice.cases import CASES
from tests.twice.doubles import Outcome, Point, Trial, once, overtaken, together
from tests.twice.offices import Bazaar
from tests.twice.unleased import disable_leases

#: has work where stock is in Redis only; two of it at once: tests/runs/test_draining.py, tests/stores/test_redis_books.py
ELSEWHERE = {"stock drain"}
JOBS = [job.name for job in catalogue.CATALOGUE if job.name not in ELSEWHERE]
#: how two runs may end: done, or partly (the lease went to the other; differences were found)
ENDS = {0, 3}


class Trials:
    """Trials of all jobs in one bazaar, and what one run alone leaves behind."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._alone: dict[str, tuple[Outcome, list[Point]]] = {}

    @cached_property
    def bazaar(self) -> Bazaar:
        return Bazaar(self._folder / "bazaar")

    def trial(self, name: str) -> Trial:
        self._count += 1
        return Trial(self.bazaar, name, self._folder / f"trial-{self._count}")

    def alone(self, name: str) -> tuple[Outcome, list[Point]]:
        if name not in self._alone:
            self._alone[name] = once(self.trial(name), catalogue.find(name).words)
        return self._alone[name]

    def before(self, name: str) -> Books:
        return books(CASES[name].office(self.bazaar, name), passing=CASES[name].passing)


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    made = Trials(tmp_path_factory.mktemp("twice"))
    yield made
    made.bazaar.close()


def check(trials: Trials, name: str, got: Outcome) -> None:
    """The outcome of two runs is that of one."""
    one, _ = trials.alone(name)
    assert set(got.codes) <= ENDS, got.said
    assert differences(one.books, got.books) == {}, got.said
    assert one.seen - got.seen == got.seen - one.seen, got.said


def stops(points: list[Point]) -> list[Point]:
    """The middle one of each kind of point. Of requests only those that tell something, which follow a gap named so."""
    kinds: dict[str, list[Point]] = {}
    before = ""
    for point in points:
        if point.name != "http.sending" or before.endswith(".sending"):
            kinds.setdefault(point.name, []).append(point)
        if not point.name.endswith(".written"):
            before = point.name
    if len(kinds) > 1:
        kinds.pop("ledger.written", None)  # runs, leases and limits: every job passes these all the time
    return [found[len(found) // 2] for found in kinds.values()]


def test_every_scheduled_job_has_its_case() -> None:
    assert set(CASES) == set(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_alone_has_work(trials: Trials, name: str) -> None:
    one, points = trials.alone(name)
    assert set(one.codes) <= ENDS, one.said
    assert one.repeats == 0 and "stock that does not add up" not in one.books
    changed = bool(differences(trials.before(name), one.books)) or bool(one.seen)
    assert changed != CASES[name].looks, one.said
    assert len(points) > 1


@pytest.mark.parametrize("name", JOBS)
def test_two_started_together_change_nothing_twice(trials: Trials, name: str) -> None:
    got = together(trials.trial(name), catalogue.find(name).words)
    check(trials, name, got)
    assert got.repeats == 0, got.said


@pytest.mark.parametrize("name", JOBS)
def test_two_without_leases_change_nothing_twice(trials: Trials, name: str) -> None:
    got = together(trials.trial(name), catalogue.find(name).words, disable_leases)
    check(trials, name, got)
    assert got.repeats == 0, got.said


@pytest.mark.parametrize("name", JOBS)
def test_one_that_is_overtaken_past_its_lease_changes_nothing_twice(trials: Trials, name: str) -> None:
    for at in stops(trials.alone(name)[1]):
        got = overtaken(trials.trial(name), catalogue.find(name).words, at)
        check(trials, name, got)
        # Stopped with the request in its hand nothing of ours can hold it back: the platform says that it knows.
        assert got.repeats <= (at.name == "http.sending"), (at, got.said)
