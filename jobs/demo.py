"""oms demo: a day at the marketplaces on this machine, played by the documented commands as separate processes.

The sandbox is a process of its own with its own clock and book. Between two ticks the clock is advanced and the
commands run as cron would run them. The warehouse's part (waybills) is played here from the pick lists it gets.
At the end `jobs/demo_proof.py` compares our stores with the sandbox's book, which nobody read before.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jobs.demo_world import World
from jobs.errors import JobError

Say = Callable[[str], None]
#: (text, done, all)
Progress = Callable[[str, int, int], None]


class DemoFailed(JobError):
    """The demo could not be played."""

    exit_code = 37
    hint = "oms demo --help"


def play(
    folder: Path, *, orders: int = 3000, seed: int = 7, faults: str = "all", platforms: Sequence[str] = (), ticks: int = 8,
    progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Play a day and prove it.

    Args:
        folder: made if missing; must be empty.
        faults: ``none``, ``all`` or names separated by commas.
        ticks: how often the commands run during the day.

    Returns:
        One document: what was played, the proof's checks, times; `ok` is True when every check holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise DemoFailed(f"{folder} is not empty", hint="oms demo --folder NEW")
    show = progress or (lambda _text, _done, _all: None)
    began = time.monotonic()
    with World(folder / "sandbox", orders=orders, seed=seed, faults=faults, platforms=platforms) as world:
        office = Office(folder / "office", world)
        office.set_up()
        start, end = world.start, world.end
        step = (end - start) / ticks
        # After the day the platforms fall quiet: what was late, unproven or refused gets its chance.
        moments = [start + step * (i + 1) for i in range(ticks)] + [end + timedelta(hours=h) for h in (2, 5, 9)]
        for i, at in enumerate(moments):
            show(f"{at:%H:%M}", i, len(moments))
            world.clock(at)
            office.tick(at, last=i == len(moments) - 1)
        show("proof", len(moments), len(moments))
        world.close()
        from jobs.demo_proof import prove

        proof = prove(folder / "office", folder / "sandbox", [r.summary() for r in office.ran])
    return {
        "ok": proof["ok"], "orders": orders, "seed": seed, "faults": faults, "folder": str(folder),
        "seconds": round(time.monotonic() - began, 1), "processes": len(office.ran), **proof,
    }  # fmt: skip


class Ran:
    """One command that was run: its words, exit code and what it printed."""

    def __init__(self, words: Sequence[str], code: int, out: str, err: str, seconds: float) -> None:
        self.words, self.code, self.out, self.err, self.seconds = tuple(words), code, out, err, seconds

    def summary(self) -> dict[str, Any]:
        return {"command": " ".join(self.words), "exit": self.code, "seconds": round(self.seconds, 2)}

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out) if self.out.strip() else {}
        return found


class Office:
    """The back office of the demo: a folder with settings, and the commands run in it."""

    #: exit codes a demo command may end with: done, or partial (parked, unproven: the proof looks at them)
    EXPECTED = frozenset({0, 3})

    def __init__(self, folder: Path, world: World) -> None:
        self.folder, self.world = folder, world
        self.ran: list[Ran] = []
        self._now = world.start

    def oms(self, *words: str, allow: frozenset[int] = EXPECTED) -> Ran:
        """Run one `oms` command in the office's folder at the demo's time."""
        env = {**os.environ, "OMS__CLOCK__START": self._now.isoformat(), "OMS_CONFIG": str(self.folder / "oms.toml")}
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "oms_cli", *words],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        ran = Ran(words, done.returncode, done.stdout, done.stderr, time.monotonic() - began)
        self.ran.append(ran)
        if done.returncode not in allow:
            raise DemoFailed(
                f"oms {' '.join(words)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}"
            )
        return ran

    def set_up(self) -> None:
        """Write the settings a user would write for these shops, and count the opening stock."""
        self.folder.mkdir(parents=True)
        (self.folder / "oms.toml").write_text(settings_text(self.world.info), encoding="utf-8")
        (self.folder / "oms.toml").chmod(0o600)
        write_rows(
            self.folder / "listings.csv", ("platform", "listing", "sku", "qty", "share"), self.world.info["listings"]
        )
        opening = [
            {"warehouse": warehouse, "sku": good["sku"], "qty": qty}
            for good in self.world.info["goods"]
            for warehouse, qty in good["opening"].items()
        ]
        write_rows(self.folder / "opening.csv", ("warehouse", "sku", "qty"), opening)
        as_of = (self.world.start - timedelta(minutes=1)).isoformat()
        self.oms("stock", "import", "opening.csv", "--as-of", as_of, "--by", "demo")

    def tick(self, at: datetime, *, last: bool) -> None:
        """What cron does between two looks at the clock."""
        self._now = at
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda kind: self.oms("sync", kind), ("orders", "refunds")))
        for words in (
            ("push", "orders"),
            ("refund", "decide"),
            ("order", "audit"),
            ("order", "source"),
            ("merge", "run"),
        ):
            self.oms(*words)
        self.warehouses(at)
        self.oms("push", "shipments")
        self.oms("order", "complete")
        if last:
            self.oms("push", "stock")

    def warehouses(self, at: datetime) -> None:
        """Hand over, and play the warehouse: a waybill for every parcel of the pick list."""
        rows: list[dict[str, str]] = []
        for warehouse in self.world.warehouses:
            out = self.folder / "out" / f"{warehouse}-{at:%d%H%M}.csv"
            out.parent.mkdir(exist_ok=True)
            self.oms("parcel", "handover", "--warehouse", warehouse, "--out", str(out), "--by", "demo")
            rows += picked(out)
        if rows:
            back = self.folder / "out" / f"waybills-{at:%d%H%M}.csv"
            write_rows(back, ("parcel_no", "carrier", "waybill"), rows)
            self.oms("parcel", "import", str(back), "--by", "demo")
        self.oms("parcel", "ship")


def picked(path: Path) -> list[dict[str, str]]:
    """One waybill row per parcel of a pick list."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        parcels = {row["parcel_no"]: row["carrier"] for row in csv.DictReader(file)}
    return [
        {"parcel_no": no, "carrier": carrier, "waybill": waybill(no, carrier)}
        for no, carrier in sorted(parcels.items())
    ]


