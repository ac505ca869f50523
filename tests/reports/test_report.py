"""A report is what its orders are: sections, days, weeks, globs, money per currency, waiting to the minute."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobs import api, reports
from jobs.api import Oms
from jobs.env import Env
from jobs.errors import BadRequest, UnknownThing
from jobs.reporting import differences, live, shapes
from jobs.reporting.documents import SECTIONS
from jobs.rules import figures
from jobs.rules.money import amount
from stores.records import Cell, Progress, Run, Window
from tests.factories import T0, put_stock
from tests.reports.market import SETTINGS, SHOPS, Market, fresh
from tests.reports.test_aggregates import office


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = office(tmp_path)
    yield made
    made.close()


@pytest.fixture
def oms(env: Env) -> Oms:
    return Oms(env)


def test_the_totals_of_a_day_are_the_sums_of_its_orders_and_of_every_section(env: Env, oms: Oms) -> None:
    fresh(21, env, 250)
    oms.report_refresh()
    day = reports.today(env)
    found = oms.report_daily(day=day - timedelta(days=1))
    assert len(found.totals) == 2, "two currencies, two totals"
    heads = [f.order for page in env.orders.scan() for f in page]
    for total in found.totals:
        mine = [h for h in heads if h.currency == total.currency and _day(h.ordered_at) == found.since]
        assert (total.orders, total.payable_minor) == (len(mine), sum(h.payable_minor for h in mine))
        for section in (found.hours, found.days, found.shops):
            rows = [r for r in section if r.currency == total.currency]
            for name in ("orders", "pieces", "payable_minor", "subsidy_minor", "sold", "sold_pieces", "paid_minor"):
                assert sum(getattr(r, name) for r in rows) == getattr(total, name)
        assert sum(r.orders for r in found.funnel if r.currency == total.currency) == total.orders
        refunds = [r for r in found.refunds if r.currency == total.currency]
        assert sum(r.amount_minor for r in refunds) == total.refunds_minor
        assert sum(r.refunds for r in refunds if r.status == "done") == total.refunds_done
        assert sum(r.orders for r in found.cancels if r.currency == total.currency) == total.cancelled


def _day(at: datetime) -> date:
    return (at.astimezone(UTC) + timedelta(hours=8)).date()


def test_a_week_is_the_sum_of_its_days_and_the_week_before_stands_beside_it(env: Env, oms: Oms) -> None:
    market = fresh(22, env, 150)
    env.clock.advance(5 * 86_400)  # type: ignore[attr-defined]
    for _ in range(20):
        market.add()
    oms.report_refresh()
    week = oms.report_weekly()
    days = [oms.report_daily(day=week.since + timedelta(days=n)) for n in range(7)]
    assert (week.since.weekday(), week.until - week.since) == (0, timedelta(days=6))
    for total in week.totals:
        for name in ("orders", "paid_minor", "shipped", "cancelled_minor", "refunds_minor"):
            assert getattr(total, name) == sum(getattr(t, name) for d in days for t in d.totals if t.currency == total.currency)  # fmt: skip
    assert oms.report_weekly(week="last").totals == week.before
    assert oms.report_daily(day=week.since + timedelta(days=1)).before == days[0].totals


def test_globs_choose_shops_and_platforms_and_what_matches_nothing_is_refused(env: Env, oms: Oms) -> None:
    market = Market(env, 5)
    for shop in SHOPS:
        market.add(shop=shop, ordered_at=env.clock.now(), paid_at=None)
    oms.report_refresh()
    assert {r.shop for r in oms.report_daily(shops=["jd-*", "world"]).shops} == {"jd-main", "world"}
    assert {r.shop for r in oms.report_daily(platforms=["own"]).shops} == {"lark", "world"}
    assert oms.report_daily(shops=["tmall"]).shop_names == ("tmall",)
    assert [t.orders for t in oms.report_daily(shops=["tmall"]).totals] == [1]
    for wrong in ({"shops": ["nope"]}, {"shops": ["tmall", "nope*"]}, {"platforms": ["nope"]}, {"shops": ["tmall"], "platforms": ["jd"]}):  # fmt: skip
        with pytest.raises(UnknownThing):
            oms.report_daily(**wrong)


def test_a_shop_that_is_in_the_settings_no_more_keeps_its_figures(env: Env, oms: Oms, tmp_path: Path) -> None:
    Market(env, 5).add(shop="world", ordered_at=T0)
    oms.report_refresh()
    fewer = office(tmp_path)
    fewer.settings = env.settings.model_copy(update={"shops": {"tmall": env.settings.shops["tmall"]}})
    assert [r.shop for r in reports.daily(fewer, day=_day(T0), shops=["w*"]).shops] == ["world"]
    fewer.close()
    assert set(SETTINGS) > {"tmall"}


def test_an_empty_day_says_so_and_a_report_before_the_first_count_says_that(env: Env, oms: Oms) -> None:
    assert oms.report_daily().as_of is None
    oms.report_refresh()
    found = oms.report_daily(day="2020-02-29")
    assert (found.empty, found.totals, found.hours, found.skus_sold, found.complete) == (True, (), (), 0, True)
    assert found.as_of is not None
    assert found.differences is None
    assert all(found.to_frame(name).empty for name in SECTIONS if name != "jobs")


@pytest.mark.parametrize(
    ("given", "monday"),
    [("2026-W09", "2026-02-23"), ("2026-03-01", "2026-02-23"), ("2026-03-02", "2026-03-02"), ("this", "2026-02-23"), ("last", "2026-02-16"), (date(2026, 3, 4), "2026-03-02")],
)  # fmt: skip
def test_a_week_is_named_by_its_number_a_day_or_a_word(env: Env, given: Any, monday: str) -> None:
    assert reports.the_week(env, given) == date.fromisoformat(monday)


@pytest.mark.parametrize("given", ["2026-W54", "nonsense", "2026-13-01", "W09"])
def test_what_is_no_week_and_no_day_is_refused(env: Env, given: str) -> None:
    with pytest.raises(BadRequest):
        reports.the_week(env, given)
    with pytest.raises(BadRequest):
        reports.the_day(env, given)


def test_days_begin_in_the_business_zone(env: Env) -> None:
    env.clock.advance((datetime(2026, 3, 1, 16, 30, tzinfo=UTC) - env.clock.now()).total_seconds())  # type: ignore[attr-defined]
    assert reports.the_day(env, "today") == date(2026, 3, 2)
    assert reports.the_day(env, "yesterday") == date(2026, 3, 1)


def test_median_and_ninetieth_are_the_nearest_ranks_of_all_waits_to_the_minute() -> None:
    rnd = random.Random(3)
    for n in (1, 2, 9, 10, 11, 250):
        minutes = sorted(rnd.choice((rnd.randint(0, 20), rnd.randint(0, 9_000))) for _ in range(n))
        cells = [
            Cell(measure=figures.WAITED, shop="s", platform="p", key=f"{m:06d}", currency="CNY", count=minutes.count(m), qty=0, minor=0)
            for m in sorted(set(minutes))
        ]  # fmt: skip
        (all_, one), spans = shapes.waits(cells)
        assert (all_.orders, all_.median_min, all_.p90_min) == (
            n,
            minutes[-(-n // 2) - 1],
            minutes[-(-n * 9 // 10) - 1],
        )
        assert (one.shop, one.orders, one.median_min) == ("s", n, all_.median_min)
        for span in spans:
            end = span.to_min or 10**9
            assert span.orders == sum(span.from_min <= m < end for m in minutes)
        assert sum(s.orders for s in spans) == n


def test_stock_lasts_what_is_available_at_the_rate_of_the_days_before(env: Env, oms: Oms) -> None:
    market = Market(env, 1)
    full = market.add(shop="tmall", progress=Progress.CREATED, ordered_at=env.clock.now(), paid_at=env.clock.now(), flags=())  # fmt: skip
    pieces = {s.sku: s.qty for s in full.ship_lines}
    put_stock(env, {"EAST": {**{sku: 70 for sku in pieces if sku}, "IDLE": 5}, "SOUTH": {sku: 30 for sku in pieces if sku}})  # fmt: skip
    market._leave(full, Progress.SHIPPED)
    oms.report_refresh()
    found = {row.sku: row for row in oms.report_daily().stock}
    for sku, qty in pieces.items():
        row = found[sku]
        if sku:
            assert (row.on_hand, row.shipped, row.cover_days, row.turnover) == (100, qty, round(100 * 7 / qty, 1), round(qty / 100, 2))  # fmt: skip
        else:
            assert (row.on_hand, row.cover_days, row.turnover) == (0, 0.0, None)
    assert (found["IDLE"].cover_days, found["IDLE"].turnover) == (None, 0.0)
    assert oms.report_daily().stock_skus == len(found)
    assert len(oms.report_daily(top=1).stock) == 1


def test_a_day_is_covered_by_the_union_of_closed_windows_of_the_least_proven_scan(env: Env) -> None:
    env.ledger.register_seller("tmall", "taobao", "2200001", "AAAAAAAA")
    midnight = datetime(2026, 2, 28, 16, tzinfo=UTC)

    def put(scan: str, start_h: float, end_h: float, state: str = "closed") -> None:
        at = [midnight + timedelta(hours=h) for h in (start_h, end_h)]
        window = Window(
            window_id=f"{scan}:{start_h}", shop="tmall", kind="orders", scan=scan, start=at[0], end=at[1], state=state, opened_at=at[1]
        )  # fmt: skip
        env.ledger.put_window(window, lease=None)

    put("modified", -2, 1)
    put("modified", 0.5, 3)
    put("modified", 4, 6, "open")
    put("modified", 6, 30)
    put("created", -5, 20)
    env.clock.advance((midnight + timedelta(hours=24) - env.clock.now()).total_seconds())  # type: ignore[attr-defined]
    [row] = live.coverage(env, date(2026, 3, 1), date(2026, 3, 1), ["tmall", "jd-main"])
    assert (row.windows, row.open, row.elapsed_s, row.proven_s) == (5, 1, 86_400, 20 * 3600)
    put("created", 20, 30)
    [row] = live.coverage(env, date(2026, 3, 1), date(2026, 3, 1), ["tmall"])
    assert row.proven_s == (3 + 18) * 3600
    env.clock.advance(-12 * 3600)  # type: ignore[attr-defined]
    [row] = live.coverage(env, date(2026, 3, 1), date(2026, 3, 2), ["tmall"])
    assert (row.elapsed_s, row.proven_s) == (12 * 3600, (3 + 6) * 3600)


def test_job_health_counts_the_runs_of_the_day_and_tells_who_fell_silent(env: Env) -> None:
    begun = datetime(2026, 3, 1, 1, tzinfo=UTC)
    for n, (job, outcome) in enumerate([("push orders", "done"), ("push orders", "failed"), ("push orders", "busy"), ("sync orders", "partial"), ("by hand", "done")]):  # fmt: skip
        at = begun + timedelta(minutes=n)
        env.ledger.put_run(
            Run(run_id=f"r{n}", job=job, outcome=outcome, started_at=at, ended_at=at + timedelta(seconds=2.5))
        )
    env.clock.advance(20 * 60)  # type: ignore[attr-defined]
    found = {j.job: j for j in live.jobs(env, date(2026, 3, 1), date(2026, 3, 1))}
    push = found["push orders"]
    assert (push.runs, push.done, push.failed, push.other, push.longest_s, push.outcome, push.late) == (3, 1, 1, 1, 2.5, "busy", True)  # fmt: skip
    assert (found["sync orders"].partial, found["by hand"].scheduled, found["by hand"].late) == (1, False, False)
    assert found["stock alerts"].runs == 0


def test_open_differences_are_summed_over_accounts_by_class_and_age_the_oldest_first() -> None:
    class Store:
        def __init__(self, files: int) -> None:
            self._files = files

        def files(self) -> list[int]:
            return [1] * self._files

        def aging(self, *, accounts: Any = ()) -> list[dict[str, Any]]:
            rows = [("a", "only_ours", "CNY", "0-7", 2, -500), ("b", "only_ours", "CNY", "0-7", 1, 100), ("a", "only_theirs", "CNY", "60+", 1, 7), ("b", "only_ours", "USD", "8-15", 1, 1)]  # fmt: skip
            names = ("account", "class", "currency", "age", "count", "amount_minor")
            return [dict(zip(names, r, strict=True)) for r in rows if not accounts or r[0] in accounts]

    assert differences.open_differences(Store(0), None) is None
    found = differences.open_differences(Store(1), None)
    assert found and [(d.word, d.age, d.currency, d.differences, d.amount_minor) for d in found] == [
        ("only_theirs", "60+", "CNY", 1, 7), ("only_ours", "8-15", "USD", 1, 1), ("only_ours", "0-7", "CNY", 3, -400),
    ]  # fmt: skip
    assert differences.open_differences(Store(1), ["a"]) == (
        msgspec.structs.replace(found[0]), msgspec.structs.replace(found[2], differences=2, amount_minor=-500),
    )  # fmt: skip


def test_a_section_as_a_frame_has_whole_numbers_and_every_row(env: Env, oms: Oms) -> None:
    fresh(23, env, 120)
    oms.report_refresh()
    found = oms.report_weekly()
    for name in SECTIONS:
        frame = found.to_frame(name)
        assert len(frame) == len(getattr(found, name) or ())
        for column in frame.columns:
            if column.endswith("_minor") and len(frame):
                assert frame[column].dtype == "int64"
    with pytest.raises(KeyError):
        found.to_frame("nothing")


def test_a_reason_in_a_buyers_own_words_gives_no_number_away(env: Env, oms: Oms) -> None:
    market = fresh(24, env, 60)
    for _ in range(40):
        market.act("ask_back")
    oms.report_refresh()
    told = msgspec.json.encode([oms.report_weekly(), oms.report_weekly(week="last")]).decode()
    assert "打我电话" in told
    assert "13800001111" not in told


@pytest.mark.parametrize(("minor", "currency", "text"), [(12345, "CNY", "123.45"), (-5, "CNY", "-0.05"), (500, "JPY", "500"), (1, "KWD", "0.001"), (10**17 + 1, "USD", "1000000000000000.01")])  # fmt: skip
def test_an_amount_is_exact_in_the_digits_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert str(amount(minor, currency)) == text


def test_the_facade_speaks_of_reports() -> None:
    assert all(hasattr(api.Oms, n) for n in ("report_refresh", "report_daily", "report_weekly", "report_page"))


def test_texts_of_platforms_cannot_end_the_data_they_stand_in_whatever_reads_the_file(env: Env, oms: Oms) -> None:
    """Without a browser; `test_page` tries the same in one."""
    from jobs.reporting import page

    fresh(25, env, 60)
    oms.report_refresh()
    report = oms.report_weekly()
    shop = msgspec.structs.replace(report.shops[0], shop="</script><script>alert(1)</script>")
    text = page.document(msgspec.structs.replace(report, shops=(shop,)), page.words("en"))
    assert "alert(1)" in text
    assert "</script><script>alert" not in text
    assert text.count("<script") == text.count("</script>") == 3
