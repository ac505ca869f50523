"""Payment channels by their settings: one file each, read at use, so that a changed key needs no restart and one broken file
stops only its channel.

A file is `ALIAS.toml` in the folder `[payments] channels`. Its secrets may be `env:NAME`, `file:PATH` (relative to the
file) or `cmd:COMMAND`; a file that others may write is refused, since it says whom money goes to and what commands are run.
"""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from adapters import payments
from adapters.errors import AdapterError, UnknownPlatform
from adapters.ports import Retry
from jobs.errors import BadSettings, UnknownThing
from jobs.settings_problems import Problem, nearest
from jobs.vault import is_reference, is_secret, others_may_read, others_may_write, secret

if TYPE_CHECKING:
    from adapters.payments.base import Channel
    from jobs.env import Env

#: keys of every channel's file that are no secrets; a channel's own are in its `reads` and `options`
OPEN = ("channel", "merchant_id", "app_id", "base_url", "notify_url", "enabled", "public_keys")
_NEEDED = ("channel", "merchant_id", "app_id")
ALIAS = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

#: what tells one version of a file from the next
Stamp = tuple[int, int, int]


class _Kept(NamedTuple):
    stamp: Stamp
    channel: Channel


class Channels:
    """The channels of one office. Each is made when it is asked for, and made anew when its file has changed."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._kept: dict[str, _Kept] = {}
        #: replaced while somebody may still use them; closed with the office
        self._old: list[Channel] = []
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        return self._env.root / self._env.settings.payments.channels

    def names(self) -> list[str]:
        """Aliases of all files, sorted, the broken and the disabled ones too."""
        return sorted(p.stem for p in self.folder.glob("*.toml")) if self.folder.is_dir() else []

    def get(self, alias: str) -> Channel:
        """The channel as its file has it now.

        Raises:
            UnknownThing: no such file. BadSettings: the file cannot be used, with what is wrong in it.
        """
        path = self._path(alias)
        with self._lock:
            stamp = _stamp(path)
            kept = self._kept.get(alias)
            if kept is not None and kept.stamp == stamp:
                return kept.channel
            if kept is not None:
                self._old.append(self._kept.pop(alias).channel)
            made = self._made(alias, path)
            self._kept[alias] = _Kept(stamp, made)
            return made

    def _path(self, alias: str) -> Path:
        # Whoever posts to /pay/<alias> names a file here.
        if ALIAS.fullmatch(alias) and (path := self.folder / f"{alias}.toml").is_file():
            return path
        raise UnknownThing(f"payment channel {alias!r}; known: {', '.join(self.names()) or 'none'}", hint="oms doctor")

    def _made(self, alias: str, path: Path) -> Channel:
        found = list(self._problems_of(alias, path))
        if found:
            raise BadSettings("; ".join(map(str, found)), hint="oms config check")
        values = _read(path)
        if not values.get("enabled", True):
            raise BadSettings(f"{path.name}: this channel is disabled", hint=f"enabled = true in {path}")
        kind = payments.find(values["channel"])
        return kind(self._connection(alias, path, values, kind))

    def _connection(self, alias: str, path: Path, values: Mapping[str, Any], kind: type[Channel]) -> Any:
        from adapters.payments.base import ChannelConnection

        base, rule = path.parent, self._env.settings.retry
        readers = {name: secret(str(values[name]), base) for name in kind.reads if name in values}
        keys = {name: secret(str(text), base) for name, text in values.get("public_keys", {}).items()}

        def read(name: str) -> str:
            if name not in readers:
                raise BadSettings(f"{path.name}: {name} is missing", hint="oms config check")
            return readers[name]()

        return ChannelConnection(
            alias=alias, merchant_id=values["merchant_id"], app_id=values["app_id"], base_url=values.get("base_url", ""),
            notify_url=values.get("notify_url", ""), secret=read,
            public_keys=lambda: {name: key() for name, key in keys.items()}, clock=self._env.clock,
            retry=Retry(waits_s=rule.waits, within_s=rule.within, timeout_s=rule.timeout),
            transport=self._env.transport,
            options={n: v for n, v in values.items() if n in kind.all_options()},
        )  # fmt: skip

    # ---- what is wrong
    def problems(self) -> list[Problem]:
        """Everything that keeps a channel from being used; files apart from each other."""
        return [found for alias in self.names() for found in self._problems_of(alias, self.folder / f"{alias}.toml")]

    def _problems_of(self, alias: str, path: Path) -> Iterator[Problem]:
        name = f"{path.parent.name}/{path.name}"
        if not ALIAS.fullmatch(alias):
            yield Problem(name, "", "no alias: it is a part of an address", "small letters, digits, - and _")
            return
        if others_may_write(path) or others_may_write(path.parent):
            where = path if others_may_write(path) else path.parent
            yield Problem(name, "", "refused, others may write it", f"chmod go-w {where}")
            return
        try:
            values = _read(path)
        except BadSettings as error:
            yield Problem(name, "", str(error.__cause__ or error))
            return
        yield from _wrong_values(name, values)

    def readable_by_others(self) -> Iterator[Path]:
        """Files with secrets in clear that others may read."""
        for alias in self.names():
            path = self.folder / f"{alias}.toml"
            try:
                values = _read(path)
            except BadSettings:
                continue
            if others_may_read(path) and any(not is_reference(t) for t in _secrets(values)):
                yield path

    def check(self, alias: str) -> str:
        """Read every secret of a channel once; says what it is, never a secret.

        Raises:
            BadSettings: one cannot be read.
        """
        channel = self.get(alias)
        values = _read(self.folder / f"{alias}.toml")
        for name in (n for n in channel.reads if n in values):
            channel.connection.secret(name)
        channel.connection.public_keys()
        return f"{channel.title}, merchant {channel.connection.merchant_id}: settings and keys are readable"

    def close(self) -> None:
        with self._lock:
            for channel in [*self._old, *(k.channel for k in self._kept.values())]:
                channel.shut()
            self._old.clear()
            self._kept.clear()


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # a TOML error names a place, never a value
        raise BadSettings(f"{path.name}: cannot be read: {type(error).__name__}", hint=f"ls -l {path}") from error


def _secrets(values: Mapping[str, Any]) -> list[str]:
    """Texts of a file that are secrets: all that a channel reads at use."""
    try:
        reads = payments.find(str(values.get("channel", ""))).reads
    except UnknownPlatform:
        return []
    return [str(values[name]) for name in reads if values.get(name) and is_secret((name,))]


def _wrong_values(name: str, values: Mapping[str, Any]) -> Iterator[Problem]:
    for key in _NEEDED:
        if not values.get(key):
            yield Problem(name, key, "is missing", f'write {key} = "…"')
    for key in (k for k in OPEN if k in values):
        wanted = {"enabled": bool, "public_keys": dict}.get(key, str)
        if not isinstance(values[key], wanted):
            yield Problem(name, key, f"is no {'text' if wanted is str else wanted.__name__}")
            return
    if not values.get("channel"):
        return
    known = payments.names()
    if values["channel"] not in known:
        yield Problem(
            name, "channel", f"no payment channel {values['channel']!r}", nearest(values["channel"], set(known))
        )
        return
    try:
        kind = payments.find(values["channel"])
    except AdapterError as error:
        yield Problem(name, "channel", str(error))
        return
    keys = {*OPEN, *kind.reads, *kind.all_options()}
    yield from (Problem(name, key, "unknown key", nearest(key, keys)) for key in values if key not in keys)
    for key, what in kind.reads.items():
        if not values.get(key):
            yield Problem(name, key, f"is missing ({what})", f'write {key} = "file:…" or "env:…"')
        elif not isinstance(values[key], str):
            yield Problem(name, key, "is no text")
