"""Lark's own side, written from what docs/adding-a-platform.md says of it: it checks every signature and span."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

KEY, SECRET = "demo-key", "a-secret-of-lark"
CHINA = ZoneInfo("Asia/Shanghai")
_FORM = "%Y-%m-%d %H:%M:%S"


class Lark:
    """One shop's orders. `told`: ship notices, as they came."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = {str(row["id"]): row for row in rows}
        self.told: list[dict[str, Any]] = []
        self.pages = 0
        #: codes to answer the next calls with
        self.faults: list[int] = []

    def answer(self, path: str, headers: Any, body: bytes) -> dict[str, Any]:
        sealed = (path + headers["X-Lark-Time"] + body.decode()).encode()
        right = hmac.new(SECRET.encode(), sealed, hashlib.sha256).hexdigest()
        if (headers["X-Lark-Key"], headers["X-Lark-Sign"]) != (KEY, right):
            return {"code": 4010, "message": "bad signature"}
        if self.faults:
            return {"code": self.faults.pop(0), "message": "not now"}
        asked = json.loads(body)
        match path:
            case "/v1/orders.list":
                return self._list(asked)
            case "/v1/orders.get":
                return {"code": 0, "rows": [r for r in [self.rows.get(str(asked["id"]))] if r]}
            case "/v1/orders.ship":
                self.told.append(asked)
                self.rows[str(asked["id"])]["state"] = "SENT"
                return {"code": 0}
        return {"code": 4040, "message": path}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.pages += 1
        begin, end = (datetime.strptime(asked[n], _FORM).replace(tzinfo=CHINA) for n in ("from", "to"))
        if end - begin > timedelta(days=1):
            return {"code": 4002, "message": "span too long"}
        # the newest first, and both ends inclusive
        found = sorted(self.rows.values(), key=lambda r: (r["changed"], r["id"]), reverse=True)
        found = [r for r in found if asked["from"] <= r["changed"] <= asked["to"]]
        at = (asked["page"] - 1) * asked["size"]
        return {"code": 0, "total": len(found), "rows": found[at : at + asked["size"]]}

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Real HTTP on loopback; gives the address."""

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                told = json.dumps(self.answer(handler.path, handler.headers, body)).encode()
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(told)))
                handler.end_headers()
                handler.wfile.write(told)

            def log_message(handler, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def like(row: dict[str, Any], n: int, at: datetime) -> dict[str, Any]:
    """Another order like this one, changed at this moment."""
    text = at.astimezone(CHINA).strftime(_FORM)
    lines = [{**item, "id": 9001 + 10 * n + k} for k, item in enumerate(row["items"])]
    return {**row, "id": row["id"] + n, "placed": text, "paid": text, "changed": text, "items": lines}
