"""oms warehouse"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from oms_cli.console import show
from oms_cli.office import settings
from oms_cli.options import Config, Json, JsonLines, example, group

app = group("The places that ship.")


def _row(name: str, section: Any) -> dict[str, Any]:
    return {"warehouse": name, **section.model_dump()}


@app.command("list", epilog=example("oms warehouse list"))
def list_(config: Config = None, json: JsonLines = False) -> int:
    """List warehouses, stores and factories by priority."""
    places = settings(config).settings.warehouses
    rows = [_row(n, w) for n, w in sorted(places.items(), key=lambda p: (p[1].priority, p[0]))]
    return show(rows, json=json, columns=("warehouse", "title", "kind", "priority", "regions", "carrier", "enabled"))


@app.command("show", epilog=example("oms warehouse show main"))
def show_(
    warehouse: Annotated[str, typer.Argument(metavar="WAREHOUSE", help="Its name in the settings.")],
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Show one place with all its settings."""
    from jobs.errors import UnknownThing

    places = settings(config).settings.warehouses
    if warehouse not in places:
        raise UnknownThing(f"warehouse {warehouse!r}; known: {', '.join(sorted(places)) or 'none'}", hint="oms warehouse list")  # fmt: skip
    return show(_row(warehouse, places[warehouse]), json=json)
