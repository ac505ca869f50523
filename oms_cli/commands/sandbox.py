"""oms sandbox"""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from oms_cli.console import document, note
from oms_cli.office import given
from oms_cli.options import Json, example, group

app = group("A marketplace on this machine to try settings against.")


@app.command("serve", epilog=example("oms sandbox serve", "oms sandbox serve play --orders 500 --faults all"))
def serve(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Gets its files, and settings for its shops and payment channels.")] = Path("sandbox"),
    orders: Annotated[int, typer.Option("--orders", min=1, metavar="N", help="Orders of its day.")] = 300,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed is the same world.")] = 7,
    faults: Annotated[str, typer.Option("--faults", metavar="NAMES", help="none, all, or names with commas.")] = "none",
    platforms: Annotated[str, typer.Option("--platforms", metavar="NAMES", help="Names with commas; all if left out.")] = "",
    bills: Annotated[str, typer.Option("--bills", metavar="NAMES", help="Differences in the channels' bills: none, all, or names with commas.")] = "none",
    history: Annotated[str, typer.Option("--history", metavar="DURATION", help="How much of the day is over already.")] = "2h",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="0: a free one.")] = 0,
    json: Json = False,
) -> int:  # fmt: skip
    """Serve four marketplaces and two payment channels over loopback HTTP until Ctrl-C; their time is ours."""
    from datetime import timedelta

    from jobs import sandbox
    from jobs.errors import BadRequest
    from jobs.schema import duration_s

    try:
        over = timedelta(seconds=duration_s(history))
    except ValueError as error:
        raise BadRequest(str(error)) from error
    stop = threading.Event()

    def ask(number: int, _frame: object) -> None:
        given.signum = number
        stop.set()

    before = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        sandbox.serve(
            folder, orders=orders, seed=seed, faults=faults, platforms=[p for p in platforms.split(",") if p],
            history=over, port=port, bills=bills, stop=stop, ready=lambda told: _ready(told, json),
        )  # fmt: skip
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _ready(told: dict[str, Any], json: bool) -> None:
    if json:
        document(told)
        return
    note(f"serving {', '.join([*told['shops'], *told['channels']])} at {told['address']}; Ctrl-C ends it")
    note(f"next:  {told['next']}")
