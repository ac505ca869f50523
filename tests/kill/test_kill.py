"""Each job is killed once at each of its seams; the day comes out as if nobody had been killed.

The long form, every event of the day, is `python -m tests.kill --every`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.kill.campaign import Campaign, Made, scratch
from tests.kill.choices import COLUMNS, GAP, TELLING, OneEach, must_be, table
from tests.kill.day import Day, make_day
from tests.kill.trial import Unkilled

#: a seed whose day has every kind of answer to refunds, shared parcels, a split order, late changes
SEED = 6
Trials = tuple[Day, Unkilled, list[Made]]


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    day = make_day(orders=40, seed=SEED)
    with scratch() as folder:
        campaign = Campaign(day, folder)
        unkilled = campaign.unkilled()
        one_each = OneEach(day, unkilled)
        yield day, unkilled, campaign.run(unkilled, one_each, one_each.steps)


def test_the_books_and_the_effects_are_those_of_an_unkilled_day(trials: Trials) -> None:
    _, _, made = trials
    assert [(m.outcome.job, m.outcome.wish, m.seam, m.what, m.outcome.wrong) for m in made if m.outcome.wrong] == []


def test_every_seam_of_every_job_was_killed_at(trials: Trials) -> None:
    day, _, made = trials
    cells = table(made)
    assert sorted(must_be(day) - set(cells)) == []
    assert {column for column, _ in cells} == set(COLUMNS)


def test_a_platform_had_accepted_what_was_not_yet_written_here(trials: Trials) -> None:
    _, _, made = trials
    assert {job for column, job in table(made) if column == GAP} == TELLING


def test_the_unkilled_day_is_worth_killing(trials: Trials) -> None:
    _, unkilled, _ = trials
    rows = Counter({name: len(found) for name, found in unkilled.books.items()})
    assert min(rows[t] for t in ("orders", "parcels", "refunds", "effects", "reservations", "stock_journal")) > 0
    shipped = [e for e in unkilled.books["sandbox"] if '"effect": "ship"' in e and '"kind": "effect"' in e]
    assert len(shipped) > 25
    assert not [e for e in unkilled.books["sandbox"] if '"kind": "repeat"' in e]
