"""Frames and their rows for the matching tests."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jobs.matching import match
from jobs.matching.tolerances import NONE, Rules, parse
from tests.matching.slow import Row

DAY = 86_400_000
PERIOD = (10 * DAY, 20 * DAY)
NOON = 12 * DAY + DAY // 2
_LINE = ("line_id", "kind", "order_ref", "refund_ref", "trade_ref", "amount", "currency", "at", "status")
_EXP = ("exp_id", "kind", "order_ref", "refund_ref", "group_ref", "amount", "currency", "at", "status")
CENTS = parse("""
version = "test"
[[rule]]
id = "cents"
kind = "sale"
amount_from = -2
amount_to = 1
days_before = 1
days_after = 3
""")


def row(side: str, number: int, order: str = "A", amount: int = 100, **other: Any) -> Row:
    """One row, its other fields as they usually are."""
    held = {"kind": "sale", "refund": "", "other": "", "currency": "CNY", "at": NOON, "status": ""} | other
    return Row(
        side,
        number,
        held["kind"],
        order,
        held["refund"],
        held["other"],
        amount,
        held["currency"],
        held["at"],
        held["status"],
    )


def line(number: int, order: str = "A", amount: int = 100, **other: Any) -> Row:
    return row("line", number, order, amount, **other)


def exp(number: int, order: str = "A", amount: int = 100, **other: Any) -> Row:
    return row("exp", number, order, amount, **other)


def frames(rows: list[Row], *, categories: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two frames of some rows; references as texts, or as categories that both share."""
    made = []
    for side, columns in (("line", _LINE), ("exp", _EXP)):
        cells = [
            (r.id, r.kind, r.order, r.refund, r.other, r.amount, r.currency, r.at, r.status)
            for r in rows
            if r.side == side
        ]
        frame = pd.DataFrame(cells, columns=list(columns))
        whole = {columns[0]: "int64", "amount": "int64", "at": "int64"}
        made.append(frame.astype(whole | dict.fromkeys(("kind", "currency", "status"), "category")))
    if categories:
        for name in ("order_ref", "refund_ref"):
            shared = pd.CategoricalDtype(sorted({*made[0][name], *made[1][name], "never used"}))
            for frame in made:
                frame[name] = frame[name].astype(shared)
    return made[0], made[1]


def found(
    rows: list[Row], rules: Rules = NONE, period: tuple[int, int] = PERIOD, seen: tuple[int, int] | None = None,
    *, categories: bool = False,
) -> set[tuple[Any, ...]]:  # fmt: skip
    """Each match as (its rows, class, pass, rule, deltas that are not zero)."""
    frame = match(*frames(rows, categories=categories), rules, period=period, seen=seen)
    return told(frame)


def told(frame: pd.DataFrame) -> set[tuple[Any, ...]]:
    out = set()
    for _, part in frame.groupby("match_id"):
        members = frozenset(zip(part["side"].astype(str), part["id"], strict=True))
        assert part["class"].nunique() == part["pass_name"].nunique() == part["rule_id"].nunique() == 1
        first = part.iloc[0]
        deltas = tuple(sorted(int(d) for d in part["delta"] if d))
        out.add((members, str(first["class"]), str(first["pass_name"]), str(first["rule_id"]), deltas))
    return out


def classes(rows: list[Row], rules: Rules = NONE, **options: Any) -> dict[str, str]:
    """``L1``, ``E1``, … → class."""
    return {f"{side[0].upper()}{n}": cls for members, cls, *_ in found(rows, rules, **options) for side, n in members}


def passes(rows: list[Row], rules: Rules = NONE, **options: Any) -> dict[str, str]:
    """``L1``, ``E1``, … → pass."""
    return {f"{side[0].upper()}{n}": by for members, _, by, *_ in found(rows, rules, **options) for side, n in members}
