"""oms demo"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from oms_cli.console import document, note, out, stepping, table, watched
from oms_cli.options import Json, example, pairs, single

app = single()
#: marketplaces of the day
PLATFORMS = ("taobao", "wechat_shop", "jd", "douyin")


@app.command(
    epilog=example(
        "oms demo",
        "oms demo --orders 50 --platforms taobao --faults none --seed 3",
        "oms demo --orders 200 --faults throttled,answer_lost --folder play --json",
    )
)
def demo(
    orders: Annotated[int, typer.Option("--orders", min=1, metavar="N", help="Orders of the day.")] = 3000,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed is the same day.")] = 7,
    faults: Annotated[str, typer.Option("--faults", metavar="NAMES", help="none, all, or names with commas.")] = "all",
    platforms: Annotated[
        str, typer.Option("--platforms", metavar="NAMES", help="Names with commas.")
    ] = ",".join(PLATFORMS),
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="FOLDER", help="Keep the day's files here (default: a new temporary folder).")
    ] = None,
    store: Annotated[
        list[str] | None,
        typer.Option("--store", metavar="NAME=URL", help="Put this store on a server, as under [stores]; it must be empty. Repeatable."),
    ] = None,
    json: Json = False,
) -> int:  # fmt: skip
    """Play a day at marketplaces on this machine with the documented commands, and prove it against their own book."""
    from jobs.demo import play

    place = folder or Path(tempfile.mkdtemp(prefix="oms-demo-"))
    if watched() and not json:
        note(f"the day's files: {place}")
    with stepping("playing a day") as progress:
        told = play(
            place, orders=orders, seed=seed, faults=faults, platforms=[p for p in platforms.split(",") if p],
            progress=progress, stores=pairs(store),
        )  # fmt: skip
    if json:
        document(told)
    else:
        _summary(told)
    return 0 if told["ok"] else 3


def _summary(told: dict[str, Any]) -> None:
    rows = [
        {
            "check": c["name"],
            "result": "holds" if c["ok"] else f"{c['differences']} differ",
            "figures": " ".join(f"{name}={_words(value)}" for name, value in c["figures"].items()),
        }
        for c in told["checks"]
    ]
    table(rows, columns=("check", "result", "figures"))
    for check in told["checks"]:
        for line in check["first"]:
            out(f"differs: {check['name']}: {line}")
    played = ", ".join(f"{name} {n['caught']}/{n['played']}" for name, n in told["faults"].items())
    out(f"faults caught: {played}" if played else "faults: none were played")
    states = " ".join(f"{k}={v}" for k, v in told["progress"].items())
    out(f"orders: {states} parked={told['parked']}")
    out(f"report page: {told['page']}")
    out(f"{told['processes']} commands in {told['seconds']} s; files in {told['folder']}")
    out("everything holds" if told["ok"] else "not everything holds")


def _words(value: Any) -> str:
    return ",".join(f"{k}:{n}" for k, n in value.items()) if isinstance(value, dict) else str(value)
