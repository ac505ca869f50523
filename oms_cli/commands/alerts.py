"""oms alerts"""

from __future__ import annotations

from typing import Annotated

import typer

from oms_cli.console import show
from oms_cli.office import done, office
from oms_cli.options import By, Config, Json, JsonLines, example, group, who

app = group("What an operator must know.")


@app.command("list", epilog=example("oms alerts list", "oms alerts list --all --json"))
def list_(
    all_: Annotated[bool, typer.Option("--all", help="The acknowledged ones too.")] = False,
    config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List open alerts with what to type next."""
    with office(config) as oms:
        found = oms.alerts(all=all_)
    return show(found, json=json, columns=("key", "severity", "title", "count", "last_at", "hint"))


@app.command("ack", epilog=example("oms alerts ack sync:orders:tmall-flagship"))
def ack(
    key: Annotated[list[str], typer.Argument(metavar="KEY", help="Keys, as `oms alerts list` shows them.")],
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Acknowledge alerts; the same trouble again opens a new one."""
    with office(config) as oms:
        return done(oms.ack_alerts(tuple(key), by=who(by)), json=json)
