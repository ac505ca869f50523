"""oms doctor"""

from __future__ import annotations

from oms_cli.console import show, working
from oms_cli.office import office
from oms_cli.options import Config, JsonLines, example, single

app = single()


@app.command(epilog=example("oms doctor", "oms doctor --json | jq 'select(.ok | not)'"))
def doctor(config: Config = None, json: JsonLines = False) -> int:
    """Check settings, keys, stores, clocks, tokens, look-back limits and locks. Exit 3 when something is wrong."""
    with office(config) as oms, working("checking"):
        rows = oms.doctor()
    show(rows, json=json, columns=("name", "ok", "what", "hint"))
    return 0 if all(row["ok"] for row in rows) else 3
