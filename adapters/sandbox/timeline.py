"""A day of orders from one seed: who buys what, and what will happen to each order at which time.

Everything that depends on the seed alone is decided here, before the day starts. What depends on deeds from outside
(completed some time after shipping, a return after that) is written on the order and scheduled when it ships.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.sandbox import people, traits
from adapters.sandbox.faults import PLANS
from adapters.sandbox.goods import WAREHOUSES, Catalogue, Listing, ghost
from adapters.sandbox.homes import HOMES, Home
from adapters.sandbox.money import split
from adapters.sandbox.people import Buyer
from adapters.sandbox.state import Line, Order, Receiver
from adapters.sandbox.world import Planned

_MINUTE = 60
_HOUR = 3600
_REMARKS = ("请尽快发货", "请发顺丰", "送货前请联系", "不要放快递柜", "")
_MEMOS = ("加赠小样", "老客户", "已催仓库")
_EVENT = tuple[int, str, dict[str, Any]]


class Numbers:
    """Order and line numbers of one platform: rising, unevenly spaced, and too near each other for floats."""

    def __init__(self, platform: str, rng: random.Random) -> None:
        self._traits, self._rng = traits.find(platform), rng
        self._next = self._traits.first_order

    def take(self, lines: int, created: int) -> tuple[str, list[str]]:
        """The number of an order and of its lines; a lone line has the order's number where the platform does so."""
        no = self._traits.order_no(self._next, created)
        # doubles lie 512 apart up here: neighbours must not fall together
        self._next += self._rng.randrange(40, 400) + lines * 8
        if lines == 1 and self._traits.lone_line:
            return no, [no]
        return no, [self._traits.line_no(no, i) for i in range(lines)]


