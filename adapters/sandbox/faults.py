"""Faults on demand: each has a name, plays by chance of the seed or because it was armed, and is bounded.

A fault plays where its opportunity comes up: at a request, at a list, at an order. Whether it does depends on the seed,
the fault and the name of the opportunity alone, so the same questions meet the same faults. Beside the chance, each
fault plays once on each platform at an early opportunity, so that small worlds meet every one of them. Bounds make a
persistent client get through: nothing plays more than `per_key` times for one request or window.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox import traits
from adapters.sandbox.wire import chance, digest

if TYPE_CHECKING:
    from adapters.sandbox.book import Book
    from adapters.sandbox.state import Order


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How often a fault plays: chance per opportunity; at most so often for one key, and in all per platform."""

    what: str
    rate: float
    per_key: int = 1
    most: int = 1_000_000
    #: chance that what played for a key plays for it again
    again: float = 0.5
    #: opportunity at which it plays for certain, per platform: one of the first so many
    early: int = 3


PLANS: dict[str, Plan] = {
    "shifting_pages": Plan(what="an order changes while a list is being paged", rate=0.3),
    "wrong_total": Plan(what="a list's total is wrong the first two times", rate=0.15, per_key=2, most=12, again=1.0),
    "late_visible": Plan(what="lists show an order some minutes after it changed", rate=0.03, early=8),
    "duplicates": Plan(what="an order comes twice in a list", rate=0.08),
    "throttled": Plan(what="the platform's own envelope for too many calls", rate=0.01, per_key=2, most=3, early=9),
    "http_5xx": Plan(what="a web server's error page instead of an answer", rate=0.01, per_key=2, most=12, early=12),
    "timeout": Plan(what="the answer comes after the client stopped waiting", rate=0.002, most=2, early=15),
    "answer_lost": Plan(what="done, but the connection closes without an answer", rate=0.01, most=30, early=4),
    "token_expired": Plan(what="the access token ends before its time", rate=0.0, most=1, early=30),
    "unreadable_order": Plan(what="one field of an order cannot be read, until healed", rate=0.003, early=12),
    "unknown_sku": Plan(what="a line's code is in no catalogue", rate=0.003, early=20),
    "float_money": Plan(what="an order's amounts are JSON floats", rate=0.01, early=10),
    "single_object": Plan(what="a list of one is sent as the object alone", rate=0.3, per_key=1_000_000, again=1.0),
    "null_list": Plan(what="an empty list is sent as null", rate=0.3, per_key=1_000_000, again=1.0),
    "notify_lost": Plan(what="a payment notification is never delivered", rate=0.03, early=4),
    "notify_late": Plan(what="a payment notification comes hours late", rate=0.05, early=5),
    "notify_doubled": Plan(what="a payment notification comes twice", rate=0.05, early=6),
    "notify_forged": Plan(what="somebody who is not the channel says a payment was made", rate=0.05, early=3),
    "notify_out_of_order": Plan(what="the payment's notification comes after its refund's", rate=0.2, early=2),
    "notify_wrong_amount": Plan(what="a notification is validly signed but tells another amount", rate=0.03, early=7),
}
CHANNELS = ("wechatpay", "alipay")
#: only these platforms have the thing the fault is about
ONLY = {
    **{
        name: tuple(p for p in traits.names() if name in traits.find(p).faults)
        for name in ("single_object", "wrong_total", "token_expired")
    },
    "float_money": tuple(p for p in traits.names() if not traits.find(p).number_money),
    **dict.fromkeys((name for name in PLANS if name.startswith("notify_")), CHANNELS),
}
BREAKS = ("money", "id", "time")


class Armed(msgspec.Struct, kw_only=True):
    """A fault armed by hand: where it fits it plays for certain, `times` times. Empty fields fit everything."""

    name: str
    platform: str = ""
    #: part of the method's name
    method: str = ""
    order: str = ""
    times: int = 1
    #: unreadable_order: money, id or time
    mode: str = ""


