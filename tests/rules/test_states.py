"""The table of moves: every progress reaches an end, ends stay ends, and nothing moves outside the table."""

from jobs.rules.states import FINAL, MOVES, first_progress, may_move
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
