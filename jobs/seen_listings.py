"""Listings of a shop as its orders name them, remembered, so that a run reads only the orders since the last one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from jobs.env import Env
from stores.contracts import OrderQuery

#: listing id → (product id, merchant's code)
Seen = dict[str, tuple[str, str]]
BATCH = 500


def seen(env: Env, alias: str, *, remember: bool = True) -> Seen:
    """Distinct listings in a shop's order lines.

    Orders are read from the last one on, less the longest overlap of `sync`, since an order may come late. What is
    remembered is one small value in the ledger; losing it means reading all orders once more.

    Args:
        remember: write what was learned (a preview does not).
    """
    name = f"listings:{alias}"
    before = env.ledger.value(name)
    kept: dict[str, Any] = json.loads(before) if before else {"until": "", "listings": {}}
    found: Seen = {k: (p, c) for k, (p, c) in kept["listings"].items()}
    since = datetime.fromisoformat(kept["until"]) if kept["until"] else None
    until = since
    if since is not None:
        since -= timedelta(seconds=env.settings.sync.overlap_max)
    query, after = OrderQuery(shops=(alias,), since=since), None
    while True:
        page, after = env.orders.find(query, limit=BATCH, after=after)
        for full in env.orders.load([o.order_no for o in page]).values():
            found |= {x.listing_id: (x.product_id, x.code) for x in full.lines if x.listing_id}
        until = max((*((until,) if until else ()), *(o.ordered_at for o in page)), default=None)
        if after is None:
            break
    made = json.dumps({"until": until.isoformat() if until else "", "listings": found}, ensure_ascii=False)
    if remember and made != before:
        # Somebody else may have written meanwhile; the next run learns what this one knew.
        env.ledger.swap(name, before, made)
    return found
