"""Purchase prices from a file: each row a SKU, its supplier, what a piece costs and from when to when.

Rows that cannot be taken go to FILE.errors.csv with their reasons, to be corrected and imported again. Two prices of a
SKU on one day are refused, both named. Importing the same again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from jobs import sheets
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadFile
from jobs.results import Item, Result
from jobs.rules import supplier_bills as rules
from jobs.sheets import Row
from jobs.supplier_lease import kept, leased
from stores.records import AuditEntry
from stores.records.suppliers import FOREVER, SupplierFile, SupplierPrice

_NEED = ("supplier", "sku", "currency", "price_minor", "valid_from")
#: headers as people write them → our names
ALIASES = {
    "供应商": "supplier", "商品编码": "sku", "币种": "currency", "采购价（分）": "price_minor", "采购价(分)": "price_minor",
    "生效日期": "valid_from", "失效日期": "valid_to",
} | {n: n for n in (*_NEED, "valid_to")}  # fmt: skip
Priced = tuple[Row, SupplierPrice]


def listing(
    env: Env, *, skus: Sequence[str] = (), supplier: str = "", on: str = "", limit: int = 50
) -> list[SupplierPrice]:
    """Prices by (sku, valid_from)."""
    return env.settlement.prices(skus=skus, supplier=supplier, on=on, limit=limit)


def take(env: Env, path: Path, *, by: str, dry_run: bool = False) -> Result:
    """Import a file of prices.

    Raises:
        BadFile: not there, no table, or a column is missing. Busy: another run settles suppliers.
    """
    with env.run("settle prices", dry_run=dry_run, file=path.name, by=by) as run:
        sheet = sheets.read(path, ALIASES, need=_NEED)
        good, bad = _rows(env, sheet.rows)
        good, clashes = _without_clashes(good, _known(env, good))
        bad += clashes
        for row, reason in sorted(bad, key=lambda pair: pair[0].line):
            facts = {name: row.cells.get(name, "") for name in (*_NEED, "valid_to")}
            run.result.add(Item(ref=f"{path.name}:{row.line}", did="refused", reason=reason, facts=facts))
        if dry_run:
            for row, price in good:
                run.result.add(Item(ref=f"{path.name}:{row.line}", did="taken", facts={"price": str(price)}))
            return run.result
        _write(env, run, path, [price for _, price in good], by)
        errors = sheets.write_errors(path, sheet, bad)
        run.result.facts |= {"errors": str(errors)} if errors else {}
        return run.result


def _rows(env: Env, rows: Iterable[Row]) -> tuple[list[Priced], list[tuple[Row, str]]]:
    good, bad = list[Priced](), list[tuple[Row, str]]()
    for row in rows:
        reason = next(iter(row.bad.values()), "") or rules.problem(row.cells)
        if reason:
            bad.append((row, reason))
        else:
            good.append((row, _price(env, row.cells)))
    return good, bad


def _price(env: Env, cells: Mapping[str, str]) -> SupplierPrice:
    end = cells.get("valid_to", "")
    return SupplierPrice(
        sku=cells["sku"], valid_from=rules.day(cells["valid_from"]), valid_to=rules.day(end) if end else FOREVER,
        supplier=cells["supplier"], currency=cells["currency"], price_minor=int(cells["price_minor"]),
        changed_at=env.clock.now(),
    )  # fmt: skip


def _known(env: Env, rows: Sequence[Priced]) -> list[SupplierPrice]:
    """Prices that are kept of these SKUs."""
    skus = sorted({price.sku for _, price in rows})
    return [p for part in chunks(skus, 500) for p in env.settlement.prices(skus=part)]


def _without_clashes(
    rows: Sequence[Priced], known: Sequence[SupplierPrice]
) -> tuple[list[Priced], list[tuple[Row, str]]]:
    """Leave out rows that would hold on one day with another of the file or one that is kept; each says which."""
    anew = {(p.sku, p.valid_from) for _, p in rows}
    by_sku: dict[str, list[tuple[Row | None, SupplierPrice]]] = defaultdict(list)
    for row, price in rows:
        by_sku[price.sku].append((row, price))
    for price in known:
        # one of the same first day is written over
        if (price.sku, price.valid_from) not in anew:
            by_sku[price.sku].append((None, price))
    reasons: dict[int, str] = {}
    for found in by_sku.values():
        found.sort(key=lambda pair: pair[1].valid_from)
        for (one, a), (other, b) in pairwise(found):
            if b.valid_from <= a.valid_to:
                for mine, theirs, price in ((one, other, b), (other, one, a)):
                    if mine is not None:
                        where = f"line {theirs.line}: " if theirs is not None else "kept: "
                        reasons.setdefault(mine.line, f"overlaps {where}{price}")
    clashes = [(row, reasons[row.line]) for row, _ in rows if row.line in reasons]
    return [(row, price) for row, price in rows if row.line not in reasons], clashes


def _write(env: Env, run: RunHandle, path: Path, prices: Sequence[SupplierPrice], by: str) -> None:
    """All rows and the state of the file in one transaction, unless there is nothing to write."""
    if not prices:
        return
    now = env.clock.now()
    file = SupplierFile(
        hash=hashlib.sha256(path.read_bytes()).hexdigest(), name=path.name[:190], row_count=len(prices), at=now, who=by,
        run_id=run.id,
    )  # fmt: skip
    with leased(env, run) as lease:
        outcome = kept(env.settlement.put_prices(prices, file=file, token=lease.token))
    if not outcome.ok:
        raise BadFile(f"{path}: {outcome.reason}", hint="oms settle supplier prices --help")
    run.result.count("taken" if outcome.result == "done" else "same", len(prices))
    if outcome.result == "done":
        facts = {"file": path.name, "rows": len(prices), "hash": file.hash}
        env.ledger.audit([AuditEntry(at=now, who=by, act="supplier_prices", ref=path.name[:60], facts=facts)])
