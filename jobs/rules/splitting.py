"""Money and pieces are split so that nothing is lost: largest remainder, ties to the lowest line."""

from __future__ import annotations

from collections.abc import Sequence


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights`, in whole units that sum to it.

    Each part first gets its share rounded down; the units left go one each to the largest remainders, equal ones to
    the lower index. A negative total splits as its mirror image. Weights that are all zero count as equal.

    Args:
        weights: at least one, none negative; they may be empty only when there is nothing to split.

    Raises:
        ValueError: a negative weight, or something to split over nothing.
    """
    if not weights:
        if total:
            raise ValueError(f"{total} cannot be split over nothing")
        return []
    if min(weights) < 0:
        raise ValueError("a weight is negative")
    if len(weights) == 1:
        return [total]
    if total < 0:
        return [-part for part in split(-total, weights)]
    whole = sum(weights)
    shares = weights if whole else [1] * len(weights)
    whole = whole or len(weights)
    parts = [total * w // whole for w in shares]
    left = total - sum(parts)
    if left:
        by_rest = sorted(range(len(shares)), key=lambda i: (-(total * shares[i] % whole), i))
        for i in by_rest[:left]:
            parts[i] += 1
    return parts
