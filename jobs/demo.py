"""oms demo: a day at the marketplaces on this machine, played by the documented commands as separate processes.

The sandbox is a process of its own with its own clock and book. Between two ticks the clock is advanced and the
commands run as cron would run them. The warehouses' part (waybills, returns) is played here from what they get.
At the end `jobs/demo_proof` compares our stores with the sandbox's book, which nobody read before.
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
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jobs.demo_money import MORNINGS, Desk, settings
from jobs.demo_world import World
from jobs.errors import JobError

#: (text, done, all)
Progress = Callable[[str, int, int], None]

#: calls a second to each method. A day passes in a minute here, so the platforms' own rates do not apply.
RATE = 500.0
#: how long the sandbox holds an answer back that shall come too late, and how long the shops wait for one
DELAY_S, PATIENCE = 1.2, "1s"

#: chance that a platform's statement tells an order wrongly
DIFFERENCES = 0.03

#: platforms whose app is the shop's own in the demo: it authorises itself
SELF_USE = ("douyin",)
#: platforms that know payments only: orders are asked for at the shop's own mall, whose address this follows
MALLS = {"wechat_miniprogram": "/mall"}


class DemoFailed(JobError):
    """The demo could not be played."""

    exit_code = 37
    hint = "oms demo --help"


def play(
    folder: Path, *, orders: int = 3000, seed: int = 7, faults: str = "all", platforms: Sequence[str] = (), ticks: int = 5,
    progress: Progress | None = None, keep_commands: bool = False, stores: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Play a day and prove it.

    Args:
        folder: made if missing; must be empty.
        faults: ``none``, ``all`` or names separated by commas.
        ticks: how often the commands run during the day.
        stores: those that are on servers → their URL, as under ``[stores]``; each database must be empty.
        keep_commands: the document lists every command that was run, as `commands`.

    Returns:
        One document: what was played, the proof's checks, times; `ok` is True when every check holds.
    """
    folder = folder.resolve()  # commands run in the office's own folder
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise DemoFailed(f"{folder} is not empty", hint="oms demo --folder NEW")
    show = progress or (lambda _text, _done, _all: None)
    began = time.monotonic()
    wrong = faults != "none"
    with World(
        folder / "sandbox", orders=orders, seed=seed, faults=faults, platforms=platforms, rate=RATE, delay_s=DELAY_S,
        bills="all" if wrong else "none", differences=DIFFERENCES if wrong else 0.0,
    ) as world:  # fmt: skip
        office = Office(folder / "office", world, stores or {})
        office.set_up()
        desk = Desk(office, orders=orders)
        desk.set_up()
        start, end = world.start, world.end
        step = (end - start) / ticks
        # After the day the platforms fall quiet: what was late, unproven or refused gets its chance.
        mornings = [start + timedelta(hours=h) for h in MORNINGS]
        moments = [start + step * (i + 1) for i in range(ticks)] + mornings
        for i, at in enumerate(moments):
            office.say = partial(_say, show, at, i, len(moments))
            with desk.listening(at) if i <= ticks else nullcontext():
                world.clock(at)
            office.now = at
            if at in mornings:
                office.tick(at)
                desk.morning(at)
            else:
                office.side_by_side(partial(office.tick, at), partial(desk.tick, i))
        # While the world stands still: windows that lies kept open, and last the levels, of which lost answers are read back.
        office.look_again(moments[-1])
        desk.close()
        for minutes in range(3):
            office.publish(moments[-1] + timedelta(minutes=minutes))
        if "stock_books" in office.stores:
            office.oms("stock", "drain")
        show("the proof", len(moments), len(moments))
        world.close()
        from jobs.demo_proof import prove

        commands = [r.summary() for r in office.ran]
        proof = prove(folder / "office", folder / "sandbox", commands, stores)
    return {
        "ok": proof["ok"], "orders": orders, "seed": seed, "faults": faults, "folder": str(folder),
        "page": str(desk.page), "seconds": round(time.monotonic() - began, 1), "processes": len(office.ran), **proof,
        **({"commands": commands} if keep_commands else {}),
    }  # fmt: skip


