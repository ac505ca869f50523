"""Differences planted into bills on purpose. Each is in the book as ``planted``: what is true beside what is told.

- ``missing``  the entry is not on any bill
- ``extra``    a payment that nobody here made
- ``amount``   some cents more or less than it was
- ``fee``      the fee differs, the amount does not
- ``day_cut``  the entry is on the next day's bill, with a time just after midnight
- ``doubled``  the entry is there twice
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from adapters.sandbox.book import Book
from adapters.sandbox.pay.entries import Entry
from adapters.sandbox.pay.state import FEE_PER_1000
from adapters.sandbox.wire import beijing, chance, digest

DAY = 86400
KINDS = ("missing", "extra", "amount", "fee", "day_cut", "doubled")
_RATE = 0.02


class Planting(msgspec.Struct, frozen=True, kw_only=True):
    """Which differences are planted, and how often: chance per entry; each kind at least once per channel if it can be."""

    rates: dict[str, float] = {}

    @classmethod
    def read(cls, text: str) -> Planting:
        """From the words of a command line: none, all, or names with commas, each perhaps with its rate: ``fee=0.1``.

        Raises:
            ValueError: there is no such difference, or the rate is no number from 0 to 1.
        """
        if text in ("none", ""):
            return cls()
        rates: dict[str, float] = {}
        for word in KINDS if text == "all" else text.split(","):
            name, _, rate = word.strip().partition("=")
            if name not in KINDS:
                raise ValueError(f"no such difference: {name}; there are {', '.join(KINDS)}")
            rates[name] = float(rate) if rate else _RATE
            if not 0 <= rates[name] <= 1:
                raise ValueError(f"{name}={rate}: a rate is from 0 to 1")
        return cls(rates=rates)


class Planter:
    """Plants differences into the days' entries; which and where follows from the seed."""

    def __init__(self, planting: Planting, seed: int, book: Book, channels: Iterable[str]) -> None:
        self.rates, self.seed, self._book = planting.rates, seed, book
        self.planted: list[dict[str, Any]] = []
        #: channel → entries that lie on the next bill
        self.carried: dict[str, list[Entry]] = {c: [] for c in channels}
        self._seen: set[tuple[str, str]] = set()

    def plant(self, channel: str, day: str, true: Sequence[Entry], start: int) -> list[Entry]:
        """What the bill of a day says instead of what is true; entries moved to the next day's bill are in `carried`."""
        chosen = self._choose(channel, day, true)
        told: list[Entry] = []
        for entry in true:
            told += self._told(channel, day, entry, chosen.get((entry.payment_no, entry.back_no), ""), start)
        told += [self._extra(channel, day, start, n) for n in range(self._extras(channel, day, len(true)))]
        return told

    def _choose(self, channel: str, day: str, true: Iterable[Entry]) -> dict[tuple[str, str], str]:
        """(payment, refund) → the difference that is planted there."""
        seed, chosen = self.seed, {}
        rates = {k: r for k, r in self.rates.items() if k != "extra" and r}
        # in an order of its own, so that the first ones of a day are not always hit
        entries = sorted(
            (e for e in true if e.kind != "returned"), key=lambda e: digest(seed, "row", e.payment_no, e.back_no)
        )
        for entry in entries:
            fit = [k for k in rates if k != "fee" or (entry.kind == "payment" and entry.fee > 1)]
            sure = [k for k in fit if (channel, k) not in self._seen]
            name = (entry.payment_no, entry.back_no)
            hit = [k for k in fit if chance(seed, "plant", k, day, *name) < rates[k]]
            for kind in [*sure, *hit][:1]:
                chosen[name] = kind
                self._seen.add((channel, kind))
        return chosen

    def _told(self, channel: str, day: str, entry: Entry, kind: str, start: int) -> list[Entry]:
        """What the bill says instead of an entry."""
        if not kind:
            return [entry]
        n = digest(self.seed, "by", day, entry.payment_no, entry.back_no)
        told = [entry]
        if kind == "missing":
            told = []
        elif kind == "doubled":
            told = [entry, entry]
        elif kind == "amount":
            by = 1 + n % 99
            by = -by if n // 100 % 2 and entry.settled > 200 else by
            told = [
                msgspec.structs.replace(
                    entry, amount=entry.amount + by, settled=entry.settled + by, payer=entry.payer + by
                )
            ]
        elif kind == "fee":
            by = 1 + n % 9
            told = [msgspec.structs.replace(entry, fee=entry.fee - by if n % 2 and entry.fee > by else entry.fee + by)]
        else:
            told = [msgspec.structs.replace(entry, at=start + DAY + 1 + n % 300)]
            self.carried[channel] += told
        self._note(channel, day, kind, entry, told)
        return [] if kind == "day_cut" else told

    def _extras(self, channel: str, day: str, rows: int) -> int:
        rate = self.rates.get("extra", 0.0)
        if not rate or not rows:
            return 0
        count = sum(chance(self.seed, "extra", channel, day, n) < rate for n in range(rows))
        sure = (channel, "extra") not in self._seen
        self._seen.add((channel, "extra"))
        return max(count, 1) if sure else count

    def _extra(self, channel: str, day: str, start: int, n: int) -> Entry:
        seed = self.seed
        number = digest(seed, "extra no", channel, day, n)
        amount = 1000 + number % 90_000
        entry = Entry(
            kind="payment",
            at=start + 8 * 3600 + number % (12 * 3600),
            trade_no=f"{'4200000000' if channel == 'wechatpay' else '8888'}{day.replace('-', '')}{number % 10**9:010d}",
            payment_no=f"Z{number:020d}"[:20],
            amount=amount,
            settled=amount,
            payer=amount,
            fee=(amount * FEE_PER_1000 + 500) // 1000,
            title="线下收款",
            method="NATIVE" if channel == "wechatpay" else "precreate",
            created=start + 8 * 3600 + number % (12 * 3600),
        )
        self._note(channel, day, "extra", None, [entry])
        return entry

    def _note(self, channel: str, day: str, kind: str, true: Entry | None, told: list[Entry]) -> None:
        named = true or told[0]
        facts = {
            "channel": channel,
            "class": kind,
            "day": day,
            "payment": named.payment_no,
            "refund": named.back_no,
            "trade_no": named.trade_no,
            "true": true.to_book() if true is not None else None,
            "told": [e.to_book() for e in told],
            "told_day": beijing(told[0].at)[:10] if told else "",
        }
        self.planted.append(facts)
        self._book.write("planted", **facts)
