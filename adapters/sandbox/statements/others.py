"""Rows that are no order's: advertising, deposits, money taken out, corrections. Some every day, decided by the seed."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.sandbox.statements.rows import Row, midnight
from adapters.sandbox.statements.rules import ref_of
from adapters.sandbox.wire import chance, digest

#: platform → (kind, the words its rows carry, least and most fen, direction, chance a day); the first comes every day
_MATTERS: Mapping[str, tuple[tuple[str, str, int, int, int, float], ...]] = {
    "taobao": (
        ("advertising", "万相台无界充值", 20_000, 60_000, -1, 1.0),
        ("deposit", "消费者保障服务保证金", 1_000, 5_000, -1, 0.5),
        ("adjustment", "赔付返还", 100, 900, 1, 0.4),
        ("withdrawal", "提现到银行卡", 10_000, 40_000, -1, 0.6),
    ),
    "jd": (
        ("service_fee", "短信服务费", 300, 1_500, -1, 1.0),
        ("adjustment", "广告联合活动降扣佣金", 100, 900, 1, 0.6),
    ),
    "douyin": (
        ("advertising", "充值千川广告费", 20_000, 60_000, -1, 1.0),
        ("deposit", "充值保证金", 10_000, 20_000, -1, 0.5),
        ("adjustment", "人工调账", 50, 500, 1, 0.4),
        ("withdrawal", "提现", 10_000, 40_000, -1, 0.6),
    ),
    "wechat_shop": (
        ("service_fee", "运费险", 100, 400, -1, 1.0),
        ("withdrawal", "提现", 10_000, 40_000, -1, 0.6),
    ),
}


def rows_of_no_order(seed: int, platform: str, day: str) -> list[Row]:
    """What a platform books on a day that concerns no order, in order of booking; times between 13:00 and 22:00."""
    rows = []
    for n, (kind, words, least, most, sign, likely) in enumerate(_MATTERS.get(platform, ())):
        mark = (seed, "no order", platform, day, kind)
        if n and chance(*mark) >= likely:
            continue
        at = midnight(day) + 13 * 3600 + digest(*mark, "at") % (9 * 3600)
        fen = sign * (least + digest(*mark, "fen") % (most - least))
        rows.append(
            Row(
                platform=platform,
                day=day,
                ref=ref_of(platform, at, f"{seed} {day}", kind, fen > 0),
                at=at,
                parts=((kind, fen),),
                title=words,
                planted="not_an_order",
            )
        )
    return sorted(rows, key=lambda r: r.at)
