"""Buyers and where they live: invented names, numbers and streets in real provinces and cities of a shop's country."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from adapters.sandbox import traits
from adapters.sandbox.state import Receiver

#: province, city, districts. A town directly under its province has no city of its own: the district alone names it
_PLACES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("浙江省", "杭州市", ("西湖区", "余杭区", "滨江区")),
    ("浙江省", "宁波市", ("鄞州区", "海曙区")),
    ("江苏省", "南京市", ("玄武区", "建邺区")),
    ("江苏省", "苏州市", ("姑苏区", "吴中区")),
    ("上海市", "上海市", ("徐汇区", "浦东新区", "静安区")),
    ("安徽省", "合肥市", ("蜀山区", "包河区")),
    ("山东省", "济南市", ("历下区", "市中区")),
    ("福建省", "厦门市", ("思明区", "湖里区")),
    ("广东省", "广州市", ("海珠区", "天河区", "番禺区")),
    ("广东省", "深圳市", ("南山区", "福田区", "龙岗区")),
    ("广西壮族自治区", "南宁市", ("青秀区",)),
    ("湖南省", "长沙市", ("岳麓区", "雨花区")),
    ("湖北省", "武汉市", ("武昌区", "洪山区")),
    ("四川省", "成都市", ("锦江区", "武侯区", "双流区")),
    ("重庆市", "重庆市", ("渝中区", "江北区")),
    ("北京市", "北京市", ("朝阳区", "海淀区", "丰台区")),
    ("天津市", "天津市", ("南开区", "河西区")),
    ("河北省", "石家庄市", ("长安区", "裕华区")),
    ("河南省", "郑州市", ("金水区", "二七区")),
    ("河南省", "", ("济源市",)),
    ("陕西省", "西安市", ("雁塔区", "碑林区")),
    ("辽宁省", "沈阳市", ("和平区", "沈河区")),
)
_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN = (
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀兰",
    "建国",
    "欣怡",
)
_TOWNS = ("示例街道", "样板街道", "测试镇", "")
#: country → the prefix of its numbers, and (province or state, city, postal code) of places in it
_ABROAD: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "SG": ("+65", (("", "Singapore", "018956"), ("", "Singapore", "238801"))),
    "MY": ("+60", (("Selangor", "Petaling Jaya", "46000"), ("Johor", "Johor Bahru", "80000"))),
    "TH": ("+66", (("Bangkok", "Pathum Wan", "10330"), ("Chiang Mai", "Mueang Chiang Mai", "50000"))),
    "PH": ("+63", (("Metro Manila", "Makati", "1200"), ("Cebu", "Cebu City", "6000"))),
    "VN": ("+84", (("Hà Nội", "Cầu Giấy", "100000"), ("Hồ Chí Minh", "Quận 1", "700000"))),
    "ID": ("+62", (("DKI Jakarta", "Jakarta Pusat", "10110"), ("Jawa Barat", "Bandung", "40111"))),
    "TW": ("+886", (("台北市", "信義區", "110"), ("高雄市", "左營區", "813"))),
    "JP": ("+81", (("東京都", "新宿区", "160-0022"), ("大阪府", "大阪市", "530-0001"))),
    "KR": ("+82", (("서울특별시", "강남구", "06236"), ("부산광역시", "해운대구", "48094"))),
    "US": ("+1", (("CA", "San Francisco", "94103"), ("NY", "New York", "10001"), ("WA", "Seattle", "98101"))),
    "GB": ("+44", (("England", "London", "SW1A 1AA"), ("Scotland", "Edinburgh", "EH1 1YZ"))),
    "DE": ("+49", (("BE", "Berlin", "10115"), ("BY", "München", "80331"))),
    "BR": ("+55", (("SP", "São Paulo", "01310-100"),)),
    "MX": ("+52", (("CDMX", "Ciudad de México", "06000"),)),
    "KW": ("+965", (("Al Asimah", "Kuwait City", "13001"),)),
}
_FIRST = ("Ada", "Bo", "Chi", "Dina", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jo", "Søren", "Zoë")
_LAST = ("Example", "Sample", "Muster", "O'Neil", "Söhne", "Beispiel")
_STREETS = ("Sample Road", "Example Street", "Test Lane")


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """One buyer of one platform with one or more places to send to."""

    name: str
    receivers: tuple[Receiver, ...]


def make_buyers(rng: random.Random, platform: str, count: int, country: str = "CN") -> list[Buyer]:
    """Make `count` buyers."""
    # the usual platforms differ in their first letter
    mark = platform[:1] if traits.find(platform).usual else f"{platform}-"
    return [_buyer(rng, f"{mark}{n:05d}", country) for n in range(1, count + 1)]


def _buyer(rng: random.Random, name: str, country: str) -> Buyer:
    places = 2 if rng.random() < 0.15 else 1
    return Buyer(name=name, receivers=tuple(make_receiver(rng, f"{name}/{n}", country) for n in range(places)))


def make_receiver(rng: random.Random, key: str, country: str = "CN") -> Receiver:
    """Make one place in a country; `key` names it in the book."""
    if country != "CN":
        return _abroad(rng, key, country)
    province, city, districts = rng.choice(_PLACES)
    return Receiver(
        key=key,
        name=rng.choice(_FAMILY) + rng.choice(_GIVEN),
        phone=f"138{rng.randrange(10**8):08d}",
        province=province,
        city=city,
        district=rng.choice(districts),
        town=rng.choice(_TOWNS),
        detail=f"示例路{rng.randrange(1, 400)}号{rng.randrange(1, 30)}幢{rng.randrange(101, 2800)}室",
    )


def _abroad(rng: random.Random, key: str, country: str) -> Receiver:
    prefix, places = _ABROAD[country]
    province, city, code = rng.choice(places)
    return Receiver(
        key=key,
        name=f"{rng.choice(_FIRST)} {rng.choice(_LAST)}",
        phone=f"{prefix}{rng.randrange(10**8):08d}",
        province=province,
        city=city,
        district="",
        town="",
        detail=f"{rng.randrange(1, 400)} {rng.choice(_STREETS)}, #{rng.randrange(1, 30):02d}-{rng.randrange(1, 99):02d}",
        zip=code,
        country=country,
    )


def pick(rng: random.Random, buyers: Sequence[Buyer]) -> tuple[Buyer, Receiver]:
    buyer = rng.choice(buyers)
    return buyer, rng.choice(buyer.receivers)
