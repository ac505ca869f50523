"""For every scheduled job: the office in which it has work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import jobs
from jobs import stock
from jobs.api import Oms
from jobs.rules.numbers import order_no
from stores.contracts import Change
from stores.records import Hold, Progress
from tests.factories import make_full_order, put_orders
from tests.killing import killed_at
from tests.settlement.office import ledger, row
from tests.twice.offices import HOUR, START, Bazaar, SharedClock

#: two in the morning of the next day, when cron fires the nightly jobs
NIGHT = 26.5
#: after nine in the morning, when the channels have made the bills of the day before
BILLS = 34.0


@dataclass(frozen=True)
class Case:
    """Where a job has work."""

    #: of `offices.STAGES`
    stage: str
    #: hours since the day began, when the job runs
    hour: float = HOUR
    #: what else is done to the office before, without the platforms
    more: Callable[[Oms], object] = lambda oms: None
    #: see `books`: what may differ, since a later run may have heard newer words of a platform
    passing: frozenset[str] = frozenset()
    #: what one run leaves to the next, because the other had its order in hand, is done by one more
    again: bool = False
    #: it only looks: neither books nor platforms change
    looks: bool = False

    def office(self, bazaar: Bazaar, name: str) -> Path:
        """The folder of an office in which the job has work, made when it is first asked for. Copy it."""
        office = bazaar.folder / f"for {name}"
        if not office.exists():
            shutil.copytree(bazaar.stage(self.stage), office)
            with jobs.open(office / "oms.toml", clock=SharedClock(HOUR)) as oms:
                self.more(oms)
        return office


def _own_orders_and_ended_holds(oms: Oms) -> None:
    """Unpaid orders of our own, and holds that end within the hour."""
    env, at = oms.env, START + timedelta(hours=HOUR)
    unpaid = put_orders(
        env,
        *(
            make_full_order(
                number=f"OWN{n:03d}", platform="own", progress=Progress.UNPAID, ordered_at=at, paid_at=None, created_at=at,
                order_no=order_no("own", "2200001", f"OWN{n:03d}"),
            )
            for n in range(7)
        ),
    )  # fmt: skip
    env.stock.unwant(unpaid)  # what is not paid wants nothing yet
    heads = oms.list_orders(progress=("created",), limit=5)
    until = at + timedelta(minutes=10)
    outcomes = env.orders.apply(
        [
            Change(
                order_no=h.order_no, expect=h.version, reason="held",
                hold=(Hold(order_no=h.order_no, code="wait", owner="person", until=until, since=at),),
            )
            for h in heads
        ],
        run_id="test",
    )  # fmt: skip
    assert heads and all(o.ok for o in outcomes)


def _transfers_cut_in_the_middle(oms: Oms) -> None:
    level = next(x for x in oms.env.stock.levels() if x.available > 3)
    target = next(name for name in oms.env.settings.warehouses if name != level.warehouse)
    with killed_at(stock.SENT):
        oms.stock_transfer(level.warehouse, target, level.sku, 3, reason="test", by="test")


def _money_nobody_expects(oms: Oms) -> None:
    """A ledger with an order that is not ours, so that something stands open."""
    account = next(alias for alias, shop in oms.env.settings.shops.items() if shop.platform == "taobao")
    path = ledger(oms.env.root / "ledger.csv", [row(n, 1_000 + n, at=START + timedelta(hours=6)) for n in range(5)])
    assert oms.settle_platform([path], account=account, period=f"{START:%Y-%m-%d}").counts["only_theirs"] == 5


#: what is kept of a platform's newest document, and that it was heard
WORDS = frozenset(
    ["history", "orders.doc_modified_at", "orders.doc_hash", "orders.ended_at", "orders.platform_status", "inbox_state.modified_at", "inbox_state.hash", "inbox_state.status"]
)  # fmt: skip

CASES: dict[str, Case] = {
    "sync orders": Case("opened"),
    "sync refunds": Case("opened"),
    "push orders": Case("synced", again=True),
    "order audit": Case("pushed"),
    "order source": Case("audited"),
    "merge run": Case("sourced"),
    "parcel ship": Case("labelled"),
    "push shipments": Case("shipped", passing=WORDS),
    "push stock": Case("shipped"),
    "refund decide": Case("pushed", passing=WORDS),
    "reconcile payments": Case("paying", HOUR + 1),
    "reconcile bills": Case("paying", BILLS, again=True, passing=frozenset(["suspense.recheck_at"])),
    "order complete": Case("shipped", HOUR + 16 * 24, lambda oms: oms.complete_orders()),
    "order expire": Case("pushed", HOUR + 1, _own_orders_and_ended_holds),
    "stock alerts": Case("pushed", HOUR + 1, _transfers_cut_in_the_middle),
    "report refresh": Case("shipped"),
    "sync verify": Case("opened", NIGHT),
    "db purge": Case("pushed", HOUR + 100 * 24),
    "settle recheck": Case("pushed", HOUR + 50, _money_nobody_expects),
    "reconcile orders": Case("pushed", NIGHT, looks=True),
    "reconcile stock": Case("shipped", looks=True),
}
