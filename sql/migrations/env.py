"""Alembic runs this for each upgrade; store and connection come from `sql.migrate`."""

from alembic import context

from sql.versions import metadata_of

_store = context.config.attributes["store"]
_connection = context.config.attributes["connection"]

context.configure(
    connection=_connection,
    target_metadata=metadata_of(_store),
    version_table=f"{_store}_version",
    # SQLite cannot alter a column in place
    render_as_batch=_connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
