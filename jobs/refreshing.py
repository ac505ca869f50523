"""report refresh: keep the figures up to date from the order feed; the first run, and `rebuild`, count every order.

Orders are read after the feed, so what is put is never older than the cursor it is put under; whoever comes second finds
the standing moved and reads again. A count that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jobs.results import Item
from jobs.rules import figures
from stores.errors import FeedGone
from stores.records import Contribution, FullOrder, Standing, replace

if TYPE_CHECKING:
    from jobs.env import Env, RunHandle
    from jobs.results import Result

#: batches of the feed put in one step, and orders counted in one
FEED, BATCH = 200, 500
#: of these the first are named as items
NAMED = 100


def refresh(env: Env, *, rebuild: bool = False) -> Result:
    """Bring the figures up to date.

    Args:
        rebuild: then count every order anew, and say which figures were wrong.
    Returns:
        counts: `orders` read, `changed` of them; of a rebuild also `wrong_orders` and `wrong_cells`. Partial when
        something was wrong; it is put right.
    """
    with env.run("report refresh", rebuild=rebuild) as run:
        Refreshing(env, run).act(rebuild=rebuild)
        return run.result


class Refreshing:
    """One run."""

    def __init__(self, env: Env, run: RunHandle) -> None:
        self._env, self._run = env, run
        self._store = env.reports
        #: with another zone or other rules the same orders make other figures
        self._basis = f"{figures.VERSION} {env.settings.business.zone}"

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._env.settings.business.zone)

    def act(self, *, rebuild: bool) -> None:
        try:
            self._up_to_date()
        except FeedGone:
            # nobody refreshed for longer than the feed is kept
            self._begin(self._store.standing())
            self._up_to_date()
        if rebuild and not self._run.stopping:
            self._rebuild()

    def _up_to_date(self) -> None:
        while not self._run.stopping:
            standing = self._store.standing()
            if standing is None or standing.basis != self._basis:
                self._begin(standing)
            elif standing.after is not None:
                self._count(standing)
            elif not self._follow(standing):
                return
            self._run.beat()

    def _begin(self, standing: Standing | None) -> None:
        """Stand at the feed's end of now and before the first order: changes during the count come by the feed after it."""
        end = self._env.orders.feed_end()
        to = Standing(cursor=end, after="", basis=self._basis, at=self._env.clock.now())
        self._store.start(to, expect=standing)

    def _count(self, standing: Standing) -> None:
        """Count on, batch by batch, for as long as nobody else does."""
        for page in self._env.orders.scan(batch=BATCH, parts=figures.PARTS, after=standing.after or ""):
            to = replace(standing, after=page[-1].order.order_no)
            if self._run.stopping or not self._put(page, standing, to):
                return
            standing = to
            self._run.beat()
        self._store.put([], expect=standing, to=replace(standing, after=None))

    def _follow(self, standing: Standing) -> bool:
        """Take a step along the feed; False at its end."""
        now = self._env.clock.now()
        batches, cursor = self._env.orders.feed(standing.cursor, limit=FEED)
        numbers = list(dict.fromkeys(no for _, order_nos in batches for no in order_nos))
        fulls = self._env.orders.load(numbers, parts=figures.PARTS)
        self._put(list(fulls.values()), standing, replace(standing, cursor=cursor, at=now))
        return bool(batches)

    def _put(self, fulls: Sequence[FullOrder], standing: Standing, to: Standing) -> bool:
        changed = self._store.put(self._contributions(fulls), expect=standing, to=to)
        if changed is None:
            return False
        self._run.result.count("orders", len(fulls))
        self._run.result.count("changed", len(changed))
        return True

    def _contributions(self, fulls: Iterable[FullOrder]) -> list[Contribution]:
        given = list(fulls)
        arrived = self._env.orders.arrivals([f.order.order_no for f in given], figures.STATES)
        return [figures.contribution(f, arrived.get(f.order.order_no, {}), self._zone) for f in given]

    def _rebuild(self) -> None:
        """Compare every order with what it was counted as. What changes meanwhile is the feed's, not a difference.

        At the end the cursor stands where the feed ended at the start, also when it stood further: then the orders are
        older than the figures (a backup came back), and what comes would be passed over.
        """
        end = self._env.orders.feed_end()
        for page in self._env.orders.scan(batch=BATCH, parts=figures.PARTS):
            if self._run.stopping:
                return
            self._compare(page)
            self._run.beat()
        while (standing := self._store.standing()) is not None:
            if self._store.put([], expect=standing, to=replace(standing, cursor=end)) is not None:
                break
        for cell in self._store.recount():
            self._wrong("cells", f"{cell.day} {cell.measure} {cell.shop} {cell.key}".strip(), cell.shop)

    def _compare(self, page: Sequence[FullOrder]) -> None:
        while True:
            standing = self._store.standing()
            assert standing
            made = self._contributions(page)
            kept = self._store.contributions([x.order_no for x in made])
            wrong = [x for x in made if kept.get(x.order_no) != x]
            late = self._in_feed(standing.cursor) if wrong else set()
            if self._store.put(wrong, expect=standing, to=standing) is not None:
                self._run.result.count("compared", len(made))
                for x in wrong:
                    if x.order_no not in late:
                        self._wrong("orders", x.order_no, x.shop)
                return
            page = list(self._env.orders.load([x.order_no for x in made], parts=figures.PARTS).values())

    def _in_feed(self, cursor: str) -> set[str]:
        """Orders that changed after the figures were brought up to date."""
        found: set[str] = set()
        while True:
            batches, cursor = self._env.orders.feed(cursor, limit=FEED)
            if not batches:
                return found
            found.update(no for _, order_nos in batches for no in order_nos)

    def _wrong(self, what: str, ref: str, shop: str) -> None:
        result = self._run.result
        result.count(f"wrong_{what}")
        result.outcome = "partial"
        if len(result.items) < NAMED:
            result.items.append(Item(ref=ref, did="differs", reason=f"report.{what}", shop=shop))
