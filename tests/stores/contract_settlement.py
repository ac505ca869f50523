"""What every settlement engine must do."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stores.contracts import Settlement
from stores.records.base import replace
from stores.records.settlement import (
    Act,
    Expectation,
    NewMatch,
    ParkedRow,
    PeriodState,
    StatementFile,
    StatementLine,
    Suggestion,
    Suspense,
    Verdicts,
)

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
MS = int(AT.timestamp() * 1000)
DAY = timedelta(days=1)


def line(n: int, **changes: Any) -> StatementLine:
    """A row of 100.00 for order n; its fingerprint follows from what it says."""
    base: dict[str, Any] = {
        "row_no": n, "kind": "goods", "order_ref": f"T{n}", "refund_ref": "", "trade_ref": f"R{n}", "amount_minor": 10_000,
        "currency": "CNY", "at": MS + n, "status": "settled", "raw": '["note"]',
    }  # fmt: skip
    said = {**base, **changes}
    print_ = hashlib.md5(repr([v for k, v in said.items() if k != "row_no"]).encode()).digest()
    return StatementLine(**{**said, "fingerprint": print_})


def a_file(hash: str = "h1", **changes: Any) -> StatementFile:
    base: dict[str, Any] = {
        "account": "tmall", "period": "2026-03-01", "hash": hash, "name": f"{hash}.csv", "layout": "taobao", "layout_version": 1,
        "raw_columns": ("备注",), "at": AT,
    }  # fmt: skip
    return StatementFile(**{**base, **changes})


def put(
    store: Settlement, rows: Sequence[StatementLine], hash: str = "h1", *, token: int = 1, parked: Sequence[ParkedRow] = (), **head: Any
) -> StatementFile:  # fmt: skip
    kept, outcome = store.add_file(a_file(hash, **head), [rows], lambda: parked, token=token)
    assert outcome.result == "done", outcome
    return kept


def expect(n: int, **changes: Any) -> Expectation:
    base: dict[str, Any] = {
        "key": f"goods:O{n}", "account": "tmall", "kind": "goods", "order_no": f"O{n}", "order_ref": f"T{n}",
        "amount_minor": 10_000, "currency": "CNY", "at": AT,
    }  # fmt: skip
    return Expectation(**{**base, **changes})


def act(kind: str = "match", **changes: Any) -> Act:
    return Act(**{"kind": kind, "account": "tmall", "period": "2026-03-01", "at": AT, "who": "li", **changes})


def pair(a: int, b: int, **changes: Any) -> NewMatch:
    made = NewMatch("matched", "exact", "", 0, "CNY", (a,), (b,))
    return made._replace(**changes)


def open_item(ref: int, side: str = "line", **changes: Any) -> Suspense:
    base: dict[str, Any] = {
        "side": side, "ref_id": ref, "account": "tmall", "period": "2026-03-01", "class_": "only_theirs", "kind": "goods",
        "order_ref": f"T{ref}", "amount_minor": 10_000, "currency": "CNY", "since": AT, "recheck_at": AT + 2 * DAY,
    }  # fmt: skip
    return Suspense(**{**base, **changes})


def a_period(**changes: Any) -> PeriodState:
    base = {"account": "tmall", "period": "2026-03-01", "start_at": AT, "end_at": AT + DAY, "state": "matched"}
    return PeriodState(**{**base, **changes})


def a_suggestion(**changes: Any) -> Suggestion:
    base: dict[str, Any] = {
        "suggestion_id": "s1", "account": "tmall", "period": "2026-03-01", "pass_name": "ambiguous", "rule_id": "",
        "delta_minor": 0, "currency": "CNY", "line_ids": (1,), "exp_ids": (1, 2),
    }  # fmt: skip
    return Suggestion(**{**base, **changes})


def books(store: Settlement) -> list[tuple[str, dict[str, Any]]]:
    """Everything but the log of acts and the fence."""
    return [(t, r) for t, r in store.dump() if t not in ("acts", "act_journal", "fences", "rule_versions")]


def looked(store: Settlement, account: str = "tmall") -> Any:
    return store.open_items(account, start=AT - DAY, end=AT + DAY)


class SettlementContract:
    """Inherit, and give a `store` fixture."""

    # ------------------------------------------------------------ statements
    def test_a_file_is_kept_with_its_rows_and_sums_per_currency(self, store: Settlement) -> None:
        rows = [line(1), line(2, amount_minor=-300), line(3, currency="USD", amount_minor=5)]
        bad = ParkedRow(row_no=9, column="金额", reason="amount", cells={"金额": "x"})
        kept = put(store, rows, parked=[bad])
        assert (kept.row_count, kept.parked_count, kept.doubled_count) == (3, 1, 0)
        assert kept.totals == {"CNY": {"count": 2, "in": 10_000, "out": -300}, "USD": {"count": 1, "in": 5, "out": 0}}
        assert store.files() == [kept] and store.parked_rows(kept.file_id) == [bad]
        found = store.lines([kept.first_line])[0]
        assert (found["order_ref"], found["raw"], found["at"]) == (
            "T1",
            {"备注": "note"},
            AT + timedelta(milliseconds=1),
        )

    def test_the_same_file_again_changes_nothing(self, store: Settlement) -> None:
        put(store, [line(1)])
        before = list(store.dump())
        kept, outcome = store.add_file(a_file(), [[line(1)]], list, token=1)
        assert (outcome.result, kept.row_count, list(store.dump())) == ("already", 1, before)
        assert store.known_file("tmall", "2026-03-01", "h1") == kept

    def test_rows_that_another_file_brought_are_marked_and_not_dropped(self, store: Settlement) -> None:
        first = put(store, [line(1), line(2)])
        second = put(store, [line(2), line(3)], "h2")
        assert (second.row_count, second.doubled_count) == (2, 1)
        marked = store.lines(range(second.first_line, second.first_line + 2))
        assert [x["doubled_of"] for x in marked] == [first.first_line + 1, 0]
        assert len(looked(store).lines["line_id"]) == 3

    def test_a_row_that_stands_twice_in_one_file_is_numbered(self, store: Settlement) -> None:
        kept = put(store, [line(1), line(1), line(1), line(2)])
        found = store.lines(range(kept.first_line, kept.first_line + 4))
        assert [x["occurrence"] for x in found] == [0, 1, 2, 0]
        again = put(store, [line(1), line(1)], "h2")
        assert again.doubled_count == 2

    def test_rows_of_another_account_are_no_repeats(self, store: Settlement) -> None:
        put(store, [line(1)])
        assert put(store, [line(1)], account="jd").doubled_count == 0

    def test_a_reader_that_breaks_leaves_nothing_behind(self, store: Settlement) -> None:
        def torn() -> Any:
            yield [line(1)]
            raise ValueError("damaged")

        before = list(store.dump())
        with pytest.raises(ValueError, match="damaged"):
            store.add_file(a_file(), torn(), list, token=1)
        assert list(store.dump()) == before

    def test_a_write_of_a_lease_that_was_taken_over_is_refused(self, store: Settlement) -> None:
        put(store, [line(1)], token=5)
        _, outcome = store.add_file(a_file("h2"), [[line(2)]], list, token=4)
        assert outcome.result == "lost" and len(store.files()) == 1
        assert store.apply(Verdicts(act=act()), token=4).result == "lost"
        assert store.undo("tmall", 1, token=4, who="li").result == "lost"
        assert store.add_file(a_file("h2", account="jd"), [[line(2)]], list, token=1)[1].result == "done"

    # ------------------------------------------------------------ expectations
    def test_expectations_move_with_their_cursor_and_a_change_is_a_new_version(self, store: Settlement) -> None:
        assert store.put_expectations([expect(1), expect(2)], cursor=("orders", "7")) == {
            "new": 2,
            "changed": 0,
            "same": 0,
        }
        assert store.cursor("orders") == "7" and store.cursor("other") == ""
        changed = expect(2, amount_minor=9_000)
        assert store.put_expectations([expect(1), changed], cursor=("orders", "8")) == {
            "new": 0,
            "changed": 1,
            "same": 1,
        }
        assert [(e["version"], e["amount_minor"]) for e in store.expectations([1, 2])] == [(1, 10_000), (2, 9_000)]

    def test_the_time_of_an_expectation_stands_while_its_status_does(self, store: Settlement) -> None:
        store.put_expectations([expect(1, status="pending")], cursor=None)
        store.put_expectations([expect(1, status="pending", at=AT + DAY)], cursor=None)
        assert store.expectations([1])[0]["at"] == AT
        store.put_expectations([expect(1, at=AT + DAY)], cursor=None)
        assert store.expectations([1])[0]["at"] == AT + DAY

    # ------------------------------------------------------------ acts
    def test_what_is_matched_is_no_longer_open(self, store: Settlement) -> None:
        put(store, [line(1), line(2)])
        store.put_expectations([expect(1), expect(2)], cursor=None)
        verdicts = Verdicts(act=act(), matches=[pair(1, 1)], suspend=(open_item(2),), period=a_period())
        assert store.apply(verdicts, token=1).result == "done"
        items = looked(store)
        assert items.lines["line_id"] == [2] and items.expected["exp_id"] == [2]
        assert store.settled_before("tmall", ["T1"]) == {("goods", "T1", 10_000): 1}
        assert [p.state for p in store.periods()] == ["matched"]

    def test_a_member_of_a_match_cannot_join_another(self, store: Settlement) -> None:
        put(store, [line(1), line(2)])
        store.put_expectations([expect(1)], cursor=None)
        store.apply(Verdicts(act=act(), matches=[pair(1, 1)]), token=1)
        before = books(store)
        assert store.apply(Verdicts(act=act(), matches=[pair(2, 1)]), token=1).result == "changed"
        assert books(store) == before

    def test_a_differing_match_and_one_whose_expectation_changed_are_loose(self, store: Settlement) -> None:
        put(store, [line(1), line(2), line(3)])
        store.put_expectations([expect(1), expect(2), expect(3)], cursor=None)
        differs = pair(1, 1, class_="amount_differs", delta_minor=5)
        held = open_item(1, class_="amount_differs", amount_minor=5)
        store.apply(Verdicts(act=act(), matches=[differs, pair(2, 2), pair(3, 3)], suspend=(held,)), token=1)
        assert sorted(looked(store).loose) == [1]
        store.put_expectations([expect(2, amount_minor=1)], cursor=None)
        items = looked(store)
        assert sorted(items.loose) == [1, 2] and items.outdated == {2}
        assert items.lines["line_id"] == [1, 2] and items.expected["exp_id"] == [1, 2]
        assert store.due_accounts(AT) == ["tmall"]

    def test_undo_restores_the_books_to_the_letter(self, store: Settlement) -> None:
        put(store, [line(1), line(2), line(3)])
        store.put_expectations([expect(1), expect(2), expect(3)], cursor=None)
        first = Verdicts(
            act=act(), matches=[pair(1, 1, class_="amount_differs", delta_minor=5)], suspend=(open_item(1, class_="amount_differs"), open_item(2)),
            suggest=(a_suggestion(),), period=a_period(),
        )  # fmt: skip
        store.apply(first, token=1)
        before = books(store)
        second = Verdicts(
            act=act(), dissolve=(1,), matches=[pair(1, 1), pair(2, 2)], resolve=(("line", 1),),
            suspend=(open_item(2, owner="wang", reason="asked"), open_item(3, "exp")), suggest=(a_suggestion(state="refused"),),
        )  # fmt: skip
        done = store.apply(second, token=1)
        assert books(store) != before
        assert store.undo("tmall", done.version, token=1, who="li").result == "done"
        assert books(store) == before
        assert store.undo("tmall", done.version, token=1, who="li").result == "already"

    def test_an_act_that_a_later_one_builds_on_stays(self, store: Settlement) -> None:
        put(store, [line(1)])
        store.put_expectations([expect(1)], cursor=None)
        first = store.apply(Verdicts(act=act(), suspend=(open_item(1),)), token=1)
        second = store.apply(Verdicts(act=act("assign"), suspend=(open_item(1, owner="li"),)), token=1)
        refused = store.undo("tmall", first.version, token=1, who="li")
        assert (refused.result, refused.reason) == ("refused", f"later:{second.version}")
        assert store.undo("tmall", second.version, token=1, who="li").ok
        assert store.undo("tmall", first.version, token=1, who="li").ok

    def test_an_import_is_taken_back_only_when_nothing_speaks_of_its_lines(self, store: Settlement) -> None:
        before = books(store)
        put(store, [line(1)])
        made = store.apply(Verdicts(act=act(), suspend=(open_item(1),)), token=1)
        assert store.undo("tmall", 1, token=1, who="li").reason == "lines_in_use"
        store.undo("tmall", made.version, token=1, who="li")
        assert store.undo("tmall", 1, token=1, who="li").ok and books(store) == before
        assert put(store, [line(1)]).row_count == 1

    def test_a_plan_is_carried_out_once(self, store: Settlement) -> None:
        put(store, [line(1)])
        verdicts = Verdicts(act=act("decide"), suspend=(open_item(1),), plan=("hash", "settle decide"))
        assert store.apply(verdicts, token=1).result == "done"
        assert store.apply(replace(verdicts, suspend=()), token=1).result == "already"

    def test_a_confirmed_period_takes_nothing_more(self, store: Settlement) -> None:
        put(store, [line(1)])
        made = store.apply(Verdicts(act=act(), suspend=(open_item(1),), period=a_period()), token=1)
        closed = a_period(state="confirmed", confirmed_at=AT, confirmed_by="li")
        assert store.apply(Verdicts(act=act("confirm"), period=closed), token=1).ok
        assert store.apply(Verdicts(act=act()), token=1).reason == "confirmed"
        assert store.undo("tmall", made.version, token=1, who="li").reason == "confirmed"
        assert store.add_file(a_file("h2"), [[line(2)]], list, token=1)[1].reason == "confirmed"
        assert store.apply(Verdicts(act=act(period="2026-03-02"), resolve=(("line", 1),)), token=1).ok

    # ------------------------------------------------------------ looking
    def test_sums_are_per_class_and_currency_and_ages_count_from_the_item(self, store: Settlement) -> None:
        put(store, [line(1), line(2), line(3, currency="USD", amount_minor=-7)])
        store.put_expectations([expect(1, amount_minor=9_990), expect(2)], cursor=None)
        old = open_item(2, since=AT - 40 * DAY)
        usd = open_item(3, currency="USD", amount_minor=-7)
        matched = pair(1, 1, delta_minor=10)
        store.apply(Verdicts(act=act(), matches=[matched], suspend=(old, usd)), token=1)
        rows = {(r["class"], r["currency"]): r for r in store.summary()}
        assert rows["matched", "CNY"]["stated_minor"] - rows["matched", "CNY"]["expected_minor"] == 10
        assert rows["only_theirs", "USD"]["stated_minor"] == -7 and rows["only_theirs", "CNY"]["count"] == 1
        ages = {(r["currency"], r["age"]): r["amount_minor"] for r in store.aging()}
        assert ages == {("CNY", "31-60"): 10_000, ("USD", "0-7"): -7}

    def test_open_items_are_found_by_class_ref_and_due_time(self, store: Settlement) -> None:
        put(store, [line(1), line(2)])
        items = (open_item(1), open_item(2, class_="doubled", recheck_at=AT))
        store.apply(Verdicts(act=act(), suspend=items), token=1)
        assert store.suspense(classes=["doubled"]) == [items[1]]
        assert store.suspense(refs=[("line", 1)]) == [items[0]]
        assert store.suspense(due_before=AT) == [items[1]]
        assert store.due_accounts(AT) == ["tmall"] and store.due_accounts(AT - DAY) == []

    def test_matches_are_handed_over_with_their_members(self, store: Settlement) -> None:
        put(store, [line(n) for n in (1, 2, 3)])
        store.put_expectations([expect(1), expect(2, amount_minor=20_000)], cursor=None)
        two = NewMatch("matched", "order.kind", "", 0, "CNY", (2, 3), (2,))
        store.apply(Verdicts(act=act(), matches=[pair(1, 1), two]), token=1)
        found = [m for batch in store.matched(account="tmall", batch=1) for m in batch]
        assert [[x["line_id"] for x in m["lines"]] for m in found] == [[1], [2, 3]]
        assert [[x["order_no"] for x in m["expected"]] for m in found] == [["O1"], ["O2"]]
        assert list(store.matched(account="jd")) == []
