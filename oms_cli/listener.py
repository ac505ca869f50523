"""The socket of `oms pay listen`: one Starlette app, one path per channel alias, limits in size, rate and time.

What a notification means is the jobs' business (`jobs/notified.py`); here it is only read whole, handed over, and answered.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from oms_cli.console import document, note

if TYPE_CHECKING:
    from jobs.api import Oms
    from jobs.notified import Listener

log = logging.getLogger("oms.listen")

#: between two looks at whether the service is to end
LOOK_S = 0.1
#: connections at once; more are turned away
CONNECTIONS = 200


class TooBig(Exception):
    """The body is larger than it may be."""


class Rate:
    """A bucket per channel: so many at once, then so many a second."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s, self._burst = per_s, float(burst)
        self._state: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def allows(self, name: str) -> bool:
        now = time.monotonic()
        with self._lock:
            level, at = self._state.get(name, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._per_s)
            self._state[name] = (level - 1 if level >= 1 else level, now)
            return level >= 1


def make_app(listener: Listener, oms: Oms) -> Starlette:
    """The app over one office."""
    rule = oms.env.settings.payments
    rate = Rate(rule.rate, rule.burst)
    most = rule.body_kb << 10

    async def pay(request: Request) -> Response:
        alias = request.path_params["alias"]
        if alias not in await run_in_threadpool(oms.env.channels.names):
            listener.count("unknown_channel")
            return Response(status_code=404)
        if not rate.allows(alias):
            listener.count("too_many")
            return Response(status_code=429, headers={"retry-after": "5"})
        try:
            async with asyncio.timeout(rule.patience):
                body = await _body(request, most)
        except TooBig:
            listener.count("too_big")
            return Response(status_code=413, headers={"connection": "close"})
        except TimeoutError:
            listener.count("too_slow")
            return Response(status_code=408, headers={"connection": "close"})
        except ClientDisconnect:
            listener.count("cut_off")
            return Response(status_code=400)
        return await _handled(alias, dict(request.headers), body)

    async def _handled(alias: str, headers: dict[str, str], body: bytes) -> Response:
        try:
            reply = await run_in_threadpool(listener.handle, alias, headers, body)
        except Exception as error:
            # Not recorded: the channel must send it again. What broke is ours and stands in the log, without the body.
            log.error("%s: a notification was not taken: %s", alias, type(error).__name__)
            listener.count("failed")
            return Response(status_code=500)
        return Response(reply.body, reply.status, reply.headers)

    async def health(_request: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    return Starlette(routes=[Route("/pay/{alias}", pay, methods=["POST"]), Route("/healthz", health, methods=["GET"])])


async def _body(request: Request, most: int) -> bytes:
    """The whole body, of at most so many bytes."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise TooBig
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooBig
        parts.append(part)
    return b"".join(parts)


class Server(uvicorn.Server):
    """A server that leaves signals to the office, which asks it to end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(listener: Listener, oms: Oms, *, host: str, port: int) -> Server:
    """The server of one office, with its limits."""
    config = uvicorn.Config(
        make_app(listener, oms), host=host, port=port, log_config=None, access_log=False, lifespan="off",
        server_header=False, limit_concurrency=CONNECTIONS, timeout_keep_alive=5, timeout_graceful_shutdown=10,
    )  # fmt: skip
    return Server(config)


def serve(listener: Listener, oms: Oms, *, host: str, port: int, json: bool) -> None:
    """Serve until the office is asked to stop; requests in hand are answered first."""
    asyncio.run(_run(make_server(listener, oms, host=host, port=port), oms.env.stop, json))


async def _run(server: Server, stop: threading.Event, json: bool) -> None:
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    if server.started:
        _ready(server, json)
    while not stop.is_set() and not task.done():
        await asyncio.sleep(LOOK_S)
    server.should_exit = True
    await task


def _ready(server: Any, json: bool) -> None:
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    address = f"http://{host}:{port}"
    if json:
        # stdout is for the one document at the end
        document({"address": address, "notify": f"{address}/pay/ALIAS"}, stream=sys.stderr)
    else:
        note(f"listening at {address}/pay/ALIAS; SIGTERM or Ctrl-C ends it")
