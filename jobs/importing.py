"""order import: own orders from a file (own shop, telephone, hand-written) into the inbox, for the ordinary push.

Rows of one order number are one order; an order with one bad row is bad as a whole, and the others go in. What is bad
goes to an error file with its reasons, to be corrected and imported again. The same file again changes nothing, a
corrected one only what changed. Killed in the middle, it is typed again: each order is one document with one key.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jobs import own_documents as documents
from jobs import sheets
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadFile, BadRequest, Busy
from jobs.own_cells import money_text
from jobs.own_columns import ALIASES, NEEDED, REASON, ROW, write_template
from jobs.own_documents import Kept, Made
from jobs.own_rows import Group, Kind, OwnOrder, Problem, grouped, is_example, read
from jobs.results import Item, Result
from jobs.schema import OWN
from jobs.sheets import Row, Sheet
from jobs.storing import store

LEASE = "order import"
LEASE_S = 120.0
BATCH = 500
#: reason of a good row whose order is bad
_OTHERS = "another row of this order is wrong"
_SUFFIXES = (".csv", ".xlsx")


def take(env: Env, path: Path, *, shop: str = "", errors: Path | None = None, by: str, dry_run: bool = False) -> Result:
    """Import own orders; a dry run shows what would come to be and each problem.

    Args:
        shop: own shop of rows that name none; empty: the only one there is.
        errors: where bad orders' rows go; default ``FILE.errors.csv`` or ``.xlsx`` beside the file. A dry run writes it
            only where it is named.

    Raises:
        BadFile: not there, no table, a column is missing or there twice. BadRequest: no own shop of that name.
        Busy: another import runs.
    """
    for named in (path, errors):
        if named is not None and named.suffix.lower() not in _SUFFIXES:
            raise BadRequest(f"{named.name}: files of own orders are .csv or .xlsx", hint="oms order import --help")
    kind = _kind(env, shop)
    with env.run("order import", dry_run=dry_run, file=path.name, by=by) as run:
        sheet = _sheet(path)
        unknown = [t for h, t in zip(sheet.header, sheet.titles, strict=True) if h and h not in ALIASES.values()]
        if unknown:
            run.result.facts["ignored_columns"] = unknown
        lease = None if dry_run else env.ledger.acquire(LEASE, holder=run.worker, ttl_s=LEASE_S)
        if lease is None and not dry_run:
            raise Busy("another import of own orders runs")
        try:
            taker = _Taker(env, run, kind)
            for part in chunks(grouped(sheet.rows, kind), BATCH):
                if run.stopping or (lease is not None and not env.ledger.beat(lease, ttl_s=LEASE_S)):
                    break
                taker.batch(part)
                run.beat()
        finally:
            if lease is not None:
                env.ledger.free(lease)
        if not run.stopping and (errors is not None or not dry_run):
            _write_errors(run.result, path, sheet, taker.bad, errors)
        if not dry_run and (run.result.counts.get("new") or run.result.counts.get("changed")):
            run.result.hint = run.result.hint or "oms push orders"
        return run.result


def template(path: Path, *, chinese: bool = False) -> dict[str, Any]:
    """Write the template, CSV or xlsx by its name.

    Raises:
        BadRequest: another kind of file, or it is there already.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise BadRequest(f"{path.name}: write .csv or .xlsx", hint="oms order import --template orders.xlsx")
    if path.exists():
        raise BadRequest(f"{path} is there already; nothing was written", hint="oms order import --template FILE")
    try:
        return {"template": str(path), "columns": write_template(path, chinese=chinese)}
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error


def _kind(env: Env, shop: str) -> Kind:
    own = {alias for alias, s in env.settings.shops.items() if s.enabled and s.platform == OWN}
    if shop and shop not in own:
        raise BadRequest(f"{shop!r} is no own shop; known: {', '.join(sorted(own)) or 'none'}", hint="oms shop list")
    if not own:
        raise BadRequest('there is no own shop; write [shops.NAME] with platform = "own" in oms.toml', hint="oms config check")  # fmt: skip
    business = env.settings.business
    only = next(iter(own)) if len(own) == 1 else ""
    return Kind(ZoneInfo(business.zone), business.currency, own, shop or only)


