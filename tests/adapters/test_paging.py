"""Windows, walks and proofs, without a platform."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.core.paging import LoopGuard, Tally, cut, judge_count, walk_backward, walk_cursor, walk_forward
from adapters.core.shapes import Ask, Page, Scan
from adapters.errors import PagingLoop

T = datetime(2025, 11, 20, 4, 0, tzinfo=UTC)
ASK = Ask(kind="orders", scan=Scan(name="modified"), start=T, end=T + timedelta(hours=1), size=10)


def guard() -> LoopGuard:
    return LoopGuard("orders", "shop")


@given(
    st.integers(0, 10**6), st.floats(0.001, 500_000, allow_nan=False), st.sampled_from([2, 60, 1800, 86400, 7 * 86400])
)
def test_slices_cover_the_window_without_gap_and_none_is_too_long(offset_ms: int, length_s: float, span: int) -> None:
    start = T + timedelta(milliseconds=offset_ms)
    end = start + timedelta(seconds=length_s)
    slices = []
    for piece in cut(start, end, span):
        slices.append(piece)
        if len(slices) > 1000:
            break
    assert slices[0][0] <= start
    assert all(a[1] == b[0] for a, b in pairwise(slices))
    # Both ends are asked inclusively: the seconds asked for are one more than the difference.
    assert all((b - a).total_seconds() + 1 <= max(span, 2) for a, b in slices)
    assert len(slices) > 1000 or slices[-1][1] >= end
    assert all(moment.microsecond == 0 for piece in slices for moment in piece)


def test_an_empty_window_has_no_slices() -> None:
    assert list(cut(T, T, 3600)) == []


class Shifting:
    """A list of numbers, newest first, that changes between two pages as a script says."""

    def __init__(self, count: int, script: list[tuple[str, int]]) -> None:
        self.rows = list(range(count, 0, -1))
        self.script = script
        self.left: set[int] = set()
        self.came: set[int] = set()

    def __call__(self, ask: Ask) -> Page:
        if self.script:
            act, place = self.script.pop(0)
            if act == "leave" and self.rows:
                row = self.rows.pop(place % len(self.rows))
                self.left.add(row)
            elif act == "come":
                row = 10_000 + len(self.came)
                self.rows.insert(0, row)
                self.came.add(row)
        part = self.rows[ask.page * ask.size : (ask.page + 1) * ask.size]
        return Page(items=[str(r).encode() for r in part], total=len(self.rows))

    def read(self) -> tuple[set[int], int | None, int | None]:
        first = self(ASK)
        seen = {int(i) for i in first.items}
        for page in walk_backward(ASK, first, self, guard()):
            seen |= {int(i) for i in page.items}
        return seen, first.total, len(self.rows)


@settings(max_examples=300)
@given(st.integers(0, 64), st.lists(st.tuples(st.just("leave"), st.integers(0, 63)), max_size=9))
def test_back_to_front_no_row_that_stays_is_lost_whatever_leaves(count: int, script: list[tuple[str, int]]) -> None:
    world = Shifting(count, [("none", 0), *script])
    everything = set(world.rows)
    seen, _, _ = world.read()
    assert everything - world.left <= seen


@settings(max_examples=300)
@given(
    st.integers(0, 64),
    st.lists(st.tuples(st.sampled_from(["leave", "come", "none"]), st.integers(0, 63)), max_size=9),
)
def test_two_equal_passes_are_never_wrong_about_a_list_at_rest(count: int, script: list[tuple[str, int]]) -> None:
    world = Shifting(count, [("none", 0), *script])
    passes: list[Tally] = []
    for _ in range(14):
        seen, before, after = world.read()
        tally = Tally(T, T + timedelta(hours=1))
        for number in seen:
            tally.add(str(number), T)
        passes.append(tally)
        proof, _, _ = judge_count(before, after, passes, settled=False)
        if proof and not world.script:
            assert {int(n) for n in tally.ids} == set(world.rows)
            return
    pytest.fail("a list at rest is proven in the end")


def test_a_total_that_is_too_small_is_read_past() -> None:
    rows = [str(n).encode() for n in range(57)]

    def fetch(ask: Ask) -> Page:
        return Page(items=rows[ask.page * 10 : ask.page * 10 + 10], total=20)

    first = fetch(ASK)
    seen = {i for p in walk_backward(ASK, first, fetch, guard()) for i in p.items} | set(first.items)
    assert len(seen) == 57


def test_a_full_single_page_is_looked_behind() -> None:
    rows = [str(n).encode() for n in range(12)]

    def fetch(ask: Ask) -> Page:
        return Page(items=rows[ask.page * 10 : ask.page * 10 + 10], total=10)

    first = fetch(ASK)
    assert {i for p in walk_backward(ASK, first, fetch, guard()) for i in p.items} >= set(rows[10:])


@pytest.mark.parametrize("walk", [walk_forward, walk_cursor])
def test_walks_stop_when_the_platform_says_so(walk: Callable[..., object]) -> None:
    def fetch(ask: Ask) -> Page:
        at = int(ask.cursor or 0) if walk is walk_cursor else ask.page
        return Page(items=[str(at).encode()], more=at < 3, cursor=str(at + 1))

    pages = list(walk(ASK, fetch, guard()))  # type: ignore[call-overload]
    assert len(pages) == 4


def test_a_cursor_that_comes_again_is_a_loop() -> None:
    answers = iter(["a", "b", "a"])

    def fetch(ask: Ask) -> Page:
        return Page(items=[ask.cursor.encode()], more=True, cursor=next(answers))

    with pytest.raises(PagingLoop, match="cursor"):
        list(walk_cursor(ASK, fetch, guard()))


def test_the_same_page_twice_running_is_a_loop() -> None:
    with pytest.raises(PagingLoop, match="the one before"):
        list(walk_forward(ASK, lambda _: Page(items=[b"1"], more=True), guard()))


def test_an_item_on_the_end_is_outside_and_one_on_the_start_inside() -> None:
    tally = Tally(T, T + timedelta(minutes=1))
    tally.add("start", T)
    tally.add("end", T + timedelta(minutes=1))
    tally.add("timeless", None)
    assert tally.inside == {"start", "timeless"}
    assert tally.outside == {"end"}


@pytest.mark.parametrize(
    ("before", "after", "seen", "settled", "proof", "words"),
    [
        (3, 3, 3, True, "counted", ""),
        (3, 3, 3, False, "", "present"),
        (3, 4, 3, True, "", "moved from 3 to 4"),
        (3, 3, 2, True, "", "2 ids came"),
        (None, None, 3, True, "", "no total"),
    ],
)
def test_only_equal_totals_and_ids_count(
    before: int | None, after: int | None, seen: int, settled: bool, proof: str, words: str
) -> None:
    tally = Tally(T, T + timedelta(hours=1))
    for n in range(seen):
        tally.add(str(n), T)
    got, reason, _ = judge_count(before, after, [tally], settled=settled)
    assert got == proof
    assert words in reason


def test_a_total_that_changes_from_pass_to_pass_is_asked_for_once_more() -> None:
    tally = Tally(T, T + timedelta(hours=1))
    for told, again in ((None, False), (2, False), (1, True)):
        assert judge_count(2, 2, [tally, tally], settled=True, told=told)[2] is again
