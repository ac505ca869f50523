"""settle supplier: what was shipped less what came back in a period, at purchase prices, as a bill per supplier.

Without a plan it says what it would bill; `plan_out` writes that down, and `apply` books it: each bill wholly or not at
all, once, and only if the books still say the same. What is charged is a movement of the stock journal, and each of
them is charged once, so that what came late or had no price is on the next bill of its supplier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from jobs import plans
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.results import Item, Result
from jobs.rules import supplier_bills as rules
from jobs.rules.supplier_bills import Charge, Draft, Moved, PriceList, ms
from jobs.supplier_lease import TTL_S, kept, leased
from stores.records import AuditEntry, JournalEntry, Lease
from stores.records.suppliers import SupplierBill

JOB = "settle supplier"
NEXT = "oms settle supplier bill --apply FILE"


class Planned(NamedTuple):
    """A bill with its number."""

    bill_no: str
    round: int
    draft: Draft


def bill(
    env: Env, *, period: str = "", suppliers: Sequence[str] = (), plan_out: Path | None = None, apply: Path | None = None,
    by: str = "",
) -> Result:  # fmt: skip
    """Work out the bills of a period, write them as a plan, or book a plan.

    Args:
        period: a month as 2026-10 or a day as 2026-10-05 of the business zone, over by now; with `apply` it is the plan's.
        suppliers: globs; none: all.

    Raises:
        BadRequest: words that do not fit together, or a period that is not over. PlanOutdated: the plan was changed
        after it was written. Busy: another run settles suppliers.
    """
    if bool(period) == bool(apply) or (apply and (plan_out or suppliers)):
        raise BadRequest(
            "give --period, or --apply with a plan and nothing else", hint="oms settle supplier bill --help"
        )
    if apply and not by:
        raise BadRequest("a bill needs the name of who books it", hint="oms settle supplier bill --help")
    with env.run(
        JOB, period=period, suppliers=suppliers, plan=str(plan_out or ""), apply=str(apply or ""), by=by
    ) as run:
        if apply:
            _apply(env, run, plans.read(apply, JOB), by)
            return run.result
        start, end = _span(env, period)
        found, ownerless = planned(env, run, period, start, end, suppliers)
        _tell_parked(run, found, ownerless)
        for p in found:
            facts = {"supplier": p.draft.supplier, "totals": p.draft.totals, "lines": len(p.draft.lines)}
            _tell(run.result, Item(ref=p.bill_no, did="planned", facts=facts))
        if plan_out:
            made = plans.write(plan_out, JOB, [rules.entry(p.bill_no, period, p.draft) for p in found])
            run.result.facts |= {"plan": str(plan_out), "hash": made}
            run.result.hint = NEXT if found else ""
        return run.result


def _span(env: Env, period: str) -> tuple[datetime, datetime]:
    try:
        start, end = rules.span(period, env.settings.business.zone)
    except ValueError as error:
        raise BadRequest(f"{error}", hint="oms settle supplier bill --help") from error
    if end > env.clock.now():
        raise BadRequest(f"{period} is not over yet", hint="oms settle supplier bill --help")
    return start, end


def planned(
    env: Env, run: RunHandle, period: str, start: datetime, end: datetime, suppliers: Sequence[str] = ()
) -> tuple[list[Planned], list[Charge]]:
    """The bills that the books give now, by supplier, of those that have none for the period; and what is nobody's."""
    store = env.settlement
    first = store.first_billed()
    moved = list(_moved(env, run, min(start, *first.values()) if first else start, end))
    back = sorted({(m.order_no, m.sku) for m in moved if m.kind != "ship"})
    shipped = {k: v for part in chunks(back, 500) for k, v in store.shipped_prices(part).items()}
    by_supplier: dict[str, list[Charge]] = defaultdict(list)
    for c in rules.charge(moved, PriceList(store.prices()), shipped):
        late = c.moved.at < ms(start)
        # what came before a supplier's first bill was settled without us
        if not late or (c.supplier in first and c.moved.at >= ms(first[c.supplier])):
            by_supplier[c.supplier].append(c)
    ownerless = by_supplier.pop("", [])
    adjustments = defaultdict(list)
    for a in store.adjustments(period=period, bill_no=""):
        adjustments[a.supplier].append(a)
    rounds = {b.supplier: b for b in store.bills(period=period)}
    out = []
    for supplier in sorted({*by_supplier, *adjustments}):
        before = rounds.get(supplier)
        if (before is None or before.state == "undone") and _chosen(supplier, suppliers):
            number = before.round + 1 if before else 1
            bill_no = f"{supplier}/{period}/{number}"
            made = rules.draft(
                supplier, by_supplier[supplier], adjustments[supplier], bill_no=bill_no, start_ms=ms(start)
            )
            out.append(Planned(bill_no, number, made))
    return out, ownerless


def _chosen(supplier: str, globs: Sequence[str]) -> bool:
    return not globs or any(fnmatchcase(supplier, g) for g in globs)


