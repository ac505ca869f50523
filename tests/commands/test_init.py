"""oms init"""

from __future__ import annotations

import base64
import stat
import tomllib
from pathlib import Path

from jobs.init import TEMPLATE
from jobs.privacy import read_key_file
from jobs.settings import load
from tests.commands.conftest import Shell


def test_it_writes_settings_data_folder_key_and_gitignore(shell: Shell) -> None:
    said = shell("init", "office", "--json")
    folder = shell.folder / "office"
    assert said.code == 0
    assert {Path(p).name for p in said.document["made"]} == {"oms.toml", ".gitignore", "pii.key"}
    assert load(folder / "oms.toml").settings.warehouses["main"].kind == "warehouse"
    assert "/data/" in (folder / ".gitignore").read_text()
    assert len(read_key_file(folder / "data" / "keys" / "pii.key")[0]) == 32


def test_only_the_owner_reads_what_is_secret(shell: Shell) -> None:
    shell("init", "office")
    modes = {
        n: stat.S_IMODE((shell.folder / "office" / n).stat().st_mode) for n in ("oms.toml", "data", "data/keys/pii.key")
    }
    assert modes == {"oms.toml": 0o600, "data": 0o700, "data/keys/pii.key": 0o600}


def test_it_never_prints_the_key(shell: Shell) -> None:
    said = shell("init", "office")
    key = base64.b64encode(read_key_file(shell.folder / "office" / "data" / "keys" / "pii.key")[0]).decode()
    assert key not in said.out + said.err


def test_it_overwrites_nothing(shell: Shell) -> None:
    shell.settings("# mine\n")
    said = shell("init", ".")
    assert said.code == 2
    assert "there already" in said.err
    assert (shell.folder / "oms.toml").read_text() == "# mine\n"
    assert not (shell.folder / "data").exists()


def test_a_key_and_a_gitignore_that_are_there_stay(shell: Shell) -> None:
    shell("init", "office")
    folder = shell.folder / "office"
    key = (folder / "data" / "keys" / "pii.key").read_bytes()
    (folder / ".gitignore").write_text("mine\n")
    (folder / "oms.toml").unlink()
    said = shell("init", "office", "--json")
    assert {Path(p).name for p in said.document["kept"]} == {".gitignore", "pii.key"}
    assert (folder / "data" / "keys" / "pii.key").read_bytes() == key
    assert (folder / ".gitignore").read_text() == "mine\n"


def test_what_is_commented_out_can_be_commented_in(shell: Shell) -> None:
    lines = [
        line.removeprefix("# ") if "=" in line or line.startswith("# [") else line for line in TEMPLATE.splitlines()
    ]
    path = shell.settings("\n".join(lines).replace("# Durations: 45s, 10m, 2h, 1d, 1h30m.", "#"))
    tomllib.loads(path.read_text())
    loaded = load(path).settings
    assert loaded.shops["tmall-flagship"].levels.share == 0.9
    assert loaded.merge.window == 1800.0
    assert loaded.notify.targets[0].kind == "robot"