def _say(show: Progress, at: datetime, done: int, of: int, words: str) -> None:
    show(f"{at:%d %H:%M} UTC  oms {words}", done, of)


class Ran:
    """One command that was run: its words, exit code and what it printed."""

    def __init__(self, words: Sequence[str], code: int, out: str, err: str, seconds: float) -> None:
        self.words, self.code, self.out, self.err, self.seconds = tuple(words), code, out, err, seconds

    def summary(self) -> dict[str, Any]:
        return {"command": " ".join(self.words), "exit": self.code, "seconds": round(self.seconds, 2)}


class Office:
    """The back office of the demo: a folder with settings, and the commands run in it."""

    #: exit codes a demo command may end with: done, or partial (parked, unproven: the proof looks at them)
    EXPECTED = frozenset({0, 3})

    def __init__(self, folder: Path, world: World, stores: Mapping[str, str]) -> None:
        self.folder, self.world, self.stores = folder, world, stores
        self.ran: list[Ran] = []
        #: told the words of each command before it runs
        self.say: Callable[[str], None] = lambda _words: None
        #: the time at which commands run
        self.now = world.start
        #: our refund number by what stands on the label of a return: platform and its refund number
        self._refunds: dict[tuple[str, str], str] = {}

    def oms(self, *words: str, allow: frozenset[int] = EXPECTED, given: str | None = None) -> Ran:
        """Run one `oms` command in the office's folder at the demo's time; `given`: what it reads from stdin."""
        self.say(" ".join(words[:2]))
        env = {**os.environ, "OMS__CLOCK__START": self.now.isoformat(), "OMS_CONFIG": str(self.folder / "oms.toml")}
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "oms_cli", *words],
            cwd=self.folder,
            env=env,
            input=given,
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
        text = settings_text(self.world.info, tokens=False, rate=RATE) + settings(self.world.info)
        if self.stores:
            text += "\n[stores]\n" + "".join(f"{name} = {json.dumps(url)}\n" for name, url in self.stores.items())
        (self.folder / "oms.toml").write_text(text, encoding="utf-8")
        (self.folder / "oms.toml").chmod(0o600)
        write_rows(
            self.folder / "listings.csv", ("platform", "listing", "sku", "qty", "share"), self.world.info["listings"]
        )
        # also what a warehouse has none of: a SKU is known by having been counted
        opening = [
            {"warehouse": warehouse, "sku": good["sku"], "qty": good["opening"].get(warehouse, 0)}
            for good in self.world.info["goods"]
            for warehouse in self.world.warehouses
        ]
        write_rows(self.folder / "opening.csv", ("warehouse", "sku", "qty"), opening)
        if self.stores:
            # files come to be with the first command; a server's tables, and the key, are made on purpose
            self.oms("db", "upgrade")
        as_of = (self.world.start - timedelta(minutes=1)).isoformat()
        self.oms("stock", "import", "opening.csv", "--as-of", as_of, "--by", "demo")
        for shop in self.world.info["shops"]:
            if shop["token"] and shop["platform"] not in SELF_USE:
                life = (datetime.fromisoformat(shop["token_expires"]) - self.world.start).total_seconds()
                pair = f"{shop['token']}\n{shop['refresh_token']}\n"
                self.oms("shop", "token", shop["alias"], "--store", "--expires-in", f"{life:.0f}s", given=pair)

    def tick(self, at: datetime) -> None:
        """What cron does between two looks at the clock; what has nothing to do with each other runs side by side."""
        self.now = at
        self.together(("sync", "orders"), ("sync", "refunds"))
        self.oms("push", "orders")
        self.together(("refund", "decide"), ("order", "audit"))
        self.oms("order", "source")
        self.oms("merge", "run")
        self.warehouses(at)
        self.together(("push", "shipments"), ("order", "complete"))
        if "stock_books" in self.stores:
            self.oms("stock", "drain")

    def look_again(self, at: datetime) -> None:
        """Pull once more what could not be proven complete."""
        self.now = at
        self.together(("sync", "orders"), ("sync", "refunds"))
        self.oms("push", "orders")

    def publish(self, at: datetime) -> None:
        """Tell the shops their levels; what was told without an answer is read back before anything else."""
        self.now = at
        self.oms("push", "stock")

    def together(self, *commands: Sequence[str]) -> None:
        self.side_by_side(*(partial(self.oms, *words) for words in commands))

    def side_by_side(self, *acts: Callable[[], object]) -> None:
        """What has nothing to do with each other; the first that fails is told when all have ended."""
        with ThreadPoolExecutor(len(acts)) as pool:
            list(pool.map(lambda act: act(), acts))

    def warehouses(self, at: datetime) -> None:
        """Hand over, and play the warehouses: a waybill for every parcel of the pick lists, and returns by grade."""
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        lists = {w: out / f"{w}-{at:%d%H%M}.csv" for w in self.world.warehouses}
        self.together(
            *(("parcel", "handover", "--warehouse", w, "--out", str(p), "--by", "demo") for w, p in lists.items())
        )
        rows = [row for path in lists.values() for row in picked(path)]
        if rows:
            back = out / f"waybills-{at:%d%H%M}.csv"
            write_rows(back, ("parcel_no", "carrier", "waybill"), rows)
            self.oms("parcel", "import", str(back), "--by", "demo")
        self.oms("parcel", "ship")
        self.returns(out / f"returns-{at:%d%H%M}.csv")

    def returns(self, path: Path) -> None:
        """What stands at the warehouses' door is received; every fifth piece is unfit for sale."""
        arrivals = self.world.arrivals()
        if any((a["platform"], a["refund"]) not in self._refunds for a in arrivals):
            told = self.oms("refund", "list", "--limit", "100000", "--json").out
            known = [json.loads(line) for line in told.splitlines()]
            # JD's service cases carry an S before their number here, since two kinds of its refunds share numbers.
            self._refunds = {(r["platform"], r["platform_refund_no"].removeprefix("S")): r["refund_no"] for r in known}
        rows = []
        for arrival in arrivals:
            number = self._refunds.get((arrival["platform"], arrival["refund"]))
            for sku, qty in arrival["pieces"].items() if number else ():
                bad = sum(waybill(f"{number}{sku}{n}", "")[-1] in "05" for n in range(qty))
                rows.append({"refund_no": number, "sku": sku, "good": qty - bad, "defective": bad})
        if rows:
            write_rows(path, ("refund_no", "sku", "good", "defective"), rows)
            self.oms("refund", "receive", "--file", str(path), "--by", "demo")


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


def settings_text(info: Mapping[str, Any], *, tokens: bool = True, rate: float = 0.0) -> str:
    """`oms.toml` for the sandbox's shops and warehouses; short waits, since the world is on this machine.

    tokens: the merchants' access tokens stand in the settings, where they cannot be renewed; else they must be stored.
    rate: calls a second to each method, 0: as the platforms allow.
    """
    q = json.dumps
    out = [
        'data = "data"', "", "[retry]", 'waits = ["50ms", "100ms", "200ms", "400ms"]', f'timeout = "{PATIENCE}"', "",
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
        own = shop["platform"] in SELF_USE
        out += [f"token = {q(shop['token'])}"] if tokens and shop["token"] and not own else []
        out += [f"base_url = {q(shop['base_url'])}", 'every = "1m"']
        # Where the app is the shop's own it gets its tokens itself.
        options = [*(["self_use = true"] if own else []), *([f"rate_per_s = {rate}"] if rate else [])]
        if shop["platform"] in MALLS:
            options.append(f"mall_url = {q(shop['base_url'] + MALLS[shop['platform']])}")
        out += [f"options = {{ {', '.join(options)} }}", ""] if options else [""]
    return "\n".join(out)
