"""An office whose orders change at random: late payments, prices, shipments, cancels, refunds, replays. For the figures' tests."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import msgspec

from jobs.env import Env
from jobs.refreshing import refresh
from stores.contracts import Change, RefundChange
from stores.records import (
    FullOrder,
    Progress,
    Refund,
    RefundKind,
    RefundLine,
    RefundStatus,
    Region,
    replace,
)
from tests.factories import T0, make_full_order, put_orders

#: alias → (platform, seller, currency)
SHOPS = {
    "tmall": ("taobao", "2200001", "CNY"),
    "jd-main": ("jd", "900001", "CNY"),
    "lark": ("own", "L1", "CNY"),
    "world": ("own", "W1", "USD"),
}
SETTINGS = {
    alias: {"platform": platform, "seller_id": seller, "app_key": "k", "app_secret": "s"}
    for alias, (platform, seller, _) in SHOPS.items()
}
#: one begins like a formula, one is not mapped
SKUS = ("SKU-1", "SKU-2", "=SKU-3", "")
REASONS = ("拍错/多拍", "尺码不合适", "", "打我电话 13800001111", "缺货|补发")
ACTS = (
    "add",
    "pay",
    "change",
    "ship",
    "ship_rest",
    "cancel",
    "ask_back",
    "settle_back",
    "wait",
    "refresh",
    "rewind",
    "stop",
)


class Market:
    """Orders of an office, and what happens to them."""

    def __init__(self, env: Env, seed: int) -> None:
        self.env = env
        self._random = random.Random(seed)
        self._made = 0
        self._refunds = 0

    def act(self, name: str) -> None:
        """Let something of that name happen; nothing when there is no order for it."""
        getattr(self, f"_{name}")()

    # ------------------------------------------------------------ orders
    def _add(self) -> None:
        for _ in range(self._random.randint(1, 4)):
            self.add()

    def add(self, **changes: Any) -> FullOrder:
        """An order of any shop, unpaid, paid or cash on delivery, some of them cancelled or shipped elsewhere before we hear."""
        rnd = self._random
        self._made += 1
        shop = changes.pop("shop", "") or rnd.choice(sorted(SHOPS))
        platform, seller, currency = SHOPS[shop]
        rows = [(sku, qty, qty * rnd.randint(100, 9_999)) for sku, qty in self._skus()]
        at = self.env.clock.now() - timedelta(minutes=rnd.randint(0, 3 * 1440))
        kind = rnd.choice(("unpaid", "paid", "paid", "paid", "cod", "cancelled", "elsewhere"))
        progress = {"unpaid": Progress.UNPAID, "cancelled": Progress.CANCELLED, "elsewhere": Progress.SHIPPED}
        base: dict[str, Any] = {
            "number": f"39{self._made:017d}", "platform": platform, "seller_id": seller, "shop": shop, "currency": currency,
            "progress": progress.get(kind, Progress.CREATED), "ordered_at": at, "flags": ("cod",) if kind == "cod" else (),
            "paid_at": None if kind in ("unpaid", "cod") else at + timedelta(seconds=rnd.randint(5, 5_000)),
            "subsidy_minor": rnd.choice((0, 0, 777)), "region": Region(province="浙江省"), "created_at": at, "changed_at": at,
        }  # fmt: skip
        full = make_full_order(rows, **{**base, **changes})
        put_orders(self.env, full)
        return full

    def _skus(self) -> list[tuple[str, int]]:
        found = self._random.sample(SKUS, self._random.randint(1, 3))
        return [(sku, self._random.randint(1, 4)) for sku in found]

    def _one(self, *progress: Progress) -> FullOrder | None:
        heads = [h for page in self.env.orders.scan() for h in page if not progress or h.order.progress in progress]
        return self._random.choice(heads) if heads else None

    def _apply(self, full: FullOrder, **change: Any) -> None:
        order = full.order
        made = Change(order_no=order.order_no, expect=order.version, **{"reason": "test", **change})
        assert self.env.orders.apply([made], run_id="test")[0].ok

    def _pay(self) -> None:
        """Paid late."""
        if full := self._one(Progress.UNPAID):
            paid = {"paid_at": self.env.clock.now(), "paid_minor": full.order.payable_minor}
            self._apply(full, to=Progress.CREATED, reason="platform.paid", set=paid)

    def _change(self) -> None:
        """Another price, other pieces, or another alias for the shop."""
        full = self._one()
        if full is None:
            return
        rnd = self._random
        if rnd.random() < 0.2:
            self._apply(full, set={"shop": rnd.choice(("tmall", "renamed"))})
            return
        line, part = full.lines[0], full.ship_lines[0]
        more = {"payable_minor": full.order.payable_minor + rnd.randint(-50, 50), "subsidy_minor": rnd.choice((0, 5))}
        lines, parts = (
            (replace(line, qty=line.qty + 1),),
            (replace(part, qty=part.qty + 1, value_minor=part.value_minor + 3),),
        )
        self._apply(full, set=more, lines=lines, ship_lines=parts)

    def _ship(self) -> None:
        """All of it, or its first piece."""
        full = self._one(Progress.CREATED)
        if full is None:
            return
        if self._random.random() < 0.5:
            self._leave(full, Progress.SHIPPED)
            return
        first = full.ship_lines[0]
        self._apply(full, to=Progress.PARTLY_SHIPPED, reason="parcel_left", ship_lines=(replace(first, shipped_qty=1),))

    def _ship_rest(self) -> None:
        if full := self._one(Progress.PARTLY_SHIPPED):
            self._leave(full, Progress.SHIPPED)

    def _leave(self, full: FullOrder, to: Progress) -> None:
        parts = tuple(replace(s, shipped_qty=s.qty) for s in full.ship_lines)
        self._apply(full, to=to, reason="parcel_left", ship_lines=parts)

    def _cancel(self) -> None:
        if full := self._one(Progress.UNPAID, Progress.CREATED):
            self._apply(
                full, to=Progress.CANCELLED, reason=self._random.choice(("platform.lines+closed", "refund.full"))
            )

    # ------------------------------------------------------------ refunds
    def _ask_back(self) -> None:
        full = self._one()
        if full is None:
            return
        self._refunds += 1
        rnd, order, now = self._random, full.order, self.env.clock.now()
        refund = Refund(
            refund_no=f"R{self._refunds:04d}", order_no=order.order_no, platform=order.platform, seller_id=order.seller_id,
            shop=order.shop, platform_refund_no=str(self._refunds), kind=rnd.choice(list(RefundKind)),
            status=rnd.choice((RefundStatus.ASKED, RefundStatus.DONE)), currency=order.currency,
            amount_minor=rnd.randint(1, 500), reason=rnd.choice(REASONS), asked_at=now - timedelta(hours=rnd.randint(0, 30)),
            doc_modified_at=now, created_at=now, changed_at=now,
        )  # fmt: skip
        line = RefundLine(
            refund_no=refund.refund_no, order_no=order.order_no, line_no=1, qty=1, amount_minor=refund.amount_minor
        )
        assert self.env.orders.add_refunds([(refund, (line,))], run_id="test", reason="pushed")[0].ok

    def _settle_back(self) -> None:
        open_ = self.env.orders.find_refunds(statuses=["asked"])
        if not open_:
            return
        refund = self._random.choice(open_)
        to = self._random.choice((RefundStatus.DONE, RefundStatus.CLOSED, RefundStatus.REFUSED))
        change = RefundChange(
            refund_no=refund.refund_no, order_no=refund.order_no, expect=refund.version, reason="test",
            set={"status": to, "amount_minor": refund.amount_minor + 1},
        )  # fmt: skip
        assert self.env.orders.apply_refunds([change], run_id="test")[0].ok

    # ------------------------------------------------------------ time and the job
    def _wait(self) -> None:
        self.env.clock.advance(self._random.randint(60, 30_000))

    def _refresh(self) -> None:
        assert refresh(self.env).outcome == "done"

    def _rewind(self) -> None:
        """What was read comes again, as after a copy of the store from before was put back."""
        standing = self.env.reports.standing()
        if standing and standing.after is None:
            assert self.env.reports.put([], expect=standing, to=replace(standing, cursor="")) is not None

    def _stop(self) -> None:
        """A run that is asked to stop before it did anything of substance."""
        self.env.stop.set()
        refresh(self.env)
        self.env.stop.clear()


def fresh(seed: int, env: Env, acts: int) -> Market:
    """A market after so many acts."""
    market = Market(env, seed)
    rnd = random.Random(seed)
    for _ in range(acts):
        market.act(rnd.choice(ACTS))
    return market


def without_time(figures: Any) -> Any:
    """A report as builtins, without the moments at which it was read."""
    told = msgspec.to_builtins(figures)
    return {k: v for k, v in told.items() if k not in ("made_at", "as_of", "jobs")}


__all__ = ["ACTS", "SETTINGS", "SHOPS", "SKUS", "T0", "Market", "fresh", "without_time"]
