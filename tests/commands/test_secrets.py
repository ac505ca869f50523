"""Secrets: read at use, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import vault
from jobs.errors import BadSettings
from jobs.vault import secret, shown


def test_a_secret_is_read_at_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_env, read_file = secret("env:A_KEY", tmp_path), secret("file:key", tmp_path)
    monkeypatch.setenv("A_KEY", "one")
    (tmp_path / "key").write_text("two\n")
    assert (read_env(), read_file(), secret("three", tmp_path)()) == ("one", "two", "three")
    monkeypatch.setenv("A_KEY", "changed")
    assert read_env() == "changed"


def test_a_command_is_asked_once_in_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = secret("cmd:echo x >> asked; printf s-; wc -l < asked | tr -d ' '", tmp_path)
    assert (read(), read()) == ("s-1", "s-1")
    later = vault.time.monotonic() + vault.COMMAND_KEPT_S + 1
    monkeypatch.setattr(vault.time, "monotonic", lambda: later)
    assert read() == "s-2"


@pytest.mark.parametrize("text", ["env:NOT_SET_AT_ALL", "file:nowhere", "file:empty", "cmd:exit 3", "cmd:true"])
def test_an_unreadable_secret_says_which_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(BadSettings, match=text.split(":")[0]):
        secret(text, tmp_path)()


def test_a_failing_command_shows_neither_its_line_nor_its_output(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        secret("cmd:echo canary-out; echo canary-err >&2; exit 1", tmp_path)()
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "as_shown"),
    [
        (("shops", "a", "app_secret"), "s3cret", "***"),
        (("shops", "a", "app_secret"), "cmd:pass show x", "cmd:***"),
        (("shops", "a", "app_secret"), "file:keys/a", "file:keys/a"),
        (("shops", "a", "app_key"), "12345", "12345"),
        (("shops", "a", "token"), "", ""),
        (("shops", "a", "options"), {"proxy_password": "p", "page": 3}, {"proxy_password": "***", "page": 3}),
        (("privacy", "keys"), ("a", "env:B"), ["***", "env:B"]),
        (("notify", "targets"), [{"url": "https://x/robot?token=1", "kind": "robot"}], [{"url": "***", "kind": "robot"}]),
        (("stores", "orders"), "mysql+pymysql://oms:pw@db/oms", "mysql+pymysql://oms:***@db/oms"),
    ],
)  # fmt: skip
def test_settings_are_shown_without_secrets(path: tuple[str, ...], value: object, as_shown: object) -> None:
    assert shown(path, value) == as_shown
