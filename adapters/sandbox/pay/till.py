"""The till: what both channels have in common. Payments are started, paid, closed and given back here.

The till has a timeline of its own that moves with the world's clock, so that a world's orders live the same day with
payments and without. The book gets an entry for all that happens: ``payment`` and ``payback`` (with `event`), ``notice``
(each delivery), ``bill``, ``bill_row`` and ``planted``; see `notices.py`, `bills.py` and
`planting.py`.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox.pay import buyers
from adapters.sandbox.pay.bills import Bills
from adapters.sandbox.pay.merchants import Merchant, make_merchant
from adapters.sandbox.pay.notices import Notices
from adapters.sandbox.pay.planting import Planting
from adapters.sandbox.pay.state import Back, Payment, share
from adapters.sandbox.wire import beijing, digest

if TYPE_CHECKING:
    from adapters.sandbox.world import World

#: what a merchant has on his account when the world begins, in fen
OPENING = 500_000_00
#: refunds of one payment, at most
MOST_BACKS = 50


class Habits(msgspec.Struct, kw_only=True):
    """What buyers and banks do from now on instead of what the seed says; empty: the seed decides.

    coupon: NOCASH, CASH or ``none``, with its amount · outcome: of refunds, success, abnormal or closed.
    """

    plan: str = ""
    coupon: str = ""
    coupon_amount: int = 0
    outcome: str = ""


class Till:
    """Everything about payments. Channels it has are the keys of `merchants`."""

    def __init__(self, world: World, channels: Sequence[str], planting: Planting | None = None) -> None:
        self.world = world
        self.merchants: dict[str, Merchant] = {c: make_merchant(c, world.seed, world.start) for c in channels}
        self.payments: dict[tuple[str, str], Payment] = {}
        self.backs: dict[tuple[str, str], Back] = {}
        self.trades: dict[tuple[str, str], Payment] = {}
        self.balances = dict.fromkeys(channels, OPENING)
        self.habits = Habits()
        #: token → a bill that may be downloaded
        self.tickets: dict[str, Any] = {}
        #: the clock of callers that do not follow the world's
        self.real: Callable[[], float] = time.time
        self.notices = Notices(self)
        self.bills = Bills(self, planting or Planting())
        self._heap: list[tuple[int, int, str, tuple[str, str]]] = []

    # --- time

    def next_at(self) -> int:
        """When the next thing happens: every morning there are bills at least."""
        return min(self._heap[0][0], self.bills.next_at()) if self._heap else self.bills.next_at()

    def step(self) -> None:
        """Let the next thing happen; the world's clock stands at its time."""
        if not self._heap or self.bills.next_at() < self._heap[0][0]:
            self.bills.make()
            return
        _, _, what, key = heapq.heappop(self._heap)
        if what == "back":
            self._settle(self.backs[key])
            return
        payment = self.payments[key]
        if what == "scan":
            self._scan(payment)
        elif what == "pay":
            self.pay(payment)
        elif what == "expire" and payment.state in ("open", "waiting"):
            self._end(payment, "expired")

    def _at(self, at: int, what: str, key: tuple[str, str]) -> None:
        heapq.heappush(self._heap, (max(at, self.world.now), self.world.count("till"), what, key))

    def write(self, event: str, payment: Payment, **more: Any) -> None:
        self.world.book.write("payment", event=event, **payment.to_book(), **more)

    # --- payments

    def start(self, payment: Payment) -> tuple[str, Payment]:
        """Take a new payment order, or find it again.

        Returns:
            ``done``, ``again`` (the same order, still open), ``paid``, ``closed`` or ``differs``, and the payment.
        """
        old = self.payments.get(payment.key)
        if old is not None:
            same = (old.total, old.title, old.payer) == (payment.total, payment.title, payment.payer)
            word = {"paid": "paid", "closed": "closed"}.get(old.state, "again" if same else "differs")
            return word, old
        seed, world = self.world.seed, self.world
        payment.plan = self.habits.plan or buyers.plan_of(seed, payment)
        payment.coupon, payment.coupon_amount = self._coupon(payment)
        self.payments[payment.key] = payment
        pays = buyers.pays_at(seed, payment)
        if payment.state == "waiting":
            scans = buyers.scans_at(seed, payment, pays)
            if scans:
                self._at(scans, "scan", payment.key)
        elif payment.channel == "alipay":
            self._trade(payment)
        if pays:
            self._at(pays, "pay", payment.key)
        self._at(payment.expires, "expire", payment.key)
        self.write("started", payment)
        self.notices.started(payment)
        world.book.flush()
        return "done", payment

    def _coupon(self, payment: Payment) -> tuple[str, int]:
        if not self.habits.coupon:
            return buyers.coupon_of(self.world.seed, payment)
        kind, amount = self.habits.coupon, self.habits.coupon_amount
        return (kind, amount) if kind != "none" and 0 < amount < payment.total else ("", 0)

    def _trade(self, payment: Payment) -> None:
        """Give the payment the channel's own number."""
        n, day = self.world.count(f"trade {payment.channel}"), beijing(self.world.now)[:10].replace("-", "")
        head = f"4200000000{day}" if payment.channel == "wechatpay" else f"{day}220014243314"
        payment.trade_no = f"{head}{n:0{28 - len(head)}d}"
        self.trades[payment.channel, payment.trade_no] = payment

    def _scan(self, payment: Payment) -> None:
        """alipay: the buyer scans the code; from now on the trade exists."""
        if payment.state != "waiting":
            return
        payment.state, payment.scanned_at = "open", self.world.now
        self._trade(payment)
        self.write("scanned", payment)

    def pay(self, payment: Payment) -> bool:
        """The buyer pays, if it can still be paid."""
        if payment.state == "waiting":
            self._scan(payment)
        if payment.state != "open":
            return False
        if not payment.trade_no:
            self._trade(payment)
        payment.state, payment.paid_at = "paid", self.world.now
        self.balances[payment.channel] += payment.settled - payment.fee
        self.write("paid", payment)
        self.notices.paid(payment)
        return True

    def pay_later(self, payment: Payment, after_s: int) -> None:
        """Have the buyer pay so many seconds from now, whatever his plan was."""
        payment.plan = "script"
        self._at(self.world.now + after_s, "pay", payment.key)

    def close(self, payment: Payment) -> str:
        """Close an unpaid payment: ``closed``, ``paid`` (also: in this very moment), ``already`` or ``no_trade``."""
        if payment.state == "waiting":
            if payment.plan == "late":
                self._at(self.world.now + 60, "pay", payment.key)
            return "no_trade"
        if payment.state == "open" and payment.plan == "late":
            self.pay(payment)
        if payment.state == "open":
            self._end(payment, "closed")
            return "closed"
        return "paid" if payment.state == "paid" else "already"

    def cancel(self, payment: Payment) -> None:
        """alipay: end an unpaid payment for good, scanned or not."""
        if payment.state in ("open", "waiting"):
            self._end(payment, "closed")

    def _end(self, payment: Payment, event: str) -> None:
        payment.state, payment.closed_at = "closed", self.world.now
        self.write(event, payment)
        self.notices.closed(payment, event)

    # --- refunds

    def backs_of(self, payment: Payment) -> list[Back]:
        """Its refunds that count: closed ones gave nothing back."""
        found = (self.backs[payment.channel, no] for no in payment.backs)
        return [b for b in found if b.state != "closed"]

    def backed(self, payment: Payment) -> int:
        """What of its amount was asked back so far."""
        return sum(b.amount for b in self.backs_of(payment))

    def give_back(
        self, payment: Payment, no: str, amount: int, *, reason: str, notify_url: str = "", funds: str = "UNSETTLED"
    ) -> tuple[str, Back | None]:
        """Give money back; the number is the key of idempotence.

        Returns:
            ``done`` or ``again`` with the refund; else why not, with none or the refund that has the number:
            ``differs``, ``not_paid``, ``too_much``, ``too_many``, ``not_enough`` (on the merchant's account).
        """
        old = self.backs.get((payment.channel, no))
        if old is not None:
            same = (old.payment_no, old.amount) == (payment.no, amount)
            return ("again" if same else "differs"), old
        before = self.backed(payment)
        if payment.state != "paid":
            return "not_paid", None
        if before + amount > payment.total:
            return "too_much", None
        if len(payment.backs) >= MOST_BACKS:
            return "too_many", None
        back = self._make_back(payment, no, amount, before)
        if back.settled - back.fee_back > self.balances[payment.channel]:
            return "not_enough", None
        back.reason, back.notify_url, back.funds = reason, notify_url, funds
        self._take(payment, back)
        return "done", back

    def _make_back(self, payment: Payment, no: str, amount: int, before: int) -> Back:
        """Shares by what was given back before and after, so that a whole refund in parts is the whole, to the fen."""

        def part(of: int) -> int:
            return share(before + amount, of, payment.total) - share(before, of, payment.total)

        day = beijing(self.world.now)[:10].replace("-", "")
        return Back(
            channel=payment.channel,
            no=no,
            payment_no=payment.no,
            refund_id=f"5030000000{day}{self.world.count('refund id'):011d}",
            amount=amount,
            payer=part(payment.payer_total),
            settled=part(payment.settled),
            fee_back=part(payment.fee) if payment.channel == "wechatpay" else 0,
            reason="",
            created=self.world.now,
            # alipay gives back at once; what can go wrong afterwards is that the buyer's bank sends it back
            outcome=self._outcome(payment.channel),
        )

    def _outcome(self, channel: str) -> str:
        wanted = self.habits.outcome or "success"
        return "success" if channel == "alipay" and wanted == "closed" else wanted

    def _take(self, payment: Payment, back: Back) -> None:
        self.backs[back.key] = back
        payment.backs.append(back.no)
        self.balances[payment.channel] -= back.settled - back.fee_back
        self.world.book.write("payback", event="asked", **back.to_book())
        if payment.channel == "alipay":
            self._settle(back)
        else:
            self._at(self.world.now + 3 + digest(self.world.seed, "back", *back.key) % 80, "back", back.key)
        self.world.book.flush()

    def _settle(self, back: Back) -> None:
        """A refund comes to its end: the buyer has the money, or not."""
        payment = self.payments[back.channel, back.payment_no]
        back.state, back.done_at = back.outcome, self.world.now
        if back.state == "closed":
            self.balances[back.channel] += back.settled - back.fee_back
        self.world.book.write("payback", event=back.state, **back.to_book())
        self.notices.given_back(payment, back)

    # --- looking

    def as_it_stands(self) -> dict[str, list[dict[str, Any]]]:
        """Payments, refunds, notifications, and what was planted into bills."""
        return {
            "payments": [p.to_book() for p in self.payments.values()],
            "refunds": [b.to_book() for b in self.backs.values()],
            "notices": [n.to_book() for n in self.notices.all],
            "planted": list(self.bills.planted),
        }

    def rows(self) -> list[dict[str, Any]]:
        """The same as rows of one file, each with its kind."""
        kinds = {"payments": "payment", "refunds": "payback", "notices": "notice", "planted": "planted"}
        return [{"kind": kinds[name], **row} for name, rows in self.as_it_stands().items() for row in rows]
