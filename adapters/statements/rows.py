"""The rows of one table, compiled from its layout and header: columns in, lines and parked rows out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from adapters.statements.amounts import Amounts
from adapters.statements.cells import Reader, fits, plain, time_reader
from adapters.statements.layout import Layout, Names, Rule, Source

Columns = list[Sequence[str]]
#: row number, column, reason, cells
Bad = tuple[int, str, str, dict[str, str]]
_encode = msgspec.json.Encoder().encode
_REF = re.compile(r"[\x21-\x7e]{1,64}\Z")
#: columns that hold persons are not kept, whatever the layout says
_PERSONAL = re.compile(
    "账号|账户名|姓名|买家|昵称|用户标识|手机|电话|地址|邮箱|身份证|phone|mobile|mail|address|buyer", re.IGNORECASE
)
_WIDE = str.maketrans("（）＋－：", "()+-:")


def same_name(text: str) -> str:
    """A column's name without what differs between programs: blanks, marks, wide brackets."""
    return text.strip("\ufeff \t\r\n\"'").translate(_WIDE).replace(" ", "").lower()


class Rows:
    """Reads chunks of rows.

    Raises:
        NotReadable: a column the layout cannot do without is not in the header.
    """

    def __init__(self, layout: Layout, header: Sequence[str]) -> None:
        self._layout = layout
        self._names = [c.strip("\ufeff \t\r\n\"'") for c in header]
        while self._names and not self._names[-1]:
            self._names.pop()
        self._places = {same_name(c): n for n, c in reversed(list(enumerate(self._names)))}
        self._width = len(self._names)
        self._footer = tuple(layout.footer)
        #: first letters of what is looked at before it is taken for a row
        self._marks = {f[:1] for f in self._footer} | {"", "\ufeff", " ", "\t"}
        self._whole_cells = {
            s.pattern: re.compile(s.pattern, re.MULTILINE)
            for f in layout.fields.values()
            for s in f
            if isinstance(s, Source) and s.pattern.startswith("^") and s.pattern.endswith("$") and "|" not in s.pattern
        }
        self._patterns = {
            s.pattern: re.compile(s.pattern).search for f in layout.fields.values() for s in f if isinstance(s, Source)
        }
        self._carried = {n: "" for name in layout.carry if (n := self._place(name)) is not None}
        self._skip = _Word(layout.skip, self._place, "")
        self._kind = _Word(layout.kinds, self._place, "other")
        self._status = _Word(layout.states, self._place, "settled")
        self._amounts = Amounts(layout, self._place)
        self._at = time_reader(layout.times, layout.zone)
        used = {n for names in self._used() if (n := self._place(names)) is not None} | set(self._carried)
        personal = {n for c in layout.personal if (n := self._place(c)) is not None}
        personal |= {n for n, c in enumerate(self._names) if _PERSONAL.search(c)}
        self._raw = [n for n in range(self._width) if n not in used | personal and self._names[n]]
        self._shown = [n for n in range(self._width) if n not in personal and self._names[n]]
        self.raw_columns = tuple(self._names[n] for n in self._raw)

    def _used(self) -> list[Names]:
        x = self._layout
        found: list[Names] = [s if isinstance(s, str) else s.column for sources in x.fields.values() for s in sources]
        return found + self._amounts.columns

    def _place(self, names: Names) -> int | None:
        for name in [names] if isinstance(names, str) else names:
            if (n := self._places.get(same_name(name))) is not None:
                return n
        return None

    # ------------------------------------------------------------------ a chunk
    def read(
        self, numbers: Sequence[int], cells: Sequence[list[str] | None]
    ) -> tuple[list[tuple[Any, ...]], list[Bad]]:
        """Lines and parked rows of some rows; rows of the footer and those to be skipped give neither."""
        numbers, rows, bad = self._whole(numbers, cells)
        if not rows:
            return [], bad
        size = len(rows)
        columns: Columns = list(zip(*rows, strict=True))
        self._carry(columns)
        wrong: dict[int, tuple[str, str]] = {}
        dropped = {i for i, word in enumerate(self._skip.of(columns, size)) if word} if self._layout.skip else set()
        order = self._text("order", columns, size, wrong)
        refund = self._text("refund", columns, size, wrong)
        ref = self._text("ref", columns, size, wrong)
        at = self._times(columns, wrong)
        currency = self._currencies(columns, size, wrong)
        parts = self._amounts.of(columns, currency, wrong)
        kinds, status, raw = self._kind.of(columns, size), self._status.of(columns, size), self._raws(columns, size)
        bad += [(numbers[i], *why, self._cells(rows[i])) for i, why in sorted(wrong.items()) if i not in dropped]
        dropped |= wrong.keys()
        prints = _prints(rows, ref, order, refund, at, currency, kinds, parts[0][1])
        if not self._amounts.is_plain:
            told = (numbers, kinds, order, refund, ref, currency, at, status, raw, prints)
            return list(self._wide(parts, dropped, *told)), bad
        of_kind = [parts[0][0]] * size if parts[0][0] else kinds
        out = list(
            zip(numbers, of_kind, order, refund, ref, parts[0][1], currency, at, status, raw, prints, strict=True)
        )
        return [line for i, line in enumerate(out) if i not in dropped] if dropped else out, bad

    def _wide(
        self, parts: list[tuple[str, list[int]]], dropped: set[int], numbers: Sequence[int], kinds: Sequence[str], order: Sequence[str],
        refund: Sequence[str], ref: Sequence[str], currency: Sequence[str], at: Sequence[int], status: Sequence[str], raw: Sequence[str],
        prints: Sequence[bytes],
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """A line per part that is not zero; where none is, one of the whole."""
        for i, number in enumerate(numbers):
            if i in dropped:
                continue
            told = [(kind or kinds[i], minors[i], n) for n, (kind, minors) in enumerate(parts) if minors[i]]
            # in a row that tells a sale and what was given back of it, the refund's number is the refund's
            sold = any(kind == "goods" for kind, _, _ in told)
            for kind, minor, n in told or [(kinds[i], self._amounts.rest(i), -1)]:
                named = refund[i] if kind == "refund" or not sold else ""
                mine = _digest(b"%b%d:%d" % (prints[i], n, minor))
                yield number, kind, order[i], named, ref[i], minor, currency[i], at[i], status[i], raw[i], mine

    def _raws(self, columns: Columns, size: int) -> list[str]:
        """The unused cells of each row as a JSON list; encoded at once and cut, since no cell can hold the cut itself."""
        if not self._raw:
            return ["[]"] * size
        cells = list(zip(*(columns[n] for n in self._raw), strict=True))
        try:
            text = _encode(cells).decode()
        except UnicodeEncodeError:
            # see _prints
            text = _encode([[c.encode("utf-8", "replace").decode() for c in row] for row in cells]).decode()
        # a quote within a cell is written as \", and no line break stands in JSON
        return text[1:-1].replace('"],["', '"]\n["').split("\n")

    def _whole(
        self, numbers: Sequence[int], cells: Sequence[list[str] | None]
    ) -> tuple[Sequence[int], list[list[str]], list[Bad]]:
        """Rows of the table's width; the rest is blank, a footer, or parked."""
        if set(map(type, cells)) == {list} and set(map(len, cells)) == {self._width}:  # type: ignore[arg-type]
            first = {row[0][:1] for row in cells}  # type: ignore[index]
            if not first & self._marks:
                return numbers, cells, []  # type: ignore[return-value]
        kept: list[int] = []
        rows: list[list[str]] = []
        bad: list[Bad] = []
        for number, row in zip(numbers, cells, strict=True):
            if row is None:
                bad.append((number, "", "cells", {}))
                continue
            full = any(c.strip() for c in row)
            if not full or (self._footer and row[0].lstrip("\ufeff \t").startswith(self._footer)):
                continue
            if len(row) >= self._width and not any(c.strip() for c in row[self._width :]):
                kept.append(number)
                rows.append(row[: self._width])
            else:
                bad.append((number, "", "cells", self._cells(row)))
        return kept, rows, bad

    def _cells(self, cells: Sequence[str]) -> dict[str, str]:
        return {self._names[n]: cells[n].strip()[:200] for n in self._shown if n < len(cells)}

    def _carry(self, columns: Columns) -> None:
        for n in self._carried:
            held, filled = self._carried[n], []
            for cell in columns[n]:
                held = cell.strip() or held
                filled.append(held)
            self._carried[n], columns[n] = held, filled

    # ------------------------------------------------------------------ fields
    def _text(self, field: str, columns: Columns, size: int, wrong: dict[int, tuple[str, str]]) -> Sequence[str]:
        """A reference per row: of the first source that gives one."""
        values: list[str] | None = None
        for source in self._layout.fields.get(field, ()):
            if values is not None and "" not in values:
                break
            found = self._from(source, columns)
            if found is not None:
                values = found if values is None else [v or f for v, f in zip(values, found, strict=True)]
        if values is None:
            return [""] * size
        joined = "~".join(values)
        if joined.isascii() and joined.isprintable() and " " not in joined and max(map(len, values)) <= 64:
            return values
        for i, value in enumerate(values):
            if value and not _REF.match(value):
                wrong.setdefault(i, (field, "damaged" if "\ufffd" in value else "reference"))
        return values

    def _from(self, source: str | Source, columns: Columns) -> list[str] | None:
        place = self._place(source if isinstance(source, str) else source.column)
        if place is None:
            return None
        if "".join(columns[place][:64]) == "" == "".join(columns[place]):
            return [""] * len(columns[place])
        cells = list(map(str.strip, columns[place]))
        joined = "\n" + "\n".join(cells)
        if "\n'" in joined or '\n="' in joined:
            cells = list(map(plain, cells))
        if isinstance(source, str) or not source.pattern:
            return cells
        whole = self._whole_cells.get(source.pattern)
        if whole is not None and len(found := whole.findall(joined)) == len(cells):
            # as many matches as cells, and none can be of two: each cell has its own
            return found
        search = self._patterns[source.pattern]
        if "^" not in source.pattern and "$" not in source.pattern and not search(joined):
            # in none of them, which one look at all of them tells
            return [""] * len(cells)
        return [m.group(1) or "" if c and (m := search(c)) else "" for c in cells]

    def _times(self, columns: Columns, wrong: dict[int, tuple[str, str]]) -> Sequence[int]:
        read = self._at
        found: list[Any] = []
        name = ""
        for source in self._layout.fields["at"]:
            if found and None not in found:
                break
            cells = self._from(source, columns)
            if cells is None:
                continue
            name = name or (source if isinstance(source, str) else str(source.column))
            mine = read(cells)
            found = mine if not found else [a if a is not None else b for a, b in zip(found, mine, strict=True)]
        if not found:
            found = [None] * len(columns[0])
        if None in found:
            for i, at in enumerate(found):
                if at is None:
                    wrong.setdefault(i, (name or "at", "time"))
            return [a or 0 for a in found]
        return found

    def _currencies(self, columns: Columns, size: int, wrong: dict[int, tuple[str, str]]) -> Sequence[str]:
        if "currency" not in self._layout.fields:
            return [self._layout.currency] * size
        words = self._layout.currencies
        found = [words.get(c, c) or self._layout.currency for c in self._text("currency", columns, size, {})]
        for i, word in enumerate(found):
            if not (len(word) == 3 and word.isascii() and word.isupper()):
                wrong.setdefault(i, ("currency", "currency"))
        return found


_DIGITS = re.compile(r"[0-9]+")


class _Word:
    """The word of the first rule whose conditions hold, remembered per different cells."""

    def __init__(self, rules: Sequence[Rule], place: Callable[[Names], int | None], default: str) -> None:
        names = list(dict.fromkeys(c for r in rules for c in r.when))
        self._places = [place(c) for c in names]
        at = {c: n for n, c in enumerate(names)}
        made = [(r.is_ or "skip", [(at[c], fits(p)) for c, p in r.when.items()]) for r in rules]
        self._default = default

        def word(cells: tuple[str, ...]) -> str:
            texts = [plain(c) for c in cells]
            return next((w for w, conditions in made if all(fit(texts[n]) for n, fit in conditions)), default)

        self._read = Reader(word)  # type: ignore[arg-type]
        self._always = made[0][0] if made and not names else ""
        # remarks hold order numbers; where no rule names a digit, all numbers are alike
        self._alike = not any(_DIGITS.search(t) for r in rules for patterns in r.when.values() for t in patterns)

    def of(self, columns: Columns, size: int) -> Sequence[str]:
        if not self._places:
            return [self._always or self._default] * size
        empty = [""] * size
        cells = [empty if n is None else self._told(columns[n]) for n in self._places]
        return list(map(self._read.__getitem__, zip(*cells, strict=True)))  # type: ignore[arg-type]

    def _told(self, column: Sequence[str]) -> Sequence[str]:
        """A column with its numbers alike, all cells at once; as it is, where a cell holds the mark that parts them."""
        if not self._alike:
            return column
        found = _DIGITS.sub("0", "\x1e".join(column)).split("\x1e")
        return found if len(found) == len(column) else column


# ------------------------------------------------------------------ fingerprints


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()


def _prints(rows: Sequence[Sequence[str]], ref: Sequence[str], *said: Sequence[Any]) -> list[bytes]:
    """Of a row's own number and what it says; where it has none, of all its cells."""
    try:
        texts = list(map(_encode, zip(ref, *said, strict=True)))
    except UnicodeEncodeError:
        # half a pair of surrogates, out of a JSON escape
        texts = [repr(t).encode("ascii", "backslashreplace") for t in zip(ref, *said, strict=True)]
    if "" in ref:
        texts = [t if r else _whole_row(row) for t, r, row in zip(texts, ref, rows, strict=True)]
    return [blake2b(t, digest_size=16).digest() for t in texts]


def _whole_row(row: Sequence[str]) -> bytes:
    return "\x1f".join(map(str.strip, row)).encode("utf-8", "replace")
