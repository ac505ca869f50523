"""A pull: one scan of one window, page by page, with the proof of what it saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from adapters.core.paging import (
    MAX_PASSES,
    LoopGuard,
    Tally,
    cut,
    judge_count,
    walk_backward,
    walk_cursor,
    walk_forward,
)
from adapters.core.shapes import Ask, Page, Pass, PullReport, Scan
from adapters.documents import Batch, Pulled
from adapters.errors import AdapterError

if TYPE_CHECKING:
    from adapters.platforms.base import Platform


class Pull:
    """Iterate to get `Batch` after `Batch`; afterwards `report` says what was seen and whether it proves the window.

    A later version of the same item is handed over again; the same version is handed over once, however often the
    platform sends it. An error ends the iteration; what came before stands, and the report says why it proves nothing.
    """

    def __init__(
        self, platform: Platform, kind: str, scan: Scan, start: datetime, end: datetime, *, cursor: str, light: bool
    ) -> None:
        self._platform = platform
        self._kind = kind
        self._scan = scan
        self._start = start
        self._end = end
        self._cursor = cursor
        self._light = light
        #: what this slice handed over: number, time, hash of the bytes (two versions of one second differ in them)
        self._handed: set[tuple[str, datetime | None, int]] = set()
        #: whose details were read in this slice, with their time
        self._detailed: dict[str, datetime | None] = {}
        self._failed: set[str] = set()
        self._proofs: list[str] = []
        self.report = PullReport(reason="not read to the end")
        #: the reading in progress
        self._pass = Pass()

    # ---- iteration
    def __iter__(self) -> Iterator[Batch]:
        try:
            for start, end in self._slices():
                yield from self._slice(start, end)
        except AdapterError as error:
            self.report.proof = ""
            self.report.reason = f"{type(error).__name__}: {error}"
            self._pass.verdict = self._pass.verdict or self.report.reason
            raise
        self._conclude()

    def _slices(self) -> Iterable[tuple[datetime, datetime]]:
        if self._scan.by not in ("modified", "created"):
            return ((self._start, self._end),)
        reach = timedelta(seconds=self._scan.reach_s)
        return cut(self._start - reach, self._end, self._scan.span_s)

    def _conclude(self) -> None:
        report = self.report
        if all(self._proofs):
            report.proof = "exhausted" if "exhausted" in self._proofs else "counted"
            report.reason = ""
        if self._failed:
            report.proof = ""
            report.reason = f"{len(self._failed)} details could not be read"
        if self._cursor and report.proof:
            report.proof, report.reason = "", "read on from a cursor: the whole was not seen"
        if not self._proofs:
            report.proof, report.reason = "exhausted", ""  # an empty window holds nothing

    # ---- one slice
    def _slice(self, start: datetime, end: datetime) -> Iterator[Batch]:
        ask = Ask(
            kind=self._kind, scan=self._scan, start=start, end=end, size=self._platform.page_size(self._scan),
            cursor=self._cursor, light=self._light,
        )  # fmt: skip
        # Bounded memory: what was handed over is remembered per slice; a boundary item may come once more.
        self._handed.clear()
        self._detailed.clear()
        what = f"{self._kind}.{self._scan.name} {start:%Y-%m-%dT%H:%M:%S}/{end:%Y-%m-%dT%H:%M:%S}"
        guard = LoopGuard(what, self._platform.shop)
        match self._scan.paging:
            case "backward":
                yield from self._counted(ask, guard)
            case "forward" | "cursor":
                yield from self._exhausted(ask, guard)

    def _window(self, ask: Ask) -> tuple[datetime, datetime]:
        """The half-open part of [start, end) that this slice answers for."""
        if self._scan.by not in ("modified", "created"):
            return datetime.min.replace(tzinfo=ask.end.tzinfo), datetime.max.replace(tzinfo=ask.end.tzinfo)
        return max(ask.start, self._start) if not self._scan.reach_s else self._start, min(ask.end, self._end)

    def _counted(self, ask: Ask, guard: LoopGuard) -> Iterator[Batch]:
        passes: list[Tally] = []
        told: int | None = None
        now = self._platform.now()
        while True:
            self._begin()
            first = self._fetch(msgspec.structs.replace(ask, total=True))
            before = first.total
            halves = self._halves(ask, before)
            if halves:
                self._pass.before, self._pass.verdict = before, "cut in two: more rows than can be reached"
                for start, end in halves:
                    yield from self._counted(msgspec.structs.replace(ask, start=start, end=end), guard)
                return
            tally = Tally(*self._window(ask))
            passes.append(tally)
            yield self._hand_over(first, tally, before)
            walked = False
            for page in walk_backward(ask, first, self._fetch, guard):
                walked = True
                yield self._hand_over(page, tally, before)
            after = self._total(ask) if walked else before
            # One answer is a snapshot, true at its moment. A walk over a window that reaches into this very second may
            # see rows come in as well as leave.
            settled = ask.end < now or (not walked and ask.end <= now)
            proof, reason, again = judge_count(before, after, passes, settled=settled, told=told)
            told = after
            self._judged(tally, before, after, proof or reason)
            if proof or not again or len(passes) >= MAX_PASSES:
                self._count(tally, before, after, proof, reason)
                return

    def _exhausted(self, ask: Ask, guard: LoopGuard) -> Iterator[Batch]:
        walk = walk_forward if self._scan.paging == "forward" else walk_cursor
        tally = Tally(*self._window(ask))
        for number in range(1, MAX_PASSES + 1):
            known = len(tally.ids)
            changed = False
            self._begin()
            for page in walk(ask, self._fetch, guard):
                batch = self._hand_over(page, tally, page.total)
                changed = changed or bool(batch.items)
                if number == 1 or batch.items:
                    yield batch
            done = number > 1 and not changed and len(tally.ids) == known
            self._judged(tally, None, None, "exhausted" if done else "read again until nothing new comes")
            if done:
                self._count(tally, None, None, "exhausted", "")
                return
        self._count(tally, None, None, "", f"each of {MAX_PASSES} passes brought something new")

    def _halves(self, ask: Ask, total: int | None) -> tuple[tuple[datetime, datetime], ...]:
        """Cut a window that holds more rows than the platform lets one reach."""
        limit = self._scan.max_rows
        seconds = int((ask.end - ask.start).total_seconds())
        if not limit or total is None or total <= limit or seconds < 2:
            return ()
        middle = ask.start + timedelta(seconds=seconds // 2)
        return (ask.start, middle), (middle, ask.end)

    def _begin(self) -> None:
        self._pass = Pass()
        self.report.passes.append(self._pass)

    def _judged(self, tally: Tally, before: int | None, after: int | None, verdict: str) -> None:
        now = self._pass
        now.before, now.after, now.distinct, now.verdict = before, after, len(tally.ids), verdict
        now.requests = list(dict.fromkeys(now.requests))

    def _fetch(self, ask: Ask) -> Page:
        self.report.pages += 1
        page = self._platform.fetch(ask)
        self._pass.requests.append(page.request_no)
        return page

    def _total(self, ask: Ask) -> int | None:
        """The total once more, after paging."""
        page = self._platform.fetch(msgspec.structs.replace(ask, total=True, count_only=True))
        self._pass.requests.append(page.request_no)
        return page.total

    def _count(self, tally: Tally, before: int | None, after: int | None, proof: str, reason: str) -> None:
        report = self.report
        report.distinct += len(tally.inside)
        report.outside += len(tally.outside)
        if before is not None:
            report.total_before = (report.total_before or 0) + before - len(tally.outside)
        if after is not None:
            report.total_after = (report.total_after or 0) + after - len(tally.outside)
        self._proofs.append(proof)
        if not proof:
            report.reason = reason

    # ---- items
    def _hand_over(self, page: Page, tally: Tally, total: int | None) -> Batch:
        items = [self._platform.translate(self._kind, raw, light=self._light) for raw in page.items]
        if page.ids:
            items += self._enrich(page.ids, tally)
        elif not self._light:
            items = self._complete(items, tally)
        fresh: list[Pulled] = []
        here: set[str] = set()
        for item in items:
            mark = hash(item.raw)
            key = item.number or f"?{mark}"
            if key in here:
                self._pass.twice.append(item.number or "?")
            here.add(key)
            if item.error:
                self._pass.unreadable.append(item.number or "?")
            if item.request_no:
                self._pass.requests.append(item.request_no)
            tally.add(key, item.modified_at)
            version = (key, item.modified_at, mark)
            if version not in self._handed:
                self._handed.add(version)
                fresh.append(item)
                self.report.unreadable += bool(item.error)
        self.report.items += len(fresh)
        return Batch(items=tuple(fresh), total=total, cursor=page.cursor)

    def _enrich(self, ids: Sequence[str], tally: Tally) -> list[Pulled]:
        """Details of the ids that were not read in an earlier pass; those are only counted again."""
        self._pass.twice += [n for n, times in Counter(ids).items() if times > 1]
        for number in ids:
            if number in self._detailed:
                tally.add(number, self._detailed[number])
        return self._ask_details([n for n in dict.fromkeys(ids) if n not in self._detailed])

    def _complete(self, items: list[Pulled], tally: Tally) -> list[Pulled]:
        """Replace what the list gave in part by its detail; what the detail does not give stays as it was."""
        partial = {i.number: i for i in items if i.document and self._platform.is_partial(i.document)}
        if not partial:
            return items
        if self._kind in self._platform.supplements:
            return self._supplemented(items, partial, tally)
        whole = [i for i in items if i.number not in partial]
        for detail in self._enrich(list(partial), tally):
            whole.append(detail if detail.document is not None else partial[detail.number])
        return whole

    def _supplemented(self, items: list[Pulled], partial: dict[str, Pulled], tally: Tally) -> list[Pulled]:
        """Add what one further call each tells; versions that were read in an earlier pass are only counted again."""
        again = {n for n, i in partial.items() if n in self._detailed and self._detailed[n] == i.modified_at}
        for number in again:
            tally.add(number, partial[number].modified_at)
        got = self._platform.supplemented(self._kind, [i for n, i in partial.items() if n not in again])
        fuller = {i.number: i for i in got}
        for item in got:
            if self._platform.whole(item):
                self._failed.discard(item.number)
                self._detailed[item.number] = item.modified_at
            else:
                self._failed.add(item.number)
        return [fuller.get(i.number, i) for i in items if i.number not in again]

    def _ask_details(self, numbers: Sequence[str]) -> list[Pulled]:
        got = self._platform.side_by_side(self._kind, numbers)
        out = [item for part in got for item in part]
        for item in out:
            if item.error == "detail_failed":
                self._failed.add(item.number)
            else:
                self._failed.discard(item.number)
                self._detailed[item.number] = item.modified_at
        return out
