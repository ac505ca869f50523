"""Runs command lines in this process, as `oms` would, in an office of their own."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from oms_cli.main import main
from tests.commands.day import Day

SETTINGS = """\
data = "data"

[warehouses.main]
title = "Main"
regions = ["浙江省"]

[warehouses.south]
title = "South"
kind = "store"
priority = 200

[shops.tmall-one]
platform = "taobao"
seller_id = "2200000001"
app_key = "12345678"
app_secret = "env:TMALL_SECRET"

[shops.jd-one]
platform = "jd"
seller_id = "900001"
app_key = "jdkey"
app_secret = "canary-secret-jd"
every = "5m"
"""


class Said(NamedTuple):
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def told(self) -> Any:
        """The error as JSON on stderr."""
        return json.loads(self.err)


class Shell:
    """A shell in one folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        """Run `oms WORDS` and give back what it did."""
        self._capsys.readouterr()
        code = main(list(words))
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def settings(self, text: str) -> Path:
        """Write oms.toml."""
        path = self.folder / "oms.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    """A shell in an empty folder, with nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.upper().startswith("OMS")]:
        monkeypatch.delenv(name)
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield Shell(tmp_path, capsys)
    logging.getLogger().handlers[:], logging.getLogger().level = before


@pytest.fixture
def oms(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in an office with two shops and two warehouses."""
    monkeypatch.setenv("TMALL_SECRET", "canary-secret-tmall")
    shell.settings(SETTINGS)
    return shell


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """A day at one marketplace on this machine, one for each file: what a file tells the marketplace stays there."""
    made = Day(tmp_path_factory.mktemp("day"))
    yield made
    made.close()


@pytest.fixture
def at(day: Day, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Shell]:
    """Gives a shell in a copy of the day's office at a stage, at the day's time."""

    def open_at(stage: str) -> Shell:
        office = shell.folder / "office"
        shutil.copytree(day.stage(stage), office)
        monkeypatch.chdir(office)
        for name, value in day.clock(stage, after=True).items():
            monkeypatch.setenv(name, value)
        shell.folder = office
        return shell

    return open_at
