"""oms init"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oms_cli.console import show
from oms_cli.options import Json, example, single

app = single()


@app.command(epilog=example("oms init", "oms init ~/office && cd ~/office && oms doctor"))
def init(
    folder: Annotated[Path, typer.Argument(help="Where to put it; made when it is not there.")] = Path(),
    json: Json = False,
) -> int:
    """Write a commented oms.toml, a data folder and a key file. Overwrites nothing."""
    from jobs.init import init

    return show(init(folder), json=json)
