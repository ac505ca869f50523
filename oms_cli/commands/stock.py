"""oms stock"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oms_cli.console import show, working
from oms_cli.office import done, office
from oms_cli.options import By, Config, DryRun, Json, JsonLines, Top, example, group, moment, names, who

app = group("Show, count, adjust and move stock.")

Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")]
Key = Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key again changes nothing.")]
Sku = Annotated[str, typer.Argument(metavar="SKU", help="The SKU.")]


@app.command("show", epilog=example("oms stock show", "oms stock show --sku SKU-001 --warehouse main --json"))
def show_(
    sku: Annotated[list[str] | None, typer.Option("--sku", metavar="SKU", help="Only this SKU; repeatable.")] = None,
    warehouse: Annotated[list[str] | None, typer.Option("--warehouse", metavar="NAME", help="Only this one; repeatable.")] = None,
    limit: Top = 500, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """Show on hand, held, available and wanted pieces per warehouse and SKU."""
    with office(config) as oms:
        found = oms.stock_levels(skus=names(sku), warehouses=names(warehouse), limit=limit)
    return show(found, json=json)


@app.command("import", epilog=example("oms stock import counts.csv --as-of 2024-03-01T20:00", "oms stock import counts.csv --as-of now --dry-run"))  # fmt: skip
def import_(
    file: Annotated[Path, typer.Argument(help="Columns warehouse, sku, qty; .csv or .xlsx.")],
    as_of: Annotated[str, typer.Option("--as-of", metavar="WHEN", help="When it was counted; later movements stay.")],
    by: By = "", dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Take counts over as differences at their time."""
    with office(config) as oms, working("stock import"):
        at = moment(oms, as_of)
        assert at
        result = oms.stock_import(file, as_of=at, by=who(by), dry_run=dry_run)
    return done(result, json=json)


@app.command("adjust", context_settings={"ignore_unknown_options": True}, epilog=example("oms stock adjust main SKU-001 -3 --reason broken"))  # fmt: skip
def adjust(
    warehouse: Annotated[str, typer.Argument(metavar="WAREHOUSE", help="Where.")], sku: Sku,
    delta: Annotated[int, typer.Argument(metavar="DELTA", help="Pieces, signed: 5 or -3.")], reason: Why,
    key: Key = "", by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Change on-hand pieces of one SKU by a difference."""
    with office(config) as oms:
        return done(oms.stock_adjust(warehouse, sku, delta, reason=reason, by=who(by), key=key), json=json)


@app.command("transfer", epilog=example("oms stock transfer main shop-hz SKU-001 20 --reason 'fill the store'"))
def transfer(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Warehouse it leaves.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Warehouse it comes to.")], sku: Sku,
    qty: Annotated[int, typer.Argument(metavar="QTY", min=1, help="Pieces.")], reason: Why,
    key: Key = "", by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Move pieces of one SKU between two warehouses."""
    with office(config) as oms:
        return done(oms.stock_transfer(source, target, sku, qty, reason=reason, by=who(by), key=key), json=json)


@app.command("drain", epilog=example("oms stock drain"))
def drain(config: Config = None, json: Json = False) -> int:
    """Where stock is reserved in Redis: take its journal over into the books, bring stopped warehouses back."""
    with office(config) as oms, working("stock drain"):
        result = oms.drain_stock()
    return done(result, json=json)


@app.command("alerts", epilog=example("oms stock alerts", "oms stock alerts --below 20"))
def alerts(
    below: Annotated[int | None, typer.Option("--below", min=0, metavar="PIECES", help="Threshold instead of the setting's.")] = None,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Raise alerts for SKUs whose available stock is below the threshold."""
    with office(config) as oms, working("stock alerts"):
        result = oms.stock_alerts(below=below)
    return done(result, json=json)
