"""The report page in a real browser: its charts and printed totals are the report's, and it loads nothing from anywhere."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

import jobs
from jobs.reporting import page as pages
from jobs.reporting.documents import Difference, Report
from oms_cli.main import main
from stores.records import Run, Window
from tests.factories import T0, FixedClock, put_stock
from tests.reports import browsing
from tests.reports.market import SETTINGS, SHOPS, SKUS, fresh
from tests.reports.test_aggregates import KEY

NIGHT = datetime(2026, 3, 1, 15, 50, tzinfo=UTC)
DAY = "2026-03-01"
WIDTHS, SCHEMES = (1440, 390), ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright")
    try:
        with browsing.browser() as made:
            yield made
    except browsing.Missing as why:
        pytest.skip(str(why))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office in which everything has happened that a report tells of, in two currencies."""
    folder = tmp_path_factory.mktemp("office")
    lines = [f'[privacy]\nkeys = ["{KEY}"]']
    for alias, shop in SETTINGS.items():
        lines.append("\n".join([f"[shops.{alias}]", *(f'{k} = "{v}"' for k, v in shop.items())]))
    (folder / "oms.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "oms.toml").chmod(0o600)
    with jobs.open(folder / "oms.toml", clock=FixedClock(T0)) as oms:
        put_stock(oms.env, {"EAST": {sku: 40 for sku in SKUS if sku} | {"IDLE": 9}})
        fresh(31, oms.env, 260)
        for n in range(8):
            _proof(oms.env.ledger, n)
    with jobs.open(folder / "oms.toml", clock=FixedClock(NIGHT)) as oms:
        oms.report_refresh()
    return folder


def _proof(ledger: Any, n: int) -> None:
    start = datetime(2026, 2, 28, 16, tzinfo=UTC) + timedelta(hours=3 * n)
    for shop in ("tmall", "jd-main"):
        open_ = shop == "jd-main" and n == 3
        ledger.put_window(
            Window(
                window_id=f"{shop}{n}", shop=shop, kind="orders", scan="modified", start=start, end=start + timedelta(hours=3),
                state="open" if open_ else "closed", opened_at=start,
            ),
            lease=None,
        )  # fmt: skip
    for job, outcome in (
        ("sync orders", "done"),
        ("push orders", "failed" if n == 5 else "partial"),
        ("stock import", "done"),
    ):
        ledger.put_run(
            Run(run_id=f"{job}{n}", job=job, outcome=outcome, started_at=start, ended_at=start + timedelta(seconds=n))
        )


@pytest.fixture
def oms(office: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command line in the office at night; gives what it printed."""
    monkeypatch.chdir(office)
    for name in [n for n in os.environ if n.upper().startswith("OMS")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMS__CLOCK__START", NIGHT.isoformat())

    def run(*words: str) -> str:
        capsys.readouterr()
        assert main(list(words)) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def made(oms: Callable[..., str], tmp_path: Path) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """Writes a page by its command; gives the file, and what the report's own command prints as JSON."""

    def make(kind: str = "daily", when: str = DAY, lang: str = "en") -> tuple[Path, dict[str, Any]]:
        path = tmp_path / f"{kind}-{when}-{lang}.html"
        option = {"daily": "--day", "weekly": "--week"}[kind]
        assert oms("report", "page", option, when, "--lang", lang, "--out", str(path)).strip() == str(path)
        return path, json.loads(oms("report", kind, option, when, "--json"))

    return make


@pytest.fixture
def whole(office: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Writes a page with open differences beside all else."""

    def make(lang: str) -> Path:
        with jobs.open(office / "oms.toml", clock=FixedClock(NIGHT)) as opened:
            report = with_differences(opened.report_daily(day=DAY))
        pages.write(tmp_path / f"{lang}.html", report, pages.words(lang))
        return tmp_path / f"{lang}.html"

    return make


def with_differences(report: Report) -> Report:
    rows = [("only_theirs", "60+", 2), ("amount_differs", "60+", 1), ("only_ours", "8-15", 4), ("only_ours", "0-7", 9)]
    found = tuple(Difference(word=w, age=a, currency="CNY", differences=n, amount_minor=-n * 100) for w, a, n in rows)
    return msgspec.structs.replace(report, differences=found)


def with_great_figures(report: Report) -> Report:
    """The same with long names, many shops and amounts of a big house."""
    change = msgspec.structs.replace
    shop, sku, hours = report.shops[0], report.skus[0], list(report.hours)
    many = tuple(change(shop, shop=f"a-shop-with-a-very-long-alias-{n:02d}", paid_minor=987_654_321_098 // (n + 1)) for n in range(14))  # fmt: skip
    skus = tuple(change(sku, sku=f"SKU-2026-SPRING-COAT-ROYAL-BLUE-XXXL-{n}", pieces=9_876_543 - n) for n in range(15))
    totals = tuple(change(t, paid_minor=987_654_321_098, payable_minor=1_234_567_890_123) for t in report.totals)
    hours = [change(h, paid_minor=123_456_789_012, platform=f"platform{n % 8}") for n, h in enumerate(hours)]
    waits = tuple(change(report.waits[0], shop=s.shop, median_min=100_000, p90_min=500_000) for s in many)
    stock = tuple(change(report.stock[0], sku=k.sku, cover_days=12_345.6, available=5) for k in skus)
    jobs_ = tuple(
        change(report.jobs[0], job=f"a job with a long name {n}", runs=1440, done=1440, late=True) for n in range(20)
    )
    return change(
        report, shops=many, skus=skus, totals=totals, hours=tuple(hours), waits=waits, stock=stock, jobs=jobs_
    )


# ------------------------------------------------------------------ the figures


def expected(report: dict[str, Any]) -> dict[str, tuple[int, float]]:
    """Chart → how many values it must have, and their sum, from the JSON alone."""
    found: dict[str, tuple[int, float]] = {}
    currencies = [t["currency"] for t in report["totals"]]
    several = len(currencies) > 1

    def put(name: str, values: list[float]) -> None:
        if values:
            found[name] = (len(values), round(sum(values), 1))

    for c in currencies:
        end = f"-{c}" if several else ""
        mine = {n: [r for r in report[n] if r["currency"] == c] for n in ("hours", "days", "shops", "skus", "refunds")}
        for name in ("hours", "days") if report["kind"] == "weekly" else ("hours",):
            put(f"{name}{end}", [r["paid_minor"] for r in mine[name]])
        put(f"shops{end}", [r["paid_minor"] for r in mine["shops"]])
        put(f"skus{end}", [r["pieces"] for r in mine["skus"]])
        cells: dict[tuple[str, str], int] = {}
        for r in mine["refunds"]:
            cells[r["reason"], r["status"]] = cells.get((r["reason"], r["status"]), 0) + r["amount_minor"]
        put(f"refunds{end}", list(cells.values()))
    put("funnel", _by(report["funnel"], "progress", "orders"))
    put("cancels", _by(report["cancels"], "reason", "orders"))
    put("wait_spans", [r["orders"] for r in report["wait_spans"]])
    put("waits", [r[n] for r in report["waits"] for n in ("median_min", "p90_min")])
    put("stock", [r["cover_days"] for r in report["stock"] if r["cover_days"] is not None])
    kinds = {(r["shop"], r["kind"]) for r in report["coverage"]}
    put("coverage", [50.0] * 2 * len(kinds))
    ran = [j for j in report["jobs"] if j["runs"] or j["late"]]
    words = [w for w in ("done", "partial", "failed", "other") if any(j[w] for j in ran)]
    put("jobs", [j[w] for j in ran for w in words])
    return found


def _by(rows: list[dict[str, Any]], key: str, value: str) -> list[float]:
    sums: dict[str, float] = {}
    for row in rows:
        sums[row[key]] = sums.get(row[key], 0) + row[value]
    return list(sums.values())


@pytest.mark.parametrize(("kind", "when"), [("daily", DAY), ("weekly", "2026-W09")])
def test_each_chart_has_the_values_of_the_report_and_their_sum(
    kind: str, when: str, made: Callable[..., Any], browser: Any
) -> None:
    path, report = made(kind, when)
    with browsing.looking(browser, path) as seen:
        drawn = seen.run(browsing.CHARTS)
    there = {
        chart: (len(values), round(sum(values), 1))
        for chart, series in drawn.items()
        for values in [[v for vs in series.values() for v in vs]]
    }
    assert there == expected(report)
    assert len(there) > 14


def test_the_printed_totals_are_those_of_the_report(made: Callable[..., Any], browser: Any) -> None:
    path, report = made()
    with browsing.looking(browser, path) as seen:
        printed = seen.run(browsing.TOTALS)
    totals = {t["currency"]: t for t in report["totals"]}
    assert {c for _, c, _ in printed} == set(totals) == {"CNY", "USD"}
    for field, currency, text in printed:
        value = totals[currency][field]
        wanted = f"{value // 100:,}.{value % 100:02d}" if field.endswith("_minor") else f"{value:,}"
        assert re.match(r"[\d,.]+", text)[0] == wanted, (field, currency)  # type: ignore[index]
    assert {f for f, _, _ in printed} == {
        "paid_minor", "sold", "sold_pieces", "payable_minor", "orders", "pieces", "shipped", "shipped_pieces", "refunds_minor",
        "refunds", "refunds_done", "cancelled_minor", "cancelled", "subsidy_minor",
    }  # fmt: skip


def test_the_data_in_the_page_is_the_report_as_json(made: Callable[..., Any], browser: Any) -> None:
    path, report = made()
    with browsing.looking(browser, path) as seen:
        data = json.loads(seen.run("() => document.getElementById('data').textContent"))["report"]
    passing = {"made_at"}
    told = {k: v for k, v in data.items() if k not in passing}
    assert _moments(told) == _moments({k: v for k, v in report.items() if k not in passing})


def _moments(told: dict[str, Any]) -> Any:
    """With moments written alike, whichever way UTC is written."""
    return json.loads(json.dumps(told).replace("+00:00", "Z"))


def test_every_table_has_a_row_for_each_row_of_its_section(made: Callable[..., Any], browser: Any) -> None:
    path, report = made()
    with browsing.looking(browser, path) as seen:
        rows = seen.run("() => Object.fromEntries([...document.querySelectorAll('[data-table]')].map((t) => [t.dataset.table, t.tBodies[0].rows.length]))")  # fmt: skip
    for name in ("funnel", "wait_spans", "waits", "cancels", "stock", "coverage", "jobs"):
        assert rows[name] == len(report[name])
    for name in ("hours", "shops", "skus", "refunds"):
        assert sum(n for table, n in rows.items() if table.startswith(f"{name}-")) == len(report[name])


@pytest.mark.parametrize(("lang", "words"), [("en", "Nothing was ordered"), ("zh", "没有下单")])
def test_an_empty_day_says_so(lang: str, words: str, made: Callable[..., Any], browser: Any) -> None:
    path, report = made("daily", "2020-02-29", lang)
    assert report["empty"]
    with browsing.looking(browser, path) as seen:
        assert words in seen.run("() => document.getElementById('empty').innerText")
        assert set(seen.run(browsing.CHARTS)) <= {"jobs"}
        assert seen.run(browsing.TOTALS) == []
        assert seen.said == []


def test_without_a_statement_the_page_says_so_and_with_one_it_shows_what_is_open(
    made: Callable[..., Any], whole: Callable[[str], Path], browser: Any
) -> None:
    with browsing.looking(browser, made()[0]) as seen:
        assert "no statements yet" in seen.run("() => document.getElementById('differences').innerText")
    with browsing.looking(browser, whole("en")) as seen:
        drawn = seen.run(browsing.CHARTS)["differences"]
    assert drawn == {"Amount differs": [1], "Only ours": [9, 4], "Only theirs": [2]}


# ------------------------------------------------------------------ what it loads


def test_it_is_one_file_that_asks_for_nothing_and_says_nothing(whole: Callable[[str], Path], browser: Any) -> None:
    path = whole("zh")
    with browsing.looking(browser, path) as seen:
        seen.page.click("#theme")
        seen.page.hover("[data-chart] svg")
        seen.page.wait_for_timeout(100)
        assert seen.said == []
        assert seen.asked == [path.as_uri()]


def test_every_load_and_every_foreign_script_or_style_is_denied(whole: Callable[[str], Path], browser: Any) -> None:
    with browsing.looking(browser, whole("en")) as seen:
        denied, ran = seen.run(browsing.LOADS)
        colour = seen.run("() => getComputedStyle(document.body).color")
    assert not ran
    assert colour != "rgb(255, 0, 0)"
    assert {
        "img-src", "script-src-elem", "style-src-elem", "frame-src", "object-src", "media-src", "font-src", "connect-src", "worker-src",
    } <= set(denied)  # fmt: skip


def test_texts_of_platforms_cannot_end_the_data_they_stand_in(office: Path, tmp_path: Path, browser: Any) -> None:
    with jobs.open(office / "oms.toml", clock=FixedClock(NIGHT)) as opened:
        report = opened.report_daily(day=DAY)
    evil = "</script><script>window.ran = true</script><!-- <b>&amp;"
    refunds = (msgspec.structs.replace(report.refunds[0], reason=evil), *report.refunds[1:])
    shops = tuple(msgspec.structs.replace(s, shop=evil) for s in report.shops)
    pages.write(
        tmp_path / "evil.html", msgspec.structs.replace(report, refunds=refunds, shops=shops), pages.words("en")
    )
    with browsing.looking(browser, tmp_path / "evil.html") as seen:
        assert seen.run("() => window.ran === true") is False
        assert evil in seen.run("() => document.body.textContent")
        assert seen.run("() => document.querySelectorAll('main b').length") == 0
        assert seen.said == []


# ------------------------------------------------------------------ how it looks


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways_and_no_labels_lie_over_each_other(
    lang: str, width: int, whole: Callable[[str], Path], browser: Any
) -> None:
    with browsing.looking(browser, whole(lang), width=width) as seen:
        for opened in (False, True):
            if opened:
                seen.run("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            assert seen.run("() => document.documentElement.scrollWidth") <= width
            assert seen.run(browsing.OUTSIDE) == []
            assert seen.run(browsing.OVERLAPS) == []


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [1440, 900, 390, 320])
def test_long_names_and_great_amounts_have_room_too(
    lang: str, width: int, office: Path, tmp_path: Path, browser: Any
) -> None:
    with jobs.open(office / "oms.toml", clock=FixedClock(NIGHT)) as opened:
        report = with_great_figures(with_differences(opened.report_daily(day=DAY)))
    pages.write(tmp_path / "great.html", report, pages.words(lang))
    with browsing.looking(browser, tmp_path / "great.html", width=width) as seen:
        seen.run("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert seen.run("() => document.documentElement.scrollWidth") <= width
        assert seen.run(browsing.OUTSIDE) == []
        assert seen.run(browsing.OVERLAPS) == []
        assert seen.said == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_text_stands_out_from_what_is_behind_it_in_both_themes(
    scheme: str, width: int, whole: Callable[[str], Path], browser: Any
) -> None:
    with browsing.looking(browser, whole("en"), width=width, scheme=scheme) as seen:
        seen.run("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        found = seen.run(browsing.CONTRASTS)
        assert len(found) > 300
        assert [x for x in found if x[0] < 4.5] == []
        marks = seen.run(browsing.MARKS)
    assert marks
    assert [m for m in marks if contrast(rgb(m[1]), rgb(m[2])) < 3] == []


def rgb(colour: str) -> tuple[int, ...]:
    if colour.startswith("#"):
        return tuple(int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return tuple(int(x) for x in re.findall(r"\d+", colour)[:3])


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """By the definition of WCAG 2.1."""

    def light(colour: tuple[int, ...]) -> float:
        r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_theme_follows_the_reader_and_the_button_and_charts_are_drawn_anew(
    whole: Callable[[str], Path], browser: Any
) -> None:
    path = whole("en")
    behind = "() => getComputedStyle(document.body).backgroundColor"
    mark = f"() => ({browsing.MARKS})()[0][1]"
    seen_colours = []
    for scheme in SCHEMES:
        with browsing.looking(browser, path, scheme=scheme) as seen:
            before = seen.run(behind), seen.run(mark)
            assert seen.page.inner_text("#theme") == {"light": "Dark", "dark": "Light"}[scheme]
            seen.page.click("#theme")
            after = seen.run(behind), seen.run(mark)
            seen_colours.append((before, after))
    (light, to_dark), (dark, to_light) = seen_colours
    assert (light, dark) == (to_light, to_dark)
    assert light[0] != dark[0] and light[1] != dark[1]


def test_series_are_told_apart_by_patterns_too(whole: Callable[[str], Path], browser: Any) -> None:
    script = """() => [...document.querySelectorAll("[data-chart]")].map((p) => echarts.getInstanceByDom(p).getOption().series
      .filter((s) => s.name !== "ends").map((s) => JSON.stringify([s.itemStyle.decal?.symbol, s.itemStyle.decal?.rotation, s.itemStyle.decal?.dashArrayY])))"""
    with browsing.looking(browser, whole("en")) as seen:
        patterns = seen.run(script)
    assert any(len(p) > 2 for p in patterns)
    assert all(len(set(p)) == len(p) for p in patterns)


def test_chinese_glyphs_are_drawn_and_differ_from_a_glyph_that_is_missing(
    whole: Callable[[str], Path], browser: Any
) -> None:
    try:
        browsing.check_chinese_font()
    except browsing.Missing as why:
        pytest.skip(str(why))
    letters = "日报订单支付发货退款库存"
    with browsing.looking(browser, whole("zh")) as seen:
        assert seen.page.title().startswith("经营日报")
        *drawn, missing = seen.run(browsing.GLYPHS, letters)
        assert seen.run("() => document.documentElement.lang") == "zh-CN"
    assert len(set(drawn)) == len(letters)
    assert missing not in drawn
    assert all(d.count("1") > 60 for d in drawn)


def test_on_paper_it_is_light_and_its_tables_are_open(whole: Callable[[str], Path], browser: Any) -> None:
    opened = "() => [...document.querySelectorAll('details:not(.long)')]"
    with browsing.looking(browser, whole("en"), scheme="dark") as seen:
        dark = seen.run(f"() => ({browsing.MARKS})()[0][1]")
        seen.page.emulate_media(media="print")
        seen.until(f"() => ({opened})().every((d) => d.open)")
        assert seen.run("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert seen.run(f"() => ({browsing.MARKS})()[0][1]") != dark
        assert seen.run("() => getComputedStyle(document.querySelector('.acts')).display") == "none"
        seen.page.emulate_media(media="screen")
        seen.until(f"() => ({opened})().every((d) => !d.open)")
        assert seen.run(f"() => ({browsing.MARKS})()[0][1]") == dark


def test_charts_have_names_for_those_who_do_not_see_them_and_the_order_of_headings_is_right(
    whole: Callable[[str], Path], browser: Any
) -> None:
    with browsing.looking(browser, whole("en")) as seen:
        names = seen.run("() => [...document.querySelectorAll('[data-chart]')].map((x) => [x.getAttribute('role'), x.getAttribute('aria-label')])")  # fmt: skip
        levels = seen.run("() => [...document.querySelectorAll('h1, h2, h3')].map((x) => +x.tagName[1])")
    assert all(role == "img" and len(name) > 8 for role, name in names)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_both_languages_have_the_same_words() -> None:
    en, zh = pages.words("en"), pages.words("zh")

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: shape(v) for k, v in value.items()}
        return sorted(re.findall(r"\{(\w+)\}", value)) if isinstance(value, str) else None

    plain = {"lang", "says", "units", "units_of"}
    assert {k: shape(v) for k, v in en.items() if k not in plain} == {
        k: shape(v) for k, v in zh.items() if k not in plain
    }
    assert set(en["says"]) == set(zh["says"])
    assert set(en["units_of"]) == set(zh["units_of"])
    assert set(SHOPS) == set(SETTINGS)
