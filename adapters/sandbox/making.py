"""Put a whole world together from a few numbers, and describe it for the outside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from adapters.sandbox import traits
from adapters.sandbox.book import Book
from adapters.sandbox.carriers import CARRIERS
from adapters.sandbox.faults import Faults
from adapters.sandbox.goods import WAREHOUSES, make_catalogue
from adapters.sandbox.homes import home_of
from adapters.sandbox.pay import CHANNELS
from adapters.sandbox.pay.planting import Planting
from adapters.sandbox.pay.till import Till
from adapters.sandbox.statements.files import FORMS
from adapters.sandbox.statements.jd import MEMBER
from adapters.sandbox.statements.rules import RATES
from adapters.sandbox.timeline import make_day, opening_stock
from adapters.sandbox.wire import from_iso, iso, token_text
from adapters.sandbox.world import Shop, World


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What world is wanted. `start`: ISO with an offset; `faults`: none, all, or names with commas."""

    seed: int = 1
    orders: int = 50
    platforms: tuple[str, ...] = traits.usual()
    start: str = "2025-11-20T00:00:00+08:00"
    hours: float = 24.0
    faults: str = "none"
    skus: int = 40
    #: how long the fault `timeout` holds answers back
    delay_s: float = 2.5
    #: calls a second each platform bears; 0: each platform's own
    rate: float = 0.0
    #: chance that an order is told wrongly in the settlement statements; 0: they are true
    differences: float = 0.0
    #: payment channels beside the platforms
    channels: tuple[str, ...] = CHANNELS
    #: differences planted into their bills: none, all, or names with commas, each perhaps with its rate
    bills: str = "none"
    #: where a platform's shop sells, as ``shopee=VN``, if elsewhere than usual
    countries: tuple[str, ...] = ()


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A world and its opening stock."""

    world: World
    goods: list[dict[str, Any]]


def make_shop(platform: str, seed: int, country: str = "") -> Shop:
    """The one shop of a platform; its secret comes of the seed. `country`: where it sells, if elsewhere than usual."""
    known = traits.find(platform)
    return Shop(
        alias=known.alias,
        platform=platform,
        seller_id=known.seller,
        app_key=known.key,
        app_secret=token_text(32, seed, platform, "secret"),
        home=home_of(country or known.country),
    )


def read_countries(words: Sequence[str]) -> dict[str, str]:
    """Platform → country, of words as ``shopee=VN``."""
    pairs = [word.partition("=") for word in words]
    wrong = [f"{p}{eq}{c}" for p, eq, c in pairs if p not in traits.names() or not eq]
    if wrong:
        raise ValueError(f"no platform=COUNTRY: {', '.join(wrong)}")
    return {p: c for p, _, c in pairs}


def make_world(wish: Wish, folder: Path | None = None) -> Made:
    """Make the world of a wish; with a folder its book is written there.

    Raises:
        ValueError: an unknown platform, channel, fault or difference, or a start without an offset.
    """
    if set(wish.channels) - set(CHANNELS):
        raise ValueError(f"no such channel in {', '.join(wish.channels)}; there are {', '.join(CHANNELS)}")
    planting = Planting.read(wish.bills)
    unknown = set(wish.platforms) - set(traits.names())
    if unknown or not wish.platforms:
        raise ValueError(f"no such platform: {', '.join(sorted(unknown))}; there are {', '.join(traits.names())}")
    countries = read_countries(wish.countries)
    shops = [make_shop(p, wish.seed, countries.get(p, "")) for p in wish.platforms]
    homes = {s.platform: s.home for s in shops}
    start = from_iso(wish.start)
    faults = Faults.read(wish.seed, wish.faults, delay_s=wish.delay_s)
    catalogue = make_catalogue(wish.seed, wish.skus, wish.platforms, homes)
    plans = make_day(
        seed=wish.seed,
        catalogue=catalogue,
        platforms=wish.platforms,
        orders=wish.orders,
        start=start,
        hours=wish.hours,
        ghosts="unknown_sku" in faults.names,
        homes=homes,
    )
    goods = opening_stock(wish.seed, catalogue, plans)
    world = World(
        seed=wish.seed,
        start=start,
        end=start + int(wish.hours * 3600),
        shops=shops,
        catalogue=catalogue,
        planned=plans,
        faults=faults,
        book=lambda now: Book(now, folder),
        differences=wish.differences,
    )
    if wish.channels:
        world.till = Till(world, wish.channels, planting)
    for platform in wish.platforms:
        if traits.find(platform).handed:
            world.tokens[platform].issue(start)
    return Made(world=world, goods=goods)


def describe(made: Made, base_url: str) -> dict[str, Any]:
    """What sandbox.json says: everything a user needs to set up shops, goods and warehouses."""
    world = made.world
    return {
        "pid": os.getpid(),
        "port": int(base_url.rsplit(":", 1)[1]),
        "base_url": {p: f"{base_url}/{p}" for p in world.shops},
        "control": f"{base_url}/_world",
        "start": iso(world.start),
        "end": iso(world.end),
        "shops": [_shop(world, p, f"{base_url}/{p}") for p in world.shops],
        "goods": made.goods,
        "listings": world.catalogue.rows(),
        "products": [
            {"platform": x.platform, "listing": x.listing, "product": x.product, "code": x.code}
            for p in world.catalogue.listings
            for x in world.catalogue.listings[p]
        ],
        "warehouses": [msgspec.to_builtins(w) for w in WAREHOUSES],
        "channels": [m.describe(f"{base_url}/{c}") for c, m in world.till.merchants.items()] if world.till else [],
        "carriers": [{**msgspec.to_builtins(c), "codes": {p: c.at(p) for p in world.shops}} for c in CARRIERS],
        "statements": {
            "forms": {p: list(FORMS.get(p, ())) for p in world.shops},
            #: in ten-thousandths of what the buyer paid and kept
            "fee_rates_e4": {p: dict(RATES.get(p, {})) for p in world.shops},
            "jd_member_id": MEMBER,
        },
    }


def _shop(world: World, platform: str, base_url: str) -> dict[str, Any]:
    shop, token = world.shops[platform], world.tokens[platform].latest
    return {
        "alias": shop.alias,
        "platform": platform,
        "seller_id": shop.seller_id,
        "app_key": shop.app_key,
        "app_secret": shop.app_secret,
        "token": token.access if token else "",
        "refresh_token": token.refresh if token else "",
        "token_expires": iso(token.expires) if token else "",
        "code": f"code-{shop.seller_id}",
        "base_url": base_url,
        "country": shop.home.country,
        "currency": shop.home.currency,
    }


def read_platforms(text: str | Sequence[str]) -> tuple[str, ...]:
    """Platforms from the words of a command line, each once, in the order given."""
    words = text.split(",") if isinstance(text, str) else list(text)
    return tuple(dict.fromkeys(w.strip() for w in words if w.strip()))
