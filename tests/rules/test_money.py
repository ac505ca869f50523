"""Money adds up: the rest nobody explains, what should reach us, what may still go back."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import money

amounts = st.integers(0, 10**9)


def test_the_rest_is_what_no_part_explains_signed() -> None:
    parts = {"goods": 10_000, "freight": 800, "tax": 50, "charges": 20, "adjustments": -1_000}
    assert money.unexplained(**parts, payable=9_870) == 0
    assert money.unexplained(**parts, payable=9_900) == 30
    assert money.unexplained(**parts, payable=9_000) == -870


def test_what_should_reach_us_is_less_by_what_went_back() -> None:
    assert money.receivable(paid=9_800, subsidy=200, refunded=0) == 10_000
    assert money.receivable(paid=9_800, subsidy=200, refunded=4_000) == 6_000
    assert money.receivable(paid=9_800, subsidy=0, refunded=9_800) == 0


@given(amounts, amounts)
def test_never_more_may_go_back_than_was_paid(paid: int, refunded: int) -> None:
    room = money.refund_room(paid=paid, refunded=refunded)
    assert room >= 0 and (room == 0 or refunded + room == paid)
