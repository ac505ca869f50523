"""parcel handover: a last look, then the parcels are given to a warehouse as a pick list.

The intent of a hand-over (its number) is written first, the parcels are marked with it, then the file is written whole.
A run that was killed between is continued by the next one for that warehouse: under the same number, with the parcels
that were marked already. `parcel export` writes the list of a number again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.documents import Pulled
from adapters.errors import AdapterError
from adapters.warehouses import FileWarehouse, PickLine
from jobs import gaps, sheets
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadFile, BadMove, BadRequest, Busy, UnknownThing
from jobs.results import Item, Result
from jobs.rules.numbers import order_no
from jobs.ship import load
from stores.contracts import ParcelChange
from stores.errors import BadItem
from stores.records import AuditEntry, FullOrder, Parcel, ParcelState, Progress, Receiver, RefundState

INTENDED = gaps.declare(
    "handover.intended",
    before="the number of a hand-over is written",
    after="parcels are marked handed over under it",
    sweep="parcel handover of that warehouse: an unfinished number is taken up again",
)
MARKED = gaps.declare(
    "handover.marked",
    before="parcels are marked handed over, with the number of their pick list",
    after="the pick list is written",
    sweep="parcel handover of that warehouse (an unfinished number is taken up again), or parcel export",
)
WRITTEN = gaps.declare(
    "handover.written",
    before="the pick list is written",
    after="the hand-over is marked finished",
    sweep="parcel handover of that warehouse: it writes the list of that number again",
)
#: parcels of a number that are still to be packed, or were
_LISTED = (ParcelState.HANDED_OVER, ParcelState.LABELLED, ParcelState.SHIPPED)
_LAYOUT = FileWarehouse()


def handover(
    env: Env, *, warehouse: str, out: Path, shops: Sequence[str] = (), limit: int = 0, by: str, dry_run: bool = False
) -> Result:
    """Hand the planned parcels of a warehouse over, the most urgent first.

    Raises:
        BadRequest: no such warehouse. Busy: another run hands parcels of this warehouse over.
    """
    if warehouse not in env.settings.warehouses:
        known = ", ".join(sorted(env.settings.warehouses)) or "none"
        raise BadRequest(f"warehouse {warehouse!r}; known: {known}", hint="oms warehouse list")
    _check_name(out)
    with env.run("parcel handover", dry_run=dry_run, warehouse=warehouse, out=str(out), by=by) as run:
        names = tuple(env.shops(shops)) if shops else ()
        if dry_run:
            for part in _planned(env, run, warehouse, names, limit):
                _batch(env, run, part, "")
            return run.result
        lease = env.ledger.acquire(f"handover:{warehouse}", holder=run.worker, ttl_s=env.settings.shipping.lease)
        if lease is None:
            raise Busy(f"parcels of {warehouse} are being handed over")
        try:
            _hand_over(env, run, warehouse, out, names, limit, by)
        finally:
            env.ledger.free(lease)
        return run.result


def export(env: Env, handover_no: str, *, out: Path, by: str) -> Result:
    """Write the pick list of an earlier hand-over again.

    Raises:
        UnknownThing: no parcel was handed over under this number.
    """
    _check_name(out)
    with env.run("parcel export", handover_no=handover_no, out=str(out), by=by) as run:
        if not env.orders.find_parcels(handover_no=handover_no, limit=1):
            raise UnknownThing(f"hand-over {handover_no!r}", hint="oms parcel list --state handed_over")
        run.result.facts |= _write(env, handover_no, out, by)
        return run.result


def _check_name(out: Path) -> None:
    if out.suffix.lower() not in (".csv", ".xlsx"):
        raise BadFile(f"{out}: a pick list is a .csv or .xlsx file")


def _hand_over(
    env: Env, run: RunHandle, warehouse: str, out: Path, shops: tuple[str, ...], limit: int, by: str
) -> None:
    number, resumed = _number(env, warehouse)
    began = False
    for part in _planned(env, run, warehouse, shops, limit):
        ready = _batch(env, run, part, number)
        if ready and not began and not resumed:
            _intend(env, number, by)
            gaps.gap(INTENDED)
        began = began or bool(ready)
        _mark(env, run, ready, number)
        run.beat()
    if not began and not resumed:
        run.result.facts |= {"rows": 0}
        return
    gaps.gap(MARKED)
    run.result.facts |= _write(env, number, out, by)
    gaps.gap(WRITTEN)
    _finish(env, number)


# ------------------------------------------------------------------ the number


def _number(env: Env, warehouse: str) -> tuple[str, bool]:
    """The number of this hand-over, and whether it is one that was left unfinished: warehouse, day, counted from 1."""
    kept = env.ledger.values(f"handover:{warehouse}-")
    unfinished = sorted(name for name, text in kept.items() if not json.loads(text)["done"])
    if unfinished:
        return unfinished[0].removeprefix("handover:"), True
    day = f"{env.clock.now().astimezone(ZoneInfo(env.settings.business.zone)):%Y%m%d}"
    head = f"handover:{warehouse}-{day}-"
    last = max((int(name.removeprefix(head)) for name in kept if name.startswith(head)), default=0)
    return f"{warehouse}-{day}-{last + 1:02d}", False


def _intend(env: Env, number: str, by: str) -> None:
    env.ledger.swap(f"handover:{number}", None, json.dumps({"done": False, "by": by}))


def _finish(env: Env, number: str) -> None:
    name = f"handover:{number}"
    old = env.ledger.value(name)
    env.ledger.swap(name, old, json.dumps({**json.loads(old or "{}"), "done": True}))


# ------------------------------------------------------------------ which parcels


def _planned(
    env: Env, run: RunHandle, warehouse: str, shops: tuple[str, ...], limit: int
) -> Iterator[Sequence[Parcel]]:
    """Planned parcels in order of their latest time to ship, in batches; only their numbers are kept for the whole run."""
    found: list[tuple[float, str]] = []
    after = ""
    while page := env.orders.find_parcels(
        states=[ParcelState.PLANNED], shops=shops, warehouse=warehouse, limit=500, after=after
    ):
        found += [(p.ship_by.timestamp() if p.ship_by else math.inf, p.parcel_no) for p in page]
        after = page[-1].parcel_no
    found.sort()
    for part in chunks(found[: limit or None], env.settings.shipping.batch):
        if run.stopping:
            return
        known = env.orders.parcels([number for _, number in part])
        yield [known[number] for _, number in part]


def _batch(env: Env, run: RunHandle, found: Sequence[Parcel], number: str) -> list[Parcel]:
    """The parcels of a batch that may go; the others are told with their reason."""
    blocked = look(env, run, found) if env.settings.shipping.last_look and not run.result.dry_run else {}
    fresh = env.orders.parcels([p.parcel_no for p in found])
    orders = load(env, [no for p in fresh.values() for no in p.members])
    ready = []
    for parcel in (fresh[p.parcel_no] for p in found):
        reasons = {no: why for no in parcel.members if (why := _why_not(no, parcel, orders, blocked))}
        if reasons or parcel.state != ParcelState.PLANNED:
            reason = next(iter(reasons.values()), f"is_{parcel.state}")
            run.result.add(Item(ref=parcel.parcel_no, did="left_out", reason=reason, shop=parcel.shop, facts=reasons))
            if not run.result.dry_run:
                run.result.facts.setdefault("left_out", {})[parcel.parcel_no] = reason
        elif run.result.dry_run:
            facts = {"members": list(parcel.members)}
            run.result.add(Item(ref=parcel.parcel_no, did="handed_over", shop=parcel.shop, facts=facts))
        else:
            ready.append(parcel)
    return ready


def _why_not(no: str, parcel: Parcel, orders: Mapping[str, FullOrder], blocked: Mapping[str, str]) -> str:
    """Why a member keeps its parcel here; empty when it may go."""
    full = orders.get(no)
    if no in blocked:
        return blocked[no]
    if full is None:
        return "unknown_order"
    if full.order.progress not in (Progress.MERGED, Progress.PARTLY_SHIPPED):
        return f"order_is_{full.order.progress}"
    if full.order.held:
        return "held"
    if full.order.refund_state in (RefundState.ASKED, RefundState.FULL):
        return f"refund_{full.order.refund_state}"
    inside = [s for s in full.ship_lines if s.parcel_no == parcel.parcel_no and s.status == "open"]
    return "" if inside else "nothing_to_pack"


def look(env: Env, run: RunHandle, parcels: Sequence[Parcel]) -> dict[str, str]:
    """The last look at the members of these parcels, shop by shop; order_no → why it may not leave now."""
    blocked: dict[str, str] = {}
    for shop in sorted({p.shop for p in parcels}):
        members = sorted({no for p in parcels if p.shop == shop for no in p.members})
        if shop not in env.settings.shops:
            continue  # a shop that was taken out of the settings has nobody to ask
        platform = env.platform(shop)
        if not platform.capabilities.last_look:
            continue
        heads = {no: head for part in chunks(members, 500) for no, head in env.orders.heads(part).items()}
        try:
            pulled = platform.current([heads[no].platform_order_no for no in members if no in heads])
        except AdapterError as error:
            facts = {"error": str(error)[:200]}
            run.result.add(Item(ref=shop, did="failed", reason=type(error).__name__, shop=shop, facts=facts))
            blocked |= dict.fromkeys(members, "no_last_look")
            continue
        blocked |= careful_look(env, run, pulled, shop)
    return blocked


def careful_look(env: Env, run: RunHandle, pulled: Sequence[Pulled], shop: str) -> dict[str, str]:
    """Apply what the platform says now; order_no → why it may not leave. A document that cannot be applied concerns its
    own order only, which may not leave then."""
    from jobs.intake import last_look

    try:
        return last_look(env, run, pulled, shop)
    except (BadMove, BadItem) as error:
        if len(pulled) > 1:
            return {no: why for item in pulled for no, why in careful_look(env, run, (item,), shop).items()}
        kept, number = env.settings.shops[shop], pulled[0].number
        run.result.add(
            Item(ref=number, did="failed", reason="change_not_applied", shop=shop, facts={"error": str(error)[:200]})
        )
        return {order_no(kept.platform, kept.seller_id, number): "change_not_applied"}


def _mark(env: Env, run: RunHandle, ready: Sequence[Parcel], number: str) -> None:
    shops = {p.parcel_no: p.shop for p in ready}
    changes = [
        ParcelChange(
            parcel_no=p.parcel_no, expect=p.version, to=ParcelState.HANDED_OVER, reason="handover",
            facts={"handover_no": number}, set={"handover_no": number},
        )
        for p in ready
    ]  # fmt: skip
    for outcome in env.orders.apply_parcels(changes, run_id=run.id) if changes else ():
        did = "handed_over" if outcome.ok else "left_out"
        run.result.add(Item(ref=outcome.key, did=did, reason=outcome.reason, shop=shops[outcome.key]))


# ------------------------------------------------------------------ the file


def _write(env: Env, number: str, out: Path, by: str) -> dict[str, Any]:
    """The pick list of everything under this number that was not stopped; personal data, so an audit row goes first."""
    entry = AuditEntry(at=env.clock.now(), who=by, act="pick_list", ref=number, facts={"file": out.name})
    env.ledger.audit([entry])
    rows = (_LAYOUT.pick_row(line) for line in _lines(env, number))
    count = sheets.write(out, _LAYOUT.pick_columns, rows, private=True)
    return {"handover_no": number, "file": str(out), "rows": count}


def _lines(env: Env, number: str) -> Iterator[PickLine]:
    after = ""
    while page := env.orders.find_parcels(handover_no=number, states=list(_LISTED), limit=200, after=after):
        after = page[-1].parcel_no
        orders = load(env, [no for p in page for no in p.members])
        who: dict[str, Receiver] = {}
        for part in chunks(sorted(orders), 500):
            who |= env.orders.receivers(part)
        for parcel in page:
            members = [orders[no] for no in parcel.members if no in orders]
            yield from _parcel_lines(env, parcel, members, who, number)


def _parcel_lines(
    env: Env, parcel: Parcel, members: Sequence[FullOrder], who: Mapping[str, Receiver], number: str
) -> Iterator[PickLine]:
    """One line per SKU; the pieces of all members together, the receiver is one and the same."""
    pieces: dict[str, int] = {}
    titles: dict[str, str] = {}
    for full in members:
        names = {line.line_no: f"{line.title} {line.variant}".strip() for line in full.lines}
        for s in full.ship_lines:
            if s.parcel_no == parcel.parcel_no and s.status == "open":
                pieces[s.sku] = pieces.get(s.sku, 0) + s.qty
                titles.setdefault(s.sku, names.get(s.line_no, ""))
    if not members:
        return
    lead = members[0].order
    person, where = who.get(lead.order_no, Receiver()), lead.region
    remarks = dict.fromkeys(r for full in members for r in (full.buyer_remark, full.seller_remark) if r)
    for sku, qty in sorted(pieces.items()):
        yield PickLine(
            handover_no=number, parcel_no=parcel.parcel_no, warehouse=parcel.warehouse,
            carrier=parcel.carrier or _carrier(env, parcel.warehouse),
            ship_by=parcel.ship_by.isoformat() if parcel.ship_by else "", name=person.name, phone=person.phone,
            province=where.province, city=where.city, district=where.district, town=where.town, address=person.address,
            zip=person.zip, cipher=person.cipher, sku=sku, title=titles[sku], qty=qty,
            orders=" ".join(full.order.platform_order_no for full in members), remark=" / ".join(remarks),
        )  # fmt: skip


def _carrier(env: Env, warehouse: str) -> str:
    place = env.settings.warehouses.get(warehouse)
    return place.carrier if place else ""
