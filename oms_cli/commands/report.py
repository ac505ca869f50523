"""oms report"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oms_cli.console import cell, note, out, show, table, working
from oms_cli.office import done, office
from oms_cli.options import Config, Json, Platforms, Shops, example, group, names

if TYPE_CHECKING:
    from jobs.reporting.documents import Report

app = group("A day's or a week's figures: terminal, JSON, spreadsheet, page.")

Day = Annotated[str, typer.Option("--day", metavar="DAY", help="2026-03-01, today or yesterday, of the business zone.")]
Week = Annotated[str, typer.Option("--week", metavar="WEEK", help="2026-W09, a day in it, this or last; Monday to Sunday.")]  # fmt: skip
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write one section there (see --section).")]
Xlsx = Annotated[Path | None, typer.Option("--xlsx", metavar="FILE", help="Write every section there, a sheet each.")]
Section = Annotated[str, typer.Option("--section", metavar="NAME", help="Only this section; of --csv the one that is written (default hours).")]  # fmt: skip
Rows = Annotated[int, typer.Option("--top", min=1, metavar="N", help="Rows of the SKUs and of the stock.")]


@app.command("daily", epilog=example("oms report daily", "oms report daily --day yesterday --shop 'tmall-*'", "oms report daily --section skus --csv skus.csv", "oms report daily --json | jq '.totals'"))  # fmt: skip
def daily(
    day: Day = "today", section: Section = "", csv: Csv = None, xlsx: Xlsx = None, top: Rows = 15, shop: Shops = None,
    platform: Platforms = None, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Show a day: sales, SKUs, funnel, waiting, refunds, stock, coverage, differences, jobs."""
    with office(config) as oms, working("report daily"):
        report = oms.report_daily(day=day, shops=names(shop), platforms=names(platform), top=top)
    return _told(report, section, csv, xlsx, json=json)


@app.command("weekly", epilog=example("oms report weekly --week last", "oms report weekly --week 2026-W09 --xlsx week.xlsx"))  # fmt: skip
def weekly(
    week: Week = "this", section: Section = "", csv: Csv = None, xlsx: Xlsx = None, top: Rows = 15, shop: Shops = None,
    platform: Platforms = None, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Show a week, Monday to Sunday."""
    with office(config) as oms, working("report weekly"):
        report = oms.report_weekly(week=week, shops=names(shop), platforms=names(platform), top=top)
    return _told(report, section, csv, xlsx, json=json)


@app.command("page", epilog=example("oms report page --out today.html", "oms report page --week last --lang zh --out week.html"))  # fmt: skip
def page(
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file.")],
    day: Annotated[str, typer.Option("--day", metavar="DAY", help="2026-03-01, today (default) or yesterday.")] = "",
    week: Annotated[str, typer.Option("--week", metavar="WEEK", help="A week instead: 2026-W09, a day in it, this or last.")] = "",
    lang: Annotated[str, typer.Option("--lang", metavar="en|zh", help="Language of its words.")] = "en",
    top: Rows = 15, shop: Shops = None, platform: Platforms = None, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Write a day or a week as one HTML file with charts, that loads nothing and works offline."""
    with office(config) as oms, working("report page"):
        report = oms.report_page(
            file, day=day, week=week, lang=lang, shops=names(shop), platforms=names(platform), top=top
        )
    said = {"page": file, "kind": report.kind, "since": report.since, "until": report.until, "empty": report.empty}
    if json:
        return show(said, json=True)
    out(str(file))
    return 0


@app.command("refresh", epilog=example("oms report refresh", "oms report refresh --rebuild"))
def refresh(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Count every order anew and say which figures were wrong (exit 3); they are put right.")] = False,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Bring the figures up to date with the orders; the first run counts all of them."""
    with office(config) as oms, working("report refresh"):
        result = oms.report_refresh(rebuild=rebuild)
    return done(result, json=json)


def _told(report: Report, section: str, csv: Path | None, xlsx: Path | None, *, json: bool) -> int:
    """Write the files that were asked for; what was not is shown."""
    from jobs.reporting import tables

    if section:
        tables.table(report, section)  # refuses a name that is none, before anything is written
    if csv:
        tables.write_csv(csv, report, section or "hours")
    if xlsx:
        tables.write_book(xlsx, report)
    if json:
        return show(report, json=True)
    if not csv and not xlsx:
        _show(report, section)
    return 0


#: what a terminal shows unasked, and the rows of each that are worth a look; hours and days are for spreadsheets
_SHOWN: dict[str, Callable[[dict[str, Any]], bool]] = {
    "totals": lambda _: True,
    "shops": lambda _: True,
    "skus": lambda _: True,
    "funnel": lambda _: True,
    "waits": lambda _: True,
    "refunds": lambda _: True,
    "cancels": lambda _: True,
    "stock": lambda row: row["shipped"] > 0,
    "coverage": lambda row: row["proven_s"] < row["elapsed_s"],
    "differences": lambda _: True,
    "jobs": lambda row: row["runs"] > 0 or row["late"],
}


def _show(report: Report, section: str) -> None:
    from jobs.reporting import tables

    when = str(report.since) if report.since == report.until else f"{report.since} – {report.until}"
    out(f"{report.kind} {when} {report.zone} · {_fresh(report)}")
    if report.empty:
        out("nothing was ordered, sold, shipped, cancelled or asked back")
    for name in [section] if section else _SHOWN:
        header, rows = tables.table(report, name)
        found = [dict(zip(header, row, strict=True)) for row in rows]
        found = found if section else [row for row in found if _SHOWN[name](row)]
        if found:
            table(found, title=name)
    if section in ("", "coverage") and report.coverage:
        proven, elapsed = (sum(getattr(c, n) for c in report.coverage) for n in ("proven_s", "elapsed_s"))
        out(f"coverage: {100 * proven / max(elapsed, 1):.1f} % proven")
    if report.differences is None and section in ("", "differences"):
        out("differences: no statements yet")
    if report.as_of is None:
        note("next: oms report refresh")


def _fresh(report: Report) -> str:
    if report.as_of is None:
        return "no order was counted yet"
    return f"orders as of {cell(report.as_of)}" + ("" if report.complete else ", the first count goes on")
