"""oms status"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.commands.conftest import Shell
from tests.commands.day import SHOP

At = Callable[[str], Shell]


def test_an_empty_office_shows_its_shops_as_never_pulled(oms: Shell) -> None:
    told = oms("status", "--json").document
    assert [(s["shop"], s["frontier"]) for s in told["shops"]] == [("jd-one", None), ("tmall-one", None)]
    assert (told["stages"], told["parked"], told["alerts"], told["late_jobs"]) == ([], 0, [], [])


def test_stages_count_every_order_once(at: At) -> None:
    oms = at("sourced")
    told = oms("status", "--json").document
    assert sum(s["orders"] for s in told["stages"]) == len(oms("order", "list", "--limit", "500", "--json").lines)
    assert told["held"] == len(oms("order", "list", "--held", "--json").lines)
    assert {s["stage"]: s["next"] for s in told["stages"]}["sourced"] == "oms merge run"


def test_lag_grows_while_nothing_is_pulled(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("synced")
    then = datetime.fromisoformat(oms("status", "--json").document["at"]) + timedelta(hours=2)
    monkeypatch.setenv("OMS__CLOCK__START", then.isoformat())
    told = oms("status", "--json").document
    assert {s["shop"] for s in told["shops"]} == {SHOP}
    assert all(7200 <= s["lag_s"] < 7300 for s in told["shops"])


def test_a_job_that_fell_silent_is_late(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("synced")
    assert oms("status", "--json").document["late_jobs"] == []
    then = datetime.fromisoformat(oms("status", "--json").document["at"]) + timedelta(hours=2)
    monkeypatch.setenv("OMS__CLOCK__START", then.isoformat())
    assert {j["name"] for j in oms("status", "--json").document["late_jobs"]} == {"sync orders", "sync refunds"}


def test_documents_that_wait_are_counted(at: At) -> None:
    told = at("synced")("status", "--json").document
    waiting = {r["kind"]: r["documents"] for r in told["inbox"] if r["state"] == "waiting"}
    assert waiting["orders"] > 20
    assert told["oldest_waiting_document"]


def test_people_see_tables(at: At) -> None:
    out = at("sourced")("status").out
    assert "# shops" in out and "# stages" in out


def test_it_says_up_to_when_orders_are_in_the_reports(at: At) -> None:
    oms = at("pushed")
    assert oms("status", "--json").document["reports_as_of"] is None
    assert oms("report", "refresh").code == 0
    assert oms("status", "--json").document["reports_as_of"].startswith("2026-03-01")
