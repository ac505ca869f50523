"""Notifications: what is due when, what goes wrong with them on purpose, and what became of each delivery.

Deliveries happen in rounds, once per step of the world's clock, at its time then: what fell due until now is posted
once, oldest first, each signed anew. What is not acknowledged waits for its channel's next interval in world time.

Faults (see `faults.py`), at most one for a genuine notification, each in the book with the `notice` it concerns:

- ``notify_lost``          is never delivered
- ``notify_late``          comes hours after its time
- ``notify_doubled``       comes twice, also when the first was acknowledged
- ``notify_wrong_amount``  is validly signed, but its amounts are not the payment's
- ``notify_forged``        nobody paid, but somebody says so: `mode` key (another key), body (altered after signing) or
  probe (WECHATPAY/SIGNTEST/); it comes beside whatever genuine ones there are, once
- ``notify_out_of_order``  after a refund's notification the payment's own comes (again, or only then)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox.pay import find
from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.wire import digest, iso

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till

_HOUR = 3600
_FAULTS = ("notify_lost", "notify_wrong_amount", "notify_late", "notify_doubled")


class Notice(msgspec.Struct, kw_only=True):
    """One notification. `tree` is what it says, as things stood when it was made; `told`: amount it tells, in fen."""

    id: str
    channel: str
    kind: str
    payment_no: str
    back_no: str
    url: str
    made: int
    tree: dict[str, Any]
    told: int
    due: int
    #: the fault it plays, and of a forged one how it is forged
    fault: str = ""
    mode: str = ""
    tries: int = 0
    #: deliveries still to be made although it was acknowledged
    extra: int = 0
    #: ``acknowledged``, ``given_up``, ``lost``; a forged one: ``sent``
    end: str = ""
    acknowledged: bool = False
    #: bytes that stay the same over all deliveries (wechatpay)
    body: bytes = b""

    def to_book(self) -> dict[str, Any]:
        return {
            "notice": self.id,
            "channel": self.channel,
            "notice_kind": self.kind,
            "payment": self.payment_no,
            "refund": self.back_no,
            "fault": self.fault,
            "mode": self.mode,
            "told": self.told,
            "tries": self.tries,
            "end": self.end,
            "acknowledged": self.acknowledged,
        }


class Notices:
    """All notifications of a till, those done with too."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.all: list[Notice] = []
        self._open: list[Notice] = []

    # --- what happened

    def started(self, payment: Payment) -> None:
        """Perhaps somebody who is not the channel will say that it was paid."""
        if not payment.notify_url or not self._plays("notify_forged", payment, payment.no):
            return
        modes = ("key", "body", "probe") if payment.channel == "wechatpay" else ("key", "body")
        mode = modes[(self.till.world.faults.played.get("notify_forged", 0)) % len(modes)]
        notice = self._make("payment", payment, None, payment.notify_url, "TRADE_SUCCESS", forged=True)
        notice.fault, notice.mode = "notify_forged", mode
        notice.due += 2
        self._played(notice)

    def paid(self, payment: Payment) -> None:
        """The payment's own notification."""
        if not payment.notify_url:
            return
        notice = self._make("payment", payment, None, payment.notify_url, "TRADE_SUCCESS")
        fault = next((f for f in _FAULTS if self._plays(f, payment, payment.no)), "")
        self._spoil(notice, payment, fault)

    def closed(self, payment: Payment, event: str) -> None:
        """alipay tells of the end of an unpaid wap payment; nothing else is told."""
        if payment.channel == "alipay" and payment.method == "wap" and event == "expired" and payment.notify_url:
            self._make("payment", payment, None, payment.notify_url, "TRADE_CLOSED")

    def given_back(self, payment: Payment, back: Back) -> None:
        """A refund came to its end. alipay tells of whole ones only where the payment was made in an app or browser."""
        url = back.notify_url if payment.channel == "wechatpay" else payment.notify_url
        whole = self.till.backed(payment) >= payment.total
        if not url or (payment.channel == "alipay" and whole and payment.method not in ("wap", "app")):
            return
        notice = self._make("refund", payment, back, url, "TRADE_CLOSED" if whole else "TRADE_SUCCESS")
        fault = next((f for f in _FAULTS if f != "notify_wrong_amount" and self._plays(f, payment, back.no)), "")
        if fault:
            self._spoil(notice, payment, fault)
        elif self._plays("notify_out_of_order", payment, back.no):
            self._reverse(notice, payment)

    # --- faults

    def _plays(self, fault: str, payment: Payment, key: str) -> bool:
        faults = self.till.world.faults
        return faults.plays(fault, payment.channel, f"{payment.channel}|{key}", order=payment.no, method="notify")

    def _played(self, notice: Notice, **more: Any) -> None:
        faults = self.till.world.faults
        # no request of the caller's has to do with it, though one may be in hand
        asked, faults.client = faults.client, ""
        told = {"notice": notice.id, "payment": notice.payment_no, "refund": notice.back_no, "mode": notice.mode}
        faults.write(notice.fault, "", notice.channel, order=notice.payment_no, **told, told=notice.told, **more)
        faults.client = asked

    def _spoil(self, notice: Notice, payment: Payment, fault: str) -> None:
        """Let a fault happen to a genuine notification."""
        if not fault:
            return
        notice.fault = fault
        n = digest(self.till.world.seed, fault, notice.id)
        if fault == "notify_lost":
            notice.end = "lost"
            self._open.remove(notice)
        elif fault == "notify_late":
            notice.due += _HOUR + n % (5 * _HOUR)
        elif fault == "notify_doubled":
            notice.extra = 1
        else:
            notice.told = payment.total - 1 - n % 99 if payment.total > 100 and n % 2 else payment.total + 1 + n % 99
            notice.tree = find(notice.channel).tell(notice.tree, payment, notice.told)
        self._played(notice, true=payment.total, due=iso(notice.due))

    def _reverse(self, notice: Notice, payment: Payment) -> None:
        """Let the payment's own notification be delivered after the refund's."""
        own = [
            n for n in self.all if n.payment_no == payment.no and n.kind == "payment" and n.channel == payment.channel
        ]
        own = [n for n in own if n.fault in ("", "notify_late", "notify_doubled") and n.end != "given_up"]
        if not own:
            return
        first = own[-1]
        notice.fault, notice.mode = "notify_out_of_order", "again" if first.end else "held"
        if first.end:
            first.end, first.acknowledged = "", False
            self._open.append(first)
        first.due = notice.due
        self._open.remove(first)
        self._open.append(first)
        self._played(notice, after=first.id)

    # --- making

    def _make(
        self, kind: str, payment: Payment, back: Back | None, url: str, status: str, *, forged: bool = False
    ) -> Notice:
        world = self.till.world
        n = world.count("notice")
        channel = find(payment.channel)
        notice = Notice(
            id=channel.notice_id(world, n),
            channel=payment.channel,
            kind=kind,
            payment_no=payment.no,
            back_no=back.no if back is not None else "",
            url=url,
            made=world.now,
            tree=channel.told(self.till, payment, back, status, forged=forged),
            told=back.amount if back is not None else payment.total,
            due=world.now + 1,
        )
        self.all.append(notice)
        self._open.append(notice)
        return notice

    # --- delivering

    def due(self, now: int) -> list[Notice]:
        """What is to be delivered by now, in order."""
        found = [(n.due, i, n) for i, n in enumerate(self._open) if n.due <= now]
        return [n for _, _, n in sorted(found, key=lambda x: x[:2])]

    def put_off(self, notice: Notice, seconds: int) -> None:
        """Leave a delivery out of this round; it does not count as one."""
        notice.due = self.till.world.now + seconds

    def delivered(self, notice: Notice, status: int, body: bytes) -> None:
        """Say what came of a delivery; `status` 0: nothing came back."""
        channel, world = find(notice.channel), self.till.world
        notice.tries += 1
        good = channel.acknowledged(status, body)
        notice.acknowledged = notice.acknowledged or good
        if notice.extra:
            notice.extra -= 1
        elif notice.fault == "notify_forged":
            notice.end = "sent"
        elif good:
            notice.end = "acknowledged"
        elif notice.tries > len(channel.WAITS):
            notice.end = "given_up"
        else:
            notice.due = world.now + channel.WAITS[notice.tries - 1]
        if notice.end:
            self._open.remove(notice)
        world.book.write("notice", status=status, good=good, **notice.to_book())
