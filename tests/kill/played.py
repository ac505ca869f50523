"""A day being played: the office, the world, and how both stand after each step."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from tests.kill.canon import Dump, Office, digests
from tests.kill.day import LEAD_S, Day
from tests.kill.forked import Ended, run
from tests.kill.wire import EFFECTS, Door

#: how a job may end: all done, or with something for a person
FINE = ("done", "partial")


class StepFailed(Exception):
    """A job of the day failed, so that the day cannot be compared."""


class Played:
    """A day up to some step. The world lives in this process: a fork of it is a copy of the world."""

    def __init__(self, day: Day, folder: Path) -> None:
        self.day, self.folder = day, folder
        self.office = folder / "office"
        self._doors = 0

    def set_up(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.day.set_up(self.office)

    def moved_to(self, folder: Path) -> Played:
        """The same day in a copy of the office; for a fork of this process."""
        folder.mkdir(parents=True)
        shutil.copytree(self.office, folder / "office")
        return Played(self.day, folder)

    def open_door(self) -> Door:
        self._doors += 1
        return Door(self.day.made.world, self.folder / f"s{self._doors}")

    # ---- steps
    def prepare(self, k: int) -> None:
        """The world's time comes to the step, and people do their part."""
        step = self.day.steps[k]
        self.day.made.world.advance(int(step.at.timestamp()))
        if step.before is not None:
            step.before(self.office)

    def first(self, k: int, door: Door, *, die_at: int = 0) -> Ended:
        """The run before the step's time: it is killed, or it comes through."""
        step = self.day.steps[k]
        return run(step, self.office, door, step.at - timedelta(seconds=LEAD_S), die_at=die_at)

    def step(self, k: int, door: Door) -> Ended:
        """The step at its time.

        Raises:
            StepFailed: it did not end well.
        """
        step = self.day.steps[k]
        ended = run(step, self.office, door, step.at)
        if ended.outcome not in FINE or ended.error:
            raise StepFailed(f"step {k}, {step.job}: {ended.outcome or 'no outcome'}\n{ended.error}")
        return ended

    # ---- how things stand
    def books(self) -> Dump:
        """Our books and the sandbox's effects."""
        return {**Office(self.office, self.day.base).books(), "sandbox": self.effects()}

    def state(self) -> dict[str, str]:
        """Digests of everything that decides how the day goes on, and of what is in the sandbox's book already."""
        dump = Office(self.office, self.day.base).state()
        return digests({**dump, "sandbox": self.effects(), "world": self._world()})

    def effects(self) -> list[str]:
        """The sandbox's log of effects: what was done from outside, what was done again, and what looked wrong.

        A level told again that stands there already changes nothing, and nothing else can be done where a platform does
        not show its levels; so of the levels only changes count, and what they are. Nothing else may come twice.
        """
        kept = []
        for entry in self.day.made.world.book.entries:
            if entry["kind"] in ("effect", "repeat", "refusal", "suspect") and entry.get("effect") in EFFECTS:
                if entry["effect"] == "level" and not entry["delta"] and _stood_already(entry):
                    continue
                told = {k: v for k, v in entry.items() if k not in ("seq", "at", "request_id", "version")}
                kept.append(json.dumps(told, ensure_ascii=False, sort_keys=True))
        levels = [f"level {platform} {listing}: {n}" for (platform, listing), n in self.day.made.world.levels.items()]
        return sorted(kept + levels)

    def _world(self) -> list[str]:
        """The world but its tokens and the numbers of its requests."""
        world = self.day.made.world
        events = sorted([at, *rest] for at, _, *rest in world._heap)
        told: list[Any] = [list(world.orders.values()), list(world.refunds.values()), events]
        told += [sorted(world.levels.items()), sorted(world.applied), sorted(world.waybills.items())]
        return [msgspec.json.encode(part).decode() for part in told]


def _stood_already(entry: dict[str, Any]) -> bool:
    return bool(entry["kind"] == "repeat" or (entry["kind"] == "effect" and entry["before"] == entry["after"]))
