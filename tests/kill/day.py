"""A day of the back office as steps, each one job in a process of its own at a time of its own.

The times lie so far apart that every lease of a killed step is over when its repetition comes, and the whole is placed
so that the world stands still during a step: what is done again sees the same marketplace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.sandbox import control
from adapters.sandbox.making import Made, Wish, describe, make_world
from adapters.sandbox.wire import iso
from jobs.demo import RATE, settings_text, write_rows
from jobs.privacy import KEY_FILE, make_key_file
from tests.kill import byhand
from tests.kill.byhand import Act
from tests.kill.canon import SPAN_S

#: a killed run of a step is so much earlier than its repetition: longer than any lease of a job
LEAD_S = 140
#: where the shops' addresses point to; the calls go to a socket file
BASE = "http://127.0.0.1:1"
#: the settings of this drill, beside those of the demo
ENVIRONMENT = {
    # one thread, so that the n-th event is the same one in each run
    "OMS__SYNC__THREADS": "1",
    "OMS__SHIPPING__THREADS": "1",
    "OMS__SYNC__WINDOW": "1d",
    # a machine that stands still for a moment must not make a call come twice: the count of events would differ
    "OMS__RETRY__TIMEOUT": "60s",
    "OMS__STOCK__ALERT_BELOW": "12",
    "OMS__NOTIFY__TARGETS": f'[{{"kind": "robot", "url": "{BASE}/robot/send"}}]',
    **{f"OMS__STORES__{s.upper()}": f"sqlite:data/{s}.db?lasting=no" for s in ("orders", "inbox", "stock", "ledger")},
}


@dataclass(frozen=True)
class Step:
    """One job of the day: its words, when it runs, what is called, and what people do before it."""

    job: str
    at: datetime
    act: Act
    before: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Day:
    """The world, the steps in order, and the settings of the office."""

    made: Made
    steps: tuple[Step, ...]
    base: datetime
    info: dict[str, Any]

    def set_up(self, office: Path) -> None:
        """Write what a user writes before the first command."""
        office.mkdir(parents=True)
        text = settings_text(self.info, tokens=False, rate=RATE).replace(
            "options = {", "options = { detail_threads = 1,"
        )
        (office / "oms.toml").write_text(text, encoding="utf-8")
        (office / "oms.toml").chmod(0o600)
        make_key_file(office / "data" / KEY_FILE)
        write_rows(office / "listings.csv", ("platform", "listing", "sku", "qty", "share"), self.info["listings"])
        opening = [
            {"warehouse": w, "sku": g["sku"], "qty": q} for g in self.info["goods"] for w, q in g["opening"].items()
        ]
        write_rows(office / "opening.csv", ("warehouse", "sku", "qty"), opening)
        recount = [
            {**opening[0], "qty": opening[0]["qty"] - 1},
            {"warehouse": "WH-NOWHERE", "sku": "SKU-1", "qty": "many"},
        ]
        write_rows(office / "recount.csv", ("warehouse", "sku", "qty"), recount)


#: orders whose refunds make each of our answers come up on every seed; `after`: seconds since the world's first
_CASES: tuple[dict[str, Any], ...] = (
    {
        "platform": "wechat_shop", "lines": [{"sku": "SKU-1002-A"}], "buyer": "regret", "after": 7_800,
        "events": [{"name": "refund_asked", "after_s": 900, "args": {"answer_after": 40_000}}],
    },
    {
        "platform": "taobao", "lines": [{"sku": "SKU-1002-B"}], "buyer": "wrong size", "after": 3_600,
        "after_ship": [{"name": "refund_asked", "after_s": 4_000, "args": {"kind": "return", "answer_after": 90_000}}],
    },
)  # fmt: skip


def make_day(*, orders: int, seed: int, hours: float = 4.5) -> Day:
    """A day on four platforms: two rounds while orders come, two when the platforms have fallen quiet."""
    made = make_world(Wish(orders=orders - len(_CASES), seed=seed, hours=hours, start="2026-03-01T00:00:00+08:00"))
    for case in _CASES:
        made.world.plan(control.make_order(made.world, {**case, "created_at": iso(made.world.start + case["after"])}))
    info = describe(made, BASE)
    base = datetime.fromtimestamp(made.world.start, UTC)
    rounds = [base + timedelta(hours=h) for h in (2.5, 5, 9.5, 32)]
    places = [w["name"] for w in info["warehouses"]]
    steps: list[Step] = []
    for n, start in enumerate(rounds):
        jobs = [*(_tokens(info) if n == 0 else ()), *_round(n, places, rounds)]
        steps += [
            Step(job, start + timedelta(seconds=SPAN_S * i), act, before)
            for i, (job, act, before) in enumerate(jobs)
        ]  # fmt: skip
    return Day(made, tuple(steps), base, info)


_Job = tuple[str, Act, Callable[[Path], None] | None]


def _tokens(info: dict[str, Any]) -> Iterator[_Job]:
    """Where an app does not authorise itself the merchant does, once."""
    for shop in info["shops"]:
        if shop["token"]:
            yield "shop token", byhand.store_token(shop), None


def _round(n: int, places: list[str], rounds: list[datetime]) -> Iterator[_Job]:
    """What is done in one round, by cron and by hand."""
    yield "sync orders", lambda oms, _: oms.sync_orders(), None
    yield "sync refunds", lambda oms, _: oms.sync_refunds(), None
    yield "push orders", lambda oms, _: oms.push_orders(), None
    yield "refund decide", lambda oms, _: oms.decide_refunds(), None
    if n < 2:
        yield "stock import", byhand.count_stock(("opening.csv", "recount.csv")[n], rounds[0]), None
    # while the shops' frontier is fresh: an old one raises no level
    yield "push stock", lambda oms, _: oms.push_stock(), None
    yield "refund approve", byhand.approve, None
    if n == 0:
        yield "order hold", byhand.hold(until=rounds[1] + timedelta(minutes=1)), byhand.choose_order("hold", "created")
    if n == 1:
        yield "stock adjust", byhand.adjust(places), None
        yield "stock transfer", byhand.transfer(places), None
    yield "order expire", lambda oms, _: oms.expire_orders(), None
    if n == 2:
        yield "refund receive", byhand.receive, None
    yield "order audit", lambda oms, _: oms.audit_orders(), None
    yield "order source", lambda oms, _: oms.source_orders(), None
    if n == 0:
        yield "order edit", byhand.edit, byhand.choose_order("edit", "sourced")
    if n == 1:
        yield "order cancel", byhand.cancel, byhand.choose_order("cancel", "sourced")
    yield "merge run", lambda oms, _: oms.merge_run(), None
    if n == 1:
        yield "merge undo", byhand.undo, byhand.choose_parcel("undo", "planned")
    yield from _parcels(n, places)
    yield "order complete", lambda oms, _: oms.complete_orders(), None
    if n in (1, len(rounds) - 1):
        yield from _night(n, rounds)


def _parcels(n: int, places: list[str]) -> Iterator[_Job]:
    """From the hand-over to the notice."""
    for place in places:
        yield "parcel handover", byhand.hand_over(place, n), None
    # cron pulls every minute: what a last look saw and was cut off comes this way
    yield "sync orders", lambda oms, _: oms.sync_orders(), None
    yield "push orders", lambda oms, _: oms.push_orders(), None
    if n == 1:
        yield "parcel stop", byhand.stop, byhand.choose_parcel("stop", "handed_over")
    yield "parcel import", byhand.import_waybills(n), byhand.write_waybills(n)
    yield "parcel ship", lambda oms, _: oms.ship_parcels(), None
    yield "push shipments", lambda oms, _: oms.push_shipments(), None


def _night(n: int, rounds: list[datetime]) -> Iterator[_Job]:
    """What cron does once a day or so."""
    yield "stock alerts", lambda oms, _: oms.stock_alerts(), None
    yield "reconcile stock", lambda oms, office: oms.reconcile_stock(plan_out=office / f"repair-{n}.json"), None
    yield "reconcile orders", lambda oms, _: oms.reconcile_orders(since=rounds[0] - timedelta(hours=3)), None
    if n > 1:
        yield "sync verify", lambda oms, _: oms.sync_verify(since=rounds[0], until=rounds[1]), None
        yield "db purge", lambda oms, _: oms.purge(), None
