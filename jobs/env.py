"""Where the parts meet: settings, stores, platforms, clock, and the record of each run."""

from __future__ import annotations

import gc
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from jobs.errors import BadSettings, JobError, UnknownThing
from jobs.results import Result
from stores.errors import StoreError
from stores.records import Run

if TYPE_CHECKING:
    from adapters.platforms.base import Platform
    from jobs.channels import Channels
    from jobs.schema import Settings, ShopSection
    from jobs.telling import Teller
    from stores.contracts import Bus, Inbox, Ledger, Orders, Reports, Settlement, Stock
    from stores.privacy import Privacy

T = TypeVar("T")

#: a run record is refreshed at most this often
BEAT_S = 10.0


class SystemClock:
    """The machine's clock, or one that starts at a given instant and ticks on (settings `[clock] start`, drills)."""

    def __init__(self, start: str = "") -> None:
        self._shift = datetime.fromisoformat(start) - datetime.now(UTC) if start else timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


#: faults on the wire that one run record names
KEPT_FAULTS = 500


@cache
def _set_aside() -> None:
    """What the process holds when its first run begins (modules, tables, settings) is there to stay: set it aside, so
    that the garbage collector does not look through all of it whenever a run makes many records."""
    gc.freeze()


class RunHandle:
    """A run in progress: its id, its result, and whether it was asked to stop."""

    def __init__(self, env: Env, job: str, args: Mapping[str, Any], *, dry_run: bool) -> None:
        now = env.clock.now()
        self.id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{self.id}"
        self.result = Result(job=job, run_id=self.id, dry_run=dry_run, started_at=now)
        self._env = env
        self._args = dict(args)
        self._beat = 0.0
        self._faults: list[dict[str, Any]] = []
        #: the run this is a thread's part of
        self._whole: RunHandle | None = None

    @property
    def stopping(self) -> bool:
        """True after SIGTERM or SIGINT: finish the chunk, then return."""
        return self._env.stop.is_set()

    def part(self) -> RunHandle:
        """This run as one of its threads sees it: with a result of its own, which the run includes at the end."""
        mine = copy(self)
        mine.result = Result(job=self.result.job, run_id=self.id, dry_run=self.result.dry_run)
        mine._whole = self
        return mine

    def beat(self) -> None:
        """Refresh the run record, at most every few seconds; call it once per chunk. A dry run has none."""
        if self._whole is not None:
            self._whole.beat()
        elif not self.result.dry_run and time.monotonic() - self._beat >= BEAT_S:
            self._write()

    def _write(self, *, ended: bool = False, outcome: str = "running") -> None:
        self._beat = time.monotonic()
        r = self.result
        now = self._env.clock.now()
        self._faults += self._env.drain_faults()
        facts = {**r.facts, "faults": self._faults[:KEPT_FAULTS]} if self._faults else dict(r.facts)
        self._env.ledger.put_run(
            Run(
                run_id=self.id, job=r.job, args=self._args, outcome=r.outcome if ended else outcome,
                counts=dict(r.counts), facts=facts, error=r.error, host=socket.gethostname(), pid=os.getpid(),
                started_at=r.started_at or now, beat_at=now, ended_at=now if ended else None,
            )
        )  # fmt: skip


