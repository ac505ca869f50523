"""The control API under /_world: the clock, faults, hand-made orders, healing, looking. JSON in, JSON out."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec

from adapters.sandbox import people, traits
from adapters.sandbox.faults import PLANS, Armed
from adapters.sandbox.goods import Listing, ghost
from adapters.sandbox.life import EVENTS
from adapters.sandbox.pay.till import Habits, Till
from adapters.sandbox.state import Line, Order, Receiver
from adapters.sandbox.timeline import add_tax, share_freight
from adapters.sandbox.wire import digest, from_iso, iso
from adapters.sandbox.world import Planned, World

Action = Callable[[World, dict[str, Any]], dict[str, Any]]


class Mistake(Exception):
    """The control call makes no sense; the text says why."""


def clock(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Advance the clock: {"to": ISO} or {"advance_s": n}."""
    try:
        to = from_iso(body["to"]) if "to" in body else world.now + int(body["advance_s"])
        happened = world.advance(to)
    except KeyError as error:
        raise Mistake('give {"to": ISO time} or {"advance_s": seconds}') from error
    except ValueError as error:
        raise Mistake(str(error)) from error
    return {"now": iso(world.now), "happened": happened, "to_come": world.waiting}


def arm(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Arm a fault: {"name", "platform"?, "method"?, "order"?, "times"?, "mode"?}; or switch one: {"name", "on": bool, "rate"?}."""
    name = body.get("name", "")
    if "on" in body:
        if name not in PLANS:
            raise Mistake(f"no such fault: {name}; there are {', '.join(PLANS)}")
        world.faults.names = world.faults.names | {name} if body["on"] else world.faults.names - {name}
        world.faults.rates[name] = float(body.get("rate", world.faults.rates[name]))
    else:
        try:
            armed = msgspec.convert(body, Armed)
            world.faults.arm(armed)
        except (msgspec.ValidationError, ValueError) as error:
            raise Mistake(str(error)) from error
        if name == "token_expired" and armed.platform:
            world.tokens[armed.platform].kill(world.now)
            armed.times = 0
            world.faults.write(name, "", armed.platform, method="", order="", key="armed")
    return {"on": sorted(world.faults.names), "armed": [msgspec.to_builtins(a) for a in world.faults.armed if a.times]}


def heal(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Make unreadable orders readable again."""
    return {"healed": world.faults.heal()}


def close(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Write down how things stand, see `book`; the world goes on."""
    world.snapshot()
    return {"orders": len(world.orders)}


def script(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Add hand-made orders: one as the body, or {"orders": [...]}. See `make_order`."""
    wanted = body.get("orders", [body])
    made = [make_order(world, w) for w in wanted]
    for plan in made:
        world.plan(plan)
    world.advance(world.now)
    return {
        "orders": [
            {"platform": p.order.platform, "order": p.order.no, "lines": [x.no for x in p.order.lines]} for p in made
        ]
    }


def make_order(world: World, wanted: dict[str, Any]) -> Planned:
    """Make an order from a description.

    platform; lines: [{sku (or listing id, or merchant code), qty?, unit?, item_off?, shop_off?, platform_off?,
    talent_off?, adjust?, gift?, unknown?}]; no?; buyer?; receiver? (fields of Receiver, or its key alone: same key,
    same place); freight?; created_at? (ISO, now if left out); paid_at? (ISO, or "never"; at once if left out);
    hold?; presale?; cod?; remark?; memo?; flag?; events?: [{at or after_s (since creation), name, args?}];
    after_ship?: [{after_s, name, args?}].

    Raises:
        Mistake: a field is missing or names nothing.
    """
    try:
        return _make(world, wanted)
    except (KeyError, ValueError, TypeError) as error:
        raise Mistake(f"cannot make this order: {type(error).__name__} {error}") from error


def _make(world: World, wanted: dict[str, Any]) -> Planned:
    platform = wanted["platform"]
    count = world.count(f"script {platform}")
    known, home = traits.find(platform), world.shops[platform].home
    created = from_iso(wanted["created_at"]) if "created_at" in wanted else world.now
    no = str(wanted.get("no") or known.order_no(known.first_script + count * 1000, created))
    if world.find(platform, no) is not None:
        raise ValueError(f"{platform} has an order {no} already")
    lines = [_line(world, platform, x) for x in wanted["lines"]]
    for i, line in enumerate(lines):
        line.no = no if len(lines) == 1 and known.lone_line else known.line_no(no, i)
    buyer = wanted.get("buyer", f"script{count}")
    order = Order(
        platform=platform,
        no=no,
        buyer=buyer,
        receiver=_receiver(buyer, wanted.get("receiver", {}), home.country),
        currency=home.currency,
        lines=lines,
        freight=int(wanted.get("freight", 0)),
        created=created,
        modified=created,
        presale=bool(wanted.get("presale")),
        cod=bool(wanted.get("cod")),
        remark=wanted.get("remark", ""),
        memo=wanted.get("memo", ""),
        flag=int(wanted.get("flag", 0)),
        after_ship=[(int(e["after_s"]), _event(e), e.get("args", {})) for e in wanted.get("after_ship", [])],
    )
    share_freight(order)
    add_tax(order, home)
    events = [(_at(created, e), _event(e), e.get("args", {})) for e in wanted.get("events", [])]
    paid_at = wanted.get("paid_at", iso(created))
    if paid_at != "never":
        events.append((from_iso(paid_at), "paid", {"hold": wanted["hold"]} if wanted.get("hold") else {}))
    return Planned(order=order, events=tuple(sorted(events, key=lambda e: e[0])))


def _line(world: World, platform: str, wanted: dict[str, Any]) -> Line:
    if wanted.get("unknown"):
        listing: Listing | None = ghost(platform, digest(wanted.get("code", "")) % 1000, world.shops[platform].home)
    else:
        listing = world.catalogue.find(platform, str(wanted.get("sku") or wanted.get("listing") or wanted.get("code")))
    if listing is None:
        raise ValueError(f"{platform} sells nothing like {wanted}")
    line = Line(
        no="",
        listing=listing,
        qty=int(wanted.get("qty", 1)),
        unit=int(wanted.get("unit", listing.unit)),
        gift=bool(wanted.get("gift")),
    )
    for name in ("item_off", "shop_off", "platform_off", "talent_off", "adjust"):
        setattr(line, name, int(wanted.get(name, 0)))
    return line


def _receiver(buyer: str, wanted: dict[str, Any], country: str) -> Receiver:
    key = wanted.get("key", f"{buyer}/0")
    made = people.make_receiver(random.Random(f"script:{key}"), key, country)
    return msgspec.structs.replace(made, **wanted)


def _event(wanted: dict[str, Any]) -> str:
    if wanted["name"] not in EVENTS:
        raise ValueError(f"no such event: {wanted['name']}; there are {', '.join(EVENTS)}")
    return str(wanted["name"])


def _at(created: int, wanted: dict[str, Any]) -> int:
    return from_iso(wanted["at"]) if "at" in wanted else created + int(wanted["after_s"])


def pay(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Have a buyer pay now or later, or say what buyers and banks do from now on.

    {"payment", "after_s"?}: he pays, whatever he meant to do, if it is still open then ·
    {"habits": {"plan"?, "coupon"?, "coupon_amount"?, "outcome"?}}: see `Habits`; {} gives it back to the seed ·
    {"channel", "balance"}: what the merchant has on his account, in fen · {"certificate_share": 0..1}: how many of
    WeChat Pay's notifications are signed with the platform certificate.
    """
    till = world.till
    if till is None:
        raise Mistake("this world has no payment channels")
    try:
        return _pay(till, body)
    except (KeyError, ValueError, TypeError, msgspec.ValidationError) as error:
        raise Mistake(f"cannot do this at the till: {type(error).__name__} {error}") from error


def _pay(till: Till, body: dict[str, Any]) -> dict[str, Any]:
    if "payment" in body:
        found = [p for p in till.payments.values() if p.no == body["payment"]]
        for payment in found:
            till.pay_later(payment, int(body.get("after_s", 0)))
        till.world.advance(till.world.now)
        return {"payments": [p.to_book() for p in found]}
    if "habits" in body:
        till.habits = msgspec.convert(body["habits"], Habits)
        return {"habits": msgspec.to_builtins(till.habits)}
    if "balance" in body:
        if body["channel"] not in till.balances:
            raise ValueError(f"no such channel: {body['channel']}")
        till.balances[body["channel"]] = int(body["balance"])
        return {"balances": dict(till.balances)}
    till.merchants["wechatpay"].certificate_share = float(body["certificate_share"])
    return {"certificate_share": till.merchants["wechatpay"].certificate_share}


def look(world: World, no: str) -> dict[str, Any] | None:
    """One order as it stands, by its number, with its refunds."""
    found = next((o for o in world.orders.values() if o.no == no), None)
    if found is None:
        return None
    return next(o for o in world.all_orders() if o["order"] == no and o["platform"] == found.platform)


POSTS: dict[str, Action] = {
    "clock": clock,
    "faults": arm,
    "heal": heal,
    "close": close,
    "script": script,
    "pay": pay,
}
