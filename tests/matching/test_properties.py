"""The fast matching says what the slow one says, whatever the frames, and its books add up."""

from __future__ import annotations

import copy
from collections import Counter
from random import Random
from typing import Any

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.matching import match
from jobs.matching.tolerances import NONE, Rules, parse
from tests.matching.making import DAY, PERIOD, exp, found, frames, line
from tests.matching.slow import Row, Slow, deltas

RULES = parse("""
version = "test"
day_cut_minutes = 10
[[rule]]
id = "sale-cents"
priority = 2
kind = "sale"
amount_from = -1
amount_to = 2
days_before = 1
days_after = 2
[[rule]]
id = "share"
priority = 1
currency = "CNY"
amount_from = -3
amount_to = 3
days_before = 0
days_after = 0
percent_bp = 5000
class = "amount_differs"
""")
MINUTE = 60_000
TIMES = (
    PERIOD[0] - 5 * MINUTE, PERIOD[0] + 5 * MINUTE, PERIOD[0] + 2 * DAY, PERIOD[0] + 3 * DAY, PERIOD[0] + 5 * DAY,
    PERIOD[1] - 5 * MINUTE, PERIOD[1] + 4 * MINUTE,
)  # fmt: skip


#: (field, its values): anything goes, and few values, so that rows meet
WIDE = {
    "kind": ["sale", "fee"], "order": ["A", "A", "B", "C", ""], "refund": ["", "", "R1", "R2"], "amount": [*range(-3, 7)],
    "currency": ["CNY", "CNY", "USD"], "at": TIMES, "status": ["", "ok", "bad"],
}  # fmt: skip
DENSE = WIDE | {
    "kind": ["sale", "sale", "sale", "fee"], "order": ["A", "A", "A", "B"], "refund": ["", "", "", "R1"],
    "amount": [50, 50, 100, 100, 99, 52], "currency": ["CNY"], "at": TIMES[2:4], "status": [""],
}  # fmt: skip


def rows(side: str, others: tuple[str, ...], values: dict[str, Any]) -> st.SearchStrategy[list[Row]]:
    fields = {name: st.sampled_from(found) for name, found in values.items()}
    one = st.builds(Row, side=st.just(side), id=st.just(0), other=st.sampled_from(others), match=st.none(), **fields)
    return st.lists(one, max_size=9).map(_numbered)


def _numbered(made: list[Row]) -> list[Row]:
    for n, row in enumerate(made):
        row.id = n
    return made


def books(values: dict[str, Any]) -> st.SearchStrategy[list[Row]]:
    sides = st.tuples(rows("line", ("", "t1", "t2"), values), rows("exp", ("", "P", "Q"), values))
    return sides.map(lambda two: two[0] + two[1])


BOOKS = st.one_of(books(WIDE), books(DENSE))
SEEN = st.sampled_from([None, (PERIOD[0] - DAY, PERIOD[1]), (PERIOD[0] - DAY, PERIOD[1] + DAY)])


@settings(max_examples=1500, deadline=None)
@given(BOOKS, st.sampled_from([NONE, RULES]), SEEN, st.booleans())
def test_the_fast_matching_says_what_the_slow_one_says(
    book: list[Row], rules: Rules, seen: tuple[int, int] | None, shared: bool
) -> None:
    fast = found(book, rules, seen=seen, categories=shared)
    slow = Slow(copy.deepcopy(book), rules, PERIOD, seen or PERIOD).run()
    assert fast == {(frozenset((r.side, r.id) for r in m.rows), m.cls, m.by, m.rule, tuple(deltas(m))) for m in slow}


@settings(max_examples=300, deadline=None)
@given(BOOKS, st.sampled_from([NONE, RULES]))
@example([], NONE)
@example([line(0)], NONE)
@example([exp(0)], RULES)
def test_every_row_is_in_one_match_and_the_deltas_are_the_difference_of_the_sides(
    book: list[Row], rules: Rules
) -> None:
    left, right = frames(book)
    out = match(left, right, rules, period=PERIOD)
    assert Counter(zip(out["side"].astype(str), out["id"], strict=True)) == Counter((r.side, r.id) for r in book)
    currency = {(r.side, r.id): r.currency for r in book}
    of = [currency[side, n] for side, n in zip(out["side"].astype(str), out["id"], strict=True)]
    sums = out["delta"].groupby(pd.Series(of, index=out.index, dtype=object)).sum().to_dict()
    for code in ("CNY", "USD"):
        assert sums.get(code, 0) == sum(r.signed for r in book if r.currency == code)
    assert out["match_id"].is_monotonic_increasing
    one_currency = out.assign(currency=of).groupby("match_id")["currency"].nunique()
    assert (one_currency == 1).all()


@settings(max_examples=200, deadline=None)
@given(BOOKS, st.sampled_from([NONE, RULES]), st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(book: list[Row], rules: Rules, random: Random) -> None:
    shuffled = book.copy()
    random.shuffle(shuffled)
    assert found(book, rules) == found(shuffled, rules)


@settings(max_examples=200, deadline=None)
@given(BOOKS, st.sampled_from([NONE, RULES]))
def test_a_match_differs_by_nothing_unless_its_class_or_its_rule_says_so(book: list[Row], rules: Rules) -> None:
    signed = {(r.side, r.id): r.signed for r in book}
    for members, cls, _, rule, _ in found(book, rules):
        delta = sum(signed[m] for m in members)
        if cls in ("matched", "status_differs") and not rule:
            assert delta == 0
        if cls == "suggested":
            assert {side for side, _ in members} == {"line", "exp"}
            assert len(members) > 2
