"""What an office at work has when it settles: statements of its shops, prices of a supplier, a bill of a channel."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jobs
from jobs.api import Oms
from jobs.demo_world import World
from stores.records import Refund, RefundKind, RefundStatus
from stores.records.settlement import OPEN_CLASSES
from tests.commands.day import SHOP, Day, environment
from tests.docs.test_pages import with_channels
from tests.factories import put_orders
from tests.house.source import ROOT
from tests.paying import payment_of
from tests.settlement.office import BOOKED, ledger, row, sold

#: the month and the day of the day's orders, in the place of those of the examples
MONTH, DAY = "2026-03", "2026-03-01"
BILL = f"ACME/{MONTH}/1"
#: when that month is over
LATER = datetime(2026, 4, 2, 2, tzinfo=UTC)
#: nothing but cents: two refunds of an order, each a cent off, go with each other in two ways
RULES = 'version = "t"\n[[rule]]\nid = "cents"\namount_from = -1\namount_to = 1\ndays_before = 40\ndays_after = 40\n'


def moment(at: datetime) -> dict[str, str]:
    """What makes a time the office's."""
    return {"OMS__CLOCK__START": at.isoformat()}


# ------------------------------------------------------------------ platforms


def with_statements(office: Path, example: str) -> None:
    """A month's statements of two shops, which leave something of each class; imported where the example comes after."""
    settings = office / "oms.toml"
    (office / "rules.toml").write_text(RULES, encoding="utf-8")
    settings.write_text(
        settings.read_text(encoding="utf-8")
        + '\n[shops.jd-one]\nplatform = "jd"\nseller_id = "900001"\napp_key = "k"\napp_secret = "s"\n\n[settlement]\nrules = "rules.toml"\n',
        encoding="utf-8",
    )
    shutil.copy(ROOT / "tests" / "settlement" / "samples" / "jd.csv", office / "0905.csv")
    _ledger(office / "ledger.zip")
    with environment(moment(LATER)), jobs.open(settings) as oms:
        _completed_orders(oms)
        if "settle platform" in example:
            return
        for file, account, period in (("ledger.zip", SHOP, MONTH), ("0905.csv", "jd-one", DAY)):
            assert oms.settle_platform([office / file], account=account, period=period).outcome == "done"
        if "decide --apply" in example:
            first, second = suggested(oms)
            oms.settle_decide(accept=[first], refuse=[second], plan_out=office / "decisions.json")
        if "confirm" in example:
            oms.settle_assign(
                account=SHOP, period=MONTH, classes=OPEN_CLASSES, owner="li", reason="asked the platform", by="tester"
            )
        if "confirm" in example and "--apply" in example:
            oms.settle_confirm(account=SHOP, period=MONTH, plan_out=office / "close.json")


def suggested(oms: Oms) -> list[str]:
    """The suggestions of the office."""
    return [i["ref"] for i in oms.settle_items(classes=["suggested"])]


def open_item(oms: Oms, class_: str) -> str:
    """An open item of a class."""
    return str(oms.settle_items(classes=[class_])[0]["ref"])


def _completed_orders(oms: Oms) -> None:
    env = oms.env
    made = put_orders(env, *(sold(n, 10_000 * n) for n in (1, 2, 3, 4)))
    env.stock.unwant(made)
    refunds = [
        Refund(
            refund_no=f"R{part}{no[2:]}", order_no=no, platform="taobao", seller_id="2200001", shop=SHOP,
            kind=RefundKind.REFUND_ONLY, platform_refund_no=f"18000000000000{no[-2:]}{part}0", status=RefundStatus.DONE,
            amount_minor=1_000, asked_at=BOOKED, doc_modified_at=BOOKED, created_at=BOOKED, changed_at=BOOKED,
        )
        for no in made[:2]
        for part in (1, 2)
    ]  # fmt: skip
    assert all(o.ok for o in env.orders.add_refunds([(r, ()) for r in refunds], run_id="t", reason="t"))


def _ledger(path: Path) -> None:
    """Three of four orders are stated, one with another amount, and one that nobody knows."""
    rows = [
        row(1, 10_000),
        row(2, 20_000),
        row(3, 29_000),
        row(9, 5_000),
        row(1, -500, kind="收费", note="天猫佣金{x}"),
    ]
    rows += [row(n, -999, kind="交易退款", title="售后退款", ref=f"20260301009{n}{k}") for n in (1, 2) for k in (1, 2)]
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(ledger(path.with_suffix(".csv"), rows), "ledger.csv")


# ------------------------------------------------------------------ suppliers


def with_supplier(office: Path, example: str) -> None:
    """Prices of what the day's orders shipped, and its bill as far as the example supposes it."""
    settings = office / "oms.toml"
    with environment(moment(LATER)), jobs.open(settings) as oms:
        skus = sorted({e.sku for batch in oms.env.stock.journal() for e in batch})
        rows = [f"ACME,{sku},CNY,{1_000 + n},2026-01-01," for n, sku in enumerate(skus)]
        head = "supplier,sku,currency,price_minor,valid_from,valid_to"
        (office / "prices.csv").write_text("\n".join([head, *rows, ""]), encoding="utf-8")
        if "prices.csv" in example:
            return
        assert oms.import_supplier_prices(office / "prices.csv", by="tester").outcome == "done"
        if re.search(r"adjust|bill --period", example):
            return
        planned = oms.settle_suppliers(period=MONTH, plan_out=office / "bills.json")
        assert [i.ref for i in planned.items] == [BILL] and planned.items[0].facts["totals"]["CNY"] > 0
        if "--apply" not in example:
            assert oms.settle_suppliers(apply=office / "bills.json", by="tester").outcome == "done"


# ------------------------------------------------------------------ channels


@contextmanager
def billed(folder: Path, day: Day) -> Iterator[tuple[Path, datetime]]:
    """An office with an order paid through a channel, on the morning on which the bill of that day is there.

    The channel's world is one of its own: its clock is a day ahead of the other examples'.
    """
    office, start = folder / "office", day.began + timedelta(minutes=10)
    shutil.copytree(day.stage("pushed"), office)
    with World(folder / "world", orders=1, seed=12, platforms=["taobao"], skus=12) as world:
        world.clock(start)
        with_channels(office, world.info)
        with environment(moment(start)), jobs.open(office / "oms.toml") as oms:
            order_no = next(o.order_no for o in oms.list_orders(limit=500) if o.platform_order_no == "PAY1")
            assert oms.create_payments(["PAY1"], channel="wechatpay", method="native").outcome == "done"
            number = payment_of(oms.env, order_no).payment_no
        world.pay(payment=number, after_s=5)
        world.clock(start + timedelta(minutes=1))
        with environment(moment(start + timedelta(minutes=1))), jobs.open(office / "oms.toml") as oms:
            oms.query_payments([number])
            assert [p.status for p in oms.list_payments()] == ["paid"]
        morning = start + timedelta(hours=16)
        world.clock(morning)
        with environment(moment(morning)), jobs.open(office / "oms.toml") as oms:
            bill = oms.env.channels.get("wechatpay").bill(date.fromisoformat(DAY), "trade")
        # WeChat Pay packs it
        assert bill and number.encode() in gzip.decompress(bill)
        (office / "bill.csv.gz").write_bytes(bill)
        yield office, morning
