"""oms config"""

from __future__ import annotations

from typing import Annotated

import typer

from oms_cli.console import note, show, watched
from oms_cli.office import given, settings
from oms_cli.options import Config, JsonLines, example, group

app = group("Show the settings with their origins, or check them.")


@app.command("show", epilog=example("oms config show --origin", "oms config show sync"))
def show_(
    section: Annotated[str, typer.Argument(help="Only keys that begin with this.")] = "",
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    config: Config = None,
    json: JsonLines = False,
) -> int:
    """Show every setting as it holds now; secrets are hidden."""
    from jobs.settings import rows

    found = [r for r in rows(settings(config)) if not section or f"{r['key']}.".startswith(f"{section}.")]
    return show(found, json=json, columns=("key", "value", "origin") if origin else ("key", "value"))


@app.command("check", epilog=example("oms config check --config /etc/oms/oms.toml"))
def check(config: Config = None, json: JsonLines = False) -> int:
    """Check the settings and list everything that is wrong, all at once."""
    from jobs.doctor import settings_problems

    found = settings_problems(config or given.config, given.overrides)
    rows = [{"origin": p.origin, "key": p.key, "what": p.what, "instead": p.instead} for p in found]
    if not found and not json:
        if watched():
            note("settings are fine")
        return 0
    show(rows, json=json, columns=("origin", "key", "what", "instead"))
    return 2 if found else 0
