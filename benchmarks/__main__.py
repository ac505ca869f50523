"""`python -m benchmarks`: every ratio of speed and memory that is promised, with its floor and spread.

The verdict is the median of the repetitions on wall time. Exit code 0 when all hold, 3 when one does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from benchmarks import chain, figures, importing, matching, memory, page, report, startup
from benchmarks.measuring import Figure
from benchmarks.memory import Most, Peaks
from benchmarks.report import Span

NAMES = ("push", "movers", "page", "match", "import", "help", "memory", "report")
#: rows of the statement file at most: what is written is kept in memory, to be played again
IMPORTED = 500_000
#: these belong to `memory` but have a call of its own for each order, which takes long
SLOW = ("push shipments",)


class Sizes(NamedTuple):
    """How much is measured."""

    repeat: int
    orders: int
    pages: int
    statement: int
    few: int
    many: int
    reported: int
    leave_out: tuple[str, ...]


def main(words: Sequence[str] | None = None) -> int:
    """Measure, tell, and say whether all promises hold."""
    given = _parser().parse_args(words)
    sizes = _sizes(given)
    chosen = given.only or NAMES
    say = _say_json if given.json else _say
    held = True
    for found in _measured(chosen, sizes):
        say(found)
        held = held and found.holds
    if not given.json:
        _write("all hold" if held else "NOT all hold")
    return 0 if held else 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this; repeatable")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions, whose median counts (default 5)")
    parser.add_argument("--orders", type=int, default=4000, help="orders of push and the movers (default 4000)")
    parser.add_argument("--statement", type=int, default=1_000_000, help="rows of each side to match (default 1000000)")
    parser.add_argument(
        "--memory",
        default="4000,16000",
        metavar="FEW,MANY",
        help="orders whose peaks are compared (default 4000,16000)",
    )
    parser.add_argument("--reported", type=int, default=1_000_000, help="orders of the daily report (default 1000000)")
    parser.add_argument("--all-jobs", action="store_true", help=f"memory also of {', '.join(SLOW)}: a call per order")
    parser.add_argument("--short", action="store_true", help="small numbers: whether it runs, not how fast it is")
    parser.add_argument("--json", action="store_true", help="one JSON line per ratio")
    return parser


def _sizes(given: argparse.Namespace) -> Sizes:
    leave_out = () if given.all_jobs else SLOW
    if given.short:
        return Sizes(2, 200, 2, 50_000, 60, 120, 3_000, leave_out)
    few, many = (int(text) for text in given.memory.split(","))
    return Sizes(given.repeat, given.orders, page.PAGES, given.statement, few, many, given.reported, leave_out)


def _measured(chosen: Sequence[str], sizes: Sizes) -> Iterator[Figure | Peaks | Most | Span]:
    if "push" in chosen or "movers" in chosen:
        costs = chain.measure(sizes.orders, sizes.repeat)
        if "push" in chosen:
            yield chain.figure_push(costs)
        if "movers" in chosen:
            yield chain.figure_movers(costs)
            yield chain.figure_moves(costs)
    if "page" in chosen:
        yield from page.measure(sizes.repeat, sizes.pages)
    if "match" in chosen:
        yield from matching.measure(sizes.statement, sizes.repeat)
    if "import" in chosen:
        yield importing.measure(min(sizes.statement, IMPORTED), sizes.repeat)
    if "help" in chosen:
        yield startup.measure(sizes.repeat)
    if "memory" in chosen:
        yield from memory.measure(sizes.few, sizes.many, sizes.leave_out)
    if "report" in chosen:
        yield report.measure(sizes.reported, sizes.repeat)


def _say(found: Figure | Peaks | Most | Span) -> None:
    word = "holds" if found.holds else "DOES NOT HOLD"
    if isinstance(found, Peaks):
        _write(
            f"memory {found.name}: {found.ratio:.2f} × (at most {memory.BOUND}) {word}\n"
            f"    ours   {found.many_kb / 1024:.0f} MB at the peak with {found.many:,} orders\n"
            f"    floor  {found.few_kb / 1024:.0f} MB with {found.few:,} orders; near: {figures.FLAT_MEMORY}"
        )
        return
    if isinstance(found, Most):
        most = f"at most {found.most_kb / 1024:,.0f} MB"
        _write(f"{found.name}: {found.peak_kb / 1024:,.0f} MB at the peak ({most}) {word}: {found.what}")
        return
    if isinstance(found, Span):
        each = " ".join(f"{c.cpu_s:.2f}" for c in found.costs)
        _write(
            f"{found.name}: {found.cpu_s:.2f} s of processor (at most {found.bound_s}) {word}\n"
            f"    ours   {each} s: {found.what}\n"
            f"    beside {found.cells:,} cells; putting an order into them took {found.put_us:.0f} µs"
        )
        return
    low, high = found.ratios[0], found.ratios[-1]
    verdict = f"at most {found.bound}) {word}" if found.promised else "for comparison)"
    _write(
        f"{found.name}: {found.ratio:.2f} × ({low:.2f}–{high:.2f}, processor {found.cpu_ratio:.2f}; {verdict}\n"
        f"    ours   {_us(found, found.ours)}: {found.what}\n"
        f"    floor  {_us(found, found.floor)}: {found.against}\n"
        f"    near   {found.near}"
    )


def _us(found: Figure, costs: tuple[Any, ...]) -> str:
    wall, cpu = found.each_us(costs), found.each_us(costs, cpu=True)
    return f"{wall:,.0f} µs ({cpu:,.0f} µs of processor) each {found.unit}"


def _say_json(found: Figure | Peaks | Most | Span) -> None:
    told = msgspec.to_builtins(found) | {"holds": found.holds}
    if isinstance(found, Span):
        told |= {"cpu_s": found.cpu_s}
        _write(msgspec.json.encode(told).decode())
        return
    told |= {"ratio": round(found.ratio, 3)}
    if isinstance(found, Figure):
        told |= {"ratios": found.ratios, "cpu_ratio": found.cpu_ratio}
        told |= {"ours_us": found.each_us(found.ours), "floor_us": found.each_us(found.floor)}
    else:
        told |= {"bound": memory.BOUND if isinstance(found, Peaks) else 1.0}
    _write(msgspec.json.encode(told).decode())


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
