"""split: nothing is lost, nobody gets more than one unit beside the exact share, ties go to the lowest line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.splitting import split

amounts = st.integers(-(10**9), 10**9)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("total", "weights_", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [1, 1], [1, 0]),
        (2, [1, 1, 1], [1, 1, 0]),
        (100, [2, 1], [67, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (7, [0, 0], [4, 3]),
        (7, [0, 5], [0, 7]),
        (0, [3, 4], [0, 0]),
        (9_999, [7], [9_999]),
        (0, [], []),
        (101, [599_950_000, 400_050_000], [61, 40]),
        # as a float 1/49 of 49 is a little less than 1
        (49, [48, 1], [48, 1]),
    ],
)
def test_the_largest_remainder_gets_the_unit_that_is_left(total: int, weights_: list[int], parts: list[int]) -> None:
    assert split(total, weights_) == parts


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        split(10, [1, -1])


def test_something_cannot_be_split_over_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        split(10, [])


@given(amounts, weights)
def test_parts_sum_to_the_total(total: int, weights_: list[int]) -> None:
    assert sum(split(total, weights_)) == total


@given(amounts, weights)
def test_no_part_is_a_whole_unit_away_from_its_exact_share(total: int, weights_: list[int]) -> None:
    shares = weights_ if sum(weights_) else [1] * len(weights_)
    for part, weight in zip(split(total, weights_), shares, strict=True):
        assert abs(part * sum(shares) - total * weight) < sum(shares)


@given(st.integers(-(10**9), 10**9), weights.filter(any))
def test_what_splits_without_a_remainder_is_exactly_proportional(times: int, weights_: list[int]) -> None:
    assert split(times * sum(weights_), weights_) == [times * w for w in weights_]


@given(st.integers(0, 10**9), st.integers(1, 20))
def test_equal_weights_differ_by_one_at_most_and_the_lower_lines_have_more(total: int, n: int) -> None:
    parts = split(total, [5] * n)
    assert parts == sorted(parts, reverse=True)
    assert parts[0] - parts[-1] <= 1


@given(amounts, weights)
def test_a_negative_total_mirrors_a_positive_one(total: int, weights_: list[int]) -> None:
    assert split(-total, weights_) == [-p for p in split(total, weights_)]
