"""What a report reads where it stands instead of from the figures: proof of the sync, and the health of the jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jobs import catalogue
from jobs.reporting.documents import Coverage, Job

if TYPE_CHECKING:
    from jobs.env import Env
    from stores.records import Run, RunTally, Window

#: windows read of one shop; a week of ten-minute windows of three scans is 3,024
WINDOWS = 20_000
_OTHER = ("busy", "interrupted", "running")


def day_span(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of a day in a zone; days of a change of clocks are shorter or longer."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    after = day + timedelta(days=1)
    return start, datetime(after.year, after.month, after.day, tzinfo=zone)


def coverage(env: Env, since: date, until: date, shops: Collection[str]) -> tuple[Coverage, ...]:
    """By shop, kind and day. A kind is proven where all its scans are."""
    zone, now = ZoneInfo(env.settings.business.zone), env.clock.now()
    start, end = day_span(since, zone)[0], day_span(until, zone)[1]
    sellers = {shop: platform for shop, (platform, _, _) in env.ledger.sellers().items()}
    rows: list[Coverage] = []
    for shop in sorted(shops):
        by_kind: dict[str, list[Window]] = defaultdict(list)
        for window in env.ledger.windows(shop=shop, since=start, until=end, limit=WINDOWS):
            by_kind[window.kind].append(window)
        for kind, windows in sorted(by_kind.items()):
            for day in days(since, until):
                begun, over = day_span(day, zone)
                if begun < now:
                    rows.append(_covered(windows, day, begun, min(over, now), shop, sellers.get(shop, ""), kind))
    return tuple(rows)


def days(since: date, until: date) -> Iterator[date]:
    """Every day, both ends inside."""
    for n in range((until - since).days + 1):
        yield since + timedelta(days=n)


def _covered(
    windows: Iterable[Window], day: date, start: datetime, end: datetime, shop: str, platform: str, kind: str
) -> Coverage:
    scans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    count = waiting = 0
    for w in windows:
        if w.start >= end or w.end <= start:
            continue
        count += 1
        waiting += w.state == "open"
        spans = scans[w.scan]
        if w.state == "closed":
            spans.append((max(w.start, start), min(w.end, end)))
    proven = min((_united(spans) for spans in scans.values()), default=0.0)
    return Coverage(
        day=day, shop=shop, platform=platform, kind=kind, windows=count, open=waiting,
        elapsed_s=int((end - start).total_seconds()), proven_s=int(proven),
    )  # fmt: skip


def _united(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """Seconds that lie in at least one span."""
    total, reached = 0.0, None
    for start, end in sorted(spans):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += (end - begin).total_seconds()
        reached = end if reached is None else max(reached, end)
    return total


def jobs(env: Env, since: date, until: date) -> tuple[Job, ...]:
    """Every job of the catalogue, and every other that ran in the period; in the catalogue's order, then by name."""
    zone = ZoneInfo(env.settings.business.zone)
    ran: dict[str, list[RunTally]] = defaultdict(list)
    for tally in env.ledger.tally_runs(day_span(since, zone)[0], day_span(until, zone)[1]):
        ran[tally.job].append(tally)
    scheduled = [job.name for job in catalogue.CATALOGUE]
    late = {row["name"] for row in catalogue.late(env)}
    last = env.ledger.last_runs()
    names = [*scheduled, *sorted(set(ran) - set(scheduled))]
    return tuple(_job(name, ran[name], last.get(name), name in scheduled, name in late) for name in names)


def _job(name: str, ran: list[RunTally], last: Run | None, scheduled: bool, late: bool) -> Job:
    by = {t.outcome: t.runs for t in ran}
    return Job(
        job=name, scheduled=scheduled, runs=sum(by.values()), done=by.get("done", 0), partial=by.get("partial", 0),
        failed=by.get("failed", 0), other=sum(by.get(word, 0) for word in _OTHER),
        longest_s=round(max((t.longest_s for t in ran), default=0.0), 1), last_run=last.ended_at if last else None,
        outcome=last.outcome if last else "", late=late,
    )  # fmt: skip
