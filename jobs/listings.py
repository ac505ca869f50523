"""Listings: what a marketplace sells, as the SKUs a warehouse ships.

One CSV (settings `[products] listings`) with the columns platform, listing, sku, qty, share; several rows of one
listing make a bundle. `listing` is the platform's listing id or the merchant's code; an id that is mapped wins over a
code. `platform` may be empty: the row is for all of them. `share` is a bundle part's weight in the price (any positive
decimals; empty: 1 for each).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Protocol

from jobs.errors import BadFile
from jobs.rules.splitting import split

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.env import Env

COLUMNS = ("platform", "listing", "sku", "qty", "share")
#: shares may have this many decimals
_SHARE_DIGITS = 6


class Sold(Protocol):
    """What was bought, as far as a listing needs it: an order line record, or a line document with its money known."""

    @property
    def listing_id(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def qty(self) -> int: ...
    @property
    def paid_minor(self) -> int: ...


#: (sku, pieces per listing sold, weight in the price)
Part = tuple[str, int, int]


class Listings:
    """The mapping of one run; reads its file once."""

    def __init__(
        self,
        parts: Mapping[tuple[str, str], tuple[Part, ...]],
        *,
        code_is_sku: bool,
        known: Collection[str] = frozenset(),
    ) -> None:
        self._parts = parts
        self._code_is_sku = code_is_sku
        #: SKUs that some warehouse keeps; empty: no stock was counted yet, every code is taken for one
        self._known = known
        #: (platform, listing id, merchant code) → how many lines had no mapping
        self.unmapped: Counter[tuple[str, str, str]] = Counter()

    @classmethod
    def open(cls, env: Env) -> Listings:
        """The listings of the settings.

        Raises:
            BadFile: the file is not there or a row of it cannot be used; the message names the row.
        """
        rule = env.settings.products
        parts = read(env.root / rule.listings) if rule.listings else {}
        known = frozenset(level.sku for level in env.stock.levels()) if rule.code_is_sku else frozenset()
        return cls(parts, code_is_sku=rule.code_is_sku, known=known)

    def parts(self, platform: str, listing_id: str, code: str) -> tuple[Part, ...]:
        """The SKUs in one piece of a listing; empty when it is not mapped, and its code is no SKU that we keep."""
        for name in (listing_id, code):
            if name:
                found = self._parts.get((platform, name)) or self._parts.get(("", name))
                if found:
                    return found
        if not code or not self._code_is_sku or (self._known and code not in self._known):
            return ()
        return ((code, 1, 1),)

    def expand(self, platform: str, line: Sold) -> list[tuple[str, int, int]]:
        """What a warehouse ships for an order line: (sku, pieces, share of what was paid, minor units).

        The shares sum to the line's `paid_minor` (largest remainder). A listing without a mapping is one row with an
        empty SKU, so that its money and pieces are not lost; it is counted in `unmapped`.
        """
        parts = self.parts(platform, line.listing_id, line.code)
        if not parts:
            self.unmapped[platform, line.listing_id, line.code] += 1
            return [("", line.qty, line.paid_minor)]
        if len(parts) == 1:
            sku, qty, _ = parts[0]
            return [(sku, qty * line.qty, line.paid_minor)]
        values = split(line.paid_minor, [weight for _, _, weight in parts])
        return [(sku, qty * line.qty, value) for (sku, qty, _), value in zip(parts, values, strict=True)]


def read(path: Path) -> dict[tuple[str, str], tuple[Part, ...]]:
    """Read a listings file: (platform or "", listing) → parts in the file's order.

    Raises:
        BadFile: not there, a column missing, or a row that cannot be used.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [c for c in COLUMNS[1:4] if c not in (rows.fieldnames or ())]
            if missing:
                raise BadFile(f"{path}: no column {', '.join(missing)}", hint="oms config show products.listings")
            return _collect(path, rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path}: {error}", hint="oms config show products.listings") from error


def _collect(path: Path, rows: Iterable[dict[str, str]]) -> dict[tuple[str, str], tuple[Part, ...]]:
    found: dict[tuple[str, str], dict[str, Part]] = {}
    for number, row in enumerate(rows, 2):
        texts = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if not any(texts.values()):
            continue
        try:
            part = (_named(texts["sku"], "sku"), _pieces(texts["qty"]), _weight(texts["share"]))
            bundle = found.setdefault((texts["platform"], _named(texts["listing"], "listing")), {})
        except ValueError as error:
            raise BadFile(f"{path}, row {number}: {error}", hint="oms config show products.listings") from error
        if part[0] in bundle:
            raise BadFile(f"{path}, row {number}: {part[0]} stands twice in listing {texts['listing']}")
        bundle[part[0]] = part
    return {key: tuple(bundle.values()) for key, bundle in found.items()}


def _named(text: str, column: str) -> str:
    if not text:
        raise ValueError(f"{column} is empty")
    return text


def _pieces(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError(f"qty {text!r} is not a number of pieces from 1 up")
    return int(text)


def _weight(text: str) -> int:
    """A share as a whole number of millionths, so that splitting stays in whole numbers."""
    try:
        share = Decimal(text or "1").scaleb(_SHARE_DIGITS)
    except InvalidOperation as error:
        raise ValueError(f"share {text!r} is not a number") from error
    if not share.is_finite() or share < 0 or share != share.to_integral_value():
        raise ValueError(f"share {text!r} is not a number from 0 up with at most {_SHARE_DIGITS} decimals")
    return int(share)
