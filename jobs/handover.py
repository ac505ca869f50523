"""parcel handover: a last look, then the parcels are given to a warehouse as a pick list.

The parcels are marked first, then the file is written whole; a kill between leaves marked parcels whose file
`parcel export` writes again, from the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.errors import AdapterError
from jobs import gaps, sheets
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest, UnknownThing
from jobs.results import Item, Result
from stores.contracts import ParcelChange
from stores.records import AuditEntry, Parcel, ParcelState

MARKED = gaps.declare(
    "handover.marked",
    before="parcels are marked handed over, with the number of their pick list",
    after="the pick list is written",
    sweep="parcel handover again with the same file name, or parcel export: both write the list of that number",
)
COLUMNS = (
    "parcel_no", "warehouse", "carrier", "order_no", "sku", "qty", "name", "phone", "province", "city", "district",
    "address", "cipher", "remark",
)  # fmt: skip


def handover(
    env: Env, *, warehouse: str, out: Path, shops: Sequence[str] = (), limit: int = 0, by: str, dry_run: bool = False
) -> Result:
    """Hand the planned parcels of a warehouse over, in order of their number."""
    if warehouse not in env.settings.warehouses:
        raise BadRequest(f"warehouse {warehouse!r}", hint="oms warehouse list")
    with env.run("parcel handover", dry_run=dry_run, warehouse=warehouse, out=str(out), by=by) as run:
        names = tuple(env.shops(shops)) if shops else ()
        number = f"{warehouse}-{out.stem}"
        after, left = "", limit or 1 << 60
        while left > 0 and not run.stopping:
            size = min(env.settings.shipping.batch, left)
            found = env.orders.find_parcels(
                states=[ParcelState.PLANNED], shops=names, warehouse=warehouse, limit=size, after=after
            )
            if not found:
                break
            after, left = found[-1].parcel_no, left - len(found)
            _batch(env, run, found, number)
            run.beat()
        if not dry_run:
            gaps.gap(MARKED)
            rows = _write(env, number, out, by)
            run.result.facts |= {"handover_no": number, "file": str(out), "rows": rows}
        return run.result


def export(env: Env, handover_no: str, *, out: Path, by: str) -> Result:
    """Write the pick list of an earlier hand-over again."""
    with env.run("parcel export", handover_no=handover_no, out=str(out), by=by) as run:
        rows = _write(env, handover_no, out, by)
        if not rows:
            raise UnknownThing(f"hand-over {handover_no!r}", hint="oms parcel list --state handed_over")
        run.result.facts |= {"handover_no": handover_no, "file": str(out), "rows": rows}
        return run.result


def _batch(env: Env, run: RunHandle, found: Sequence[Parcel], number: str) -> int:
    blocked = look(env, run, found) if env.settings.shipping.last_look else {}
    fresh = env.orders.parcels([p.parcel_no for p in found])
    changes = []
    for parcel in fresh.values():
        reasons = {no: blocked[no] for no in parcel.members if no in blocked}
        if reasons or parcel.state != ParcelState.PLANNED:
            reason = next(iter(reasons.values()), f"is_{parcel.state}")
            run.result.add(Item(ref=parcel.parcel_no, did="waiting", reason=reason, shop=parcel.shop, facts=reasons))
        elif run.result.dry_run:
            run.result.add(Item(ref=parcel.parcel_no, did="handed_over", shop=parcel.shop))
        else:
            changes.append(
                ParcelChange(
                    parcel_no=parcel.parcel_no, expect=parcel.version, to=ParcelState.HANDED_OVER, reason="handover",
                    facts={"handover_no": number}, set={"handover_no": number},
                )
            )  # fmt: skip
    outcomes = env.orders.apply_parcels(changes, run_id=run.id)
    for outcome in outcomes:
        did = "handed_over" if outcome.ok else "waiting"
        run.result.add(Item(ref=outcome.key, did=did, reason=outcome.reason))
    return sum(o.ok for o in outcomes)


def look(env: Env, run: RunHandle, parcels: Sequence[Parcel]) -> dict[str, str]:
    """The last look at the members of these parcels, shop by shop; order_no → why it may not leave now."""
    from jobs.intake import last_look

    blocked: dict[str, str] = {}
    for shop in sorted({p.shop for p in parcels}):
        members = [no for p in parcels if p.shop == shop for no in p.members]
        heads = env.orders.heads(members)
        platform = env.platform(shop)
        if not platform.capabilities.last_look or run.result.dry_run:
            continue
        try:
            pulled = platform.current([heads[no].platform_order_no for no in members if no in heads])
        except AdapterError as error:
            run.result.add(
                Item(ref=shop, did="failed", reason=type(error).__name__, shop=shop, facts={"error": str(error)[:200]})
            )
            blocked |= dict.fromkeys(members, "no_last_look")
            continue
        blocked |= last_look(env, run, pulled, shop)
    return blocked


def _write(env: Env, number: str, out: Path, by: str) -> int:
    """The pick list of everything handed over under this number; personal data, so an audit row goes with it."""
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        found = env.orders.find_parcels(handover_no=number, limit=500, after=after)
        if not found:
            break
        after = found[-1].parcel_no
        members = [no for p in found for no in p.members]
        orders, who = env.orders.load(members), env.orders.receivers(members)
        for parcel in found:
            for no in parcel.members:
                full, person = orders[no], who[no]
                where = full.order.region
                rows += [
                    {
                        "parcel_no": parcel.parcel_no, "warehouse": parcel.warehouse, "carrier": parcel.carrier, "order_no": no,
                        "sku": s.sku, "qty": s.qty, "name": person.name, "phone": person.phone, "province": where.province,
                        "city": where.city, "district": where.district, "address": person.address, "cipher": person.cipher,
                        "remark": full.buyer_remark,
                    }
                    for s in full.ship_lines
                    if s.parcel_no == parcel.parcel_no and s.status == "open"
                ]  # fmt: skip
    if rows:
        env.ledger.audit(
            [AuditEntry(at=env.clock.now(), who=by, act="pick_list", ref=number, facts={"rows": len(rows)})]
        )
    sheets.write(out, COLUMNS, rows)
    return len(rows)
