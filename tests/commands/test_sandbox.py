"""oms sandbox"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from jobs.demo_world import World
from tests.commands.conftest import Shell


def test_a_world_is_served_with_settings_for_its_shops_until_it_is_stopped(shell: Shell) -> None:
    words = [
        sys.executable,
        "-m",
        "oms_cli",
        "sandbox",
        "serve",
        "play",
        "--orders",
        "40",
        "--history",
        "12h",
        "--json",
    ]
    with subprocess.Popen(words, cwd=shell.folder, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout
            told = json.loads(serving.stdout.readline())
            said = shell("sync", "orders", "--shop", "tmall", "--config", told["config"], "--json")
        finally:
            serving.send_signal(signal.SIGTERM)
        assert serving.wait(30) == 0
    assert (said.code, set(told["shops"])) == (0, {"tmall", "wechat", "jd", "douyin"})
    assert said.document["counts"]["new"] > 0
    assert (Path(told["config"]).stat().st_mode & 0o777) == 0o600
    assert told["channels"] == ["wechatpay", "alipay"]
    for alias in told["channels"]:
        path = Path(told["config"]).parent / "channels" / f"{alias}.toml"
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        channel = tomllib.loads(path.read_text(encoding="utf-8"))
        assert (channel["channel"], channel["base_url"]) == (alias, f"{told['address']}/{alias}")
        assert channel["notify_url"].endswith(f"/pay/{alias}")
        assert channel["private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
        assert len(channel.get("public_keys", {})) == (2 if alias == "wechatpay" else 0)


def test_a_world_in_steps_lets_its_money_be_looked_at_and_pushed(tmp_path: Path) -> None:
    with World(tmp_path / "world", orders=5, seed=3, bills="missing=1") as world:
        assert world.money() == {"payments": [], "refunds": [], "notices": [], "planted": []}
        assert world.pay(habits={"plan": "never"})["habits"]["plan"] == "never"
        with pytest.raises(httpx.HTTPStatusError):
            world.pay(habits={"plan": 1})


def test_a_wrong_duration_is_a_usage_error(shell: Shell) -> None:
    said = shell("sandbox", "serve", "--history", "long")
    assert said.code == 2
    assert "45s" in said.err
