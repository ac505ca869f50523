"""The long form of the kill test, by hand: `python -m tests.kill --every`, `python -m tests.kill --random 50 --orders 400`.

Plays a day, kills each of its processes at the chosen events, runs it again, and compares the books and the sandbox's
log of effects with those of the unkilled day. Prints how many were killed per seam and job; ends with 1 when a day came
out otherwise or a count that may not be zero is zero.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.kill.campaign import Campaign, Made, scratch
from tests.kill.choices import COLUMNS, Drawn, Every, OneEach, must_be, table
from tests.kill.day import Day, make_day


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description="Kill a day's processes at their seams.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--every", action="store_true", help="at every event of the day")
    which.add_argument("--random", type=int, metavar="N", help="at N events drawn at random")
    which.add_argument("--one-each", action="store_true", help="once at each seam of each job")
    parser.add_argument("--orders", type=int, default=40)
    parser.add_argument("--seed", type=int, default=6, help="of the world, and of the draw")
    parser.add_argument("--jobs", default="", help="only steps of these jobs, with commas")
    parser.add_argument(
        "--whole", action="store_true", help="play each day to its end, even where the states are equal"
    )
    words = parser.parse_args()
    day = make_day(orders=words.orders, seed=words.seed)
    began = time.monotonic()
    with scratch() as folder:
        campaign = Campaign(day, folder, whole=words.whole, say=_progress, wrong=_tell)
        unkilled = campaign.unkilled()
        choice: Every | Drawn | OneEach
        if words.every:
            choice = Every(day)
        else:
            choice = Drawn(unkilled, words.random, words.seed) if words.random else OneEach(day, unkilled)
        steps = [k for k in choice.steps if not words.jobs or day.steps[k].job in words.jobs.split(",")]
        made = campaign.run(unkilled, choice, steps)
    events = sum(len(c.events) for c in unkilled.counted)
    _say(f"\n{words.orders} orders, {len(day.steps)} steps, {events} events; {time.monotonic() - began:.0f} s\n")
    whole = bool(words.every or words.one_each) and not words.jobs
    return _report(day, made, whole=whole)


def _report(day: Day, made: Sequence[Made], *, whole: bool) -> int:
    """Print the counts and what was wrong; the exit code."""
    cells = table(made)
    jobs = sorted({step.job for step in day.steps})
    _say(f"{'':18}" + "".join(f"{c:>21}" for c in COLUMNS) + "\n")
    for job in jobs:
        _say(f"{job:18}" + "".join(f"{cells.get((c, job), '-'):>21}" for c in COLUMNS) + "\n")
    killed = [m for m in made if m.outcome.killed]
    at_once = sum(m.outcome.joined == m.outcome.wish.step for m in killed)
    later = sum(m.outcome.joined > m.outcome.wish.step for m in killed)
    _say(f"killed {len(killed)}; the state was the unkilled day's after the repetition {at_once}, after a later step ")
    _say(f"{later}; played to the end of the day, books compared: {len(killed) - at_once - later}\n")
    apart = Counter((m.outcome.job, m.outcome.apart[0]) for m in killed if m.outcome.joined < 0 and m.outcome.apart)
    _say("".join(f"    {n:5} {job}: {', '.join(tables)}\n" for (job, tables), n in sorted(apart.items())))
    _say(f"came through and run again: {sum(m.seam == 'none' for m in made)}\n")
    wrong = [m for m in made if m.outcome.wrong]
    missing = sorted(must_be(day) - set(cells)) if whole else []
    _say("".join(f"never killed: {job}: {column}\n" for column, job in missing))
    _say(f"days that came out otherwise: {len(wrong)}; counts that may not be zero and are: {len(missing)}\n")
    return 1 if wrong or missing else 0


def _tell(made: Made) -> None:
    """One day that came out otherwise, with its differences."""
    _say(f"\nstep {made.outcome.wish.step}, {made.outcome.job}, killed at {made.outcome.wish.die_at}: ")
    _say(f"{made.seam}: {made.what}\n" + "".join(f"    {line}\n" for line in made.outcome.wrong))


def _progress(text: str, done: int, of: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:3} of {of}  {text:24}")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
