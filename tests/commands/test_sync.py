"""oms sync"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

import jobs
from jobs.errors import Busy
from jobs.results import Result
from tests.commands.conftest import Shell
from tests.commands.day import SHOP, Day

At = Callable[[str], Shell]


def test_orders_are_pulled_and_the_marks_move(at: At) -> None:
    oms = at("empty")
    said = oms("sync", "orders", "--json")
    assert (said.code, said.document["outcome"]) == (0, "done")
    assert said.document["counts"]["new"] > 20
    shop = oms("status", "--json").document["shops"][0]
    assert (shop["shop"], shop["open_windows"]) == (SHOP, 0)
    assert shop["proven"] == shop["frontier"]


def test_a_second_pull_brings_nothing_new(at: At) -> None:
    said = at("synced")("sync", "orders", "--json")
    assert "new" not in said.document["counts"]


def test_a_dry_run_lists_and_stores_nothing(at: At) -> None:
    oms = at("empty")
    said = oms("sync", "orders", "--dry-run", "--json")
    assert said.document["dry_run"] and said.document["items"]
    assert oms("status", "--json").document["inbox"] == []


def test_a_bounded_pull_moves_no_mark(at: At) -> None:
    oms = at("empty")
    assert oms("sync", "orders", "--since", "6h").code == 0
    assert oms("status", "--json").document["shops"][0]["frontier"] is None


def test_due_pulls_nothing_before_its_time(at: At) -> None:
    said = at("synced")("sync", "orders", "--due", "--json")
    assert (said.code, said.document["counts"].get("seen", 0)) == (0, 0)


def test_a_shop_that_another_run_is_at_is_exit_4_and_fine_under_due(at: At) -> None:
    oms = at("empty")
    with jobs.open() as office:
        assert office.env.ledger.acquire(f"sync:orders:{SHOP}", holder="elsewhere", ttl_s=600)
    said = oms("sync", "orders", "--json")
    assert (said.code, said.document["outcome"]) == (4, "busy")
    said = oms("sync", "orders", "--due", "--json")
    assert (said.code, said.document["outcome"]) == (0, "busy")


def test_a_lock_that_is_held_is_exit_4_unless_due(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("empty")

    def busy(_self: object, **_: object) -> Result:
        raise Busy("sync orders")

    monkeypatch.setattr("jobs.api.Oms.sync_orders", busy)
    assert oms("sync", "orders").code == 4
    said = oms("sync", "orders", "--due", "--json")
    assert (said.code, said.document["outcome"]) == (0, "busy")


def test_refunds_are_pulled_too(at: At) -> None:
    assert at("empty")("sync", "refunds", "--json").document["counts"]["new"] > 0


def test_a_shop_that_is_not_there_is_named_with_those_that_are(at: At) -> None:
    said = at("empty")("sync", "orders", "--shop", "tmal")
    assert said.code == 32
    assert "known: tmall" in said.err


def test_verify_proves_a_day_or_fills_its_gaps(at: At) -> None:
    assert at("synced")("sync", "verify", "--since", "today", "--json").code == 0


def test_verify_finds_what_the_inbox_lacks(at: At) -> None:
    oms = at("empty")
    said = oms("sync", "verify", "--since", "today", "--json")
    assert said.document["counts"]
    again = oms("sync", "verify", "--since", "today", "--json")
    assert again.code == 0


def test_windows_are_listed_with_their_proofs(at: At) -> None:
    rows = at("synced")("sync", "windows", "list", "--kind", "orders", "--json").lines
    assert rows and {r["state"] for r in rows} == {"closed"}
    assert {r["proof"] for r in rows} <= {"counted", "exhausted"}


def test_only_an_open_window_can_be_accepted(at: At) -> None:
    said = at("synced")("sync", "windows", "accept", "nowhere", "--reason", "looked")
    assert said.code == 32
    assert "oms sync windows list --state open" in said.err


def test_parse_prints_the_documents_of_a_captured_answer(at: At, day: Day) -> None:
    oms = at("empty")
    answer = {
        "trades_sold_increment_get_response": {
            "total_results": 1,
            "trades": {"trade": [{"tid": "3890012345678900011", "modified": "2026-03-01 10:00:00"}]},
        }
    }
    (oms.folder / "answer.json").write_text(json.dumps(answer))
    said = oms("sync", "parse", "--platform", "taobao", "answer.json", "--json")
    assert said.code == 0
    assert len(said.lines) == 1


def test_what_is_no_time_is_a_usage_error(at: At) -> None:
    said = at("empty")("sync", "orders", "--since", "soon", "--json")
    assert (said.code, said.told["error"]) == (2, "BadRequest")
