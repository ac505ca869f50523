"""Secrets of the settings: references that are read at use, and how they are shown (never)."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from jobs.errors import BadSettings

#: what a command printed is kept this long, since a signed call must not start a process each time
COMMAND_KEPT_S = 300.0
COMMAND_TIMEOUT_S = 30.0

#: keys of the settings that hold secrets, wherever they stand
_NAMES = re.compile(r"(^|_)(secret|token|password|keys?|refresh)$")
#: names that look like secrets and are not
_OPEN = frozenset({"app_key"})
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@:]*):([^/@]+)@")


def secret(text: str, base: Path) -> Callable[[], str]:
    """Turn a secret's text in the settings into a function that reads it at use.

    Args:
        text: ``env:NAME``, ``file:PATH`` (relative to `base`), ``cmd:COMMAND`` (a shell line), else the secret itself.

    Returns:
        A function; it raises BadSettings when the secret cannot be read, without showing any of it.
    """
    kind, _, rest = text.partition(":")
    if kind == "env":
        return lambda: _from_environment(rest)
    if kind == "file":
        return lambda: _from_file(base / rest)
    if kind == "cmd":
        return _Command(rest, base)
    return lambda: text


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise BadSettings(f"secret env:{name}: the variable is not set", hint=f"export {name}=…")
    return value


def _from_file(path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadSettings(f"secret file:{path}: {error.strerror}", hint=f"ls -l {path}") from error
    if not value:
        raise BadSettings(f"secret file:{path}: the file is empty", hint=f"ls -l {path}")
    return value


class _Command:
    """A secret that a command prints; kept for a while."""

    def __init__(self, line: str, base: Path) -> None:
        self._line = line
        self._base = base
        self._kept = ""
        self._until = 0.0

    def __call__(self) -> str:
        if time.monotonic() >= self._until:
            self._kept = self._ask()
            self._until = time.monotonic() + COMMAND_KEPT_S
        return self._kept

    def _ask(self) -> str:
        try:
            # a shell line by design: pipes into a password store are what people write here; the settings file is
            # refused when others may write it
            done = subprocess.run(
                self._line, shell=True, cwd=self._base, timeout=COMMAND_TIMEOUT_S, check=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise BadSettings(f"secret cmd:…: no answer within {COMMAND_TIMEOUT_S:.0f} s") from error
        except subprocess.CalledProcessError as error:
            raise BadSettings(f"secret cmd:…: the command ended with {error.returncode}") from error
        value = done.stdout.strip()
        if not value:
            raise BadSettings("secret cmd:…: the command printed nothing")
        return value


def is_secret(path: tuple[str, ...]) -> bool:
    """Whether the value at this path of the settings must never be shown."""
    if path[:2] == ("notify", "targets") and path[-1] == "url":
        return True
    names = [part for part in path if not part.isdigit()]
    return bool(names) and names[-1] not in _OPEN and bool(_NAMES.search(names[-1]))


def is_reference(text: object) -> bool:
    """Whether a secret's text only says where the secret is."""
    return isinstance(text, str) and text.partition(":")[0] in ("env", "file", "cmd")


def shown(path: tuple[str, ...], value: object) -> object:
    """A settings value as it may be printed: secrets as ``***``, references as they are, no command lines."""
    if isinstance(value, (list, tuple)):
        return [shown((*path, str(n)), v) for n, v in enumerate(value)]
    if isinstance(value, dict):
        return {k: shown((*path, str(k)), v) for k, v in value.items()}
    if not isinstance(value, str):
        return "***" if is_secret(path) and value not in (None, "") else value
    if is_secret(path) and value:
        if value.startswith("cmd:"):
            return "cmd:***"
        return value if is_reference(value) else "***"
    return _PASSWORD_IN_URL.sub(r"\1:***@", value)


def others_may_write(path: Path) -> bool:
    """Whether group or others may change the file, so that its `cmd:` lines must not be run."""
    return bool(path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
