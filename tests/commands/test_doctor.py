"""oms doctor"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import jobs
from jobs.doctor import doctor
from jobs.env import SystemClock
from tests.commands.conftest import SETTINGS, Shell

At = Callable[[str], Shell]


def findings(oms: Shell) -> dict[str, dict[str, Any]]:
    """What is not well, by name."""
    return {r["name"]: r for r in oms("doctor", "--json").lines if not r["ok"]}


def test_a_sound_office_has_no_finding(at: At) -> None:
    said = at("synced")("doctor", "--json")
    assert said.code == 0, said.out
    assert {"settings", "keys", "store orders", "store clock", "sellers", "warehouses", "locks"} <= {
        r["name"] for r in said.lines
    }


def test_secrets_in_a_readable_file_are_warned_of_by_key_not_by_value(at: At) -> None:
    oms = at("synced")
    (oms.folder / "oms.toml").chmod(0o644)
    found = findings(oms)["settings mode"]
    assert "shops.tmall.app_secret" in found["what"]
    assert found["hint"].startswith("chmod 600")


def test_an_unset_secret_is_found(at: At) -> None:
    oms = at("synced")
    toml = oms.folder / "oms.toml"
    lines = [
        'app_secret = "env:NOT_SET_AT_ALL"' if x.startswith("app_secret") else x for x in toml.read_text().splitlines()
    ]
    toml.write_text("\n".join(lines))
    assert "NOT_SET_AT_ALL" in findings(oms)["secret tmall.app_secret"]["what"]


def test_a_lost_key_is_one_finding_and_no_new_key_is_made(at: At) -> None:
    oms = at("synced")
    key = oms.folder / "data" / "keys" / "pii.key"
    key.unlink()
    said = oms("doctor", "--json")
    assert said.code == 3
    assert [r["name"] for r in said.lines if not r["ok"]] == ["keys"]
    assert not key.exists()
    assert oms("order", "list").code == 26


def test_a_readable_key_file_is_warned_of(at: At) -> None:
    oms = at("synced")
    (oms.folder / "data" / "keys" / "pii.key").chmod(0o644)
    assert findings(oms)["key file mode"]["hint"].startswith("chmod 600")


def test_two_names_for_one_seller_are_found(at: At) -> None:
    oms = at("synced")
    toml = oms.folder / "oms.toml"
    toml.write_text(toml.read_text().replace("[shops.tmall]", "[shops.renamed]"))
    assert "is the seller that is kept as tmall" in findings(oms)["sellers"]["what"]


def test_an_office_without_warehouses_or_settings_says_so(shell: Shell) -> None:
    found = findings(shell)
    assert found["settings"]["hint"] == "oms init"
    assert "nothing can be sourced" in found["warehouses"]["what"]


def test_a_lock_of_a_process_that_is_gone_is_found(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    at("synced")
    with jobs.open() as office:
        lease = office.env.ledger.acquire("sync orders:x", holder=f"{socket.gethostname()}:gone", ttl_s=600)
        assert lease
        rows = {r["name"]: r for r in doctor(office.env)}
        assert rows["locks"]["ok"]
        monkeypatch.setattr("jobs.doctor._alive", lambda _pid: False)
        rows = {r["name"]: r for r in doctor(office.env)}
    assert not rows["locks"]["ok"] and "oms jobs locks --break" in rows["locks"]["hint"]


def test_a_platform_whose_clock_is_off_is_found(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    at("synced")
    clock = SystemClock(os.environ["OMS__CLOCK__START"])
    monkeypatch.delenv("OMS__CLOCK__START")
    with jobs.open(clock=clock) as office:
        platform = type(office.env.platform("tmall"))
        monkeypatch.setattr(platform, "platform_time", lambda _self: clock.now() + timedelta(hours=8))
        wrong = {r["name"]: r for r in doctor(office.env)}["clock tmall"]
        monkeypatch.setattr(platform, "platform_time", lambda _self: clock.now())
        right = {r["name"]: r for r in doctor(office.env)}["clock tmall"]
    assert not wrong["ok"] and "+28800 s" in wrong["what"]
    assert right["ok"]


def test_a_mark_near_the_end_of_the_platforms_memory_is_found(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    at("synced")
    with jobs.open() as office:
        platform = type(office.env.platform("tmall"))
        monkeypatch.setattr(platform, "max_lookback_days", {"orders": 0.0001, "refunds": 90})
        rows = {r["name"]: r for r in doctor(office.env)}
    assert not rows["look-back tmall orders"]["ok"]
    assert rows["look-back tmall refunds"]["ok"]


def test_an_unknown_platform_is_found_with_the_nearest_one(shell: Shell) -> None:
    shell.settings(SETTINGS.replace('"jd"', '"jdd"').replace("env:TMALL_SECRET", "x"))
    assert "did you mean jd?" in findings(shell)["shops"]["what"]


def test_a_platform_that_does_not_answer_is_found_at_once(at: At) -> None:
    oms = at("synced")
    toml = oms.folder / "oms.toml"
    lines = [
        'base_url = "http://127.0.0.1:9/taobao"' if x.startswith("base_url") else x
        for x in toml.read_text().splitlines()
    ]
    toml.write_text("\n".join(lines).replace("waits = [", 'waits = ["1h", '))
    assert not findings(oms)["clock tmall"]["ok"]
