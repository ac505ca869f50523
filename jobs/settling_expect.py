"""What we expect of platforms, kept from the order feed: each batch and the cursor to go on from in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from jobs.rules.expecting import Rate, expected_of
from stores.errors import FeedGone
from stores.records import FullOrder
from stores.records.settlement import Expectation

if TYPE_CHECKING:
    from jobs.env import Env, RunHandle

NAME = "expectations"
#: orders loaded at once
_SIZE = 500
_PARTS = ("lines", "memberships", "refunds", "amounts")


def refresh(env: Env, run: RunHandle) -> None:
    """Bring the expectations up to the orders of now; counts new and changed ones in the run's result.

    The first time, and after the feed was trimmed past us, every order is read.
    """
    makes = Maker(env)
    cursor = env.settlement.cursor(NAME)
    if cursor:
        try:
            _follow(env, run, makes, cursor)
            return
        except FeedGone:
            run.result.facts["feed"] = "read anew"
    end = env.orders.feed_end()
    for fulls in env.orders.scan(batch=_SIZE):
        _count(run, env.settlement.put_expectations(makes.of(fulls), cursor=None))
        run.beat()
    _count(run, env.settlement.put_expectations([], cursor=(NAME, end)))


def _follow(env: Env, run: RunHandle, makes: Maker, cursor: str) -> None:
    while not run.stopping:
        batches, after = env.orders.feed(cursor, limit=20)
        if not batches:
            return
        numbers = list(dict.fromkeys(no for _, nos in batches for no in nos))
        made: list[Expectation] = []
        for at in range(0, len(numbers), _SIZE):
            found = env.orders.load(numbers[at : at + _SIZE], parts=_PARTS)
            made += makes.of(found.values())
        _count(run, env.settlement.put_expectations(made, cursor=(NAME, after)))
        run.beat()
        cursor = after


def _count(run: RunHandle, counts: dict[str, int]) -> None:
    for name in ("new", "changed"):
        if counts[name]:
            run.result.count(f"expected_{name}", counts[name])


class Maker:
    """Makes expectations by what the settings and layouts say of each shop."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._bases: dict[str, str] = {}
        self._rates: dict[str, tuple[Rate, ...]] = {}

    def of(self, fulls: Iterable[FullOrder]) -> list[Expectation]:
        return [
            e
            for full in fulls
            for e in expected_of(full, basis=self._basis(full.order.platform), rates=self.rates(full.order.shop))
        ]

    def _basis(self, platform: str) -> str:
        if platform not in self._bases:
            from adapters import statements
            from jobs.settling_import import layouts

            given = self._env.settings.settlement.basis.get(platform)
            self._bases[platform] = given or statements.basis(platform, layouts(self._env).values())
        return self._bases[platform]

    def rates(self, shop: str) -> tuple[Rate, ...]:
        """Fees to expect of a shop."""
        if shop not in self._rates:
            self._rates[shop] = tuple(
                Rate(r.kind, r.e4, r.per == "line", r.rounding == "down", r.freight)
                for r in self._env.settings.settlement.rates
                if any(fnmatchcase(shop, p) for p in r.shops)
            )
        return self._rates[shop]
