"""The contract of the reports store: figures kept up to date from the orders, and how far they reflect them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Protocol

from stores.records import Cell, Contribution, Standing

#: what sums may be taken by
DIMENSIONS = ("day", "hour", "shop", "platform", "key", "currency")


class Reports(Protocol):
    """What each order adds to the figures, and the figures. Derived: it can be made again from the orders."""

    def standing(self) -> Standing | None:
        """How far the figures reflect the orders; None: nothing was ever counted."""
        ...

    def start(self, to: Standing, *, expect: Standing | None) -> bool:
        """Begin anew: forget every figure and stand at `to`. False when the standing is not `expect` any more."""
        ...

    def put(self, batch: Sequence[Contribution], *, expect: Standing | None, to: Standing) -> tuple[str, ...] | None:
        """Take out what these orders added before, add what they add now, and move the standing: all in one step.

        The same contribution again changes nothing, so an order may come any number of times.

        Args:
            batch: at most 2,000, at most one per order.
        Returns:
            Numbers of the orders whose contribution was another, or not there; None when the standing is not `expect`
            any more: somebody else was first and nothing was written.
        """
        ...

    def contributions(self, order_nos: Sequence[str]) -> dict[str, Contribution]:
        """Of those that were counted."""
        ...

    def sums(
        self,
        measures: Sequence[str],
        *,
        by: Sequence[str],
        since: date,
        until: date,
        shops: Sequence[str] | None = None,
    ) -> list[Cell]:
        """Figures summed up, by (measure, the dimensions of `by` in that order).

        Money of two currencies is never one sum: currency is always among the dimensions.

        Args:
            by: of `DIMENSIONS`. since, until: days, the last one inside. shops: aliases; None: all.
        """
        ...

    def shops(self) -> dict[str, str]:
        """Alias → platform of every shop that has a figure."""
        ...

    def recount(self) -> list[Cell]:
        """Add the contributions of all orders up again and put the figures right.

        Returns:
            The cells that were wrong, as they are now (count, qty and minor 0: should not have been there).
        """
        ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]: ...

    def close(self) -> None: ...
