"""The sandbox behind a socket of this process, served by one loop and no thread, so that the process can be forked.

Whoever calls may die at any moment: what it sent wholly is done all the same, as at a marketplace.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import h11

from adapters.sandbox.gate import Gate
from adapters.sandbox.wire import JSON, Request, answer
from adapters.sandbox.world import World

#: calls a second each platform bears: no call is refused for its speed
FAST = 1e9
#: effects of the book that a call of a job asked for; a token is no effect on the business
EFFECTS = ("ship", "level", "refund")


class Door:
    """Answers HTTP on a socket file while somebody is waited for."""

    def __init__(self, world: World, path: Path) -> None:
        self.world, self.path = world, path
        self._gate = Gate(world, rate=FAST)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._talks: dict[socket.socket, _Talk] = {}
        #: effects that each request had
        self.effects: list[int] = []
        #: what was said to the robot of the alerts
        self.robot: list[str] = []

    def serve_until(self, pipe: int) -> bytes:
        """Answer until the other end of the pipe is closed; returns what came through it."""
        said = b""
        with selectors.DefaultSelector() as ears:
            ears.register(self._listener, selectors.EVENT_READ)
            ears.register(pipe, selectors.EVENT_READ)
            while True:
                for key, _ in ears.select():
                    if key.fileobj is self._listener:
                        for talk in self._accept():
                            ears.register(talk.socket, selectors.EVENT_READ)
                    elif key.fileobj == pipe:
                        part = os.read(pipe, 1 << 16)
                        if not part:
                            self._hear_out()
                            return said
                        said += part
                    elif not self._talks[key.fileobj].listen():  # type: ignore[index]
                        ears.unregister(key.fileobj)
                        self._end(key.fileobj)  # type: ignore[arg-type]

    def _accept(self) -> Iterator[_Talk]:
        while True:
            try:
                found, _ = self._listener.accept()
            except BlockingIOError:
                return
            talk = self._talks[found] = _Talk(found, self)
            yield talk

    def _hear_out(self) -> None:
        """What a process that is gone has sent is heard to its end."""
        list(self._accept())
        for talk in list(self._talks.values()):
            while talk.listen():
                pass
            self._end(talk.socket)

    def _end(self, talk: socket.socket) -> None:
        del self._talks[talk]
        talk.close()

    def close(self) -> None:
        for talk in list(self._talks):
            self._end(talk)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def handle(self, request: h11.Request, body: bytes) -> tuple[int, str, bytes]:
        """(status, content type, body) of the answer to one request."""
        path, _, query = request.target.decode("ascii").partition("?")
        _, platform, rest = (*unquote(path).split("/", 2), "")[:3]
        if platform == "robot":
            self.effects.append(0)
            self.robot.append(body.decode())
            return 200, JSON, b'{"errcode": 0}'
        if platform not in self.world.shops:
            return 404, JSON, answer({"error": f"no platform {platform}"}, 404).body
        kinds = {bytes(k).lower(): bytes(v).decode("ascii") for k, v in request.headers}
        known = len(self.world.book.entries)
        outcome = self._gate.handle(
            platform,
            Request(
                method=request.method.decode("ascii"), path="/" + rest, query=query, body=body,
                content_type=kinds.get(b"content-type", ""),
            ),
        )  # fmt: skip
        fresh = self.world.book.entries[known:]
        self.effects.append(sum(e["kind"] == "effect" and e["effect"] in EFFECTS for e in fresh))
        return outcome.response.status, outcome.response.content_type, outcome.response.body


class _Talk:
    """One connection of a client."""

    def __init__(self, talk: socket.socket, door: Door) -> None:
        self.socket, self._door = talk, door
        talk.setblocking(True)
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = b""

    def listen(self) -> bool:
        """Take what has come and answer what is whole; False when the other side is gone."""
        try:
            data = self.socket.recv(1 << 18)
        except OSError:
            data = b""
        self._http.receive_data(data)
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                return False  # it died in the middle of a request
            if isinstance(event, h11.Request):
                self._request, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and self._request is not None:
                self._answer(*self._door.handle(self._request, self._body))
            else:
                return bool(data)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        head = h11.Response(
            status_code=status, headers=[("Content-Type", kind), ("Content-Length", str(len(body)))], reason=b""
        )
        out = [self._http.send(head), self._http.send(h11.Data(data=body)), self._http.send(h11.EndOfMessage())]
        # the caller may have died meanwhile
        with contextlib.suppress(OSError):
            self.socket.sendall(b"".join(part or b"" for part in out))
        self._http.start_next_cycle()
