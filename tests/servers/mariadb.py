"""A private MariaDB server: started for a test run in a folder of its own, durable as in production, gone with it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql

START_S = 60


def found() -> bool:
    """Whether the server's programs are on this machine."""
    return bool(program("mariadbd") and program("mariadb-install-db"))


def program(name: str) -> str | None:
    """Where a program lies: also where only root's path leads."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


class Server:
    """A running server."""

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.folder, self.port, self.process = folder, port, process

    def url(self, database: str) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Rows of the last statement."""
        connection = pymysql.connect(host="127.0.0.1", port=self.port, user="root", database=database, autocommit=True)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def create(self, database: str) -> str:
        """An empty database; its URL."""
        self.run(
            f"DROP DATABASE IF EXISTS {database}",
            f"CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        )
        return self.url(database)

    def empty(self, database: str) -> None:
        """Delete every row, leave the tables and what they say of their version."""
        tables = self.run(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()", database=database
        )
        kept = [str(t) for (t,) in tables if not str(t).endswith("_version")]
        # what counts itself up begins anew; for the others a DELETE is the quicker one
        self.run(
            *(f"{'TRUNCATE' if t in ('order_feed', 'bus_events') else 'DELETE FROM'} `{t}`" for t in kept),
            "SELECT 1", database=database,
        )  # fmt: skip

    def stop(self, *, kill: bool = False) -> None:
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        self.process.wait(60)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def launch(folder: Path, port: int) -> Server:
    """Start a server on its folder, which is made when it is not there."""
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    data, log = folder / "data", folder / "server.log"
    if not data.exists():
        subprocess.run(
            [str(program("mariadb-install-db")), "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *as_root],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    process = subprocess.Popen(
        [
            str(program("mariadbd")), "--no-defaults", f"--datadir={data}", f"--socket={folder / 's'}", f"--port={port}",
            "--bind-address=127.0.0.1", "--skip-name-resolve", f"--pid-file={folder / 'pid'}", f"--log-error={log}",
            f"--log-bin={data / 'binlog'}", "--binlog-format=ROW", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL",
            "--server-id=7", "--local-infile=1", "--innodb-buffer-pool-size=256M", "--max-connections=200", *as_root,
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server, give_up = Server(folder, port, process), time.monotonic() + START_S
    while True:
        try:
            server.run("SELECT 1")
            return server
        except pymysql.err.Error:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"mariadbd did not start: {log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.02)


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server for the length of the block."""
    server = launch(folder, free_port())
    try:
        yield server
    finally:
        server.stop()
