"""Each planted difference is in the files and in the book, in its class, and nothing else differs from the truth."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.making import Made
from adapters.sandbox.statements.files import statement_file
from tests.sandbox import reading_statements as reading
from tests.sandbox.reading_statements import Line
from tests.sandbox.selling import DAYS, sold

PLATFORMS = ("taobao", "jd", "douyin", "wechat_shop")
CLASSES = {"missing", "extra", "amount", "fee", "status", "day_cut", "doubled", "not_an_order"}
SEED = 6


@pytest.fixture(scope="module")
def true() -> Made:
    return sold(orders=400, seed=SEED)


@pytest.fixture(scope="module")
def told() -> Made:
    return sold(orders=400, seed=SEED, differences=0.1)


def files(made: Made, platform: str) -> dict[str, list[Line]]:
    return {d: reading.READERS[platform](statement_file(made.world, platform, d)[1]) for d in DAYS}


def planted(made: Made, platform: str = "", name: str = "") -> list[dict[str, Any]]:
    found = made.world.statements.to_book()["planted"]
    return [p for p in found if platform in ("", p["platform"]) and name in ("", p["class"])]


def by_order(lines: list[Line]) -> dict[str, list[Line]]:
    out: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        out[line.order].append(line)
    return out


def total(lines: list[Line]) -> int:
    return sum(x.amount + x.fees for x in lines)


def test_statements_are_true_unless_differences_are_asked_for(true: Made) -> None:
    assert {p["class"] for p in planted(true)} == {"not_an_order"}


def test_planting_leaves_the_day_as_it_was(true: Made, told: Made) -> None:
    assert true.world.all_orders() == told.world.all_orders()
    apart = ("difference",)
    kept = [[{**e, "seq": 0} for e in m.world.book.entries if e["kind"] not in apart] for m in (true, told)]
    assert kept[0] == kept[1]


def test_every_class_is_played_on_every_platform_and_an_order_carries_one(told: Made) -> None:
    for platform in PLATFORMS:
        found = planted(told, platform)
        assert {p["class"] for p in found} == CLASSES
        assert all(n == 1 for order, n in Counter(p["order"] for p in found).items() if order)
    assert {p["detail"] for p in planted(told, name="amount")} == {"cents", "more"}


def test_a_small_day_already_meets_every_class() -> None:
    found = planted(sold(orders=120, seed=2, differences=0.01))
    assert {p["class"] for p in found} == CLASSES


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nothing_differs_but_what_the_book_names(true: Made, told: Made, platform: str) -> None:
    one, other = (by_order([x for f in files(m, platform).values() for x in f]) for m in (true, told))
    differing = {o for o in one.keys() | other.keys() if one.get(o) != other.get(o)}
    assert differing == {p["order"] for p in planted(told, platform)} - {""}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_the_book_calls_true_and_told_is_what_the_files_say(true: Made, told: Made, platform: str) -> None:
    one, other = files(true, platform), files(told, platform)
    for p in planted(told, platform):
        if p["class"] == "not_an_order":
            continue
        days = DAYS if p["class"] == "missing" else (p["day"],)
        assert p["true"] == sum(total(by_order(one[d])[p["order"]]) for d in days), p
        shown = [x for x in by_order(other[p["found_day"]])[p["order"]] if not x.failed]
        assert p["told"] == total(shown), p
        assert p["ref"] in {x.ref for x in other[p["found_day"]]} or p["ref"] == ""


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_class_looks_as_its_name_says(true: Made, told: Made, platform: str) -> None:
    one, other = files(true, platform), files(told, platform)
    for p in planted(told, platform):
        order, day = p["order"], p["day"]
        before, after = by_order(one[day])[order], by_order(other[p["found_day"]])[order]
        known = told.world.find(platform, order)
        match p["class"]:
            case "missing":
                assert before and not any(by_order(f)[order] for f in other.values())
            case "extra":
                assert known is None and after and not before
            case "amount":
                moved = total(after) - total(before)
                assert sum(x.fees for x in after) == sum(x.fees for x in before)
                assert 0 < abs(moved) < 10 if p["detail"] == "cents" else 500 <= abs(moved) < 5000
            case "fee":
                assert sum(x.amount for x in after) == sum(x.amount for x in before)
                assert -500 < sum(x.fees for x in after) - sum(x.fees for x in before) <= -100
            case "status" if platform == "jd":
                assert before == [x._replace(failed=False) for x in after] and all(x.failed for x in after)
            case "status":
                assert known is not None and known.state == "cancelled" and not known.paid_at
                assert total(after) == known.payable
            case "day_cut":
                assert before and not by_order(other[day])[order] and total(after) == total(before)
                late = after[0].at.replace(hour=0, minute=0, second=0)
                assert after[0].at - late < timedelta(minutes=2) and late.date().isoformat() == p["found_day"] > day
            case "doubled":
                twice = [x for x, n in Counter(after).items() if n == 2]
                assert [x.ref for x in twice] == [p["ref"]] and set(after) == set(before)
            case "not_an_order":
                row = next(x for x in other[day] if x.ref == p["ref"])
                assert row.order == "" and total([row]) == p["told"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_book_tells_every_row_of_the_files(told: Made, platform: str) -> None:
    rows = [r for r in told.world.statements.to_book()["rows"] if r["platform"] == platform]
    for day, lines in files(told, platform).items():
        kept = [r for r in rows if r["day"] == day]
        assert [(r["ref"], r["order"], r["amount"], r["failed"]) for r in kept] == [
            (x.ref, x.order, x.amount + x.fees, x.failed) for x in lines
        ]
        assert all(sum(r["parts"].values()) == r["amount"] for r in kept)


def test_the_book_is_written_beside_the_orders(tmp_path: Path) -> None:
    from adapters.sandbox.making import Wish, make_world

    made = make_world(Wish(orders=40, differences=0.3), tmp_path)
    made.world.advance(made.world.end + 86400)
    expected = made.world.statements.to_book()
    made.world.close()
    for name in ("rows", "planted"):
        path = tmp_path / {"rows": "statements.jsonl", "planted": "planted.jsonl"}[name]
        assert [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()] == expected[name]
    entries = [json.loads(x) for x in (tmp_path / "book.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len([e for e in entries if e["kind"] == "difference"]) == len(expected["planted"]) > 0
