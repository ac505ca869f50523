"""Tolerance rules: versioned data, read from a table in TOML or JSON, never evaluated as code.

.. code-block:: toml

    version = "2026-11"
    day_cut_minutes = 10            # how far a day cut reaches on both sides of midnight

    [[rule]]
    id = "fee-rounding"             # stands beside every match that it makes
    priority = 10                   # the least goes first; equal ones in the order of the file
    platform = "*"                  # a word, a list of words, or "*" for all; the same for kind and currency
    kind = ["fee", "commission"]
    currency = "CNY"
    amount_from = -1                # theirs − ours in minor units, both ends inside
    amount_to = 1
    days_before = 1                 # theirs may be so many days earlier than ours, and so many later
    days_after = 3
    percent_bp = 50                 # and at most 50 basis points of ours; without it any share
    class = "matched"               # matched or amount_differs
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.errors import BadFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GIVES = ("matched", "amount_differs")
DAY_MS = 86_400_000
#: minutes of a day cut unless the file says otherwise
EDGE_MINUTES = 10
_SCOPES = ("platform", "kind", "currency")
_WHOLE = {"priority": 0, "amount_from": None, "amount_to": None, "days_before": None, "days_after": None}
_KNOWN = {"id", *_SCOPES, *_WHOLE, "percent_bp", "class"}
_MOST = 10**15


class Rule(NamedTuple):
    """One tolerance. An empty scope means all."""

    id: str
    priority: int
    platforms: tuple[str, ...]
    kinds: tuple[str, ...]
    currencies: tuple[str, ...]
    amount_from: int
    amount_to: int
    days_before: int
    days_after: int
    #: None: any share of the amount
    percent_bp: int | None
    gives: str


class Rules(NamedTuple):
    """A version of the rules, by priority."""

    version: str
    rules: tuple[Rule, ...] = ()
    day_cut_ms: int = EDGE_MINUTES * 60_000

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(r.id for r in self.rules)

    @property
    def hash(self) -> str:
        """SHA-256 of what the rules say, however the file was written."""
        held = [self.version, self.day_cut_ms, [list(r) for r in self.rules]]
        return hashlib.sha256(json.dumps(held, ensure_ascii=False).encode()).hexdigest()

    def of(self, platform: str) -> Rules:
        """Those that hold for a platform (or a payment channel)."""
        return self._replace(rules=tuple(r for r in self.rules if not r.platforms or platform in r.platforms))

    def find(self, rule_id: str) -> Rule | None:
        return next((r for r in self.rules if r.id == rule_id), None)

    def scoped(self, kinds: Sequence[str], currencies: Sequence[str]) -> Scoped:
        """The rules over the codes of two frames."""
        return Scoped(self.rules, kinds, currencies)


#: nothing is tolerated
NONE = Rules("none")


class Scoped:
    """Rules whose words are codes, asked for many differences at once."""

    def __init__(self, rules: Sequence[Rule], kinds: Sequence[str], currencies: Sequence[str]) -> None:
        self._rules = rules
        self._kinds = [_holds(r.kinds, kinds) for r in rules]
        self._currencies = [_holds(r.currencies, currencies) for r in rules]

    def rule_for(
        self,
        delta: NDArray[np.int64],
        ours: NDArray[np.int64],
        later_ms: NDArray[np.int64],
        kind: NDArray[Any],
        currency: NDArray[Any],
    ) -> NDArray[np.int64]:
        """Index of the first rule that allows each difference; −1: none does.

        Args:
            delta: theirs − ours.
            ours: what we expect; a share is a share of this.
            later_ms: their time − our time.
        """
        import numpy as np

        out = np.full(len(delta), -1, dtype=np.int64)
        for n, rule in enumerate(self._rules):
            fits = (delta >= rule.amount_from) & (delta <= rule.amount_to)
            fits &= (later_ms >= -rule.days_before * DAY_MS) & (later_ms <= rule.days_after * DAY_MS)
            fits &= self._kinds[n][kind] & self._currencies[n][currency]
            if rule.percent_bp is not None:
                fits &= np.abs(delta) * 10_000 <= rule.percent_bp * np.abs(ours)
            out[fits & (out < 0)] = n
        return out

    def classes(self, rule: NDArray[np.int64]) -> NDArray[np.int64]:
        """Class codes that the rules give; −1 (equal, no rule needed): matched."""
        import numpy as np

        from jobs.matching import CLASSES

        return np.array([*(CLASSES.index(r.gives) for r in self._rules), CLASSES.index("matched")])[rule]


def _holds(scope: Sequence[str], words: Sequence[str]) -> NDArray[np.bool_]:
    import numpy as np

    # the last place is where code −1, a row without the word, looks
    return np.array([*(not scope or w in scope for w in words), not scope], dtype=bool)


# ------------------------------------------------------------------ reading


def read(path: Path) -> Rules:
    """Read a file of rules (.toml or .json).

    Raises:
        BadFile: it cannot be read, or a rule is wrong; the line, what is wrong and what to write.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path}: {error}", hint=f"ls -l {path}") from error
    return parse(text, name=str(path), json_text=path.suffix.lower() == ".json")


def parse(text: str, *, name: str = "rules", json_text: bool = False) -> Rules:
    """Rules of a text; see `read`."""
    try:
        held = json.loads(text) if json_text else tomllib.loads(text)
    except ValueError as error:
        raise _bad(f"{name}: {error}") from error
    return _Reader(text, name).rules(held)


