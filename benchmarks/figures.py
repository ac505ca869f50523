"""Floors measured before, on a two-core machine (Xeon 2.6 GHz, virtual disk, Python 3.11), as something to compare with.

They were taken with other rows and other programs, so that they say whether a floor measured here is of the right
size, no more. Nothing is judged by them.
"""

from __future__ import annotations

#: WAL, synchronous FULL, a commit per 50 orders, an order being 1 row of 25 columns, 2 lines, 1 event: 25,917 a second
SQLITE_ORDER = "sqlite3.executemany of 1 order, 2 lines, 1 event, a commit per 50: 39 µs an order"
#: MariaDB, guarded UPDATE and event row, batches of 500: 54,444 a second
STATE_CHANGE = "a guarded state change with its event row, batches of 500, on MariaDB: 18 µs, three of them 55 µs"
#: 391,365 bytes: msgspec untyped 1,062 pages a second, json.loads 546
JSON_PAGE = "decoding a page of 100 orders (391 kB): 0.94 ms by msgspec, 1.83 ms by json, before any row is inserted"
#: bare python 10.0 ms, a Typer app printing its help 131 ms over it
TYPER_HELP = "a Typer app printing its help: 141 ms"
#: reading 1M x 1M order numbers back from SQLite kept 18 MB
FLAT_MEMORY = "joining 1M order numbers in SQLite on disk: 18 MB at the peak"
#: pandas 3.1, one int64 column, nine in ten of a million found
MERGE = "pandas.merge of 1M with 1M int64 keys, inner: 100–160 µs a thousand rows"
