"""Both sides, read once: the tables of our stores, and the sandbox's book and final orders."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Row = dict[str, Any]
Rows = list[Row]
#: figures, differences
Found = tuple[dict[str, Any], Iterable[str]]
#: platform, the platform's order number
Key = tuple[str, str]

#: table → the store it is in
STORES = {
    **dict.fromkeys(
        (
            "orders", "order_details", "order_lines", "ship_lines", "history", "order_holds", "order_search", "waiting",
            "memberships", "parcels", "refunds", "refund_lines", "order_edits", "order_feed", "payments", "payment_backs",
        ),
        "orders",
    ),
    **dict.fromkeys(("inbox_state", "inbox_payload"), "inbox"),
    **dict.fromkeys(("stock", "stock_journal", "reservations", "demand", "stock_counts", "stock_streams"), "stock"),
    **dict.fromkeys(
        (
            "sellers", "marks", "windows", "lateness", "leases", "runs", "tasks", "alerts", "effects", "tokens",
            "small_values", "audit_trail",
        ),
        "ledger",
    ),
}  # fmt: skip


def _on_server(url: str, sql: str) -> Rows:
    import pymysql
    from pymysql.cursors import DictCursor

    at = urlsplit(url)
    connection = pymysql.connect(
        host=at.hostname or "localhost", port=at.port or 3306, user=unquote(at.username or ""),
        password=unquote(at.password or ""), database=at.path.strip("/"), cursorclass=DictCursor,
    )  # fmt: skip
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(sql)
        return [dict(row) for row in cursor.fetchall()]


class Books:
    """What both sides wrote down."""

    def __init__(
        self, office: Path, sandbox: Path, commands: Sequence[Row] = (), stores: Mapping[str, str] | None = None
    ) -> None:
        self._office, self._data = office, office / "data"
        self._stores = dict(stores or {})
        #: whether stock is reserved in Redis and its journal drained into the books
        self.drained = "stock_books" in self._stores
        self._sandbox = sandbox
        self.commands = list(commands)
        self.world = _lines(sandbox / "orders.jsonl")
        self.entries = _lines(sandbox / "book.jsonl")
        self.info = json.loads((sandbox / "sandbox.json").read_text(encoding="utf-8"))
        self._tables: dict[str, Rows] = {}
        self._owned: dict[str, Rows] = {}

    def table(self, name: str) -> Rows:
        """All rows of one of our tables, but those of the own shop's orders: no marketplace knows them."""
        if name not in self._tables:
            rows = self._read(STORES[name], f"SELECT * FROM {name}")
            self._owned[name] = [r for r in rows if self._is_own(name, r)]
            self._tables[name] = [r for r in rows if not self._is_own(name, r)]
        return self._tables[name]

    @cached_property
    def own(self) -> Rows:
        """Orders of the own shop."""
        return self._read("orders", "SELECT * FROM orders WHERE platform = 'own'")

    def own_rows(self, name: str) -> Rows:
        """Rows of one of our tables that belong to the own shop's orders and their payments: what `table` leaves out."""
        self.table(name)
        return self._owned[name]

    def office_file(self, name: str) -> str:
        """A file that stood in the office before any command ran."""
        return (self._office / name).read_text(encoding="utf-8")

    @cached_property
    def own_nos(self) -> frozenset[str]:
        return frozenset(o["order_no"] for o in self.own)

    def _is_own(self, table: str, row: Row) -> bool:
        if table in ("payments", "payment_backs"):
            return False
        if table.startswith("inbox_"):
            return ":own:" in row["key"] or row["key"].startswith("payments:")
        return row.get("order_no") in self.own_nos

    def settled(self, name: str) -> Rows:
        """All rows of a table of the settlement's."""
        return self._all("settlement", name)

    def reported(self, name: str) -> Rows:
        """All rows of a table of the reports'."""
        return self._all("reports", name)

    def _all(self, store: str, name: str) -> Rows:
        key = f"{store}.{name}"
        if key not in self._tables:
            self._tables[key] = self._read(store, f"SELECT * FROM {name}")
        return self._tables[key]

    def _read(self, store: str, sql: str) -> Rows:
        """Rows of a store, by its driver alone: a file of the office, or a database on a server."""
        url = self._stores.get("stock_books" if store == "stock" and "stock_books" in self._stores else store, "")
        if url:
            return _on_server(url, sql)
        with closing(sqlite3.connect(f"file:{self._data / f'{store}.db'}?mode=ro", uri=True)) as c:
            c.row_factory = sqlite3.Row
            return [dict(r) for r in c.execute(sql)]

    def money(self, kind: str) -> Rows:
        """What the channels wrote down: payment, payback, notice, planted."""
        return [r for r in self._money if r["kind"] == kind]

    @cached_property
    def _money(self) -> Rows:
        path = self._sandbox / "money.jsonl"
        return _lines(path) if path.exists() else []

    @cached_property
    def planted(self) -> Rows:
        """Differences planted into the platforms' statements."""
        path = self._sandbox / "planted.jsonl"
        return _lines(path) if path.exists() else []

    @cached_property
    def told(self) -> Rows:
        """Every row of the platforms' statements."""
        path = self._sandbox / "statements.jsonl"
        return _lines(path) if path.exists() else []

    @cached_property
    def fed(self) -> set[str]:
        """Orders that the feed names."""
        return {no for row in self.table("order_feed") for no in json.loads(row["order_nos"])}

    def by_order(self, name: str) -> dict[str, Rows]:
        """Rows of a table by order_no."""
        out: dict[str, Rows] = {}
        for row in self.table(name):
            out.setdefault(row["order_no"], []).append(row)
        return out

    def of(self, kind: str, **match: Any) -> Rows:
        """Entries of the sandbox's book."""
        return [e for e in self.entries if e["kind"] == kind and all(e.get(k) == v for k, v in match.items())]

    @cached_property
    def ours(self) -> dict[Key, Row]:
        """Our orders."""
        return {(o["platform"], o["platform_order_no"]): o for o in self.table("orders")}

    @cached_property
    def refunds(self) -> dict[Key, Row]:
        """Our refunds by the world's number; JD's service cases carry an S before it here, as two kinds share numbers."""
        return {(r["platform"], r["platform_refund_no"].removeprefix("S")): r for r in self.table("refunds")}

    @cached_property
    def theirs(self) -> dict[Key, Row]:
        """The world's orders."""
        return {(o["platform"], o["order"]): o for o in self.world}

    @cached_property
    def parked(self) -> set[Key]:
        """(platform, order number) of documents that are parked with a reason."""
        return {
            (e["platform"], e["number"])
            for e in self.table("inbox_state")
            if e["status"] == "parked" and e["reason"] and e["kind"] == "orders"
        }

    @cached_property
    def passes(self) -> list[Row]:
        """Every reading of every window: requests, totals, what came twice or unreadable, verdict."""
        return [p for w in self.table("windows") for p in json.loads(w["passes"] or "[]")]

    @cached_property
    def blind(self) -> set[Key]:
        """Orders whose very number could not be read: parked by their bytes, named by the request that brought them."""
        kept = [
            e["platform"]
            for e in self.table("inbox_state")
            if e["status"] == "parked" and e["reason"] and e["number"].startswith("?")
        ]
        named = {request for p in self.passes if "?" in p.get("unreadable", ()) for request in p.get("requests", ())}
        faults = self.of("fault", fault="unreadable_order", mode="id")
        return {(e["platform"], e["order"]) for e in faults if e["client"] in named and e["platform"] in kept}


Check = Callable[[Books], Found]


def _lines(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def each_equal(wanted: dict[Any, Any], found: dict[Any, Any], words: Callable[[Any, Any, Any], str]) -> list[str]:
    """Differences between two tables of numbers; what is missing counts 0."""
    return [
        words(key, wanted.get(key, 0), found.get(key, 0))
        for key in {*wanted, *found}
        if wanted.get(key, 0) != found.get(key, 0)
    ]
