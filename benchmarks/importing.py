"""A statement from file to committed rows, against reading that file and the driver's executemany of those rows.

The floor reads the file with the csv module, then runs the statements that ours ran, with the very tuples, in the same
files and with the same commits. Finding the layout, what a row is, its amounts and times, its fingerprint and which
rows repeat earlier ones is what it leaves out.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from benchmarks import figures
from benchmarks.measuring import Cost, Figure, timed
from benchmarks.office import SHOP, Clock, open_office
from benchmarks.recording import Player, Step, recorded
from jobs import settling
from jobs.env import Env

#: at least half the rate: at most twice the time
BOUND = 2.0
PERIOD = "2026-03"
_HEADER = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注,业务描述,"
    "业务账单来源,业务基础订单号,业务订单号"
)


def measure(rows: int, repeat: int) -> Figure:
    """Import the same file into a new office each time, and play what that wrote into another."""
    ours: list[Cost] = []
    floor: list[Cost] = []
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as name:
        place = Path(name)
        path = place / "statement.csv"
        write(path, rows)
        tape = _tape(place / "tape", path)
        for n in range(repeat):
            floor.append(_floor(place / f"floor{n}", path, tape))
            ours.append(_ours(place / f"ours{n}", path, rows))
    written = sum(len(found) for _, _, found in tape if found)
    return Figure(
        name="import", what="settle platform: read, recognise, translate, fingerprint, write, commit; without matching",
        against=f"csv.reader of the same file, then sqlite3.executemany of the same {written:,} rows, same commits",
        bound=BOUND, ours=tuple(ours), floor=tuple(floor), units=rows, unit="row", near=figures.SQLITE_ORDER,
    )  # fmt: skip


def write(path: Path, rows: int) -> None:
    """An Alipay ledger as a shop downloads it: GBK, a TAB behind numbers, sales, refunds and commissions."""
    with path.open("w", encoding="gb18030", newline="") as file:
        file.write(
            "#支付宝账务明细查询\r\n#账号：[20880000000000010156]\r\n#起始日期：[2026年03月01日 00:00:00]\r\n"
            + _HEADER
            + "\r\n"
        )
        for n in range(rows):
            file.write(_row(n) + "\r\n")


def _row(n: int) -> str:
    order, second = 3_890_000_000_000_000_000 + n // 3 * 7919, n % 86400
    day, time = 1 + n // 86400 % 28, f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    yuan = f"{50 + n % 900}.{n % 100:02d}"
    come, go, kind, remark = (
        (f"{yuan}", " ", "交易付款", ""), (" ", f"-{yuan}", "收费", f"天猫佣金{{{order}}}"), (" ", f"-{yuan}", "交易退款", f"售后退款-{order % 10**18}-T200P{order}"),
    )[n % 3]  # fmt: skip
    head = f"2026030100010{n:012d}\t,2026030122{n:010d}\t,T200P{order}\t,示例围巾{n % 50}"
    return f"{head},2026-03-{day:02d} {time},b*{n % 97}\t,{come},{go},{1000 + n % 5000}.00,支付宝,{kind},{remark},,天猫,{order}\t,\t"


def _opened(folder: Path) -> Env:
    """An office whose settlement store stands already."""
    env = open_office(folder)
    env.settlement.files()
    return env


def _import(env: Env, path: Path) -> int:
    assert isinstance(env.clock, Clock)
    return settling.platform(env, [path], account=SHOP, period=PERIOD, match=False).counts.get("rows", 0)


def _ours(folder: Path, path: Path, rows: int) -> Cost:
    env = _opened(folder)
    try:
        kept: list[int] = []
        cost = timed(lambda: kept.append(_import(env, path)))
        assert kept == [rows], kept
        return cost
    finally:
        env.close()


def _tape(folder: Path, path: Path) -> list[Step]:
    with recorded() as tape:
        env = _opened(folder)
        tape.steps.clear()
        _import(env, path)
        env.close()
        # the ledger's run record and lease are of the run, not of the rows
        return [step for step in tape.trimmed() if step[0] == "settlement.db"]


def _floor(folder: Path, path: Path, tape: list[Step]) -> Cost:
    _opened(folder).close()
    player = Player(folder, tape)

    def act() -> None:
        with path.open(encoding="gb18030", newline="") as file:
            assert sum(1 for _ in csv.reader(file)) > 0
        player.play()

    try:
        return timed(act)
    finally:
        player.close()
