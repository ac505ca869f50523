"""Offices before a world of four marketplaces, brought to where a job has work; a world can be served as often as wanted.

The sandbox's world lives in the memory of the test's process. Preparing an office talks to it directly, through httpx's
own seam. For a trial it is served over loopback by a forked process, so that every trial meets the same world and the
one kept here stays untouched.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import socket
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import httpx

import jobs
from adapters.sandbox.book import Book
from adapters.sandbox.control import make_order
from adapters.sandbox.gate import Gate
from adapters.sandbox.making import Wish, describe, make_world
from adapters.sandbox.server import make_server
from adapters.sandbox.wire import Request
from adapters.sandbox.world import World
from jobs.api import Oms
from jobs.demo import picked, settings_text, write_rows
from tests.factories import put_orders
from tests.paying import own_order

START = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
#: of the day, when the offices are made
HOUR = 18.0
WAREHOUSES = ("WH-EAST", "WH-SOUTH", "WH-NORTH")
#: small batches, so that two runs meet more than once
BATCHES = {"push": 8, "audit": 8, "sourcing": 8, "merge": 8, "shipping": 6}


class SharedClock:
    """One clock for all processes of a trial: it stands still until somebody advances it; sleeping does."""

    def __init__(self, hour: float) -> None:
        at = START + timedelta(hours=hour)
        self._at = multiprocessing.get_context("fork").Value("d", at.timestamp())

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._at.value, UTC)

    def advance(self, seconds: float) -> None:
        with self._at.get_lock():
            self._at.value += seconds

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.001))
        self.advance(seconds)


class Direct(httpx.BaseTransport):
    """Requests go straight to the gate of a world in this process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _, platform, *rest = request.url.path.split("/")
        asked = Request(
            method=request.method, path="/" + "/".join(rest), query=request.url.query.decode(), body=request.read(),
            content_type=request.headers.get("content-type", ""),
        )  # fmt: skip
        got = self._gate.handle(platform, asked).response
        return httpx.Response(got.status, content=got.body, headers={"content-type": got.content_type})


class Bazaar:
    """The world, the door it is served at, and an office in front of it at every stage.

    Between the stages the office only reads there, so that one world, eighteen hours into its day, is true for all.
    """

    def __init__(self, folder: Path, *, orders: int = 40, seed: int = 11) -> None:
        self.folder = folder
        # with the protocol named asyncio sends small answers at once; else each waits 40 ms for an acknowledgement
        self.door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.door.bind(("127.0.0.1", 0))
        self.door.listen(64)
        self.made = make_world(Wish(seed=seed, orders=orders, start=START.isoformat(), skus=12))
        self.world = self.made.world
        for platform in self.world.shops:
            self.world.plan(make_order(self.world, _money_asked_back(self.world, platform)))
        self.world.advance(int((START + timedelta(hours=HOUR)).timestamp()))
        self._gate = Gate(self.world, rate=1e6)

    def stage(self, name: str) -> Path:
        """The office's folder at a stage, made from the one before when it is first asked for. Copy it."""
        office = self.folder / name
        if office.exists():
            return office
        names = list(STAGES)
        draft = self.folder / f"{name}.part"
        if name == names[0]:
            self._set_up(draft)
        else:
            shutil.copytree(self.stage(names[names.index(name) - 1]), draft)
        with jobs.open(draft / "oms.toml", clock=SharedClock(HOUR), transport=Direct(self._gate)) as oms:
            STAGES[name](oms, draft)
        draft.rename(office)
        return office

    def _set_up(self, office: Path) -> None:
        info = describe(self.made, f"http://127.0.0.1:{self.door.getsockname()[1]}")
        text = settings_text(info).replace('window = "30m"', 'window = "0s"')
        # A process that stands still stands with all its threads: with one shop at a time the points are the same each time.
        text += "\n[shipping]\nthreads = 1\n"
        for name, size in BATCHES.items():
            text = _put(text, name, f"batch = {size}")
        office.mkdir(parents=True)
        (office / "oms.toml").write_text(text, encoding="utf-8")
        (office / "oms.toml").chmod(0o600)
        (office / "world.json").write_text(json.dumps({"channels": info["channels"]}), encoding="utf-8")
        write_rows(office / "listings.csv", ("platform", "listing", "sku", "qty", "share"), info["listings"])
        # enough of everything: who gets the last piece is up to who comes first
        opening = [
            {"warehouse": name, "sku": good["sku"], "qty": max(qty, 40)}
            for good in info["goods"]
            for name, qty in good["opening"].items()
        ]
        write_rows(office / "opening.csv", ("warehouse", "sku", "qty"), opening)

    def close(self) -> None:
        self.door.close()
        self.world.close()


