"""Mutated bills against both channels: ``python -m tests.payments.fuzz_bills --bills 10000 [--seed N]``.

The container stays valid (gzip, zip in GBK), what is in it is mutated: cells, rows, columns, sums, single bytes. Each must end in
Unreadable with a reason, in a bill with problems, or in one whose money is the planted money, row by row.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from adapters.errors import Unreadable
from adapters.payments.documents import Bill
from tests.payments.fake_alipay import FakeAlipay, gbk_zip
from tests.payments.fake_wechatpay import FakeWeChat
from tests.payments.kit import DAY, NOON, sample

KINDS = tuple((channel, kind) for channel in ("wechatpay", "alipay") for kind in ("trade", "funds"))
ODD = (
    "", " ", "0", "0.00", "-0.01", "83.01", "83", "83.000", "83.001", "８３.００", "1e2", "NaN", "x", "`", "``", '"', "#", ",", "\t", "\ufeff", "=1+1", "支出", "收入",
    "交易", "退款", "REFUND", "SUCCESS", "REVOKED", "2026-08-31 23:59:59", "2026-09-01 00:00:00", "2026-09-01", "1900000110", "USD", "9" * 40, "\x00", "😀",
)  # fmt: skip


@dataclass
class Tally:
    """What became of the bills of one kind."""

    ends: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def planted(channel: str, kind: str) -> tuple[list[str], str]:
    """Lines of the sample and what it is encoded in."""
    charset = "utf-8" if channel == "wechatpay" else "gb18030"
    return sample(channel, f"{kind}.csv").decode(charset).replace("\r\n", "\n").rstrip("\n").split("\n"), charset


def mutated(rng: Random, lines: list[str]) -> list[str]:
    """Lines with one to three things altered."""
    lines = list(lines)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(lines))
        match rng.randrange(8):
            case 0:
                del lines[at]
            case 1:
                lines.insert(rng.randrange(len(lines)), lines[at])
            case 2:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                cells = lines[at].split(",")
                cell = rng.randrange(len(cells))
                tick = "`" if cells[cell].startswith("`") else ""
                cells[cell] = tick + rng.choice((*ODD, cells[cell][::-1], cells[cell] + rng.choice(ODD)))
                if rng.random() < 0.1:
                    del cells[cell]
                lines[at] = ",".join(cells)
        if not lines:
            return [""]
    return lines


def packed(rng: Random, channel: str, kind: str, data: bytes) -> bytes:
    if channel == "wechatpay":
        return rng.choice((gzip.compress(data, 1), data))
    word = {"trade": "业务明细", "funds": "账务明细"}[kind]
    return rng.choice((gbk_zip({f"x_{word}(汇总).csv": b"x", f"x_{word}.csv": data}), data))


def money(bill: Bill) -> list[tuple[Any, ...]]:
    """What of a bill moves money in the books."""
    return sorted((r.kind, r.direction, r.amount_minor, r.settled_minor, r.fee_e5) for r in bill.rows)


def run(channel: str, kind: str, count: int, seed: int = 1) -> Tally:
    """Read so many mutated bills of one kind."""
    fake: Any = {"wechatpay": FakeWeChat, "alipay": FakeAlipay}[channel](NOON)
    lines, charset = planted(channel, kind)
    tally = Tally()
    with fake.rig(options={"unpacked_mb": 1}) as rig:
        whole = rig.channel.read_bill(sample(channel, f"{kind}.csv"), day=DAY, kind=kind)
        for n in range(count):
            rng = Random(f"{seed} {channel} {kind} {n}")
            data = rng.choice(("\n", "\r\n")).join(mutated(rng, lines)).encode(charset, errors="replace")
            if rng.random() < 0.1:
                at = rng.randrange(len(data) + 1)
                data = data[:at] + rng.randbytes(rng.randrange(3)) + data[at + rng.randrange(3) :]
            _one(rig.channel, packed(rng, channel, kind, data), kind, whole, tally, n)
    return tally


def _one(channel: Any, data: bytes, kind: str, whole: Bill, tally: Tally, n: int) -> None:
    try:
        bill = channel.read_bill(data, day=DAY, kind=kind)
    except Unreadable as error:
        tally.ends["unreadable"] += 1
        tally.reasons[error.reason] += 1
        return
    except Exception as error:
        tally.wrong.append(f"{n}: {type(error).__name__}: {error}")
        return
    tally.ends["problems" if bill.problems else "proven"] += 1
    # A sum cannot see what moves between two rows of one kind, nor an order's amount where only net sums are told.
    if not bill.problems and bill.totals.get("net_minor") != whole.totals.get("net_minor"):
        tally.wrong.append(f"{n}: proven, with another net: {bill.totals}")
    if not bill.problems and len(bill.rows) != len(whole.rows):
        tally.wrong.append(f"{n}: proven, with {len(bill.rows)} rows")
    if not bill.problems and money(bill) != money(whole):
        tally.reasons["unseen"] += 1


def main() -> int:
    words = argparse.ArgumentParser(
        prog="python -m tests.payments.fuzz_bills", description=(__doc__ or "").splitlines()[0]
    )
    words.add_argument("--bills", type=int, default=10000)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    wrong = 0
    for channel, kind in KINDS:
        tally = run(channel, kind, asked.bills // len(KINDS), asked.seed)
        wrong += len(tally.wrong)
        sys.stdout.write(f"{channel} {kind}: {dict(tally.ends)} {dict(tally.reasons)}\n")
        sys.stdout.writelines(f"  WRONG {text}\n" for text in tally.wrong[:20])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
