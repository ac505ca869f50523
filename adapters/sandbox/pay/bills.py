"""The days' bills: what really happened on a day, and what the bill says of it, with differences planted on purpose.

A day's bill is made once, at nine in the morning after it (Beijing time), and never changes. Its rows are
entries; each channel writes them in its own form, in its trade bill and in its ledger of money alike: a planted
difference stands in both. The book gets a ``bill`` with counts and sums, a ``bill_row`` for each row, and ``planted``
for each difference, with what is true beside what is told:

- ``missing``  the entry is not on any bill
- ``extra``    a payment that nobody here made
- ``amount``   some cents more or less than it was
- ``fee``      the fee differs, the amount does not
- ``day_cut``  the entry is on the next day's bill, with a time just after midnight
- ``doubled``  the entry is there twice
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox.pay.state import FEE_PER_1000, Back, Payment
from adapters.sandbox.wire import beijing, chance, digest, from_beijing, iso

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

DAY = 86400
#: a day's bill is there so long after the day's end
READY_S = 9 * 3600
KINDS = ("missing", "extra", "amount", "fee", "day_cut", "doubled")
_RATE = 0.02


def columns(text: str) -> list[str]:
    """Column names as a channel's page lists them, with commas."""
    return text.split(",")


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


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement as a bill tells it: a payment, a refund, or the return of a refund that failed. Fen, all positive."""

    kind: str
    at: int
    trade_no: str
    payment_no: str
    #: order amount, or refund asked for; and of it what moves on the merchant's account
    amount: int
    settled: int
    payer: int
    #: taken with a payment, given back with a refund
    fee: int
    title: str
    method: str
    created: int
    buyer: str = ""
    coupon: str = ""
    coupon_amount: int = 0
    bank: str = "OTHERS"
    back_no: str = ""
    refund_id: str = ""
    status: str = "success"
    reason: str = ""

    def to_book(self) -> dict[str, Any]:
        return {
            "row_kind": self.kind,
            "row_at": iso(self.at),
            "trade_no": self.trade_no,
            "payment": self.payment_no,
            "refund": self.back_no,
            "amount": self.amount,
            "settled": self.settled,
            "fee": self.fee,
        }


def of_payment(payment: Payment) -> Entry:
    return Entry(
        kind="payment",
        at=payment.paid_at,
        trade_no=payment.trade_no,
        payment_no=payment.no,
        amount=payment.total,
        settled=payment.settled,
        payer=payment.payer_total,
        fee=payment.fee,
        title=payment.title,
        method=payment.method,
        created=payment.created,
        buyer=payment.payer,
        coupon=payment.coupon,
        coupon_amount=payment.coupon_amount,
        bank=payment.bank,
    )


def of_back(payment: Payment, back: Back, kind: str = "refund") -> Entry:
    return msgspec.structs.replace(
        of_payment(payment),
        kind=kind,
        at=back.created if kind == "refund" else back.done_at,
        amount=back.amount,
        settled=back.settled,
        payer=back.payer,
        fee=back.fee_back,
        back_no=back.no,
        refund_id=back.refund_id,
        status=back.state,
        reason=back.reason,
    )


class Bills:
    """All bills of a till, by channel and day. A day is named by its date, ``2026-09-01``."""

    def __init__(self, till: Till, planting: Planting) -> None:
        self.till, self.planting = till, planting
        self.planted: list[dict[str, Any]] = []
        self.made: dict[tuple[str, str], list[Entry]] = {}
        #: (channel, day) → what is on the account when the day begins, by the bills
        self.opening: dict[tuple[str, str], int] = {}
        self._next = from_beijing(f"{beijing(till.world.start)[:10]} 00:00:00")
        self._carried: dict[str, list[Entry]] = {c: [] for c in till.merchants}
        self._balance = dict(till.balances)
        self._seen: set[tuple[str, str]] = set()

    @property
    def coming(self) -> int:
        """When the first day without bills began."""
        return self._next

    def next_at(self) -> int:
        """When the next day's bills are made."""
        return self._next + DAY + READY_S

    def make(self) -> None:
        """Make the bills of the next day, for every channel."""
        day = beijing(self._next)[:10]
        for channel in self.till.merchants:
            self._make(channel, day, self._next)
        self._next += DAY

    def true(self, channel: str, start: int) -> list[Entry]:
        """What happened on the day that begins at `start`, in order of time."""
        till, inside = self.till, range(start, start + DAY)
        found = [of_payment(p) for p in till.payments.values() if p.channel == channel and p.paid_at in inside]
        for back in till.backs.values():
            if back.channel != channel:
                continue
            owner = till.payments[channel, back.payment_no]
            if back.created in inside:
                found.append(of_back(owner, back))
            if back.state == "closed" and back.done_at in inside:
                found.append(of_back(owner, back, "returned"))
        return sorted(found, key=lambda e: (e.at, e.payment_no, e.back_no))

    def _make(self, channel: str, day: str, start: int) -> None:
        told = self._carried[channel]
        self._carried[channel] = []
        told = sorted([*told, *self._plant(channel, day, self.true(channel, start), start)], key=lambda e: e.at)
        self.made[channel, day] = told
        self.opening[channel, day] = self._balance[channel]
        self._balance[channel] += sum(moved(e) for e in told)
        if told:
            self._write(channel, day, told)

    def _write(self, channel: str, day: str, told: list[Entry]) -> None:
        book = self.till.world.book
        sums = {
            f"{kind}s": {
                "rows": sum(e.kind == kind for e in told),
                "amount": sum(e.amount for e in told if e.kind == kind),
                "settled": sum(e.settled for e in told if e.kind == kind),
                "fee": sum(e.fee for e in told if e.kind == kind),
            }
            for kind in ("payment", "refund")
        }
        book.write("bill", channel=channel, day=day, rows=len(told), **sums)
        for entry in told:
            book.write("bill_row", channel=channel, day=day, **entry.to_book())

    # --- planting

    def _plant(self, channel: str, day: str, true: list[Entry], start: int) -> list[Entry]:
        chosen = self._choose(channel, day, true)
        told: list[Entry] = []
        for entry in true:
            told += self._told(channel, day, entry, chosen.get((entry.payment_no, entry.back_no), ""), start)
        told += [self._extra(channel, day, start, n) for n in range(self._extras(channel, day, len(true)))]
        return told

    def _choose(self, channel: str, day: str, true: Iterable[Entry]) -> dict[tuple[str, str], str]:
        """(payment, refund) → the difference that is planted there."""
        seed, chosen = self.till.world.seed, {}
        rates = {k: r for k, r in self.planting.rates.items() if k != "extra" and r}
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
        n = digest(self.till.world.seed, "by", day, entry.payment_no, entry.back_no)
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
            self._carried[channel] += told
        self._note(channel, day, kind, entry, told)
        return [] if kind == "day_cut" else told

    def _extras(self, channel: str, day: str, rows: int) -> int:
        rate = self.planting.rates.get("extra", 0.0)
        if not rate or not rows:
            return 0
        count = sum(chance(self.till.world.seed, "extra", channel, day, n) < rate for n in range(rows))
        sure = (channel, "extra") not in self._seen
        self._seen.add((channel, "extra"))
        return max(count, 1) if sure else count

    def _extra(self, channel: str, day: str, start: int, n: int) -> Entry:
        seed = self.till.world.seed
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
        self.till.world.book.write("planted", **facts)


def moved(entry: Entry) -> int:
    """By how much the merchant's account changes."""
    net = entry.settled - entry.fee
    return -net if entry.kind == "refund" else net
