"""What each pass does, on the smallest books that show it."""

from __future__ import annotations

import pandas as pd
import pytest

from jobs.matching import CLASSES, PASSES, match
from jobs.matching.tolerances import NONE, parse
from tests.matching.making import CENTS, DAY, NOON, PERIOD, classes, exp, found, frames, line, passes

MINUTE = 60_000


def test_one_with_one_matches_exactly() -> None:
    assert found([line(1), exp(7)]) == {(frozenset({("line", 1), ("exp", 7)}), "matched", "exact", "", ())}


@pytest.mark.parametrize("other", [{"order": "B"}, {"kind": "fee"}, {"currency": "USD"}, {"refund": "R1"}])
def test_what_differs_in_reference_kind_or_currency_is_not_exact(other: dict[str, str]) -> None:
    there = exp(1, refund="R9", **{k: v for k, v in other.items() if k != "refund"})
    assert passes([line(1, refund=other.get("refund", "R9")), there])["L1"] != "exact"


def test_a_refund_that_one_side_does_not_name_is_matched_by_its_order() -> None:
    assert passes([line(1, amount=-30), exp(1, amount=-30, refund="R1")]) == {"L1": "exact.order", "E1": "exact.order"}


def test_a_line_that_names_only_the_refund_belongs_to_the_order_of_the_refund() -> None:
    assert passes([line(1, order="", refund="R1"), exp(1, refund="R1")]) == {"L1": "exact", "E1": "exact"}


def test_a_refund_of_two_orders_names_neither() -> None:
    book = [line(1, order="", refund="R1"), exp(1, "A", refund="R1"), exp(2, "B", refund="R1")]
    assert classes(book) == {"L1": "not_an_order", "E1": "only_ours", "E2": "only_ours"}


def test_two_equal_ones_on_each_side_match_as_a_set() -> None:
    book = [line(1, at=NOON), line(2, at=NOON + 5), exp(1), exp(2)]
    assert {len(members) for members, *_ in found(book)} == {4}


def test_the_same_row_told_twice_is_doubled() -> None:
    assert classes([line(1), line(2), exp(1)]) == {"L1": "matched", "L2": "doubled", "E1": "matched"}


def test_one_trade_told_at_two_times_is_doubled() -> None:
    book = [line(1, other="t", at=NOON + 9), line(2, other="t", at=NOON), exp(1)]
    assert classes(book) == {"L1": "doubled", "L2": "matched", "E1": "matched"}


def test_two_trades_for_one_expected_row_are_a_suggestion() -> None:
    book = [line(1, other="t1"), line(2, other="t2"), exp(1)]
    assert set(classes(book).values()) == {"suggested"}


def test_a_doubled_row_is_not_summed_away() -> None:
    book = [line(1), line(2), exp(1), exp(2, kind="subsidy")]
    assert classes(book) == {"L1": "matched", "E1": "matched", "L2": "doubled", "E2": "only_ours"}


def test_a_split_row_matches_by_the_sum_of_its_parts() -> None:
    assert passes([line(1, amount=60), line(2, amount=40), exp(1)]) == dict.fromkeys(("L1", "L2", "E1"), "order.kind")


def test_two_halves_are_a_split_and_not_a_double() -> None:
    assert set(classes([line(1, amount=50), line(2, amount=50), exp(1)]).values()) == {"matched"}


def test_several_of_ours_match_one_line() -> None:
    assert passes([line(1), exp(1, amount=70), exp(2, amount=30)]) == dict.fromkeys(("L1", "E1", "E2"), "order.kind")


def test_a_split_with_one_part_told_twice_matches_without_it() -> None:
    book = [line(1, amount=60), line(2, amount=40), line(3, amount=40), exp(1)]
    assert classes(book) == {"L1": "matched", "L2": "matched", "E1": "matched", "L3": "doubled"}


def test_an_order_whose_kinds_are_cut_otherwise_matches_as_a_whole() -> None:
    book = [line(1, amount=94), exp(1, amount=100), exp(2, kind="fee", amount=-6)]
    assert passes(book) == dict.fromkeys(("L1", "E1", "E2"), "order")


def test_a_parcel_group_matches_as_a_cluster_and_says_what_each_order_makes_up_for() -> None:
    book = [line(1, "A", 60), line(2, "B", 40), exp(1, "A", 50, other="P"), exp(2, "B", 50, other="P")]
    left, right = frames(book)
    out = match(left, right, NONE, period=PERIOD)
    assert set(out["pass_name"]) == {"group.kind"}
    order = {("line", 1): "A", ("line", 2): "B", ("exp", 1): "A", ("exp", 2): "B"}
    by_order = out.groupby([order[s, n] for s, n in zip(out["side"], out["id"], strict=True)])["delta"].sum()
    assert by_order.to_dict() == {"A": 10, "B": -10}
    assert out["match_id"].nunique() == 1


