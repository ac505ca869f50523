"""oms reconcile"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from oms_cli.console import working
from oms_cli.office import done, office
from oms_cli.options import By, Config, Json, Limit, Shops, Since, Until, example, group, moment, names, who


class BillKind(StrEnum):
    """The two bills of a channel's day."""

    trade = "trade"
    funds = "funds"


app = group("Compare what should agree, and repair by plan.")


@app.command("orders", epilog=example("oms reconcile orders --since yesterday", "oms reconcile orders --shop jd-main --since 7d --json"))  # fmt: skip
def orders(shop: Shops = None, since: Since = "", until: Until = "", config: Config = None, json: Json = False) -> int:
    """Compare platforms, inbox and orders; evidence per order. Exit 3 on a difference."""
    with office(config) as oms, working("reconcile orders"):
        result = oms.reconcile_orders(shops=names(shop), since=moment(oms, since), until=moment(oms, until))
    return done(result, json=json)


@app.command("payments", epilog=example("oms reconcile payments", "oms reconcile payments --channel wx-main --json"))
def payments(
    channel: Annotated[list[str] | None, typer.Option("--channel", metavar="ALIAS", help="Only this payment channel; repeatable.")] = None,
    limit: Limit = 0, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Ask payment channels about what is open and due; their word wins. Exit 3 when money does not fit its order."""
    with office(config) as oms, working("reconcile payments"):
        result = oms.reconcile_payments(channels=names(channel), limit=limit)
    return done(result, json=json)


@app.command("bills", epilog=example("oms reconcile bills", "oms reconcile bills --channel wx-main --day 2026-10-05", "oms reconcile bills --channel wx-main --day 2026-10-05 --file bill.csv.gz --kind trade"))  # fmt: skip
def bills(
    channel: Annotated[list[str] | None, typer.Option("--channel", metavar="GLOB", help="Only these payment channels; repeatable.")] = None,
    day: Annotated[str, typer.Option("--day", metavar="DAY", help="Only this day, as 2026-10-05 or yesterday; none: what is missing of the last week.")] = "",
    since: Since = "",
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read the bill of the one channel and day from a file instead.")] = None,
    kind: Annotated[BillKind, typer.Option("--kind", help="What the file is.")] = BillKind.trade,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Compare channels' bills with our payments, and their fund flow with the bills. Exit 3 on a difference."""
    from jobs.errors import BadRequest

    if day and since:
        raise BadRequest("give --day or --since", hint="oms reconcile bills --help")
    with office(config) as oms, working("reconcile bills"):
        first = moment(oms, day or since)
        since_day = first.astimezone(ZoneInfo(oms.env.settings.business.zone)).date() if first else None
        result = oms.reconcile_bills(
            channels=names(channel), since=since_day, until=since_day if day else None, file=file, kind=kind.value
        )
    return done(result, json=json)


@app.command("stock", epilog=example("oms reconcile stock --plan repair.json", "oms reconcile stock --apply repair.json"))  # fmt: skip
def stock(
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Write the repair plan there.")] = None,
    apply: Annotated[Path | None, typer.Option("--apply", metavar="PLAN", help="Carry out a plan; what changed since is skipped.")] = None,
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Compare counters, journal, reservations and orders. Exit 3 on a difference."""
    with office(config) as oms, working("reconcile stock"):
        result = oms.reconcile_stock(plan_out=plan, apply=apply, by=who(by))
    return done(result, json=json)
