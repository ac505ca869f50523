"""One bad item never stops its batch."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from jobs.batches import bisect
from stores.errors import BadItem


@given(st.lists(st.booleans(), max_size=60))
def test_bisect_finds_exactly_the_bad_ones_and_does_each_good_one_once(bad: list[bool]) -> None:
    done: list[int] = []

    def act(part: Sequence[int]) -> list[int]:
        if any(bad[i] for i in part):
            raise BadItem("one of them")
        done.extend(part)
        return [i * 10 for i in part]

    good, broken = bisect(range(len(bad)), act)
    assert [i for i, _ in broken] == [i for i, is_bad in enumerate(bad) if is_bad]
    assert sorted(done) == [i for i, is_bad in enumerate(bad) if not is_bad]
    assert [(i, r) for i, r in good] == [(i, i * 10) for i in sorted(done)]
