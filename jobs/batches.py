"""One bad item never stops its batch: the batch is bisected down to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from stores.errors import BadItem

T = TypeVar("T")
R = TypeVar("R")


def bisect(
    items: Sequence[T], act: Callable[[Sequence[T]], Sequence[R]]
) -> tuple[list[tuple[T, R]], list[tuple[T, BadItem]]]:
    """Do a batch; when it fails by one of its items, halve it until only the bad ones are left.

    Args:
        act: gets a part of the batch, returns one result per item, or raises BadItem having written nothing.

    Returns:
        (item, result) of all that went through, and (item, error) of the bad ones, both in the order given.
    """
    if not items:
        return [], []
    try:
        return list(zip(items, act(items), strict=True)), []
    except BadItem as error:
        if len(items) == 1:
            return [], [(items[0], error)]
    middle = len(items) // 2
    good, bad = bisect(items[:middle], act)
    more_good, more_bad = bisect(items[middle:], act)
    return good + more_good, bad + more_bad


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
