"""parcel stop: planned parcels stop at once, the warehouse is asked about the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.env import Env
from jobs.results import Item, Result
from stores.records import AuditEntry, Parcel

#: how bad an answer is; a parcel bears the worst of its members
_RANK = ("stopped", "asked", "too_late")


def stop(env: Env, parcels: Sequence[str], *, reason: str, by: str) -> Result:
    """Stop parcels by number. `asked`: its warehouse must answer; `too_late`: it left."""
    from jobs.parcel_stop import stop_for

    with env.run("parcel stop", parcels=list(parcels), reason=reason, by=by) as run:
        wanted = list(dict.fromkeys(parcels))
        found = env.orders.parcels(wanted)
        members = sorted({no for p in found.values() for no in p.members})
        answers = stop_for(env, run, members, reason=reason) if members else {}
        for number in wanted:
            if number not in found:
                run.result.add(Item(ref=number, did="refused", reason="unknown_parcel"))
                continue
            run.result.add(_told(found[number], answers))
        now = env.clock.now()
        facts = {"reason": reason, "answers": dict(answers)}
        env.ledger.audit([AuditEntry(at=now, who=by, act="parcel_stop", ref=n, facts=facts) for n in found])
        return run.result


def _told(parcel: Parcel, answers: Mapping[str, str]) -> Item:
    given = [answers.get(no, "too_late") for no in parcel.members]
    worst = max(given, key=lambda a: _RANK.index(a) if a in _RANK else len(_RANK), default="too_late")
    did = worst if worst in ("stopped", "asked") else "refused"
    reason = "" if did == worst else worst
    return Item(ref=parcel.parcel_no, did=did, reason=reason, shop=parcel.shop, facts={"was": str(parcel.state)})
