"""Run a sandbox: in this process until it is told to stop, or as a process of its own with a handle on it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.request import Request, urlopen

import uvicorn

from adapters.sandbox.gate import Gate
from adapters.sandbox.making import Made, Wish, describe, make_world
from adapters.sandbox.server import make_server

_READY_S = 30.0


def serve(folder: Path, wish: Wish, port: int = 0) -> None:
    """Serve the world of a wish until SIGTERM or SIGINT; then close the book. Blocks."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sandbox.json").unlink(missing_ok=True)
    made = make_world(wish, folder)
    server, door = make_server(made.world, Gate(made.world, rate=wish.rate)), _listen(port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    # whoever reads sandbox.json may stop us at once: only now
    _announce(folder, made, door)
    try:
        asyncio.run(server.serve(sockets=[door]))
    finally:
        door.close()
        made.world.close()


def _listen(port: int) -> socket.socket:
    # asyncio sends without delay only on a socket that says it is TCP; else each answer waits for an ack, some 40 ms
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    return door


def _announce(folder: Path, made: Made, door: socket.socket) -> None:
    """Write sandbox.json, whole or not at all."""
    door.listen(128)
    made.world.address = f"http://127.0.0.1:{door.getsockname()[1]}"
    told = describe(made, made.world.address)
    part = folder / "sandbox.json.part"
    part.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(folder / "sandbox.json")


class Sandbox:
    """A sandbox of its own process (or of a thread of this one, for tests that want to look inside).

    Use as a context manager, or start() and stop(). `info` is what sandbox.json says.
    """

    def __init__(self, folder: str | Path, wish: Wish | None = None, *, port: int = 0, thread: bool = False) -> None:
        self.folder, self.wish, self._port, self._thread = Path(folder), wish or Wish(), port, thread
        self.info: dict[str, Any] = {}
        self.made: Made | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._server: uvicorn.Server | None = None
        self._runner: threading.Thread | None = None

    def start(self) -> Sandbox:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it did not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._thread:
            self._start_thread()
        else:
            self._start_process()
        self.info = json.loads((self.folder / "sandbox.json").read_text(encoding="utf-8"))
        return self

    def _start_process(self) -> None:
        (self.folder / "sandbox.json").unlink(missing_ok=True)
        with (self.folder / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(command(self.folder, self.wish, self._port), stdout=log, stderr=log)
        give_up = time.monotonic() + _READY_S
        while not (self.folder / "sandbox.json").exists():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise RuntimeError(f"the sandbox did not start; see {self.folder / 'sandbox.log'}")
            time.sleep(0.02)

    def _start_thread(self) -> None:
        self.made = make_world(self.wish, self.folder)
        server, door = make_server(self.made.world, Gate(self.made.world, rate=self.wish.rate)), _listen(self._port)
        _announce(self.folder, self.made, door)
        self._server = server

        def run() -> None:
            with door:
                asyncio.run(server.serve(sockets=[door]))

        self._runner = threading.Thread(target=run, name="sandbox", daemon=True)
        self._runner.start()

    def stop(self) -> int:
        """Stop it, let it write its final state, and return its exit code."""
        code = 0
        if self._process is not None:
            self._process.terminate()
            try:
                code = self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
            self._process = None
        if self._runner is not None and self._server is not None and self.made is not None:
            self._server.should_exit = True
            self._runner.join(15)
            self.made.world.close()
            self._runner = None
        return code

    def control(self, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control API: POST with a body, GET without one.

        Raises:
            urllib.error.HTTPError: the call was refused; its body says why.
        """
        data = None if body is None else json.dumps(body).encode()
        call = Request(f"{self.info['control']}/{action}", data=data)
        with urlopen(call, timeout=60) as answer:
            return cast(dict[str, Any], json.loads(answer.read()))

    def advance(self, *, to: str = "", seconds: int = 0) -> dict[str, Any]:
        """Advance the world's clock to an ISO time, or by seconds."""
        return self.control("clock", {"to": to} if to else {"advance_s": seconds})

    def statement(self, platform: str, day: str, form: str = "") -> bytes:
        """A statement file of a Beijing day (yyyy-MM-dd), as an operator downloads it from the merchant back office.

        Raises:
            urllib.error.HTTPError: there is none, or not yet; its body says why.
        """
        with urlopen(f"{self.info['control']}/statements/{platform}/{day}?form={form}", timeout=60) as answer:
            return cast(bytes, answer.read())

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def command(folder: Path, wish: Wish, port: int = 0) -> list[str]:
    """The command line that serves a wish."""
    words = {
        "--folder": folder,
        "--port": port,
        "--seed": wish.seed,
        "--orders": wish.orders,
        "--platforms": ",".join(wish.platforms),
        "--start": wish.start,
        "--hours": wish.hours,
        "--faults": wish.faults,
        "--skus": wish.skus,
        "--delay": wish.delay_s,
        "--rate": wish.rate,
        "--differences": wish.differences,
        "--channels": ",".join(wish.channels),
        "--bills": wish.bills,
        "--countries": ",".join(wish.countries),
    }
    return [sys.executable, "-m", "adapters.sandbox", *(str(w) for pair in words.items() for w in pair)]
