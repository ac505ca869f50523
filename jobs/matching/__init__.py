"""Matching a statement with what we expect, in named passes; columns in, columns out, no I/O.

A match is a set of rows of both sides that belong together; every row is in exactly one. The passes run in this
order, and each looks only at what those before it left:

================  ====================================================================================================
``exact``         same order, refund, kind, currency and amount: one with one, or as many of theirs as of ours
``exact.order``   the same where one side does not name the refund
``doubled``       theirs once more: the same row again, beside one that is matched (`engine.Twin` says what "same" is)
``order.kind``    sums per order, refund, kind and currency agree: split rows, or several of ours told as one
``order``         sums per order and currency agree, whatever their kinds
``group.kind``    sums per parcel group and kind agree (`group_ref`; orders that share groups are one cluster)
``group``         sums per parcel group agree; `delta` then says per order what the others make up for
``tolerance``     one with one of the same order and kind within a rule, then sums per order and kind within a rule
``ambiguous``     rows with equally good partners: class `suggested`, never matched
``line``          both sides have something for this order and kind, and it differs
``edge``          one-sided, and so near the period's edge that the other side may be in the next period
``rest``          one-sided
================  ====================================================================================================

Amounts are signed minor units: what the seller gets is positive on both sides. Empty text or a missing value is "not
named". Nothing is ever matched across currencies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from jobs.matching.tolerances import Rules

#: what a match can be; the words stand in the column `class`, in this order
CLASSES = (
    "matched", "amount_differs", "status_differs", "only_theirs", "only_ours", "day_cut", "not_an_order", "doubled",
    "suggested",
)  # fmt: skip
PASSES = (
    "exact", "exact.order", "doubled", "order.kind", "order", "group.kind", "group", "tolerance", "ambiguous", "line",
    "edge", "rest",
)  # fmt: skip
SIDES = ("line", "exp")


class Period(NamedTuple):
    """Half open, epoch milliseconds."""

    start: int
    end: int


def match(
    lines: pd.DataFrame,
    expected: pd.DataFrame,
    rules: Rules,
    *,
    period: tuple[int, int],
    seen: tuple[int, int] | None = None,
) -> pd.DataFrame:
    """Match a statement's lines with what we expect.

    Args:
        lines: line_id int64, kind, order_ref, refund_ref, trade_ref, amount int64, currency, at int64 (epoch ms),
            status. Words may be categories or strings. Fastest when order_ref has the same categories on both sides.
        expected: exp_id int64, kind, order_ref, refund_ref, group_ref, amount, currency, at, status.
        rules: tolerances of this platform (`Rules.of(platform)`), and how near an edge a day cut may be.
        period: what the statement is for, half open, epoch ms.
        seen: the span in which all rows of both sides were looked for. An unmatched row near an edge of the period is
            a day cut only where `seen` ends there; where it reaches further, the other side is surely missing.
            Default: the period.

    Returns:
        One row per row of both sides: side (``line`` or ``exp``), id, match_id (0.., rows of a match stand together,
        lines first), class, pass_name, rule_id ("" without a rule), delta. The deltas of a match's rows add up to
        theirs − ours; they stand on its first row, in a cluster on the first row of each order.

    Raises:
        ValueError: a column is missing or has a type that cannot be used; says which.
    """
    from jobs.matching import engine

    return engine.match(lines, expected, rules, Period(*period), Period(*(seen or period)))