def test_groups_that_share_an_order_are_one_cluster() -> None:
    book = [
        line(1, "C", 60), exp(1, "A", 10, other="P"), exp(2, "B", 20, other="P"), exp(3, "B", 5, other="Q"), exp(4, "C", 25, other="Q"),
    ]  # fmt: skip
    assert set(passes(book).values()) == {"group.kind"}


def test_an_order_is_in_the_cluster_of_its_row_that_is_matched_already() -> None:
    book = [
        line(1, "A", 10, kind="fee"), exp(1, "A", 10, kind="fee", other="P"),
        line(2, "A", 30), exp(2, "B", 30, other="P"),
    ]  # fmt: skip
    assert passes(book)["L2"] == passes(book)["E2"] == "group.kind"


def test_cents_are_tolerated_by_a_rule_that_says_its_name() -> None:
    assert found([line(1, amount=98), exp(1)], CENTS) == {
        (frozenset({("line", 1), ("exp", 1)}), "matched", "tolerance", "cents", (-2,))
    }


@pytest.mark.parametrize(("amount", "later"), [(97, 0), (102, 0), (99, 3 * DAY + 1), (99, -DAY - 1)])
def test_beyond_either_end_of_a_rule_the_amount_differs(amount: int, later: int) -> None:
    assert set(classes([line(1, amount=amount, at=NOON + later), exp(1)], CENTS).values()) == {"amount_differs"}


@pytest.mark.parametrize(("amount", "later"), [(98, 0), (101, 0), (99, 3 * DAY), (99, -DAY)])
def test_the_ends_of_a_rule_are_inside(amount: int, later: int) -> None:
    assert set(passes([line(1, amount=amount, at=NOON + later), exp(1)], CENTS).values()) == {"tolerance"}


def test_a_rule_for_other_kinds_does_not_help() -> None:
    assert set(classes([line(1, kind="fee", amount=99), exp(1, kind="fee")], CENTS).values()) == {"amount_differs"}


def test_the_nearest_partner_within_a_rule_is_taken() -> None:
    book = [line(1, amount=99), exp(1, amount=100), exp(2, amount=101)]
    assert classes(book, CENTS) == {"L1": "matched", "E1": "matched", "E2": "only_ours"}


def test_two_equally_near_partners_are_a_suggestion() -> None:
    book = [line(1, amount=100), line(2, amount=100, at=NOON + 5), exp(1, amount=101)]
    assert set(classes(book, CENTS).values()) == {"suggested"}


def test_the_sum_of_a_split_row_is_tolerated_too() -> None:
    book = [line(1, amount=60), line(2, amount=39), exp(1)]
    assert set(passes(book, CENTS).values()) == {"tolerance"}


def test_the_rule_with_the_least_priority_comes_first_and_a_share_limits_it() -> None:
    text = 'version="t"\n' + "".join(
        f'[[rule]]\nid="{name}"\npriority={priority}\namount_from=-9\namount_to=9\ndays_before=0\ndays_after=0\npercent_bp={bp}\n'
        for name, priority, bp in (("wide", 2, 1000), ("narrow", 1, 100))
    )
    rules = parse(text)
    assert {rule for _, _, _, rule, _ in found([line(1, amount=99), exp(1)], rules)} == {"narrow"}
    assert {rule for _, _, _, rule, _ in found([line(1, amount=98), exp(1)], rules)} == {"wide"}


@pytest.mark.parametrize(
    ("theirs", "ours", "cls"),
    [
        (PERIOD[1] + MINUTE, PERIOD[1] - MINUTE, "day_cut"),
        (PERIOD[0] + MINUTE, PERIOD[0] - MINUTE, "day_cut"),
        (PERIOD[1] - MINUTE, PERIOD[1] - 2 * MINUTE, "matched"),
        (PERIOD[1] + DAY, PERIOD[1] - MINUTE, "matched"),
    ],
)
def test_one_trade_on_both_sides_of_the_edge_is_a_day_cut(theirs: int, ours: int, cls: str) -> None:
    assert set(classes([line(1, at=theirs), exp(1, at=ours)]).values()) == {cls}
    split = [line(1, amount=60, at=theirs), line(2, amount=40, at=theirs), exp(1, at=ours)]
    assert set(classes(split).values()) == {cls}


