"""oms order"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oms_cli.console import show, working
from oms_cli.office import done, office, stay
from oms_cli.options import (
    By,
    Config,
    DryRun,
    Follow,
    Json,
    JsonLines,
    Limit,
    Numbers,
    OrdersFile,
    Platforms,
    Shops,
    Since,
    Top,
    Until,
    example,
    group,
    moment,
    names,
    numbers,
    pairs,
    some_numbers,
    who,
)

app = group("List, explain, audit, source and complete orders.")

COLUMNS = (
    "order_no", "shop", "platform_order_no", "progress", "refund_state", "held", "payable_minor", "currency",
    "ordered_at", "ship_by",
)  # fmt: skip
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="Our order number, or the platform's.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="A word for the record.")]


@app.command("list", epilog=example("oms order list --progress audited", "oms order list --held --shop 'tmall-*' --json"))  # fmt: skip
def list_(
    shop: Shops = None, platform: Platforms = None,
    progress: Annotated[list[str] | None, typer.Option("--progress", metavar="STATE", help="created, audited, sourced, …; repeatable.")] = None,
    held: Annotated[bool | None, typer.Option("--held/--free", help="Only held ones, or only free ones.")] = None,
    hold_code: Annotated[str, typer.Option("--hold", metavar="CODE", help="Only with this open hold.")] = "",
    flag: Annotated[str, typer.Option("--flag", metavar="FLAG", help="Only with this flag: presale, gift, cod, …")] = "",
    since: Since = "", until: Until = "", limit: Top = 50, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List orders, oldest first. --since and --until look at the time of ordering."""
    with office(config) as oms:
        found = oms.list_orders(
            shops=names(shop), platforms=names(platform), progress=names(progress), held=held, hold_code=hold_code,
            flag=flag, since=moment(oms, since), until=moment(oms, until), limit=limit,
        )  # fmt: skip
    return show(found, json=json, columns=COLUMNS)


@app.command("search", epilog=example("oms order search --number 2054819", "oms order search --phone 13800000000"))
def search(
    number: Annotated[str, typer.Option("--number", metavar="NUMBER", help="The platform's order number.")] = "",
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="The receiver's whole name.")] = "",
    phone: Annotated[str, typer.Option("--phone", metavar="TEXT", help="The receiver's whole phone number.")] = "",
    limit: Top = 50, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """Find orders by the platform's number, or by name or phone through keyed hashes."""
    with office(config) as oms:
        found = oms.search_orders(platform_order_no=number, name=name, phone=phone, limit=limit)
    return show(found, json=json, columns=COLUMNS)


