"""oms sync"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from oms_cli.console import show, working
from oms_cli.office import done, office
from oms_cli.options import (
    By,
    Config,
    DryRun,
    Json,
    JsonLines,
    Limit,
    Platforms,
    Shops,
    Since,
    Top,
    Until,
    example,
    group,
    moment,
    names,
    who,
)

app = group("Pull orders and refunds into the inbox, and prove that nothing is missing.")

Due = Annotated[bool, typer.Option("--due", help="Only shops whose time has come; busy ones are fine.")]
Kind = Annotated[str, typer.Option("--kind", metavar="KIND", help="orders or refunds.")]


def _pull(what: str, config: Path | None, json: bool, due: bool, **given: Any) -> int:
    from jobs.errors import Busy
    from jobs.results import Result

    with office(config) as oms, working(f"sync {what}"):
        given["since"], given["until"] = moment(oms, given["since"]), moment(oms, given["until"])
        pull = oms.sync_orders if what == "orders" else oms.sync_refunds
        try:
            result = pull(due=due, **given)
        except Busy:
            if not due:
                raise
            result = Result(job=f"sync {what}", outcome="busy")
    return done(result, json=json, due=due)


@app.command("orders", epilog=example("oms sync orders --due", "oms sync orders --shop 'tmall-*' --since 2h"))
def orders(
    shop: Shops = None, platform: Platforms = None, since: Since = "", until: Until = "", limit: Limit = 0,
    due: Due = False, dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Pull orders. Bounded by --since, --until or --limit it moves no mark."""
    return _pull(
        "orders", config, json, due, shops=names(shop), platforms=names(platform), since=since, until=until,
        limit=limit, dry_run=dry_run,
    )  # fmt: skip


@app.command("refunds", epilog=example("oms sync refunds --due", "oms sync refunds --platform jd --since yesterday"))
def refunds(
    shop: Shops = None, platform: Platforms = None, since: Since = "", until: Until = "", limit: Limit = 0,
    due: Due = False, dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Pull refunds and after-sale cases. Bounded, it moves no mark."""
    return _pull(
        "refunds", config, json, due, shops=names(shop), platforms=names(platform), since=since, until=until,
        limit=limit, dry_run=dry_run,
    )  # fmt: skip


@app.command("statements", epilog=example("oms sync statements", "oms sync statements --shop 'tmall-*' --period 2024-03-01"))  # fmt: skip
def statements(
    shop: Shops = None, platform: Platforms = None,
    period: Annotated[str, typer.Option("--period", metavar="DAY", help="Day such as 2024-03-01 (default: the last one that is booked).")] = "",
    match: Annotated[bool, typer.Option("--match/--no-match", help="Match after the import.")] = True,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Pull a day's settlement statements, where the platform gives them by a call, and match."""
    with office(config) as oms, working("sync statements"):
        result = oms.sync_statements(shops=names(shop), platforms=names(platform), period=period, match=match)
    return done(result, json=json)


@app.command("verify", epilog=example("oms sync verify --since yesterday --until today", "oms sync verify --since 6h --dry-run"))  # fmt: skip
def verify(
    since: Since, until: Until = "now", kind: Kind = "orders", shop: Shops = None, platform: Platforms = None,
    dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """List a period at the platforms, compare it with the inbox, and pull what is missing. Exit 3 on a gap."""
    with office(config) as oms, working("sync verify"):
        start, end = moment(oms, since), moment(oms, until)
        assert start and end
        result = oms.sync_verify(
            shops=names(shop), platforms=names(platform), since=start, until=end, kind=kind, dry_run=dry_run
        )
    return done(result, json=json)


@app.command("parse", epilog=example("oms sync parse --platform taobao answer.json", "oms sync parse --platform jd --kind refunds answer.json"))  # fmt: skip
def parse(
    file: Annotated[Path, typer.Argument(help="A captured answer of the platform.")],
    platform: Annotated[str, typer.Option("--platform", metavar="NAME", help="Whose answer it is.")],
    kind: Kind = "orders", config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """Print the neutral documents in a captured answer; no network, no store."""
    with office(config) as oms:
        return show(oms.sync_parse(platform, file, kind=kind), json=json)


windows_app = group("The windows that were pulled, with their proofs.")
app.add_typer(windows_app, name="windows", help="The windows that were pulled, with their proofs.")


@windows_app.command("list", epilog=example("oms sync windows list --state open", "oms sync windows list --since 1d --json"))  # fmt: skip
def windows_list(
    shop: Shops = None, kind: Annotated[str, typer.Option("--kind", metavar="KIND", help="orders or refunds.")] = "",
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="open or closed.")] = "",
    since: Since = "", limit: Top = 200, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List windows: span, state, proof, expected, seen, attempts."""
    with office(config) as oms:
        found = oms.sync_windows(shops=names(shop), kind=kind, state=state, since=moment(oms, since), limit=limit)
    columns = ("window_id", "shop", "kind", "start", "end", "state", "proof", "reason", "expected", "seen", "attempts")
    return show(found, json=json, columns=columns)


@windows_app.command("accept", epilog=example("oms sync windows accept WINDOW --reason 'platform confirmed the total is wrong'"))  # fmt: skip
def windows_accept(
    window: Annotated[str, typer.Argument(help="The window's id.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may count as proven; on record.")],
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Close an open window by your word."""
    with office(config) as oms:
        return done(oms.accept_window(window, reason=reason, by=who(by)), json=json)
