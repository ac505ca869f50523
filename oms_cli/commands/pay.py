"""oms pay"""

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
    OrdersFile,
    Shops,
    Top,
    example,
    group,
    names,
    some_numbers,
    who,
)

app = group("Collect the money of our own orders.")

COLUMNS = (
    "payment_no", "order_no", "shop", "channel", "status", "late", "amount_minor", "paid_minor", "backed_minor", "currency", "asked_at",
)  # fmt: skip
Orders = Annotated[list[str] | None, typer.Argument(metavar="ORDER", help="Order numbers, ours or the shop's own.")]
Payments = Annotated[list[str] | None, typer.Argument(metavar="PAYMENT", help="Payment numbers.")]
Channel = Annotated[
    str, typer.Option("--channel", metavar="ALIAS", help="Payment channel; none: the only one there is.")
]
Channels = Annotated[
    list[str] | None, typer.Option("--channel", metavar="ALIAS", help="Only this payment channel; repeatable.")
]


@app.command(
    "create",
    epilog=example(
        "oms pay create ORDER --channel wx-main --method native", "oms pay create --orders unpaid.txt --channel wx-main --json"
    ),
)  # fmt: skip
def create(
    order: Orders = None, orders: OrdersFile = "", channel: Channel = "",
    method: Annotated[str, typer.Option("--method", metavar="WORD", help="native, jsapi, h5, app, page, wap or precreate, as the channel has; none: its first.")] = "",
    payer: Annotated[str, typer.Option("--payer", metavar="ID", help="The buyer's id at the channel (WeChat jsapi: openid).")] = "",
    client_ip: Annotated[str, typer.Option("--client-ip", metavar="IP", help="The buyer's address (WeChat h5).")] = "",
    dry_run: DryRun = False, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Let buyers pay unpaid orders of ours: prints what their device needs. Again: the payment that is open."""
    with office(config) as oms:
        result = oms.create_payments(
            some_numbers(order, orders, "ORDER"), channel=channel, method=method, payer=payer, client_ip=client_ip,
            dry_run=dry_run,
        )  # fmt: skip
    return done(result, json=json)


@app.command("query", epilog=example("oms pay query PAYMENT", "oms pay query --open --json"))
def query(
    payment: Payments = None,
    open_: Annotated[bool, typer.Option("--open", help="All that are open, due or not.")] = False,
    limit: Limit = 0, config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Ask the channel about payments now, and apply what it says."""
    with office(config) as oms, working("pay query"):
        result = oms.query_payments(names(payment), open_only=open_, limit=limit)
    return done(result, json=json)


@app.command("list", epilog=example("oms pay list --status open", "oms pay list --order ORDER --json"))
def list_(
    status: Annotated[list[str] | None, typer.Option("--status", metavar="STATUS", help="open, paid, closed or failed; repeatable.")] = None,
    order: Annotated[list[str] | None, typer.Option("--order", metavar="NUMBER", help="Only of this order; repeatable.")] = None,
    channel: Channels = None, shop: Shops = None,
    late: Annotated[bool, typer.Option("--late", help="Only money that does not fit its order, decided or not.")] = False,
    limit: Top = 50, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List payments."""
    with office(config) as oms:
        found = oms.list_payments(
            statuses=names(status),
            shops=names(shop),
            orders=names(order),
            channels=names(channel),
            late=late,
            limit=limit,
        )
    return show(found, json=json, columns=COLUMNS)


@app.command(
    "late",
    epilog=example("oms pay late", "oms pay late --act revive --plan late.json", "oms pay late --apply late.json"),
)
def late(
    payment: Payments = None,
    act: Annotated[str, typer.Option("--act", metavar="WORD", help="What the plan does: refund, or revive the order where it can take the money.")] = "refund",
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Write the plan there.")] = None,
    apply: Annotated[Path | None, typer.Option("--apply", metavar="PLAN", help="Carry out a plan; what changed since is skipped.")] = None,
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Money that came after a cancel, twice or as another amount: list it, and revive or refund by plan."""
    with office(config) as oms:
        result = oms.late_payments(act=act, plan_out=plan, apply=apply, by=who(by), payments=names(payment))
    return done(result, json=json)


@app.command("listen", epilog=example("oms pay listen --port 8600", "oms pay listen --host 0.0.0.0 --port 8600"))
def listen(
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; a proxy with TLS stands before it.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="0: a free one.")] = 8600,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Take the channels' notifications at /pay/ALIAS until SIGTERM: verify, record, apply once, acknowledge."""
    from oms_cli import listener

    with office(config) as oms:
        result = oms.listen_payments(serve=lambda heard: listener.serve(heard, oms, host=host, port=port, json=json))
    return done(result, json=json)