@app.command("show", epilog=example("oms order show NUMBER", "oms order show NUMBER --reveal"))
def show_(
    number: Number,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the receiver; this goes on record.")] = False,
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Show one order with its lines, holds, parcels and refunds."""
    with office(config) as oms:
        found = oms.show_order(number, reveal=reveal, by=who(by))
    return show(found, json=json, reveal=reveal, hide=("order_no",))


@app.command("explain", epilog=example("oms order explain NUMBER"))
def explain(number: Number, config: Config = None, json: Json = False) -> int:
    """Why an order is where it is: every step with its reason, doubts, holds, and what it waits for."""
    with office(config) as oms:
        return show(oms.explain_order(number), json=json, hide=("ref", "order_no", "version", "run_id"))


@app.command("audit", epilog=example("oms order audit", "oms order audit NUMBER --dry-run", "oms order audit --follow"))  # fmt: skip
def audit(
    number: Numbers = None, orders: OrdersFile = "", shop: Shops = None, limit: Limit = 0, dry_run: DryRun = False,
    follow: Follow = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Hold what a person must see, pass the rest on."""
    if follow:
        return stay("order audit", shop, config, json, number, orders, limit, dry_run)
    with office(config) as oms, working("order audit"):
        result = oms.audit_orders(
            shops=names(shop), orders=numbers(number, orders), limit=limit, dry_run=dry_run
        )  # fmt: skip
    return done(result, json=json)


@app.command("source", epilog=example("oms order source", "oms order source --orders numbers.txt --dry-run", "oms order source --follow"))  # fmt: skip
def source(
    number: Numbers = None, orders: OrdersFile = "", shop: Shops = None, limit: Limit = 0, dry_run: DryRun = False,
    follow: Follow = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Choose the places that ship and hold their stock; short orders wait."""
    if follow:
        return stay("order source", shop, config, json, number, orders, limit, dry_run)
    with office(config) as oms, working("order source"):
        result = oms.source_orders(
            shops=names(shop), orders=numbers(number, orders), limit=limit, dry_run=dry_run
        )  # fmt: skip
    return done(result, json=json)


@app.command("complete", epilog=example("oms order complete", "oms order complete --dry-run"))
def complete(
    shop: Shops = None, limit: Limit = 0, dry_run: DryRun = False, config: Config = None, json: Json = False
) -> int:
    """Complete shipped orders that the buyer has received."""
    with office(config) as oms, working("order complete"):
        result = oms.complete_orders(shops=names(shop), limit=limit, dry_run=dry_run)
    return done(result, json=json)


@app.command("expire", epilog=example("oms order expire", "oms order expire --dry-run"))
def expire(limit: Limit = 0, dry_run: DryRun = False, config: Config = None, json: Json = False) -> int:
    """Release holds whose end has passed; close unpaid orders that we own after their time."""
    with office(config) as oms, working("order expire"):
        result = oms.expire_orders(limit=limit, dry_run=dry_run)
    return done(result, json=json)


@app.command("hold", epilog=example("oms order hold NUMBER --note 'customer calls back'", "oms order hold --orders - --until 2024-03-01"))  # fmt: skip
def hold(
    number: Numbers = None, orders: OrdersFile = "",
    code: Annotated[str, typer.Option("--code", metavar="CODE", help="Reason code of the hold.")] = "manual",
    note: Note = "",
    until: Annotated[str, typer.Option("--until", metavar="WHEN", help="Releases itself then.")] = "",
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Hold orders; a held order does not move."""
    with office(config) as oms:
        result = oms.hold_orders(
            some_numbers(number, orders), code=code, note=note, by=who(by), until=moment(oms, until)
        )  # fmt: skip
    return done(result, json=json)


@app.command("release", epilog=example("oms order release NUMBER", "oms order release NUMBER --code audit.remark"))
def release(
    number: Numbers = None, orders: OrdersFile = "",
    code: Annotated[str, typer.Option("--code", metavar="CODE", help="Only this hold.")] = "",
    note: Note = "", by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Release holds: one code, or all that a person may release."""
    with office(config) as oms:
        result = oms.release_orders(some_numbers(number, orders), code=code, note=note, by=who(by))
    return done(result, json=json)


@app.command("cancel", epilog=example("oms order cancel NUMBER --reason 'buyer called'"))
def cancel(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")],
    number: Numbers = None, orders: OrdersFile = "", by: By = "", dry_run: DryRun = False, config: Config = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Cancel orders here: parcels are stopped first, stock is given back."""
    with office(config) as oms:
        result = oms.cancel_orders(some_numbers(number, orders), reason=reason, by=who(by), dry_run=dry_run)
    return done(result, json=json)


@app.command("edit", epilog=example("oms order edit NUMBER phone=13900000000 city=杭州市"))
def edit(
    number: Number,
    change: Annotated[list[str], typer.Argument(metavar="FIELD=VALUE", help="name, phone, address, province, city, district, seller_remark.")],
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Change fields by hand. The edit survives a re-pull; a platform's change to the same field holds the order."""
    with office(config) as oms:
        return done(oms.edit_order(number, pairs(change), by=who(by)), json=json)


@app.command(
    "import",
    epilog=example(
        "oms order import --template orders.xlsx",
        "oms order import orders.xlsx --dry-run",
        "oms order import orders.xlsx",
    ),
)
def import_(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A table of own orders, .csv or .xlsx; none with --template.")] = None,
    template: Annotated[Path | None, typer.Option("--template", metavar="FILE", help="Write an empty table with an example row instead.")] = None,
    chinese: Annotated[bool, typer.Option("--chinese", help="With --template: headings in Chinese; both are read.")] = False,
    shop: Annotated[str, typer.Option("--shop", metavar="NAME", help="Own shop of the rows that name none.")] = "",
    errors: Annotated[Path | None, typer.Option("--errors", metavar="FILE", help="Where rows of bad orders go (default: beside FILE).")] = None,
    by: By = "", dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Import own orders (own shop, telephone, hand-written) from a file; `oms push orders` makes orders of them."""
    from jobs.errors import BadRequest

    if template is not None:
        if file or shop or errors or dry_run:
            raise BadRequest("--template goes with --chinese alone", hint="oms order import --help")
        with office(config) as oms:
            return show(oms.order_template(template, chinese=chinese), json=json)
    if file is None or chinese:
        raise BadRequest("name a FILE to import, or a --template to write", hint="oms order import --help")
    with office(config) as oms, working("order import"):
        return done(oms.import_orders(file, shop=shop, errors=errors, by=who(by), dry_run=dry_run), json=json)


@app.command("replay", epilog=example("oms order replay KEY", "oms order replay --reason unmapped_sku --shop jd-main"))
def replay(
    key: Annotated[list[str] | None, typer.Argument(metavar="KEY", help="Inbox keys, as `oms jobs parked` lists them.")] = None,
    shop: Shops = None,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="All that are parked for this reason.")] = "",
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Put parked documents back to work."""
    with office(config) as oms:
        return done(oms.replay_parked(names(key), shops=names(shop), reason=reason, by=who(by)), json=json)
