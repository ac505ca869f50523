"""What a supplier is owed: shipped less returned, each piece at the price of its day.

A piece that comes back is credited at the price at which its shipment was charged, where that is known, else at the
price of the day it came back. What has no price on its day is parked on the bill of the supplier whose price for that
SKU is nearest in time, and charged by the first bill after the price is there; what nobody ever had a price for is
nobody's.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from stores.records.suppliers import SupplierAdjustment, SupplierLine, SupplierMove, SupplierPrice

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: kinds of the stock journal that a supplier is charged or credited for
KINDS = ("ship", "return", "defective")
NO_PRICE = "no_price"
UNKNOWN_SUPPLIER = "unknown_supplier"


class Moved(NamedTuple):
    """A movement of one SKU that may be charged."""

    seq: int
    kind: str
    sku: str
    order_no: str
    #: shipped positive, returned negative
    qty: int
    #: epoch milliseconds, and the business day
    at: int
    day: str


class Charge(NamedTuple):
    """A movement with what it costs; `reason` says why it costs nothing yet."""

    moved: Moved
    supplier: str
    currency: str = ""
    price_minor: int = 0
    reason: str = ""


class Draft(NamedTuple):
    """A bill as it would be booked."""

    supplier: str
    lines: list[SupplierLine]
    moves: list[SupplierMove]
    totals: dict[str, int]
    parked_qty: int

    @property
    def digest(self) -> str:
        """SHA-256 of everything that it charges and adjusts."""
        held = [list(m[:1] + m[2:]) for m in self.moves], [_told(x) for x in self.lines]
        return hashlib.sha256(json.dumps(held, ensure_ascii=False).encode()).hexdigest()


class PriceList:
    """Prices by SKU and day."""

    def __init__(self, prices: Iterable[SupplierPrice]) -> None:
        self._by_sku: dict[str, list[SupplierPrice]] = defaultdict(list)
        for price in sorted(prices, key=lambda p: (p.sku, p.valid_from)):
            self._by_sku[price.sku].append(price)
        self._starts = {sku: [p.valid_from for p in found] for sku, found in self._by_sku.items()}

    def on(self, sku: str, day: str) -> SupplierPrice | None:
        """The price of a day."""
        n = bisect_right(self._starts.get(sku, []), day)
        found = self._by_sku[sku][n - 1] if n else None
        return found if found is not None and day <= found.valid_to else None

    def owner(self, sku: str, day: str) -> str:
        """Whose SKU it is around a day without a price: of the price before, else of the one after; empty: nobody's."""
        n = bisect_right(self._starts.get(sku, []), day)
        found = self._by_sku.get(sku, [])
        return found[max(n - 1, 0)].supplier if found else ""


def charge(
    moved: Iterable[Moved], prices: PriceList, shipped: Mapping[tuple[str, str], tuple[str, str, int]]
) -> list[Charge]:
    """Put a price on movements, in the order of the journal.

    Args:
        shipped: (order_no, sku) → (supplier, currency, price) of shipments that earlier bills charged.
    """
    known, out = dict(shipped), []
    for m in moved:
        at = known.get((m.order_no, m.sku)) if m.kind != "ship" else None
        price = None if at else prices.on(m.sku, m.day)
        if price is not None:
            at = (price.supplier, price.currency, price.price_minor)
        if at is None:
            owner = prices.owner(m.sku, m.day)
            out.append(Charge(m, owner, reason=NO_PRICE if owner else UNKNOWN_SUPPLIER))
            continue
        if m.kind == "ship":
            known[m.order_no, m.sku] = at
        out.append(Charge(m, *at))
    return out


def draft(
    supplier: str, charges: Sequence[Charge], adjustments: Sequence[SupplierAdjustment], *, bill_no: str, start_ms: int
) -> Draft:
    """One supplier's bill: a line per SKU and price, then what is parked, then the adjustments."""
    by_price: dict[tuple[str, str, int], list[Moved]] = defaultdict(list)
    parked: dict[str, list[Moved]] = defaultdict(list)
    for c in charges:
        if c.reason:
            parked[c.moved.sku].append(c.moved)
        else:
            by_price[c.moved.sku, c.currency, c.price_minor].append(c.moved)
    lines: list[SupplierLine] = []
    for (sku, currency, price), moved in sorted(by_price.items()):
        qty = sum(m.qty for m in moved)
        lines.append(
            _line(bill_no, lines, moved, start_ms, sku=sku, currency=currency, price=price, amount=qty * price)
        )
    for sku, moved in sorted(parked.items()):
        lines.append(_line(bill_no, lines, moved, start_ms, sku=sku, kind="parked", reason=NO_PRICE))
    for a in sorted(adjustments, key=lambda a: a.adjustment_id):
        lines.append(
            SupplierLine(
                bill_no=bill_no, line_no=len(lines) + 1, kind="adjustment", currency=a.currency,
                amount_minor=a.amount_minor, reason=a.reason, adjustment_id=a.adjustment_id,
            )
        )  # fmt: skip
    totals: dict[str, int] = defaultdict(int)
    for line in lines:
        if line.kind != "parked":
            totals[line.currency] += line.amount_minor
    moves = [
        SupplierMove(m.seq, bill_no, m.sku, m.order_no, m.kind, m.qty, c.currency, c.price_minor, m.at)
        for c in charges if not c.reason for m in (c.moved,)
    ]  # fmt: skip
    return Draft(
        supplier, lines, moves, dict(sorted(totals.items())), sum(abs(m.qty) for f in parked.values() for m in f)
    )


