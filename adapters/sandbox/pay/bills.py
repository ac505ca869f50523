"""The days' bills: what really happened on a day, and what the bill says of it, perhaps with differences (`planting.py`).

A day's bill is made once, at nine in the morning after it (Beijing time), and never changes. Its rows are entries; each
channel writes them in its own form, in its trade bill and in its ledger of money alike: a planted difference stands in
both. The book gets a ``bill`` with counts and sums and a ``bill_row`` for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.sandbox.pay.entries import Entry, moved, of_back, of_payment
from adapters.sandbox.pay.planting import DAY, Planter, Planting
from adapters.sandbox.wire import beijing, from_beijing

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

#: a day's bill is there so long after the day's end
READY_S = 9 * 3600


class Bills:
    """All bills of a till, by channel and day. A day is named by its date, ``2026-09-01``."""

    def __init__(self, till: Till, planting: Planting) -> None:
        self.till = till
        self._planter = Planter(planting, till.world.seed, till.world.book, till.merchants)
        self.made: dict[tuple[str, str], list[Entry]] = {}
        #: (channel, day) → what is on the account when the day begins, by the bills
        self.opening: dict[tuple[str, str], int] = {}
        self._next = from_beijing(f"{beijing(till.world.start)[:10]} 00:00:00")
        self._balance = dict(till.balances)

    @property
    def planted(self) -> list[dict[str, Any]]:
        """Every difference so far."""
        return self._planter.planted

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
        carried = self._planter.carried[channel]
        self._planter.carried[channel] = []
        planted = self._planter.plant(channel, day, self.true(channel, start), start)
        told = sorted([*carried, *planted], key=lambda e: e.at)
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