def _moved(env: Env, run: RunHandle, start: datetime, end: datetime) -> Iterator[Moved]:
    """Movements of these times that no bill charges yet, in the order of the journal."""
    zone = env.settings.business.zone
    for batch in env.stock.journal():
        run.beat()
        found = [e for e in batch if e.kind in rules.KINDS and start <= e.at < end]
        charged = env.settlement.charged([e.seq for e in found])
        fresh = [e for e in found if e.seq not in charged]
        orders = _orders(env, [e.ref for e in fresh if e.kind != "ship"])
        for e in fresh:
            order_no = e.ref if e.kind == "ship" else orders.get(e.ref, "")
            at = ms(e.at)
            yield Moved(e.seq, e.kind, e.sku, order_no, _pieces(e), at, rules.business_day(at, zone))


def _pieces(entry: JournalEntry) -> int:
    """Shipped positive, returned negative: what left the shelf, less what came back to it or was put aside."""
    return -entry.on_hand - entry.defective


def _orders(env: Env, refund_nos: Sequence[str]) -> dict[str, str]:
    """Refund → its order."""
    found: dict[str, str] = {}
    for part in chunks(sorted(set(refund_nos)), 500):
        found |= {no: refund.order_no for no, (refund, _) in env.orders.refunds(part).items()}
    return found


def _tell_parked(run: RunHandle, found: Sequence[Planned], ownerless: Sequence[Charge]) -> None:
    """Pieces without a price, per supplier and SKU."""
    for p in found:
        for line in p.draft.lines:
            if line.kind == "parked":
                pieces = {"shipped": line.shipped, "returned": line.returned, "defective": line.defective}
                facts = {"bill_no": p.bill_no, "supplier": p.draft.supplier, **pieces}
                run.result.add(Item(ref=line.sku, did="parked", reason=line.reason, facts=facts))
    nobodys: dict[str, int] = defaultdict(int)
    for c in ownerless:
        nobodys[c.moved.sku] += abs(c.moved.qty)
    for sku, qty in sorted(nobodys.items()):
        run.result.add(Item(ref=sku, did="parked", reason=rules.UNKNOWN_SUPPLIER, facts={"pieces": qty}))
    if any(line.kind == "parked" for p in found for line in p.draft.lines) or ownerless:
        run.result.hint = "oms settle supplier prices FILE"


# ------------------------------------------------------------------ booking


def _apply(env: Env, run: RunHandle, plan: plans.Plan, by: str) -> None:
    """Book those bills of a plan that the books still give as they were written; each stands for itself."""
    with leased(env, run) as lease:
        for period in sorted({str(e.get("period")) for e in plan.items}):
            entries = [e for e in plan.items if e.get("period") == period]
            start, end = _span(env, period)
            found, _ = planned(env, run, period, start, end)
            now = {p.bill_no: p for p in found}
            for e in entries:
                if run.stopping or not env.ledger.beat(lease, ttl_s=TTL_S):
                    return
                _book(env, run, lease, plan.hash, e, now.get(str(e.get("ref"))), (period, start, end), by)


def _book(
    env: Env, run: RunHandle, lease: Lease, plan_hash: str, entry: dict[str, Any], found: Planned | None,
    when: tuple[str, datetime, datetime], by: str,
) -> None:  # fmt: skip
    ref, (period, start, end) = str(entry.get("ref")), when
    if found is None or rules.entry(ref, period, found.draft) != entry:
        _tell(run.result, Item(ref=ref, did="skipped", reason=_why(env, ref, plan_hash, gone=found is None)))
        return
    now = env.clock.now()
    # First: who booked it is on record even if we are cut off here; a second try books nothing twice.
    facts = {"plan": plan_hash, "totals": found.draft.totals}
    env.ledger.audit([AuditEntry(at=now, who=by, act="supplier_bill", ref=ref[:60], facts=facts)])
    head = SupplierBill(
        bill_no=ref, supplier=found.draft.supplier, period=period, round=found.round, start_at=start, end_at=end,
        totals=found.draft.totals, move_count=len(found.draft.moves), parked_qty=found.draft.parked_qty,
        plan_hash=plan_hash, booked_at=now, booked_by=by, changed_at=now, changed_by=by, run_id=run.id,
    )  # fmt: skip
    outcome = kept(env.settlement.add_bill(head, found.draft.lines, found.draft.moves, token=lease.token))
    did = {"done": "booked", "already": "same"}.get(outcome.result, "refused")
    _tell(run.result, Item(ref=ref, did=did, reason=outcome.reason, facts={"totals": found.draft.totals}))


def _why(env: Env, bill_no: str, plan_hash: str, *, gone: bool) -> str:
    """Why a bill of a plan is not booked now."""
    there = env.settlement.bills(bill_nos=[bill_no])
    if there and there[0].plan_hash == plan_hash:
        return "plan_used" if there[0].state == "undone" else "plan_applied"
    return "gone" if gone else "changed_since"


def _tell(result: Result, item: Item) -> None:
    """Bills are few and each is wanted in the report."""
    shown = len(result.items)
    result.add(item)
    if len(result.items) == shown:
        result.items.append(item)
