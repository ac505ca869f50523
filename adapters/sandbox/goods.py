"""Goods of the sandbox: SKUs, and the listings that sell them on each platform.

Most listings carry the SKU as their merchant code. Some do not: another code for the same SKU, a double pack, a
bundle of several SKUs. A listing that is not `known` is in no catalogue.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import msgspec

from adapters.sandbox import traits
from adapters.sandbox.homes import HOMES, Home
from adapters.sandbox.money import split

_NAMES = ("羊毛衫", "围巾", "运动鞋", "T恤", "中筒袜", "防晒外套", "保温杯", "杯刷", "餐盒", "面霜", "洁面", "精华")
_VARIANTS = (("颜色", "白色"), ("颜色", "灰色"), ("颜色", "藏青"), ("尺码", "M"), ("尺码", "L"))
_WAREHOUSES = (
    ("WH-EAST", "华东仓", ("上海", "江苏", "浙江", "安徽", "山东", "江西", "福建")),
    ("WH-SOUTH", "华南仓", ("广东", "广西", "海南", "湖南", "湖北", "云南", "贵州", "四川", "重庆")),
    ("WH-NORTH", "华北仓", ("北京", "天津", "河北", "河南", "山西", "陕西", "辽宁", "吉林", "黑龙江")),
)


class Sku(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU with its list price in fen."""

    sku: str
    title: str
    unit: int
    product: int
    variant: tuple[str, str]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU inside a listing: pieces per listing sold, and its share of the value in hundredths (sum 100)."""

    sku: str
    qty: int = 1
    share: int = 100


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What one platform sells: its sku id, its product id, the merchant's code, and the SKUs inside."""

    platform: str
    listing: str
    product: str
    code: str
    title: str
    variant: tuple[str, str]
    unit: int
    parts: tuple[Part, ...] = ()
    #: False: the item has no variants; Taobao then sends no sku id at all
    has_variants: bool = True
    #: False: in no catalogue
    known: bool = True

    def pieces(self, qty: int) -> dict[str, int]:
        """SKU → pieces for `qty` of this listing; empty when it is in no catalogue."""
        found: dict[str, int] = {}
        for part in self.parts:
            found[part.sku] = found.get(part.sku, 0) + part.qty * qty
        return found


class Warehouse(msgspec.Struct, frozen=True, kw_only=True):
    """A place that ships; smaller priorities are preferred."""

    name: str
    title: str
    regions: tuple[str, ...]
    priority: int


WAREHOUSES = tuple(Warehouse(name=c, title=t, regions=r, priority=n * 10) for n, (c, t, r) in enumerate(_WAREHOUSES, 1))


class Catalogue(msgspec.Struct, kw_only=True):
    """All goods; `listings` per platform in order."""

    skus: list[Sku]
    listings: dict[str, list[Listing]]

    def find(self, platform: str, text: str) -> Listing | None:
        """The listing with this listing id or merchant code."""
        return next((x for x in self.listings[platform] if text in (x.listing, x.code)), None)

    def rows(self) -> list[dict[str, str | int]]:
        """One row per SKU of each listing whose merchant code is not itself the SKU."""
        return [
            {
                "platform": x.platform,
                "listing": x.listing,
                "code": x.code,
                "sku": p.sku,
                "qty": p.qty,
                "share": p.share,
            }
            for platform in self.listings
            for x in self.listings[platform]
            if x.known and (len(x.parts) != 1 or x.code != x.parts[0].sku or x.parts[0].qty != 1)
            for p in x.parts
        ]


def make_catalogue(
    seed: int, skus: int, platforms: Sequence[str], homes: Mapping[str, Home] | None = None
) -> Catalogue:
    """Make the goods of a seed: `skus` SKUs, all of them listed on each platform, plus packs and bundles.

    homes: platform → where its shop sells, which sets the prices of its listings; at home where none is named.
    """
    rng = random.Random(f"goods:{seed}")
    goods = [_sku(rng, i) for i in range(skus)]
    listings = {p: _listings(seed, p, goods) for p in platforms}
    for platform, home in (homes or {}).items():
        listings[platform] = [msgspec.structs.replace(x, unit=home.of_fen(x.unit)) for x in listings[platform]]
    return Catalogue(skus=goods, listings=listings)


def _sku(rng: random.Random, i: int) -> Sku:
    product, variant = divmod(i, 3)
    name = _NAMES[product % len(_NAMES)]
    kind = _VARIANTS[variant] if product % 2 else _VARIANTS[variant + 2]
    return Sku(
        sku=f"SKU-{1001 + product}-{'ABC'[variant]}",
        title=f"示例{name}{product + 1}",
        unit=rng.randrange(19, 400) * 100 + rng.choice((0, 0, 0, 90, 99)),
        product=product,
        variant=kind,
    )


def _listings(seed: int, platform: str, goods: Sequence[Sku]) -> list[Listing]:
    rng = random.Random(f"listings:{seed}:{platform}")
    made = [_plain(platform, i, sku) for i, sku in enumerate(goods)]
    # a handful sell under another code: the same SKU, or two pieces of it
    for i in rng.sample(range(len(made)), max(2, len(made) // 12)):
        pack = rng.choice((1, 2))
        part = Part(sku=goods[i].sku, qty=pack)
        code = f"{platform[:2].upper()}-{goods[i].sku[4:]}X{pack}"
        made[i] = msgspec.structs.replace(made[i], code=code, parts=(part,), unit=made[i].unit * pack)
    # some items have no variants: their only id is the product's
    for i in rng.sample(range(len(made)), max(1, len(made) // 15)):
        if traits.find(platform).lone_items:
            lone = str(traits.find(platform).first_product + 500_000 + i)
            made[i] = msgspec.structs.replace(made[i], has_variants=False, listing=lone, product=lone)
    for n in range(3):
        inside = rng.sample(range(len(goods)), rng.choice((2, 2, 3)))
        made.append(_bundle(platform, len(made), n, [goods[i] for i in inside], rng))
    return made


def _plain(platform: str, i: int, sku: Sku) -> Listing:
    return Listing(
        platform=platform,
        listing=str(traits.find(platform).first_listing + i),
        product=str(traits.find(platform).first_product + sku.product),
        code=sku.sku,
        title=sku.title,
        variant=sku.variant,
        unit=sku.unit,
        parts=(Part(sku=sku.sku),),
    )


def _bundle(platform: str, i: int, n: int, inside: Sequence[Sku], rng: random.Random) -> Listing:
    qtys = [rng.choice((1, 1, 2)) for _ in inside]
    values = [s.unit * q for s, q in zip(inside, qtys, strict=True)]
    shares = split(100, values)
    return Listing(
        platform=platform,
        listing=str(traits.find(platform).first_listing + i),
        product=str(traits.find(platform).first_product + 900 + n),
        code=f"SET-{n + 1:02d}",
        title=f"示例组合{n + 1}",
        variant=("规格", "套装"),
        unit=sum(values) * 9 // 10,
        parts=tuple(Part(sku=s.sku, qty=q, share=h) for s, q, h in zip(inside, qtys, shares, strict=True)),
    )


def ghost(platform: str, n: int, home: Home = HOMES["CN"]) -> Listing:
    """A listing that is in no catalogue; every other one has no merchant code either."""
    return Listing(
        platform=platform,
        listing=str(traits.find(platform).first_listing + 700_000 + n),
        product=str(traits.find(platform).first_product + 700_000 + n),
        code=f"GHOST-{n:04d}" if n % 2 == 0 else "",
        title="示例未登记商品",
        variant=("规格", "标准"),
        unit=home.of_fen(9900),
        known=False,
    )
