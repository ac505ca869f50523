"""Levels: what nobody has a claim on, shared, capped, and never raised blindly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


parts = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 300), st.integers(0, 300), st.integers(0, 50)), min_size=1, max_size=4
)
shops = st.lists(st.integers(0, 100), min_size=1, max_size=4).filter(lambda xs: 0 < sum(xs) <= 100)


@given(parts=parts, hundredths=shops)
def test_shops_that_share_one_stock_never_show_more_than_is_free(
    parts: list[tuple[int, int, int, int]], hundredths: list[int]
) -> None:
    shown = [level(*parts, share=n / 100)[0] or 0 for n in hundredths]
    for qty, on_hand, held, demand in parts:
        assert sum(shown) * qty <= max(on_hand - held - demand, 0)


@given(
    parts=parts,
    last=st.none() | st.integers(0, 300),
    share=st.integers(0, 100),
    cap=st.integers(0, 50),
    floor=st.integers(0, 20),
    safety=st.integers(0, 30),
)
def test_an_old_frontier_never_raises_and_no_level_is_negative_or_above_its_cap(
    parts: list[tuple[int, int, int, int]], last: int | None, share: int, cap: int, floor: int, safety: int
) -> None:
    rule = {"share": share / 100, "cap": cap, "floor": floor, "safety": safety}
    fresh, _ = level(*parts, last=last, **rule)
    stale, _ = level(*parts, stale=True, last=last, **rule)
    assert fresh is not None and fresh >= 0 and (not cap or fresh <= cap) and (fresh == 0 or fresh >= floor)
    assert stale is None if last is None else stale is not None and stale <= last
    assert last is None or stale == min(fresh, last)
