"""oms settle"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oms_cli import suppliers
from oms_cli.console import show, working
from oms_cli.office import done, office
from oms_cli.options import By, Config, Json, JsonLines, Shops, Top, example, group, names, who

app = group("Settle with platforms and suppliers.")
app.add_typer(suppliers.app, name="supplier")

Account = Annotated[str, typer.Option("--account", metavar="SHOP", help="The shop whose money it is.")]
Period = Annotated[str, typer.Option("--period", metavar="PERIOD", help="2026-09 or 2026-09-05, in the business zone.")]
SomePeriod = Annotated[str, typer.Option("--period", metavar="PERIOD", help="Only this one: 2026-09 or 2026-09-05.")]
Plan = Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Write the plan there.")]
Apply = Annotated[Path | None, typer.Option("--apply", metavar="PLAN", help="Carry out a plan, once.")]
Class = Annotated[
    list[str] | None, typer.Option("--class", metavar="CLASS", help="only_theirs, only_ours, amount_differs, …; repeatable.")
]  # fmt: skip


@app.command("platform", epilog=example("oms settle platform ledger.zip --account tmall-one --period 2026-09", "oms settle platform 0905.csv --account jd-one --period 2026-09-05 --errors bad.csv"))  # fmt: skip
def platform(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Statements: CSV, xlsx, JSON, zip, gzip; GBK or UTF-8.")],
    account: Account, period: Period,
    layout: Annotated[str, typer.Option("--layout", metavar="NAME", help="Layout instead of the one found by the columns.")] = "",
    match: Annotated[bool, typer.Option("--match/--no-match", help="Match after the import.")] = True,
    errors: Annotated[Path | None, typer.Option("--errors", metavar="FILE", help="Write the rows that cannot be read there.")] = None,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Import statements of a shop for a period, and match. Exit 3 when rows could not be read."""
    with office(config) as oms, working("settle platform"):
        result = oms.settle_platform(files, account=account, period=period, layout=layout, match=match, errors=errors)
    return done(result, json=json)


@app.command("recheck", epilog=example("oms settle recheck", "oms settle recheck --shop 'tmall-*'"))
def recheck(shop: Shops = None, config: Config = None, json: Json = False) -> int:
    """Look again at what stands open, where it is due or its order has changed."""
    with office(config) as oms, working("settle recheck"):
        result = oms.settle_recheck(shops=names(shop))
    return done(result, json=json)


@app.command("show", epilog=example("oms settle show --period 2026-09", "oms settle show --class only_theirs --class only_ours --json"))  # fmt: skip
def show_(
    shop: Shops = None, period: SomePeriod = "", class_: Class = None, limit: Top = 500, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """Show periods, classes and aging per currency; with --class the items, with owner and reason."""
    with office(config) as oms:
        if class_:
            return show(
                oms.settle_items(classes=names(class_), shops=names(shop), period=period, limit=limit), json=json
            )
        return show(oms.settle_overview(shops=names(shop), period=period), json=json)


@app.command("acts", epilog=example("oms settle acts --shop tmall-one", "oms settle acts --period 2026-09 --json"))
def acts(shop: Shops = None, period: SomePeriod = "", limit: Top = 50, config: Config = None, json: JsonLines = False) -> int:  # fmt: skip
    """List what changed the books, newest first: imports, matchings, decisions."""
    with office(config) as oms:
        found = oms.settle_acts(shops=names(shop), period=period, limit=limit)
    return show(found, json=json)


@app.command("layouts", epilog=example("oms settle layouts", "oms settle layouts --json | jq -r .name"))
def layouts(config: Config = None, json: JsonLines = False) -> int:
    """List the statement layouts, those of your own included."""
    with office(config) as oms:
        return show(
            oms.settle_layouts(), json=json, columns=("name", "platform", "title", "version", "basis", "columns")
        )


@app.command("assign", epilog=example("oms settle assign line:12 exp:7 --owner li --reason 'asked the platform'", "oms settle assign --account tmall-one --class only_theirs --owner li --reason gifts"))  # fmt: skip
def assign(
    refs: Annotated[list[str] | None, typer.Argument(metavar="REF", help="Open items as `settle show` names them.")] = None,
    account: Annotated[str, typer.Option("--account", metavar="SHOP", help="All of this shop, with --class.")] = "",
    period: SomePeriod = "", class_: Class = None,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who looks after it.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it stands open.")] = "",
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Name who looks after open items, and why they stand open."""
    with office(config) as oms:
        result = oms.settle_assign(
            names(refs), account=account, period=period, classes=names(class_), owner=owner, reason=reason, by=who(by)
        )
    return done(result, json=json)


@app.command("decide", epilog=example("oms settle decide --accept ID --refuse ID --plan decisions.json", "oms settle decide --apply decisions.json"))  # fmt: skip
def decide(
    accept: Annotated[list[str] | None, typer.Option("--accept", metavar="ID", help="This suggestion holds; repeatable.")] = None,
    refuse: Annotated[list[str] | None, typer.Option("--refuse", metavar="ID", help="This one does not; repeatable.")] = None,
    plan: Plan = None, apply: Apply = None, by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Accept or refuse suggestions, by a plan."""
    with office(config) as oms:
        result = oms.settle_decide(accept=names(accept), refuse=names(refuse), plan_out=plan, apply=apply, by=who(by))
    return done(result, json=json)


@app.command("confirm", epilog=example("oms settle confirm --account tmall-one --period 2026-09 --plan close.json", "oms settle confirm --account tmall-one --period 2026-09 --apply close.json"))  # fmt: skip
def confirm(
    account: Account, period: Period, plan: Plan = None, apply: Apply = None, by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Close a period for good, by a plan that names its figures."""
    with office(config) as oms:
        result = oms.settle_confirm(account=account, period=period, plan_out=plan, apply=apply, by=who(by))
    return done(result, json=json)


@app.command("undo", epilog=example("oms settle undo --account tmall-one", "oms settle undo --account tmall-one --period 2026-09 --all"))  # fmt: skip
def undo(
    account: Account, period: SomePeriod = "",
    act: Annotated[int, typer.Option("--act", metavar="N", help="This act instead of the newest.")] = 0,
    all_: Annotated[bool, typer.Option("--all", help="All acts of the period, imports too.")] = False,
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Take the newest act of a shop's books back to the letter; possible until its period is confirmed."""
    with office(config) as oms, working("settle undo"):
        result = oms.settle_undo(account=account, period=period, act=act, all=all_, by=who(by))
    return done(result, json=json)


@app.command("export", epilog=example("oms settle export --account tmall-one --period 2026-09 --out 2026-09.xlsx", "oms settle export --account jd-one --period 2026-09-05 --out day.csv"))  # fmt: skip
def export(
    account: Account, period: Period,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where: .csv or .xlsx.")],
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Write a period's matches and open items, safe to be opened in a spreadsheet."""
    with office(config) as oms, working("settle export"):
        result = oms.settle_export(account=account, period=period, out=out)
    return done(result, json=json)
