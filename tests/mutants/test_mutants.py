"""The short form of the grading: the list fits the product, and a few mutants of it really turn their test red.

Which ones changes with the day, so that all have their turn in some weeks; `OMS_MUTANTS_DAY` repeats a day. The long
form is ``python -m tests.mutants``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from tests.mutants import running
from tests.mutants.listed import ROOT, BadMutant, Mutant, load, mutated

MUTANTS = load()
#: mutants of one day
FEW = 4
DAY = int(os.environ.get("OMS_MUTANTS_DAY") or datetime.now(UTC).timetuple().tm_yday)
#: neighbours in the list resemble each other: the day's ones lie far apart
TODAY = MUTANTS[DAY % max(len(MUTANTS) // FEW, 1) :: max(len(MUTANTS) // FEW, 1)][:FEW]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_every_mutant_changes_one_line_that_is_there_once(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    broken = mutated(mutant, text)
    changed = [(a, b) for a, b in zip(text.splitlines(), broken.splitlines(), strict=True) if a != b]
    assert len(changed) == 1
    compile(broken, mutant.file, "exec")


def test_the_list_names_each_mutant_once_and_says_what_it_costs() -> None:
    assert len({m.name for m in MUTANTS}) == len(MUTANTS) >= 20
    assert len({(m.file, m.before, m.after) for m in MUTANTS}) == len(MUTANTS)
    assert [m.name for m in MUTANTS if len(m.why.split()) < 4] == []


def test_a_line_that_is_gone_or_doubled_is_said() -> None:
    with pytest.raises(BadMutant, match="stands 0 times"):
        mutated(MUTANTS[0], "nothing of the kind\n")
    with pytest.raises(BadMutant, match="stands 2 times"):
        mutated(MUTANTS[0], f"{MUTANTS[0].before}\n{MUTANTS[0].before}\n")


def test_every_killing_test_exists_and_a_copy_is_what_runs() -> None:
    with running.copy_of() as place:
        running.check_place(place)
        named = sorted({m.killed_by for m in MUTANTS})
        found = running.pytest(place, named, "--collect-only")
        assert found.returncode == 0, found.stdout[-2000:]


def test_the_tests_of_today_are_green_on_the_unbroken_product() -> None:
    with running.copy_of() as place:
        whole = running.pytest(place, sorted({m.killed_by for m in TODAY}))
    assert whole.returncode == 0, whole.stdout[-2000:]


# By number, not by name: workers that collect on both sides of midnight must see the same tests.
@pytest.mark.parametrize("turn", range(FEW))
def test_a_mutant_of_today_turns_its_test_red(turn: int) -> None:
    mutant = TODAY[turn]
    verdict = running.run(mutant)
    assert verdict.outcome == "killed", f"day {DAY}: {verdict}"
    assert verdict.by.partition("[")[0] == mutant.killed_by
