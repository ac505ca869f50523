"""sync: pull orders and refunds from the shops into the inbox, window by window, each with its proof.

A shop has two marks. The frontier, how far we pulled, always goes on; proven is up to where every window is closed.
A window that could not be proven stays open, is tried again by the next runs, ages and alarms. A shop that fails does
not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.core.shapes import PullReport
from adapters.errors import AdapterError, ShopBroken, Unsupported
from jobs import gaps
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest, JobError
from jobs.results import Item, Result
from jobs.storing import store
from stores.records import Alert, Lateness, Lease, Watermark, Window

if TYPE_CHECKING:
    from adapters.platforms.base import Platform, Scan

PULLED = gaps.declare(
    "sync.pulled",
    before="all pages of a window are in the inbox",
    after="the window is closed and the marks move",
    sweep="sync: the window is still open and is pulled again; the same documents change nothing",
)
CLOSED = gaps.declare(
    "sync.closed",
    before="a window is written with its proof",
    after="the shop's marks move",
    sweep="sync: the marks are derived anew from the windows at the next run",
)

#: readings of a window that are kept as its evidence
KEPT_PASSES = 40


class LeaseLost(JobError):
    """Another run took this shop over; nothing more is written by this one."""

    exit_code = 36
    hint = "oms jobs locks"


def sync(
    env: Env, kind: str, *, shops: Sequence[str] = (), platforms: Sequence[str] = (), since: datetime | None = None,
    until: datetime | None = None, limit: int = 0, due: bool = False, dry_run: bool = False,
) -> Result:  # fmt: skip
    """Pull one kind of document (``orders`` or ``refunds``) from the shops, side by side in bounded threads."""
    if since and until and since >= until:
        raise BadRequest(f"--since {since.isoformat()} is not before --until {until.isoformat()}")
    args = {"shops": shops, "platforms": platforms, "since": since, "until": until, "limit": limit, "due": due}
    with env.run(f"sync {kind}", dry_run=dry_run, **args) as run:
        chosen = env.shops(shops, platforms)
        env.ledger.now()  # opens the store in this thread, so that threads find its tables
        if not dry_run:
            _ = env.inbox
        with ThreadPoolExecutor(max_workers=env.settings.sync.threads) as pool:
            parts = [
                pool.submit(ShopSync(env, run, kind, alias, since, until, limit, due, dry_run).work) for alias in chosen
            ]
            for part in parts:
                run.result.include(part.result())
                run.beat()
        if chosen and run.result.counts.get("busy") == len(chosen):
            # others are at every one of them; the command makes 0 of it under --due, else 4
            run.result.outcome = "busy"
        return run.result


class ShopSync:
    """One shop's part of a run."""

    def __init__(
        self, env: Env, run: RunHandle, kind: str, alias: str, since: datetime | None, until: datetime | None,
        limit: int, due: bool, dry_run: bool,
    ) -> None:  # fmt: skip
        self.env, self.run, self.kind, self.alias = env, run, kind, alias
        self.since, self.until, self.limit, self.due, self.dry_run = since, until, limit, due, dry_run
        self.result = Result(job=f"sync {kind}", run_id=run.id, dry_run=dry_run)
        self.rule = env.settings.sync
        self.lease: Lease | None = None
        self.seen = 0
        self.report = PullReport()

    @property
    def bounded(self) -> bool:
        """A bounded run never moves a mark, nor writes a window."""
        return bool(self.since or self.until or self.limit or self.dry_run)

    def work(self) -> Result:
        """Pull this shop; never raises what is only this shop's trouble."""
        if self.due and not self._is_due():
            self.result.count("not_due")
            return self.result
        try:
            if not self.dry_run:
                self.lease = self.env.ledger.acquire(
                    f"sync:{self.kind}:{self.alias}", holder=self.run.worker, ttl_s=self.rule.lease
                )
                if self.lease is None:
                    return self._busy()
            self._pull()
        except ShopBroken as error:
            self._failed("shop_rests", error)
        except AdapterError as error:
            self._failed(type(error).__name__, error)
            self._alert(error)
        except LeaseLost as error:
            self._failed("lease_lost", error)
        finally:
            if self.lease is not None:
                self.env.ledger.free(self.lease)
        return self.result

    def _busy(self) -> Result:
        self.result.count("busy")
        self.result.items.append(Item(ref=self.alias, did="skipped", reason="busy", shop=self.alias))
        return self.result

    def _is_due(self) -> bool:
        marks = [
            m for (shop, kind, _), m in self.env.ledger.marks().items() if shop == self.alias and kind == self.kind
        ]
        every = timedelta(seconds=self.env.settings.shops[self.alias].every)
        now = self.env.clock.now()
        return not marks or any(m.frontier is None or now - m.frontier >= every for m in marks)

    def _pull(self) -> None:
        platform = self.env.platform(self.alias)
        if not platform.capabilities.remote:
            self.result.count("nothing_to_pull")
            return
        scans = platform.scans.get(self.kind, ())
        if not scans:
            raise Unsupported(f"{platform.name} has no {self.kind}", shop=self.alias)
        for scan in scans:
            if self.bounded:
                self._pull_bounded(platform, scan)
            else:
                self._pull_on(platform, scan)

    # ---- the endless pull: marks and windows
    def _pull_on(self, platform: Platform, scan: Scan) -> None:
        now = self.env.clock.now().replace(microsecond=0)
        mark = self.env.ledger.marks().get((self.alias, self.kind, scan.name))
        mark = mark or Watermark(shop=self.alias, kind=self.kind, scan=scan.name)
        for window in self._open_windows(scan)[: self.rule.retry_windows]:
            if self.run.stopping:
                return
            self._window(platform, scan, window, mark)
        start = mark.frontier - self._overlap() if mark.frontier else now - timedelta(seconds=self.rule.first)
        for a, b in cut(start, now - timedelta(seconds=scan.behind_s), timedelta(seconds=self.rule.window)):
            if self.run.stopping:
                break
            fresh = Window(
                window_id=f"{self.alias}:{self.kind}:{scan.name}:{a:%Y%m%dT%H%M%S}-{b:%Y%m%dT%H%M%S}",
                shop=self.alias, kind=self.kind, scan=scan.name, start=a, end=b, opened_at=now, run_id=self.run.id,
            )  # fmt: skip
            mark = msgspec.structs.replace(mark, frontier=b)
            # The very same span may have been pulled before: what was seen then stays its evidence.
            again = [w for w in self._overlapping(scan, a, b) if w.window_id == fresh.window_id]
            if again:
                fresh = msgspec.structs.replace(fresh, attempts=again[0].attempts, passes=again[0].passes)
            self._window(platform, scan, fresh, mark)

    def _open_windows(self, scan: Scan) -> list[Window]:
        every = self.env.ledger.windows(shop=self.alias, kind=self.kind, state="open")
        return [w for w in every if w.scan == scan.name]

    def _overlapping(self, scan: Scan, start: datetime, end: datetime) -> list[Window]:
        found = self.env.ledger.windows(shop=self.alias, kind=self.kind, since=start, until=end)
        return [w for w in found if w.scan == scan.name]

    def _window(self, platform: Platform, scan: Scan, window: Window, mark: Watermark) -> None:
        window = msgspec.structs.replace(window, attempts=window.attempts + 1, run_id=self.run.id)
        self._write(window)
        try:
            window = self._read(platform, scan, window, mark)
        except AdapterError as error:
            window = msgspec.structs.replace(
                window, reason=f"{type(error).__name__}: {error}"[:300], passes=_passes(window, self.report)
            )
            self._settle(window, mark)
            raise
        gaps.gap(PULLED)
        self._settle(window, mark)
        if window.state == "open":
            self.result.add(
                Item(
                    ref=window.window_id, did="unproven", reason=window.reason, shop=self.alias, facts=_numbers(window)
                )
            )
            self._age(window)

    def _read(self, platform: Platform, scan: Scan, window: Window, mark: Watermark) -> Window:
        pull = platform.pull(self.kind, scan, window.start, window.end)
        tally = {"new": 0, "changed": 0, "parked": 0}
        late: list[Lateness] = []
        self.report = pull.report
        for batch in pull:
            kept = store(self.env, self.alias, platform, self.kind, batch.items)
            self._count(kept.outcomes, tally)
            late += self._late(kept.fresh, mark)
            self._beat()
        if late:
            self._found_late(late, window, mark)
        report = pull.report
        closed = bool(report.proof)
        return msgspec.structs.replace(
            window, state="closed" if closed else "open", proof=report.proof, reason="" if closed else report.reason,
            expected=report.total_after, seen=report.distinct, pages=report.pages, new=tally["new"],
            changed=tally["changed"], parked=tally["parked"], passes=_passes(window, report),
            closed_at=self.env.clock.now() if closed else None,
        )  # fmt: skip

    def _count(self, outcomes: Sequence[tuple[str, str, str]], tally: dict[str, int]) -> None:
        """(key, what, reason) of each stored item."""
        for key, what, reason in outcomes:
            if what in tally:
                tally[what] += 1
            self.seen += 1
            self.result.count("seen")
            self.result.add(Item(ref=key, did="parked" if what == "parked" else what, reason=reason, shop=self.alias))

    def _late(self, fresh: Sequence[tuple[str, datetime]], mark: Watermark) -> list[Lateness]:
        if mark.proven is None:
            return []
        now = self.env.clock.now()
        return [
            Lateness(
                shop=self.alias, kind=self.kind, number=number, modified_at=at, found_at=now,
                late_s=(now - at).total_seconds(),
            )
            for number, at in fresh
            if at < mark.proven
        ]  # fmt: skip

    def _found_late(self, late: Sequence[Lateness], window: Window, mark: Watermark) -> None:
        """What shows up after its time was proven reopens the windows it belongs to, and widens the overlap."""
        ledger = self.env.ledger
        ledger.add_lateness(late)
        self.result.count("late", len(late))
        first, last = min(x.modified_at for x in late), max(x.modified_at for x in late)
        old = ledger.windows(
            shop=self.alias, kind=self.kind, state="closed", since=first, until=last + timedelta(seconds=1)
        )
        hit = [
            w for w in old
            if w.scan == window.scan and w.window_id != window.window_id
            and w.start < window.start and any(w.start <= x.modified_at < w.end for x in late)
        ]  # fmt: skip
        for w in hit:
            self._write(msgspec.structs.replace(w, state="open", proof="", reason="late_find", closed_at=None))
        if hit:
            ledger.reopen(msgspec.structs.replace(mark, proven=min(w.start for w in hit)))

    def _settle(self, window: Window, mark: Watermark) -> None:
        """Write the window, then the marks derived from all windows."""
        self._write(window)
        gaps.gap(CLOSED)
        frontier = max(mark.frontier, window.end) if mark.frontier else window.end
        opened = [
            w.start
            for w in self.env.ledger.windows(shop=self.alias, kind=self.kind, state="open")
            if w.scan == window.scan
        ]
        proven = min([*opened, frontier])
        fresh = msgspec.structs.replace(mark, frontier=frontier, proven=proven)
        if self.env.ledger.set_mark(fresh, lease=self.lease).result == "lost":
            raise LeaseLost(f"shop {self.alias}")

    def _write(self, window: Window) -> None:
        if self.env.ledger.put_window(window, lease=self.lease).result == "lost":
            raise LeaseLost(f"shop {self.alias}")

    def _beat(self) -> None:
        if self.lease is not None and not self.env.ledger.beat(self.lease, ttl_s=self.rule.lease):
            raise LeaseLost(f"shop {self.alias}")

    def _overlap(self) -> timedelta:
        """The setting, raised by what was measured in the last week, half as much again."""
        since = self.env.clock.now() - timedelta(days=7)
        seen = self.env.ledger.lateness(self.alias, self.kind, since=since)
        measured = max((x.late_s for x in seen), default=0.0) * 1.5
        return timedelta(seconds=min(max(self.rule.overlap, measured), self.rule.overlap_max))

    # ---- a bounded pull: no marks, no windows
    def _pull_bounded(self, platform: Platform, scan: Scan) -> None:
        until = self.until or self.env.clock.now()
        since = self.since or until - timedelta(seconds=self.rule.window)
        for a, b in cut(since, until, timedelta(seconds=self.rule.window)):
            for batch in platform.pull(self.kind, scan, a, b):
                if self.dry_run:
                    for item in batch.items:
                        self.result.add(Item(ref=item.number or "?", did="seen", reason=item.error, shop=self.alias))
                        self.seen += 1
                else:
                    kept = store(self.env, self.alias, platform, self.kind, batch.items)
                    self._count(kept.outcomes, {})
                    self._beat()
                if self.run.stopping or (self.limit and self.seen >= self.limit):
                    return

    # ---- trouble
    def _failed(self, reason: str, error: Exception) -> None:
        facts: dict[str, Any] = {"error": str(error)[:300]}
        self.result.add(Item(ref=self.alias, did="failed", reason=reason, shop=self.alias, facts=facts))

    def _alert(self, error: AdapterError) -> None:
        from jobs.alerts import tell

        now = self.env.clock.now()
        tell(
            self.env,
            Alert(
                key=f"sync:{self.kind}:{self.alias}", kind="sync_failed", severity="critical",
                title=f"{self.alias}: {self.kind} cannot be pulled: {error}",
                facts={"shop": self.alias, "run": self.run.id}, hint=error.hint, first_at=now, last_at=now,
            ),
        )  # fmt: skip

    def _age(self, window: Window) -> None:
        from jobs.alerts import tell

        now = self.env.clock.now()
        if (now - window.opened_at).total_seconds() < self.rule.window_alarm:
            return
        tell(
            self.env,
            Alert(
                key=f"window:{window.window_id}", kind="window_unproven",
                title=f"{self.alias}: {self.kind} {window.start:%m-%d %H:%M}–{window.end:%H:%M} UTC is not proven: {window.reason}",
                facts=_numbers(window), hint=f"oms sync windows list --shop {self.alias}", first_at=now, last_at=now,
            ),
        )  # fmt: skip


def _passes(window: Window, report: PullReport) -> tuple[dict[str, Any], ...]:
    """The evidence of a window with that of its latest reading."""
    return (*window.passes, *(msgspec.to_builtins(p) for p in report.passes))[-KEPT_PASSES:]


def _numbers(window: Window) -> dict[str, Any]:
    return {"expected": window.expected, "seen": window.seen, "attempts": window.attempts}


def cut(start: datetime, end: datetime, size: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Half-open parts of [start, end), each at most `size` long, without gap or overlap."""
    while start < end:
        stop = min(start + size, end)
        yield start, stop
        start = stop
