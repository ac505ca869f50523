"""push stock: publish what each listing may sell. Only changed targets are told, each as an effect with a key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import NamedTuple

from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.levels_sending import KIND, Kept, kept_of, send
from jobs.listings import Listings, Part
from jobs.results import Item, Result
from jobs.rules.levels import Component, Target, target
from jobs.seen_listings import seen
from stores.records import Effect, Level

#: SKUs in one question to the stock store
SKUS = 1000
#: an effect in one of these is on its way
LIVE = ("intent", "sent", "accepted", "unknown")


class Listing(NamedTuple):
    """One listing of a shop, as its orders name it."""

    listing_id: str
    product_id: str
    code: str
    parts: tuple[Part, ...]


class Wanted(NamedTuple):
    """What a listing should show, and what was confirmed last."""

    listing: Listing
    target: Target
    kept: Kept


def push(
    env: Env,
    *,
    shops: Sequence[str] = (),
    platforms: Sequence[str] = (),
    skus: Sequence[str] = (),
    dry_run: bool = False,
) -> Result:
    """Compute the level of every listing that was ever sold, and tell what changed.

    A dry run is the preview: every listing with what it shows now, its target and why.
    """
    with env.run("push stock", dry_run=dry_run, shops=shops, platforms=platforms, skus=skus) as run:
        aliases = [a for a in env.shops(shops, platforms) if env.platform(a).capabilities.stock]
        listings = _listings(env, aliases, frozenset(skus), dry_run=dry_run)
        names = sorted({sku for found in listings.values() for x in found for sku, _, _ in x.parts})
        levels, demand = _stock(env, names)
        for alias in aliases:
            if run.stopping:
                break
            wanted = _wanted(env, alias, listings[alias], levels, demand)
            if dry_run:
                for w in wanted:
                    _preview(run, alias, w)
                continue
            for w in wanted:
                if w.target.qty is None:
                    run.result.count(w.target.why)
            goals = {w.listing.listing_id: w.target.qty for w in wanted if w.target.qty is not None}
            # First what earlier runs left, so that an old level is never told after a new one.
            if send(env, run, alias, goals):
                _intend(env, run, alias, wanted)
                send(env, run, alias, goals)
            run.beat()
        return run.result


def _listings(env: Env, aliases: Sequence[str], skus: frozenset[str], *, dry_run: bool) -> dict[str, list[Listing]]:
    """Distinct listings in the shops' order lines, by id; memory grows with listings, not with orders."""
    mapping = Listings.open(env)
    out: dict[str, list[Listing]] = {}
    for alias in aliases:
        found = seen(env, alias, remember=not dry_run)
        name = env.settings.shops[alias].platform
        made = [Listing(i, p, c, mapping.parts(name, i, c)) for i, (p, c) in sorted(found.items())]
        out[alias] = [x for x in made if not skus or any(sku in skus for sku, _, _ in x.parts)]
    return out


def _stock(env: Env, skus: Sequence[str]) -> tuple[dict[str, list[Level]], dict[str, int]]:
    levels: dict[str, list[Level]] = {}
    demand: dict[str, int] = {}
    for part in chunks(skus, SKUS):
        for x in env.stock.levels(skus=part):
            levels.setdefault(x.sku, []).append(x)
        demand |= env.stock.demand(skus=part)
    return levels, demand


def _wanted(
    env: Env, alias: str, listings: Sequence[Listing], levels: Mapping[str, Sequence[Level]], demand: Mapping[str, int]
) -> list[Wanted]:
    rule = env.settings.shops[alias].levels
    stale = _stale(env, alias, rule.frontier_max_age)
    kept, places = kept_of(env, alias), _places(env, rule.warehouses)
    out = []
    for listing in listings:
        parts = [_component(part, levels.get(part[0], ()), places, demand) for part in listing.parts]
        last = kept.get(listing.listing_id, Kept())
        out.append(Wanted(listing, target(parts, rule, stale=stale, last=last.qty), last))
    return out


def _places(env: Env, chosen: Sequence[str]) -> dict[str, int]:
    """Warehouses that count for a shop, with the pieces of each SKU that sourcing keeps back there."""
    return {
        name: w.safety for name, w in env.settings.warehouses.items() if w.enabled and (not chosen or name in chosen)
    }


def _component(part: Part, levels: Sequence[Level], places: Mapping[str, int], demand: Mapping[str, int]) -> Component:
    sku, qty, _ = part
    mine = [x for x in levels if x.warehouse in places]
    # A place that holds more than it may give counts as empty: its debt does not hide another place's stock.
    on_hand = sum(max(x.on_hand - places[x.warehouse], x.held) for x in mine)
    return Component(sku, qty, on_hand, sum(x.held for x in mine), demand.get(sku, 0))


def _stale(env: Env, alias: str, age_s: float) -> bool:
    """Whether some scan of the shop's orders has no mark, or one that is too old."""
    marks = env.ledger.marks()
    fronts = [m.frontier for (shop, kind, _), m in marks.items() if shop == alias and kind == "orders"]
    oldest = env.clock.now() - timedelta(seconds=age_s)
    return not fronts or any(f is None or f < oldest for f in fronts)


def _preview(run: RunHandle, alias: str, w: Wanted) -> None:
    skus = {sku: qty for sku, qty, _ in w.listing.parts}
    facts = {"skus": skus, "now": w.kept.qty, "target": w.target.qty, "why": w.target.why}
    changed = w.target.qty is not None and w.target.qty != w.kept.qty
    reason = "changed" if changed else "same" if w.target.qty is not None else w.target.why
    run.result.add(Item(ref=w.listing.listing_id, did="level", reason=reason, shop=alias, facts=facts))


def _intend(env: Env, run: RunHandle, alias: str, wanted: Sequence[Wanted]) -> None:
    """Write intents of changed targets; a listing whose last level is still on its way waits for the next run."""
    changed = [w for w in wanted if w.target.qty is not None and w.target.qty != w.kept.qty]
    run.result.count("same", sum(w.target.qty is not None for w in wanted) - len(changed))
    for part in chunks(changed, 200):
        refs = [w.listing.listing_id for w in part]
        live = {
            e.ref
            for state in LIVE
            for e in env.ledger.effects(kind=KIND, shop=alias, state=state, refs=refs, limit=len(refs) * 2)
        }
        fresh = [w for w in part if w.listing.listing_id not in live]
        run.result.count("on_its_way", len(part) - len(fresh))
        effects = [_effect(env, alias, w) for w in fresh]
        for outcome in env.ledger.intend(effects):
            if outcome.result == "already":
                # Told with this number before and refused for good: `oms jobs parked` names it.
                run.result.count("refused_before")


def _effect(env: Env, alias: str, w: Wanted) -> Effect:
    seq = w.kept.seq + 1
    made = blake2b(json.dumps([w.target.qty, seq]).encode(), digest_size=8).hexdigest()
    key = f"{KIND}:{alias}:{w.listing.listing_id}:{made}"
    payload = {
        "listing_id": w.listing.listing_id, "product_id": w.listing.product_id, "code": w.listing.code,
        "qty": w.target.qty, "seq": seq, "why": w.target.why,
    }  # fmt: skip
    return Effect(
        key=key, kind=KIND, shop=alias, ref=w.listing.listing_id, group=key, payload=payload, created_at=env.clock.now()
    )
