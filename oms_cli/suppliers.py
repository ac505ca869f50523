"""oms settle supplier: prices, bills, adjustments; a group inside the group `settle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oms_cli.console import show, working
from oms_cli.office import done, office
from oms_cli.options import By, Config, DryRun, Json, JsonLines, Top, example, group, names, who

app = group("What suppliers are owed: shipped less returned, at purchase prices.")

PRICES = ("sku", "supplier", "currency", "price_minor", "valid_from", "valid_to")
BILLS = (
    "bill_no", "supplier", "period", "state", "totals", "move_count", "parked_qty", "booked_at", "booked_by", "changed_by",
)  # fmt: skip
Bill = Annotated[str, typer.Argument(metavar="BILL", help="Bill number: supplier/period/round.")]
Bills = Annotated[list[str], typer.Argument(metavar="BILL", help="Bill numbers.")]
Supplier = Annotated[str, typer.Option("--supplier", metavar="NAME", help="Only this supplier.")]
Period = Annotated[str, typer.Option("--period", metavar="PERIOD", help="A month as 2026-10 or a day as 2026-10-05.")]


@app.command("prices", epilog=example("oms settle supplier prices", "oms settle supplier prices prices.csv --dry-run", "oms settle supplier prices --sku SKU-001 --on 2026-10-05"))  # fmt: skip
def prices(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Import these (.csv, .xlsx): supplier, sku, currency, price_minor, valid_from, valid_to; none: list.")] = None,
    sku: Annotated[list[str] | None, typer.Option("--sku", metavar="SKU", help="List only this SKU; repeatable.")] = None,
    supplier: Supplier = "",
    on: Annotated[str, typer.Option("--on", metavar="DAY", help="List only what holds on this day.")] = "",
    limit: Top = 50, by: By = "", dry_run: DryRun = False, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """Import purchase prices with validity, or list them; a SKU has one supplier and one price on any day."""
    from jobs.errors import BadRequest

    if file is not None and (sku or supplier or on):
        raise BadRequest(
            "--sku, --supplier and --on go with the list, not with a FILE", hint="oms settle supplier prices --help"
        )
    with office(config) as oms:
        if file is None:
            found = oms.supplier_prices(skus=names(sku), supplier=supplier, on=on, limit=limit)
            return show(found, json=json, columns=PRICES)
        with working("settle prices"):
            result = oms.import_supplier_prices(file, by=who(by), dry_run=dry_run)
    return done(result, json=json)


@app.command("bill", epilog=example("oms settle supplier bill --period 2026-10", "oms settle supplier bill --period 2026-10 --plan bills.json", "oms settle supplier bill --apply bills.json"))  # fmt: skip
def bill(
    period: Period = "",
    supplier: Annotated[list[str] | None, typer.Option("--supplier", metavar="GLOB", help="Only these suppliers; repeatable.")] = None,
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Write the bills there as a plan.")] = None,
    apply: Annotated[Path | None, typer.Option("--apply", metavar="PLAN", help="Book a plan's bills, each once; what changed since is skipped.")] = None,
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Work out the bills of a period, or book them by plan. Exit 3 when pieces have no price."""
    with office(config) as oms, working("settle supplier"):
        result = oms.settle_suppliers(period=period, suppliers=names(supplier), plan_out=plan, apply=apply, by=who(by))
    return done(result, json=json)


@app.command(
    "adjust", epilog=example("oms settle supplier adjust ACME 2026-10 --amount -1250 --reason 'late delivery'")
)
def adjust(
    supplier: Annotated[str, typer.Argument(metavar="SUPPLIER", help="Whose bill.")],
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="Of which period, as 2026-10.")],
    amount: Annotated[int, typer.Option("--amount", metavar="MINOR", help="Minor units; positive: we pay more, negative: less.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stands on the bill.")],
    currency: Annotated[str, typer.Option("--currency", metavar="CODE", help="Currency of the amount.")] = "CNY",
    key: Annotated[str, typer.Option("--key", metavar="TEXT", help="With the same key it happens once (default: all that is said).")] = "",
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Add to a period's bill, or take off it, with a reason; before the bill is booked."""
    with office(config) as oms:
        result = oms.adjust_supplier(supplier, period, amount, currency=currency, reason=reason, by=who(by), key=key)
    return done(result, json=json)


@app.command("list", epilog=example("oms settle supplier list --period 2026-10", "oms settle supplier list --state booked --json"))  # fmt: skip
def list_(
    supplier: Supplier = "", period: Period = "",
    state: Annotated[list[str] | None, typer.Option("--state", metavar="STATE", help="booked, confirmed or undone; repeatable.")] = None,
    limit: Top = 50, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List bills."""
    with office(config) as oms:
        found = oms.supplier_bills(supplier=supplier, period=period, states=names(state), limit=limit)
    return show(found, json=json, columns=BILLS)


@app.command("show", epilog=example("oms settle supplier show ACME/2026-10/1"))
def show_(bill: Bill, config: Config = None, json: Json = False) -> int:
    """Show a bill with its lines."""
    with office(config) as oms:
        return show(oms.show_supplier_bill(bill), json=json, hide=("bill_no",))


@app.command("confirm", epilog=example("oms settle supplier confirm ACME/2026-10/1"))
def confirm(bills: Bills, by: By = "", config: Config = None, json: Json = False) -> int:
    """Close bills for good."""
    with office(config) as oms:
        return done(oms.confirm_supplier_bills(bills, by=who(by)), json=json)


@app.command("undo", epilog=example("oms settle supplier undo ACME/2026-10/1 --reason 'wrong price'"))
def undo(
    bills: Bills,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")] = "",
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Take booked bills back, until they are confirmed."""
    with office(config) as oms:
        return done(oms.undo_supplier_bills(bills, by=who(by), reason=reason), json=json)


@app.command("export", epilog=example("oms settle supplier export ACME/2026-10/1 --out bill.xlsx", "oms settle supplier export ACME/2026-10/1 --moves --out pieces.csv"))  # fmt: skip
def export(
    bill: Bill,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write, by its name .csv or .xlsx.")],
    moves: Annotated[bool, typer.Option("--moves", help="Every movement that the bill charges instead of its lines.")] = False,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Write a bill to a file, safe to open in a spreadsheet."""
    with office(config) as oms:
        return done(oms.export_supplier_bill(bill, out=out, moves=moves), json=json)
