"""The seams themselves: what passes there is counted wherever it comes from, and a process that dies there is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from jobs.api import Oms
from tests.kill.campaign import scratch
from tests.kill.day import BASE, Step, make_day
from tests.kill.forked import Ended, run
from tests.kill.played import Played
from tests.kill.seams import AFTER, ANSWERED, BEFORE, EXECUTE, FILED, SENT
from tests.kill.wire import Door


class Place:
    """An office and a world, in which something is done by a process that may be killed."""

    def __init__(self, folder: Path) -> None:
        self._played = Played(make_day(orders=4, seed=1), folder / "p")
        self._played.set_up()
        self.office = self._played.office
        self.door: Door = self._played.open_door()

    def run(self, act: Callable[[Oms, Path], object], die_at: int = 0) -> Ended:
        at = self._played.day.base

        def acted(oms: Oms, office: Path) -> None:
            act(oms, office)

        return run(Step("test", at, acted), self.office, self.door, at, die_at=die_at)


@pytest.fixture
def place() -> Iterator[Place]:
    with scratch() as folder:
        made = Place(folder)
        yield made
        made.door.close()


def insert(_oms: Oms, office: Path) -> bool:
    """Past the engine: straight to the driver, as the hot inserts go."""
    with closing(sqlite3.connect(office / "t.db", isolation_level=None)) as c:
        c.execute("BEGIN")
        c.execute("CREATE TABLE IF NOT EXISTS t (a)")
        c.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
        c.commit()
    return True


def rows(office: Path) -> int:
    with closing(sqlite3.connect(office / "t.db")) as c:
        known = c.execute("SELECT count(*) FROM sqlite_master WHERE name = 't'").fetchone()[0]
        return int(c.execute("SELECT count(*) FROM t").fetchone()[0]) if known else 0


def test_statements_that_go_straight_to_the_driver_are_counted(place: Place) -> None:
    told = place.run(insert).events
    assert [seam for seam, _ in told] == [EXECUTE, EXECUTE, EXECUTE, BEFORE, AFTER]
    assert told[2][1].startswith("INSERT INTO t")


def test_statements_of_an_engine_are_counted_with_their_commits(place: Place) -> None:
    told = place.run(lambda oms, _: oms.env.ledger.swap("a", None, "1")).events
    written = [n for n, (_, what) in enumerate(told) if what.startswith("INSERT INTO small_values")]
    assert [seam for seam, _ in told[written[0] :]][:3] == [EXECUTE, BEFORE, AFTER]


@pytest.mark.parametrize(("die_at", "kept"), [(3, 0), (4, 0), (5, 2)])
def test_a_process_killed_before_its_commit_leaves_nothing_and_behind_it_everything(
    place: Place, die_at: int, kept: int
) -> None:
    assert place.run(insert, die_at).killed
    assert rows(place.office) == kept


def test_a_killed_process_runs_no_finally(place: Place) -> None:
    def act(oms: Oms, office: Path) -> bool:
        try:
            return insert(oms, office)
        finally:
            (office / "finally").touch()

    assert place.run(act, 1).killed
    assert not (place.office / "finally").exists()
    assert not place.run(act).killed
    assert (place.office / "finally").exists()


def test_what_was_sent_is_done_though_its_sender_died_before_the_answer(place: Place) -> None:
    def act(oms: Oms, _: Path) -> object:
        with httpx.Client(transport=oms.env.transport) as http:  # type: ignore[arg-type]
            return http.post(f"{BASE}/robot/send", content=b"hello")

    assert [seam for seam, _ in place.run(act).events] == [SENT, ANSWERED]
    assert place.run(act, 1).killed
    assert place.door.robot == ["hello", "hello"]


@pytest.mark.parametrize(("die_at", "there"), [(1, False), (2, True)])
def test_a_file_is_in_its_place_whole_or_not_at_all(place: Place, die_at: int, there: bool) -> None:
    def act(_oms: Oms, office: Path) -> object:
        (office / "list.part").write_text("whole")
        return (office / "list.part").replace(office / "list.csv")

    told = place.run(act).events
    assert [seam for seam, _ in told] == [FILED, FILED]
    (place.office / "list.csv").unlink()
    assert place.run(act, die_at).killed
    assert (place.office / "list.csv").exists() is there
