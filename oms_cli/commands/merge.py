"""oms merge"""

from __future__ import annotations

from typing import Annotated

import typer

from oms_cli.console import working
from oms_cli.office import done, office, stay
from oms_cli.options import (
    By,
    Config,
    Follow,
    Json,
    Limit,
    OrdersFile,
    Reason,
    Shops,
    example,
    group,
    names,
    some_numbers,
    who,
)

app = group("Put orders of one buyer and address into one parcel.")


@app.command("plan", epilog=example("oms merge plan", "oms merge plan --shop tmall-flagship --json"))
def plan(shop: Shops = None, limit: Limit = 0, config: Config = None, json: Json = False) -> int:
    """What `oms merge run` would do now, and who may not merge, with codes. Changes nothing."""
    with office(config) as oms, working("merge plan"):
        result = oms.merge_plan(shops=names(shop), limit=limit)
    return done(result, json=json)


@app.command("run", epilog=example("oms merge run", "oms merge run --shop 'tmall-*' --limit 100", "oms merge run --follow"))  # fmt: skip
def run(shop: Shops = None, limit: Limit = 0, follow: Follow = False, config: Config = None, json: Json = False) -> int:
    """Fix the parcels of orders whose merge window ended or whose time to ship presses."""
    if follow:
        return stay("merge run", shop, config, json, limit)
    with office(config) as oms, working("merge run"):
        result = oms.merge_run(shops=names(shop), limit=limit)
    return done(result, json=json)


@app.command("undo", epilog=example("oms merge undo PARCEL --reason 'one address changed'"))
def undo(
    parcel: Annotated[list[str], typer.Argument(metavar="PARCEL", help="Parcel numbers.")],
    reason: Reason = "", by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Undo merges: the parcel is void, all its orders are sourced again."""
    with office(config) as oms:
        return done(oms.merge_undo(tuple(parcel), by=who(by), reason=reason), json=json)


@app.command("split", epilog=example("oms merge split PARCEL NUMBER --reason 'buyer wants it apart'"))
def split(
    parcel: Annotated[str, typer.Argument(metavar="PARCEL", help="A planned parcel.")],
    number: Annotated[list[str] | None, typer.Argument(metavar="NUMBER", help="Orders to take out.")] = None,
    orders: OrdersFile = "", reason: Reason = "", by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Take orders out of a planned parcel into parcels of their own."""
    with office(config) as oms:
        return done(oms.merge_split(parcel, some_numbers(number, orders), by=who(by), reason=reason), json=json)