def waybill(parcel_no: str, carrier: str) -> str:
    """A waybill number in the carrier's form, always the same for a parcel."""
    digits = f"{int.from_bytes(blake2b(parcel_no.encode(), digest_size=8).digest()) % 10**13:013d}"
    return f"SF{digits}" if carrier == "SF" else digits


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV file with these columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def settings_text(info: Mapping[str, Any]) -> str:
    """`oms.toml` for the sandbox's shops and warehouses; short waits, since the world is on this machine."""
    q = json.dumps
    out = [
        'data = "data"', "", "[retry]", 'waits = ["50ms", "100ms", "200ms", "400ms"]', 'timeout = "2s"', "",
        "[breaker]", "failures = 5", 'rest = "1m"', "", "[sync]", 'first = "1d"', 'window = "3h"', "", "[merge]", 'window = "30m"', "",
        "[products]", 'listings = "listings.csv"', "",
    ]  # fmt: skip
    for place in info["warehouses"]:
        out += [f"[warehouses.{place['name']}]", f"title = {q(place.get('title', place['name']))}"]
        out += [
            f"regions = {q(place.get('regions', []), ensure_ascii=False)}",
            f"priority = {place.get('priority', 100)}",
            "",
        ]
    for shop in info["shops"]:
        out += [f"[shops.{shop['alias']}]", f"platform = {q(shop['platform'])}", f"seller_id = {q(shop['seller_id'])}"]
        out += [f"app_key = {q(shop['app_key'])}", f"app_secret = {q(shop['app_secret'])}"]
        out += [f"token = {q(shop['token'])}"] if shop.get("token") else []
        out += [f"base_url = {q(shop['base_url'])}", 'every = "1m"']
        # Where the app is the shop's own it authorises itself; elsewhere the merchant's token stands in the settings.
        out += ["options = { self_use = true }", ""] if shop["platform"] == "douyin" else [""]
    return "\n".join(out)
