"""refund receive --file: what the warehouse took back, as a table, for many refunds at once.

A row says how many pieces of a SKU came back for a refund **in all**, so the same file again changes nothing and a
corrected one adds the difference. Each row stands for itself; what cannot be taken goes to FILE.errors.csv with its
reason, to be corrected and read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs import agreements, sheets
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.receiving import STEP, finished, intend, note, noting
from jobs.results import Item, Result
from jobs.rules import refunds as rules
from jobs.sheets import Row
from stores.contracts import RefundChange
from stores.records import FullOrder, Refund, RefundLine

_COLUMNS = {
    "refund_no": "refund_no", "refund": "refund_no", "退款单号": "refund_no", "售后单号": "refund_no",
    "sku": "sku", "商品编码": "sku", "商家编码": "sku",
    "good": "good", "良品": "good", "良品数量": "good", "defective": "defective", "次品": "defective", "次品数量": "defective",
}  # fmt: skip
#: (SKU, grade) → pieces
Pieces = dict[tuple[str, str], int]


def take(env: Env, path: Path, *, by: str, dry_run: bool = False) -> Result:
    """Read receipts: columns refund_no, sku, good, defective (pieces in all).

    Raises:
        BadFile: not there, no table, or a column is missing.
    """
    with env.run("refund receive", dry_run=dry_run, file=path.name, by=by) as run:
        sheet = sheets.read(path, _COLUMNS, need=("refund_no", "sku", "good"))
        taker = _Taker(env, run, by)
        by_refund: dict[str, list[Row]] = {}
        for row in sheet.rows:
            by_refund.setdefault(row.cells.get("refund_no", "").upper(), []).append(row)
        for numbers in chunks(list(by_refund), 500):
            taker.batch({n: by_refund[n] for n in numbers})
            run.beat()
        if not dry_run:
            written = sheets.write_errors(path, sheet, taker.bad)
            if written:
                run.result.facts["errors"] = str(written)
                run.result.hint = f"correct {written.name} and read it again"
            agreements.tell(env, run, sorted(taker.shops & set(env.shops())))
        return run.result


class _Taker:
    """One run over a file."""

    def __init__(self, env: Env, run: RunHandle, by: str) -> None:
        self._env, self._run, self._by = env, run, by
        self.bad: list[tuple[Row, str]] = []
        self.shops: set[str] = set()

    def batch(self, wanted: Mapping[str, Sequence[Row]]) -> None:
        kept = self._env.orders.refunds([n for n in wanted if n])
        for number in [n for n in wanted if n not in kept]:
            self._refuse(wanted[number], "unknown_refund" if number else "no_refund_no")
        known = [pair[0] for pair in kept.values()]
        # A stored intent beats a fresh decision: receipts that were cut are finished before anything is added.
        orders = finished(self._env, self._run, known) if not self._run.result.dry_run else self._orders(known)
        kept = self._env.orders.refunds(list(kept))
        changes: list[RefundChange] = []
        for number, (refund, lines) in kept.items():
            total = self._total(wanted[number])
            more = self._more(refund, lines, total) if total is not None else None
            if more is None:
                continue
            grades = {g: {sku: n for (sku, grade), n in more.items() if grade == g} for g in ("good", "defective")}
            full = orders[refund.order_no]
            try:
                back = rules.place_back(full.ship_lines, lines, grades["good"], grades["defective"])
            except ValueError as error:
                self._refuse(wanted[number], f"too_many: {error}")
                continue
            changes.append(noting(self._env, refund, lines, full, back, self._by))
        self._apply(changes, kept)

    def _orders(self, refunds: Sequence[Refund]) -> Mapping[str, FullOrder]:
        return self._env.orders.load(sorted({r.order_no for r in refunds}))

    def _refuse(self, rows: Sequence[Row], reason: str) -> None:
        for row in rows:
            self.bad.append((row, reason))
            ref = row.cells.get("refund_no") or f"line {row.line}"
            self._run.result.add(Item(ref=ref, did="refused", reason=reason, facts={"line": row.line}))

    def _total(self, rows: Sequence[Row]) -> Pieces | None:
        """What came back in all by these rows of one refund; None: one of them cannot be read, so none is taken."""
        total: Pieces = {}
        for row in rows:
            sku = row.cells.get("sku", "")
            for grade in ("good", "defective"):
                text = row.cells.get(grade, "") or "0"
                if not sku or not text.isascii() or not text.isdigit() or (sku, grade) in total:
                    reason = "no_sku" if not sku else "twice_in_file" if (sku, grade) in total else "bad_pieces"
                    self._refuse(rows, reason if reason != "bad_pieces" else f"bad_pieces: {grade} {text[:20]}")
                    return None
                total[sku, grade] = int(text)
        return total

    def _more(self, refund: Refund, lines: Sequence[RefundLine], total: Pieces) -> Pieces | None:
        """What is new against what the refund shows already; None: nothing."""
        before: Pieces = {}
        # The history is read only where something came back before: when a file is read again.
        if any(line.good_qty or line.defective_qty for line in lines):
            for step in self._env.orders.history(refund.refund_no):
                for _, sku, _, good, defective in step.facts["back"] if step.reason == STEP else ():
                    before[sku, "good"] = before.get((sku, "good"), 0) + good
                    before[sku, "defective"] = before.get((sku, "defective"), 0) + defective
        more = {key: n - before.get(key, 0) for key, n in total.items() if n != before.get(key, 0)}
        if not more:
            self._run.result.count("same")
            return None
        if min(more.values()) < 0:
            text = ", ".join(f"{sku} {grade}" for (sku, grade), n in sorted(more.items()) if n < 0)
            self._run.result.add(
                Item(ref=refund.refund_no, did="refused", reason=f"fewer_than_before: {text}", shop=refund.shop)
            )
            return None
        return more

    def _apply(
        self, changes: Sequence[RefundChange], kept: Mapping[str, tuple[Refund, tuple[RefundLine, ...]]]
    ) -> None:
        if self._run.result.dry_run:
            for change in changes:
                facts = {"back": change.facts["back"]}
                self._run.result.add(
                    Item(ref=change.refund_no, did="received", shop=kept[change.refund_no][0].shop, facts=facts)
                )
            return
        if not changes:
            return
        keys = intend(self._env, self._run, {c.refund_no: {"back": c.facts["back"]} for c in changes}, self._by)
        lost = dict(note(self._env, self._run, changes, keys))
        for number, reason in lost.items():
            self._run.result.add(Item(ref=number, did="refused", reason=reason, shop=kept[number][0].shop))
        self.shops |= {kept[c.refund_no][0].shop for c in changes if c.refund_no not in lost}
