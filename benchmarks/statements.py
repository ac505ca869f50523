"""A statement and what is expected of it, as frames of any size: nearly all agree, the rest is wrong in every known way.

Each order has a sale, a fee and, one in ten, a refund. Of the rows that agree a part is broken: one-sided, split, told
twice, off by cents, cut by the day, of another order's parcel group, without an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.matching.tolerances import Rules, parse

DAY = 86_400_000
#: 2026-11-01 00:00 in China
START = 1_793_462_400_000
PERIOD = (START, START + 30 * DAY)
KINDS = ("sale", "fee", "refund")
#: of a thousand expected rows so many are broken, each in one of these ways
BROKEN = {"missing": 5, "extra": 5, "split": 5, "doubled": 4, "cents": 5, "amount": 3, "orderless": 2, "clustered": 2}
RULES = """
version = "bench"
[[rule]]
id = "cents"
kind = ["sale", "fee"]
amount_from = -2
amount_to = 2
days_before = 3
days_after = 3
"""


def rules() -> Rules:
    return parse(RULES)


def frames(n: int, *, text: bool = False, seed: int = 7) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`n` expected rows and about as many lines.

    Args:
        text: references as strings; else as categories that both frames share.
    """
    rng = np.random.default_rng(seed)
    expected = _expected(n, rng)
    lines = _broken(expected, rng)
    pool = np.array(
        [f"{3_800_000_000_000_000_000 + 7919 * k}" for k in range(int(expected["order"].max()) + 2)], dtype=object
    )
    back = np.array(["", *(f"R{k:09d}" for k in range(int(expected["refund"].max()) + 1))], dtype=object)
    orders, refunds = pd.CategoricalDtype(pd.Index(np.sort(pool))), pd.CategoricalDtype(pd.Index(np.sort(back)))
    shuffled = rng.permutation(len(lines["order"]))
    left = _frame("line_id", {k: v[shuffled] for k, v in lines.items()}, orders, refunds, text=text)
    right = _frame("exp_id", expected, orders, refunds, text=text)
    left["trade_ref"] = left["order_ref"]
    groups = _words(expected["group"], [f"P{k}" for k in range(int(expected["group"].max()) + 1)])
    right["group_ref"] = _texts(groups) if text else groups
    return left, right


def _expected(n: int, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    order = np.arange(n) * 10 // 21
    first = np.diff(order, prepend=-1) > 0
    second = np.roll(first, 1)
    kind = np.where(first, 0, np.where(second, 1, 2))
    amount = rng.integers(900, 90_000, n)
    amount = np.where(kind == 0, amount, -amount // np.where(kind == 1, 20, 2))
    refund = np.where(kind == 2, np.cumsum(kind == 2) - 1, -1)
    at = START + rng.integers(0, 30 * DAY, n)
    return {"order": order, "kind": kind, "amount": amount, "refund": refund, "at": at, "group": order // 2}


def _broken(expected: dict[str, NDArray[np.int64]], rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """The lines: those expected, less, more and other."""
    n = len(expected["order"])
    lines = {k: v.copy() for k, v in expected.items()}
    places = iter(np.split(rng.permutation(n), np.cumsum([n * k // 1000 for k in BROKEN.values()])))
    missing, extra, split, doubled, cents, amount, orderless, clustered = (next(places) for _ in BROKEN)
    lines["amount"][cents] += rng.choice([-2, -1, 1, 2], len(cents))
    lines["amount"][amount] += rng.integers(100, 5_000, len(amount))
    lines["order"][orderless] = -1
    lines["refund"][orderless] = -1
    # paid to the other order of the parcel group
    lines["order"][clustered] = np.minimum(lines["order"][clustered] ^ 1, lines["order"].max())
    half = {k: v[split].copy() for k, v in lines.items()}
    half["amount"] = half["amount"] // 3
    half["at"] = half["at"] + 1000
    lines["amount"][split] -= half["amount"]
    twice = {k: v[doubled] for k, v in lines.items()}
    more = {k: v[extra].copy() for k, v in lines.items()}
    more["order"] = np.full(len(extra), int(expected["order"].max()) + 1)
    more["refund"] = np.full(len(extra), -1)
    kept = np.ones(n, dtype=bool)
    kept[missing] = False
    return {k: np.concatenate([v[kept], half[k], twice[k], more[k]]) for k, v in lines.items()}


def _frame(
    key: str,
    held: dict[str, NDArray[np.int64]],
    orders: pd.CategoricalDtype[Any],
    refunds: pd.CategoricalDtype[Any],
    *,
    text: bool,
) -> pd.DataFrame:
    n = len(held["order"])
    one = np.zeros(n, np.int8)
    order = pd.Categorical.from_codes(held["order"].astype(np.int32), dtype=orders)
    # the empty text is the first of the sorted ones
    refund = pd.Categorical.from_codes((held["refund"] + 1).astype(np.int32), dtype=refunds)
    return pd.DataFrame({
        key: np.arange(n), "kind": _words(held["kind"], KINDS),
        "order_ref": _texts(order) if text else order,
        "refund_ref": _texts(refund) if text else refund,
        "amount": held["amount"], "currency": _words(one, ["CNY"]), "at": held["at"],
        "status": _words(one, ["done"]),
    })  # fmt: skip


def _words(codes: NDArray[np.integer], words: Sequence[str]) -> pd.Categorical[Any]:
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(words)))


def _texts(references: pd.Categorical[Any]) -> pd.Series:
    """Each row's text an object of its own, as they come from a file and from a store."""
    return pd.Series(["".join(t) if isinstance(t, str) else "" for t in references], dtype="str")
