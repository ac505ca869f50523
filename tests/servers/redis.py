"""A private Redis server: started for a test run in a folder of its own, with the journal on disk each second, gone with it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.servers.mariadb import free_port

START_S = 30


def found() -> bool:
    """Whether the server's program is on this machine."""
    return bool(shutil.which("redis-server"))


class Server:
    """A running server."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes], options: tuple[str, ...]) -> None:
        self.folder, self.port, self.process, self.options = folder, port, process, options

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    @contextmanager
    def client(self, database: int = 0) -> Iterator[Any]:
        made = redis.Redis(port=self.port, db=database, decode_responses=True)
        try:
            yield made
        finally:
            made.close()

    def empty(self, database: int = 0) -> str:
        """Delete everything of a database; its URL."""
        with self.client(database) as client:
            client.flushdb()
        return self.url(database)

    def stop(self, *, kill: bool = False) -> None:
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        self.process.wait(60)

    def again(self) -> None:
        """Start it again on its folder and port, after `stop`."""
        self.process = launch(self.folder, self.port, *self.options).process


def launch(folder: Path, port: int, *options: str) -> Server:
    """Start a server on its folder; later options win over those here."""
    process = subprocess.Popen(
        [
            str(shutil.which("redis-server")), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--logfile", str(folder / "server.log"), *options,
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server, give_up = Server(folder, port, process, options), time.monotonic() + START_S
    while True:
        try:
            with server.client() as client:
                client.ping()
            return server
        except redis.exceptions.ConnectionError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(
                    f"redis-server did not start: {(folder / 'server.log').read_text()[-2000:]}"
                ) from None
            time.sleep(0.01)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    """A server for the length of the block."""
    server = launch(folder, free_port(), *options)
    try:
        yield server
    finally:
        server.stop()