class Faults:
    """Which faults play, and when. `names` are on; the others never play unless armed."""

    def __init__(self, seed: int, names: Iterable[str] = (), *, delay_s: float = 2.5) -> None:
        self.seed = seed
        self.names = frozenset(names)
        unknown = self.names - PLANS.keys()
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(PLANS)}")
        self.rates = {name: plan.rate for name, plan in PLANS.items()}
        #: how long `timeout` holds an answer back
        self.delay_s = delay_s
        self.armed: list[Armed] = []
        self.played: dict[str, int] = {}
        #: (platform, order no) → money, id or time: what of its JSON cannot be read
        self.broken: dict[tuple[str, str], str] = {}
        self.floats: set[tuple[str, str]] = set()
        self._counts: dict[tuple[str, str], int] = {}
        self._in_all: dict[tuple[str, str], int] = {}
        self._met: dict[tuple[str, str], int] = {}
        self._served: set[tuple[str, str, str]] = set()
        self.book: Book | None = None
        #: the caller's own number of the request being answered
        self.client = ""

    @classmethod
    def read(cls, seed: int, text: str, *, delay_s: float = 2.5) -> Faults:
        """From the words of a command line: none, all, or names with commas."""
        names = list(PLANS) if text == "all" else [] if text in ("none", "") else [n.strip() for n in text.split(",")]
        return cls(seed, names, delay_s=delay_s)

    # --- deciding

    def plays(
        self,
        name: str,
        platform: str,
        key: str,
        *,
        method: str = "",
        order: str = "",
        likelier: float = 1.0,
        only_armed: bool = False,
    ) -> bool:
        """Whether the fault plays at this opportunity; counts it when it does.

        key: the request, window or order; at most `per_key` times each, unless armed. likelier: factor on the chance.
        """
        if platform not in ONLY.get(name, (platform,)):
            return False
        if self._take_armed(name, platform, method, order):
            return self._count(name, platform, key)
        if only_armed or name not in self.names:
            return False
        plan = PLANS[name]
        done = self._counts.get((name, key), 0)
        if done >= plan.per_key or self._in_all.get((name, platform), 0) >= plan.most:
            return False
        met = self._met[name, platform] = self._met.get((name, platform), 0) + 1
        early = met == 1 + digest(self.seed, name, platform) % plan.early
        again = done > 0 and chance(self.seed, name, key, done) < plan.again
        if early or again or chance(self.seed, name, platform, key, method) < self.rates[name] * likelier:
            return self._count(name, platform, key)
        return False

    def calls(self, window: str) -> int:
        """Count a call for a window; the first one gives 1."""
        self._counts["", window] = self._counts.get(("", window), 0) + 1
        return self._counts["", window]

    def times(self, name: str, key: str) -> int:
        """How often a fault has played for a key."""
        return self._counts.get((name, key), 0)

    def _take_armed(self, name: str, platform: str, method: str, order: str) -> bool:
        for armed in self.armed:
            fits = armed.name == name and armed.times > 0 and armed.platform in ("", platform)
            if fits and armed.method in method and armed.order in ("", order):
                armed.times -= 1
                return True
        return False

    def _count(self, name: str, platform: str, key: str) -> bool:
        self._counts[name, key] = self._counts.get((name, key), 0) + 1
        self._in_all[name, platform] = self._in_all.get((name, platform), 0) + 1
        return True

    def write(self, name: str, request_id: str, platform: str, **touched: Any) -> None:
        """Write into the book that a fault was really played."""
        self.played[name] = self.played.get(name, 0) + 1
        if self.book is not None:
            self.book.write(
                "fault", fault=name, request_id=request_id, client=self.client, platform=platform, **touched
            )

    # --- of one order, the same in every answer

    def delay_of(self, order: Order) -> int:
        """Seconds until lists show this version of the order."""
        key = f"{order.no}/{order.version}"
        if not self.plays("late_visible", order.platform, key, order=order.no):
            return 0
        long = chance(self.seed, "long", key) < 0.15
        minutes = 11 + digest(self.seed, key) % 10 if long else 2 + digest(self.seed, key) % 7
        return minutes * 60

    def mark(self, order: Order) -> None:
        """Decide once, when an order is placed, how its JSON will be spoilt."""
        spoilt = {name: self._marks(name, order) for name in ("unreadable_order", "float_money")}
        if spoilt["unreadable_order"]:
            self.broken[order.key] = BREAKS[(self._in_all["unreadable_order", order.platform] - 1) % len(BREAKS)]
        if spoilt["float_money"]:
            self.floats.add(order.key)

    def _marks(self, name: str, order: Order) -> bool:
        return self.plays(name, order.platform, order.no, order=order.no)

    def arm(self, armed: Armed) -> None:
        """Let a fault play for certain where it fits; one of an order that exists shows at once.

        Raises:
            ValueError: there is no such fault or mode.
        """
        if armed.name not in PLANS or armed.mode not in ("", *BREAKS):
            raise ValueError(f"no such fault: {armed.name} {armed.mode}".strip())
        if armed.name == "unreadable_order" and armed.order:
            self.broken[armed.platform, armed.order] = armed.mode or "money"
        elif armed.name == "float_money" and armed.order:
            self.floats.add((armed.platform, armed.order))
        else:
            self.armed.append(armed)

    def heal(self) -> int:
        """Make every unreadable order readable again; returns how many there were."""
        count = len(self.broken)
        self.broken.clear()
        return count

    def of_order(self, order: Order) -> tuple[str, str]:
        """How its JSON is spoilt: (unreadable mode or empty, ``float`` or empty)."""
        return self.broken.get(order.key, ""), "float" if order.key in self.floats else ""

    def served(self, order: Order, request_id: str, hidden: Collection[str] = ()) -> None:
        """Write the faults of an order the first time an answer really showed them."""
        broken, floats = self.of_order(order)
        names = [("unreadable_order", broken), ("float_money", floats)]
        names.append(("unknown_sku", "yes" if any(not x.listing.known for x in order.lines) else ""))
        for name, mode in names:
            mark = (name, order.platform, order.no)
            if mode and name not in hidden and mark not in self._served:
                self._served.add(mark)
                self.write(name, request_id, order.platform, order=order.no, mode=mode)

    def once(self, name: str, platform: str, key: str, request_id: str, **touched: Any) -> None:
        """Write a fault into the book once per key."""
        if (name, platform, key) not in self._served:
            self._served.add((name, platform, key))
            self.write(name, request_id, platform, **touched)