class _Reader:
    """Checks what a file holds, and knows where in it everything stands."""

    def __init__(self, text: str, name: str) -> None:
        self._lines, self._name = text.splitlines(), name

    def rules(self, held: Any) -> Rules:
        if not isinstance(held, Mapping):
            raise _bad(f'{self._name}: line 1: it is no table; write version = "2026-11" and [[rule]] tables')
        for key in held:
            if key not in ("version", "day_cut_minutes", "rule"):
                self._refuse(key, 0, f"{key!r} is not known; write version, day_cut_minutes, and rules as [[rule]]")
        version = held.get("version")
        if not isinstance(version, str) or not version.strip():
            self._refuse("version", 0, 'version must be a text; write version = "2026-11"')
        minutes = held.get("day_cut_minutes", EDGE_MINUTES)
        if not _whole(minutes) or not 0 <= minutes <= 720:
            self._refuse("day_cut_minutes", 0, "day_cut_minutes must be a whole number from 0 to 720; write 10")
        found = held.get("rule", [])
        if not isinstance(found, list) or not all(isinstance(r, Mapping) for r in found):
            self._refuse("rule", 0, "rules are a list of tables; write [[rule]] above each")
        rules = [self._rule(r, self._begin(n)) for n, r in enumerate(found)]
        self._twice(rules)
        rules.sort(key=lambda r: r.priority)
        return Rules(str(version), tuple(rules), int(minutes) * 60_000)

    def _rule(self, held: Mapping[str, Any], begin: int) -> Rule:
        for key in held:
            if key not in _KNOWN:
                self._refuse(key, begin, f"{key!r} is not known in a rule; known: {', '.join(sorted(_KNOWN))}")
        if not isinstance(held.get("id"), str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", held["id"]):
            self._refuse("id", begin, 'id must be 1 to 40 letters, digits, ".", "_" or "-"; write id = "fee-rounding"')
        whole = {key: self._number(held, key, begin, default) for key, default in _WHOLE.items()}
        if whole["amount_from"] > whole["amount_to"]:
            self._refuse(
                "amount_to", begin, f"amount_to is below amount_from; write amount_to = {whole['amount_from']} or more"
            )
        for key in ("days_before", "days_after"):
            if not 0 <= whole[key] <= 3650:
                self._refuse(key, begin, f"{key} must be from 0 to 3650; write {key} = 0 to allow none")
        percent = held.get("percent_bp")
        if percent is not None and (not _whole(percent) or not 0 <= percent <= 10_000):
            self._refuse(
                "percent_bp",
                begin,
                "percent_bp is basis points, a whole number from 0 to 10000; write 50 for half a percent",
            )
        gives = held.get("class", "matched")
        if gives not in GIVES:
            self._refuse("class", begin, f'class must be one of {", ".join(GIVES)}; write class = "matched"')
        scopes = [self._scope(held, key, begin) for key in _SCOPES]
        return Rule(held["id"], whole["priority"], scopes[0], scopes[1], scopes[2], whole["amount_from"], whole["amount_to"],
                    whole["days_before"], whole["days_after"], percent, gives)  # fmt: skip

    def _number(self, held: Mapping[str, Any], key: str, begin: int, default: int | None) -> int:
        value = held.get(key, default)
        if not _whole(value) or abs(value) > _MOST:
            why = "is missing" if key not in held else "must be a whole number"
            unit = " of minor units" if key.startswith("amount") else ""
            self._refuse(key, begin, f"{key} {why}{unit}; both ends of amount and days are given; write {key} = 0")
        return int(value)

    def _scope(self, held: Mapping[str, Any], key: str, begin: int) -> tuple[str, ...]:
        value = held.get(key, "*")
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not words or not all(isinstance(w, str) and w for w in words):
            self._refuse(key, begin, f'{key} is a word, a list of words, or all; write {key} = "*"')
        return () if "*" in words else tuple(words)

    def _twice(self, rules: Sequence[Rule]) -> None:
        seen: set[str] = set()
        for n, rule in enumerate(rules):
            if rule.id in seen:
                self._refuse("id", self._begin(n), f"id {rule.id!r} is used twice; each rule has a name of its own")
            seen.add(rule.id)

    def _begin(self, n: int) -> int:
        """Where the n-th rule begins: its table's head, or its id in JSON."""
        heads = [i for i, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]
        heads = heads or self._braces()
        return heads[n] if n < len(heads) else 0

    def _braces(self) -> list[int]:
        """Lines on which an object inside the list of rules begins, in JSON."""
        depth, found = 0, []
        for i, line in enumerate(self._lines):
            for mark in re.sub(r'"(\\.|[^"\\])*"', '""', line):
                depth += (mark in "{[") - (mark in "}]")
                if mark == "{" and depth == 3:
                    found.append(i)
        return found

    def _refuse(self, key: str, begin: int, why: str) -> None:
        """Refuse the file, with the line that says `key` after `begin`, else the line where its table begins."""
        mark = re.compile(rf'\s*[{{,]?\s*"?{re.escape(key)}"?\s*[=:]')
        end = next((i for i in range(begin + 1, len(self._lines)) if "[[" in self._lines[i]), len(self._lines))
        line = next((i for i in range(begin, end) if mark.match(self._lines[i]) or f'"{key}"' in self._lines[i]), begin)
        raise _bad(f"{self._name}: line {line + 1}: {why}")


def _bad(message: str) -> BadFile:
    return BadFile(message, hint="oms reconcile --help")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
