"""A report of a period: its figures out of the aggregates, and what is read where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from jobs.errors import UnknownThing
from jobs.reporting import differences, live, shapes
from jobs.reporting.documents import Report, Total
from jobs.rules import figures as f
from stores.records import Cell

if TYPE_CHECKING:
    from jobs.env import Env

#: a report's stock looks at least so many days back
STOCK_DAYS = 7


def read(
    env: Env, kind: str, since: date, until: date, *, shops: Sequence[str] = (), platforms: Sequence[str] = (), top: int = 15
) -> Report:  # fmt: skip
    """Put a report together.

    Args:
        since, until: days of the business zone, both inside.
        top: rows of the SKUs and of the stock.
    """
    chosen = chosen_shops(env, shops, platforms)
    some = sorted(chosen) if shops or platforms else None
    period = _Period(env, since, until, some)
    standing = env.reports.standing()
    refunds = shapes.refunds(period.by("key", f.REFUND))
    totals = shapes.totals(period.by("", *shapes.TOTALS), refunds)
    first, sold = shapes.skus(period.by("key", f.SOLD_SKU), top)
    waits, spans = shapes.waits(period.by("shop platform key", f.WAITED))
    stock_days = max((until - since).days + 1, STOCK_DAYS)
    back = _Period(env, until - timedelta(days=stock_days - 1), until, some)
    stock, stock_skus = shapes.stock(env.stock.snapshot().levels, back.by("key", f.SHIPPED_SKU), stock_days, top)
    return Report(
        kind=kind, since=since, until=until, zone=env.settings.business.zone, made_at=env.clock.now(),
        as_of=standing.at if standing else None, complete=bool(standing and standing.after is None),
        shop_names=tuple(sorted(chosen)), empty=not totals and not waits, totals=totals, before=_before(env, since, until, some),
        hours=shapes.sales(period.by("hour platform", *shapes.SALES), ("hour", "platform")),
        days=shapes.sales(period.by("day platform", *shapes.SALES), ("day", "platform")),
        shops=shapes.sales(period.by("shop platform", *shapes.SALES), ("shop", "platform")),
        skus=first, skus_sold=sold, funnel=shapes.funnel(period.by("key", f.STATE)), waits=waits, wait_spans=spans,
        refunds=refunds, cancels=shapes.cancels(period.by("key", f.CANCELLED)), stock=stock, stock_skus=stock_skus,
        stock_days=stock_days, coverage=live.coverage(env, since, until, chosen), differences=differences.open_differences(env.settlement, some),
        jobs=live.jobs(env, since, until),
    )  # fmt: skip


def chosen_shops(env: Env, shops: Sequence[str], platforms: Sequence[str]) -> dict[str, str]:
    """Alias → platform of the shops that match; also of those that have figures and are in the settings no more.

    Raises:
        UnknownThing: nothing matches, which must not be taken for all.
    """
    known = {**env.reports.shops(), **{alias: shop.platform for alias, shop in env.settings.shops.items()}}
    found = {
        alias: platform
        for alias, platform in known.items()
        if (not shops or any(fnmatchcase(alias, p) for p in shops))
        and (not platforms or any(fnmatchcase(platform, p) for p in platforms))
    }
    missing = [p for p in shops if not any(fnmatchcase(alias, p) for alias in known)]
    if missing or (not found and (shops or platforms)):
        words = ", ".join(missing or (*shops, *platforms))
        raise UnknownThing(f"shop for {words}; known: {', '.join(sorted(known)) or 'none'}", hint="oms shop list")
    return found


class _Period:
    """The figures of some days and shops."""

    def __init__(self, env: Env, since: date, until: date, shops: Sequence[str] | None) -> None:
        self._env, self._since, self._until, self._shops = env, since, until, shops

    def by(self, dimensions: str, *measures: str) -> list[Cell]:
        return self._env.reports.sums(
            measures, by=dimensions.split(), since=self._since, until=self._until, shops=self._shops
        )


def _before(env: Env, since: date, until: date, shops: Sequence[str] | None) -> tuple[Total, ...]:
    """Totals of the days before, as many."""
    length = timedelta(days=(until - since).days + 1)
    period = _Period(env, since - length, until - length, shops)
    return shapes.totals(period.by("", *shapes.TOTALS), shapes.refunds(period.by("key", f.REFUND)))
