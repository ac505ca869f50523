"""What a channel says, judged: every status against every state, schedules, and money split over payments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jobs.rules import numbers
from jobs.rules import payments as rules
from stores.records import Back, Order, Payment, Progress
from tests.factories import T0, make_order

ORDER = make_order(platform="own", progress=Progress.UNPAID, paid_minor=0, paid_at=None)


def payment(**values: Any) -> Payment:
    base = Payment(
        payment_no="Y1", order_no=ORDER.order_no, shop="own", channel="wx", merchant_id="19", method="native", attempt=1,
        amount_minor=10_000, asked_at=T0, expires_at=T0 + timedelta(minutes=15), created_at=T0, changed_at=T0,
    )  # fmt: skip
    return replace(base, **values)


def told(**values: Any) -> rules.Told:
    base = rules.Told("paid", "SUCCESS", "CNY", 10_000, 10_000, 10_000, T0, "T1", "19", "app")
    return base._replace(**values)


def judged(of: Payment, order: Order | None, said: rules.Told, *, asked: bool = True) -> tuple[str, str]:
    verdict = rules.judge(of, order, said, app_id="app", asked=asked)
    return verdict.act, verdict.reason


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        ("open", "paid", ("pay", "paid")), ("open", "refund", ("pay", "paid")), ("open", "unpaid", ("none", "still_open")),
        ("open", "closed", ("close", "channel_closed")), ("open", "failed", ("fail", "channel_failed")),
        ("closed", "paid", ("pay", "paid")), ("failed", "refund", ("pay", "paid")), ("closed", "unpaid", ("none", "is_closed")),
        ("closed", "failed", ("none", "is_closed")), ("failed", "closed", ("none", "is_failed")),
        ("paid", "paid", ("none", "is_paid")), ("paid", "refund", ("none", "is_paid")), ("paid", "unpaid", ("none", "is_paid")),
        ("paid", "closed", ("none", "is_paid")), ("paid", "failed", ("none", "is_paid")),
    ],
)  # fmt: skip
def test_each_word_of_a_channel_against_each_state(status: str, said: str, expected: tuple[str, str]) -> None:
    assert judged(payment(status=status), ORDER, told(status=said)) == expected


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"merchant_id": "20"}, "other_merchant"),
        ({"app_id": "b"}, "other_app"),
        ({"currency": "USD"}, "other_currency"),
    ],
)
def test_what_is_not_ours_is_refused_however_it_came(values: dict[str, str], reason: str, asked: bool) -> None:
    assert judged(payment(), ORDER, told(**values), asked=asked) == ("refuse", reason)


def test_what_is_not_told_is_not_compared() -> None:
    assert judged(payment(), ORDER, told(merchant_id="", app_id="")) == ("pay", "paid")


def test_another_amount_is_believed_only_as_an_answer() -> None:
    assert judged(payment(), ORDER, told(amount_minor=1), asked=False) == ("refuse", "wrong_amount")
    assert judged(payment(), ORDER, told(amount_minor=1), asked=True) == ("keep", "wrong_amount")
    assert judged(payment(), ORDER, told(amount_minor=0)) == ("refuse", "no_amount")


@pytest.mark.parametrize("progress", list(Progress))
def test_only_an_unpaid_order_takes_its_money(progress: Progress) -> None:
    expected = {Progress.UNPAID: ("pay", "paid"), Progress.CANCELLED: ("keep", "after_cancel")}
    got = judged(payment(), replace(ORDER, progress=progress), told())
    assert got == expected.get(progress, ("keep", "twice"))


def test_an_order_that_is_gone_or_changed_does_not_take_its_money() -> None:
    assert judged(payment(), None, told()) == ("keep", "after_cancel")
    assert judged(payment(), replace(ORDER, paid_minor=1), told()) == ("keep", "twice")
    assert judged(payment(), replace(ORDER, payable_minor=9_999), told()) == ("keep", "wrong_amount")


def test_one_number_paid_in_two_trades_is_told() -> None:
    assert judged(payment(status="paid", trade_no="T1"), ORDER, told(trade_no="T2")) == ("refuse", "other_trade_no")


# ------------------------------------------------------------------ backs


def back(**values: Any) -> Back:
    base = Back(
        back_no="B1", payment_no="Y1", order_no="O", amount_minor=500, asked_at=T0, created_at=T0, changed_at=T0
    )
    return replace(base, **values)


def said_back(status: str, **values: Any) -> rules.BackTold:
    return rules.BackTold(status, status.upper(), "CNY", 500, 500, T0, "C1", "Y1")._replace(**values)


@pytest.mark.parametrize(
    ("status", "said", "act"),
    [
        ("asked", "processing", "move"), ("asked", "success", "move"), ("asked", "closed", "move"), ("asked", "abnormal", "move"),
        ("processing", "processing", "none"), ("processing", "success", "move"), ("processing", "closed", "move"),
        ("abnormal", "success", "move"), ("abnormal", "closed", "move"), ("abnormal", "processing", "none"),
        ("success", "processing", "none"), ("success", "closed", "none"), ("success", "abnormal", "none"),
        ("closed", "processing", "none"), ("closed", "success", "refuse"), ("refused", "success", "refuse"),
        ("refused", "abnormal", "none"),
    ],
)  # fmt: skip
def test_each_word_about_a_back_against_each_state(status: str, said: str, act: str) -> None:
    assert rules.judge_back(back(status=status), said_back(said), asked=True).act == act


def test_a_word_about_another_back_is_refused() -> None:
    for values in ({"amount_minor": 501}, {"payment_no": "Y2"}, {"currency": "USD"}):
        assert rules.judge_back(back(), said_back("success", **values), asked=True).act == "refuse"


def test_what_sets_money_free_or_ends_our_asking_must_be_an_answer() -> None:
    for status in ("closed", "failed"):
        assert judged(payment(), ORDER, told(status=status), asked=False) == ("ask", f"told_{status}")
    for status, coupon, act in (
        ("closed", False, "ask"),
        ("success", True, "ask"),
        ("success", False, "move"),
        ("abnormal", True, "move"),
    ):
        assert rules.judge_back(back(), said_back(status), asked=False, coupon=coupon).act == act


# ------------------------------------------------------------------ schedule and split


def test_the_schedule_is_minutes_then_hours_then_days_then_nothing() -> None:
    asked = []
    now = T0
    while (at := rules.next_check(T0, now)) is not None:
        asked.append((at - now).total_seconds())
        now = at
    assert asked == sorted(asked) and sorted(set(asked)) == [300.0, 3600.0, 86400.0]
    assert 12 + 23 <= len(asked) <= 12 + 24 + 31 and (now - T0).days in (30, 31)


def test_an_end_is_asked_about_when_it_comes() -> None:
    assert rules.next_check(T0, T0, until=T0 + timedelta(seconds=90)) == T0 + timedelta(seconds=90)
    assert rules.next_check(T0, T0, until=T0) == T0 + timedelta(seconds=300)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), min_size=1, max_size=6), st.integers(0, 10**7))
def test_parts_sum_to_the_amount_and_never_pass_what_a_payment_holds(rows: list[tuple[int, int]], amount: int) -> None:
    payments = [
        payment(payment_no=f"Y{n}", status="paid", paid_minor=paid, backed_minor=min(back, paid))
        for n, (paid, back) in enumerate(rows)
    ]
    held = sum(map(rules.room, payments))
    if amount > held:
        with pytest.raises(ValueError, match="exceeds_paid"):
            rules.parts(amount, payments)
        return
    rooms = {p.payment_no: rules.room(p) for p in payments}
    found = rules.parts(amount, payments)
    assert sum(part.amount_minor for part in found) == amount
    assert all(0 < part.amount_minor <= rooms[part.payment_no] for part in found)


def test_an_attempt_is_one_more_than_those_that_came_to_nothing() -> None:
    tried = [back(refund_no="R", status="closed"), back(refund_no="R", status="refused"), back(status="closed")]
    assert rules.attempt_of("R", "Y1", tried) == 3 and rules.attempt_of("", "Y1", tried) == 2
    assert rules.still_due(1_000, [back(status="success"), back(status="closed"), back(status="abnormal")]) == 0


def test_numbers_are_short_stable_and_bear_the_shard_of_their_order() -> None:
    first, second = numbers.payment_no(ORDER.order_no, 1), numbers.payment_no(ORDER.order_no, 2)
    assert first != second and len(first) == 20 and first[0] == "Y" and first[-3:] == ORDER.order_no[-3:]
    again = numbers.back_no("R1", first, 1)
    assert again == numbers.back_no("R1", first, 1) != numbers.back_no("R1", first, 2)
    assert len(again) == 20 and again[0] == "B" and again[-3:] == first[-3:]