class Env:
    """Everything a job needs. Opened by `jobs.open`; stores open on first use."""

    def __init__(
        self, settings: Settings, path: Path | None, *, clock: Any = None, transport: object | None = None
    ) -> None:
        self.settings = settings
        #: the settings file, None when there is none
        self.path = path
        self.clock = clock or SystemClock(settings.clock.start)
        #: httpx transport handed to adapters and notifiers, None: the network
        self.transport = transport
        self.stop = threading.Event()
        self._open: list[Any] = []
        #: the run that all runs begun meanwhile are rounds of, see `within`
        self._standing: RunHandle | None = None

    # ---- places
    @property
    def root(self) -> Path:
        """Folder that relative paths in the settings are relative to."""
        return self.path.parent if self.path else Path.cwd()

    @cached_property
    def data(self) -> Path:
        folder = self.root / self.settings.data
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def url(self, store: str) -> str:
        file = "stock" if store == "stock_books" else store
        return getattr(self.settings.stores, store) or f"sqlite:{self.data / (file + '.db')}"

    # ---- stores
    @cached_property
    def privacy(self) -> Privacy:
        from jobs.privacy import open_privacy

        return open_privacy(self)

    @cached_property
    def orders(self) -> Orders:
        import stores
        from jobs.telling import telling_orders

        opened = self._keep(stores.open_orders(self.url("orders"), clock=self.clock, privacy=self.privacy))
        return telling_orders(self, opened)

    @cached_property
    def inbox(self) -> Inbox:
        import stores
        from jobs.telling import telling_inbox

        opened = self._keep(stores.open_inbox(self.url("inbox"), clock=self.clock, privacy=self.privacy))
        return telling_inbox(self, opened)

    @cached_property
    def stock(self) -> Stock:
        import stores

        books = self.url("stock_books") if not stores.has_tables(self.url("stock")) else ""
        return self._keep(stores.open_stock(self.url("stock"), clock=self.clock, books=books))

    @cached_property
    def ledger(self) -> Ledger:
        import stores

        return self._keep(stores.open_ledger(self.url("ledger"), clock=self.clock, privacy=self.privacy))

    @cached_property
    def settlement(self) -> Settlement:
        import stores

        return self._keep(stores.open_settlement(self.url("settlement"), clock=self.clock))

    @cached_property
    def reports(self) -> Reports:
        import stores

        return self._keep(stores.open_reports(self.url("reports"), clock=self.clock))

    @cached_property
    def bus(self) -> Bus | None:
        import stores

        return (
            self._keep(stores.open_bus(self.settings.stores.bus, clock=self.clock))
            if self.settings.stores.bus
            else None
        )

    @cached_property
    def teller(self) -> Teller:
        from jobs.telling import Teller

        return Teller(self)

    def _keep(self, store: T) -> T:
        self._open.append(store)
        return store

    # ---- shops
    def shops(self, patterns: Sequence[str] = (), platforms: Sequence[str] = ()) -> dict[str, ShopSection]:
        """Enabled shops whose alias and platform match the globs (none given: all), by alias.

        Raises:
            UnknownThing: a pattern without a wildcard names no shop, or nothing matches.
        """
        every = self.settings.shops
        for p in patterns:
            if not set(p) & set("*?[") and p not in every:
                raise UnknownThing(f"shop {p!r}; known: {', '.join(sorted(every)) or 'none'}", hint="oms shop list")
        found = {
            alias: shop
            for alias, shop in sorted(every.items())
            if shop.enabled
            and (not patterns or any(fnmatchcase(alias, p) for p in patterns))
            and (not platforms or any(fnmatchcase(shop.platform, p) for p in platforms))
        }
        if not found and (patterns or platforms):
            # an empty choice must not be taken for "all"
            words = ", ".join((*patterns, *platforms))
            raise UnknownThing(
                f"enabled shop for {words}; known: {', '.join(sorted(every)) or 'none'}", hint="oms shop list"
            )
        return found

    def platform(self, alias: str) -> Platform:
        """The adapter of one shop, made once per process and thread-safe."""
        from jobs.platforms import connect

        with self._platform_lock:
            if alias not in self._platforms:
                self._platforms[alias] = self._keep(connect(self, alias))
            return self._platforms[alias]

    @cached_property
    def channels(self) -> Channels:
        """The payment channels, each read from its own file when it is used."""
        from jobs.channels import Channels

        return self._keep(Channels(self))

    def drain_faults(self) -> list[dict[str, Any]]:
        """What went wrong on the wire at any shop since the last time, also what a repetition healed."""
        with self._platform_lock:
            opened: list[Any] = list(self._platforms.values())
        if "channels" in self.__dict__:
            opened.append(self.channels)
        return [msgspec.to_builtins(fault) for part in opened for fault in part.drain_faults()]

    @cached_property
    def _platforms(self) -> dict[str, Platform]:
        return {}

    @cached_property
    def _platform_lock(self) -> threading.Lock:
        return threading.Lock()

    # ---- runs
    @contextmanager
    def run(self, job: str, *, dry_run: bool = False, **args: Any) -> Iterator[RunHandle]:
        """Run a job: its record is written at the start, now and then, and at the end, whatever happens.

        A `JobError`, `StoreError` or adapter error that escapes makes the run `failed` and is raised on.
        """
        if self._standing is not None:
            part = self._standing.part()
            yield part
            self._standing.result.include(part.result)
            return
        handle = RunHandle(self, job, {k: v for k, v in args.items() if v not in (None, (), [], "")}, dry_run=dry_run)
        result = handle.result
        if not dry_run:
            handle._write()
        _set_aside()
        try:
            yield handle
            # a worker that stays is told to stop; everything else is cut short by that
            if handle.stopping and result.outcome in ("done", "partial") and not args.get("follow"):
                result.outcome = "interrupted"
        except BaseException as error:
            result.outcome = "busy" if getattr(error, "exit_code", 0) == 4 else "failed"
            result.error = f"{type(error).__name__}: {error}"
            result.error_code = int(getattr(error, "exit_code", 1))
            result.hint = str(getattr(error, "hint", ""))
            raise
        finally:
            result.ended_at = self.clock.now()
            if not dry_run:
                handle._write(ended=True)

    @contextmanager
    def within(self, run: RunHandle) -> Iterator[None]:
        """Runs begun in this block are rounds of `run`: they carry its id, have no record, and it includes what they did."""
        self._standing = run
        try:
            yield
        finally:
            self._standing = None

    def catch_signals(self) -> None:
        """SIGTERM and SIGINT ask running jobs to finish their chunk and return; the second SIGINT interrupts."""

        def ask(_signum: int, _frame: object) -> None:
            if self.stop.is_set():
                raise KeyboardInterrupt
            self.stop.set()

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ask)
            signal.signal(signal.SIGINT, ask)

    def close(self) -> None:
        for part in reversed(self._open):
            part.close()
        self._open.clear()


__all__ = ["BadSettings", "Env", "JobError", "RunHandle", "StoreError", "SystemClock"]
