"""order edit: a field changed by hand here. It survives a re-pull; a platform change to the same field holds the order."""

from __future__ import annotations

from typing import Any

import msgspec

from jobs import gaps
from jobs.changing import EDITABLE, make_sure
from jobs.env import Env
from jobs.errors import BadMove, BadRequest
from jobs.orders import loaded
from jobs.results import Item, Result
from stores.contracts import Change
from stores.records import AuditEntry, Edit, Progress

NOTED = gaps.declare(
    "edit.noted",
    before="the edit is noted beside the order",
    after="the order shows it",
    sweep="order edit again; until then the next pull lays the noted edit over the document",
)
FREED = gaps.declare(
    "edit.freed",
    before="what was held for the old address is given back",
    after="the order shows the edit and goes back",
    sweep="order edit again, or reconcile stock: an order without stock is sourced anew",
)
SHOWN = gaps.declare(
    "edit.shown",
    before="the order shows the edit and went back",
    after="its demand is counted again",
    sweep="order edit again, or reconcile stock: missing demand is a difference with a repair",
)
_BEFORE_HANDOVER = (Progress.UNPAID, Progress.CREATED, Progress.AUDITED, Progress.SOURCED)


def edit(env: Env, number: str, changes: dict[str, str], *, by: str) -> Result:
    """Change receiver, region or remark of an order that is not with a warehouse yet; it is audited again.

    Args:
        changes: field → new text; fields of `jobs.changing.EDITABLE`.
    """
    unknown = sorted(set(changes) - set(EDITABLE))
    if unknown or not changes:
        raise BadRequest(f"field {unknown[0]!r}; one of {', '.join(EDITABLE)}" if unknown else "nothing to change")
    with env.run("order edit", number=number, fields=sorted(changes), by=by) as run:
        full = next(iter(loaded(env, [number]).values()))
        head = full.order
        if head.progress not in _BEFORE_HANDOVER:
            raise BadMove(
                f"{head.order_no} is {head.progress}; undo its parcel first", hint=f"oms order explain {head.order_no}"
            )
        who, region = env.orders.receivers([head.order_no])[head.order_no], head.region
        now = env.clock.now()
        before: dict[str, str] = {}
        fresh: dict[str, Any] = {"set": {}}
        for field, text in sorted(changes.items()):
            if field == "seller_remark":
                before[field], fresh["seller_remark"] = full.seller_remark, text
            elif field in ("province", "city", "district"):
                before[field] = str(getattr(region, field))
                region = msgspec.structs.replace(region, **{field: text})
            else:
                before[field] = str(getattr(who, field))
                who = msgspec.structs.replace(who, **{field: text})
        env.ledger.audit([AuditEntry(at=now, who=by, act="edit", ref=head.order_no, facts={"fields": sorted(changes)})])
        known = {e.field: e for e in env.orders.edits([head.order_no]).get(head.order_no, ())}
        env.orders.add_edits(
            [
                Edit(
                    order_no=head.order_no,
                    field=f,
                    value=t,
                    base=known[f].base if f in known else before[f],
                    at=now,
                    by=by,
                )
                for f, t in sorted(changes.items())
            ]
        )
        gaps.gap(NOTED)
        moved = set(changes) != {"seller_remark"}
        again = moved and head.progress in (Progress.AUDITED, Progress.SOURCED)
        if again:
            _give_back(env, run.id, head.order_no)
            gaps.gap(FREED)
        outcome = env.orders.apply(
            [
                Change(
                    order_no=head.order_no, expect=head.version, to=Progress.CREATED if again else None, reason="edited", facts={"by": by, "fields": sorted(changes)},
                    receiver=who if moved else None, set={"region": region, "intent": () if again else head.intent, "merge_key": "" if moved else head.merge_key},
                    seller_remark=fresh.get("seller_remark"), waiting=() if again else None,
                )
            ],
            run_id=run.id,
        )[0]  # fmt: skip
        gaps.gap(SHOWN)
        if moved:
            # Also when it is back already: the run that brought it there may have been cut right behind it.
            make_sure(env, list(env.orders.load([head.order_no]).values()))
        run.result.add(
            Item(ref=head.order_no, did="edited" if outcome.ok else "refused", reason=outcome.reason, shop=head.shop)
        )
        return run.result


def _give_back(env: Env, run_id: str, number: str) -> None:
    """A new address may want another place: what is held for the old one goes back first."""
    held = env.stock.reservations([number]).get(number, [])
    ids = [(r.reservation_id, r.warehouse) for r in held if r.state == "open"]
    if ids:
        env.stock.release(ids, run_id=run_id)
