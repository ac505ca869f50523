"""Opens the back office for a command: settings, logging, signals; closes it whatever happens."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oms_cli import console

if TYPE_CHECKING:
    from jobs.api import Oms
    from jobs.results import Result
    from jobs.settings import Loaded


@dataclass(slots=True)
class Given:
    """What was said before the command's name, and what happened to us meanwhile."""

    config: Path | None = None
    overrides: dict[str, str] = field(default_factory=dict)
    #: the last signal that asked us to stop
    signum: int = 0


given = Given()


def settings(config: Path | None) -> Loaded:
    """The settings, read with what was given on the command line."""
    from jobs.settings import load

    return load(config or given.config, given.overrides)


@contextmanager
def office(config: Path | None = None) -> Iterator[Oms]:
    """Open the back office; SIGTERM and SIGINT let running jobs finish their chunk.

    Raises:
        jobs.errors.BadSettings: with file, key and what to write instead.
    """
    from zoneinfo import ZoneInfo

    from jobs.api import Oms
    from jobs.env import Env

    loaded = settings(config)
    start_logging(loaded)
    console.zone = ZoneInfo(loaded.settings.business.zone)
    env = Env(loaded.settings, loaded.path)
    before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        _listen(env)
        yield Oms(env)
    finally:
        env.close()
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _listen(env: Any) -> None:
    """Let the environment catch the signals, and remember which one came for the exit code."""
    env.catch_signals()
    for signum in (signal.SIGTERM, signal.SIGINT):
        ask = signal.getsignal(signum)

        def remember(number: int, frame: Any, ask: Any = ask) -> None:
            given.signum = number
            ask(number, frame)

        signal.signal(signum, remember)


def start_logging(loaded: Loaded) -> None:
    """Log to stderr at the level of the settings; unattended and unset, only warnings: cron mails whatever is said."""
    level = loaded.settings.log.level
    if "log.level" not in loaded.origins and not console.watched():
        level = "warning"
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), force=True, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # their lines hold whole URLs, and some platforms sign and carry tokens in the query
    for name in ("httpx", "httpcore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def done(result: Result, *, json: bool, due: bool = False) -> int:
    """Show a run and give its exit code; a busy run that was only due is fine, someone else is at it."""
    code = console.show(result, json=json)
    if due and result.outcome == "busy":
        return 0
    if result.outcome == "interrupted" and given.signum:
        return 128 + given.signum
    return code


def stay(job: str, shops: list[str] | None, config: Path | None, json: bool, *others: Any) -> int:
    """Run a stage as a worker that follows the bus until it is told to stop; then show what it did.

    Raises:
        jobs.errors.BadRequest: something else was asked of it too.
    """
    from jobs.errors import BadRequest

    if any(others):
        raise BadRequest(f"a worker follows everything that comes: oms {job} --follow takes --shop only")
    with office(config) as oms:
        result = oms.follow(job, shops=tuple(shops or ()))
    return done(result, json=json)
