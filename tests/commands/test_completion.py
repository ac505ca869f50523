"""oms completion"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import Shell


def complete(folder: Path, line: str) -> list[str]:
    """What the shell would be offered for a line; a blank at its end asks for the next word."""
    env = {
        **os.environ,
        "_OMS_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "oms_cli"], env=env, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_calls_oms_back(shell: Shell, name: str) -> None:
    said = shell("completion", name)
    assert said.code == 0
    assert f"_OMS_COMPLETE=complete_{name}" in said.out


def test_bash_takes_the_script(shell: Shell) -> None:
    script = shell("completion", "bash").out
    done = subprocess.run(["bash", "-c", f"{script}\ncomplete -p oms"], capture_output=True, text=True, check=True)
    assert "_oms_completion" in done.stdout


def test_commands_options_and_shops_complete(oms: Shell) -> None:
    assert complete(oms.folder, "oms sta") == ["status"]
    assert "explain" in complete(oms.folder, "oms order ")
    assert "--shop" in complete(oms.folder, "oms sync orders --sh")
    assert complete(oms.folder, "oms sync orders --shop t") == ["tmall-one"]
    assert complete(oms.folder, "oms parcel list --warehouse s") == ["south"]
    assert "taobao" in complete(oms.folder, "oms sync orders --platform ta")
