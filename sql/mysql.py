"""What the tables are on a MySQL or MariaDB server: InnoDB, utf8mb4 compared by its bytes, texts and bytes of any length."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable

#: engine, letters, and the order in which keys sort: as SQLite's
TABLE = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"


@compiles(sa.Text, "mysql")
def _text(element: Any, compiler: Any, **more: Any) -> str:
    return "LONGTEXT"


@compiles(sa.LargeBinary, "mysql")
def _binary(element: Any, compiler: Any, **more: Any) -> str:
    return "LONGBLOB"


@compiles(CreateTable, "mysql")
def _table(element: Any, compiler: Any, **more: Any) -> str:
    made: str = compiler.visit_create_table(element, **more)
    return made.rstrip() + TABLE
