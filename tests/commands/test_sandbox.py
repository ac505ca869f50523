"""oms sandbox"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

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


def test_a_wrong_duration_is_a_usage_error(shell: Shell) -> None:
    said = shell("sandbox", "serve", "--history", "long")
    assert said.code == 2
    assert "45s" in said.err
