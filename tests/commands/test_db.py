"""oms db"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from jobs.db import STORES
from tests.commands.conftest import Shell

At = Callable[[str], Shell]


def test_check_says_what_is_missing_and_makes_nothing(oms: Shell) -> None:
    said = oms("db", "check", "--json")
    assert said.code == 3
    assert [(r["store"], r["ok"], r["hint"]) for r in said.lines] == [
        (name, False, "oms db upgrade") for name in STORES if name != "bus"
    ]
    assert list((oms.folder / "data").glob("*.db")) == []


def test_upgrade_makes_the_stores_and_their_key(oms: Shell) -> None:
    assert {r["done"] for r in oms("db", "upgrade", "--json").lines} == {"upgraded"}
    assert oms("db", "check").code == 0
    assert (oms.folder / "data" / "keys" / "pii.key").exists()
    assert oms("push", "orders").code == 0


def test_upgrading_twice_does_nothing(at: At) -> None:
    oms = at("pushed")
    before = oms("order", "list", "--json").out
    # stores that no job has used yet are made
    assert oms("db", "upgrade").code == 0
    assert {r["done"] for r in oms("db", "upgrade", "--json").lines} == {"nothing"}
    assert oms("order", "list", "--json").out == before


def test_payloads_go_after_their_time_and_the_orders_stay(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    oms = at("pushed")
    orders = oms("order", "list", "--json").out
    assert oms("db", "purge", "--dry-run", "--json").document["counts"] == {"purged": 0, "feed_trimmed": 0}
    later = datetime.fromisoformat(os.environ["OMS__CLOCK__START"]) + timedelta(days=91)
    monkeypatch.setenv("OMS__CLOCK__START", later.isoformat())
    would = oms("db", "purge", "--dry-run", "--json").document["counts"]["purged"]
    assert would > 20
    assert oms("db", "purge", "--json").document["counts"] == {"purged": would, "feed_trimmed": 2}
    assert oms("db", "purge", "--json").document["counts"] == {"purged": 0, "feed_trimmed": 0}
    assert oms("order", "list", "--json").out == orders