def _money_asked_back(world: World, platform: str) -> dict[str, Any]:
    """An order of half an hour before whose buyer has just asked the money back."""
    at = START + timedelta(hours=HOUR, minutes=-30)
    asked = {"after_s": 1500, "name": "refund_asked", "args": {"reason": "拍错/多拍"}}
    sku = world.catalogue.listings[platform][2].code
    return {"platform": platform, "lines": [{"sku": sku}], "created_at": at.isoformat(), "events": [asked]}


def _put(text: str, section: str, line: str) -> str:
    """Settings with one more line in a section."""
    head = f"[{section}]\n"
    return text.replace(head, head + line + "\n") if head in text else f"{text}\n{head}{line}\n"


# ------------------------------------------------------------------ how far an office has come


def _opened(oms: Oms, office: Path) -> None:
    oms.stock_import(office / "opening.csv", as_of=START - timedelta(minutes=1), by="test")


def _synced(oms: Oms, office: Path) -> None:
    oms.sync_orders()
    oms.sync_refunds()


def _labelled(oms: Oms, office: Path) -> None:
    oms.merge_run()
    rows = []
    for name in WAREHOUSES:
        oms.handover_parcels(warehouse=name, out=office / f"{name}.csv", by="test")
        rows += picked(office / f"{name}.csv")
    write_rows(office / "waybills.csv", ("parcel_no", "carrier", "waybill"), rows)
    oms.import_waybills(office / "waybills.csv", by="test")


def _paying(oms: Oms, office: Path) -> None:
    """Buyers of orders of our own have been shown a code."""
    [told] = [
        c
        for c in json.loads((office / "world.json").read_text(encoding="utf-8"))["channels"]
        if c["channel"] == "alipay"
    ]
    folder = office / "channels"
    folder.mkdir(mode=0o700)
    names = ("channel", "merchant_id", "app_id", "base_url", "private_key", "alipay_public_key")
    (folder / "ali.toml").write_text(
        "".join(f"{k} = '''{told[k]}'''\n" for k in names) + "notify_url = 'http://127.0.0.1:9/pay/ali'\n",
        encoding="utf-8",
    )
    (folder / "ali.toml").chmod(0o600)
    unpaid = put_orders(oms.env, *(own_order(f"PAY{n:03d}", 5_000 + n) for n in range(9)))
    oms.env.stock.unwant(unpaid)  # what is not paid wants nothing yet
    assert oms.create_payments(unpaid, channel="ali", method="precreate").counts == {"started": 9}


STAGES: dict[str, Callable[[Oms, Path], object]] = {
    "opened": _opened,
    "synced": _synced,
    "pushed": lambda oms, _: oms.push_orders(),
    "audited": lambda oms, _: oms.audit_orders(),
    "sourced": lambda oms, _: oms.source_orders(),
    "labelled": _labelled,
    "shipped": lambda oms, _: oms.ship_parcels(),
    "paying": _paying,
}

# ------------------------------------------------------------------ serving a world


def fork(act: Callable[[], int]) -> int:
    """Run `act` in a forked process, which ends with what it returns; its trace goes to stderr. Returns its pid."""
    with warnings.catch_warnings():
        # newer Pythons warn of threads in the parent: those of the test runner wait for input and hold no lock
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = act()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


class Served:
    """A copy of a bazaar's world, at some hour, served by a process of its own until `stop`.

    `entries`: what was written into its book meanwhile; each is on the disk before its request is answered.
    """

    def __init__(self, bazaar: Bazaar, folder: Path, hour: float) -> None:
        self._path = folder / "book.jsonl"
        world = bazaar.world

        def act() -> int:
            world.advance(int((START + timedelta(hours=hour)).timestamp()))
            with self._path.open("w", encoding="utf-8") as file:
                _note(world.book, file)
                asyncio.run(make_server(world, Gate(world, rate=1e6)).serve(sockets=[bazaar.door]))
            return 0

        self._pid = fork(act)

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    @property
    def entries(self) -> list[dict[str, Any]]:
        # it may have been stopped before it began
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]


def _note(book: Book, file: TextIO) -> None:
    """Have what is written into a book from now on written to a file as well."""
    write = book.write

    def noted(kind: str, **facts: Any) -> None:
        write(kind, **facts)
        file.write(json.dumps(book.entries[-1]) + "\n")
        file.flush()

    book.write = noted  # type: ignore[method-assign]
