"""oms push"""

from __future__ import annotations

from typing import Annotated

import typer

from oms_cli.console import working
from oms_cli.office import done, office, stay
from oms_cli.options import Config, DryRun, Follow, Json, Limit, Platforms, Shops, example, group, names

app = group("Turn documents into orders; tell platforms about parcels and stock.")


@app.command("orders", epilog=example("oms push orders", "oms push orders --shop jd-main --limit 10 --dry-run", "oms push orders --follow"))  # fmt: skip
def orders(
    shop: Shops = None, platform: Platforms = None, limit: Limit = 0, dry_run: DryRun = False, follow: Follow = False,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Turn waiting documents into orders, refunds and changes. Exit 3 when one was parked."""
    if follow:
        return stay("push orders", shop, config, json, platform, limit, dry_run)
    with office(config) as oms, working("push orders"):
        result = oms.push_orders(shops=names(shop), platforms=names(platform), limit=limit, dry_run=dry_run)
    return done(result, json=json)


@app.command("shipments", epilog=example("oms push shipments", "oms push shipments --platform taobao --dry-run"))
def shipments(
    shop: Shops = None, platform: Platforms = None, limit: Limit = 0, dry_run: DryRun = False, config: Config = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Tell the platforms which parcels left; an unknown answer is read back before anything is repeated."""
    with office(config) as oms, working("push shipments"):
        result = oms.push_shipments(shops=names(shop), platforms=names(platform), limit=limit, dry_run=dry_run)
    return done(result, json=json)


@app.command("stock", epilog=example("oms push stock --dry-run", "oms push stock --shop 'tmall-*' --sku SKU-001"))
def stock(
    shop: Shops = None, platform: Platforms = None,
    sku: Annotated[list[str] | None, typer.Option("--sku", metavar="SKU", help="Only this SKU; repeatable.")] = None,
    dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Publish stock levels by each shop's formula; --dry-run is the preview."""
    with office(config) as oms, working("push stock"):
        result = oms.push_stock(shops=names(shop), platforms=names(platform), skus=names(sku), dry_run=dry_run)
    return done(result, json=json)
