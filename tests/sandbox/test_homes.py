"""A shop sells in a country: its currency, prices, tax and places. Days of shops at home stay as they always were."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from adapters.sandbox import traits
from adapters.sandbox.homes import HOMES, decimal, home_of
from adapters.sandbox.making import Wish, describe, make_world
from tests.sandbox.callers import make, place

#: the first halves of the books of days as they were before shops had countries
PINNED = {("taobao,wechat_shop,jd,douyin", "none"): "53c8d784", ("taobao,wechat_shop,jd,douyin", "all"): "9542274b"}


@pytest.mark.parametrize(("platforms", "faults"), PINNED)
def test_days_at_home_are_what_they_were(tmp_path: Path, platforms: str, faults: str) -> None:
    made = make_world(Wish(seed=3, orders=90, platforms=tuple(platforms.split(",")), faults=faults), tmp_path)
    made.world.advance(made.world.end + 9 * 3600)
    made.world.close()
    assert hashlib.sha256((tmp_path / "book.jsonl").read_bytes()).hexdigest()[:8] == PINNED[platforms, faults]


def test_the_usual_platforms_are_those_of_a_world_that_names_none() -> None:
    assert traits.usual() == ("taobao", "wechat_shop", "jd", "douyin")
    assert traits.names()[:4] == list(traits.usual())
    assert Wish().platforms == traits.usual()


@pytest.mark.parametrize("name", traits.names())
def test_each_platform_says_what_the_world_must_know(name: str) -> None:
    known = traits.find(name)
    assert len(set(known.carriers.values())) == len(known.carriers) == 7
    assert home_of(known.country)
    aliases = [traits.find(n).alias for n in traits.names()]
    assert aliases.count(known.alias) == 1


@pytest.mark.parametrize("country", HOMES)
def test_a_day_abroad_adds_up_in_its_currency(country: str) -> None:
    platform = traits.usual()[0]
    made = make(platforms=(platform,), orders=60, countries=(f"{platform}={country}",))
    world, home = made.world, home_of(country)
    world.advance(world.end)
    told = describe(made, "http://127.0.0.1:1")["shops"][0]
    assert (told["country"], told["currency"]) == (country, home.currency)
    units = {x.unit for x in world.catalogue.listings[platform]}
    assert min(units) > 0 and len(units) > 20
    for order in world.orders.values():
        money = order.to_book()["money"]
        off = money["shop_discount"] + money["platform_discount"] + money["talent_discount"]
        tax = money.get("tax", 0)
        assert money["goods"] + money["freight"] + tax + money["adjust"] - off == money["payable"]
        assert bool(tax) == (home.tax > 0 and not home.tax_inside)
        assert order.to_book().get("currency", "CNY") == home.currency == order.currency
        assert order.receiver.country == country
        assert all(line.paid >= 0 for line in order.lines)


def test_a_refund_gives_the_tax_on_top_back() -> None:
    platform = traits.usual()[0]
    world = make(platforms=(platform,), countries=(f"{platform}=US",)).world
    order = place(world, platform, freight=400)
    assert order.tax == home_of("US").tax_of(order.lines[0].paid) > 0
    world.happen(order, "refund_asked", {}, why="script")
    assert world.refunds[platform, order.refunds[0]].amount == order.payable


def test_amounts_are_written_with_the_digits_of_their_currency() -> None:
    assert [decimal(n, 2) for n in (0, 5, -5, 123456)] == ["0.00", "0.05", "-0.05", "1234.56"]
    assert (decimal(1500, 0), decimal(-1, 0), decimal(1500, 3)) == ("1500", "-1", "1.500")


def test_tax_is_rounded_half_up_on_top_and_inside() -> None:
    assert [home_of("US").tax_of(n) for n in (0, 100, 20, 6)] == [0, 8, 2, 0]
    assert home_of("SG").tax_of(6190) == 511
    assert home_of("CN").tax_of(6190) == 0


@pytest.mark.parametrize("words", [("taobao=XX",), ("taobao",), ("nowhere=SG",)])
def test_a_country_that_makes_no_sense_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"country|COUNTRY"):
        make(platforms=("taobao",), countries=words)
