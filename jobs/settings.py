"""The one reader of files and environment: `oms.toml`, then `OMS__SECTION__KEY`, then overrides, each value with its origin."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from jobs.errors import BadSettings
from jobs.schema import Settings
from jobs.settings_problems import Draft, Keys, Problem, judge, leaves, nearest
from jobs.vault import secret, shown

__all__ = ["Loaded", "Problem", "find_file", "load", "problems", "rows", "secret"]

FILE_NAME = "oms.toml"
_PREFIX = "OMS__"
#: sections whose keys are names chosen by the user
_NAMED = ("shops", "warehouses")


class _Reader(BaseSettings, Settings):
    """The settings as pydantic-settings reads them from file and environment."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings as they hold, the file they came from (None: there is none) and where each given value came from."""

    settings: Settings
    path: Path | None
    #: dotted key → ``oms.toml:12``, ``env OMS__SYNC__WINDOW`` or ``flag``; keys that are not here have their default
    origins: dict[str, str] = field(default_factory=dict)


def load(config: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> Loaded:
    """Read the settings.

    Args:
        config: the file; default `OMS_CONFIG`, else `oms.toml` upward from the working directory, else only defaults.
        overrides: dotted key → value, the last word (flags).

    Raises:
        BadSettings: naming file, line, key, what is wrong and what to write instead; all problems at once.
    """
    draft = _draft(config, overrides or {})
    if draft.settings is None or draft.wrong:
        raise BadSettings("\n  ".join(["", *map(str, draft.wrong)]).rstrip())
    return Loaded(draft.settings, draft.path, {".".join(k): v for k, v in draft.origins.items()})


def problems(config: str | Path | None = None, overrides: Mapping[str, Any] | None = None) -> list[Problem]:
    """Everything that is wrong in the settings, all at once; empty when `load` works."""
    return _draft(config, overrides or {}).wrong


def find_file(config: str | Path | None = None) -> Path | None:
    """The settings file that holds here, or None.

    Raises:
        BadSettings: a file was named and is not there.
    """
    named = config or os.environ.get("OMS_CONFIG", "")
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise BadSettings(f"{path}: there is no such file", hint=f"oms init {path.parent}")
        return path
    here = Path.cwd()
    return next((p for folder in (here, *here.parents) if (p := folder / FILE_NAME).is_file()), None)


def rows(loaded: Loaded) -> list[dict[str, Any]]:
    """Every value with its key and origin, secrets hidden, in the schema's order."""
    return [
        {"key": ".".join(path), "value": shown(path, value), "origin": loaded.origins.get(".".join(path), "default")}
        for path, value in leaves(loaded.settings.model_dump())
    ]


# ---------------------------------------------------------------- reading


def _draft(config: str | Path | None, overrides: Mapping[str, Any]) -> Draft:
    draft = Draft(find_file(config))
    if draft.path:
        _read_file(draft, draft.path)
    _read_environment(draft)
    for key, value in overrides.items():
        _put(draft, tuple(key.split(".")), _decoded(value), "flag")
    judge(draft)
    return draft


def _decoded(value: Any) -> Any:
    """A flag's text; lists and tables are written as JSON."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _read_file(draft: Draft, path: Path) -> None:
    try:
        values = TomlConfigSettingsSource(_Reader, toml_file=path).toml_data
        text = path.read_text(encoding="utf-8")
    except tomllib.TOMLDecodeError as error:
        draft.wrong.append(Problem(path.name, "", f"not TOML: {error}", 'strings need quotes: name = "value"'))
        return
    except (OSError, UnicodeDecodeError) as error:
        draft.wrong.append(Problem(str(path), "", f"cannot be read: {error}"))
        return
    draft.values = values
    lines = key_lines(text)
    for key, _ in leaves(values):
        line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 0)
        draft.origins[key] = f"{path.name}:{line}" if line else path.name


def _read_environment(draft: Draft) -> None:
    names = {n for n in os.environ if n.upper().startswith(_PREFIX)}
    if not names:
        return
    known = set(_Reader.model_fields)
    for name in sorted(names):
        top = name[len(_PREFIX) :].split("__")[0].lower()
        if top not in known:
            draft.wrong.append(Problem(f"env {name}", top, "unknown section", nearest(top, known)))
    try:
        values = EnvSettingsSource(_Reader)()
    except SettingsError as error:
        draft.wrong.append(Problem("environment", "", str(error), "lists and tables are written as JSON"))
        return
    for path, value in leaves(values):
        given = _given_name(draft, path)
        _put(draft, given, value, f"env {_PREFIX}{'__'.join(path).upper()}")


def _given_name(draft: Draft, path: Keys) -> Keys:
    """Environment names are one case and have no ``-``: find the shop or warehouse that was meant."""
    if path[0] not in _NAMED or len(path) < 2:
        return path
    names: dict[str, Any] = draft.values.get(path[0], {})
    meant = next((n for n in names if n.lower().replace("-", "_") == path[1].lower().replace("-", "_")), path[1])
    return (path[0], meant, *path[2:])


def _put(draft: Draft, path: Keys, value: Any, origin: str) -> None:
    at = draft.values
    for part in path[:-1]:
        inner = at.get(part)
        if not isinstance(inner, dict):
            inner = at[part] = {}
        at = inner
    at[path[-1]] = value
    for old in [k for k in draft.origins if k[: len(path)] == path]:
        del draft.origins[old]
    draft.origins[path] = origin


def key_lines(text: str) -> dict[Keys, int]:
    """Line of each key and table header in a TOML text, as far as a line-wise look can tell."""
    found: dict[Keys, int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$", line)
        if header:
            table = _split_key(header[1])
            found.setdefault(table, number)
            continue
        pair = re.match(r"\s*((?:[A-Za-z0-9_.\-]|\"[^\"]*\"|'[^']*')+)\s*=", line)
        if pair:
            found.setdefault((*table, *_split_key(pair[1])), number)
    return found


def _split_key(text: str) -> Keys:
    return tuple(p.strip("\"'") for p in re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", text))
