"""push orders: waiting documents become formal orders, refunds and changes.

Claims entries in batches, translates each once, inserts in sets, bisects down to what breaks a rule and parks it with
its reason. A document claims stock demand for its order. What is done twice changes nothing: an order that is there
with the same version only has its demand made sure of, which is also the sweep of this job's gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from adapters.documents import OrderDocument
from jobs import changing, gaps, refunding
from jobs.batches import bisect
from jobs.env import Env, RunHandle
from jobs.intake import Translator, demand_of
from jobs.listings import Listings
from jobs.results import Item, Result
from jobs.rules import numbers
from stores.contracts import NewOrder
from stores.errors import BadItem
from stores.records import Demand, FullOrder, InboxEntry

ADDED = gaps.declare(
    "push.added",
    before="orders were inserted",
    after="their demand is claimed in the stock store",
    sweep="push: the inbox entry is still waiting and is pushed again",
)
WANTED = gaps.declare(
    "push.wanted",
    before="demand is claimed",
    after="the inbox entry is settled",
    sweep="push: the inbox entry is still waiting and is pushed again",
)

#: (key, status, reason, facts) as Inbox.settle takes it
Settled = tuple[str, str, str, dict[str, Any]]
#: a refund whose order has not come yet is looked for this many times before it is parked
PATIENCE = 50

_decode_order: Callable[[bytes], OrderDocument] = msgspec.json.Decoder(OrderDocument).decode


def push(
    env: Env, *, shops: Sequence[str] = (), platforms: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Push what waits in the inbox: orders first, then refunds."""
    with env.run("push orders", dry_run=dry_run, shops=shops, platforms=platforms, limit=limit) as run:
        names = tuple(env.shops(shops, platforms)) if shops or platforms else ()
        if (shops or platforms) and not names:
            return run.result
        pusher = Pusher(env, run)
        _drain(env, run, "orders", pusher.orders, names, limit)
        _drain(env, run, "refunds", pusher.refunds, names, limit)
        return run.result


def _drain(
    env: Env,
    run: RunHandle,
    kind: str,
    act: Callable[[Sequence[InboxEntry]], list[Settled]],
    shops: tuple[str, ...],
    limit: int,
) -> None:
    rule = env.settings.push
    after, left = "", limit or 1 << 60
    while left > 0 and not run.stopping:
        size = min(rule.batch, left)
        until = env.clock.now() + timedelta(seconds=rule.lease)
        if run.result.dry_run:
            entries = list(env.inbox.peek(kind, limit=size, shops=shops, after=after))
            token = ""
        else:
            token, entries = env.inbox.claim(
                kind, limit=size, lease_s=rule.lease, worker=run.worker, shops=shops, after=after
            )
        if not entries:
            return
        after = entries[-1].key
        left -= len(entries)
        settled = act(entries)
        if not run.result.dry_run:
            if env.clock.now() >= until:
                _look_again(env, settled)
            env.inbox.settle(token, settled)
            run.beat()
        by_key = {e.key: e for e in entries}
        for key, status, reason, facts in settled:
            did = reason if status == "pushed" else status
            run.result.add(Item(ref=key, did=did, reason=reason, shop=by_key[key].shop, facts=facts))


def _look_again(env: Env, settled: Sequence[Settled]) -> None:
    """This run stood still past its lease: others may have moved these orders on before their demand was claimed here,
    so what they want is said once more by what they are now."""
    numbers = sorted({facts["order_no"] for *_, facts in settled if "order_no" in facts})
    changing.make_sure(env, list(env.orders.load(numbers).values()))


class Pusher:
    """One run of push: the translation and what belongs to it."""

    def __init__(self, env: Env, run: RunHandle) -> None:
        self._env = env
        self._run = run
        self._listings = Listings.open(env)
        self._translator = Translator(self._listings, env.privacy.search_hash, env.clock.now())

    def orders(self, entries: Sequence[InboxEntry]) -> list[Settled]:
        """Push order documents; returns how each entry ends."""
        settled: list[Settled] = []
        fresh: list[tuple[InboxEntry, OrderDocument, NewOrder]] = []
        for entry in entries:
            try:
                doc = _decode_order(entry.document)
                fresh.append((entry, doc, self._translator.order(doc, shop=entry.shop, doc_hash=entry.hash)))
            except ValueError as error:
                settled.append((entry.key, "parked", _reason(error), {"error": str(error)[:300]}))
        held = self._env.orders.load([new.order.order_no for _, _, new in fresh])
        add = [f for f in fresh if f[2].order.order_no not in held]
        known = [(e, d, n, held[n.order.order_no]) for e, d, n in fresh if n.order.order_no in held]
        settled += self._add(add)
        settled += changing.change(self._env, self._run, self._translator, known)
        return settled

    def refunds(self, entries: Sequence[InboxEntry]) -> list[Settled]:
        """Push refund documents; one whose order has not come yet waits."""
        return refunding.take(self._env, self._run, entries, patience=PATIENCE)

    def _add(self, fresh: Sequence[tuple[InboxEntry, OrderDocument, NewOrder]]) -> list[Settled]:
        if self._run.result.dry_run:
            return [(e.key, "pushed", "added", {"order_no": n.order.order_no}) for e, _, n in fresh]

        def insert(part: Sequence[tuple[InboxEntry, OrderDocument, NewOrder]]) -> list[Any]:
            return self._env.orders.add([new for _, _, new in part], run_id=self._run.id)

        good, bad = bisect(fresh, insert)
        gaps.gap(ADDED)
        added = [item for item, outcome in good if outcome.ok]
        want_all(self._env, [(n.order.order_no, demand_of(n.order, n.ship_lines)) for _, _, n in added])
        gaps.gap(WANTED)
        settled: list[Settled] = [(e.key, "pushed", "added", {"order_no": n.order.order_no}) for e, _, n in added]
        settled += [
            (e.key, "parked", outcome.reason or "number_clash", {"order_no": n.order.order_no})
            for (e, _, n), outcome in good
            if not outcome.ok
        ]
        settled += [(e.key, "parked", "breaks_a_rule", {"error": str(error)[:300]}) for (e, _, _), error in bad]
        return settled


def want_all(env: Env, wanted: Sequence[tuple[str, dict[str, int]]]) -> None:
    """Make the demand of each order what it should be now; orders that want nothing lose theirs."""
    demands = [Demand(order_no=no, sku=sku, qty=qty) for no, wants in wanted for sku, qty in sorted(wants.items())]
    if demands:
        env.stock.want(demands)
    none = [no for no, wants in wanted if not wants]
    if none:
        env.stock.unwant(none)


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.DecodeError | msgspec.ValidationError):
        return "bad_document"
    return "number_unencodable" if "order number" in str(error) else "bad_value"


__all__ = ["BadItem", "FullOrder", "Pusher", "numbers", "push", "want_all"]
