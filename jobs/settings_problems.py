"""What can be wrong in the settings: every problem at once, with its place and what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from jobs.schema import OWN, Settings
from jobs.vault import is_secret, others_may_write

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the settings: where it came from, which key, what, and what to write instead."""

    origin: str
    key: str
    what: str
    instead: str = ""

    def __str__(self) -> str:
        text = f"{self.origin}: {self.key}: {self.what}" if self.key else f"{self.origin}: {self.what}"
        return f"{text}; {self.instead}" if self.instead else text


@dataclass(slots=True)
class Draft:
    """Values on their way to being settings."""

    path: Path | None
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Keys, str] = field(default_factory=dict)
    wrong: list[Problem] = field(default_factory=list)
    settings: Settings | None = None


def leaves(values: Mapping[str, Any], under: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """(path, value) of everything that is not a table; empty tables and lists of values are leaves."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*under, str(key)))
        else:
            yield (*under, str(key)), value


def judge(draft: Draft) -> None:
    """Turn the draft's values into settings, or note what is wrong with them."""
    draft.wrong.extend(_uncallable(draft))
    try:
        settings = Settings.model_validate(draft.values)
    except ValidationError as error:
        draft.wrong.extend(_problem(draft, e) for e in error.errors(include_url=False, include_context=False))
        return
    draft.settings = settings
    draft.wrong.extend(_unusable(draft, settings))
    draft.wrong.extend(_unsafe(draft))


def _uncallable(draft: Draft) -> Iterator[Problem]:
    """Shops that cannot call their platform; an own shop has none."""
    shops = draft.values.get("shops")
    for alias, shop in shops.items() if isinstance(shops, Mapping) else ():
        if isinstance(shop, Mapping) and shop.get("platform") != OWN:
            for name in ("app_key", "app_secret"):
                if name not in shop:
                    where = _origin(draft, ("shops", alias))
                    yield Problem(where, f"shops.{alias}.{name}", "is missing", f"write {name} = …")


def _problem(draft: Draft, error: Any) -> Problem:
    path = tuple(str(part) for part in error["loc"])
    kind, key, where = error["type"], ".".join(path), _origin(draft, path)
    if kind == "extra_forbidden":
        model = _model_at(path[:-1])
        known = set(model.model_fields) if model else set()
        return Problem(where, key, "unknown key", nearest(path[-1], known))
    if kind == "missing":
        return Problem(where, key, "is missing", f"write {path[-1]} = …")
    what = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    if not is_secret(path) and isinstance(given, (str, int, float, bool)) and repr(given) not in what:
        what = f"{given!r}: {what}"
    return Problem(where, key, what)


def _origin(draft: Draft, path: Keys) -> str:
    """Where the value at `path`, or the nearest thing around it, was written."""
    for n in range(len(path), 0, -1):
        for key, origin in draft.origins.items():
            if key[:n] == path[:n]:
                return origin
    return draft.path.name if draft.path else "settings"


def nearest(word: str, known: set[str]) -> str:
    """What may have been meant: the nearest known word, else all of them."""
    near = difflib.get_close_matches(word, known, 1, 0.5)
    if near:
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(sorted(known))}" if known else ""


def _model_at(path: Keys) -> type[BaseModel] | None:
    """The section class at a path of the settings."""
    model: Any = Settings
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            found = model.model_fields.get(part)
            model = found.annotation if found else None
        elif get_origin(model) in (dict, tuple):
            model = next((a for a in get_args(model) if isinstance(a, type) and issubclass(a, BaseModel)), None)
        else:
            return None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _unusable(draft: Draft, settings: Settings) -> Iterator[Problem]:
    """Values of the right type that no job could work with."""

    def at(*path: str) -> str:
        return _origin(draft, path)

    try:
        ZoneInfo(settings.business.zone)
    except (KeyError, OSError, ValueError):
        yield Problem(at("business", "zone"), "business.zone", f"{settings.business.zone!r} is no time zone", 'write for example "Asia/Shanghai"')  # fmt: skip
    if not re.fullmatch("[A-Z]{3}", settings.business.currency):
        yield Problem(at("business", "currency"), "business.currency", f"{settings.business.currency!r} is no ISO 4217 code", 'write for example "CNY"')  # fmt: skip
    if settings.clock.start and not _is_instant(settings.clock.start):
        yield Problem(at("clock", "start"), "clock.start", "not an instant with offset", 'write for example "2024-03-01T08:00:00+08:00"')  # fmt: skip
    for n, pattern in enumerate(settings.audit.remark_patterns):
        try:
            re.compile(pattern)
        except re.error as error:
            yield Problem(at("audit", "remark_patterns"), f"audit.remark_patterns.{n}", f"no regular expression: {error}")  # fmt: skip
    yield from _shop_problems(draft, settings)
    yield from _linked_shop(draft, settings)
    if settings.refunds.returns_to and settings.refunds.returns_to not in settings.warehouses:
        yield Problem(at("refunds", "returns_to"), "refunds.returns_to", "no such warehouse", nearest(settings.refunds.returns_to, set(settings.warehouses)))  # fmt: skip


def _linked_shop(draft: Draft, settings: Settings) -> Iterator[Problem]:
    name = settings.refunds.linked_shop
    own = {alias for alias, shop in settings.shops.items() if shop.platform == OWN}
    if name and name not in own:
        where = _origin(draft, ("refunds", "linked_shop"))
        yield Problem(where, "refunds.linked_shop", f"{name!r} is no own shop", nearest(name, own))


def _shop_problems(draft: Draft, settings: Settings) -> Iterator[Problem]:
    sellers: dict[tuple[str, str], str] = {}
    for alias, shop in settings.shops.items():
        first = sellers.setdefault((shop.platform, shop.seller_id), alias)
        if first != alias:
            yield Problem(_origin(draft, ("shops", alias)), f"shops.{alias}", f"the seller of shop {first!r} again", "one seller has one alias: remove one of the two")  # fmt: skip
        for name in shop.levels.warehouses:
            if name not in settings.warehouses:
                yield Problem(_origin(draft, ("shops", alias, "levels")), f"shops.{alias}.levels.warehouses", f"no warehouse {name!r}", nearest(name, set(settings.warehouses)))  # fmt: skip


def _unsafe(draft: Draft) -> Iterator[Problem]:
    """`cmd:` secrets in a file that others may write would let them run commands as us."""
    if not draft.path or not others_may_write(draft.path):
        return
    for path, value in leaves(draft.values):
        texts = value if isinstance(value, list) else [value]
        if is_secret(path) and any(isinstance(t, str) and t.startswith("cmd:") for t in texts):
            yield Problem(draft.origins.get(path, draft.path.name), ".".join(path), "cmd: is refused, others may write this file", f"chmod go-w {draft.path}")  # fmt: skip


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