class Day:
    """Makes the orders of one platform."""

    def __init__(
        self, *, seed: int, platform: str, catalogue: Catalogue, start: int, hours: float, ghosts: bool, home: Home
    ) -> None:
        self.rng = random.Random(f"day:{seed}:{platform}")
        self.platform, self.start, self.span = platform, start, int(hours * _HOUR)
        self.traits, self.home = traits.find(platform), home
        self.listings = catalogue.listings[platform]
        self.numbers = Numbers(platform, self.rng)
        self.ghosts = ghosts
        self.made = 0

    def orders(self, count: int) -> list[Planned]:
        """Make `count` orders, oldest first; some buyers order again within minutes for the same place."""
        buyers = people.make_buyers(self.rng, self.platform, max(3, count * 2 // 3), self.home.country)
        asks = self._asks(buyers, count)
        return [self._plan(buyer, receiver, at) for at, buyer, receiver in asks]

    def _asks(self, buyers: Sequence[Buyer], count: int) -> list[tuple[int, Buyer, Receiver]]:
        asks: list[tuple[int, Buyer, Receiver]] = []
        while len(asks) < count:
            buyer, receiver = people.pick(self.rng, buyers)
            at = self._moment()
            again = self.rng.choice((1, 1, 2, 3)) if self.rng.random() < 0.18 else 0
            for _ in range(min(1 + again, count - len(asks))):
                asks.append((at, buyer, receiver))
                at += self.rng.randrange(20, 8 * _MINUTE)
        return sorted(asks, key=lambda a: (a[0], a[1].name))

    def _moment(self) -> int:
        """A second of the day; the evening is busier, and some fall on the very edge of ten minutes."""
        part = self.rng.random() if self.rng.random() < 0.6 else self.rng.betavariate(5, 2)
        at = self.start + int(part * self.span * 0.93)
        return at - at % 600 if self.rng.random() < 0.04 else at

    # --- one order

    def _plan(self, buyer: Buyer, receiver: Receiver, created: int) -> Planned:
        self.made += 1
        lines = self._lines()
        no, line_nos = self.numbers.take(len(lines), created)
        for line, line_no in zip(lines, line_nos, strict=True):
            line.no = line_no
        freight = self.home.of_fen(self.rng.choice((0, 0, 0, 600, 800, 1000)))
        order = Order(
            platform=self.platform,
            no=no,
            buyer=buyer.name,
            receiver=receiver,
            lines=lines,
            freight=freight,
            created=created,
            modified=created,
            remark=self.rng.choice(_REMARKS) if self.rng.random() < 0.25 else "",
            currency=self.home.currency,
        )
        self._discount(order)
        share_freight(order)
        add_tax(order, self.home)
        events = self._life(order)
        order.after_ship = self._after(order)
        return Planned(order=order, events=tuple(sorted(events, key=lambda e: (e[0], e[1]))))

    def _lines(self) -> list[Line]:
        count = self.rng.choices((1, 2, 3, 4), (62, 25, 9, 4))[0]
        chosen: list[Listing] = self.rng.sample(self.listings, min(count, len(self.listings)))
        if self.ghosts and (self.made == 5 or self.rng.random() < PLANS["unknown_sku"].rate):
            chosen[0] = ghost(self.platform, self.made, self.home)
        lines = [Line(no="", listing=x, qty=self.rng.choices((1, 2, 3), (80, 16, 4))[0], unit=x.unit) for x in chosen]
        if len(lines) > 1 and self.rng.random() < 0.04:
            lines[-1].gift, lines[-1].unit, lines[-1].qty = True, 0, 1
        return lines

    def _discount(self, order: Order) -> None:
        """Discounts on a line, on the order, by the platform; a changed price where the platform has the field."""
        payers, of_fen = [x for x in order.lines if not x.gift], self.home.of_fen
        for line in payers:
            if self.rng.random() < 0.2:
                line.item_off = line.goods // self.rng.choice((10, 8, 5)) // 10 * 10
        net = [x.goods - x.item_off for x in payers]
        if self.rng.random() < 0.3:
            for line, part in zip(
                payers, split(min(sum(net) // 6, of_fen(self.rng.choice((1000, 3000, 5000)))), net), strict=True
            ):
                line.shop_off = part
        if self.rng.random() < 0.15:
            for line, part in zip(
                payers, split(min(sum(net) // 9, of_fen(self.rng.choice((500, 777, 1500)))), net), strict=True
            ):
                line.platform_off = part
        if self.traits.talents and self.rng.random() < 0.1:
            for line, part in zip(payers, split(min(sum(net) // 12, of_fen(500)), net), strict=True):
                line.talent_off = part
        if self.traits.talents and self.rng.random() < 0.1:
            order.channel_off = of_fen(200)
        if self.traits.price_changes and self.rng.random() < 0.03:
            payers[0].adjust = -min(of_fen(300), payers[0].paid // 4)

    def _life(self, order: Order) -> list[_EVENT]:
        """Paid at once, late or never, and what the buyer does before it ships."""
        draw, created = self.rng.random(), order.created
        if draw < 0.05:
            return [(created + 30 * _MINUTE, "cancelled", {"why": "timeout"})]
        if draw < 0.065:
            return [(created + self.rng.randrange(40, 9 * _MINUTE), "cancelled", {"why": "buyer"})]
        events: list[_EVENT] = []
        paid_at = created + self.rng.randrange(5, 45)
        if draw < 0.15:
            paid_at = created + self.rng.randrange(3 * _MINUTE, 26 * _MINUTE)
        elif draw < 0.165 and self.traits.presale:
            order.presale = True
            events.append((paid_at, "deposit", {}))
            paid_at = created + self.rng.randrange(2 * _HOUR, 5 * _HOUR)
        hold = self._hold()
        events.append((paid_at, "paid", {"hold": hold} if hold else {}))
        ready = paid_at
        if hold:
            ready = paid_at + self.rng.randrange(10 * _MINUTE, 70 * _MINUTE)
            events.append((ready, "released", {}))
        if self.traits.settles:
            events.append((paid_at + self.rng.randrange(60, 20 * _MINUTE), "settled", {}))
        return events + self._changes(order, paid_at) + self._refund_before(order, ready)

    def _hold(self) -> str:
        draw = self.rng.random()
        if draw < 0.015 and "group_unfinished" in self.traits.holds:
            return "group_unfinished"
        return "risk_control" if draw < 0.025 and "risk_control" in self.traits.holds else ""

    def _changes(self, order: Order, paid_at: int) -> list[_EVENT]:
        events: list[_EVENT] = []
        if self.rng.random() < 0.03:
            receiver = people.make_receiver(self.rng, f"{order.receiver.key}+{order.no[-4:]}", self.home.country)
            at = paid_at + self.rng.randrange(2 * _MINUTE, 50 * _MINUTE)
            events.append((at, "address", {"receiver": msgspec.to_builtins(receiver)}))
        if self.rng.random() < 0.03:
            events.append((paid_at + self.rng.randrange(60, 40 * _MINUTE), "remark", {"text": "请改发顺丰"}))
        if self.rng.random() < 0.04:
            memo = {"text": self.rng.choice(_MEMOS), "flag": self.rng.randrange(1, 6)}
            events.append((paid_at + self.rng.randrange(60, 90 * _MINUTE), "memo", memo))
        if len(order.lines) > 1 and self.traits.parts and self.rng.random() < 0.04:
            events.append((paid_at + self.rng.randrange(2 * _MINUTE, 60 * _MINUTE), "line_closed", {"line": 0}))
        return events

    def _refund_before(self, order: Order, ready: int) -> list[_EVENT]:
        """Some ask their money back soon after paying: all of it, or that of one line; a few think better of it."""
        draw = self.rng.random()
        if draw > 0.07:
            return []
        at = ready + self.rng.randrange(3 * _MINUTE, 120 * _MINUTE)
        part = {"line": 0} if draw < 0.02 and len(order.lines) > 1 and self.traits.parts else {}
        events: list[_EVENT] = [(at, "refund_asked", {**part, "reason": "拍错/多拍"})]
        if self.rng.random() < 0.2:
            events.append((at + self.rng.randrange(2 * _MINUTE, 12 * _MINUTE), "refund_withdrawn", {}))
        return events

    def _after(self, order: Order) -> list[_EVENT]:
        """What follows once it has shipped; completion is the world's own doing."""
        draw = self.rng.random()
        later = self.rng.randrange(_HOUR // 2, 2 * _HOUR)
        part = {"line": 0} if len(order.lines) > 1 else {}
        if draw < 0.05:
            return [(later, "refund_asked", {**part, "kind": "return", "reason": "尺码不合适"})]
        if draw < 0.07:
            return [(later, "refund_asked", {**part, "kind": "refund_only", "reason": "少件"})]
        return []


def share_freight(order: Order) -> None:
    """Split the freight over the lines by what they cost."""
    for line, part in zip(order.lines, split(order.freight, [x.paid for x in order.lines]), strict=True):
        line.freight = part


def add_tax(order: Order, home: Home) -> None:
    """Put the country's tax on what each line costs, where it is not inside the prices."""
    if not home.tax_inside:
        for line in order.lines:
            line.tax = home.tax_of(line.paid)


def make_day(
    *,
    seed: int,
    catalogue: Catalogue,
    platforms: Sequence[str],
    orders: int,
    start: int,
    hours: float,
    ghosts: bool = False,
    homes: Mapping[str, Home] | None = None,
) -> list[Planned]:
    """Make `orders` orders spread over the platforms in turn, in order of time; `homes`: platform → where it sells."""
    plans: list[Planned] = []
    for n, platform in enumerate(platforms):
        count = orders // len(platforms) + (1 if n < orders % len(platforms) else 0)
        home = (homes or {}).get(platform, HOMES["CN"])
        day = Day(seed=seed, platform=platform, catalogue=catalogue, start=start, hours=hours, ghosts=ghosts, home=home)
        plans += day.orders(count)
    return sorted(plans, key=lambda p: (p.order.created, p.order.platform, p.order.no))


def opening_stock(seed: int, catalogue: Catalogue, plans: Sequence[Planned]) -> list[dict[str, Any]]:
    """Opening stock per SKU and warehouse: enough for the day's demand, but for two SKUs that run short."""
    demand = {s.sku: 0 for s in catalogue.skus}
    for plan in plans:
        for line in plan.order.lines:
            for sku, qty in line.listing.pieces(line.qty).items():
                demand[sku] += qty
    rng = random.Random(f"stock:{seed}")
    short = set(rng.sample([s.sku for s in catalogue.skus], min(2, len(catalogue.skus))))
    rows = []
    for good in catalogue.skus:
        wanted = demand[good.sku]
        total = wanted * 6 // 10 if good.sku in short else wanted * 3 // 2 + 60
        parts = split(total, [rng.randrange(2, 6) for _ in WAREHOUSES])
        opening = {w.name: q for w, q in zip(WAREHOUSES, parts, strict=True)}
        rows.append({"sku": good.sku, "title": good.title, "opening": opening})
    return rows
