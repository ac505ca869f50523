"""A statement from its file to committed rows, against reading that file and inserting its rows as they are.

The floor reads the same file with the C reader and hands its rows to the driver's executemany: texts into a table of
texts, nothing looked at. Ours finds the layout, reads amounts and times, keeps what was not used, takes a digest of every
row, and looks for rows that stand there twice.
"""

from __future__ import annotations

import csv
import random
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import stores
from adapters.statements import all_layouts
from adapters.statements.reading import statements
from benchmarks import figures
from benchmarks.measuring import Cost, Figure, timed
from stores.records.settlement import StatementFile

BOUND = 2.0
_HEAD = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注,"
    "业务描述,业务账单来源,业务基础订单号,业务订单号"
)
_COLUMNS = _HEAD.count(",") + 1


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def measure(rows: int, repeat: int) -> Figure:
    """Both in turns, each into a file of its own, committed."""
    ours: list[Cost] = []
    floor: list[Cost] = []
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as name:
        folder = Path(name)
        path = _ledger(folder / "ledger.csv", rows)
        for n in range(repeat):
            floor.append(timed(lambda n=n: _raw(path, folder / f"raw-{n}.db")))  # type: ignore[misc]
            ours.append(timed(lambda n=n: _import(path, folder / f"settlement-{n}.db", rows)))  # type: ignore[misc]
            for made in folder.glob("*.db*"):
                made.unlink()
    return Figure(
        name="import", what="import: layout found, cells read, repeats looked for, rows committed",
        against="csv.reader and executemany of the file's cells as texts, committed", bound=BOUND, ours=tuple(ours),
        floor=tuple(floor), units=max(rows // 1000, 1), unit="thousand rows", near=figures.IMPORT,
    )  # fmt: skip


def _ledger(path: Path, rows: int) -> Path:
    """A ledger as it is downloaded: GBK, cells padded with tabs."""
    rng, at = random.Random(7), datetime(2026, 3, 1, tzinfo=UTC)
    with path.open("w", encoding="gb18030", newline="") as file:
        file.write(f"#支付宝账务明细查询\r\n{_HEAD}\r\n")
        for n in range(rows):
            at += timedelta(seconds=2)
            minor = rng.randint(100, 50_000)
            file.write(
                f"20260301{n:012d}\t,2026{n:015d}\t,T200P{3_890_000_000_000_000_000 + n}\t,示例商品等多件,{at:%Y-%m-%d %H:%M:%S},b*1\t,"
                f"{minor / 100:.2f}, ,{n}.00,支付宝,交易付款,,,天猫,{3_890_000_000_000_000_000 + n}\t,\t\r\n"
            )
        file.write("#结束\r\n")
    return path


def _raw(path: Path, target: Path) -> None:
    with closing(sqlite3.connect(target, isolation_level=None)) as c, path.open(encoding="gb18030", newline="") as file:
        c.execute("PRAGMA journal_mode=WAL")
        c.execute(f"CREATE TABLE t ({', '.join(f'c{n} TEXT' for n in range(_COLUMNS))})")
        c.execute("BEGIN")
        c.executemany(f"INSERT INTO t VALUES ({', '.join('?' * _COLUMNS)})", _rows(csv.reader(file)))
        c.execute("COMMIT")


def _rows(rows: Iterable[list[str]]) -> Iterable[list[str]]:
    return (row for row in rows if len(row) == _COLUMNS)


def _import(path: Path, target: Path, rows: int) -> None:
    store = stores.open_settlement(f"sqlite:{target}", clock=_Clock())
    try:
        for found in statements(path, list(all_layouts().values())):
            head = StatementFile(
                account="a", period="2026-03", hash=found.hash, name=found.name, layout=found.layout.name,
                layout_version=found.layout.version, raw_columns=found.raw_columns, at=datetime.now(UTC),
            )  # fmt: skip
            kept, outcome = store.add_file(head, found.batches(), list, token=1)
            if outcome.result != "done" or kept.row_count != rows:
                raise RuntimeError(f"{outcome.result}: {kept.row_count} of {rows} rows")
    finally:
        store.close()
