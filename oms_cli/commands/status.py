"""oms status"""

from __future__ import annotations

from oms_cli.console import show
from oms_cli.office import office
from oms_cli.options import Config, Json, example, single

app = single()


@app.command(epilog=example("oms status", "oms status --json | jq '.shops[] | select(.lag_s > 900)'"))
def status(config: Config = None, json: Json = False) -> int:
    """Where everything stands: shops with their marks, stages, what waits, what is parked, alerts, late jobs."""
    with office(config) as oms:
        return show(oms.status(), json=json)
