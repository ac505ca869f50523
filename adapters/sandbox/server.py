"""The sandbox's socket: one Starlette app, one thread, one world. Platforms and payment channels live under /<name>, control under
/_world."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.sandbox import control
from adapters.sandbox.gate import Gate
from adapters.sandbox.pay.post import PostOffice
from adapters.sandbox.statements.files import NoFile, listed, statement_file
from adapters.sandbox.wire import JSON, Request, answer, decode, iso
from adapters.sandbox.world import World


class Protocol(H11Protocol):
    """HTTP/1.1 that lets the app reach its connection, so that it can close it without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """A server that leaves signals to its caller, so that the book can be closed and the exit code be 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_app(world: World, gate: Gate) -> ASGIApp:
    """The app over a world."""
    post_office = PostOffice()

    async def platform(request: HttpRequest) -> HttpResponse:
        name = request.path_params["platform"]
        if name not in gate.dialects:
            return _plain(answer({"error": f"no platform {name}"}, 404))
        outcome = gate.handle(name, await _read(request))
        if outcome.hold_s:
            await asyncio.sleep(outcome.hold_s)
        if outcome.lost:
            await _drop(request)
        found = outcome.response
        headers = {"x-sandbox-request": outcome.request_id, **found.headers}
        return HttpResponse(found.body, found.status, headers, media_type=found.content_type)

    async def post(request: HttpRequest) -> HttpResponse:
        action = control.POSTS.get(request.path_params["action"])
        body = decode(await request.body() or b"{}")
        if action is None or not isinstance(body, dict):
            return _plain(answer({"error": "no such control call, or its body is no JSON object"}, 404))
        try:
            told = action(world, body)
        except control.Mistake as error:
            return _plain(answer({"error": str(error)}, 400))
        if world.till is not None:
            # whoever moved the clock finds what it brought delivered
            await post_office.round(world.till)
        return _plain(answer(told))

    async def get(request: HttpRequest) -> HttpResponse:
        return _plain(_look(world, request.path_params["what"]))

    async def statement(request: HttpRequest) -> HttpResponse:
        asked = request.path_params
        try:
            form = request.query_params.get("form", "")
            name, data = statement_file(world, asked["platform"], asked["day"], form)
        except NoFile as error:
            return _plain(answer({"error": str(error)}, 404))
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return HttpResponse(data, 200, headers, media_type="application/octet-stream")

    async def order(request: HttpRequest) -> HttpResponse:
        found = control.look(world, request.path_params["no"])
        return _plain(answer(found if found is not None else {"error": "no such order"}, 200 if found else 404))

    return Starlette(
        routes=[
            Route("/_world/orders/{no}", order, methods=["GET"]),
            Route("/_world/statements/{platform}/{day}", statement, methods=["GET"]),
            Route("/_world/{action}", post, methods=["POST"]),
            Route("/_world/{what}", get, methods=["GET"]),
            Route("/{platform}", platform, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/{platform}/{rest:path}", platform, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )


def _look(world: World, what: str) -> Any:
    if what == "clock":
        return answer({"now": iso(world.now)})
    if what == "status":
        return answer(world.status())
    if what == "arrivals":
        return answer({"arrivals": world.arrivals})
    if what == "statements":
        return answer({**world.statements.to_book(), "files": listed(world)})
    if what == "money" and world.till is not None:
        return answer(world.till.as_it_stands())
    return answer({"error": "look at clock, status, arrivals, money, statements or orders/<number>"}, 404)


def _plain(found: Any) -> HttpResponse:
    return HttpResponse(found.body, found.status, media_type=JSON)


async def _read(request: HttpRequest) -> Request:
    return Request(
        method=request.method,
        path="/" + request.path_params.get("rest", ""),
        query=request.url.query,
        body=await request.body(),
        content_type=request.headers.get("content-type", ""),
        client=request.headers.get("x-request-id", ""),
        target=_target(request),
        headers=dict(request.headers),
    )


def _target(request: HttpRequest) -> str:
    """Path and query as they stood on the wire: the payment channels' signatures are over them."""
    path = (
        bytes(request.scope.get("raw_path") or request.url.path.encode()).partition(b"?")[0].decode("ascii", "replace")
    )
    return f"{path}?{request.url.query}" if request.url.query else path


async def _drop(request: HttpRequest) -> None:
    """Close the connection; what the handler returns afterwards reaches nobody."""
    request.scope["state"]["transport"].abort()
    # let the loop tell the protocol, so that it throws the answer away
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def make_server(world: World, gate: Gate) -> Server:
    """A server for `serve(sockets=[…])`; it keeps quiet."""
    config = uvicorn.Config(
        make_app(world, gate),
        http=Protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    return Server(config)
