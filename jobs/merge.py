"""merge plan and run: orders of one buyer and address, from one warehouse, become one parcel.

Every sourced order passes here, alone or with others, when its window ended or its latest time to ship presses. The
plan is the same path without writing. Where the platform alone knows which orders share a receiver, it is asked first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from adapters.errors import AdapterError
from jobs import forming, moving
from jobs.env import Env, RunHandle
from jobs.errors import JobError
from jobs.results import Item, Result
from jobs.rules import merging as rules
from jobs.rules.merging import Group
from stores.records import AuditEntry

#: orders in one question to a platform
PAIRS = 100
#: what is looked at in an order
_PARTS = ("ship_lines",)


def merge(env: Env, *, shops: Sequence[str] = (), limit: int = 0, dry_run: bool = False) -> Result:
    """Fix the parcels of what is ripe. `limit`: stop after about so many orders. `dry_run`: only tell, also why not."""
    with env.run("merge plan" if dry_run else "merge run", dry_run=dry_run, shops=shops, limit=limit) as run:
        names = tuple(env.shops(shops)) if shops else ()
        if not dry_run:
            forming.sweep(env, run, names)
        left = limit or 1 << 60
        for groups in _ripe(env, run, names):
            chosen = _up_to(groups, left)
            left -= sum(len(g.members) for g in chosen)
            groups = _confirmed(env, run, chosen)
            if dry_run:
                _list(env, run.result, groups)
            else:
                _form(env, run, groups)
                run.beat()
            if left <= 0:
                break
        if not dry_run:
            env.orders.secure()
        return run.result


def _ripe(env: Env, run: RunHandle, shops: Sequence[str]) -> Iterator[list[Group]]:
    """Groups of one batch of keys after another; who stays is told on the way."""
    rule, now = env.settings.merge, env.clock.now()
    limits = rules.Limits(rule.max_orders, frozenset(rule.never_flags))
    press, after = now + timedelta(seconds=rule.press), ""
    seen: set[str] = set()
    while not run.stopping:
        keys = env.orders.merge_keys(ready_before=now, press_before=press, limit=rule.batch, after=after)
        if not keys:
            return
        after = keys[-1]
        waiting = env.orders.waiting(keys)
        fulls = moving.load(env, (r.order_no for rows in waiting.values() for r in rows), parts=_PARTS)
        groups: list[Group] = []
        for key in keys:
            rows = [r for r in waiting.get(key, ()) if not shops or r.shop in shops]
            if not rows:
                continue
            ripe, stay = rules.group(rows, fulls, now=now, limits=limits)
            for order_no, code in stay.items():
                run.result.add(Item(ref=order_no, did="waiting", reason=code))
            # The parts of a split order wait under a key each; the first one met takes them all along.
            for group in ripe:
                lead = group.members[0].order.order_no
                if lead not in seen:
                    groups.append(group)
                    if len(group.warehouses) > 1:
                        seen.add(lead)
        yield groups


def _up_to(groups: Sequence[Group], left: int) -> list[Group]:
    chosen: list[Group] = []
    for group in groups:
        if left <= 0:
            break
        chosen.append(group)
        left -= len(group.members)
    return chosen


def _form(env: Env, run: RunHandle, groups: Sequence[Group]) -> None:
    formed = forming.form(env, run, groups, lasting=False)
    for word, n in (
        ("merged", sum([len(f.group.members) for f in formed if f.planned])),
        ("parcels", sum([len(f.parcels) for f in formed if f.planned])),
        ("passed_over", sum([len(f.group.members) for f in formed if not f.planned])),
    ):
        if n:
            run.result.count(word, n)


def _list(env: Env, result: Result, groups: Iterable[Group]) -> None:
    places, now = forming.carriers(env), env.clock.now()
    for group in groups:
        for parcel in rules.parcels(group, places, now):
            facts = {"orders": list(parcel.members), "warehouse": parcel.warehouse, "why": group.reason}
            if group.alone:
                facts["alone"] = group.alone
                facts["because"] = rules.CODES[group.alone]
            result.add(
                Item(
                    ref=parcel.parcel_no,
                    did="merged",
                    reason=group.alone or group.reason,
                    shop=parcel.shop,
                    facts=facts,
                )
            )


# ------------------------------------------------------------------ asking the platform


def _confirmed(env: Env, run: RunHandle, groups: Sequence[Group]) -> list[Group]:
    """Groups cut along what their platform says; without an answer every member of theirs goes alone."""
    ask: dict[str, list[Group]] = {}
    for group in groups:
        if group.confirm:
            ask.setdefault(group.members[0].order.shop, []).append(group)
    if not ask:
        return list(groups)
    out = [g for g in groups if not g.confirm]
    for shop, mine in sorted(ask.items()):
        for part in _questions(mine):
            out += _answered(env, run, shop, part)
    return out


def _questions(groups: Iterable[Group]) -> Iterator[list[Group]]:
    """Whole groups, at most `PAIRS` orders together."""
    part: list[Group] = []
    size = 0
    for group in groups:
        if part and size + len(group.members) > PAIRS:
            yield part
            part, size = [], 0
        part.append(group)
        size += len(group.members)
    if part:
        yield part


def _answered(env: Env, run: RunHandle, shop: str, groups: Sequence[Group]) -> list[Group]:
    orders = [m.order for g in groups for m in g.members]
    ciphers = env.orders.receivers([o.order_no for o in orders])
    facts = {"orders": len(orders), "shop": shop}
    env.ledger.audit([AuditEntry(at=env.clock.now(), who="merge", act="decrypt", ref=run.id, facts=facts)])
    try:
        said = env.platform(shop).merge_groups([(o.platform_order_no, ciphers[o.order_no].cipher) for o in orders])
    except (AdapterError, JobError) as error:
        run.result.count("unconfirmed", len(orders))
        run.result.facts.setdefault("unconfirmed", {})[shop] = str(error)
        return [g for group in groups for g in rules.each_alone(group, "merge.unconfirmed")]
    return [g for group in groups for g in rules.confirmed(group, said)]
