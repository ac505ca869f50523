"""The table of moves: every progress reaches an end, ends stay ends, and nothing moves outside the table."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.states import FINAL, MOVES, OPEN, RANK, first_progress, may_move
from stores.records import Progress


def test_every_progress_has_a_row() -> None:
    assert set(MOVES) == set(Progress)


def test_every_progress_reaches_an_end() -> None:
    for start in Progress:
        seen, todo = {start}, [start]
        while todo:
            fresh = set(MOVES[todo.pop()]) - seen
            seen |= fresh
            todo += fresh
        assert seen & FINAL, start


def test_an_end_is_an_end() -> None:
    assert all(not MOVES[end] for end in FINAL)


def test_an_order_passes_merged_before_a_parcel_of_ours_leaves() -> None:
    before = [p for p in Progress if may_move(p, Progress.PARTLY_SHIPPED)]
    assert before == [Progress.MERGED]


def test_what_the_platform_ships_itself_is_never_sourced() -> None:
    assert first_progress("shipped") == Progress.SHIPPED
    assert first_progress("completed") == Progress.COMPLETED
    assert first_progress("cancelled") == Progress.CANCELLED


def test_an_unknown_status_waits_as_unpaid() -> None:
    assert first_progress("unknown") == Progress.UNPAID


@given(st.sampled_from(list(Progress)), st.lists(st.sampled_from(list(Progress)), max_size=30))
def test_whatever_is_asked_an_order_walks_only_the_table_and_never_leaves_an_end(
    start: Progress, asked: list[Progress]
) -> None:
    now, walked = start, [start]
    for wish in asked:
        if may_move(now, wish):
            now = wish
            walked.append(now)
    ends = [i for i, at in enumerate(walked) if at in FINAL]
    assert ends in ([], [len(walked) - 1]), "an end was left again"
    for before, at in pairwise(walked):
        assert MOVES[before][at], "a move says what makes it"
    left = [i for i, at in enumerate(walked) if at in (Progress.PARTLY_SHIPPED, Progress.SHIPPED)]
    if left and start in OPEN:
        # what was open comes to shipping by our own parcels, or because it was shipped elsewhere
        before = walked[left[0] - 1]
        assert before == Progress.MERGED or MOVES[before][walked[left[0]]] == "shipped elsewhere"
    # after something has left, nothing goes back to where stock is held or claimed
    assert not left or all(RANK[at] >= RANK[Progress.PARTLY_SHIPPED] for at in walked[left[0] :])


@given(st.lists(st.sampled_from(list(Progress)), min_size=1, max_size=12))
def test_going_back_always_leads_to_a_stage_that_a_job_takes_up_again(asked: list[Progress]) -> None:
    for old in asked:
        back = [new for new in MOVES[old] if RANK[new] < RANK[old]]
        assert set(back) <= OPEN
