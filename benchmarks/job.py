"""One job in a process of its own, and the most memory it took: `python -m benchmarks.job NAME FOLDER ORDERS`.

The jobs follow each other in one office, from the marketplace to the completed order.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.market import Market
from benchmarks.office import SKUS, T0, WAREHOUSES, open_office, sku
from jobs.api import Oms
from stores.records import ParcelState

#: parcels in one file of a warehouse
FILE = 2_000


class Step(NamedTuple):
    """A job, and when it runs: after the last order came, that many hours later."""

    act: Callable[[Oms, Path], object]
    hours: float = 0.0
    #: makes ready what the next job needs; its memory is nobody's promise
    aside: bool = False


def stocked(oms: Oms, folder: Path) -> None:
    """Count enough of every SKU in every warehouse."""
    rows = [(f"open:{w}:{n}", w, sku(n), 10**6, oms.env.clock.now()) for w in WAREHOUSES for n in range(SKUS)]
    for at in range(0, len(rows), 500):
        oms.env.stock.count(rows[at : at + 500], run_id="bench", reason="opening")


def handed_over(oms: Oms, folder: Path) -> None:
    for warehouse in WAREHOUSES:
        oms.handover_parcels(warehouse=warehouse, out=folder / f"{warehouse}.csv", by="bench")


def answered(oms: Oms, folder: Path) -> None:
    """The warehouse's files, a waybill for each parcel it was given. A file is read whole and compared with itself, so
    it is of a size that one hand-over has, however many orders there are."""
    after, number = "", 0
    while found := oms.env.orders.find_parcels(states=[ParcelState.HANDED_OVER], limit=FILE, after=after):
        after, number = found[-1].parcel_no, number + 1
        rows = [f"{p.parcel_no},SF,SF{p.parcel_no[1:]}\n" for p in found]
        (folder / f"waybills-{number:04d}.csv").write_text(
            "".join(["parcel_no,carrier,waybill\n", *rows]), encoding="utf-8"
        )


def imported(oms: Oms, folder: Path) -> None:
    for path in sorted(folder.glob("waybills-*.csv")):
        oms.import_waybills(path, by="bench")


STEPS: dict[str, Step] = {
    "stock": Step(stocked, aside=True),
    "sync orders": Step(lambda oms, _: oms.sync_orders()),
    "sync verify": Step(lambda oms, _: oms.sync_verify(since=T0, until=oms.env.clock.now())),
    "push orders": Step(lambda oms, _: oms.push_orders()),
    "order audit": Step(lambda oms, _: oms.audit_orders()),
    "order source": Step(lambda oms, _: oms.source_orders()),
    "merge run": Step(lambda oms, _: oms.merge_run(), hours=1),
    "parcel handover": Step(handed_over, hours=2),
    "waybills": Step(answered, hours=2, aside=True),
    "parcel import": Step(imported, hours=2),
    "parcel ship": Step(lambda oms, _: oms.ship_parcels(), hours=3),
    "push shipments": Step(lambda oms, _: oms.push_shipments(), hours=3),
    "push stock": Step(lambda oms, _: oms.push_stock(), hours=3),
    "order complete": Step(lambda oms, _: oms.complete_orders(), hours=17 * 24),
    "reconcile orders": Step(lambda oms, _: oms.reconcile_orders(), hours=17 * 24),
    "reconcile stock": Step(lambda oms, folder: oms.reconcile_stock(plan_out=folder / "plan.json"), hours=17 * 24),
    "db purge": Step(lambda oms, _: oms.purge(), hours=120 * 24),
}


#: the last look is a call per order; what it keeps is kept by `push shipments`, too
_QUIET = {"last_look": False}


class Used(msgspec.Struct, frozen=True):
    """What a job took, and what it counted."""

    peak_kb: int
    wall_s: float
    counts: dict[str, int]


def run(name: str, folder: Path, orders: int) -> Used:
    """Run one job in this process."""
    step = STEPS[name]
    at = T0 + timedelta(seconds=orders + 60, hours=step.hours)
    oms = Oms(open_office(folder, at, transport=Market(orders), lasting=False, shipping=_QUIET))
    began = time.perf_counter()
    with oms:
        result = step.act(oms, folder)
    return Used(peak_kb(), time.perf_counter() - began, dict(getattr(result, "counts", {})))


def peak_kb() -> int:
    """The most memory this program held; not what was there before it began, which `ru_maxrss` may count in."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))).decode() + "\n")
