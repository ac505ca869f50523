"""Ouzel's own side: an invented marketplace behind real HTTP, which does every write later.

A call is a PUT of JSON under /v9, sealed over path, second and body. Lists are read by a version that rises with every
change. Ship notices and differences of stock become tasks; a task is worked off when the test says so (`work`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

KEY, SECRET, TOKEN = "bazaar-key", "bazaar-secret", "bazaar-token"
Body = dict[str, Any]


class Bazaar:
    """One shop's orders and levels there. `accepted` holds what was asked of it: (call, parameters), in order."""

    def __init__(self, orders: list[Body], levels: dict[str, int]) -> None:
        self.orders = {row["id"]: row for row in orders}
        self.levels = levels
        self.accepted: list[tuple[str, Body]] = []
        #: calls whose next answers are lost after their effect, and calls that are refused
        self.lose: list[str] = []
        self.refuse: set[str] = set()
        self._versions = {row["id"]: n for n, row in enumerate(orders, 1)}
        self._tasks: dict[str, Callable[[], None] | None] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Bazaar:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # ---- its own life
    def work(self) -> int:
        """Work off every task that waits; returns how many."""
        with self._lock:
            waiting = {task: act for task, act in self._tasks.items() if act is not None}
            for task, act in waiting.items():
                act()
                self._tasks[task] = None
        return len(waiting)

    def change(self, order: str, **words: Any) -> None:
        """An order as it is from now on, under a new version."""
        row = self.orders[order]
        row |= {"changed": row["changed"] + 1000, **words}
        self._versions[order] = max(self._versions.values()) + 1

    def asked(self, call: str) -> list[Body]:
        """Parameters of the accepted calls of one kind."""
        return [params for name, params in self.accepted if name == call]

    # ---- its door
    def answer(self, path: str, headers: dict[str, str], text: bytes) -> tuple[Body, bool]:
        """(what goes back, whether it is lost on the way)."""
        key, now, seal = headers.get("x-ouzel", "::").split(":")
        wanted = hmac.new(SECRET.encode(), f"{path}\n{now}\n".encode() + text, hashlib.sha256).hexdigest()
        if key != KEY or not hmac.compare_digest(seal, wanted):
            return {"fault": "NO_SEAL"}, False
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return {"fault": "TOKEN"}, False
        call, params = path.removeprefix("/v9/"), json.loads(text)
        if call in self.refuse:
            return {"fault": "NO_SERVICE"}, False
        with self._lock:
            told: Body = getattr(self, f"_{call}")(params)
            lost = call in self.lose
            if lost:
                self.lose.remove(call)
        return told, lost

    def _orders(self, params: Body) -> Body:
        after, size = int(params["after"] or 0), params["limit"]
        rows = sorted((v, no) for no, v in self._versions.items() if v > after)
        part = rows[:size]
        return {
            "rows": [self.orders[no] for _, no in part], "version": part[-1][0] if part else after,
            "end": len(part) == len(rows),
        }  # fmt: skip

    def _order(self, params: Body) -> Body:
        return {"rows": [self.orders[params["id"]]] if params["id"] in self.orders else []}

    def _ship(self, params: Body) -> Body:
        parcels = [{"carrier": p["carrier"], "waybill": p["no"]} for p in params["parcels"]]
        return self._later("ship", params, lambda: self.change(params["id"], state="gone", parcels=parcels))

    def _stock(self, params: Body) -> Body:
        def act() -> None:
            self.levels[params["sku"]] += params["by"]

        return self._later("stock", params, act)

    def _level(self, params: Body) -> Body:
        return {"pieces": self.levels[params["sku"]]}

    def _later(self, call: str, params: Body, act: Callable[[], None]) -> Body:
        self.accepted.append((call, params))
        task = f"task-{len(self.accepted)}"
        self._tasks[task] = act
        return {"task": task}

    def _task(self, params: Body) -> Body:
        return {"state": "finished" if self._tasks[params["task"]] is None else "working"}


def _handler(bazaar: Bazaar) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"]))
            told, lost = bazaar.answer(self.path, {k.lower(): v for k, v in self.headers.items()}, text)
            if lost:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: pytest shows what matters."""

    return Handler
