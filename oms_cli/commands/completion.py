"""oms completion"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from oms_cli.options import example, single

app = single()


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


@app.command(epilog=example("source <(oms completion bash)", "oms completion zsh > ~/.zfunc/_oms"))
def completion(shell: Annotated[Shell, typer.Argument(help="Whose.")]) -> int:
    """Print the completion script of a shell; shops, platforms and warehouses complete too."""
    # typer has no exported name for it; a test runs what it prints
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    from oms_cli.console import out

    out(get_completion_script(prog_name="oms", complete_var="_OMS_COMPLETE", shell=shell.value))
    return 0
