"""Migrations: one Alembic environment, one folder of revisions per store.

A change of tables is a new revision beside the old ones (`draft` writes its first form, to be read and mended), its name in
`sql.versions.HEADS`, and nothing else; there is no way back down, a backup is. So a new database gets the newest tables at once, an old one is upgraded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from sql import versions
from sql.versions import head

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Connection, Engine

FOLDER = Path(__file__).parent / "migrations"

__all__ = ["FOLDER", "current", "draft", "head", "upgrade"]


def current(engine: Engine, store: str) -> str | None:
    """The revision of a database, None when it has none."""
    with engine.connect() as connection:
        return versions.current(connection, store)


def upgrade(engine: Engine, store: str, *, to: str = "head") -> None:
    """Bring the tables of one store to a revision, in one transaction where the database can.

    Raises:
        sqlalchemy.exc.DBAPIError: nothing was changed (SQLite), or the revisions before it were (MySQL).
    """
    from alembic import command

    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # The driver's own transactions would leave DDL outside.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        command.upgrade(_config(store, connection), to)
        connection.commit()


def draft(store: str, message: str, *, folder: Path | None = None, metadata: sa.MetaData | None = None) -> Path | None:
    """Write the revision that leads from the migrations to the tables; None when they are the same.

    Args:
        folder: where the file goes; the store's own by default.
        metadata: tables other than those of the program, for trying out.
    """
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    wanted = metadata if metadata is not None else versions.metadata_of(store)
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"isolation_level": None})
    scripts = ScriptDirectory.from_config(_config(store))
    batch = bool(scripts.get_heads())
    try:
        if batch:
            upgrade(engine, store)
        with engine.connect() as connection:
            options = {"version_table": f"{store}_version", "render_as_batch": batch, "target_metadata": wanted}
            context = MigrationContext.configure(connection, opts=options)
            script = produce_migrations(context, wanted)
            if script.upgrade_ops is None or script.upgrade_ops.is_empty():
                return None
            up = render_python_code(script.upgrade_ops, render_as_batch=batch)
    finally:
        engine.dispose()
    return _write(scripts, store, message, up, folder or FOLDER / store)


def _write(scripts: object, store: str, message: str, up: str, folder: Path) -> Path:
    heads = scripts.get_heads()  # type: ignore[attr-defined]
    number = int(heads[0].rpartition("_")[2]) + 1 if heads else 1
    text = (FOLDER / "revision.txt").read_text()
    for word, value in {
        "MESSAGE": message, "REVISION": f"{store}_{number:04d}", "DOWN": repr(heads[0]) if heads else "None",
        "LABELS": "None" if heads else repr((store,)), "UPGRADE": "\n".join(line for line in up.splitlines() if not line.strip().startswith("#")).strip(),
    }.items():  # fmt: skip
        text = text.replace(f"<{word}>", value)
    path = folder / f"{store}_{number:04d}.py"
    path.write_text(text)
    return path


def _config(store: str, connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("version_locations", str(FOLDER / store))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(store=store, connection=connection)
    return config
