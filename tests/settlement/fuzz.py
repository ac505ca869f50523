"""`python -m tests.settlement.fuzz --files 10000`: statements mutated cell by cell inside valid containers.

Each file is of one layout, holds rows of orders that are there, and has some of its cells changed before it is put into
its container (CSV in GBK or UTF-8, xlsx, zip, gzip, JSON). It is imported and matched. Whatever the cells became:

- nothing crashes; a file or row that is not taken has a reason;
- a row counts as matched only if it says exactly what was planted, and a planted row counts once at most;
- the books balance: the lines are the file's, each in one place.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import openpyxl

from jobs import settling, settling_decide
from jobs.env import Env
from jobs.errors import JobError
from tests.factories import T0, put_orders
from tests.settlement.office import BEIJING, BOOKED, HEAD, SHOP, an_office, number, row, sold
from tests.settlement.test_properties import check_books

#: orders of the office, fen by number
ORDERS = {n: 1_000 + 37 * n for n in range(1, 25)}
STAGES = ("files", "opened", "decoded", "imported", "rows", "rows_parked", "rows_matched")
PAGE = ("bid", "account_id", "trade_id", "amount", "book_time")


def planted(rng: random.Random) -> list[tuple[int, int]]:
    """(order, fen) of the rows of one file: each order once, as it was sold."""
    return [(n, ORDERS[n]) for n in rng.sample(sorted(ORDERS), rng.randint(1, 10))]


# ------------------------------------------------------------------ mutations


def swap(rng: random.Random, cell: str) -> str:
    at = rng.randrange(len(cell)) if cell else 0
    return cell[:at] + rng.choice("0123456789.,-+eE%¥\"';\t\n\r\0\ufeff一x=@ ") + cell[at + 1 :]


def drop(rng: random.Random, cell: str) -> str:
    at = rng.randrange(len(cell)) if cell else 0
    return cell[:at] + cell[at + 1 :]


def double(rng: random.Random, cell: str) -> str:
    return cell + (cell[-1:] or "0")


def whole(rng: random.Random, cell: str) -> str:
    return rng.choice(
        [
            "",
            " ",
            "0",
            "-",
            "NaN",
            "inf",
            "1e9",
            "9" * 30,
            "-0.00",
            "１２.００",
            "2026-02-30 00:00:00",
            "1,0,0",
            "=1+1",
            "T200P",
            "null",
            "\ud7ff",
            "()",
        ]
    )


def pad(rng: random.Random, cell: str) -> str:
    return rng.choice(["\t", " ", "", "'"]) + cell + rng.choice(["\t", "  ", ""])


MUTATIONS: tuple[Callable[[random.Random, str], str], ...] = (swap, swap, drop, double, whole, pad)


def mutate(rng: random.Random, rows: list[list[str]]) -> int:
    """Change some cells, and now and then cells between rows or the number of cells; returns how many."""
    changes = rng.choice([0, 1, 1, 2, 3, 5])
    for _ in range(changes):
        cells = rows[rng.randrange(len(rows))]
        at = rng.randrange(len(cells)) if cells else 0
        what = rng.random()
        if what < 0.8 and cells:
            cells[at] = rng.choice(MUTATIONS)(rng, cells[at])
        elif what < 0.88 and cells:
            other = rows[rng.randrange(len(rows))]
            place = min(at, len(other) - 1)
            if place >= 0:
                cells[at], other[place] = other[place], cells[at]
        elif what < 0.94 and cells:
            cells.pop(at)
        else:
            cells.insert(at, rng.choice(["", "x", "0.00"]))
    return changes


# ------------------------------------------------------------------ containers


def as_text(rng: random.Random, header: list[str], rows: list[list[str]]) -> bytes:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if rng.random() < 0.3 and "," in cell else cell

    lines = ["#支付宝账务明细查询", ",".join(header), *(",".join(map(quoted, r)) for r in rows), "#合计"]
    encoding = rng.choice(["gb18030", "utf-8", "utf-8-sig"])
    return "\r\n".join([*lines, ""]).encode(encoding, "replace")


def as_sheet(header: list[str], rows: list[list[str]], path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("a")
    clean = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
    for cells in [header, *rows]:
        sheet.append([clean.sub("", c) for c in cells])
    book.save(path)


def as_json(rng: random.Random, rows: list[list[str]]) -> bytes:
    items = [dict(zip(PAGE, cells, strict=False)) for cells in rows]
    text = json.dumps({"bill_bills_get_response": {"bills": {"bill_dto": items}}}, ensure_ascii=rng.random() < 0.5)
    return text.encode("utf-8", "replace")


def page_rows(rows: list[tuple[int, int]]) -> list[list[str]]:
    at = BOOKED.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    return [[f"7{n:06d}", "1000", number(n), str(minor), at] for n, minor in rows]


def write(rng: random.Random, rows: list[tuple[int, int]], folder: Path) -> Path:
    """One file with mutated cells in a valid container."""
    kind = rng.choice(["csv", "csv", "csv", "zip", "gz", "json", "xlsx"])
    path = folder / f"a.{kind}"
    if kind == "json":
        cells = page_rows(rows)
        mutate(rng, cells)
        path.write_bytes(as_json(rng, cells))
        return path
    header, cells = list(HEAD), [row(n, minor) for n, minor in rows]
    mutate(rng, cells)
    if rng.random() < 0.03:
        mutate(rng, [header])
    if kind == "xlsx":
        as_sheet(header, cells, path)
        return path
    data = as_text(rng, header, cells)
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("20880_账务明细.csv", data)
    else:
        path.write_bytes(gzip.compress(data) if kind == "gz" else data)
    return path


# ------------------------------------------------------------------ trials


def trial(env: Env, seed: int, folder: Path, counts: Counter[str], reasons: Counter[str]) -> None:
    """One file: import, match, look, and take all of it back."""
    rng = random.Random(seed)
    rows = planted(rng)
    path = write(rng, rows, folder)
    counts["files"] += 1
    day = (T0 + timedelta(days=seed % 90)).strftime("%Y-%m-%d")
    try:
        result = settling.platform(env, [path], account=SHOP, period=day)
    except JobError as error:
        reason = str(error)
        assert reason, f"seed {seed}: refused without a reason"
        counts["opened"] += "no layout fits" in reason or "does not fit" in reason
        reasons[reason.split(".")[1].strip().split(":")[0][:40]] += 1
        assert not env.settlement.files(), f"seed {seed}: a refused file left something"
        return
    for stage in ("opened", "decoded", "imported"):
        counts[stage] += 1
    for item in result.items:
        assert item.reason, f"seed {seed}: parked without a reason"
        reasons[item.reason] += 1
    look(env, seed, rows, counts)
    settling_decide.undo(env, account=SHOP, period=day, all=True, by="fuzz")
    assert not env.settlement.files() and not env.settlement.suspense(), f"seed {seed}: undo left something"


def look(env: Env, seed: int, rows: list[tuple[int, int]], counts: Counter[str]) -> None:
    check_books(env)
    said = {(number(n), minor) for n, minor in rows}
    seen: Counter[tuple[str, int]] = Counter()
    for batch in env.settlement.matched(account=SHOP, classes=["matched", "day_cut"]):
        for match in batch:
            for line in match["lines"]:
                seen[line["order_ref"], line["amount_minor"]] += 1
                assert line["kind"] == "goods" and line["currency"] == "CNY", f"seed {seed}: {line}"
    assert set(seen) <= said, f"seed {seed}: applied what was not planted: {set(seen) - said}"
    assert not seen or max(seen.values()) == 1, f"seed {seed}: applied twice"
    counts["rows"] += sum(f.row_count for f in env.settlement.files())
    counts["rows_parked"] += sum(f.parked_count for f in env.settlement.files())
    counts["rows_matched"] += sum(seen.values())


def run(files: int, first: int = 0, *, tell: bool = False) -> tuple[Counter[str], Counter[str]]:
    """Play so many files; returns counts by stage and by reason.

    Raises:
        AssertionError: with the seed of the file that broke a promise.
    """
    counts, reasons = Counter[str](), Counter[str]()
    folder = Path(tempfile.mkdtemp(prefix="oms-fuzz-"))
    env = an_office(folder)
    try:
        put_orders(env, *(sold(n, minor) for n, minor in ORDERS.items()))
        for seed in range(first, first + files):
            trial(env, seed, folder, counts, reasons)
            if tell and seed % 500 == 499:
                print(seed + 1, dict(counts), flush=True)  # noqa: T201 - a program for people
    finally:
        env.close()
        shutil.rmtree(folder)
    return counts, reasons


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first file")
    given = parser.parse_args()
    counts, reasons = run(given.files, given.first, tell=True)
    for stage in STAGES:
        print(f"{stage:14} {counts[stage]:8}")  # noqa: T201 - see above
    for reason, n in reasons.most_common():
        print(f"  {reason:40} {n:8}")  # noqa: T201 - see above
    share = counts["decoded"] / max(1, counts["files"])
    print(f"past the decoder: {share:.0%}")  # noqa: T201 - see above
    return 0 if share >= 0.4 else 1


if __name__ == "__main__":
    sys.exit(main())
