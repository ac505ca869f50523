"""The seams of a process: each statement given to SQLite, each commit, each request and answer, each file put in place.

`install` wraps what lies below the product (the driver, httpx's transport, `os.replace`), so that the product has no
hook of its own and no call escapes: not those that go to the driver past the engine either. At the n-th event the
process dies by SIGKILL: no `finally`, no `atexit`, no flush.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpx

EXECUTE, BEFORE, AFTER = "sql execute", "before commit", "after commit"
SENT, ANSWERED, FILED = "http sent", "http answered", "file written"
SEAMS = (EXECUTE, BEFORE, AFTER, SENT, ANSWERED, FILED)

#: (seam, what passed there)
Event = tuple[str, str]


class Seams:
    """Counts the events of a process and ends it at the n-th; with `die_at` 0 it only writes them down."""

    def __init__(self, die_at: int = 0) -> None:
        self.events: list[Event] = []
        self._die_at = die_at
        self._lock = threading.Lock()

    def passed(self, seam: str, what: str) -> None:
        with self._lock:
            self.events.append((seam, what))
            if len(self.events) == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    # ---- SQL
    def install(self) -> None:
        """Wrap the driver's connections and `os.replace` of this process, for good."""
        connect, replace = sqlite3.connect, os.replace
        made = _connection(self.passed)

        def connected(*args: Any, **options: Any) -> Any:
            opened = connect(*args, **{**options, "factory": made})
            opened.file = os.path.basename(args[0])
            return opened

        def replaced(source: Any, target: Any, **options: Any) -> None:
            self.passed(FILED, f"before {os.path.basename(target)}")
            replace(source, target, **options)
            self.passed(FILED, f"after {os.path.basename(target)}")

        sqlite3.connect = connected
        os.replace = replaced  # type: ignore[assignment]


def _connection(passed: Callable[[str, str], None]) -> Any:
    """A connection class that tells what passes: through its cursors, and through its own shortcuts."""

    def told(sql: str) -> None:
        # Settings of a connection change nothing that is kept.
        if not sql.startswith("PRAGMA"):
            passed(EXECUTE, " ".join(sql.split())[:90])

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *args: Any) -> Cursor:
            told(sql)
            super().execute(sql, *args)
            return self

        def executemany(self, sql: str, rows: Iterable[Any]) -> Cursor:
            told(sql)
            super().executemany(sql, rows)
            return self

        def executescript(self, sql: str) -> sqlite3.Cursor:
            told(sql)
            return super().executescript(sql)

    class Connection(sqlite3.Connection):
        file = ""

        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        # The driver's own shortcuts do not come through `cursor`.
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            told(sql)
            return super().execute(sql, *args)

        def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
            told(sql)
            return super().executemany(sql, rows)

        def executescript(self, sql: str) -> sqlite3.Cursor:
            told(sql)
            return super().executescript(sql)

        def commit(self) -> None:
            if self.in_transaction:
                passed(BEFORE, self.file)
                super().commit()
                passed(AFTER, self.file)

    return Connection


class SeamTransport(httpx.BaseTransport):
    """httpx's own transport to a socket on this machine; its trace tells when a request is out and its answer in.

    It stays open until its process ends: clients that were given it close it when they close.
    """

    def __init__(self, socket: str, seams: Seams) -> None:
        self._inner = httpx.HTTPTransport(uds=socket, verify=False)
        self._passed = seams.passed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"

        def trace(name: str, info: dict[str, Any]) -> None:
            if name == "http11.send_request_body.complete":
                self._passed(SENT, what)
            elif name == "http11.receive_response_body.complete":
                self._passed(ANSWERED, what)

        request.extensions = {**request.extensions, "trace": trace}
        return self._inner.handle_request(request)
