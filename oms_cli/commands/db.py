"""oms db"""

from __future__ import annotations

from oms_cli.console import show, watched
from oms_cli.office import done, office
from oms_cli.options import Config, DryRun, Json, JsonLines, example, group

app = group("Upgrade and check the stores; delete payloads after their time.")


@app.command("upgrade", epilog=example("oms db upgrade"))
def upgrade(config: Config = None, json: JsonLines = False) -> int:
    """Bring the stores' tables to this version of oms; make a backup before."""
    from jobs import db

    with office(config) as oms:
        rows = db.upgrade(oms.env)
    if json or watched():
        show(rows, json=json, columns=("store", "before", "version", "done"))
    return 0


@app.command("check", epilog=example("oms db check", "oms db check --json"))
def check(config: Config = None, json: JsonLines = False) -> int:
    """Say which version each store has and which is wanted. Exit 3 when one wants an upgrade."""
    from jobs import db

    with office(config) as oms:
        rows = db.check(oms.env)
    show(rows, json=json, columns=("store", "version", "wanted", "ok", "hint"))
    return 0 if all(row["ok"] for row in rows) else 3


@app.command("purge", epilog=example("oms db purge --dry-run", "oms db purge"))
def purge(dry_run: DryRun = False, config: Config = None, json: Json = False) -> int:
    """Delete finished documents and raw payloads older than [privacy] raw_days; orders and proofs stay."""
    with office(config) as oms:
        result = oms.purge(dry_run=dry_run)
    return done(result, json=json)