def test_one_sided_near_the_edge_is_a_day_cut_until_the_other_day_was_looked_at() -> None:
    book = [exp(1, at=PERIOD[1] - MINUTE), line(1, "B", at=PERIOD[0] + MINUTE)]
    assert classes(book) == {"E1": "day_cut", "L1": "day_cut"}
    seen = (PERIOD[0] - DAY, PERIOD[1] + DAY)
    assert classes(book, seen=seen) == {"E1": "only_ours", "L1": "only_theirs"}


def test_equal_amounts_in_other_states_are_a_difference_of_status() -> None:
    assert set(classes([line(1, status="closed"), exp(1, status="success")]).values()) == {"status_differs"}
    assert set(classes([line(1, status="closed"), exp(1)]).values()) == {"matched"}
    split = [line(1, amount=60, status="closed"), line(2, amount=40), exp(1, status="success")]
    assert set(classes(split).values()) == {"status_differs"}


def test_what_names_no_order_is_not_an_order() -> None:
    assert classes([line(1, order=""), exp(1, order="")]) == {"L1": "not_an_order", "E1": "only_ours"}


def test_one_sided_rows_are_named_by_the_side_that_has_them() -> None:
    assert classes([line(1, "A"), exp(1, "B")]) == {"L1": "only_theirs", "E1": "only_ours"}


def test_nothing_is_matched_across_currencies() -> None:
    assert classes([line(1, currency="USD"), exp(1)]) == {"L1": "only_theirs", "E1": "only_ours"}


def test_the_frame_has_the_promised_columns_also_when_it_is_empty() -> None:
    for book in ([], [line(1), exp(1)]):
        out = match(*frames(book), NONE, period=PERIOD)
        assert list(out.columns) == ["side", "id", "match_id", "class", "pass_name", "rule_id", "delta"]
        assert [str(out[c].dtype) for c in ("id", "match_id", "delta")] == ["int64"] * 3
        assert tuple(out["class"].cat.categories) == CLASSES
        assert tuple(out["pass_name"].cat.categories) == PASSES


def test_references_that_are_missing_name_nothing() -> None:
    left, right = frames([line(1), exp(1)])
    left["refund_ref"] = [None]
    right["refund_ref"] = pd.Series([float("nan")], dtype="str")
    left["trade_ref"] = pd.Series([float("nan")], dtype=object)
    assert set(match(left, right, NONE, period=PERIOD)["class"]) == {"matched"}


def test_categories_of_each_frame_alone_are_read_like_texts() -> None:
    left, right = frames([line(1, "A"), line(2, "C"), exp(1, "B"), exp(2, "C")])
    for frame in (left, right):
        frame["order_ref"] = frame["order_ref"].astype("category")
    out = match(left, right, NONE, period=PERIOD)
    assert sorted(out.loc[out["class"] == "matched", "id"]) == [2, 2]


def test_texts_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.matching import frames as coding

    monkeypatch.setattr(coding, "hash", lambda text: 0 if text == "" else 7, raising=False)
    assert classes([line(1, "A"), line(2, "C"), exp(1, "B"), exp(2, "C")]) == {
        "L1": "only_theirs", "L2": "matched", "E1": "only_ours", "E2": "matched",
    }  # fmt: skip


@pytest.mark.parametrize("low", [0, -(10**14)])
def test_amounts_too_wide_for_one_key_are_matched_all_the_same(low: int) -> None:
    wide = [line(n, f"O{n}", amount=10**14 - n) for n in range(40)] + [line(99, "X", amount=low)]
    book = wide + [exp(r.id, r.order, amount=r.amount) for r in wide]
    many = [line(100 + n, f"N{n}", kind=f"k{n % 60}") for n in range(1200)]
    book += many + [exp(r.id, r.order, kind=r.kind) for r in many]
    assert set(passes(book).values()) == {"exact"}


def test_a_frame_that_cannot_be_used_is_refused_with_the_column() -> None:
    left, right = frames([line(1), exp(1)])
    with pytest.raises(ValueError, match="lines has no column order_ref"):
        match(left.drop(columns="order_ref"), right, NONE, period=PERIOD)
    with pytest.raises(ValueError, match="amount is float64"):
        match(left.astype({"amount": float}), right, NONE, period=PERIOD)
    with pytest.raises(ValueError, match="beyond"):
        match(left.assign(amount=10**15), right, NONE, period=PERIOD)