def _line(
    bill_no: str, lines: Sequence[SupplierLine], moved: Sequence[Moved], start_ms: int, *, sku: str, currency: str = "",
    price: int = 0, amount: int = 0, kind: str = "goods", reason: str = "",
) -> SupplierLine:  # fmt: skip
    pieces = {k: sum(abs(m.qty) for m in moved if m.kind == k) for k in KINDS}
    return SupplierLine(
        bill_no=bill_no, line_no=len(lines) + 1, kind=kind, sku=sku, currency=currency, price_minor=price,
        shipped=pieces["ship"], returned=pieces["return"], defective=pieces["defective"], amount_minor=amount,
        late_qty=sum(abs(m.qty) for m in moved if m.at < start_ms), reason=reason,
    )  # fmt: skip


def entry(bill_no: str, period: str, found: Draft) -> dict[str, Any]:
    """A bill as a plan holds it: everything by which a change is noticed."""
    return {
        "ref": bill_no, "supplier": found.supplier, "period": period, "totals": found.totals,
        "lines": [_told(line) for line in found.lines], "moves": len(found.moves), "digest": found.digest,
    }  # fmt: skip


def _told(line: SupplierLine) -> dict[str, Any]:
    """A line without what is empty."""
    held = {name: getattr(line, name) for name in line.__struct_fields__ if name != "bill_no"}
    return {name: value for name, value in held.items() if value not in ("", 0)}


def span(period: str, zone: str) -> tuple[datetime, datetime]:
    """Start and end of ``2026-10`` (a month) or ``2026-10-05`` (a day) in a zone, half open.

    Raises:
        ValueError: it is neither.
    """
    tz = ZoneInfo(zone)
    parts = [int(p) for p in period.split("-")]
    if len(parts) == 3 and len(period) == 10:
        first = date(*parts)
        last = first + timedelta(days=1)
    elif len(parts) == 2 and len(period) == 7:
        first = date(parts[0], parts[1], 1)
        last = (first + timedelta(days=32)).replace(day=1)
    else:
        raise ValueError(f"{period!r} is neither a month as 2026-10 nor a day as 2026-10-05")
    return datetime(first.year, first.month, first.day, tzinfo=tz), datetime(last.year, last.month, last.day, tzinfo=tz)


def ms(at: datetime) -> int:
    """Epoch milliseconds."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def business_day(at_ms: int, zone: str) -> str:
    """The day of an instant in a zone, as ``2026-09-01``."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).date().isoformat()


def problem(cells: Mapping[str, str]) -> str:
    """What is wrong with a row of prices, as a reason code; empty: nothing."""
    if not cells.get("supplier"):
        return "no_supplier"
    if not cells.get("sku"):
        return "no_sku"
    if any(len(cells[name]) > 64 for name in ("supplier", "sku")):
        return "too_long"
    # a bill's number is supplier/period/round
    if "/" in cells["supplier"]:
        return "bad_supplier"
    currency, price = cells.get("currency", ""), cells.get("price_minor", "")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        return "bad_currency"
    if not (price.isascii() and price.isdigit() and len(price) <= 12):
        return "bad_price"
    try:
        first, last = day(cells.get("valid_from", "")), day(cells.get("valid_to", "") or "9999-12-31")
    except ValueError:
        return "bad_date"
    return "ends_before_it_begins" if last < first else ""


def day(text: str) -> str:
    """A day as people and spreadsheets write it (2026-9-1, 2026/09/01, 2026-09-01 00:00:00) as ``2026-09-01``.

    Raises:
        ValueError: it is none.
    """
    words = text.strip().removesuffix(" 00:00:00").removesuffix("T00:00:00").replace("/", "-").split("-")
    if len(words) != 3 or not all(w.isascii() and w.isdigit() for w in words):
        raise ValueError(f"{text!r} is no day")
    year, month, number = map(int, words)
    return date(year, month, number).isoformat()
