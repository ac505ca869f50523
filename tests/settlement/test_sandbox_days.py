"""Three days of a marketplace that plants differences into its statements: each is found in its class, nothing else is.

The orders are pulled and pushed by the jobs, statements come by calls where the platform has them and as files where
not. What was planted is read from the world itself.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import jobs
from adapters.sandbox.gate import Gate
from adapters.sandbox.making import describe
from adapters.sandbox.statements.files import statement_file
from adapters.sandbox.world import World
from jobs.api import Oms
from jobs.demo import settings_text
from jobs.errors import BadRequest
from tests.factories import FixedClock
from tests.sandbox.selling import DAYS, sold
from tests.twice.offices import Direct

#: planted difference → class in which it is found
CLASSES = {
    "missing": "only_ours", "extra": "only_theirs", "amount": "amount_differs", "fee": "amount_differs", "status": "status_differs",
    "day_cut": "day_cut", "doubled": "doubled",
}  # fmt: skip
RATES = (
    ("tmall", "commission", 500, "order", "half_up"), ("tmall", "service_fee", 50, "order", "half_up"), ("jd", "commission", 600, "order", "half_up"),
    ("jd", "service_fee", 60, "order", "half_up"), ("douyin", "service_fee", 500, "line", "half_up"), ("wechat", "commission", 200, "order", "down"),
)  # fmt: skip
RULES = """
version = "t"
day_cut_minutes = 720
[[rule]]
id = "shares"
kind = ["subsidy", "commission", "service_fee"]
amount_from = -2
amount_to = 2
days_before = 9
days_after = 9
"""


@pytest.fixture(scope="module")
def world() -> World:
    return sold(orders=240, seed=6, differences=0.08).world


@pytest.fixture(scope="module")
def oms(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oms]:
    """An office that has pulled every order and every statement."""
    folder = tmp_path_factory.mktemp("days")
    _write_settings(folder, world)
    now = datetime.fromtimestamp(world.now, UTC)
    with jobs.open(folder / "oms.toml", clock=FixedClock(now), transport=Direct(Gate(world, rate=1e6))) as made:
        for pull in (made.sync_orders, made.sync_refunds):
            assert pull(since=now - timedelta(days=6), until=now).outcome == "done"
        while made.push_orders().counts:
            pass
        for day in DAYS:
            assert made.sync_statements(period=day).counts["skipped"] == 1
            name, data = statement_file(world, "jd", day)
            (folder / "jd.csv").write_bytes(data)
            assert name and made.settle_platform([folder / "jd.csv"], account="jd", period=day).outcome == "done"
        yield made


def _write_settings(folder: Path, world: World) -> None:
    from adapters.sandbox.making import Made

    text = settings_text(describe(Made(world=world, goods=[]), "http://127.0.0.1:1"))
    text = text.replace('listings = "listings.csv"', "") + '\n[settlement]\nrules = "rules.toml"\n'
    for shop, kind, e4, per, rounding in RATES:
        text += f'[[settlement.rates]]\nshops = ["{shop}"]\nkind = "{kind}"\ne4 = {e4}\nper = "{per}"\nrounding = "{rounding}"\n'
        text += "freight = false\n" if shop == "jd" else ""
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    (folder / "oms.toml").write_text(text, encoding="utf-8")


def found(oms: Oms) -> dict[tuple[str, str], set[str]]:
    """(platform, order) → classes in which something of it stands that is not simply matched."""
    platforms = {alias: shop.platform for alias, shop in oms.env.settings.shops.items()}
    out: dict[tuple[str, str], set[str]] = defaultdict(set)
    for s in oms.env.settlement.suspense(limit=10**6):
        out[platforms[s.account], s.order_ref].add(s.class_)
    for alias, platform in platforms.items():
        for batch in oms.env.settlement.matched(account=alias, classes=["day_cut"]):
            for m in batch:
                out[platform, m["lines"][0]["order_ref"]].add("day_cut")
    return out


def test_every_planted_difference_is_found_in_its_class_and_nothing_else_is_found(oms: Oms, world: World) -> None:
    planted = [p for p in world.statements.planted if p.name != "not_an_order"]
    assert {p.name for p in planted} == set(CLASSES)
    got = found(oms)
    missed = [
        (p.platform, p.name, p.order) for p in planted if CLASSES[p.name] not in got.get((p.platform, p.order), ())
    ]
    assert missed == []
    assert set(got) - {(p.platform, p.order) for p in planted} == set()


def test_what_belongs_to_no_order_is_booked_by_its_kind(oms: Oms, world: World) -> None:
    planted = [p for p in world.statements.planted if p.name == "not_an_order" and p.platform in ("jd", "wechat_shop")]
    lines = {
        x["trade_ref"]: x["amount_minor"]
        for alias in ("jd", "wechat")
        for batch in oms.env.settlement.matched(account=alias, classes=["not_an_order"])
        for m in batch
        for x in m["lines"]
    }
    assert planted and {p.ref: p.told for p in planted}.items() <= lines.items()


def test_the_report_counts_what_stands_open(oms: Oms) -> None:
    told = oms.report_daily(day=DAYS[-1]).differences
    assert told is not None
    assert sum(d.differences for d in told) == len(oms.env.settlement.suspense(limit=10**6)) > 0


def test_a_statement_is_pulled_whole_and_once(oms: Oms, world: World) -> None:
    for alias, platform in (("tmall", "taobao"), ("douyin", "douyin"), ("wechat", "wechat_shop")):
        for file in oms.env.settlement.files(account=alias):
            told = [r for r in world.statements.rows(platform, file.period) if r.order or platform == "wechat_shop"]
            totals = file.totals.get("CNY", {"in": 0, "out": 0})
            assert (file.kind, totals["in"] + totals["out"]) == ("api", sum(r.amount for r in told))
    before = len(oms.env.settlement.acts(active=False))
    again = oms.sync_statements(period=DAYS[0])
    assert again.counts["files_known"] == 3 and len(oms.env.settlement.acts(active=False)) == before
    assert list((oms.env.data / "statements").iterdir()) == []


def test_a_day_that_is_not_booked_and_what_is_no_day_are_refused(oms: Oms) -> None:
    for period in ("2025-11-23", "2025-11", "yesterday"):
        with pytest.raises(BadRequest):
            oms.sync_statements(period=period)


def test_the_books_of_the_days_balance_and_go_back_to_nothing(oms: Oms) -> None:
    store = oms.env.settlement
    stated = sum(r["stated_minor"] for r in store.summary())
    lines = {i for f in store.files() for i in range(f.first_line, f.first_line + f.row_count)}
    repeats = sum(f.doubled_count for f in store.files())
    assert len(lines) == sum(f.row_count for f in store.files()) and repeats == 0
    assert stated == sum(t["in"] + t["out"] for f in store.files() for t in f.totals.values())
    for alias in ("tmall", "wechat", "jd", "douyin"):
        while store.acts(account=alias):
            oms.settle_undo(account=alias, by="li")
    assert store.files() == [] and store.suspense() == [] and store.summary() == []
