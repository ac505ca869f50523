"""oms parcel"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    Shops,
    Top,
    Warehouse,
    example,
    group,
    names,
    who,
)

app = group("Hand parcels to the warehouse, take waybills back, ship.")

COLUMNS = ("parcel_no", "shop", "warehouse", "state", "members", "carrier", "waybill", "handover_no", "ship_by")
Parcels = Annotated[list[str], typer.Argument(metavar="PARCEL", help="Parcel numbers.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Pick list to write, .csv or .xlsx.")]


@app.command("list", epilog=example("oms parcel list --state planned", "oms parcel list --warehouse main --json"))
def list_(
    state: Annotated[list[str] | None, typer.Option("--state", metavar="STATE", help="planned, handed_over, labelled, shipped, …; repeatable.")] = None,
    shop: Shops = None, warehouse: Warehouse = "", limit: Top = 50, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List parcels."""
    with office(config) as oms:
        found = oms.list_parcels(states=names(state), shops=names(shop), warehouse=warehouse, limit=limit)
    return show(found, json=json, columns=COLUMNS)


@app.command("show", epilog=example("oms parcel show PARCEL"))
def show_(
    parcel: Annotated[str, typer.Argument(metavar="PARCEL", help="Parcel number.")], config: Config = None, json: Json = False
) -> int:  # fmt: skip
    """Show one parcel with its orders and its history."""
    with office(config) as oms:
        return show(oms.show_parcel(parcel), json=json, hide=("ref", "version", "run_id"))


@app.command("handover", epilog=example("oms parcel handover --warehouse main --out picks.csv"))
def handover(
    warehouse: Annotated[str, typer.Option("--warehouse", metavar="NAME", help="Who packs.")], out: Out,
    shop: Shops = None, limit: Limit = 0, by: By = "", dry_run: DryRun = False, config: Config = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Ask the platforms once more, write the pick list, and mark its parcels handed over."""
    with office(config) as oms, working("parcel handover"):
        result = oms.handover_parcels(
            warehouse=warehouse, out=out, shops=names(shop), limit=limit, by=who(by), dry_run=dry_run
        )  # fmt: skip
    return done(result, json=json)


@app.command("export", epilog=example("oms parcel export HANDOVER --out picks.xlsx"))
def export(
    handover_no: Annotated[str, typer.Argument(metavar="HANDOVER", help="Number of the hand-over.")], out: Out,
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Write the pick list of an earlier hand-over again."""
    with office(config) as oms:
        return done(oms.export_parcels(handover_no, out=out, by=who(by)), json=json)


@app.command("import", epilog=example("oms parcel import waybills.csv", "oms parcel import waybills.xlsx --dry-run"))
def import_(
    file: Annotated[Path, typer.Argument(help="Columns parcel_no, carrier, waybill; .csv or .xlsx.")],
    by: By = "", dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Take waybills and stop answers back from the warehouse; rows with errors go to FILE.errors.csv."""
    with office(config) as oms:
        return done(oms.import_waybills(file, by=who(by), dry_run=dry_run), json=json)


@app.command("ship", epilog=example("oms parcel ship", "oms parcel ship PARCEL --dry-run"))
def ship(
    parcel: Annotated[list[str] | None, typer.Argument(metavar="PARCEL", help="Only these.")] = None,
    warehouse: Warehouse = "", limit: Limit = 0, dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Commit the stock of labelled parcels, move their orders, and write the notices to be told."""
    with office(config) as oms, working("parcel ship"):
        result = oms.ship_parcels(warehouse=warehouse, parcels=names(parcel), limit=limit, dry_run=dry_run)
    return done(result, json=json)


@app.command("stop", epilog=example("oms parcel stop PARCEL --reason 'buyer cancelled'"))
def stop(
    parcel: Parcels, reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")],
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Ask the warehouse to stop parcels; planned ones stop at once."""
    with office(config) as oms:
        return done(oms.stop_parcels(tuple(parcel), reason=reason, by=who(by)), json=json)
