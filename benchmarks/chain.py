"""push against the driver alone, and audit + source + merge against push."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks import figures
from benchmarks.measuring import Cost, Figure, timed
from benchmarks.office import T0, copy, fill, open_office
from benchmarks.recording import Player, Step, recorded
from jobs.audit import audit
from jobs.env import Env
from jobs.merge import merge
from jobs.push import push
from jobs.source import source

T = TypeVar("T")
PUSH_BOUND = 3.0
MOVERS_BOUND = 1.0
#: the merge window of the settings has ended by then
_LATER = T0 + timedelta(hours=1)


class Costs(msgspec.Struct, frozen=True):
    """Costs of each repetition, in turns."""

    orders: int
    #: rows that push writes, and rows that the movers write
    rows: tuple[int, int]
    push: list[Cost] = []
    push_floor: list[Cost] = []
    movers: list[Cost] = []
    movers_floor: list[Cost] = []
    #: cost of each mover by name, of the last repetition
    each: dict[str, Cost] = {}


def measure(orders: int, repeat: int) -> Costs:
    """Play floors and jobs in turns, each time from the same waiting documents."""
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as name:
        place = Path(name)
        template, floor, office = place / "template", place / "floor", place / "office"
        _in_office(template, T0, lambda env: fill(env, orders))
        tapes = _tapes(template, place / "tape", orders)
        costs = Costs(orders, (_rows(tapes[0]), _rows(tapes[1])))
        for _ in range(repeat):
            copy(template, floor)
            copy(template, office)
            costs.push_floor.append(_played(floor, tapes[0]))
            costs.push.append(_in_office(office, T0, lambda env: timed(lambda: _push(env, orders))))
            costs.movers.append(_in_office(office, _LATER, lambda env: _movers(env, orders, costs.each)))
            costs.movers_floor.append(_played(floor, tapes[1]))
        return costs


def figure_push(costs: Costs) -> Figure:
    """push, from claim to commit, in batches of the settings."""
    return Figure(
        name="push", what="push: claim, decode, translate, write, claim demand, settle",
        against=f"sqlite3.executemany of the same {costs.rows[0]:,} rows, same files, indexes, pragmas, batches, commits",
        bound=PUSH_BOUND, ours=tuple(costs.push), floor=tuple(costs.push_floor), units=costs.orders, unit="order",
        near=figures.SQLITE_ORDER,
    )  # fmt: skip


def figure_movers(costs: Costs) -> Figure:
    """The three movers together; their floor is push."""
    each = " ".join(f"{name} {cost.wall_s / costs.orders * 1e6:.0f} µs" for name, cost in costs.each.items())
    return Figure(
        name="movers", what=f"audit + source + merge (last: {each})", against="push of the same orders",
        bound=MOVERS_BOUND, ours=tuple(costs.movers), floor=tuple(costs.push), units=costs.orders, unit="order",
        near=figures.STATE_CHANGE,
    )  # fmt: skip


def figure_moves(costs: Costs) -> Figure:
    """The three movers against the driver alone, by the same measure as push."""
    return Figure(
        name="moves", what="audit + source + merge: claim, load, decide, write, hold stock, form parcels",
        against=f"sqlite3.executemany of the same {costs.rows[1]:,} rows and sets, same files, indexes, pragmas, batches, commits",
        bound=PUSH_BOUND, ours=tuple(costs.movers), floor=tuple(costs.movers_floor), units=costs.orders, unit="order",
        near=figures.STATE_CHANGE, promised=False,
    )  # fmt: skip


def _in_office(folder: Path, at: datetime, act: Callable[[Env], T]) -> T:
    env = open_office(folder, at)
    try:
        return act(env)
    finally:
        env.close()


def _tapes(template: Path, folder: Path, orders: int) -> tuple[list[Step], list[Step]]:
    """What push writes, and what the movers write after it."""
    copy(template, folder)
    with recorded() as tape:
        # what opening an office writes is not the jobs'
        def push_only(env: Env) -> list[Step]:
            tape.steps.clear()
            _push(env, orders)
            return tape.trimmed()

        def movers_only(env: Env) -> list[Step]:
            tape.steps.clear()
            _movers(env, orders, {})
            return tape.trimmed()

        return _in_office(folder, T0, push_only), _in_office(folder, _LATER, movers_only)


def _played(folder: Path, steps: list[Step]) -> Cost:
    player = Player(folder, steps)
    try:
        return timed(player.play)
    finally:
        player.close()


def _rows(steps: list[Step]) -> int:
    return sum(len(rows) for _, _, rows in steps if rows)


def _push(env: Env, orders: int) -> None:
    counts = push(env).counts
    assert counts == {"added": orders}, counts


def _movers(env: Env, orders: int, each: dict[str, Cost]) -> Cost:
    each["audit"] = timed(lambda: _counted(audit(env).counts, "audited", orders))
    each["source"] = timed(lambda: _counted(source(env).counts, "sourced", orders))
    # the window begins when an order is sourced
    env.clock.sleep(3600)
    each["merge"] = timed(lambda: _counted(merge(env).counts, "merged", orders))
    return Cost(sum(c.wall_s for c in each.values()), sum(c.cpu_s for c in each.values()))


def _counted(counts: dict[str, int], word: str, orders: int) -> None:
    assert counts.get(word) == orders, counts
