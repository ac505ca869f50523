"""oms jobs"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from oms_cli.console import note, out, show
from oms_cli.office import done, given, office, settings
from oms_cli.options import By, Config, Json, JsonLines, Shops, Top, example, group, names, some_numbers, who

app = group("The job catalogue, its runs, locks, cron lines and what is parked.")


@app.command("list", epilog=example("oms jobs list"))
def list_(config: Config = None, json: JsonLines = False) -> int:
    """List the catalogue: what cron fires, when, the last run and the next."""
    with office(config) as oms:
        found = oms.job_list()
    return show(found, json=json, columns=("name", "schedule", "last_run", "outcome", "next_due", "late", "about"))


@app.command("run", epilog=example("oms jobs run 'sync orders'"))
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of the catalogue.")],
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Run one job of the catalogue as cron would."""
    from jobs import catalogue
    from oms_cli.main import run

    path = config or given.config
    root = [word for k, v in given.overrides.items() for word in ("--set", f"{k}={v}")]
    words = [
        *root,
        *catalogue.find(name).words,
        *(["--config", str(path)] if path else []),
        *(["--json"] if json else []),
    ]
    return run(words)


@app.command("history", epilog=example("oms jobs history", "oms jobs history 'push orders' --limit 5 --json"))
def history(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this job.")] = "", limit: Top = 50,
    config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List runs, newest first: when, outcome, counts."""
    with office(config) as oms:
        found = oms.job_history(job=name, limit=limit)
    columns = ("run_id", "job", "outcome", "started_at", "ended_at", "counts", "error")
    return show(found, json=json, columns=columns)


@app.command("locks", epilog=example("oms jobs locks", "oms jobs locks --break 'sync orders:tmall-flagship'"))
def locks(
    break_: Annotated[str, typer.Option("--break", metavar="LOCK", help="Take this lock away from its holder; on record.")] = "",
    by: By = "", config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List locks: who holds them, until when; or break one."""
    with office(config) as oms:
        if break_:
            return show([oms.break_lock(break_, by=who(by))], json=json)
        return show(oms.job_locks(), json=json, columns=("name", "holder", "host", "pid", "beat_at", "until"))


@app.command("cron", epilog=example("oms jobs cron", "oms jobs cron --user oms --out /etc/cron.d/oms"))
def cron(
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who runs them (default: your login).")] = "",
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write there instead of printing.")] = None,
    config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Print the lines for /etc/cron.d, with user, absolute command and --config."""
    from jobs import catalogue
    from jobs.errors import BadFile, BadSettings

    loaded = settings(config)
    if loaded.path is None:
        raise BadSettings("cron needs a settings file to name", hint="oms init")
    text = catalogue.cron(user=who(user), command=_command(), config=loaded.path)
    if to is not None:
        try:
            to.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BadFile(f"{to}: {error.strerror}", hint=f"ls -ld {to.parent}") from error
        note(f"written: {to}")
        return 0
    if json:
        return show({"cron": text}, json=True)
    out(text.rstrip("\n"))
    return 0


def _command() -> str:
    """How cron calls us: the script that was called, else the interpreter with the module."""
    import shlex
    import shutil

    called = shutil.which(sys.argv[0])
    if called and Path(called).name == "oms":
        return shlex.quote(str(Path(called).absolute()))
    return f"{shlex.quote(sys.executable)} -m oms_cli"


@app.command("parked", epilog=example("oms jobs parked", "oms jobs parked --shop jd-main --json"))
def parked(
    shop: Shops = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="orders, refunds, ship_notice, …; repeatable.")] = None,
    limit: Top = 100, config: Config = None, json: JsonLines = False,
) -> int:  # fmt: skip
    """List everything parked, with reasons and what to type."""
    with office(config) as oms:
        return show(oms.parked(shops=names(shop), kinds=names(kind), limit=limit), json=json)


@app.command("retry", epilog=example("oms jobs retry KEY", "oms jobs parked --kind ship_notice --json | jq -r .ref | oms jobs retry --keys -"))  # fmt: skip
def retry(
    key: Annotated[list[str] | None, typer.Argument(metavar="KEY", help="Keys, as `oms jobs parked` lists them.")] = None,
    keys: Annotated[str, typer.Option("--keys", metavar="FILE|-", help="Read keys from a file or stdin, one per line.")] = "",
    by: By = "", config: Config = None, json: Json = False,
) -> int:  # fmt: skip
    """Put parked effects and documents back to work."""
    with office(config) as oms:
        return done(oms.replay_parked(some_numbers(key, keys, "KEY"), by=who(by)), json=json)