def _sheet(path: Path) -> Sheet:
    sheet = sheets.read(path, ALIASES, need=NEEDED)
    named = [h for h in sheet.header if h in ALIASES.values()]
    twice = sorted({h for h in named if named.count(h) > 1})
    if twice:
        titles = [t for h, t in zip(sheet.header, sheet.titles, strict=True) if h in twice]
        raise BadFile(f"{path}: columns {', '.join(titles)} mean the same ({', '.join(twice)}); keep one")
    if not {"sku", "listing"} & set(sheet.header):
        raise BadFile(f"{path}: no column sku and no column listing; one of them says what was bought")
    return sheet


class _Taker:
    """One run over a file."""

    def __init__(self, env: Env, run: RunHandle, kind: Kind) -> None:
        self._env, self._run, self._kind = env, run, kind
        #: rows of bad orders with what is wrong, in the file's order
        self.bad: list[tuple[Row, str]] = []

    def batch(self, groups: Sequence[Group]) -> None:
        good: list[OwnOrder] = []
        for group in groups:
            if is_example(group):
                self._run.result.count("example")
                continue
            order, problems = read(group, self._kind)
            if order is None:
                self._refuse(group.rows, group.ref, group.shop, problems)
            else:
                good.append(order)
        made = self._made(good)
        for one in made:
            self._tell(one)
        if not self._run.result.dry_run:
            self._store([m for m in made if m.what != "same"])

    def _refuse(self, rows: Sequence[Row], ref: str, shop: str, problems: Sequence[Problem]) -> None:
        """An order is bad as a whole: each problem is told, and all of its rows go to the error file."""
        self._run.result.count("bad_orders")
        for p in problems:
            facts = {"row": p.row.line, "column": p.column, "what": p.what, "write": p.write}
            self._run.result.add(
                Item(ref=ref or f"row {p.row.line}", did="refused", reason=p.code, shop=shop, facts=facts)
            )
        for row in rows:
            mine = [str(p) for p in problems if p.row is row]
            self.bad.append((row, "; ".join(mine) or f"{_OTHERS} (row {problems[0].row.line})"))

    def _made(self, orders: Sequence[OwnOrder]) -> list[Made]:
        """Documents of good orders; what may not change any more is refused."""
        pairs = [(order, *documents.keys(self._env, order)) for order in orders]
        entries = self._env.inbox.get([key for _, key, _ in pairs]) if pairs else {}
        fulls = self._env.orders.load([number for *_, number in pairs]) if pairs else {}
        out: list[Made] = []
        for order, key, number in pairs:
            kept = Kept(entries.get(key), fulls.get(number))
            one = documents.make(self._env, order, kept)
            problem = documents.refusal(one, kept)
            if problem is not None:
                self._refuse(order.rows, order.ref, order.shop, [problem])
            else:
                out.append(one)
        return out

    def _tell(self, made: Made) -> None:
        order, doc = made.order, made.document
        facts: dict[str, Any] = {
            "order_no": made.order_no, "rows": [r.line for r in order.rows], "pieces": sum(x.qty for x in order.lines),
            "payable": f"{money_text(order.payable_minor, doc.currency)} {doc.currency}", "payment": order.payment,
            "to": f"{doc.receiver.province}{doc.receiver.city}",
        }  # fmt: skip
        if made.changes:
            facts["changes"] = list(made.changes)
        self._run.result.count("rows", len(order.rows))
        self._run.result.add(Item(ref=order.ref, did=made.what, shop=order.shop, facts=facts))

    def _store(self, made: Sequence[Made]) -> None:
        by_shop: dict[str, list[Made]] = {}
        for one in made:
            by_shop.setdefault(one.order.shop, []).append(one)
        for shop, mine in by_shop.items():
            store(self._env, shop, self._env.platform(shop), "orders", [documents.pulled(m) for m in mine])


def _write_errors(result: Result, path: Path, sheet: Sheet, bad: Sequence[tuple[Row, str]], named: Path | None) -> None:
    """The rows of bad orders, under the file's own headings, for its owner only: it holds personal data."""
    target = named or path.with_name(f"{path.stem}.errors{path.suffix}")
    if not bad:
        if target != path:
            target.unlink(missing_ok=True)
        return
    columns = [(h, t) for h, t in zip(sheet.header, sheet.titles, strict=True) if h and h not in (ROW, REASON)]
    rows = [
        [*(row.cells.get(h, "") for h, _ in columns), row.line, why]
        for row, why in sorted(bad, key=lambda pair: pair[0].line)
    ]
    added = ("行号", "原因") if not sheet.titles[0].isascii() else (ROW, REASON)
    sheets.write(target, [*(t for _, t in columns), *added], rows, private=True)
    result.facts["errors"] = str(target)
    result.hint = f"correct {target.name} and import it again"
