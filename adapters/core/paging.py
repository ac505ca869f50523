"""Walks over the pages of one window, and what they prove.

Marketplaces page by offset over lists that move while they are read. What keeps rows from being lost:

* *Back to front.* In a window that lies in the past a changed order leaves the list, so the rest moves towards the
  front. Walking from the last page to the first then reads some rows twice and loses none, whatever the sort order;
  walking forward loses one row per change. That is why forward paging is for lists that name no total.
* *A snapshot.* When all rows fit one page, the one answer is the proof.
* *Counting.* The total is asked before and after. A pass counts when both are the same and equal the distinct ids of
  that pass. If the window reaches into the present, rows may also be inserted, and two equal passes are needed.
* *The end probed.* A last page fuller than the total allows means that the total is wrong: the walk goes on behind it.
* *Loops.* The same page twice running, or a cursor that was seen before, is a `PagingLoop`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.core.shapes import Ask, Page
from adapters.errors import PagingLoop

#: how often a moving list is read from the start before its window is left open
MAX_PASSES = 3
#: bound of any walk
MAX_PAGES = 20_000


def cut(start: datetime, end: datetime, span_s: float) -> Iterator[tuple[datetime, datetime]]:
    """Cut [start, end) into half-open slices of whole seconds, none longer than `span_s`.

    The outer ends are widened to whole seconds. One second of the span is kept back because the platforms' ends are
    inclusive.
    """
    first = start.replace(microsecond=0)
    last = end if end.microsecond == 0 else end.replace(microsecond=0) + timedelta(seconds=1)
    step = timedelta(seconds=max(math.floor(span_s) - 1, 1))
    while first < last:
        upto = min(first + step, last)
        yield first, upto
        first = upto


class LoopGuard:
    """Notices when the platform sends the same page again and again, or a cursor that was seen before."""

    def __init__(self, what: str, shop: str) -> None:
        self._what = what
        self._shop = shop
        self._last: tuple[bytes | str, ...] = ()
        self._cursors: set[str] = set()
        self._pages = 0

    def page(self, page: Page, expected_end: bool = False) -> None:
        """Take note of a page.

        Raises:
            PagingLoop: it is the one before, unchanged.
        """
        self._pages += 1
        if self._pages > MAX_PAGES:
            raise PagingLoop(f"{self._what}: more than {MAX_PAGES} pages", shop=self._shop)
        rows: tuple[bytes | str, ...] = (*page.items, *page.ids)
        if rows and rows == self._last:
            raise PagingLoop(f"{self._what}: page {self._pages} is the one before", shop=self._shop)
        self._last = rows

    def cursor(self, cursor: str) -> None:
        """Take note of a cursor.

        Raises:
            PagingLoop: it was given before.
        """
        if cursor in self._cursors:
            raise PagingLoop(f"{self._what}: the cursor repeats", shop=self._shop)
        self._cursors.add(cursor)

    def again(self) -> None:
        """A new pass begins: what was seen may come again."""
        self._last = ()
        self._cursors.clear()


Fetch = Callable[[Ask], Page]


def walk_backward(ask: Ask, first: Page, fetch: Fetch, guard: LoopGuard) -> Iterator[Page]:
    """The pages of one pass after `first` (page 0, asked with the total), last page first, page 0 once more at the end.

    Yields nothing when `first` held all.
    """
    size = ask.size
    total = first.total or 0
    rows = _rows(first)
    if total <= size and rows < size and not first.more:
        return
    last = max(math.ceil(total / size) - 1, 0)
    due = total - last * size
    guard.again()
    behind = last
    page = first
    if last:
        page = fetch(msgspec.structs.replace(ask, page=last))
        guard.page(page)
        yield page
    # A last page that is full, or says "more", may not be the last one, whatever the total says.
    while _rows(page) >= size or page.more or (behind == last and _rows(page) > due):
        behind += 1
        page = fetch(msgspec.structs.replace(ask, page=behind))
        if not _rows(page):
            break
        guard.page(page)
        yield page
    guard.again()
    for number in range(last - 1, -1, -1):
        page = fetch(msgspec.structs.replace(ask, page=number))
        guard.page(page)
        yield page


def walk_forward(ask: Ask, fetch: Fetch, guard: LoopGuard) -> Iterator[Page]:
    """Pages from the first on until the platform says there are no more, or one comes short."""
    guard.again()
    number = 0
    while True:
        page = fetch(msgspec.structs.replace(ask, page=number))
        guard.page(page)
        yield page
        more = page.more if page.more is not None else _rows(page) >= ask.size
        if not more or not _rows(page):
            return
        number += 1


def walk_cursor(ask: Ask, fetch: Fetch, guard: LoopGuard) -> Iterator[Page]:
    """Pages along a cursor until the platform says that it ended."""
    guard.again()
    cursor = ask.cursor
    while True:
        page = fetch(msgspec.structs.replace(ask, cursor=cursor))
        guard.page(page)
        yield page
        more = page.more if page.more is not None else bool(page.cursor)
        if not more:
            return
        guard.cursor(page.cursor)
        cursor = page.cursor


def _rows(page: Page) -> int:
    return len(page.items) + len(page.ids)


class Tally:
    """Counts one pass: distinct ids, inside and outside the half-open window."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start = start
        self._end = end
        self.inside: set[str] = set()
        self.outside: set[str] = set()

    def add(self, key: str, modified: datetime | None) -> None:
        """Count one item. An item without a readable time came for this window and counts inside."""
        if modified is None or self._start <= modified < self._end:
            self.inside.add(key)
            self.outside.discard(key)
        elif key not in self.inside:
            self.outside.add(key)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self.inside | self.outside)


def judge_count(
    before: int | None, after: int | None, passes: Sequence[Tally], *, settled: bool, told: int | None = None
) -> tuple[str, str, bool]:
    """Judge the passes so far: (proof, reason, whether another pass could help).

    told: the total that the pass before ended with. One that differs from pass to pass may come right.
    """
    if before is None or after is None:
        return "", "the platform gave no total", False
    seen = passes[-1].ids
    steady = len(passes) > 1 and passes[-2].ids == seen
    if before == after == len(seen):
        if settled or steady:
            return "counted", "", False
        return "", "the window reaches into the present and was seen only once", True
    if before != after:
        return "", f"the total moved from {before} to {after} while reading", True
    return "", f"the total is {after}, but {len(seen)} ids came", not steady or told not in (None, after)
