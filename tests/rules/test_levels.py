"""Levels: what nobody has a claim on, shared, capped, and never raised blindly."""

from typing import Any

import pytest

from jobs.rules.levels import Component, target
from jobs.schema import LevelSection


def level(
    *parts: tuple[int, int, int, int], stale: bool = False, last: int | None = None, **rule: Any
) -> tuple[int | None, str]:
    made = [Component(f"S{n}", *p) for n, p in enumerate(parts)]
    return tuple(target(made, LevelSection(**rule), stale=stale, last=last))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("part", "rule", "expected"),
    [
        ((1, 100, 20, 5), {}, (75, "formula")),
        ((1, 100, 20, 5), {"safety": 10, "share": 0.5}, (32, "formula")),
        ((1, 100, 0, 0), {"share": 0.29}, (29, "formula")),
        ((1, 10, 20, 5), {}, (0, "formula")),
        ((1, 100, 0, 0), {"cap": 30}, (30, "cap")),
        ((1, 9, 0, 0), {"floor": 10}, (0, "floor")),
        ((1, 10, 0, 0), {"floor": 10}, (10, "formula")),
    ],
)
def test_a_level_is_the_share_of_what_is_free(part: Any, rule: Any, expected: tuple[int, str]) -> None:
    assert level(part, **rule) == expected


def test_a_bundle_is_as_deep_as_its_scarcest_part() -> None:
    assert level((2, 100, 0, 0), (1, 30, 0, 1)) == (29, "formula")
    assert level((3, 10, 0, 0), (1, 30, 0, 0)) == (3, "formula")


def test_with_an_old_frontier_a_level_falls_but_never_rises() -> None:
    assert level((1, 100, 0, 0), stale=True, last=40) == (40, "frontier_old")
    assert level((1, 10, 0, 0), stale=True, last=40) == (10, "formula")
    assert level((1, 10, 0, 0), stale=True) == (None, "frontier_old")


def test_an_unmapped_listing_is_never_told() -> None:
    assert level() == (None, "unmapped")
