"""A day at one marketplace on this machine: its world, and an office in which the documented commands were run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from jobs.demo import RATE, picked, settings_text, write_rows
from jobs.demo_world import World
from jobs.sandbox import authorise
from oms_cli.main import main

ORDERS = 30
SHOP = "tmall"
WAREHOUSES = ("WH-EAST", "WH-SOUTH", "WH-NORTH")
#: how far the day's orders have come → the commands that bring them there from the stage before
STAGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "empty": (("stock", "import", "opening.csv", "--as-of", "2026-02-28T20:00+08:00", "--by", "tester"),),
    "synced": (("sync", "orders"), ("sync", "refunds")),
    "pushed": (("push", "orders"),),
    "sourced": (("order", "audit"), ("order", "source")),
    "merged": (("merge", "run"),),
    "handed_over": tuple(
        ("parcel", "handover", "--warehouse", name, "--out", f"{name}.csv", "--by", "tester") for name in WAREHOUSES
    ),
    "shipped": (("parcel", "import", "waybills.csv", "--by", "tester"), ("parcel", "ship")),
}


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


class Day:
    """The world, and one office folder per stage that the day's orders have reached, made when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(folder / "world", orders=ORDERS, seed=11, faults="none", platforms=["taobao"], skus=12)
        self.began: datetime = self.world.start + timedelta(hours=18)
        self.world.clock(self.began + timedelta(minutes=len(STAGES) + 1))

    def clock(self, stage: str, *, after: bool = False) -> dict[str, str]:
        """What makes our clock the day's: each stage is a minute after the one before, or half a minute more."""
        at = self.began + timedelta(minutes=list(STAGES).index(stage), seconds=30 if after else 0)
        return {"OMS__CLOCK__START": at.isoformat()}

    def stage(self, name: str) -> Path:
        """The office folder of a stage; copy it before changing anything."""
        office = self.folder / name
        if office.exists():
            return office
        names = list(STAGES)
        draft = self.folder / f"{name}.part"
        if name == names[0]:
            self._set_up(draft)
        else:
            shutil.copytree(self.stage(names[names.index(name) - 1]), draft)
        if name == "shipped":
            rows = [row for place in WAREHOUSES for row in picked(draft / f"{place}.csv")]
            write_rows(draft / "waybills.csv", ("parcel_no", "carrier", "waybill"), rows)
        with environment({**self.clock(name), "OMS_CONFIG": str(draft / "oms.toml")}), chdir(draft):
            if name == names[0]:
                authorise(draft / "oms.toml", self.world.info)
            for words in STAGES[name]:
                code = main(list(words))
                assert code == 0, (words, code)
        draft.rename(office)
        return office

    def _set_up(self, office: Path) -> None:
        office.mkdir()
        # the day's time stands still: nothing would wait until a window ends
        text = settings_text(self.world.info, tokens=False, rate=RATE).replace('window = "30m"', 'window = "0s"')
        (office / "oms.toml").write_text(text, encoding="utf-8")
        (office / "oms.toml").chmod(0o600)
        listings = self.world.info["listings"]
        write_rows(office / "listings.csv", ("platform", "listing", "sku", "qty", "share"), listings)
        opening = [
            {"warehouse": name, "sku": good["sku"], "qty": qty}
            for good in self.world.info["goods"]
            for name, qty in good["opening"].items()
        ]
        write_rows(office / "opening.csv", ("warehouse", "sku", "qty"), opening)

    def close(self) -> None:
        self.world.__exit__(None, None, None)
