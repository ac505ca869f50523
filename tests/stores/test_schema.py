"""Migrations make the tables of the program; a file of another version is refused, and upgraded on wish."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import stores
from sql import migrate, versions
from stores.database import open_unchecked
from stores.errors import WrongSchema
from stores.privacy import Privacy
from tests.stores.clocks import FixedClock

STORES = sorted(versions.HEADS)

_OPENER = """
import sys, stores
from datetime import UTC, datetime

class Clock:
    def now(self): return datetime.now(UTC)

sys.stdin.readline()
store = stores.open_stock(sys.argv[1], clock=Clock())
store.levels()
store.close()
sys.stdout.write("opened" + " with alembic" * ("alembic" in sys.modules))
"""


def open_store(store: str, url: str) -> Any:
    opener: Callable[..., Any] = getattr(stores, f"open_{store}")
    more = {"privacy": Privacy([b"k" * 32])} if store in ("orders", "inbox", "ledger") else {}
    return opener(url, clock=FixedClock(), **more)


def engine(path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None})


def parts(statement: str) -> list[str]:
    """A CREATE statement cut at its outer commas: the columns in their order, then the constraints, sorted."""
    cut, depth = [""], 0
    for letter in " ".join(statement.split()).replace("( ", "(").replace(" )", ")"):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 1:
            cut.append("")
        else:
            cut[-1] += letter
    cut[-1:] = cut[-1].rsplit(")", 1)
    named = [p.strip() for p in cut]
    return [p for p in named if not p.startswith("CONSTRAINT")] + sorted(p for p in named if p.startswith("CONSTRAINT"))


def shape(path: Path) -> dict[str, list[str]]:
    """Everything the file's schema says, by name, without regard to white space and the order of constraints."""
    made = engine(path)
    with made.connect() as c:
        found = c.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql <> ''").fetchall()
    made.dispose()
    return {name: parts(sql) for name, sql in found}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'a.db'}"


@pytest.mark.parametrize("store", STORES)
def test_the_migrations_in_a_row_make_the_tables_of_the_program(store: str, tmp_path: Path, url: str) -> None:
    open_store(store, url).close()
    state = stores.upgrade(store, f"sqlite:{tmp_path / 'b.db'}")
    assert state.is_current
    at_once, step_by_step = shape(tmp_path / "a.db"), shape(tmp_path / "b.db")
    assert at_once.keys() >= versions.metadata_of(store).tables.keys()
    assert step_by_step == at_once


@pytest.mark.parametrize("store", STORES)
def test_no_difference_is_left_to_write_a_migration_for(store: str, tmp_path: Path) -> None:
    assert migrate.draft(store, "nothing", folder=tmp_path) is None


@pytest.mark.parametrize("store", STORES)
def test_the_named_head_is_the_newest_migration(store: str) -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(migrate._config(store)).get_heads() == [migrate.head(store)]


def test_a_changed_table_gets_a_migration_that_makes_it(tmp_path: Path) -> None:
    wanted = sa.MetaData()
    for table in versions.metadata_of("bus").tables.values():
        table.to_metadata(wanted)
    wanted.tables["bus_events"].append_column(sa.Column("weight", sa.BigInteger, nullable=False, server_default="1"))
    path = migrate.draft("bus", "Events have a weight.", folder=tmp_path, metadata=wanted)
    assert path is not None and path.name == "bus_0002.py"
    text = path.read_text()
    assert 'down_revision = "bus_0001"' in text.replace("'", '"')
    assert "weight" in text
    compile(text, path.name, "exec")


@pytest.mark.parametrize("store", STORES)
def test_an_existing_file_opens_again_with_what_it_holds(store: str, url: str) -> None:
    open_store(store, url).close()
    open_store(store, url).close()
    assert stores.schema_state(store, url).is_current


def test_a_file_of_another_version_is_refused_with_the_next_command(tmp_path: Path, url: str) -> None:
    open_store("stock", url).close()
    made = engine(tmp_path / "a.db")
    with made.connect() as c:
        c.exec_driver_sql("UPDATE stock_version SET version_num='stock_0000'")
        c.commit()
    made.dispose()
    with pytest.raises(WrongSchema, match="stock_0000") as caught:
        open_store("stock", url)
    assert caught.value.hint == "oms db upgrade"
    state = stores.schema_state("stock", url)
    assert (state.kept, state.wanted, state.is_current) == ("stock_0000", migrate.head("stock"), False)


def test_looking_at_the_version_makes_no_file(tmp_path: Path, url: str) -> None:
    state = stores.schema_state("ledger", url)
    assert (state.kept, state.is_current) == ("", False)
    assert list(tmp_path.iterdir()) == []


def test_upgrading_what_is_up_to_date_changes_nothing(tmp_path: Path, url: str) -> None:
    open_store("inbox", url).close()
    before = shape(tmp_path / "a.db")
    assert stores.upgrade("inbox", url).is_current
    assert shape(tmp_path / "a.db") == before


def test_a_failed_upgrade_leaves_the_file_as_it_was(tmp_path: Path, url: str) -> None:
    # a table of the first migration is there already, without a version: whoever made it, it is not overwritten
    made = engine(tmp_path / "a.db")
    with made.connect() as c:
        c.exec_driver_sql("CREATE TABLE stock_journal (seq INTEGER)")
        c.commit()
    before = shape(tmp_path / "a.db")
    with pytest.raises(stores.errors.StoreError):
        stores.upgrade("stock", url)
    assert shape(tmp_path / "a.db") == before
    assert migrate.current(made, "stock") is None
    made.dispose()


def test_processes_that_find_the_same_new_file_all_open_it(url: str) -> None:
    words = [sys.executable, "-c", _OPENER, url]
    openers = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    assert [o.communicate(timeout=60)[0] for o in openers] == ["opened"] * 4


def test_every_store_may_lie_in_one_file(url: str) -> None:
    made = [open_store(store, url) for store in STORES]
    for store in made:
        store.close()
    assert all(stores.schema_state(store, url).is_current for store in STORES)


def test_an_upgrade_keeps_the_rows_of_tables_that_are_made_anew(tmp_path: Path, url: str) -> None:
    made = engine(tmp_path / "a.db")
    migrate.upgrade(made, "stock", to="stock_0001")
    rows = {
        "stock": ("W1", "A", 5, 2, 1),
        "demand": ("O1", "A", 3),
        "reservations": ("O1:1", "W1", "O1", 1, '[["A", 2]]', "{}", "open", 7),
    }
    with made.connect() as c:
        for table, row in rows.items():
            c.exec_driver_sql(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        assert stores.upgrade("stock", url).is_current
        found = {table: tuple(c.exec_driver_sql(f"SELECT * FROM {table}").one()) for table in rows}
    made.dispose()
    assert found == rows


def test_an_unchecked_database_opens_whatever_version_it_is(tmp_path: Path, url: str) -> None:
    database = open_unchecked(url, "stock")
    with database.read() as c:
        assert c.exec_driver_sql("SELECT 1").scalar() == 1
    database.close()
    assert stores.schema_state("stock", url).kept == ""
