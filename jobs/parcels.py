"""parcel list and show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from jobs.env import Env
from jobs.errors import BadRequest, UnknownThing
from stores.records import Parcel, ParcelState


def listing(
    env: Env, *, states: Sequence[str] = (), shops: Sequence[str] = (), warehouse: str = "", limit: int = 50
) -> list[Parcel]:
    """Parcels by number."""
    for word in states:
        if word not in set(ParcelState):
            raise BadRequest(f"state {word!r}; one of {', '.join(ParcelState)}")
    names = tuple(env.shops(shops)) if shops else ()
    return list(
        env.orders.find_parcels(states=[ParcelState(s) for s in states], shops=names, warehouse=warehouse, limit=limit)
    )


def show(env: Env, number: str) -> dict[str, Any]:
    """One parcel by its number or waybill, with its history, members' ship lines and notices."""
    found = env.orders.parcels([number]).get(number)
    if found is None:
        hits = env.orders.find_parcels(waybill=number, limit=2)
        if len(hits) != 1:
            raise UnknownThing(f"parcel {number!r}", hint="oms parcel list")
        found = hits[0]
    members = env.orders.load(found.members)
    return {
        "parcel": msgspec.to_builtins(found),
        "lines": [
            msgspec.to_builtins(s) for f in members.values() for s in f.ship_lines if s.parcel_no == found.parcel_no
        ],
        "history": msgspec.to_builtins(env.orders.history(found.parcel_no)),
        "notices": msgspec.to_builtins([e for e in env.ledger.effects(refs=found.members) if found.parcel_no in e.key]),
    }
